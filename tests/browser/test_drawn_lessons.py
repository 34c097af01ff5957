"""Lessons of the course on the stage: what is drawn is what their own `draw` says, at rest and under the hand."""

from dataclasses import replace

import numpy as np
import pytest

from lessons import lessons
from lessons.controls import Slider
from tests.browser import expected
from tests.browser.agreement import isolines_are_right, marks_agree, readouts_agree
from tests.browser.bench import LOOK
from tests.browser.hands import predict, settled, sweeps_are_here

LESSONS = lessons()
# Between them: logarithmic axes, equal scales, three panels each, paths, segments and curves, a cursor, readouts,
# isolines of a range that is not symmetric, crosses, rings and dots. The rest is on the specimen (tests/specimen.py).
SLUGS = ["crux", "quasi-newton", "hessian-terms", "loss-step"]


@pytest.mark.parametrize("slug", SLUGS)
def test_a_lesson_is_drawn_as_its_numbers_say(bench, slug):
    lesson = LESSONS[slug]
    drawing = bench.open(lesson)
    look = bench.look()
    expected.axes_agree(look, drawing.panels)
    steps = next((control.high for control in lesson.controls if control.kind == "step"), None)
    hidden = bench.settings.get("hide", ())
    expected.lines_agree(look, drawing, np.inf if steps is None else bench.settings["step"], hidden)
    marks_agree(look, drawing)
    for panel in (panel for panel in drawing.panels if panel.equal):
        here = look["panels"][panel.id]
        per = [here[letter]["length"] / np.ptp(here[letter]["range"]) for letter in "xy"]
        assert per[0] == pytest.approx(per[1], rel=0.01), f"{panel.id} has other scales in x and y"
    for panel in drawing.panels:
        fields = [field for field in drawing.fields if field.panel == panel.id]
        if len(fields) == 1 and fields[0].kind == "isolines" and len(fields[0].levels) > 3:
            isolines_are_right(bench, panel.id, fields[0], coarse=True)
            if slug == "loss-step":  # neither its range nor its loss is symmetric
                for turned in (fields[0].z[::-1], fields[0].z[:, ::-1]):
                    with pytest.raises(AssertionError):
                        isolines_are_right(bench, panel.id, replace(fields[0], z=turned), coarse=True)
    if steps is not None:
        for step in (1, steps // 2):
            look = bench.call(f"scrub('step', {step})")
            expected.lines_agree(look, drawing, step, hidden)
        readouts_agree(look, drawing, step, hidden)
        bench.call(f"scrub('step', {steps})")
    slider = next(c for c in lesson.controls if isinstance(c, Slider) and c.swept)
    bench.nears(slider.name)
    swept_values, swept = lesson.sweep(slider.name, bench.settings)
    swept["settings"] = bench.settings
    frames = lesson.draw(swept)
    for k in (9, 47):
        look = bench.call(f"scrub({slider.name!r}, {k})")
        frame = expected.frame(frames, drawing, k)
        expected.lines_agree(look, frame, np.inf if steps is None else steps, hidden)
        marks_agree(look, frame)
        for panel in (panel for panel in drawing.panels if panel.cursor == slider.name):
            here = look["panels"][panel.id]
            place = float(expected.along(here["x"], swept_values[k]))
            if 0 <= place <= here["x"]["length"]:
                assert float(here["cursor"][0]["x1"]) == pytest.approx(place, abs=0.3)


def test_the_app_shows_the_same_as_the_stage_alone(visit):
    page, lesson = visit("crux"), LESSONS["crux"]
    predict(page)
    settings = settled(page, "crux")
    sweeps_are_here(page, "crux", "alpha")
    page.add_script_tag(content=LOOK)
    page.evaluate("window.calm()")
    drawing = lesson.draw(lesson.experiment())
    hidden = tuple(settings["hide"])
    expected.lines_agree(page.evaluate("window.look()"), drawing, settings["step"], hidden)
    _, swept = lesson.sweep("alpha", lesson.defaults)
    look = page.evaluate("(window.__stages.crux.scrub('alpha', 40), window.look())")
    frame = expected.frame(lesson.draw(swept), drawing, 40)
    expected.lines_agree(look, frame, settings["step"], hidden)
    marks_agree(look, frame)
