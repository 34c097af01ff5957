"""What the stage is sent: only what moves in the sweeps, every array named, strict JSON, and small enough."""

import dataclasses
import functools
import json
import struct

import jax
import numpy as np
import pytest

from lessons import lessons
from lessons.controls import Slider, Step
from lessons.lab import walking
from lessons.lab.study_table import given_of
from lessons.learned import setting
from lessons.newton import cost
from lessons.scene import control_header, moving, scene
from pages.ui.stage import pack, unpack
from tests.browser.expected import formatted
from tests.tables import made_up

LESSONS = lessons()
MOST_BYTES = 1_500_000
every_lesson = pytest.mark.parametrize("slug", LESSONS)


def given(slug):
    """What a lesson that needs something works with: measurements, or a model; an untrained one draws as much."""
    if slug == "newton-cost":
        return cost.given_of(cost.made_up())
    if slug == "studies":
        return given_of(made_up(LESSONS[slug].defaults))
    # What these are given is more than a model.
    if slug in ("scorecard", "probes", "linear-check", "limits", "diagnosis", "speed"):
        return LESSONS[slug].prepare(LESSONS[slug].defaults)
    if slug in ("heat-1d", "oscillator"):
        return walking.setup({"heat-1d": "heat-easy"}.get(slug, slug)).build(jax.random.key(0))
    return setting.setup("sine").build(jax.random.key(0))


@functools.cache
def everything(slug):
    """A lesson at its defaults: model, result, sweeps as computed, header and arrays of the picture at rest."""
    lesson = LESSONS[slug]
    model = given(slug) if lesson.prepare else None
    result = lesson.experiment(model)
    sliders = [c for c in lesson.controls if isinstance(c, Slider) and c.applies(lesson.defaults)]
    swept = [c.name for c in sliders if c.swept]
    sweeps = {name: lesson.sweep(name, lesson.defaults, model) for name in swept}
    return model, result, sweeps, *scene(lesson, result)


@functools.cache
def frames(slug):
    """What is sent of each of these sweeps, by slider: header and arrays."""
    sent = {}
    for name, (values, swept) in everything(slug)[2].items():
        arrays = {}
        sent[name] = moving(values, LESSONS[slug].draw(swept), arrays), arrays
    return sent


def named(header):
    """Every array that the header of a sweep speaks of."""
    yield header["values"]
    yield from header["numbers"].values()
    for item in header["data"].values():
        yield from item.values()


@every_lesson
def test_what_play_counts_has_a_name(slug):
    header, steps = everything(slug)[3], [c for c in LESSONS[slug].controls if isinstance(c, Step)]
    assert header["steps"] == ({"count": steps[0].high, "noun": steps[0].label} if steps else None)
    assert not steps or steps[0].label in ("step", "point", "frame")


@every_lesson
def test_the_whole_picture_is_small_enough(slug):
    sent = [everything(slug)[3:], *frames(slug).values()]
    assert sum(len(pack(header, arrays)) for header, arrays in sent) <= MOST_BYTES


@every_lesson
def test_every_array_is_named_once_and_every_name_is_there(slug):
    header, arrays = everything(slug)[3:]
    still = [key for item in header["still"].values() for key in item.values()]
    for found, there in [(still, arrays), *((list(named(header)), arrays) for header, arrays in frames(slug).values())]:
        assert len(found) == len(set(found)) and set(found) == set(there)


@every_lesson
def test_the_header_is_strict_json(slug):
    payload = pack(*everything(slug)[3:])
    (length,) = struct.unpack_from("<I", payload)

    def refuse(text):
        raise AssertionError(f"{text} is no JSON")

    header = json.loads(payload[4 : 4 + length], parse_constant=refuse)
    assert header["slug"] == slug and header["sweeps"] == {}
    again, arrays = unpack(payload)
    assert again == json.loads(json.dumps(everything(slug)[3])) and arrays.keys() == header["arrays"].keys()


@every_lesson
def test_only_what_moves_is_swept(slug):
    for name, (sweep, arrays) in frames(slug).items():
        assert sweep["data"], f"nothing moves with {name}"
        for item, axes in sweep["data"].items():
            moved = [arrays[key] for key in axes.values()]
            assert all(len(frame) == 61 for frame in moved)
            assert any(not np.array_equal(frame[0], other, equal_nan=True) for frame in moved for other in frame), item


@every_lesson
def test_what_is_not_swept_stays_as_it_is(slug):
    _, _, sweeps, header, arrays = everything(slug)
    for name, (values, swept) in sweeps.items():
        for line in LESSONS[slug].draw(swept).lines:
            if line.id in frames(slug)[name][0]["data"]:
                continue
            for axis in "xy":
                still = arrays[header["still"][line.id][axis]]
                drawn = np.asarray(getattr(line, axis), np.float32)
                drawn = np.broadcast_to(drawn, (len(values), *still.shape))
                np.testing.assert_allclose(drawn, np.broadcast_to(still, drawn.shape), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("slider", "methods"),
    [
        ("eta_gd", {"gradient_descent"}),
        ("eta_newton", {"newton"}),
        ("eta", {"inverse_gradient", "inverse_simulator"}),
    ],
)
def test_a_methods_step_size_moves_its_own_lines_only(slider, methods):
    data = frames("four-ways")[slider][0]["data"]
    assert set(data) == {f"{method}/{panel}" for method in methods for panel in ("x", "y", "deviation")}


@every_lesson
def test_a_frame_of_a_sweep_is_the_experiment_at_that_value(slug):
    model, _, sweeps, *_ = everything(slug)
    for name, (values, _) in sweeps.items():
        header, arrays = frames(slug)[name]
        for frame in (0, 17, 60):
            single, still = scene(LESSONS[slug], LESSONS[slug].experiment(model, **{name: float(values[frame])}))
            for item, axes in header["data"].items():
                if "meter" in item or "rjcp" in item:
                    continue  # rounding errors, by design
                for axis, key in axes.items():
                    expected = still[single["still"][item][axis]]
                    finite = np.isfinite(expected) & (np.abs(expected) < 1e6)
                    np.testing.assert_allclose(
                        arrays[key][frame][finite], expected[finite], rtol=1e-3, atol=1e-4, err_msg=f"{name} {item}"
                    )


@every_lesson
def test_everything_drawn_belongs_to_a_panel_and_every_control_is_described(slug):
    header = everything(slug)[3]
    panels = [panel["id"] for panel in header["panels"]]
    assert len(panels) == len(set(panels)) and sum(panel["size"] == "big" for panel in header["panels"]) in (1, 2)
    drawn = [*header["lines"], *header["fields"], *header["marks"]]
    assert all(item["panel"] in panels for item in drawn)
    assert len({item["id"] for item in drawn}) == len(drawn) and {item["id"] for item in drawn} == set(header["still"])
    told = [c.name for c in LESSONS[slug].controls if not isinstance(c, Slider) or c.applies(LESSONS[slug].defaults)]
    assert [c["name"] for c in header["controls"]] == told
    assert all(readout["line"] in header["still"] for readout in header["readouts"])
    sliders = {c["name"] for c in header["controls"] if c["kind"] == "slider"}
    assert all(panel["cursor"] in sliders for panel in header["panels"] if panel["cursor"])
    # The settings of a slider that is not drawn here come along too: a permalink keeps them.
    assert set(header["settings"]) == {c.name for c in LESSONS[slug].controls if c.name}
    points = [c for c in header["controls"] if c["kind"] == "point"]
    assert all(point["panel"] in panels for point in points)


def test_a_number_that_moves_is_swept_too():
    header, arrays = frames("crux")["alpha"]
    limit, values = header["numbers"]["stable_limit"], everything("crux")[2]["alpha"][0]
    np.testing.assert_allclose(arrays[limit], 1 / np.maximum(1, values) ** 2, rtol=1e-5)


def test_what_comes_back_to_where_it_began_moves_and_what_is_undefined_throughout_does_not():
    there_and_back, undefined = np.zeros((3, 2), np.float32), np.full((3, 2), np.nan, np.float32)
    there_and_back[1] = 1.0
    line = next(iter(LESSONS["crux"].draw(LESSONS["crux"].experiment()).lines))
    drawing = dataclasses.replace(
        LESSONS["crux"].draw(LESSONS["crux"].experiment()),
        lines=(
            dataclasses.replace(line, x=there_and_back, y=undefined),
            dataclasses.replace(line, id="still", x=undefined, y=undefined),
        ),
        fields=(),
        marks=(),
        numbers={},
    )
    assert set(moving(np.arange(3.0), drawing, {})["data"]) == {line.id}


def test_nan_and_infinity_travel_and_a_frozen_axis_comes_along():
    lesson = LESSONS["crux"]
    values, swept = everything("crux")[2]["eta"]
    arrays = {}
    header = moving(values, lesson.draw(swept), arrays)
    walk = arrays[header["data"]["gradient_descent/x"]["x"]]
    assert walk.dtype == np.float32 and walk.shape == (61, 41)
    # Beyond eta = 1 both directions diverge, if slowly; at eta = 2 and 40 steps x2 has left float32.
    x2 = arrays[header["data"]["gradient_descent/x"]["y"]]
    assert np.isinf(x2[-1, -1]) and np.isfinite(x2[0]).all()
    _, sent = unpack(pack({}, arrays))
    np.testing.assert_array_equal(sent[header["data"]["gradient_descent/x"]["y"]], x2)


@every_lesson
def test_what_is_counted_reads_as_a_whole_number(slug):
    lesson = LESSONS[slug]
    for slider in (c for c in lesson.controls if isinstance(c, Slider) and c.step and c.step % 1 == c.low % 1 == 0):
        digits = control_header(slider, lesson.defaults)["digits"]
        counts = np.arange(slider.low, slider.high + slider.step, slider.step)
        assert [formatted(value, digits) for value in counts] == [f"{value:.0f}" for value in counts], slider.name
