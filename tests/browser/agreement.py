"""Whether a look at the stage agrees with a drawing of Python: landscapes, marks, readouts, landmarks, points."""

import re

import numpy as np
import pytest

from tests.browser import expected
from tests.specimen import STEPS, Specimen

SPECIMEN = Specimen()
SLIDERS = {c.name: c for c in SPECIMEN.controls if c.kind == "slider"}


def rgb(colour):
    """A colour as three numbers; "muted" is the text's, thinned on a white page."""
    if colour == "muted":
        return tuple(round(value * 0.62 + 255 * 0.38) for value in rgb("#31333f"))
    if colour.startswith("#"):
        return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return tuple(int(part) for part in re.findall(r"\d+", colour))[:3]


def grid(here, field, refined=8):
    """(z, x, y): a field between its nodes, and the pixels of these places, in the panel's plot."""
    z = np.asarray(field.z, float)
    x0, x1, y0, y1 = field.extent
    logs = [here[letter]["type"] == "log" for letter in "xy"]
    nodes = [
        (np.geomspace if log else np.linspace)(low, high, count)
        for log, low, high, count in zip(logs, (x0, y0), (x1, y1), z.shape[::-1], strict=True)
    ]
    fine = [np.linspace(0, n - 1, (n - 1) * refined + 1) for n in z.shape]
    z = np.stack([np.interp(fine[1], np.arange(z.shape[1]), row) for row in z])
    z = np.stack([np.interp(fine[0], np.arange(z.shape[0]), column) for column in z.T], 1)
    at = [expected.along(here[letter], nodes[i], up=letter == "y") for i, letter in enumerate("xy")]
    x = np.interp(fine[1], np.arange(len(at[0])), at[0])
    return z, x, np.interp(fine[0], np.arange(len(at[1])), at[1])


def shade_differs(alpha, here, field, strength, z=None):
    """How far the opacity is from the numbers' own, as a share of the strongest: the median over the field's inside."""
    values, x, y = grid(here, field)
    values = values if z is None else z(values)
    want = strength * 255 * np.clip((values - field.low) / (field.high - field.low), 0, 1)
    rows = (y > 1) & (y < alpha.shape[0] - 2)
    columns = (x > 1) & (x < alpha.shape[1] - 2)
    got = alpha[y[rows].astype(int)[:, None], x[columns].astype(int)]
    return np.quantile(np.abs(got - want[np.ix_(rows, columns)]), [0.5, 0.95]) / (strength * 255)


def isolines_are_right(bench, panel, field, *, coarse=False):
    """Ink at every crossing of a level, and no ink anywhere else. coarse: its bends are sharp between nodes."""
    every = []
    here = bench.look()["panels"][panel]
    _, alpha = bench.ink(panel)
    inked = alpha > 25
    z, x, y = grid(here, field)
    for level in field.levels:
        across = (z[:, :-1] < level) != (z[:, 1:] < level)
        met = []
        for j, i in zip(*np.nonzero(across), strict=True):
            px, py = (x[i] + x[i + 1]) / 2, y[j]
            if 4 < px < alpha.shape[1] - 4 and 4 < py < alpha.shape[0] - 4:
                met.append(inked[int(py) - 2 : int(py) + 3, int(px) - 2 : int(px) + 3].any())
        # At the tip of a line, where it runs along the rows, smoothing between the nodes moves it by some pixels.
        assert coarse or (len(met) > 50 and np.mean(met) > 0.95), f"level {level} is not drawn where it is crossed"
        every += met
    assert len(every) > 50 and np.mean(every) > 0.9
    # The value at each inked pixel is a level's, up to what the field changes by within two pixels.
    rows, columns = np.nonzero(inked)
    j = np.interp(rows + 0.5, y[::-1], np.arange(len(y))[::-1])
    i = np.interp(columns + 0.5, x, np.arange(len(x)))
    value = z[j.round().astype(int), i.round().astype(int)]
    slope = np.hypot(*np.gradient(z, y, x))[j.round().astype(int), i.round().astype(int)]
    away = np.abs(value[:, None] - np.array(field.levels)).min(1)
    assert np.mean(away <= 2.5 * slope + 1e-3) > (0.97 if coarse else 0.995)
    assert len(rows) > 300


def seen_marks(look, panel):
    """[symbol, x, y, label] of each mark in a panel's plot; a box has its left, top, right and bottom."""
    found = []
    for mark in look["panels"][panel]["marks"]:
        shape = mark["parts"][1]
        d = shape.get("d", "")
        numbers = [float(part) for part in re.findall(r"-?[\d.]+", d)]
        if not mark["shown"]:
            continue
        if "H" in d:
            left, top, right, bottom, _ = numbers
            found.append(("box", (left, top, right, bottom), mark["text"]))
            assert shape["stroke-dasharray"]
        elif "h" in d:
            found.append(("cross", (numbers[0] + 7, numbers[1]), mark["text"]))
            assert numbers[3] == pytest.approx(numbers[0] + 7) and numbers[4] == pytest.approx(numbers[1] - 7)
        elif "a" in d:
            radius = numbers[2]
            symbol = "dot" if shape["fill"] != "none" else "ring"
            found.append((symbol, (numbers[0] + radius, numbers[1]), mark["text"]))
        else:
            text = mark["parts"][2]
            found.append(("label", (float(text["x"]), float(text["y"])), mark["text"]))
    return found


def wanted_marks(look, drawing, panel):
    """The same from the numbers of a drawing, for what lies in view."""
    here, found = look["panels"][panel], []
    for mark in (mark for mark in drawing.marks if mark.panel == panel):
        x = expected.along(here["x"], np.atleast_1d(mark.x))
        y = expected.along(here["y"], np.atleast_1d(mark.y), up=True)
        if mark.symbol == "box":
            edge = [max(x.min(), -1), max(y.min(), -1)]
            edge += [min(x.max(), here["x"]["length"] + 1), min(y.max(), here["y"]["length"] + 1)]
            found.append(("box", tuple(edge), mark.label))
        elif -1 <= x[0] <= here["x"]["length"] + 1 and -1 <= y[0] <= here["y"]["length"] + 1:
            found.append((mark.symbol, (x[0], y[0]), mark.label))
    return found


def marks_agree(look, drawing):
    """Every mark in view stands at its numbers, with its own label; returns how many there are."""
    count = 0
    for panel in drawing.panels:
        got, want = (
            sorted(all_, key=lambda mark: (mark[0], mark[2], mark[1]))
            for all_ in (seen_marks(look, panel.id), wanted_marks(look, drawing, panel.id))
        )
        assert [mark[::2] for mark in got] == [mark[::2] for mark in want], panel.id
        for (symbol, at, label), (_, place, _) in zip(got, want, strict=True):
            near = 25 if symbol == "label" else 0.2  # words stand beside their place
            np.testing.assert_allclose(at, place, atol=near, err_msg=f"{symbol} {label}")
            count += 1
    return count


def picture_agrees(look, drawing, step=STEPS):
    """Lines and marks of a whole picture."""
    expected.lines_agree(look, drawing, step)
    marks_agree(look, drawing)


def cursor_at(look, value):
    """The thin line in the panel that marks a slider's value."""
    here = look["panels"]["power"]
    (line,) = here["cursor"]
    place = expected.along(here["x"], value)
    assert float(line["x1"]) == pytest.approx(place, abs=0.2) and line["x1"] == line["x2"]
    assert (float(line["y1"]), float(line["y2"])) == (0, pytest.approx(here["y"]["length"]))


def landmarks_agree(look, numbers):
    """Each landmark's tick is where its number lies on the track; what lies beyond the track is not shown."""
    for name, slider in SLIDERS.items():
        seen = look["sliders"][name]
        assert seen["label"] == slider.label
        for mark, tick in zip(slider.landmarks, seen["landmarks"], strict=True):
            value = float(numbers[mark.number]) if mark.number else mark.value
            assert tick["label"] == mark.label
            assert tick["shown"] == (slider.low <= value <= slider.high), f"{mark.label} at {value}"
            if tick["shown"]:
                place = share(slider, value) * seen["track"]["width"]
                assert tick["tick"] == pytest.approx(place, abs=0.6), mark.label


def share(slider, value):
    """Where a value lies along its track."""
    if slider.scale == "log":
        return np.log(value / slider.low) / np.log(slider.high / slider.low)
    return (value - slider.low) / (slider.high - slider.low)


def readouts_agree(look, drawing, step, hidden=()):
    """What the legend says beside each method is the number of its line at this step."""
    groups = {line.id: line.group for line in drawing.lines}
    says = {entry["label"]: entry["value"] for entry in look["legend"]}
    for line in (line for line in drawing.lines if line.legend):
        said = []
        for readout in drawing.readouts:
            if groups[readout.line] == line.group and line.group not in hidden:
                shown = next(other for other in drawing.lines if other.id == readout.line)
                with np.errstate(over="ignore"):
                    value = np.asarray(getattr(shown, readout.axis), np.float32)[step]
                said.append(expected.formatted(float(value), readout.digits))
        assert says[line.style.label] == " · ".join(said), f"{line.id} at step {step}"
    if drawing.readouts:
        panels = {panel.id: panel for panel in drawing.panels}
        named = {line.id: panels[line.panel] for line in drawing.lines}
        what = [getattr(named[one.line], one.axis).label or named[one.line].title for one in drawing.readouts]
        assert look["note"].split() == f"{' · '.join(dict.fromkeys(what))} at step {step}".split()


def handle(look, name):
    """Where a point that can be dragged is drawn."""
    for panel in look["panels"].values():
        for group in panel["handle"]:
            if group.get("aria-label") == name:
                return tuple(float(group["parts"][1][c]) for c in ("cx", "cy"))
    raise AssertionError(f"no point {name}")


def handles_agree(look, settings):
    """Each point that can be dragged is drawn at its own numbers."""
    here = look["panels"]["map"]
    for name in ("start", "goal"):
        x, y = settings[name]
        place = expected.along(here["x"], x), expected.along(here["y"], y, up=True)
        assert handle(look, name) == pytest.approx(place, abs=0.5), name
