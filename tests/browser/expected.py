"""Where numbers ought to be on a plot, worked out in Python from a drawing and the axes alone."""

import re
from dataclasses import replace
from typing import Any

import numpy as np

from lessons.figures import Drawing, Line, Panel

ZERO = -1e6  # the exponent at which a logarithmic axis places an exact zero: below every view
FAR = 1e5  # pixels: beyond, a point is pulled in along its direction
NEAR = 0.06  # pixels: coordinates are written to a tenth
HOLDS = re.compile(r"([ML])(-?[\d.]+(?:e-?\d+)?),(-?[\d.]+(?:e-?\d+)?)")


def along(axis: dict[str, Any], values: Any, up: bool = False) -> np.ndarray:
    """Pixels of float32 values along an axis of a look, from the left, or from the top for what points up."""
    with np.errstate(all="ignore"):
        places = np.asarray(values, np.float32).astype(float)
        if axis["type"] == "log":
            places = np.where(places == 0, ZERO, np.log10(places))
        share = (places - axis["range"][0]) / (axis["range"][1] - axis["range"][0])
    return axis["length"] * (1 - share if up else share)


def points(look: dict[str, Any], x: Any, y: Any) -> np.ndarray:
    """(n, 2) pixels in a panel's plot, nan for what is nowhere."""
    found = np.stack([along(look["x"], x), along(look["y"], y, up=True)], -1)
    found[~np.isfinite(found).all(-1)] = np.nan
    size = np.abs(found).max(-1, keepdims=True)
    return np.where(size > FAR, found * FAR / np.maximum(size, 1), found)


def coordinates(line: Line, step: float) -> tuple[np.ndarray, np.ndarray]:
    """What of a line is drawn at a step, a whole one or between two: all its points, or the row of this step."""
    x, y = np.asarray(line.x, float), np.asarray(line.y, float)
    if line.role == "segment":
        x, y = (rows[min(int(step), len(rows) - 1)] if rows.ndim > 1 else rows for rows in (x, y))
    if line.role == "path":
        x, y = x[: int(step) + 1], y[: int(step) + 1]
    return x, y


def strokes(look: dict[str, Any], line: Line, step: float) -> list[np.ndarray]:
    """The connected pieces, each (n, 2) in pixels. A path ends for good where it leaves; a curve has a gap there."""
    places = points(look, *coordinates(line, step))
    there = np.isfinite(places).all(-1)
    if line.role == "path":
        length = len(there) if there.all() else int(np.argmin(there))
        places = places[:length]
        ahead = int(step) + 1
        if step > int(step) and length == ahead and ahead < np.shape(line.x)[-1]:
            after = points(look, np.asarray(line.x)[ahead : ahead + 1], np.asarray(line.y)[ahead : ahead + 1])
            if np.isfinite(after).all():
                places = np.concatenate([places, places[-1:] + (step - int(step)) * (after - places[-1:])])
        return [places] if len(places) else []
    cuts = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(int)))
    return [places[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]


def read(d: str) -> list[np.ndarray]:
    """The pieces of an SVG path, each (n, 2); the stage writes M0,0 for nothing at all."""
    if d in ("", "M0,0"):
        return []
    pieces: list[list] = []
    for pen, x, y in HOLDS.findall(d):
        if pen == "M":
            pieces.append([])
        pieces[-1].append((float(x), float(y)))
    return [np.array(piece) for piece in pieces]


def order(drawing: Drawing, panel: str) -> list[Line]:
    """The lines of a panel from the lowest to the uppermost: wide ones lie under narrow ones."""
    return sorted((line for line in drawing.lines if line.panel == panel), key=lambda line: -line.style.width)


def agree(got: list[np.ndarray], want: list[np.ndarray], name: str, near: float = NEAR) -> None:
    """The same pieces with the same points, `near` pixels apart at most; far out of the view only roughly."""
    assert [len(piece) for piece in got] == [len(piece) for piece in want], f"{name}: other pieces are drawn"
    for piece, other in zip(got, want, strict=True):
        np.testing.assert_allclose(piece, other, rtol=1e-4, atol=near, err_msg=name)


def lines_agree(
    look: dict[str, Any], drawing: Drawing, step: float = np.inf, hidden: tuple[str, ...] = (), near: float = NEAR
) -> int:
    """Every line of every panel lies where Python says so; returns how many have been drawn."""
    drawn = 0
    steps = 10**6 if np.isinf(step) else step
    for panel in drawing.panels:
        here = look["panels"][panel.id]
        for seen, line in zip(here["lines"], order(drawing, panel.id), strict=True):
            assert seen["label"] == line.style.label, "the lines lie in another order"
            want = [] if (line.group or line.id) in hidden else strokes(here, line, steps)
            agree(read(seen["d"]), want, f"{line.id} at step {step}", near)
            drawn += bool(want)
    return drawn


def frame(drawing: Drawing, still: Drawing, k: int) -> Drawing:
    """Picture k of a swept drawing; `still`, one picture, tells which arrays have the sweep's axis in front."""

    def parts(moving: tuple, resting: tuple, names: str) -> tuple:
        found = []
        for item, other in zip(moving, resting, strict=True):
            arrays = {name: np.asarray(getattr(item, name)) for name in names}
            extra = {name: array.ndim - np.ndim(getattr(other, name)) for name, array in arrays.items()}
            found.append(replace(item, **{name: arrays[name][k] if extra[name] else arrays[name] for name in names}))
        return tuple(found)

    return replace(
        drawing,
        lines=parts(drawing.lines, still.lines, "xy"),
        fields=parts(drawing.fields, still.fields, "z"),
        marks=parts(drawing.marks, still.marks, "xy"),
        numbers={n: np.asarray(v)[k] if np.ndim(v) else v for n, v in drawing.numbers.items()},
    )


def axes_agree(look: dict[str, Any], panels: tuple[Panel, ...]) -> None:
    """Each axis has the kind, the range and the name that Python gives it."""
    for panel in panels:
        here = look["panels"][panel.id]
        assert here["title"] == panel.title
        for axis, seen in ((panel.x, here["x"]), (panel.y, here["y"])):
            assert seen["type"] == ("log" if axis.log else "linear")
            if axis.range is None:
                continue
            want = np.log10(axis.range) if axis.log else np.array(axis.range)
            # With equal scales a plot of whole pixels may show a little more.
            slack = 0.02 * abs(want[1] - want[0]) if panel.equal else 1e-9
            np.testing.assert_allclose(seen["range"], want, atol=slack, err_msg=f"{panel.id} {axis.label}")


def formatted(value: float, digits: int = 3) -> str:
    """A number as people read it: significant digits, a true minus sign, powers of ten for what is tiny or huge."""
    if np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa}×10{raised}".replace("-", "−")
    text = f"{value:#.{digits}g}".rstrip(".")
    return (f"{value:.0f}" if "e" in text else text).replace("-", "−")
