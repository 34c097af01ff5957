"""Near the optimum: where the landscape gets flat, gradient descent gets slow (curriculum B4, C2, D1)."""

import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.problem import Problem
from core.rollout import rollout
from core.scalar import Power, Saturating
from core.toys import RotatedSine, Scaled, Sheared, rotation
from core.updates import gradient_descent, newton
from lessons.controls import Choice, Landmark, Legend, Slider, Step
from lessons.figures import METHODS, Axis, Drawing, Line, Mark, Panel
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.methods import FRACTION, INVERSE, RULES, SHOWN
from lessons.prediction import Option, Prediction
from lessons.words import code, number_word

STEPS = 60
LONG = 4000  # steps for the law k^-1/2, which takes hundreds of steps to show
DISTANCES = np.geomspace(0.01, 4.0, 121)
TAIL = 0.05  # "near": where the lowest power of the distance rules to a per cent
ROUNDING = 1e-12  # errors below this are rounding, and their ratios say nothing
EVEN = 0.02  # factors that differ by less are called the same
WINDOW = 5  # steps at either end over which a factor is averaged
FAR_TICKS = ((1e-8, "10⁻⁸"), (1e-4, "10⁻⁴"), (1.0, "1"))
PROBLEMS = {"fourth": lambda: Power(2), "square": lambda: Power(1), "toy": lambda: Scaled(4.0), "tanh": Saturating}
PROBLEM_LABELS = {"fourth": "x⁴", "square": "x²", "toy": "|(x₁, 4x₂)|²", "tanh": "tanh²x"}
STEEPEST = (Landmark("longest gradient", number="steepest"),)
LIMIT = (Landmark("limit at the start", number="stable_limit"),)
MADE = {  # the same, as a reader would type it
    "fourth": ("core.scalar import Power", "Power(2)", "[1.0]"),
    "square": ("core.scalar import Power", "Power(1)", "[1.0]"),
    "toy": ("core.toys import Scaled", "Scaled(4.0)", "[0.5**0.5, 0.5**0.5]"),
    "tanh": ("core.scalar import Saturating", "Saturating()", "[1.0]"),
}


def direction(problem):
    """From the optimum, which is 0 in all of PROBLEMS, the start lies evenly along all axes. (n,), of length 1."""
    return jnp.full(problem.start.shape, problem.start.size**-0.5)


def errors(name, problem, x0, eta, steps=STEPS):
    """|x| at every step of a method's walk: (steps + 1,)."""
    return jnp.linalg.norm(rollout(RULES[name], problem, x0, steps, eta=eta).x, axis=-1)


def gradient_lengths(problem: Problem, optimum, along, distances):
    """|dL/dx| at these distances from the optimum along a direction."""
    slope = jax.grad(problem.objective)
    return jax.vmap(lambda distance: jnp.linalg.norm(slope(optimum + distance * along)))(distances)


def simulate(problem, distance, eta_gd, eta):
    """How every method's error falls from this distance, and how long its step is at any distance."""
    chosen = PROBLEMS[problem]()
    along, grid = direction(chosen), jnp.asarray(DISTANCES)
    etas = {name: eta_gd if name == "gradient_descent" else eta for name in RULES}

    def lengths(name):
        return jax.vmap(lambda d: jnp.linalg.norm(RULES[name](chosen, d * along, etas[name])))(grid)

    gradient = gradient_lengths(chosen, 0 * along, along, grid)
    return {
        "errors": {name: errors(name, chosen, distance * along, etas[name]) for name in RULES},
        "lengths": {name: lengths(name) for name in RULES},
        "steepest": grid[jnp.argmax(gradient)],
        "stable_limit": measures.stable_limit(chosen, distance * along),
    }


def draw(result):
    steps = np.arange(STEPS + 1)
    lines = []
    for name in SHOWN:
        error, length = result["errors"][name], result["lengths"][name]
        at = np.broadcast_to(steps, error.shape)
        lines += [
            Line(f"{name}/error", "error", at, error, name, name, role="path"),
            Line(
                f"{name}/factor",
                "factor",
                np.maximum(at, 1),
                _from_the_first(shrinking(error)),
                name,
                name,
                role="path",
                legend=True,
            ),
            Line(f"{name}/length", "length", DISTANCES, length, name, name),
        ]
    lines.append(Line("standstill", "factor", [0, STEPS], [1.0, 1.0], label="1", dash="dash", width=1.2, answer=False))
    counted = Axis("step", (0, STEPS))
    far = Axis("distance", (1e-10, 100), log=True, ticks=FAR_TICKS)
    distances = Axis("distance from the optimum", (0.01, 4.0), log=True)
    return Drawing(
        panels=(
            Panel("factor", "share of the distance that a step leaves", counted, Axis("share", (0.0, 1.2)), big=True),
            Panel("error", "distance from the optimum", counted, far),
            Panel("length", "length of the step", distances, Axis("|Δx|", (1e-6, 10), log=True), cursor="distance"),
        ),
        marks=(Mark("nothing", "factor", "label", 2.0, 1.0, "1: a step achieves nothing"),),
        lines=tuple(lines),
        numbers={
            "steepest": np.where(result["steepest"] < DISTANCES[-1], result["steepest"], 0.0),
            "stable_limit": np.where(np.isfinite(result["stable_limit"]), result["stable_limit"], 0.0),
        },
        step=result["settings"]["step"],
    )  # fmt: skip


def shrinking(error):
    """By what factor each step multiplies the error, (..., steps); nan where the error is rounding or has left."""
    before, after = error[..., :-1], error[..., 1:]
    told = np.isfinite(before) & np.isfinite(after) & (before > ROUNDING)
    with np.errstate(over="ignore"):
        return np.where(told, after / np.where(told, before, 1.0), np.nan)


def _from_the_first(factors):
    """A path needs a point for step 0: the first factor again."""
    return np.concatenate([factors[..., :1], factors], axis=-1)


def ends(error):
    """The factor of the first steps and that of the last ones that can be told."""
    told = shrinking(error)
    told = told[np.isfinite(told)]
    return (float(told[:WINDOW].mean()), float(told[-WINDOW:].mean())) if len(told) > WINDOW else (np.nan, np.nan)


def reading(result):
    step, (early, late) = result["settings"]["step"], ends(result["errors"]["gradient_descent"])
    slope = tail_slope(result, "gradient_descent")
    if not np.isfinite(early):
        told = f"Gradient descent {_state(result['errors']['gradient_descent'], STEPS)} after a few steps."
    elif late > 1:
        told = f"Each step of gradient descent multiplies its distance by {late:.2f}: η is beyond its limit."
    elif abs(early - late) < EVEN:
        told = f"Each step of gradient descent leaves {late:.2f} of its distance: it does not slow down."
    else:
        fate = "achieves less and less" if late > early else "achieves more and more"
        told = (
            f"A step of gradient descent leaves {early:.2f} of its distance at first, {late:.2f} in the end: it {fate}."
        )
    near = f"Near the optimum its step shrinks like the distance to the power {slope:.1f}."
    error = result["errors"]
    lost = [name for name in INVERSE[:-1] if not error[name][step] < error[name][0] + ROUNDING]
    where = [f"{METHODS[n].label} {_state(error[n], step)}" for n in ("gradient_descent", *lost, "inverse_simulator")]
    return f"{told} {near} At step {step} {', '.join(where)}."


def _state(error, step):
    if not np.isfinite(error[step]):
        return "has left for infinity"
    return "has arrived" if error[step] <= ROUNDING else f"is {number_word(error[step])} away"


def remark(result):
    """Why the share goes as it does, here."""
    early, late = ends(result["errors"]["gradient_descent"])
    if not np.isfinite(early):
        return "There are too few steps on this walk to judge by: it arrives, or leaves, at once."
    if late > 1:
        return "Its η is beyond the stable limit, a landmark on its slider: what slows it down is another matter."
    if abs(early - late) < EVEN:
        return "The steps do get shorter, but in proportion to the distance, so the share stays."
    if late < early:
        return "It starts where the gradient is small although the goal is far, and steepens on the way."
    return (
        "That the steps get shorter decides nothing: on x² they do as well, in proportion to the distance. Here they "
        "shrink faster than it."
    )


def tail_slope(result, name):
    """The exponent of the distance in a method's step length, fitted near the optimum."""
    near = DISTANCES <= TAIL
    return float(measures.loglog_slope(DISTANCES[near], result["lengths"][name][near]))


def _factor(low, high):
    """Is the late factor minus the early one of gradient descent in this range, and does the walk arrive?"""

    def holds(result):
        early, late = ends(result["errors"]["gradient_descent"])
        return bool(low <= late - early < high and late <= 1)

    return holds


def leaves(result):
    """Does a late step of gradient descent lead away?"""
    return bool(ends(result["errors"]["gradient_descent"])[1] > 1)


def takeaway_code(settings):
    where, made, along = MADE[settings["problem"]]
    return f"""\
import jax.numpy as jnp
from {where}
from core.rollout import rollout
from core.updates import gradient_descent, inverse_simulator, newton

problem = {made}
x0 = {settings["distance"]!r} * jnp.array({along})
def errors(rule, eta):
    return jnp.linalg.norm(rollout(rule, problem, x0, {STEPS}, eta=eta).x, axis=-1)
descent = errors(gradient_descent, {settings["eta_gd"]!r})
simulator = errors(inverse_simulator, {settings["eta"]!r})
newton_factor = errors(newton, {settings["eta"]!r})[1] / {settings["distance"]!r}
"""


def takeaway_numbers(result):
    error = result["errors"]
    first = error["newton"][1] / error["newton"][0]
    return {"descent": error["gradient_descent"], "simulator": error["inverse_simulator"], "newton_factor": first}


ETAS = (0.1, 0.3, 0.6)
START = jnp.array([1.0, 0.5])


def _factors_of(name, problem, x0, eta):
    told = shrinking(np.asarray(errors(name, problem, x0, eta)))
    return told[np.isfinite(told)]


def _newton_claim(_lesson):
    worst = 0.0
    for eta in ETAS:
        for problem, x0, factor in (
            (Power(2), jnp.ones(1), 1 - eta / 3),
            (Power(1), jnp.ones(1), 1 - eta),
            (Sheared(), START, 1 - eta),
        ):
            worst = max(worst, float(np.abs(_factors_of("newton", problem, x0, eta) - factor).max()))
    return worst, worst < 1e-3


def _inverse_claim(_lesson):
    worst = 0.0
    for eta in ETAS:
        for name, fourth in (("inverse_gradient", 1 - eta / 2), ("inverse_simulator", (1 - eta) ** 0.5)):
            for problem, x0, factor in (
                (Power(2), jnp.ones(1), fourth),
                (Power(1), jnp.ones(1), 1 - eta),
                (Sheared(), START, 1 - eta),
            ):
                worst = max(worst, float(np.abs(_factors_of(name, problem, x0, eta) - factor).max()))
    return worst, worst < 1e-3


def _linear_claim(_lesson):
    """On a quadratic the last factor is 1 - 2 eta times the smallest squared singular value."""
    found = {}
    for name, problem, x0 in (
        ("square", Power(1), jnp.ones(1)),
        ("toy", Scaled(4.0), START),
        ("sheared", Sheared(), START),
    ):
        smallest = float(np.linalg.svd(problem.jacobian(x0), compute_uv=False)[-1]) ** 2
        last = _factors_of("gradient_descent", problem, x0, 0.03)[-1]
        found[name] = float(last), 1 - 2 * 0.03 * smallest
    return found, all(abs(last - wanted) < 1e-3 for last, wanted in found.values())


def _sublinear_claim(_lesson):
    error = np.asarray(errors("gradient_descent", Power(2), jnp.ones(1), 0.1, LONG))
    steps = np.arange(LONG // 4, LONG)
    slope = float(measures.loglog_slope(steps, error[steps]))
    last = float(error[-1] / error[-2])
    return (slope, last), abs(slope + 0.5) < 0.01 and 0.999 < last < 1


def _updates_claim(lesson):
    found = {
        problem: {name: tail_slope(lesson.experiment(problem=problem), name) for name in RULES} for problem in PROBLEMS
    }
    steep = {"fourth": 3.0}
    descent = all(abs(found[p]["gradient_descent"] - steep.get(p, 1.0)) < 0.01 for p in PROBLEMS)
    return found, descent and all(abs(found[p][name] - 1) < 0.01 for p in PROBLEMS for name in INVERSE)


def _falling_claim(lesson):
    """tanh^2: longest where tanh^2 = 1/3. A turned sine in its bent direction: |sin 2t| / xi^2, longest at pi / 4."""
    sine = RotatedSine(solution=(0.0, 0.0))
    along = rotation(sine.angle).T @ jnp.array([1.0, 0.0])
    turned = DISTANCES[int(np.argmax(gradient_lengths(sine, jnp.zeros(2), along, jnp.asarray(DISTANCES)[:100])))]
    found = float(lesson.experiment(problem="tanh")["steepest"]), float(turned)
    return found, np.allclose(found, [np.arctanh(3**-0.5), np.pi / 4], rtol=0.03)


LESSON = Lesson(
    slug="near-optimum",
    title="Near the optimum",
    question="Why does gradient descent slow down just before the goal?",
    text=(
        "At an optimum the gradient is zero, so near it every gradient is small, and a step of gradient descent is "
        "$\\eta$ times the gradient. How flat it gets depends on the loss: $\\nabla x^2 = 2x$, but "
        "$\\nabla x^4 = 4x^3$. "
        "All four methods start at the same distance; for the three that invert, $\\eta$ is the share of the gap in y."
    ),
    minutes=6,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("distance", "distance at the start", 0.05, 3.0, 1.0, "log", landmarks=STEEPEST),
        Slider("eta_gd", "η, gradient descent", 1e-3, 1.0, 0.1, "log", landmarks=LIMIT),
        Slider("eta", "η, the others", 0.02, 1.0, FRACTION, landmarks=(Landmark("full", 1.0),)),
        Choice("problem", "loss", PROBLEM_LABELS, "fourth"),
        Legend("hide", SHOWN),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "Gradient descent starts at a distance of {distance:.2g}. Every step leaves it with some share of its error. "
        "On the way to the optimum, what happens to that share?",
        (
            Option("it stays the same: a constant factor a step", _factor(-EVEN, EVEN)),
            Option("it grows: each step achieves less than the one before", _factor(EVEN, np.inf)),
            Option("it shrinks: closer in, each step achieves more", _factor(-np.inf, -EVEN)),
            Option("it is more than all of it: the walk leads away", leaves),
        ),
        remark=remark,
    ),
    why=(
        "On $x^2$ the step is $-2\\eta x$, so a constant share of the error stays: a flat line (*linear* "
        "convergence). On $x^4$ it is $-4\\eta x^3$, which vanishes faster than $x$, and the error falls "
        "only like $1/\\sqrt{8\\eta k}$ after k steps (*sublinear*). Newton’s method divides by the curvature, which "
        "vanishes as well: $-\\eta\\,4x^3/12x^2 = -\\eta x/3$, a constant factor again. The inverse gradient leaves "
        "$1 - \\eta/2$, the inverse simulator $\\sqrt{1-\\eta}$.\n\n" + code(gradient_descent, newton)
    ),
    limits=(
        "Slowing down also steadies: a method that never slows amplifies noise near the optimum. And a small gradient "
        "does not say that the goal is near: on tanh²x it is small far away too, and there Newton’s method walks off, "
        "since the curvature is negative, and the inverse gradient overshoots. Only the inverse simulator does not "
        "mind. More of that in [Four ways down](four-ways)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”: “Convergence near optimum” under each "
        "method, and the remark on the gradient’s length under “The crux of the matter”.",
    ),
    claims=(
        Claim("On quadratics gradient descent's error falls by a constant factor in the end.", _linear_claim, ("B4",)),
        Claim("On x^4 its error falls like k^-1/2, and the factor goes to 1.", _sublinear_claim, ("B4",)),
        Claim(
            "Near the optimum gradient descent's step shrinks like the distance, on x^4 like its cube; the others' "
            "always like the distance.",
            _updates_claim,
            ("B4", "D1"),
        ),
        Claim(
            "The gradient can get shorter as the distance grows: on tanh^2 and on the turned sine.",
            _falling_claim,
            ("B4",),
        ),
        Claim("Newton leaves 1 - eta/3 of the error on x^4, and 1 - eta on quadratics.", _newton_claim, ("C2",)),
        Claim(
            "The inverse gradient leaves 1 - eta/2 on x^4, the inverse simulator sqrt(1 - eta); on quadratics both "
            "leave 1 - eta.",
            _inverse_claim,
            ("D1",),
        ),
    ),
    symbols=("loss", "gradient", "dx", "eta", "hessian", "loglog", "newton", "ig", "pg"),
    takeaway=Takeaway(takeaway_code, takeaway_numbers),
    teaching=Teaching(
        misconception="A small gradient means that one has nearly arrived.",
        demo=(
            ("x²: four flat lines. Every method keeps a constant share.", {"problem": "square"}),
            ("x⁴: the blue line creeps towards 1, the others stay flat.", {"problem": "fourth"}),
            (
                "tanh², from far: the gradient is small where the goal is far. Newton walks away.",
                {"problem": "tanh", "distance": 2.0},
            ),
        ),
        room=(
            "The loss has not moved for a hundred steps. Name three places where one may be. Listen for: at the "
            "optimum, on a plateau far from it, near a flat optimum."
        ),
    ),
    alt=(
        "The share of the distance from the optimum that each step of four methods leaves, the distance by step, and "
        "the length of the step against the distance."
    ),
)
