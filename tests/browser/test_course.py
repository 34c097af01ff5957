"""What holds the course together, in a real browser: marks, search, glossary, permalinks, code, tables, measuring."""

import re

import pytest

from lessons.lesson import Lesson
from lessons.prediction import Aim, Estimate
from tests.browser import driver
from tests.browser.hands import ASKED, CONFIRM, LESSONS, OPEN, address, predict, settled, stage


def first(holds) -> Lesson:
    """The first lesson of the course of which something holds."""
    return next(lesson for lesson in LESSONS if holds(lesson))


def cookie(page):
    return next((c["value"] for c in page.context.cookies() if c["name"] == "inversion_done"), "")


def test_a_mark_survives_a_reload_and_a_new_tab_and_can_be_forgotten(visit, server):
    page = visit("crux")
    assert "crux" not in cookie(page).split(".")
    predict(page)
    page.wait_for_function("() => document.cookie.includes('crux')", timeout=driver.PATIENCE)
    page.reload()
    driver.wait_until_idle(page)
    driver.open_page(page, server.url)
    mark = page.get_by_role("link", name="✓ The crux")
    mark.wait_for(timeout=driver.PATIENCE)
    other = page.context.new_page()
    driver.open_page(other, server.url, "four-ways")
    predict(other)
    other.wait_for_function("() => document.cookie.includes('four-ways')", timeout=driver.PATIENCE)
    assert {"crux", "four-ways"} <= set(cookie(page).split("."))
    page.get_by_role("button", name="Forget my marks").click()
    page.wait_for_function("() => !document.cookie.includes('crux')", timeout=driver.PATIENCE)
    mark.wait_for(state="detached", timeout=driver.PATIENCE)
    # Another tab, which still has them, does not bring them back with its next picture.
    revision = driver.stage_state(other, "four-ways")["revision"]
    other.locator("[data-control=eta] input[type=range]").focus()
    other.keyboard.press("ArrowRight")
    newer = "before => window.__stages['four-ways'].state().revision > before"
    other.wait_for_function(newer, arg=revision, timeout=driver.PATIENCE)
    assert "crux" not in cookie(page)


def test_a_cookie_that_somebody_has_mangled_breaks_nothing(visit, server, page):
    page.context.add_cookies([{"name": "inversion_done", "value": "crux.%00<b>.nonsense", "url": server.url}])
    visit("")
    page.get_by_role("link", name="✓ The crux").wait_for(timeout=driver.PATIENCE)


def test_a_lesson_is_found_by_a_word(visit):
    page = visit("crux")
    page.locator(".st-key-find input").fill("Four ways")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("four-ways"), timeout=driver.PATIENCE)
    driver.stage_state(page, "four-ways")
    assert page.locator(".st-key-find input").input_value() == ""


def test_a_symbol_is_explained_where_it_is_used_and_in_the_glossary(visit):
    page = visit("crux")
    term = page.locator(".term", has_text="η").first
    tip = term.locator('[role="tooltip"]')
    assert not tip.is_visible()
    term.hover()
    assert tip.is_visible() and "step size" in tip.inner_text()
    page.mouse.move(0, 0)
    term.focus()
    assert tip.is_visible()
    page = visit("glossary")
    page.locator(".glossary dt", has_text="η").first.wait_for(timeout=driver.PATIENCE)


def test_the_code_to_take_away_is_that_of_the_settings_in_force(visit, watch):
    page = visit("crux")
    predict(page)
    code = page.locator('[data-testid="stCode"]').last
    assert "Scaled(4.0" in code.inner_text()
    settled(page, "crux")
    with watch.rerun():
        page.locator("[data-control=alpha] input[type=range]").focus()
        page.keyboard.press("Home")
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=stCode]')].at(-1).innerText.includes('Scaled(0.25')",
        timeout=driver.PATIENCE,
    )


def test_the_instructors_links_set_the_page_and_its_address(visit):
    page = visit("crux")
    predict(page)
    page.get_by_text("For the instructor").click()
    lesson = first(lambda lesson: lesson.slug == "crux")
    for words, wanted in lesson.teaching.demo:
        driver.wait_until_idle(page)  # the one before may still be compiling
        stage(page, "crux", "play()")  # the walk must neither go on nor undo what the link sets
        page.get_by_role("link", name=words).click()
        for name, value in wanted.items():
            page.wait_for_function(
                "([name, value]) => JSON.stringify(window.__stages.crux.state().settings[name]) === value",
                arg=[name, _json(value)],
                timeout=driver.PATIENCE,
            )
        driver.wait_until_idle(page)
        now = settled(page, "crux")
        assert all(now[name] == (list(value) if isinstance(value, tuple) else value) for name, value in wanted.items())
    other = page.context.new_page()
    href = page.get_by_role("link", name=lesson.teaching.demo[0][0]).get_attribute("href")
    other.goto(page.url.split("/crux")[0] + "/" + href)
    driver.wait_until_idle(other)
    now = driver.stage_state(other, "crux")["settings"]
    for name, value in lesson.teaching.demo[0][1].items():
        assert now[name] == (list(value) if isinstance(value, tuple) else value)


def _json(value):
    import json

    if isinstance(value, float) and value == int(value):
        value = int(value)
    if isinstance(value, tuple):
        value = [int(v) if isinstance(v, float) and v == int(v) else v for v in value]
    return json.dumps(value, separators=(",", ":"))


def test_a_number_is_guessed_on_a_scale(visit):
    lesson = first(lambda lesson: isinstance(lesson.prediction, Estimate) and lesson.prepare is None)
    page = visit(address(lesson.slug))
    page.locator(ASKED).get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name=CONFIRM).click()
    page.wait_for_selector(OPEN, timeout=driver.PATIENCE)
    places = lesson.prediction.places()
    said = lesson.prediction.say(places[len(places) // 2 + 1])
    page.locator(ASKED, has_text=f"You said {said}").wait_for(timeout=driver.PATIENCE)


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
def test_a_point_is_guessed_on_the_figure(visit, watch, by):
    lesson = first(lambda lesson: isinstance(lesson.prediction, Aim))
    control = next(c for c in lesson.controls if c.name == lesson.prediction.point)
    page = visit(address(lesson.slug))
    before = driver.stage_state(page, lesson.slug)["settings"][control.name]
    handle = page.locator(f".inv-handle[aria-label='{control.label}']")
    with watch.rerun():
        if by == "pointer":
            box = handle.locator("circle").nth(1).bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + 40, y + 20, steps=4)
            page.mouse.up()
        else:
            handle.focus()
            page.keyboard.press("ArrowRight")
    now = driver.stage_state(page, lesson.slug)["settings"][control.name]
    assert now[0] > before[0]
    page.get_by_role("button", name=CONFIRM).click()
    page.wait_for_selector(OPEN, timeout=driver.PATIENCE)
    said = f"You pointed at {lesson.prediction.say(tuple(now))}"
    page.locator(ASKED, has_text=said).wait_for(timeout=driver.PATIENCE)
    # The guess stands, and is no handle any more.
    assert page.locator(f".inv-handle[aria-label='{control.label}']").get_attribute("aria-disabled") == "true"


def test_each_cell_of_the_table_opens_its_run(visit):
    lesson = first(lambda lesson: lesson.slug == "scorecard")
    page = visit(address(lesson.slug))
    predict(page)
    cells = page.locator(".runs td a")
    rows = lesson.table(lesson.experiment()).rows
    assert cells.count() == sum(len(cells) for _name, cells in rows)
    cell = rows[-1][1][0]
    cells.nth(cells.count() - len(rows[-1][1])).click()
    page.wait_for_url(re.compile(f"/{cell.slug}"), timeout=driver.PATIENCE)
    now = driver.stage_state(page, cell.slug)["settings"]
    for name, value in cell.settings.items():
        assert now[name] == (list(value) if isinstance(value, tuple) else value)
    page.go_back()
    page.wait_for_url(re.compile(f"/{lesson.slug}"), timeout=driver.PATIENCE)
    driver.stage_state(page, lesson.slug)
    assert page.locator(".inv-veiled").count() == 0  # what was answered stays answered


def test_newtons_cost_is_measured_on_a_button_and_can_be_stopped(visit):
    page = visit("newton-cost")
    predict(page)
    assert "Nothing is measured yet" in page.locator(".st-key-answer").inner_text()
    page.get_by_role("button", name="Measure", exact=True).click()
    page.wait_for_selector(".inv-progress:has-text('sizes')", timeout=driver.PATIENCE)
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".inv-progress:has-text('Stopped')", timeout=driver.PATIENCE)
    page.get_by_role("button", name="Measure again").click()
    page.wait_for_selector(".inv-progress:has-text('Measured')", timeout=2 * driver.PATIENCE)
    assert stage(page, "newton-cost", "state()")["sseUpdates"] > 1
    page.wait_for_selector(".st-key-prediction:has-text('the run shows')", timeout=driver.PATIENCE)


RUN = re.compile("^(Run|Go on), (about|time not known yet)")  # the machine may not be measured yet
STUDY = {
    "experiment": "linear",
    "seeds": 1,
    "data_seeds": 1,
    "instances": 20,
    "training": 0.02,
    "methods": "gauss_newton,dipg_differenced",
}


def test_a_study_is_ticked_run_stopped_gone_on_with_and_found_again(visit, server):
    page = visit("studies", **STUDY, variants="none")
    predict(page)
    assert "Nothing is run yet" in page.locator(".st-key-answer").inner_text()
    page.locator("[data-control=variants] label", has_text="no JCP").click()
    page.wait_for_url(re.compile("variants=no-jcp"), timeout=driver.PATIENCE)
    assert page.locator("[data-control=variants] label").count() == 2  # what this experiment has, and no more
    page.get_by_role("button", name=RUN).click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name=RUN).wait_for(timeout=2 * driver.PATIENCE)
    page.get_by_role("button", name=RUN).click()
    page.locator("[data-action=stop], .runs.numbers tbody tr:nth-child(4)").first.wait_for(timeout=driver.PATIENCE)
    page.reload()  # in the midst of it: another session, the same job, and what was answered
    driver.wait_until_idle(page)
    lines = page.locator(".runs.numbers tbody tr:not(.part)")
    page.wait_for_function(
        "() => document.querySelectorAll('.runs.numbers tbody tr:not(.part)').length === 3"
        " && !document.querySelector('[data-action]')",
        timeout=2 * driver.PATIENCE,
    )
    assert lines.first.inner_text().startswith("Gauss–Newton")
    page.wait_for_selector(".st-key-prediction:has-text('fewer than half')")  # after so little training
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    text = saved.value.path().read_text()
    assert text.startswith("variant,method,instances") and text.count("\n") == 4
    assert "python -m lessons.lab linear --seeds 1" in page.locator(".st-key-runs").inner_text()
    other = page.context.new_page()  # another tab finds what was done, without a run
    driver.open_page(other, server.url, "studies", **STUDY, variants="no-jcp")
    other.locator(".runs.numbers tbody tr").first.wait_for(timeout=driver.PATIENCE)
    assert other.locator("[data-action]").count() == 0


def test_a_mangled_address_of_a_study_falls_back_with_a_remark(visit):
    page = visit("studies", variants="no-jcp,magic", seeds="many", instances="7")
    driver.stage_state(page, "studies")
    said = page.locator(".st-key-stage").inner_text()
    assert all(part in said for part in ("for variants makes no sense", "for seeds makes no sense", "20 is used"))


@pytest.mark.parametrize("slug", ["four-ways", "quasi-newton", "dipg"])
def test_the_figure_keeps_its_place_from_the_question_to_the_end_of_the_walk(visit, slug):
    """What the legend and the controls have to say when the figure answers must not take room from it then."""
    page = visit(slug)

    def places():
        return [panel.bounding_box() for panel in page.locator(".inv-overlay").all()]

    driver.stage_state(page, slug)
    asked = places()
    assert asked
    predict(page)
    assert places() == asked
    settled(page, slug)
    driver.wait_until_idle(page)
    assert places() == asked
    page.set_viewport_size({"width": 1200, "height": 700})
    page.wait_for_timeout(300)
    assert places() != asked


def test_a_step_that_is_pointed_at_is_marked_in_every_space(visit):
    page = visit("four-ways")
    predict(page)
    settled(page, "four-ways")
    box = page.locator("[data-panel=x] .inv-overlay").bounding_box()
    path = page.locator("[data-panel=x] .js-line").first.get_attribute("d")
    x, y = map(float, re.findall(r"([\d.]+),([\d.]+)", path)[3])
    marked = "[data-panel={}] .inv-overlay text:text-is('step 3')"
    assert page.locator(marked.format("y")).count() == 0
    page.mouse.move(box["x"] + x, box["y"] + y)
    for panel in ("y", "deviation"):
        page.locator(marked.format(panel)).wait_for(timeout=driver.PATIENCE)
    page.mouse.move(5, 5)
    page.wait_for_function(
        "() => !document.querySelector('[data-panel=y] .inv-overlay').textContent.includes('step 3')",
        timeout=driver.PATIENCE,
    )


def test_the_names_of_points_keep_off_the_lines(visit):
    page = visit("many-targets")
    predict(page)
    settled(page, "many-targets")
    names = page.locator("[data-panel=y] [data-layer=handle] text")
    assert [name.text_content() for name in names.all()] == [f"target {k} – drag me" for k in (1, 2, 3)]
    covered = page.evaluate(
        """() => {
        const pixels = [...document.querySelectorAll("[data-panel=y] .scatterlayer .js-line")].flatMap((line) =>
          Array.from({ length: 400 }, (_, k) =>
            line.getPointAtLength((line.getTotalLength() * k) / 399).matrixTransform(line.getScreenCTM())));
        const on = (box) => ({ x, y }) => x > box.left && x < box.right && y > box.top && y < box.bottom;
        return [...document.querySelectorAll("[data-panel=y] [data-layer=handle] text")]
          .filter((text) => pixels.some(on(text.getBoundingClientRect()))).map((text) => text.textContent);
      }"""
    )
    assert covered == []


def test_what_play_counts_is_named(visit):
    page = visit("time-reversal", step=43)
    assert page.locator(".inv-stepcount").inner_text() == "frame 43 of 60"
    assert page.locator(".inv-steps input").get_attribute("aria-valuetext") == "frame 43 of 60"
