"""What a hand does to a figure: each moment of it shows the numbers of that very value, step, point or group."""

import itertools

import numpy as np
import pytest

from lessons.controls import Landmark
from lessons.figures import METHODS
from tests.browser import driver, expected
from tests.browser.agreement import (
    SLIDERS,
    SPECIMEN,
    cursor_at,
    handle,
    handles_agree,
    landmarks_agree,
    picture_agrees,
    readouts_agree,
    shade_differs,
)
from tests.specimen import STEPS


@pytest.mark.parametrize("name", ["a", "b"])
def test_each_frame_of_a_slider_is_the_picture_of_its_value(bench, name):
    still = bench.open(SPECIMEN)
    bench.nears(name)
    values, swept = SPECIMEN.sweep(name, bench.settings)
    drawing, slider = SPECIMEN.draw(swept), SLIDERS[name]
    for k in (0, 60, 1, 37, 36):
        look = bench.call(f"scrub({name!r}, {k})")
        frame = expected.frame(drawing, still, k)
        picture_agrees(look, frame)
        assert look["state"]["settings"][name] == pytest.approx(values[k], rel=1e-5)
        cursor_at(look, values[k] if name == "a" else bench.settings["a"])
        seen = look["sliders"][name]
        said = expected.formatted(float(f"{values[k]:.6g}"), 1 if slider.whole else slider.digits)
        assert seen["output"] == said + (f" {slider.unit}" if slider.unit else "")
        assert seen["share"] == pytest.approx(k / 60, abs=1e-3)
        landmarks_agree(look, frame.numbers)
    # And the very frame is what the server sends for that value.
    bench.page.evaluate(f"window.__stages.specimen.scrub({name!r}, 37)")
    committed = bench.send({name: float(f"{values[37]:.6g}")}, answered=1)
    picture_agrees(bench.look(), committed)
    expected.lines_agree(bench.look(), expected.frame(drawing, still, 37), STEPS, near=0.2)


def test_a_landscape_follows_the_slider(bench):
    still = bench.open(SPECIMEN)
    bench.nears("a")
    _, swept = SPECIMEN.sweep("a", bench.settings)
    for k in (12, 34):
        look = bench.call(f"scrub('a', {k})")
        here, (_, alpha) = look["panels"]["map"], bench.ink("map")
        frames = [expected.frame(SPECIMEN.draw(swept), still, place).fields[0] for place in (k, k - 2, k + 2)]
        own, before, after = (shade_differs(alpha, here, field, 0.58)[1] for field in frames)
        assert own < 0.02 and own < 0.5 * min(before, after)


def test_a_thumb_that_is_dragged_snaps_to_a_frame_and_commits_it(bench):
    still = bench.open(SPECIMEN)
    bench.nears("a")
    values, swept = SPECIMEN.sweep("a", bench.settings)
    for share in (0.1, 0.618, 0.95):
        k = round(share * 60)  # as far along the track as its value is along the decades
        look = bench.slide("a", share)
        assert look["state"]["settings"]["a"] == pytest.approx(values[k], rel=1e-5)
        picture_agrees(look, expected.frame(SPECIMEN.draw(swept), still, k))
    bench.slide("a", 0.618, let_go=True)
    name, told = bench.sent()[-1]
    assert name == "settings" and told["a"] == pytest.approx(values[37], rel=1e-5)
    drawing = bench.answer()
    assert bench.settings["a"] == told["a"]
    picture_agrees(bench.look(), drawing)
    # Its own frames are at hand as before: they do not depend on where it stands.
    look = bench.call("scrub('a', 11)")
    picture_agrees(look, expected.frame(SPECIMEN.draw(swept), still, 11))
    drawing = bench.send({"a": told["a"]}, answered=1)
    # The next slider starts from there, and so does its sweep.
    bench.nears("b")
    values, swept = SPECIMEN.sweep("b", bench.settings)
    look = bench.slide("b", 0.52)
    assert look["state"]["settings"]["b"] == 5.0  # its steps are halves
    picture_agrees(look, expected.frame(SPECIMEN.draw(swept), drawing, 30))


def test_arrow_keys_move_a_slider_by_one_frame(bench):
    still = bench.open(SPECIMEN)
    bench.nears("a")
    values, swept = SPECIMEN.sweep("a", bench.settings)
    start = int(np.argmin(np.abs(np.log(values / 2.0))))
    bench.page.locator("[data-control=a] input").focus()
    for key, k in (("ArrowRight", start + 1), ("PageDown", start - 9), ("End", 60), ("ArrowLeft", 59), ("Home", 0)):
        bench.page.keyboard.press(key)
        bench.calm()
        look = bench.look()
        assert look["state"]["settings"]["a"] == pytest.approx(values[k], rel=1e-5), key
        picture_agrees(look, expected.frame(SPECIMEN.draw(swept), still, k))
    bench.page.wait_for_function("window.sent.at(-1)?.[1].a === 0.5", timeout=driver.PATIENCE)


def test_a_landmark_stands_at_its_number_and_leads_there(bench):
    drawing = bench.open(SPECIMEN)
    landmarks_agree(bench.look(), drawing.numbers)
    assert float(drawing.numbers["edge"]) == 4.0
    for name, mark in (("a", "two"), ("b", "end"), ("b", "seven"), ("a", "edge"), ("a", "the least")):
        landmark: Landmark = next(one for one in SLIDERS[name].landmarks if one.label == mark)
        value = float(drawing.numbers[landmark.number]) if landmark.number else landmark.value
        button = bench.page.locator(f"[data-control={name}] .inv-landmark", has_text=mark)
        button.click()
        assert bench.sent()[-1][1][name] == pytest.approx(value), mark
        drawing = bench.answer()
        picture_agrees(bench.look(), drawing)
        landmarks_agree(bench.look(), drawing.numbers)
        if name == "a":
            cursor_at(bench.look(), value)
    labels = [button["button"] for button in bench.look()["sliders"]["a"]["landmarks"] if button["shown"]]
    edges = sorted((box["left"], box["left"] + box["width"]) for box in labels)
    assert all(left >= right for (_, right), (left, _) in itertools.pairwise(edges))  # they do not overlap


def test_readouts_are_the_numbers_of_the_step_that_is_shown(bench):
    drawing = bench.open(SPECIMEN)
    readouts_agree(bench.look(), drawing, STEPS)
    titles = {entry["label"]: entry["title"] for entry in bench.look()["legend"]}
    assert titles["gradient descent"] == "loss, x₁" and titles["Newton"] == "x₂"
    for step in (0, 1, 6, 7, 8, 11):
        readouts_agree(bench.call(f"scrub('step', {step})"), drawing, step)
    bench.call(f"scrub('step', {STEPS})")
    bench.nears("a")
    _, swept = SPECIMEN.sweep("a", bench.settings)
    for k in (0, 44):
        readouts_agree(bench.call(f"scrub('a', {k})"), expected.frame(SPECIMEN.draw(swept), drawing, k), STEPS)


@pytest.mark.parametrize(("label", "group"), [("gradient descent", "gradient_descent"), ("the rest", "rest")])
def test_the_legend_hides_the_lines_of_its_group_in_all_panels_and_no_other(bench, label, group):
    drawing = bench.open(SPECIMEN)
    button = bench.page.locator(".inv-legend button", has_text=label)
    button.click()
    assert bench.sent()[-1][1]["hide"] == [group]
    shown = sum((line.group or line.id) != group for line in drawing.lines)
    assert shown < len(drawing.lines) - 1
    for _ in ("before the answer", "after it"):
        bench.calm()
        look = bench.look()
        assert expected.lines_agree(look, drawing, STEPS, (group,)) == shown
        pressed = {entry["label"]: entry["pressed"] for entry in look["legend"]}
        assert pressed.pop(label) == "false" and set(pressed.values()) == {"true"}
        readouts_agree(look, drawing, STEPS, (group,))
        here = look["panels"]["map"]
        colours = {part["parts"][1]["stroke"].lower() for part in here["rings"]}
        assert (METHODS["gradient_descent"].colour.lower() in colours) == (group != "gradient_descent")
        assert bool(here["dots"]) == (group != "gradient_descent")
        bench.answer()
    button.click()
    assert bench.sent()[-1][1]["hide"] == []
    bench.answer()
    assert expected.lines_agree(bench.look(), drawing) == len(drawing.lines)


def test_one_hidden_method_does_not_show_another(bench):
    drawing = bench.open(SPECIMEN, hide=("newton",))
    expected.lines_agree(bench.look(), drawing, STEPS, ("newton",))
    bench.page.locator(".inv-legend button", has_text="gradient descent").click()
    assert sorted(bench.sent()[-1][1]["hide"]) == ["gradient_descent", "newton"]
    bench.calm()
    expected.lines_agree(bench.look(), drawing, STEPS, ("newton", "gradient_descent"))
    bench.page.locator(".inv-legend button", has_text="Newton").click()
    bench.calm()
    expected.lines_agree(bench.look(), drawing, STEPS, ("gradient_descent",))


def test_play_runs_through_the_steps_and_ends_at_the_last(bench):
    drawing = bench.open(SPECIMEN, step=5)
    expected.lines_agree(bench.look(), drawing, 5)
    assert bench.look()["count"] == f"step 5 of {STEPS}"
    bench.page.get_by_role("button", name="Play").click()
    met = []
    while (look := bench.look())["state"]["playing"]:
        step = look["state"]["step"]
        met.append(step)
        expected.lines_agree(look, drawing, step)
        assert look["count"] == f"step {int(step + 1e-6)} of {STEPS}"
        readouts_agree(look, drawing, int(step + 1e-6))
    assert met == sorted(met) and met[0] >= 5 and len({int(step) for step in met}) > 2
    bench.calm()
    look = bench.look()
    assert look["state"]["step"] == look["state"]["settings"]["step"] == STEPS
    assert look["count"] == f"step {STEPS} of {STEPS}"
    assert expected.lines_agree(look, drawing, STEPS) == len(drawing.lines)
    readouts_agree(look, drawing, STEPS)
    assert bench.sent()[-1] == ["settings", bench.sent()[-1][1] | {"step": STEPS}]
    bench.page.get_by_role("button", name="Play").click()  # from the end it begins anew
    bench.page.wait_for_function(
        "window.__stages.specimen.state().playing && window.__stages.specimen.state().step < 12"
    )
    bench.page.wait_for_function("window.__stages.specimen.state().step > 1", timeout=driver.PATIENCE)
    bench.page.get_by_role("button", name="Pause").click()
    step = bench.sent()[-1][1]["step"]
    assert 1 <= step < STEPS
    bench.answer()
    expected.lines_agree(bench.look(), drawing, step)


def test_the_row_of_steps_shows_and_sets_the_step(bench):
    drawing = bench.open(SPECIMEN, step=4)
    rest = bench.look()
    assert rest["state"]["step"] == 4
    expected.lines_agree(rest, drawing, 4)
    for step in (9, 2):
        look = bench.slide("step", step / STEPS)
        assert look["count"] == f"step {step} of {STEPS}"
        expected.lines_agree(look, drawing, step)
    bench.slide("step", 7 / STEPS, let_go=True)
    assert bench.sent()[-1][1]["step"] == 7
    bench.answer()
    thumb = bench.page.locator(".inv-steps input")
    assert int(thumb.input_value()) / int(thumb.get_attribute("max")) == pytest.approx(7 / STEPS)
    thumb.focus()
    bench.page.keyboard.press("ArrowRight")
    bench.calm()
    expected.lines_agree(bench.look(), drawing, 8)
    bench.page.keyboard.press("Home")
    bench.page.wait_for_function("window.sent.at(-1)[1].step === 0", timeout=driver.PATIENCE)
    expected.lines_agree(bench.look(), drawing, 0)
    bench.page.keyboard.press("End")
    bench.page.wait_for_function(f"window.sent.at(-1)[1].step === {STEPS}", timeout=driver.PATIENCE)
    expected.lines_agree(bench.look(), drawing, STEPS)


def test_a_dragged_point_shows_the_picture_of_where_it_is(bench):
    bench.open(SPECIMEN)
    handles_agree(bench.look(), bench.settings)
    look = bench.look()
    plot, (x, y) = look["panels"]["map"]["plot"], handle(look, "start")
    left, top = plot["left"] + x, plot["top"] + y
    bench.page.mouse.move(left, top)
    bench.page.mouse.down()
    for dx, dy in ((-40, -30), (-150, -90)):
        bench.page.mouse.move(left + dx, top + dy)
        bench.page.wait_for_function(
            "() => new Promise((done) => setTimeout(() => done(true), 80))", timeout=driver.PATIENCE
        )
        bench.calm()
        look = bench.look()
        here, (u, v) = look["panels"]["map"], look["state"]["settings"]["start"]
        assert expected.along(here["x"], u) == pytest.approx(x + dx, abs=1.0)
        assert expected.along(here["y"], v, up=True) == pytest.approx(y + dy, abs=1.0)
        settings = bench.settings | {"start": (u, v)}
        assert bench.asked[-1]["start"] == [u, v]
        assert bench.asked[-1]["a"] == bench.settings["a"]
        picture_agrees(look, SPECIMEN.draw({"settings": settings, "swept": {}}))
        handles_agree(look, settings)
        ghosts = [part for part in here["handle"] if "aria-label" not in part]
        assert [float(ghosts[0][c]) for c in ("cx", "cy")] == pytest.approx([x, y], abs=0.5)  # where it came from
    bench.page.mouse.up()
    told = bench.sent()[-1][1]
    assert told["start"] == [u, v] and "goal" not in told
    drawing = bench.answer()
    picture_agrees(bench.look(), drawing)


def test_a_tap_moves_the_nearer_point_there_and_its_range_ends_where_it_does(bench):
    bench.open(SPECIMEN)
    plot = bench.look()["panels"]["map"]["plot"]
    for name, u, v in (("goal", 0.4, 0.45), ("start", 0.7, 0.95), ("start", 0.95, 0.9)):
        bench.page.mouse.click(plot["left"] + u * plot["width"], plot["top"] + v * plot["height"])
        got = bench.sent()[-1][1][name]
        low, high = next((c.low, c.high) for c in SPECIMEN.controls if c.name == name)
        want = np.clip((-1 + 4 * u, 5 * (1 - v)), low, high)
        np.testing.assert_allclose(got, want, atol=0.02)
        drawing = bench.answer()
        picture_agrees(bench.look(), drawing)
        handles_agree(bench.look(), bench.settings)
    bench.page.locator(".inv-handle[aria-label=goal]").focus()
    x, y = bench.settings["goal"]
    bench.page.keyboard.press("ArrowUp")
    bench.page.wait_for_function("window.sent.at(-1)[1].goal !== undefined", timeout=driver.PATIENCE)
    np.testing.assert_allclose(bench.look()["state"]["settings"]["goal"], (x, min(4.0, y + 0.02 * 3.8)), rtol=1e-3)


def test_pointing_at_a_step_marks_it_in_every_panel(bench):
    drawing = bench.open(SPECIMEN)
    look = bench.look()
    here, line = look["panels"]["loss"], next(line for line in drawing.lines if line.id == "rest/loss")
    x, y = expected.points(here, line.x, line.y)[4]
    bench.page.mouse.move(here["plot"]["left"] + x, here["plot"]["top"] + y)
    bench.calm()
    look = bench.look()
    for panel in drawing.panels:
        here = look["panels"][panel.id]
        paths = [line for line in expected.order(drawing, panel.id) if line.role == "path"]
        marked = [
            tuple(float(ring["parts"][1][c]) for c in ("cx", "cy")) for ring in here["rings"] if len(ring["parts"]) == 3
        ]
        want = [tuple(expected.points(here, line.x, line.y)[4]) for line in paths]
        np.testing.assert_allclose(sorted(marked), sorted(want), atol=0.2, err_msg=panel.id)
    assert "step 4" in [ring["text"] for ring in look["panels"]["map"]["rings"]]
    bench.page.mouse.move(1, 1)
    bench.call("scrub('step', 2)")
    here = look["panels"]["loss"]  # where that step was is nothing now
    bench.page.mouse.move(here["plot"]["left"] + x, here["plot"]["top"] + y)
    bench.page.mouse.move(here["plot"]["left"] + x + 1, here["plot"]["top"] + y)
    assert not any(len(ring["parts"]) == 3 for ring in bench.call("state()")["panels"]["map"]["rings"])
    bench.page.mouse.move(1, 1)
