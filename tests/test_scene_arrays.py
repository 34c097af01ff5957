"""What the stage is sent is what was drawn: each array under its own name, in row order, in every frame of a sweep."""

import numpy as np
import pytest

from lessons.figures import METHODS
from lessons.scene import moving, scene
from pages.ui.stage import pack, unpack
from tests.specimen import FRAMES, Specimen

SPECIMEN = Specimen()
DRAWING = SPECIMEN.draw(SPECIMEN.experiment())


@pytest.fixture(scope="module")
def sent():
    """Header and arrays as the browser unpacks them."""
    return unpack(pack(*scene(SPECIMEN, SPECIMEN.experiment())))


def single(values):
    """As float32 has it; what is too large becomes infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)


def parts(item):
    """The named arrays of a line, field or mark, as the format has them: a mark's single point is a row of one."""
    if hasattr(item, "z"):
        return {"z": item.z}
    return {axis: np.atleast_1d(getattr(item, axis)) for axis in "xy"}


@pytest.mark.parametrize("item", [*DRAWING.lines, *DRAWING.fields, *DRAWING.marks], ids=lambda item: item.id)
def test_each_array_of_the_picture_at_rest_is_the_drawings_own(sent, item):
    header, arrays = sent
    assert header["still"][item.id].keys() == parts(item).keys()
    for axis, values in parts(item).items():
        got = arrays[header["still"][item.id][axis]]
        assert got.dtype == np.float32 and got.shape == np.shape(values)
        np.testing.assert_array_equal(got, single(values))


@pytest.mark.parametrize("name", ["a", "b"])
def test_each_frame_of_a_sweep_is_the_drawing_at_that_value(name):
    values, swept = SPECIMEN.sweep(name, SPECIMEN.defaults)
    arrays = {}
    header, arrays = unpack(pack(moving(values, SPECIMEN.draw(swept), arrays), arrays))
    np.testing.assert_array_equal(arrays[header["values"]], single(values))
    moved = set()
    for k in (0, 1, 30, FRAMES - 1):
        drawing = SPECIMEN.draw(SPECIMEN.experiment(**{name: float(values[k])}))
        for item in (*drawing.lines, *drawing.fields, *drawing.marks):
            for axis, array in parts(item).items():
                if item.id not in header["data"]:
                    np.testing.assert_array_equal(single(array), single(parts(at_rest(item.id))[axis]))
                    continue
                moved.add(item.id)
                got = arrays[header["data"][item.id][axis]]
                assert got.shape == (FRAMES, *np.shape(array)), item.id
                np.testing.assert_allclose(got[k], single(array), rtol=1e-6, err_msg=f"{item.id} {axis} in frame {k}")
        for number, value in drawing.numbers.items():
            if number in header["numbers"]:
                assert arrays[header["numbers"][number]][k] == pytest.approx(float(value), rel=1e-6)
    assert moved == set(header["data"])
    assert moved >= {"a": {"gd/map", "hill", "dot", "gd/loss"}, "b": {"wave", "ring", "power"}}[name]
    assert set(header["numbers"]) == {"a": {"edge", "end"}, "b": set()}[name]


def at_rest(name):
    """The line, field or mark of this name."""
    return next(item for item in (*DRAWING.lines, *DRAWING.fields, *DRAWING.marks) if item.id == name)


def test_the_header_says_of_each_thing_where_it_belongs_and_how_it_looks(sent):
    header, _ = sent
    for told, line in zip(header["lines"], DRAWING.lines, strict=True):
        style = METHODS.get(line.method, line.style)
        looks = {"label": style.label, "colour": style.colour, "dash": style.dash, "width": style.width}
        looks |= {"opacity": style.opacity, "group": line.group or line.id}
        looks |= {name: getattr(line, name) for name in ("id", "panel", "role", "legend", "dots", "answer")}
        assert told == looks
    for told, field in zip(header["fields"], DRAWING.fields, strict=True):
        for name in ("id", "panel", "kind", "low", "high", "label", "answer"):
            assert told[name] == getattr(field, name)
        assert told["extent"] == list(field.extent) and told["levels"] == list(field.levels)
    for told, mark in zip(header["marks"], DRAWING.marks, strict=True):
        assert told == {name: getattr(mark, name) for name in ("id", "panel", "symbol", "label", "answer")}
    for told, panel in zip(header["panels"], DRAWING.panels, strict=True):
        assert (told["id"], told["title"], told["equal"]) == (panel.id, panel.title, panel.equal)
        assert told["size"] == ("big" if panel.big else "small") and told["cursor"] == (panel.cursor or None)
        for axis, seen in ((panel.x, told["xaxis"]), (panel.y, told["yaxis"])):
            assert (seen["label"], seen["log"], seen["range"]) == (axis.label, axis.log, list(axis.range))
            assert seen["autorange"] is False
    assert header["numbers"] == {name: float(value) for name, value in DRAWING.numbers.items()}
    assert [readout["digits"] for readout in header["readouts"]] == [3, 4, 2]
    assert header["steps"] == {"count": 12, "noun": "step"}


def test_the_header_says_of_each_control_what_it_may_be(sent):
    header, _ = sent
    told = {control["name"]: control for control in header["controls"]}
    for control in SPECIMEN.controls:
        seen = told[control.name]
        if control.kind == "slider":
            assert (seen["min"], seen["max"], seen["scale"]) == (control.low, control.high, control.scale)
            assert (seen["digits"], seen["unit"], seen["step"]) == (control.digits, control.unit, control.step)
            marks = [(mark["label"], mark.get("value"), mark.get("number", "")) for mark in seen["landmarks"]]
            assert marks == [(mark.label, mark.value, mark.number) for mark in control.landmarks]
        elif control.kind in ("choice", "ticks"):
            options = [{"value": value, "label": label} for value, label in control.options.items()]
            assert seen["options"] == options
        elif control.kind == "point":
            assert (seen["min"], seen["max"], seen["panel"]) == (list(control.low), list(control.high), control.panel)
            assert seen["guess"] is False
        elif control.kind == "preset":
            assert seen["settings"] == {"a": 5.0, "start": [-0.5, 4.0]}
        if control.kind not in ("preset",):
            assert seen["default"] == (list(control.default) if isinstance(control.default, tuple) else control.default)


def test_a_number_that_is_none_of_the_sweeps_stays_with_the_picture():
    values, swept = SPECIMEN.sweep("a", SPECIMEN.defaults)
    assert "shift" not in moving(values, SPECIMEN.draw(swept), {})["numbers"]
