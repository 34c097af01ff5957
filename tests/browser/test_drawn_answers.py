"""What is chosen, sent late or sent by a job: the figure and its controls show it, and report what the hand chose."""

import base64
import re

import numpy as np
import pytest

from pages.ui.stage import pack
from tests.browser import driver, expected
from tests.browser.agreement import SPECIMEN, handles_agree, landmarks_agree, picture_agrees
from tests.browser.bench import URLS
from tests.specimen import STEPS


def test_choices_boxes_and_presets_report_their_own_values(bench):
    bench.open(SPECIMEN)
    page = bench.page
    page.locator("[data-control=kind] label", has_text="the other").click()
    assert bench.sent()[-1][1]["kind"] == "two"
    bench.answer()
    checked = "all => all.filter(({ checked }) => checked).map(({ value }) => value)"
    assert page.locator("[data-control=kind] input").evaluate_all(checked) == ["two"]
    assert page.locator("[data-control=some] input").evaluate_all(checked) == ["q"]
    page.locator("[data-control=some] label", has_text="rowans").click()
    assert bench.sent()[-1][1]["some"] == ["q", "r"]
    bench.answer()
    page.locator("[data-control=some] label", has_text="quinces").click()
    assert bench.sent()[-1][1]["some"] == ["r"]
    bench.answer()
    page.get_by_role("button", name="fast and far").click()
    told = bench.sent()[-1][1]
    assert told["a"] == 5 and told["start"] == [-0.5, 4.0] and "b" not in told
    drawing = bench.answer()
    picture_agrees(bench.look(), drawing)
    handles_agree(bench.look(), bench.settings)
    assert bench.look()["sliders"]["a"]["output"] == "5.00"
    assert (
        page.locator("details [data-control=c]").count() == 1 and page.locator("details [data-control=a]").count() == 0
    )


def test_an_older_picture_does_not_move_what_the_hand_has_moved_since(bench):
    bench.open(SPECIMEN)
    bench.nears("a")
    bench.slide("a", 0.2, let_go=True)
    bench.slide("b", 0.9, let_go=True)
    now = bench.look()["state"]["settings"]
    assert bench.sent()[-1][1]["commit"] == 2 and bench.sent()[-1][1]["a"] == now["a"]  # not yet answered: told again
    bench.send({"a": now["a"]}, answered=1)
    assert bench.look()["state"]["settings"]["b"] == now["b"] == 9.0
    drawing = bench.send({"a": 3.0, "b": 1.0}, answered=2)  # one that knows all is right
    assert bench.look()["state"]["settings"]["b"] == 1.0 and bench.look()["sliders"]["a"]["output"] == "3.00"
    picture_agrees(bench.look(), drawing)


def test_a_picture_does_not_take_a_slider_out_of_the_hand(bench):
    bench.open(SPECIMEN)
    bench.nears("a")
    held = bench.slide("a", 0.8)["state"]["settings"]["a"]
    bench.send({"a": 1.0, "b": 8.0}, answered=0)  # set elsewhere meanwhile, as by a link
    look = bench.look()
    assert look["state"]["settings"]["a"] == held and look["sliders"]["a"]["share"] == pytest.approx(0.8, abs=0.02)
    assert look["state"]["settings"]["b"] == 8.0 and look["sliders"]["b"]["output"] == "8.0 s"
    _, swept = SPECIMEN.sweep("a", bench.settings)  # the frames of where the other slider is now
    bench.nears("a")
    bench.calm()
    still = SPECIMEN.draw(SPECIMEN.experiment(**bench.settings))
    picture_agrees(bench.look(), expected.frame(SPECIMEN.draw(swept), still, 48))


def test_a_running_job_replaces_the_parts_of_the_picture_that_it_sends(bench):
    drawing = bench.open(SPECIMEN, extra={"events": "job/one/events", "actions": [], "progress": None})
    power = next(line for line in drawing.lines if line.id == "power")
    fresh = np.asarray(power.y, np.float32) * 7
    patch = {"still": {"power": {"y": "new"}}, "numbers": {"edge": 6.0}, "progress": {"text": "half", "fraction": 0.5}}
    patch |= {"actions": [{"name": "stop", "label": "Stop"}], "state": "done"}
    frame = base64.b64encode(pack({"patch": patch}, {"new": fresh})).decode()
    bench.stream = f"data: {frame}\n\n"
    bench.open(SPECIMEN, extra={"events": "job/two/events", "actions": [], "progress": None})
    bench.page.wait_for_function("window.__stages.specimen.state().sseUpdates > 0", timeout=driver.PATIENCE)
    bench.calm()
    look = bench.look()
    moved = expected.frame(drawing, drawing, 0)
    lines = tuple(line if line.id != "power" else type(line)(**vars(line) | {"y": fresh}) for line in moved.lines)
    expected.lines_agree(look, type(moved)(**vars(moved) | {"lines": lines}), STEPS)
    landmarks_agree(look, drawing.numbers | {"edge": 6.0})
    assert bench.page.locator(".inv-progress").inner_text() == "half"
    width = bench.page.locator(".inv-progress b").evaluate("bar => bar.style.width")
    assert width == "50%" and bench.page.get_by_role("button", name="Stop").is_enabled()
    assert bench.sent()[-1] == ["action", "ended"]
    bench.page.get_by_role("button", name="Stop").click()
    assert bench.sent()[-1] == ["action", "stop"]


NUMBERS = [0.0, 1.0, -2.5, 9.999, 999.7, 12345.0, 99999.0, 1e5, 0.00123456, 9.99e-4, -4.2e-7, 6.02e23, np.inf, -np.inf,
           np.nan, 0.1 + 0.2, 100.0, 5e-324]  # fmt: skip


def test_numbers_are_written_as_people_read_them(bench):
    bench.open(SPECIMEN)
    module = f"import({URLS['stage.js'].replace('stage.js', 'numbers.js')!r})"
    for digits in (2, 3, 4):
        call = f"(texts) => {module}.then(({{ format }}) => texts.map((text) => format(Number(text), {digits}, 's')))"
        said = bench.page.evaluate(call, [re.sub("inf", "Infinity", str(value)) for value in NUMBERS])
        want = [expected.formatted(value, digits) for value in NUMBERS]
        assert said == [text if text == "–" else f"{text} s" for text in want]
