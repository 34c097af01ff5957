"""The average along the way: what an inverse simulator's step is made of (curriculum F2, F3, and F5's order)."""

import jax
import jax.numpy as jnp
import numpy as np

from core.averages import Linearised, averaged_step, gauss, pull_back, way
from core.measures import loglog_slope
from core.toys import RotatedSine, Scaled, Sheared, SquaredSecond
from lessons.controls import Choice, Landmark, Legend, Slider, Step
from lessons.deep.notes import AVERAGE_TEACHING, average_takeaway
from lessons.figures import Axis, Drawing, Line, Mark, Panel
from lessons.lesson import Claim, Lesson
from lessons.prediction import Estimate
from lessons.words import code, count_word, joined, number_word

MOST = 12  # quadrature points
CURVE = 81  # points of the curve dx/dy
GAP_SIZES = np.geomspace(1e-5, 1, 31)  # shares of the way to the fold, for the gap against the step
LEAST = 1e-17
CLOSE = 0.02  # ratios that differ by less are called the same
ROUNDED = {"float64": 1e-12, "float32": 1e-4}
# A problem, the component of it that is looked at, and where the way would end: at a fold, or anywhere for the line.
PROBLEMS = {
    "square": (SquaredSecond(), 1, 0.0),
    "sine": (RotatedSine(conditioning=1.0, angle=0.0), 0, -1.0),
    "line": (Scaled(2.0), 1, 0.0),
}
FORMULAS = {"square": "x²", "sine": "sin x", "line": "2x"}
# What of (y, dx/dy) is shown.
VIEWS = {"square": ((0.0, 2.3), (0.0, 2.0)), "sine": ((-1.05, 1.05), (0.0, 4.0)), "line": ((0.0, 3.1), (0.0, 1.0))}
FAR = 1e6  # a slope beyond this is that of a fold
NODES, WEIGHTS = np.zeros((MOST + 1, MOST)), np.zeros((MOST + 1, MOST))
for _count in range(1, MOST + 1):
    NODES[_count, :_count], WEIGHTS[_count, :_count] = gauss(_count)
NODES[0, 0], WEIGHTS[0, 0] = 0.0, 1.0  # no point yet: the slope at the start, the inverse gradient's own


def simulate(problem, start, size):
    """The slopes along one step in y, their averages by ever more points, and the gap for ever smaller steps."""
    chosen, component, fold = PROBLEMS[problem]
    x0 = jnp.zeros(2).at[component].set(start)
    y0 = chosen.forward(x0)[component]
    dy = size * (fold - y0)
    unit = jnp.zeros(2).at[component].set(1.0)

    def slope(share):
        return pull_back(chosen, way(chosen, x0, dy * unit, share), unit)[component]

    def exact(step):
        """dx of the inverse simulator and of the linearised inverse, for any step in y."""
        local = chosen.inverse(chosen.forward(x0) + step * unit, x0) - x0
        linear = Linearised(chosen).inverse(chosen.forward(x0) + step * unit, x0) - x0
        return local[component], linear[component]

    shares = jnp.linspace(0, 1, CURVE)
    heights = jax.vmap(jax.vmap(slope))(jnp.asarray(NODES))
    means = jnp.sum(jnp.asarray(WEIGHTS) * heights, axis=-1)
    dx, linear = exact(dy)
    steps = jnp.asarray(GAP_SIZES) * (fold - y0)
    gaps = jax.vmap(lambda step: jnp.abs(jnp.subtract(*exact(step))))(steps)
    return {
        "y": y0 + shares * dy,
        "slope": jax.vmap(slope)(shares),
        "heights": heights,
        "means": means,
        "mean": dx / dy,
        "first": slope(0.0),
        "dx": dx,
        "linear": linear,
        "dy": dy,
        "ends": jnp.stack([y0, y0 + dy]),
        "gaps": gaps,
        "ratios": gaps / jnp.abs(steps),
        "start": start,
    }


def draw(result):
    settings = result["settings"]
    y, ends = result["y"], np.asarray(result["ends"])
    x_range, y_range = VIEWS[settings["problem"]]
    edges_x, edges_y = _cells(ends, np.asarray(result["heights"]))
    first, mean = (np.repeat(np.asarray(result[name])[..., None], 2, -1) for name in ("first", "mean"))
    off = np.abs(result["means"] - np.asarray(result["mean"])[..., None]) / np.abs(
        np.asarray(result["mean"])[..., None]
    )
    shares = Axis("η, share of the way to the end", (1e-3, 1.0), log=True)
    return Drawing(
        panels=(
            Panel(
                "slope",
                "dx/dy along the step: the area under it is |Δx|",
                Axis("y", x_range),
                Axis("dx/dy", y_range),
                big=True,
            ),
            Panel("error", "the average’s error, by points", Axis("points", (0, MOST)), Axis("", (1e-10, 2), log=True)),
            Panel("gap", "inverse simulator and gradient apart", shares, Axis("", (1e-7, 3), log=True), cursor="size"),
        ),
        lines=(
            Line("inverse_simulator/slope", "slope", ends, mean, "inverse_simulator", "inverse_simulator", legend=True),
            Line(
                "inverse_gradient/slope",
                "slope",
                ends,
                first,
                "inverse_gradient",
                "inverse_gradient",
                legend=True,
                answer=False,
            ),
            Line(
                "curve", "slope", y, result["slope"], label="dx/dy", colour="text", width=2.5, legend=True, answer=False
            ),
            Line("cells", "slope", edges_x, edges_y, label="quadrature", width=1.5, role="segment", legend=True),
            Line(
                "off",
                "error",
                np.arange(MOST + 1),
                np.maximum(off, LEAST),
                colour="text",
                width=2,
                role="path",
                dots=True,
            ),
            Line("gaps", "gap", GAP_SIZES, np.maximum(result["gaps"], LEAST), colour="text", width=2.5),
            Line("ratios", "gap", GAP_SIZES, np.maximum(result["ratios"], LEAST), width=2.0, dash="dash"),
        ),
        marks=(
            Mark("here", "slope", "ring", ends[..., 0], result["first"], "start"),
            Mark("gaps-here", "gap", "label", GAP_SIZES[22], 0.2 * result["gaps"][..., 22], "in Δx", answer=True),
            Mark(
                "ratios-here", "gap", "label", GAP_SIZES[17], 2.5 * result["ratios"][..., 17], "in Δx / Δy", answer=True
            ),
        ),
        step=settings["step"],
    )


def _cells(ends, heights):
    """The quadrature as bars, as wide as the weights and as high as the slopes: (..., 13, 4 * 12) each."""
    right = np.cumsum(WEIGHTS, axis=1)
    shares = np.stack([right - WEIGHTS, right - WEIGHTS, right, right], axis=-1).reshape(MOST + 1, -1)
    used = np.where(WEIGHTS > 0, heights, np.nan)
    foot = np.where(np.isnan(used), np.nan, 0.0)
    bars = np.stack([foot, used, used, foot], axis=-1)
    y = ends[..., :1, None] + shares * (ends[..., 1:, None] - ends[..., :1, None])
    return y, bars.reshape(*bars.shape[:-2], -1)


def reading(result):
    count = result["settings"]["step"]
    return joined(_ratio(result), _averaged(result, count), _at_the_fold(result))


def ratio(result):
    """How many times as far as the inverse gradient the inverse simulator goes."""
    return float(result["dx"] / result["linear"])


def _ratio(result):
    if abs(ratio(result) - 1) < CLOSE:
        return "Both steps are about as long, because the slope hardly changes along this one."
    course = "larger" if ratio(result) > 1 else "smaller"
    return (
        f"The inverse simulator goes {ratio(result):.2f} times as far as the inverse gradient: on average the slope is "
        f"{course} than at the start."
    )


def _averaged(result, count):
    """How near the quadrature comes to the inverse simulator's dx/dy."""
    off = abs(float(result["means"][count] / result["mean"]) - 1)
    if count == 0:
        return f"The slope at the start alone misses the average by {_share(off)}."
    points = count_word(count, "point")
    if off < ROUNDED[np.asarray(result["means"]).dtype.name]:
        return f"With {points} the averaged slope is exact up to rounding."
    return f"With {points} the averaged slope is off by {_share(off)}."


def _share(off):
    """ "0.13 %", "2·10⁻⁶ %"."""
    return f"{number_word(100 * off)} %"


def _at_the_fold(result):
    if np.isfinite(result["slope"][-1]) and abs(result["slope"][-1]) <= FAR:
        return ""
    return "The step ends on the fold, where dx/dy is infinite; its average is finite all the same."


def remark(result):
    if np.ptp(result["slope"]) < 0.02 * abs(result["first"]):
        return "The slope hardly changes along this way, so its average is the slope at the start."
    course = "as large as" if abs(ratio(result) - 1) < CLOSE else "larger than" if ratio(result) > 1 else "smaller than"
    return f"It is the average slope over the slope at the start: along this way dx/dy is on average {course} there."


def feedback(said, result):
    """Which way to think again."""
    if abs(ratio(result) - 1) < CLOSE:
        return "Where the slope hardly changes, a step with the slope at the start is right as well."
    if abs(said - 1) < 0.3:
        return "It would be about 1 if dx/dy hardly changed along the step."
    return "The ratio is the average of dx/dy along the step, over dx/dy at the start."


def _quadrature_claim(lesson):
    found = {}
    for problem in PROBLEMS:
        result = lesson.experiment(problem=problem)
        found[problem] = abs(float(result["means"][MOST] / result["mean"]) - 1)
    return found, max(found.values()) < 1e-6


# Two unknowns: a start and a step in y that stays on the inverse's branch.
CASES = {
    "squared": (SquaredSecond(), (1.0, 2.0), (-0.6, -2.5)),
    "sine": (RotatedSine(), (0.4, 0.3), (-0.2, -1.5)),
    "sheared": (Sheared(), (1.0, 2.0), (-0.6, -2.5)),
}


def _path_integral_claim(_lesson):
    """Along the straight line in y, with 12 points, on problems with two unknowns."""
    nodes, weights = (jnp.asarray(part) for part in gauss(MOST))
    gaps = {}
    for name, (problem, x0, dy) in CASES.items():
        x0, dy = jnp.array(x0), jnp.array(dy)
        exact = problem.inverse(problem.forward(x0) + dy, x0) - x0
        gaps[name] = float(jnp.max(jnp.abs(averaged_step(problem, x0, dy, nodes, weights) - exact)))
    return gaps, max(gaps.values()) < 1e-6


def _slopes(name):
    """By fits: the exponents in |dy| of the gap in dx, and of the gap over |dy|."""
    problem, x0, dy = CASES[name]
    x0, dy, sizes = jnp.array(x0), jnp.array(dy), np.geomspace(1e-4, 1e-2, 5)
    linear = Linearised(problem)
    y0 = problem.forward(x0)
    gaps = [jnp.linalg.norm(problem.inverse(y0 + s * dy, x0) - linear.inverse(y0 + s * dy, x0)) for s in sizes]
    gaps = jnp.array(gaps)
    return tuple(float(loglog_slope(sizes, values)) for values in (gaps, gaps / (sizes * jnp.linalg.norm(dy))))


def _order_claim(lesson):
    result = lesson.experiment()
    some = slice(8, 20)
    one = float(loglog_slope(GAP_SIZES[some], result["gaps"][some]))
    found = {"one unknown": one} | {name: _slopes(name)[0] for name in ("squared", "sine")}
    return found, all(abs(slope - 2) < 0.03 for slope in found.values())


def _ratio_claim(lesson):
    result = lesson.experiment()
    some = slice(8, 20)
    one = float(loglog_slope(GAP_SIZES[some], result["ratios"][some]))
    found = {"one unknown": one} | {name: _slopes(name)[1] for name in ("squared", "sine")}
    smallest = float(result["ratios"][0])
    return (found, smallest), smallest < 1e-5 and all(abs(slope - 1) < 0.03 for slope in found.values())


def _linear_claim(lesson):
    problem, x0, dy = CASES["sheared"]
    x0, dy = jnp.array(x0), jnp.array(dy)
    y = problem.forward(x0) + dy
    sheared = float(jnp.max(jnp.abs(problem.inverse(y, x0) - Linearised(problem).inverse(y, x0))))
    line = float(np.max(lesson.experiment(problem="line")["gaps"]))
    return (sheared, line), max(sheared, line) < 1e-14


def _branches_claim(_lesson):
    """x^2 has two roots for each y: the local inverse of either start follows its own, exactly."""
    problem, y = SquaredSecond(), jnp.array([0.0, 1.3])
    right, left = (float(problem.inverse(y, jnp.array([0.0, x0]))[1]) for x0 in (1.2, -1.2))
    return (right, left), abs(right - np.sqrt(1.3)) < 1e-15 and abs(left + np.sqrt(1.3)) < 1e-15


def _fold_claim(lesson):
    """From x0 to 0 on x^2: dx/dy = x0/y0 = 1/x0, though the slope at the end is infinite."""
    result = lesson.experiment(problem="square", start=1.2, size=1.0)
    return float(result["mean"]), abs(float(result["mean"]) - 1 / 1.2) < 1e-9 and not result["slope"][-1] < FAR


LESSON = Lesson(
    slug="path-average",
    title="The average along the way",
    question="The slope changes while you step. Which slope should a step have used?",
    text=(
        "You want to move y by $\\Delta y$. The inverse gradient takes the slope $\\partial x/\\partial y$ at the "
        "start and keeps it for the whole step. The inverse simulator lands exactly, so it must have used the right "
        "one: the **average** of the slope along the way,\n\n"
        "$$\\frac{\\Delta x_{PG}}{\\Delta y} = \\frac{1}{\\Delta y}\\int_{y_0}^{y_0 + \\Delta y} "
        "\\frac{\\partial x}{\\partial y}\\,dy.$$"
    ),
    minutes=8,
    controls=(
        Step("step", "point", MOST, 4),
        Slider(
            "size",
            "η, size of the step",
            1e-3,
            1.0,
            0.9,
            "log",
            landmarks=(Landmark("to the end", 1.0),),
        ),
        Slider("start", "start x₀", 0.5, 1.5, 1.0),
        Choice("problem", "y =", FORMULAS, "square"),
        Legend("hide", ("inverse_simulator", "inverse_gradient", "curve", "cells")),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Estimate(
        "The step starts at x₀ = {start:.3g} and moves y by Δy = η (y_end − y₀) with η = {size:.3g}; y_end is 0 for x² "
        "and 2x, −1 for sin x. How large is the inverse simulator’s Δx, divided by the inverse gradient’s?",
        0.0,
        3.0,
        lambda result: float(result["dx"] / result["linear"]),
        0.15,
        unit="times",
        remark=remark,
        feedback=feedback,
    ),
    why=(
        "Follow the straight line from $y_0$ to $y_0 + \\Delta y$ and let the local inverse carry each of its points "
        "back: that is a path in x, whose slope at each place is the inverse Jacobian there. Its length in x is the "
        "integral of that slope, by the fundamental theorem of calculus. A quadrature adds it up, cell by cell.\n\n"
        + code(way, pull_back, averaged_step)
        + "\n\n"
        "So an inverse simulator smooths: it sees every bend between here and there, the inverse gradient only the "
        "tangent. With several unknowns the same holds along the line, matrix by matrix.\n\n"
        "For a short step both agree. The linearised inverse $x_0 + J^{-1}\\Delta y$ is itself a local inverse: the "
        "gap in $\\Delta x$ is of second order in $\\Delta y$, so the gap **over** $|\\Delta y|$ is of first order "
        "and tends to 0. (The chapter writes $\\mathcal O(\\Delta y^2)$ for the remainder of the ratio "
        "$\\Delta x/\\Delta y$; measured, it is $\\mathcal O(\\Delta y)$.)"
    ),
    limits=(
        "The average needs the inverse along the whole way, and the way must not cross a fold: $x^2$ ends at $y = 0$, "
        "the sine at −1. Right up to there it works, though the slope becomes infinite. $x^2$ has no global inverse, "
        "since every $y$ has two roots, but a local one from either side; near its own start the local inverse that "
        "picks the nearest branch *is* the branch’s inverse, without any gap. What to do where there is none: "
        "[Falling back](fall-back)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, sections “Fundamental theorem of "
        "calculus” and “Global and local inverse simulators”.",
    ),
    claims=(
        Claim("Twelve points of quadrature give the inverse simulator's dx/dy to 1e-6.", _quadrature_claim, ("F2",)),
        Claim(
            "So they do with two unknowns, as a path integral along the line in y, on a sheared and a bent problem.",
            _path_integral_claim,
            rows=("F2",),
        ),
        Claim("The mean exists up to the fold, where the slope is infinite.", _fold_claim, rows=("F2",)),
        Claim(
            "The gap between a local inverse (the linearised one) and the exact one, over |dy|, tends to 0 like |dy|.",
            _ratio_claim,
            rows=("F3",),
        ),
        Claim(
            "x^2 has two inverses for each y, and each start's local inverse is exactly its own branch.",
            _branches_claim,
            rows=("F3",),
        ),
        Claim("The gap between IG and PG in dx is of second order in dy.", _order_claim, rows=("F5",)),
        Claim("On linear problems, a sheared one too, there is no gap.", _linear_claim, rows=("F3", "F5")),
    ),
    symbols=("begin", "dy", "dx", "eta", "jacobian", "ig", "pg", "inverse", "order"),
    takeaway=average_takeaway(MOST, PROBLEMS),
    teaching=AVERAGE_TEACHING,
    alt="The slope dx/dy along a step in y with the stairs of a quadrature, the slope at its start and its mean; the "
    "error of the mean against the number of points; the gap between inverse simulator and gradient against the step.",
)
