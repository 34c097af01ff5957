"""Three spaces, one step: x, y and the loss side by side, and the grid that P carries across (curriculum E3)."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.rollout import rollout
from core.toys import RotatedSine, Sheared, SquaredSecond
from core.updates import inverse_simulator
from lessons.controls import Choice, Landmark, Point, Slider, Step
from lessons.figures import FAR, METHODS, Axis, Drawing, Field, Line, Mark, Panel, Readout, drawable, path_lines
from lessons.landscape import landscape, over_grid
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.methods import INVERSE, RULES
from lessons.prediction import Aim
from lessons.simulators import notes
from lessons.words import code, joined, number_word, sentence, share_word

STEPS = 12
VIEW = 1.6
# What of y-space is shown, for each problem: the image of the square, with a margin.
Y_VIEWS = {"squared": ((-1.8, 1.8), (-0.6, 3.0)), "sine": ((-1.8, 1.8), (-1.8, 1.8)), "sheared": ((-2.7, 2.7),) * 2}
Y_VIEW = 3.2  # half the side of the field of the loss in y
STRAIGHT = 1e-4  # of the line's length: a bend below this is rounding, in float32 too
SOLVED = 1e-12  # a loss below this is a solution's, up to rounding
CLOSE = 0.12  # in x: a guess within this distance is right
HARDLY = 0.03  # in x: too little for the eye
GRID = 100  # no slider moves the loss
PROBLEMS = {
    "squared": lambda start: SquaredSecond(target=(-0.6, 0.2), start=start),
    "sine": lambda start: RotatedSine(0.7, solution=(-0.9, -0.7), start=start),
    "sheared": lambda start: Sheared(((1.0, 0.6), (0.0, 1.2)), target=(-1.2, -0.8), start=start),
}
MESH = np.linspace(-VIEW, VIEW, 9)  # the grid's lines
FINE = np.linspace(-VIEW, VIEW, 41)  # the points along each of them
CELL = 0.16  # half the side of the small square that is carried along
CORNERS = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], float)
EDGE = np.concatenate([np.linspace(a, b, 6, endpoint=False) for a, b in pairwise(CORNERS)])
SQUARE = CELL * np.concatenate([EDGE, EDGE[:1]])  # its outline, (25, 2), around 0
FULL = (Landmark("full step", 1.0),)
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-3, 4))


def mesh():
    """A square grid of lines as one line with gaps, (k, 2): nan lifts the pen."""
    gap = np.full((1, 2), np.nan)
    pieces = []
    for at in MESH:
        still = np.full_like(FINE, at)
        pieces += [np.stack([still, FINE], -1), gap, np.stack([FINE, still], -1), gap]
    return np.concatenate(pieces)


def simulate(problem, eta, eta_gd, start):
    """The four paths on one problem, a small square carried along each, the loss over x and y, and the bent grid."""
    chosen = PROBLEMS[problem](start)
    etas = {name: eta_gd if name == "gradient_descent" else eta for name in RULES}
    paths = {name: rollout(rule, chosen, start, STEPS, eta=etas[name]) for name, rule in RULES.items()}
    line = jnp.linspace(-Y_VIEW, Y_VIEW, GRID)
    return {
        "paths": paths,
        "cells": {name: jax.vmap(lambda x: _around(chosen, x))(path.x) for name, path in paths.items()},
        "stretch": {name: jax.vmap(lambda x: _stretch(chosen, x))(path.x) for name, path in paths.items()},
        "bends": {name: measures.bend(path.y, chosen.target) for name, path in paths.items()},
        "target": chosen.target,
        "landscape": landscape(chosen, VIEW, GRID),
        "bowl": over_grid(chosen.loss, line, line),
        "grid": jax.vmap(chosen.forward)(jnp.asarray(mesh())),
        "solution": jax.lax.stop_gradient(chosen.inverse(chosen.target, start)),
    }


def _around(problem, x):
    """The outline of a small square around x, and its image: (2, 25, 2)."""
    outline = x + jnp.asarray(SQUARE)
    return jnp.stack([outline, jax.vmap(problem.forward)(outline)])


def _stretch(problem, x):
    """By how much P stretches space at x: largest and smallest singular value of J. A path that has left gives nan."""
    jacobian = problem.jacobian(x)
    finite = jnp.all(jnp.isfinite(jacobian))
    found = jnp.linalg.svd(jnp.where(finite, jacobian, jnp.eye(2)), compute_uv=False)
    return jnp.where(finite, found, jnp.nan)


def draw(result):
    settings = result["settings"]
    method = settings["method"]
    path = result["paths"][method]
    path = path._replace(x=drawable(path.x), y=drawable(path.y))
    cells = drawable(result["cells"][method])
    lines = [
        Line("grid/x", "x", *mesh().T, label="grid", width=0.9, opacity=0.8, answer=False),
        Line(
            "grid/y",
            "y",
            result["grid"][..., 0],
            result["grid"][..., 1],
            label="the same grid",
            width=0.9,
            opacity=0.8,
            answer=False,
        ),
        *path_lines(method, path, path.loss),
    ]
    for k, space in enumerate("xy"):
        outline = cells[..., k, :, :]
        lines.append(
            Line(
                f"cell/{space}",
                space,
                outline[..., 0],
                outline[..., 1],
                label="a small square",
                colour="text",
                role="segment",
            )
        )
    target, solution, y0 = result["target"], result["solution"], path.y[..., 0, :]
    straight = np.stack([y0, np.broadcast_to(target, y0.shape)], axis=-2)
    lines.append(
        Line(
            "straight",
            "y",
            straight[..., 0],
            straight[..., 1],
            label="straight line to y*",
            dash="dash",
            width=1.2,
            answer=False,
        )
    )
    y1, y2 = Y_VIEWS[settings["problem"]]
    return Drawing(
        panels=(
            Panel("x", "x-space, the causes: a square grid", *map(Axis, ("x₁", "x₂"), [(-VIEW, VIEW)] * 2), True, True),
            Panel("y", "y-space, the effects: the grid carried by P", Axis("y₁", y1), Axis("y₂", y2), True, True),
            Panel("loss", "the loss", Axis("iteration", (0, STEPS)), Axis("L", (1e-4, 1e2), log=True)),
        ),
        lines=tuple(lines),
        fields=(
            Field("loss-x", "x", result["landscape"], (-VIEW, VIEW) * 2, levels=LEVELS),
            Field("loss-y", "y", result["bowl"], (-Y_VIEW, Y_VIEW) * 2, levels=LEVELS),
        ),
        marks=(
            Mark("solution", "x", "cross", solution[..., 0], solution[..., 1], "solution"),
            Mark("target", "y", "cross", target[..., 0], target[..., 1], "y*"),
            Mark("from", "y", "dot", y0[..., 0], y0[..., 1], "y of the start"),
        ),
        readouts=(Readout(f"{method}/loss", "y", "L =", 2),),
        step=settings["step"],
    )


def reading(result):
    settings = result["settings"]
    step, method, path = settings["step"], settings["method"], result["paths"][settings["method"]]
    name = ("" if method in ("newton", "gradient_descent") else "the ") + METHODS[method].label
    if path.loss[0] < SOLVED:
        return "The start is a solution, so there is no step to take. Move the start."
    if not (np.all(np.abs(path.x[step]) < FAR) and np.all(np.abs(path.y[step]) < FAR)):
        return f"{sentence(name)} has left all three pictures."
    large, small = (number_word(value) for value in result["stretch"][method][step])
    here = f"At the square P stretches lengths by {large} in one direction and by {small} in the other."
    return joined(here, _told_of_bend(name, float(result["bends"][method])))


def _told_of_bend(name, bend):
    """How straight the whole path of a method is in y."""
    if not np.isfinite(bend):
        return "Later this path leaves the pictures."
    if bend < STRAIGHT:
        return f"The path of {name} is straight in y."
    return f"In y the path of {name} deviates from the straight line by up to {share_word(bend)} of its length."


def first_step(result):
    """Where the inverse simulator's first step ends in x."""
    return result["paths"]["inverse_simulator"].x[1]


def beside(result):
    """How far that is from the share eta of the straight way to the solution in x."""
    start, eta = np.asarray(result["settings"]["start"]), result["settings"]["eta"]
    return float(np.linalg.norm(first_step(result) - (start + eta * (result["solution"] - start))))


def remark(result):
    """What the guess was about, at these settings."""
    if beside(result) < HARDLY:
        return "In x it is nearly the same share of the straight line to the solution: here P hardly bends that line."
    return (
        f"It is {number_word(beside(result))} away from the same share of the straight line to the solution in x: a "
        "line that is straight in y is bent in x. Count the cells of the bent grid."
    )


def feedback(said, result):
    """What speaks against the place that was pointed at."""
    start, eta = np.asarray(result["settings"]["start"]), result["settings"]["eta"]
    straight = start + eta * (result["solution"] - start)
    if np.linalg.norm(straight - np.asarray(said)) <= CLOSE:
        return "That is the share η of the straight line in x, but the step is planned on the straight line in y."
    return "Find the point of the dashed line first, then the grid cell in x that P carries there."


def _nowhere(result):
    """Why there is no step to guess, if there is none."""
    if np.linalg.norm(first_step(result) - np.asarray(result["settings"]["start"])) < CLOSE:
        return "The first step is shorter than a guess is exact, so there is nothing to guess."
    return ""


def _linked_claim(lesson):
    worst = 0.0
    for name in PROBLEMS:
        result = lesson.experiment(problem=name)
        problem = PROBLEMS[name](jnp.asarray(result["settings"]["start"]))
        for path in result["paths"].values():
            y = jax.vmap(problem.forward)(jnp.asarray(path.x))
            loss = np.sum((path.y - result["target"]) ** 2, axis=-1)
            worst = max(worst, float(np.abs(y - path.y).max()), float(np.abs(loss - path.loss).max()))
    return worst, worst < 1e-12


def _lands_claim(lesson):
    missed = {}
    for name in PROBLEMS:
        for eta in (0.1, 0.5, 1.0):
            result = lesson.experiment(problem=name, eta=eta)
            y = result["paths"]["inverse_simulator"].y
            missed[name, eta] = float(np.abs(y[1] - (y[0] + eta * (result["target"] - y[0]))).max())
    return missed, max(missed.values()) < 1e-12


def _bends_claim(lesson):
    bends = {name: {n: float(b) for n, b in lesson.experiment(problem=name)["bends"].items()} for name in PROBLEMS}
    straight = max(by["inverse_simulator"] for by in bends.values())
    curved = [bends[name][n] for name in ("squared", "sine") for n in RULES if n != "inverse_simulator"]
    return bends, straight < 1e-9 and min(curved) > 1e-3


def _beside_claim(lesson):
    found = {"squared": beside(lesson.experiment(problem="squared", start=(1.2, 1.4)))}
    found |= {name: beside(lesson.experiment(problem=name)) for name in ("sine", "sheared")}
    return found, found["sheared"] < 1e-9 and min(found["squared"], found["sine"]) > 0.05


def _area(outline):
    """The area inside a closed outline (k, 2): the shoelace formula."""
    x, y = outline[:-1].T
    return 0.5 * abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _area_claim(lesson):
    shares = {}
    for name in PROBLEMS:
        result = lesson.experiment(problem=name)
        cell = result["cells"]["inverse_simulator"][0]
        shares[name] = _area(cell[1]) / _area(cell[0]) / float(np.prod(result["stretch"]["inverse_simulator"][0]))
    return shares, all(abs(share - 1) < 0.02 for share in shares.values())


CODE = {
    "squared": "toys.SquaredSecond(target=(-0.6, 0.2))",
    "sine": "toys.RotatedSine(0.7, solution=(-0.9, -0.7))",
    "sheared": "toys.Sheared(((1.0, 0.6), (0.0, 1.2)), target=(-1.2, -0.8))",
}


def takeaway(settings):
    """The walk of the chosen method in all three spaces."""
    method, step = settings["method"], settings["step"]
    eta = settings["eta_gd" if method == "gradient_descent" else "eta"]
    return f"""\
import jax.numpy as jnp
from core import toys, updates
from core.rollout import rollout

problem = {CODE[settings["problem"]]}
start = jnp.array({list(settings["start"])})
path = rollout(updates.{method}, problem, start, {STEPS}, eta={eta!r})
x, y, loss = path.x[{step}], path.y[{step}], path.loss[{step}]"""


def taken(result):
    step, path = result["settings"]["step"], result["paths"][result["settings"]["method"]]
    return {"x": path.x[step], "y": path.y[step], "loss": path.loss[step]}


LESSON = Lesson(
    slug="three-spaces",
    title="Three spaces",
    question="What does a step in x look like in y and in the loss?",
    text=(
        "A path lives in three spaces: causes $x$, effects "
        "$y = P(x)$, and the loss $L = |y - y^*|^2$, one number. $P$ carries the square grid of x-space to the bent "
        "grid of y-space. In y-space the isolines of $L$ are circles around $y^*$, so the shortest way is straight. An "
        "**inverse simulator** plans in y and asks for the x that does it: "
        "$\\Delta x = P^{-1}(y + \\eta\\,(y^* - y);\\, x) - x$."
    ),
    minutes=6,
    controls=(
        Step("step", "step", STEPS, 2),
        Slider(
            "eta",
            "η, share of the gap",
            0.05,
            1.0,
            0.3,
            landmarks=(Landmark("full step", 1.0),),
            when=("method", INVERSE),
        ),
        Slider("eta_gd", "η, gradient descent", 1e-3, 0.5, 0.1, "log", when=("method", ("gradient_descent",))),
        Choice(
            "problem",
            "P",
            {"squared": "folds: (x₁, x₂²)", "sine": "turns and bends", "sheared": "shears"},
            "sine",
        ),
        Choice(
            "method",
            "method",
            {
                "inverse_simulator": "inverse simulator",
                "inverse_gradient": "inverse gradient",
                "newton": "Newton",
                "gradient_descent": "gradient descent",
            },
            "inverse_simulator",
            simulated=False,
        ),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (1.4, -0.2)),
        Point("guess", "guess", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-1.2, 1.2), simulated=False),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Aim(
        "The inverse simulator’s first step takes y the share η = {eta:.2g} of the dashed line to y*. Where is x then? "
        "Drop the ring in x-space there.",
        "guess",
        first_step,
        close=CLOSE,
        remark=remark,
        unasked=_nowhere,
        feedback=feedback,
    ),
    why=(
        "The three pictures show one path: the same iteration number marks the same moment in each. $P$ carries the "
        "small square at the current point along. Near that point $P$ acts like its Jacobian: it stretches lengths by "
        "its singular values, and areas by $|\\det J|$. Gradient descent crosses the isolines of x-space at right "
        "angles, and these are circles that $P$ has distorted. The inverse simulator goes straight in y, and $P^{-1}$ "
        "bends its path in x.\n\n" + code(inverse_simulator)
    ),
    limits=(
        "Where $P$ folds (at $x_2 = 0$ of $(x_1, x_2^2)$) two points of x lie on one point of y, and a path in y "
        "cannot tell them apart; the local inverse stays on the side where x is: [many causes](branches). A straight "
        "line in y is the shortest way only if the loss is a distance in y. And the loss curve shows least: paths with "
        "the same losses can be far apart in x."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, “Inverse simulators” and the figures "
        "of its “Simple Example comparing Different Optimizers”.",
    ),
    claims=(
        Claim(
            "A step is the same in all three spaces: y = P(x) and L = |y - y*|^2 at each.", _linked_claim, rows=("E3",)
        ),
        Claim(
            "The inverse simulator's first step ends at y + eta (y* - y), for every P and every eta.",
            _lands_claim,
            rows=("E1", "E3"),
        ),
        Claim("Its walk is straight in y; on a bent P those of the other methods are not.", _bends_claim, rows=("E1",)),
        Claim("Straight in y is bent in x, unless P is linear.", _beside_claim, rows=("E3",)),
        Claim("A small square's image has |det J| times its area.", _area_claim),
    ),
    symbols=("x", "y", "target", "loss", "simulator", "eta", "dx", "jacobian", "singular-value", "pg", "inverse"),
    takeaway=Takeaway(takeaway, taken),
    teaching=notes.SPACES_TEACHING,
    alt="A square grid in x-space and its image under P in y-space, with one method’s walk, a small square at its "
    "current step in both, and the loss by step.",
)
