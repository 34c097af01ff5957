"""A lesson made for testing the stage: everything that a figure can hold, nothing of it symmetric, no JAX in it.

Horizontal and vertical axes, ranges, grids and corners all differ, so that what is transposed, mirrored, shifted by a
step or a frame, or drawn on the wrong kind of axis lies at another place.
"""

from typing import Any

import numpy as np

from lessons.controls import Choice, Landmark, Legend, Point, Preset, Slider, Step, Ticks
from lessons.figures import Axis, Drawing, Field, Line, Mark, Panel, Readout

STEPS = 12
FRAMES = 61
MAP = (-0.5, 3.0, 0.5, 4.5)  # the extent of the fields of the map, smaller than its panel
LEVELS = (4.5, 0.35, 0.9, 2.0)  # unevenly spaced and out of order
TICKS = ((0.2, "low"), (0.75, "high"), (2.0, "beyond"))  # of the shade, the last one outside of its scale
GROUPS = ("gradient_descent", "newton", "inverse_gradient", "rest")


class Specimen:
    """As much of `lessons.lesson.Lesson` as a picture needs."""

    slug, title, alt = "specimen", "A specimen", "what a reader of screens is told"
    prepare = None
    controls = (
        Step("step", "step", STEPS, STEPS),
        Slider(
            "a",
            "growth a",
            0.5,
            8.0,
            2.0,
            "log",
            landmarks=(Landmark("two", 2.0), Landmark("the least", 0.5), Landmark("edge", number="edge")),
        ),
        Slider(
            "b",
            "shift b",
            0.0,
            10.0,
            3.0,
            digits=2,
            unit="s",
            step=0.5,
            landmarks=(Landmark("seven", 7.0), Landmark("end", number="end")),
        ),
        Slider("c", "unseen c", 1.0, 5.0, 2.0, swept=False, group="more"),
        Choice("kind", "kind", {"one": "the one", "two": "the other"}, "one"),
        Ticks("some", "some of", {"p": "pears", "q": "quinces", "r": "rowans"}, ("q",)),
        Point("start", "start", "map", (-0.9, 0.2), (2.5, 4.8), (2.0, 1.0)),
        Point("goal", "goal", "map", (-0.9, 0.2), (2.9, 4.0), (0.0, 3.5)),
        Preset("fast and far", {"a": 5.0, "start": (-0.5, 4.0)}),
        Legend("hide", GROUPS),
    )

    @property
    def defaults(self) -> dict[str, Any]:
        """The settings at which it opens."""
        return {control.name: control.default for control in self.controls if control.name}

    def complete(self, settings: dict[str, Any]) -> dict[str, Any]:
        """`settings` filled up with defaults and checked, as a lesson does it."""
        named = {control.name: control for control in self.controls if control.name}
        return {name: control.check(settings.get(name, control.default)) for name, control in named.items()}

    def experiment(self, _given: Any = None, **settings: Any) -> dict[str, Any]:
        """One result: here the settings alone."""
        return {"settings": self.complete(settings), "swept": {}}

    def sweep(self, name: str, settings: dict[str, Any], _given: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        """The values of a slider and the result for all of them."""
        values = next(c for c in self.controls if c.name == name).places(FRAMES)
        return values, {"settings": self.complete(settings), "swept": {name: np.array(values)}}

    def draw(self, result: dict[str, Any]) -> Drawing:
        """Moving with a: paths, shade, a mark, numbers; with b: curves, the ring; with the points: paths, a mark."""
        given = result["settings"] | result["swept"]
        a, b = (np.asarray(given[name], float) for name in "ab")
        (x0, y0), goal, c = given["start"], given["goal"], given["c"]
        t = np.arange(STEPS + 1.0)
        sized, moved = a[..., None], b[..., None]
        right, up = x0 - (x0 + 0.3) * (1 - 0.8**t), y0 + 0.2 * sized * np.sqrt(t)
        wrong = np.where(t < 8, y0 + 0.05 * sized * t**1.5, 1e200)
        loss = np.maximum(sized * 0.2 ** (t + c), 1e-7)
        gone = np.where(t < 10, sized * 0.3**t, 0.0)
        line = np.linspace(-0.8, 2.8, 37)
        wave = np.where(np.abs(line - 1.0) < 0.25, np.nan, 2.5 + 0.1 * moved + np.sin(2 * line + moved))
        bars = np.stack([np.full(STEPS + 1, 0.4), right], -1), np.stack([4.6 - 0.2 * t, 4.6 - 0.3 * t], -1)
        powers = np.geomspace(0.2, 500, 31)
        (u, v), (p, q) = np.meshgrid(*_nodes(31, 22)), np.meshgrid(np.linspace(0, 1, 26), np.linspace(0, 1, 17))
        hill = np.exp(-((u - 2.4) ** 2) - 0.3 * (v - 1.2) ** 2) * np.minimum(1, a[..., None, None] / 3)
        (i, j) = np.meshgrid(*_nodes(44, 28))
        bowl = 0.8 * (i - 0.3) ** 2 + 0.25 * (j - 3.5) ** 2 + 0.1 * i * j
        ours = {"role": "path", "group": "rest", "label": "the rest", "colour": "text", "dash": "dash"}
        gd, newton, inverse = "gradient_descent", "newton", "inverse_gradient"
        lines = (
            Line("gd/map", "map", right, up, gd, gd, role="path", legend=True, dots=True),
            Line("newton/map", "map", right + 0.2, wrong, newton, newton, role="path", legend=True),
            Line("wave", "map", line, wave, inverse, inverse, role="curve", legend=True),
            Line("bars", "map", *bars, group="rest", label="the rest", colour="muted", role="segment", width=4.0),
            Line("gd/loss", "loss", t, loss, gd, gd, role="path"),
            Line("newton/loss", "loss", t, gone, newton, newton, role="path"),
            Line("rest/loss", "loss", t, 1e-3 * (t + 1), legend=True, opacity=0.5, width=3.0, **ours),
            Line("power", "power", powers, 1e-3 * powers ** (0.1 * moved), inverse, inverse),
            Line("asked", "power", powers, 1e-2 * powers**0.5, colour="muted", answer=False),
        )
        fields = (
            Field("hill", "map", hill, MAP, "shade", low=0.05, high=0.9, label="height", ticks=TICKS),
            Field("bowl", "map", bowl, MAP, levels=LEVELS, label="levels"),
            Field("slope", "power", p + 0.5 * q**2, (1.0, 200.0, 1e-2, 1.0), "shade", high=1.5, answer=True),
        )
        marks = (
            Mark("goal", "map", "cross", goal[0], goal[1], "goal"),
            Mark("ring", "map", "ring", 0.2 + 0.2 * b, 4.0, "ring"),
            Mark("dot", "map", "dot", 1.5, 0.3 + 0.3 * a, "dot"),
            Mark("off", "map", "dot", 1.5, 7.0, "out of sight"),
            Mark("box", "map", "box", np.array([2.5, -0.7]), np.array([0.8, 4.0]), "box"),
            Mark("word", "power", "label", 20.0, 3e-3, "a word"),
            Mark("later", "power", "ring", 100.0, 0.5, "later", answer=True),
        )
        return Drawing(
            (
                Panel("map", "The map", Axis("x₁", (-1.0, 3.0)), Axis("x₂", (0.0, 5.0)), big=True),
                Panel("loss", "The loss", Axis("step", (0.0, 12.0)), Axis("loss", (1e-8, 10.0), log=True)),
                Panel("power", "Powers", Axis("a", (0.2, 800.0), True), Axis("p", (1e-3, 1e2), True), cursor="a"),
            ),
            lines,
            fields,
            marks,
            (
                Readout("gd/loss", label="loss"),
                Readout("newton/map", "y", "x₂", 4),
                Readout("gd/map", "x", "x₁", 2),
            ),
            {"edge": 40.0 / a - 16.0, "end": 12.0 - a, "shift": float(c)},
        )


def _nodes(nx: int, ny: int) -> tuple[np.ndarray, np.ndarray]:
    return np.linspace(MAP[0], MAP[1], nx), np.linspace(MAP[2], MAP[3], ny)
