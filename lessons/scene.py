"""A lesson's result as the stage takes it: a JSON header and named arrays (the format is in pages/ui/stage/pack.js).

A sweep, the frames of one slider, is sent apart from the picture at rest, and only what moves in it: an array that is
the same in all frames stays in the still picture.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.backend import provenance
from lessons.controls import Choice, Legend, Point, Preset, Slider, Step, Ticks
from lessons.figures import Axis, Drawing, Field, Line, Mark, Panel
from lessons.lesson import Lesson

Arrays = dict[str, np.ndarray]


def scene(lesson: Lesson, result: Mapping[str, Any], **extra: Any) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays of the stage for one committed result.

    extra: what the page adds, such as veiled, autoplay, actions, progress, events. "sweeps" and "elsewhere" are left to
    it, too: where the frames of each slider are found, and pictures at other places of the sliders and points.
    """
    drawing = lesson.draw(result)
    arrays: Arrays = {}
    header = {
        "slug": lesson.slug,
        "title": lesson.title,
        "made": provenance(),
        "veiled": False,
        "autoplay": False,
        "answered": 0,
        "alt": lesson.alt,
        "settings": {name: list(v) if isinstance(v, tuple) else v for name, v in result["settings"].items()},
        "controls": [
            control_header(control, result["settings"])
            for control in lesson.controls
            if not isinstance(control, Slider) or control.applies(result["settings"])
        ],
        "panels": [panel_header(panel) for panel in drawing.panels],
        "lines": [line_header(line) for line in drawing.lines],
        "fields": [field_header(item) for item in drawing.fields],
        "marks": [mark_header(mark) for mark in drawing.marks],
        "still": still(drawing, arrays),
        "numbers": {name: float(value) for name, value in drawing.numbers.items()},
        "sweeps": {},
        "elsewhere": None,
        "steps": next(({"count": c.high, "noun": c.label} for c in lesson.controls if isinstance(c, Step)), None),
        "readouts": [vars(readout) for readout in drawing.readouts],
        "actions": [],
        "progress": None,
        "events": None,
    } | extra
    return header, arrays


def still(drawing: Drawing, arrays: Arrays) -> dict[str, dict[str, str]]:
    """Put one picture's arrays into `arrays`; returns which belong to which line, field and mark."""
    return {item_id: _store(arrays, f"still/{item_id}", parts) for item_id, parts in _parts(drawing)}


def moving(values: np.ndarray, drawing: Drawing, arrays: Arrays) -> dict[str, Any]:
    """The frames of one slider: for every line, field and mark that changes, its arrays with a leading axis.

    values: the slider's, a frame each.  drawing: of a whole sweep.  Fills `arrays`; returns which belong to what.
    """
    arrays["values"] = values.astype(np.float32)
    data = {}
    for item_id, parts in _parts(drawing):
        changing = {axis: array for axis, array in parts.items() if _changes(array, len(values))}
        if changing:
            whole = {
                axis: np.broadcast_to(array, _frames(array, changing, len(values))) for axis, array in parts.items()
            }
            data[item_id] = _store(arrays, item_id, whole)
    numbers = {}
    for number, series in drawing.numbers.items():
        if np.shape(series) == (len(values),):
            arrays[f"number/{number}"] = np.asarray(series, np.float32)
            numbers[number] = f"number/{number}"
    return {"values": "values", "data": data, "numbers": numbers}


def _parts(drawing: Drawing):
    with np.errstate(over="ignore"):  # a diverged path is beyond float32 too: it becomes inf, where drawing stops
        yield from _float32_parts(drawing)


def _float32_parts(drawing: Drawing):
    for line in drawing.lines:
        yield line.id, {"x": np.asarray(line.x, np.float32), "y": np.asarray(line.y, np.float32)}
    for item in drawing.fields:
        yield item.id, {"z": np.asarray(item.z, np.float32)}
    for mark in drawing.marks:
        corners = (2,) if mark.symbol == "box" else (1,)
        x, y = np.asarray(mark.x, np.float32), np.asarray(mark.y, np.float32)
        if corners == (1,):
            x, y = x[..., None], y[..., None]
        yield mark.id, {"x": x, "y": y}


def _changes(array: np.ndarray, frames: int) -> bool:
    """Whether the leading axis is the sweep and something moves along it. Bits are compared: nan equals nan here."""
    if array.ndim < 2 or len(array) != frames:
        return False
    bits = np.ascontiguousarray(array).view(np.uint32)
    # What moves has mostly moved by the end: then one frame tells.
    return not np.array_equal(bits[-1], bits[0]) or bool((bits != bits[0]).any())


def _frames(array: np.ndarray, changing: dict[str, np.ndarray], frames: int) -> tuple[int, ...]:
    """The shape of `array` with its sweep axis, where only its partner moves."""
    partner = next(iter(changing.values()))
    return array.shape if array.ndim == partner.ndim else (frames, *array.shape)


def _store(arrays: Arrays, key: str, parts: dict[str, np.ndarray]) -> dict[str, str]:
    names = {}
    for axis, array in parts.items():
        arrays[f"{key}/{axis}"] = np.ascontiguousarray(array, np.float32)
        names[axis] = f"{key}/{axis}"
    return names


def control_header(control: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """One control as the stage draws it at these settings."""
    header: dict[str, Any] = {
        "kind": control.kind,
        "name": control.name,
        "label": getattr(control, "label", ""),
    }
    if isinstance(control, Slider):
        landmarks = [
            {"label": mark.label} | ({"number": mark.number} if mark.number else {"value": mark.value})
            for mark in control.landmarks
        ]
        header |= {
            "min": control.low,
            "max": control.high,
            "scale": control.scale,
            "default": control.default,
        }
        header |= {
            "digits": 1 if control.whole else control.digits,  # digits before the point are never cut
            "unit": control.unit,
            "landmarks": landmarks,
            "group": control.group,
        }
        header |= {"step": control.step}
    elif isinstance(control, Choice | Ticks):
        offered = control.offered(settings) if isinstance(control, Ticks) else control.options
        options = [{"value": value, "label": label} for value, label in offered.items()]
        header |= {"options": options, "default": control.default, "group": control.group}
    elif isinstance(control, Point):
        header |= {
            "panel": control.panel,
            "min": control.low,
            "max": control.high,
            "default": control.default,
            "guess": not control.simulated,
        }
    elif isinstance(control, Step | Legend):
        header |= {"default": control.default}
    elif isinstance(control, Preset):
        header |= {"settings": dict(control.settings)}
    return header


def panel_header(panel: Panel) -> dict[str, Any]:
    return {
        "id": panel.id,
        "title": panel.title,
        "size": "big" if panel.big else "small",
        "equal": panel.equal,
        "xaxis": _axis_header(panel.x),
        "yaxis": _axis_header(panel.y),
        "cursor": panel.cursor or None,
    }


def _axis_header(axis: Axis) -> dict[str, Any]:
    ticks = [{"value": value, "text": text} for value, text in axis.ticks]
    return {
        "label": axis.label,
        "range": axis.range,
        "log": axis.log,
        "autorange": axis.range is None,
        "ticks": ticks,
    }


def line_header(line: Line) -> dict[str, Any]:
    keys = ("id", "panel", "role", "legend", "dots", "answer")
    return {key: getattr(line, key) for key in keys} | {"group": line.group or line.id} | line.style._asdict()


def field_header(item: Field) -> dict[str, Any]:
    keys = ("id", "panel", "extent", "kind", "levels", "low", "high", "label", "answer")
    ticks = [{"value": value, "text": text} for value, text in item.ticks]
    return {key: getattr(item, key) for key in keys} | {"ticks": ticks}


def mark_header(mark: Mark) -> dict[str, Any]:
    return {key: getattr(mark, key) for key in ("id", "panel", "symbol", "label", "answer")}
