"""The picture of the linear check: two steps in the plane of the unknowns, projections of y*, the training."""

import numpy as np

from lessons.figures import Axis, Drawing, Field, Line, Mark, Panel, arrow, drawable
from lessons.lab.linear_setting import CHUNKS, PICTURE, TRUTH

VIEW = 2.4
GAUSS, DIPG = "gauss_newton", "dipg_differenced"
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-5, 3))


def draw(result):
    start, end, least = result["start"], drawable(result["ends"]), result["least"]
    exact, solution = result["gauss_newton"], result["least_squares"]
    tip = start[..., None, :] + result["dipg"]
    lines = [
        _onward("gauss", start + exact, solution, role="curve"),
        _onward("dipg", tip, end, role="segment"),
        Line("dipg/rest", "x", *_cross(end), group="dipg", label="D-IPG’s end", colour="text", role="segment"),
        Line("gauss_newton/step", "x", *_arrow(start, exact), GAUSS, "gauss", legend=True),
        Line("dipg_differenced/step", "x", *_arrow(start[..., None, :], result["dipg"]), DIPG, "dipg",
             role="segment", legend=True),
        Line("range", "y", np.array([-9.0, 9.0]), np.zeros(2), label="all that A x reaches", answer=False),
        Line("gauss_newton/fall", "y", *_fall(np.zeros_like(least), least), GAUSS, "gauss"),
        Line("dipg_differenced/fall", "y", *_fall(drawable(result["slid"]), least[..., None]), DIPG, "dipg",
             role="segment"),
        *_by_step(result),
    ]  # fmt: skip
    sharp = Axis("training step", (0, CHUNKS * PICTURE))
    return Drawing(
        panels=(
            Panel("x", "the two unknowns", Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW)), True, True),
            Panel("y", "the data, projected onto what A reaches",
                  Axis("along the range", (-0.5, 1.1)), Axis("across it", (-0.3, 1.2))),
            Panel("train", "RJCP and V’s answer outside, by training step", sharp, Axis("", (1e-13, 30.0), log=True)),
        ),
        lines=tuple(lines),
        fields=(Field("loss", "x", result["landscape"], (-VIEW, VIEW, -VIEW, VIEW), levels=LEVELS),),
        marks=(
            Mark("truth", "x", "cross", np.float64(TRUTH[0]), np.float64(TRUTH[1]), "least squares, A⁺y*"),
            Mark("target", "y", "cross", np.zeros_like(least), least, "y*"),
            Mark("reached", "y", "label", np.float64(-0.47), np.float64(-0.24), _reached(result)),
        ),
        step=result["settings"]["step"],
    )  # fmt: skip


def _reached(result):
    return "every y is an A x" if result["settings"]["data"] == "square" else "all that A x reaches"


def _arrow(start, step):
    return arrow(start[..., 0], start[..., 1], step[..., 0], step[..., 1], 0.12)


def _onward(name, tip, end, role):
    """From the tip of the first step to where all further steps lead."""
    x, y = (np.stack(np.broadcast_arrays(tip[..., i], end[..., i]), -1) for i in (0, 1))
    style = {"dash": "dot", "width": 1.5, "colour": "text" if name == "dipg" else "muted"}
    return Line(f"{name}/onward", "x", x, y, group=name, label="further iterations", role=role, **style)


def _cross(centre):
    """A small upright cross in one stroke."""
    x, y = (
        centre[..., i, None] + 0.05 * np.array(moves) for i, moves in enumerate(((-1, 1, 0, 0, 0), (0, 0, 0, 1, -1)))
    )
    return x, y


def _fall(along, height):
    """From y* at this height down to a place of the range."""
    along, height = np.broadcast_arrays(along, height)
    zero = np.zeros_like(along)
    return np.stack([zero, along], -1), np.stack([height, zero], -1)


def _by_step(result):
    """RJCP and what V makes of data across the range, by training step."""
    steps = PICTURE * np.arange(CHUNKS + 1.0)
    lines = (("rjcp", "RJCP, |V A − I|²", "text", "solid"), ("beyond", "|V U|, V’s answer outside", "muted", "dash"))
    for name, label, colour, dash in lines:
        values = np.maximum(result[name], 1e-16)
        style = {"colour": colour, "dash": dash, "width": 2.0, "legend": True}
        yield Line(name, "train", np.broadcast_to(steps, values.shape), values, label=label, role="path", **style)
