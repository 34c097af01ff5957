"""How the loss enters: a Newton step in y, carried back by the inverse simulator (curriculum F5)."""

import jax.numpy as jnp
import numpy as np

from core import measures
from core.losses import (
    LogCoshLoss,
    WeightedLoss,
    inverse_simulator_newton,
    largest_safe_ratio,
    log_cosh_factor,
    output_newton,
)
from core.rollout import rollout
from core.toys import RotatedSine, Sheared, SquaredSecond
from core.updates import inverse_simulator, output_step
from lessons.controls import Choice, Landmark, Legend, Point, Slider, Step
from lessons.figures import FAR, METHODS, Axis, Drawing, Field, Line, Mark, Panel, Readout
from lessons.landscape import over_grid
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Aim
from lessons.words import code, count_word, joined, number_word, share_word

STEPS = 12
GRID = 40
TARGET = (-1.0, 1.0)
PROBLEMS = {"squared": SquaredSecond, "sheared": Sheared}
VIEW = 2.6  # of x-space
Y_VIEWS = {"squared": (-3.0, 3.0, -1.6, 6.4), "sheared": (-12.0, 12.0, -12.0, 12.0)}
LABELS = {"square": "L²", "weighted": "weighted L²", "logcosh": "log-cosh"}
LOOKS = {"square": ("solid", 7.0, 0.35), "weighted": ("dash", 2.5, 1.0), "logcosh": ("dot", 3.0, 1.0)}
LEVELS = tuple(float(level) for level in 3.0 ** np.arange(-4, 7))
LEAST = 1e-12
SAME = 1e-6
ALIKE = 1e-4  # what differs by less is called the same, in either precision


def losses(problem, start, weight, width):
    """The same simulator with three losses."""
    plain = PROBLEMS[problem](target=TARGET, start=start)
    return {
        "square": plain,
        "weighted": WeightedLoss(plain, jnp.stack([jnp.ones(()), weight])),
        "logcosh": LogCoshLoss(plain, width),
    }


def simulate(problem, loss, eta, weight, width, start):
    """The paths under the three losses, and the landscape of the chosen one in y-space."""
    chosen = losses(problem, start, weight, width)
    paths = {name: rollout(inverse_simulator_newton, one, start, STEPS, eta=eta) for name, one in chosen.items()}
    x0, x1, y0, y1 = Y_VIEWS[problem]
    columns, rows = jnp.linspace(x0, x1, GRID), jnp.linspace(y0, y1, GRID)
    y = paths["square"].y[0]
    gap = jnp.abs(y - jnp.asarray(TARGET))
    return {
        "paths": paths,
        "planned": {name: y + output_newton(one, y, eta) for name, one in chosen.items()},
        "gaps": {name: jnp.linalg.norm(path.y - jnp.asarray(TARGET), axis=-1) for name, path in paths.items()},
        "plain": rollout(inverse_simulator, chosen["square"], start, STEPS, eta=eta).x,
        "landscape": over_grid(chosen[loss].loss, columns, rows),
        "longest": jnp.max(log_cosh_factor(gap / width)),
        "critical": jnp.max(gap) / largest_safe_ratio(eta),
        "bend": measures.bend(paths["logcosh"].y, jnp.asarray(TARGET)),
    }


def draw(result):
    settings, paths = result["settings"], result["paths"]
    x0, x1, y0, y1 = Y_VIEWS[settings["problem"]]
    lines = []
    for name, path in paths.items():
        dash, width, opacity = LOOKS[name]
        look = {"label": LABELS[name], "colour": METHODS["inverse_simulator"].colour, "group": name}
        look |= {"dash": dash, "width": width, "opacity": opacity, "role": "path"}
        own = np.maximum(path.loss, LEAST)
        lines += [
            Line(
                f"{name}/y",
                "y",
                path.y[..., 0],
                path.y[..., 1],
                legend=True,
                dots=True,
                answer=name != "square",
                **look,
            ),
            Line(f"{name}/x", "x", path.x[..., 0], path.x[..., 1], **look),
            Line(f"{name}/loss", "loss", np.arange(STEPS + 1), own, **look),
        ]
    first = paths["square"].y[..., 0, :]
    return Drawing(
        panels=(
            Panel("y", "y-space, and the loss", Axis("y₁", (x0, x1)), Axis("y₂", (y0, y1)), big=True),
            Panel("x", "x-space", Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW)), equal=True),
            Panel("loss", "each its own loss", Axis("step", (0, STEPS)), Axis("L", (1e-5, 1e4), log=True)),
        ),
        lines=tuple(lines),
        fields=(Field("loss-field", "y", result["landscape"], (x0, x1, y0, y1), levels=LEVELS),),
        marks=(
            Mark("target", "y", "cross", *TARGET, "y*"),
            Mark("first", "y", "ring", first[..., 0], first[..., 1], "start"),
        ),
        numbers={"critical": result["critical"]},
        readouts=tuple(Readout(f"{name}/loss", "y", "its own loss", 2) for name in paths),
        step=settings["step"],
    )


def reading(result):
    gaps, step = result["gaps"], result["settings"]["step"]
    if gaps["square"][0] < SAME:
        return "You start at the target, so there is nothing to do under any loss. Move the start."
    apart = float(np.max(np.abs(result["paths"]["weighted"].x - result["paths"]["square"].x)))
    after = f"After {count_word(step, 'iteration')} L² is {number_word(gaps['square'][step])} away from y*."
    alike = "L² and weighted L² take the same trajectory." if apart < ALIKE else ""
    return joined(_first_step(result), after if step else "", _later(result) or alike)


def _worst(result):
    """The largest share of its gap that log-cosh's first step plans in a component of y; L² plans eta of both."""
    return result["settings"]["eta"] * float(result["longest"])


def _first_step(result):
    worst = _worst(result)
    if worst < 1.05 * result["settings"]["eta"]:
        return "Log-cosh’s first step is almost that of L²: within its width w it is L²."
    if worst <= 1:
        return f"Log-cosh’s first step covers up to {share_word(worst)} of a gap, more than η."
    fate = "beyond the target" if worst <= 2 else "farther out than it was"
    return f"Log-cosh’s first step aims at {share_word(worst)} the gap in one component, {fate}."


def _later(result):
    """What became of log-cosh, where that is out of the ordinary."""
    gap = result["gaps"]["logcosh"]
    if not gap[-1] < FAR:
        return "Log-cosh diverges: far from y* it has hardly any curvature, and Newton divides by it."
    if not _reached(result):
        return "Part of what log-cosh asks for no x can give."
    return ""


def remark(result):
    worst, eta = _worst(result), result["settings"]["eta"]
    if worst < 1.05 * eta:
        return "Within its width log-cosh is L², and so is its step."
    times = number_word(worst / eta)
    return (
        "Far out log-cosh has little curvature left, and Newton divides by it: in a component that is r away the step "
        f"is sinh(2r/w) / (2r/w) times as long, here up to {times} times."
    )


def feedback(_said, result):
    return "For each component of y: take r/w at the start, then sinh(2r/w) / (2r/w) times the step η r of L²."


def unasked(result):
    """Where the place cannot be pointed at, or is not the one that was planned."""
    if result["gaps"]["square"][0] < SAME:
        return "You start at the target, so no step is taken. Move the start."
    x0, x1, y0, y1 = Y_VIEWS[result["settings"]["problem"]]
    place = result["paths"]["logcosh"].y[1]
    if not (x0 <= place[0] <= x1 and y0 <= place[1] <= y1):
        return "With so small a width the first step lands outside the figure. Raise w."
    if not _reached(result):
        return "The step asks for a y that no x can give, so it does not land where it was planned."
    return ""


def _reached(result):
    """Whether log-cosh's first step landed where it was planned."""
    return np.allclose(result["paths"]["logcosh"].y[1], result["planned"]["logcosh"], rtol=1e-4, atol=1e-4)


CLAIMED = {"squared": SquaredSecond(target=TARGET), "sine": RotatedSine(), "sheared": Sheared(target=TARGET)}


def _square_claim(_lesson):
    eta, gaps = jnp.array(0.3), {}
    for name, problem in CLAIMED.items():
        y = problem.forward(problem.start)
        gaps[name] = float(jnp.max(jnp.abs(output_newton(problem, y, eta) - output_step(problem, y, eta))))
    return gaps, max(gaps.values()) < 1e-12


def _weighted_claim(lesson):
    apart = {}
    for name, problem in CLAIMED.items():
        plain = rollout(inverse_simulator, problem, problem.start, STEPS, eta=0.3).x
        for weight in (0.01, 100.0):
            weighted = WeightedLoss(problem, jnp.array([1.0, weight]))
            path = rollout(inverse_simulator_newton, weighted, problem.start, STEPS, eta=0.3).x
            apart[name, weight] = float(jnp.max(jnp.abs(path - plain)))
    return apart, max(apart.values()) < 1e-9


def _plain_claim(lesson):
    result = lesson.experiment()
    gap = float(np.max(np.abs(result["paths"]["square"].x - result["plain"])))
    return gap, gap < 1e-12


def _differs_claim(lesson):
    """The first steps' ratio, component by component, on the sheared problem, where every y can be reached."""
    result = lesson.experiment(problem="sheared", width=6.0)
    start = result["paths"]["square"].y[0]
    steps = {name: path.y[1] - start for name, path in result["paths"].items()}
    rho = np.abs(start - np.asarray(TARGET)) / result["settings"]["width"]
    found, expected = steps["logcosh"] / steps["square"], np.sinh(2 * rho) / (2 * rho)
    return (found, expected, float(result["bend"])), np.allclose(found, expected) and result["bend"] > 0.02


def _apart_claim(lesson):
    """Just above the critical width the gap shrinks, just below it grows."""
    critical = float(lesson.experiment(problem="sheared")["critical"])
    ratios = []
    for factor in (1.02, 0.98):
        y = lesson.experiment(problem="sheared", width=factor * critical)["paths"]["logcosh"].y
        worst = np.argmax(np.abs(y[0] - np.asarray(TARGET)))
        ratios.append(float(abs(y[1] - np.asarray(TARGET))[worst] / abs(y[0] - np.asarray(TARGET))[worst]))
    return (critical, ratios), ratios[0] < 1 < ratios[1]


def _wide_claim(lesson):
    result = lesson.experiment(width=50.0)["paths"]
    gap = float(np.max(np.abs(result["logcosh"].x - result["square"].x)))
    return gap, gap < 0.01


def _lands_claim(lesson):
    result = lesson.experiment(problem="sheared")
    gap = max(float(np.max(np.abs(result["paths"][n].y[1] - result["planned"][n]))) for n in LABELS)
    return gap, gap < 1e-12


def takeaway(settings):
    problem = PROBLEMS[settings["problem"]].__name__
    return f"""\
import jax.numpy as jnp
from core.losses import LogCoshLoss, WeightedLoss, inverse_simulator_newton
from core.rollout import rollout
from core.toys import {problem}

square = {problem}(target={TARGET}, start={tuple(settings["start"])!r})
weighted = WeightedLoss(square, jnp.array([1.0, {settings["weight"]!r}]))
log_cosh = LogCoshLoss(square, jnp.array({settings["width"]!r}))
one, two, three = (
    rollout(inverse_simulator_newton, p, square.start, {STEPS}, eta={settings["eta"]!r})
    for p in (square, weighted, log_cosh)
)
end_square, end_weighted, first_log_cosh = one.x[-1], two.x[-1], three.x[1]
"""


LESSON = Lesson(
    slug="loss-step",
    title="How the loss enters",
    question="If the simulator is inverted anyway, what is the loss still good for?",
    text=(
        "The inverse simulator needs to be told where to land: which $\\Delta y$? That is the loss’s part. It is "
        "planned in y-space by a Newton step on $L(y)$ alone,\n\n"
        "$$\\Delta y = -\\eta\\,\\Big(\\frac{\\partial^2 L}{\\partial y^2}\\Big)^{-1}"
        "\\frac{\\partial L}{\\partial y}.$$\n\n"
        "Three losses: $L^2 = |y - y^*|^2$; the same with the weight $w_2$ on $y_2$; log-cosh, "
        "$\\sum_i 2 w^2 \\log\\cosh\\big((y_i - y^*_i)/w\\big)$, which is $L^2$ within about a width $w$ of the target "
        "and rises along a straight line far beyond."
    ),
    minutes=7,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("eta", "η", 0.02, 1.0, 0.3, landmarks=(Landmark("full", 1.0),)),
        Slider(
            "width",
            "w, width of log-cosh",
            0.5,
            50.0,
            2.2,
            "log",
            landmarks=(Landmark("flies apart below", number="critical"),),
        ),
        Slider("weight", "w₂, weight of y₂", 0.01, 100.0, 10.0, "log", when=("loss", ("weighted",))),
        Choice("loss", "isolines of", LABELS, "logcosh"),
        Choice("problem", "problem", {"squared": "(x₁, x₂²)", "sheared": "sheared"}, "squared"),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (1.5, 2.0)),
        Point("guess", "your guess", "y", (-12.0, -12.0), (12.0, 12.0), (1.0, 3.5), simulated=False),
        Legend("hide", tuple(LABELS)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Aim(
        "Under L² the first step covers the share η = {eta:.2g} of the straight way from the ring to y*. Under "
        "log-cosh with w = {width:.2g} each component of that step is sinh(2r/w) / (2r/w) times as long, where r is "
        "its gap. Where in y-space does it land?",
        "guess",
        lambda result: result["paths"]["logcosh"].y[1],
        0.4,
        remark=remark,
        unasked=unasked,
        feedback=feedback,
    ),
    why=(
        "For any sum of squares the Hessian in y carries the same weights as the gradient, and Newton’s step divides "
        "them out: $\\Delta y = \\eta\\,(y^* - y)$, the very step that this course has used so far. Drag the "
        "weight: the isolines stretch, the path does not move.\n\n"
        + code(output_newton, inverse_simulator_newton)
        + "\n\n"
        "Unlike Newton’s method in x, this Hessian knows nothing of the simulator: no $\\partial^2 P/\\partial x^2$, "
        "and often a formula. To first order in $\\Delta y$ the result is the inverse gradient’s step "
        "([The average along the way](path-average)); the nonlinearity of P is left to $P^{-1}$."
    ),
    limits=(
        "Newton’s step wants a curved loss. Log-cosh is convex, but its curvature falls like $e^{-2r/w}$, so that "
        "Newton oversteps where the target is more than about $w$ away: at $r/w = 1$ the step is already 1.8 times "
        "as long, and beyond the mark on the slider every step lands farther out than the last. A line search in y "
        "would cure it. Where the step asks for a y that no x gives (here $y_2 < 0$), see [Falling back](fall-back). "
        "That weights do nothing holds for one target that can be reached; with many targets, or too few unknowns, "
        "they decide the compromise ([Many targets](many-targets))."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Integrating a loss function”.",
    ),
    claims=(
        Claim(
            "For L2 the Newton step in y is eta (y* - y), on a squared, a bent and a sheared problem.",
            _square_claim,
            rows=("F5",),
        ),
        Claim("With it the rule is the inverse simulator of the other lessons.", _plain_claim, rows=("F5",)),
        Claim("Weights of 1/100 or 100 change nothing in the path.", _weighted_claim, rows=("F5",)),
        Claim(
            "Log-cosh takes other steps, sinh(2r/w)/(2r/w) times as long in each component, and a bent path.",
            _differs_claim,
            rows=("F5",),
        ),
        Claim("Below the critical width its steps fly apart, above they do not.", _apart_claim, rows=("F5",)),
        Claim("For a wide log-cosh the path is that of L2.", _wide_claim),
        Claim("Whatever the loss, the inverse simulator lands where it was planned.", _lands_claim, rows=("F5",)),
    ),
    symbols=("loss", "dy", "eta", "hessian", "target", "width", "weight", "pg", "newton"),
    takeaway=Takeaway(
        takeaway,
        lambda result: {
            "end_square": result["paths"]["square"].x[-1],
            "end_weighted": result["paths"]["weighted"].x[-1],
            "first_log_cosh": result["paths"]["logcosh"].x[1],
        },
    ),
    teaching=Teaching(
        misconception="A larger weight makes the optimiser care more, so it moves that component first.",
        demo=(
            ("Weighted isolines: the path does not follow them.", {"loss": "weighted", "weight": 30.0}),
            ("Another weight, the same path.", {"loss": "weighted", "weight": 0.05}),
            ("Log-cosh goes its own way: its first step is more than twice as long.", {"loss": "logcosh"}),
            (
                "Too narrow for the way ahead: its first step already lands farther out.",
                {"loss": "logcosh", "width": 3.0, "problem": "sheared"},
            ),
        ),
        room=(
            "Log-cosh is chosen because it is gentle with outliers. Why does Newton make it wild? Listen for the "
            "difference between a small slope and a small curvature."
        ),
    ),
    alt="Paths of the inverse simulator under three losses in y-space over the isolines of one of them, the same paths "
    "in x-space, and the three losses by step.",
)
