"""What is drawn is what Python computed: lines, landscapes and marks, at the pixels where the numbers belong."""

import re
from dataclasses import replace

import numpy as np
import pytest

from lessons.figures import METHODS, Axis
from tests.browser import expected
from tests.browser.agreement import isolines_are_right, marks_agree, rgb, seen_marks, shade_differs
from tests.specimen import LEVELS, STEPS, TICKS, Specimen

SPECIMEN = Specimen()
# How Plotly draws a dash: in pixels, for a line of this width.
DASHES = {"solid": [], "dot": [1, 1], "dash": [3, 3], "dashdot": [3, 1, 1, 1]}
LIGHT, DARK = 0.58, 0.62  # how strong the darkest, or on a dark page the lightest, place of a shade is
ON_DARK = "--st-text-color: #fafafa; --st-background-color: #0e1117"


def test_every_line_lies_where_its_numbers_are_at_every_step(bench):
    drawing = bench.open(SPECIMEN)
    look = bench.look()
    expected.axes_agree(look, drawing.panels)
    assert expected.lines_agree(look, drawing) == len(drawing.lines)
    for step in (0, 1, 5, 7, 8, 10, 11, STEPS):
        assert expected.lines_agree(bench.call(f"scrub('step', {step})"), drawing, step) >= 7
    for step in (0.25, 6.5, 7.75, 9.5):
        expected.lines_agree(bench.call(f"scrub('step', {step})"), drawing, step)


def test_canvas_and_overlay_lie_exactly_on_the_plot(bench):
    drawing = bench.open(SPECIMEN)
    for panel in drawing.panels:
        here = bench.look()["panels"][panel.id]
        for layer in ("canvas", "overlay"):
            assert here[layer] == pytest.approx(here["plot"], abs=0.6), f"{layer} of {panel.id}"
        assert here["plot"]["width"] == pytest.approx(here["x"]["length"], abs=0.6)
        assert here["plot"]["height"] == pytest.approx(here["y"]["length"], abs=0.6)


def test_a_method_looks_as_it_does_everywhere(bench):
    drawing = bench.open(SPECIMEN)
    look = bench.look()
    for panel in drawing.panels:
        seen = look["panels"][panel.id]["lines"]
        for one, line in zip(seen, expected.order(drawing, panel.id), strict=True):
            style = METHODS.get(line.method, line.style)
            unit = max(style.width, 3)
            assert rgb(one["stroke"]) == rgb({"text": "#31333f"}.get(style.colour, style.colour)), line.id
            assert float(one["width"].removesuffix("px")) == style.width
            assert float(one["opacity"]) == style.opacity
            dashes = [float(part) / unit for part in re.findall(r"[\d.]+", one["dash"])]
            assert dashes == pytest.approx(DASHES[style.dash]), line.id
    names = [METHODS["gradient_descent"], METHODS["newton"], METHODS["inverse_gradient"]]
    assert [entry["label"] for entry in look["legend"]] == [*(style.label for style in names), "the rest"]
    for entry, style in zip(look["legend"], names, strict=False):
        assert rgb(entry["stroke"]) == rgb(style.colour) and float(entry["stroke-width"]) == min(5, style.width)
        assert bool(entry.get("stroke-dasharray")) == (style.dash != "solid")
    samples = {entry["label"]: entry.get("stroke-dasharray") for entry in look["legend"]}
    gaps = {label: len(set((dashes or "").split())) for label, dashes in samples.items()}
    assert gaps["inverse gradient"] == 2 and samples["inverse gradient"] != samples["Newton"]
    assert look["legend"][3]["opacity"] == "0.5"
    strokes = {label: float((dashes or "9").split()[0]) for label, dashes in samples.items()}
    assert strokes["Newton"] < strokes["inverse gradient"]  # dots are shorter than dashes


def test_what_plotly_says_under_the_pointer_is_what_is_drawn(bench):
    drawing = bench.open(SPECIMEN)
    for step in (STEPS, 4):
        bench.call(f"scrub('step', {step})")
        bench.calm()
        look = bench.look()
        expected.lines_agree(look, drawing, step)  # Plotly has drawn them itself meanwhile, and they have not moved
        for panel in drawing.panels:
            for seen, line in zip(look["panels"][panel.id]["lines"], expected.order(drawing, panel.id), strict=True):
                with np.errstate(over="ignore"):
                    x, y = (np.asarray(part, np.float32) for part in expected.coordinates(line, step))
                if line.role == "path":
                    there = np.isfinite(x) & np.isfinite(y)
                    length = len(there) if there.all() else int(np.argmin(there))
                    x, y = x[:length], y[:length]
                np.testing.assert_allclose(np.array(seen["x"], float), x, rtol=1e-6, err_msg=line.id)
                np.testing.assert_allclose(np.array(seen["y"], float), y, rtol=1e-6, err_msg=line.id)
                counts = line.role == "path" and panel.x.label != "step"
                assert ("step %{pointNumber}" in seen["says"]) == counts
                assert f"{panel.x.label} %{{x" in seen["says"] and f"{panel.y.label} %{{y" in seen["says"]


@pytest.mark.parametrize(("panel", "field"), [("map", 0), ("power", 2)])
@pytest.mark.parametrize("theme", ["", ON_DARK], ids=["light", "dark"])
def test_a_shade_is_strong_where_the_numbers_are_large(bench, panel, field, theme):
    class Alone(Specimen):
        def draw(self, result):
            drawing = super().draw(result)
            return replace(drawing, fields=(drawing.fields[field],))

    drawing = bench.open(Alone(), theme=theme)
    here, (item,) = bench.look()["panels"][panel], drawing.fields
    light, alpha = bench.ink(panel)
    strength = DARK if theme else LIGHT
    assert (light[alpha > 100] == (255 if theme else 0)).all()  # dark on a light page, light on a dark one
    median, most = shade_differs(alpha, here, item, strength)
    assert median < 0.02 and most < 0.06
    # No other way up would do: this landscape tells them apart.
    turned = [lambda z: z[::-1], lambda z: z[:, ::-1], lambda z: z[::-1, ::-1], lambda z: z.max() - z]
    assert all(shade_differs(alpha, here, item, strength, z)[1] > 0.2 for z in turned)
    # Nothing beyond its extent.
    x = expected.along(here["x"], item.extent[:2])
    y = expected.along(here["y"], item.extent[2:], up=True)
    inside = np.zeros(alpha.shape, bool)
    inside[max(0, int(y[1])) : int(np.ceil(y[0])) + 1, int(x[0]) : int(np.ceil(x[1])) + 1] = True
    assert not alpha[~inside].any()


def test_the_key_of_a_shade_names_its_grey(bench):
    drawing = bench.open(SPECIMEN)
    hill = drawing.fields[0]
    ticks = bench.page.locator("[data-panel=map] .inv-ticks span")
    seen = ticks.evaluate_all("all => all.map((one) => [one.textContent, parseFloat(one.style.left)])")
    want = [(text, 100 * (value - hill.low) / (hill.high - hill.low)) for value, text in TICKS[:2]]
    assert seen == [[text, pytest.approx(place, abs=0.1)] for text, place in want]
    keys = {panel: here["keys"] for panel, here in bench.look()["panels"].items()}
    assert "height" in keys["map"] and "levels" in keys["map"] and not keys["power"]


def test_equal_scales_are_equal_and_show_the_ranges_that_were_asked_for(bench):
    class Equal(Specimen):
        def draw(self, result):
            drawing = super().draw(result)
            first, *others = drawing.panels
            flat = replace(first, equal=True, y=Axis("x₂", (2.0, 4.5)))
            return replace(drawing, panels=(flat, *others))

    drawing = bench.open(Equal())
    look = bench.look()
    expected.axes_agree(look, drawing.panels)
    here = look["panels"]["map"]
    per = [here[letter]["length"] / np.ptp(here[letter]["range"]) for letter in "xy"]
    assert per[0] == pytest.approx(per[1], rel=0.01)
    expected.lines_agree(look, drawing)


def test_an_axis_without_a_range_holds_all_that_is_drawn(bench):
    class Fitted(Specimen):
        def draw(self, result):
            drawing = super().draw(result)
            free = [replace(p, x=replace(p.x, range=None), y=replace(p.y, range=None)) for p in drawing.panels[1:]]
            return replace(drawing, panels=(drawing.panels[0], *free))

    drawing = bench.open(Fitted())
    look = bench.look()
    expected.axes_agree(look, drawing.panels)
    expected.lines_agree(look, drawing)
    for panel in drawing.panels[1:]:
        here = look["panels"][panel.id]
        places = np.concatenate(
            [np.concatenate(expected.strokes(here, line, STEPS)) for line in drawing.lines if line.panel == panel.id]
        )
        places = places[np.abs(places).max(1) < 9e4]  # a zero on a logarithmic axis is nowhere near
        for axis, letter in enumerate("xy"):
            least, most = places[:, axis].min(), places[:, axis].max()
            length = here[letter]["length"]
            assert least >= -1 and most <= length + 1 and most - least > 0.3 * length, (panel.id, letter)


def test_where_a_map_has_no_value_it_is_as_dark_as_where_it_promises_least(bench):
    class Holed(Specimen):
        def draw(self, result):
            hill, *_ = super().draw(result).fields
            z = np.zeros_like(hill.z)
            z[3:8, 20:26] = np.nan
            return replace(super().draw(result), fields=(replace(hill, z=z),))

    drawing = bench.open(Holed())
    here, (item,) = bench.look()["panels"]["map"], drawing.fields
    _, alpha = bench.ink("map")
    u = expected.along(here["x"], np.linspace(*item.extent[:2], item.z.shape[1]))
    v = expected.along(here["y"], np.linspace(*item.extent[2:], item.z.shape[0]), up=True)
    assert alpha[int(v[5]), int(u[23])] == pytest.approx(LIGHT * 255, abs=2)
    assert alpha[int(v[5]), int(u[10])] == 0 and alpha[int(v[15]), int(u[23])] == 0


def test_isolines_run_where_the_numbers_cross_a_level(bench):
    class Alone(Specimen):
        def draw(self, result):
            return replace(super().draw(result), fields=(super().draw(result).fields[1],))

    drawing = bench.open(Alone())
    isolines_are_right(bench, "map", drawing.fields[0])
    assert len(drawing.fields[0].levels) == len(LEVELS)


def test_marks_stand_at_their_numbers_with_their_names_beside_them(bench):
    drawing = bench.open(SPECIMEN)
    look = bench.look()
    assert marks_agree(look, drawing) == len(drawing.marks) - 1  # one is out of sight
    for mark in look["panels"]["map"]["marks"]:
        shape, text = mark["parts"][1:]
        if mark["text"] in ("goal", "ring", "dot"):
            x, y = (float(part) for part in re.findall(r"-?[\d.]+", shape["d"])[:2])
            assert abs(float(text["x"]) - x) < 20 and abs(float(text["y"]) - y) < 25
    box = next(mark for mark in look["panels"]["map"]["marks"] if mark["text"] == "box")["parts"]
    left, top = (float(part) for part in re.findall(r"-?[\d.]+", box[1]["d"])[:2])
    assert 0 < float(box[2]["x"]) - left < 12 and 0 < float(box[2]["y"]) - top < 20


def test_the_ring_is_at_the_step_and_the_dots_are_before_it(bench):
    drawing = bench.open(SPECIMEN)
    for step in (STEPS, 3, 0, 5.5):
        look = bench.call(f"scrub('step', {step})")
        for panel in drawing.panels:
            here = look["panels"][panel.id]
            ends = []
            for line in expected.order(drawing, panel.id):
                if line.role == "path" and (pieces := expected.strokes(here, line, step)):
                    at = pieces[0][-1]
                    if -1 <= at[0] <= here["x"]["length"] + 1 and -1 <= at[1] <= here["y"]["length"] + 1:
                        ends.append((rgb(line.style.colour if line.style.colour != "text" else "#31333f"), *at))
            rings = [
                (rgb(r["parts"][1]["stroke"]), *(float(r["parts"][1][c]) for c in ("cx", "cy"))) for r in here["rings"]
            ]
            assert sorted(ring[0] for ring in rings) == sorted(end[0] for end in ends)
            for ring, end in zip(sorted(rings), sorted(ends), strict=True):
                np.testing.assert_allclose(ring[1:], end[1:], atol=0.1)
        here = look["panels"]["map"]
        line = next(line for line in drawing.lines if line.dots)
        dots = np.concatenate(expected.read(here["dots"][0]["d"]) or [np.empty((0, 2))]) if here["dots"] else []
        before = int(np.ceil(step))
        assert len(dots) == before
        if before:
            np.testing.assert_allclose(dots, expected.points(here, line.x, line.y)[:before], atol=0.06)
            assert rgb(here["dots"][0]["stroke"]) == rgb(METHODS["gradient_descent"].colour)


def test_what_answers_the_question_is_not_drawn_before_it_is_answered(bench):
    drawing = bench.open(SPECIMEN, extra={"veiled": True})
    look = bench.look()
    for panel in drawing.panels:
        for seen, line in zip(look["panels"][panel.id]["lines"], expected.order(drawing, panel.id), strict=True):
            assert bool(expected.read(seen["d"])) == (not line.answer), line.id
            assert line.answer or not all(x is None for x in seen["x"])
    marks = {mark[2] for panel in look["panels"] for mark in seen_marks(look, panel)}
    assert marks == {mark.label for mark in drawing.marks if not mark.answer} - {"out of sight"}
    assert bench.ink("map")[1].any() and not bench.ink("power")[1].any()
    assert all(entry["value"] == "" for entry in look["legend"])


def test_a_zoomed_view_shows_the_same_numbers_at_other_places(bench):
    drawing = bench.open(SPECIMEN)
    zoom = "(id, x, y) => Plotly.relayout(document.querySelector(`[data-panel=${id}] .inv-plotly`), x)"
    for panel, ranges in (
        ("map", {"xaxis.range": [0, 2], "yaxis.range": [1, 3.5]}),
        ("loss", {"yaxis.range": [-3, 0]}),
    ):
        bench.page.evaluate(f"([id, ranges]) => ({zoom})(id, ranges)", [panel, ranges])
    bench.calm()
    look = bench.look()
    assert look["panels"]["map"]["x"]["range"] == [0, 2] and look["panels"]["loss"]["y"]["range"] == [-3, 0]
    expected.lines_agree(look, drawing, STEPS)
    marks_agree(look, drawing)
    bench.page.locator("[data-panel=map]").hover()
    bench.page.locator('[data-panel=map] [data-title="The whole view again"]').click()
    bench.calm()
    assert bench.look()["panels"]["map"]["x"]["range"] == [-1, 3]
