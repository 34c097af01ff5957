"""Near the optimum: where the landscape gets flat, gradient descent gets slow (curriculum B4, C2, D1)."""

from functools import partial

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
from lessons.descent import notes
from lessons.figures import FAR, Axis, Drawing, Line, Mark, Panel, Readout
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.methods import FRACTION, INVERSE, RULES, SHOWN
from lessons.prediction import Option, Prediction
from lessons.words import code, joined, sentence, share_word

STEPS = 60
LONG = 4000  # steps for the law k^-1/2, which takes hundreds of steps to show
DISTANCES = np.geomspace(0.01, 4.0, 121)
TAIL = 0.05  # "near": where the lowest power of the distance rules to a per cent
ROUNDING = 1e-12  # errors below this are rounding, and their ratios say nothing
EVEN = 0.01  # shares that differ by less than this part of them are called the same
MOVED = 0.05  # a path that covers less than this share of the distance shows no change of pace
TOO_LARGE = "η is too large for that: the last iteration leads away from the optimum."
ARTICLED = {
    "newton": "Newton",
    "inverse_gradient": "the inverse gradient",
    "inverse_simulator": "the inverse simulator",
}
FAR_TICKS = ((1e-8, "10⁻⁸"), (1e-4, "10⁻⁴"), (1.0, "1"))
PROBLEMS = {"fourth": lambda: Power(2), "square": lambda: Power(1), "toy": lambda: Scaled(4.0), "tanh": Saturating}
PROBLEM_LABELS = {"fourth": "x⁴", "square": "x²", "toy": "|(x₁, 4x₂)|²", "tanh": "tanh²x"}
STEEPEST, LIMIT = Landmark("longest gradient", number="steepest"), Landmark("limit at the start", number="stable_limit")


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
    counted = Axis("iteration", (0, STEPS))
    far = Axis("distance", (1e-10, 100), log=True, ticks=FAR_TICKS)
    distances = Axis("distance from the optimum", (0.01, 4.0), log=True)
    return Drawing(
        panels=(
            Panel("factor", "share of the distance that is left", counted, Axis("share", (0.0, 1.2)), big=True),
            Panel("error", "distance from the optimum", counted, far),
            Panel("length", "length of the step", distances, Axis("|Δx|", (1e-6, 10), log=True), cursor="distance"),
        ),
        marks=(Mark("nothing", "factor", "label", 2.0, 1.0, "1: no progress"),),
        lines=tuple(lines),
        readouts=tuple(Readout(f"{name}/error", "y", "distance", 2) for name in SHOWN),
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


def ends(result):
    """What the first iteration of gradient descent and the last that can be told cover of the distance; nan if none."""
    told = shrinking(result["errors"]["gradient_descent"])
    told = told[np.isfinite(told)]
    return (1 - float(told[0]), 1 - float(told[-1])) if len(told) > 1 else (np.nan, np.nan)


def reading(result):
    return joined(_told_of_descent(result), _told_of_others(result))


def _told_of_descent(result):
    """How gradient descent fares between its first and its last iteration."""
    error, (early, late) = result["errors"]["gradient_descent"], ends(result)
    if not np.isfinite(early):
        return "Gradient descent is at the optimum after its first iteration."
    if not error[-1] < FAR:
        return "Gradient descent diverges."
    if error[-1] > error[0]:
        return "Gradient descent ends farther from the optimum than it starts."
    if early <= 0 or late <= 0:
        return f"Gradient descent has {share_word(error[-1] / error[0])} of its initial distance left at the end."
    if abs(late - early) <= EVEN * early:
        return f"The first and the last iteration of gradient descent cover {share_word(late)} of the distance left."
    pace = "it slows down" if late < early else "it speeds up"
    shares = f"{share_word(early)} of the distance, the last {share_word(late)} of what is left"
    return f"The first iteration of gradient descent covers {shares}: {pace}."


def _told_of_others(result):
    """Which of the other methods do not get nearer."""
    error = result["errors"]
    lost = [ARTICLED[name] for name in INVERSE if not error[name][-1] < error[name][0]]
    if lost:
        return f"{sentence(' and '.join(lost))} {'does' if len(lost) == 1 else 'do'} not approach the optimum."
    return "The three inverse methods approach the optimum."


def answer(result):
    """What happens to the share that an iteration covers: "same", "falls", "grows" or "away"."""
    early, late = ends(result)
    if late < 0:
        return "away"
    if abs(late - early) <= EVEN * abs(early):
        return "same"
    return "falls" if late < early else "grows"


def _unclear(result):
    """Why there is no answer to be seen, if there is none."""
    error = result["errors"]["gradient_descent"]
    if not np.isfinite(ends(result)[0]):
        return "Gradient descent is at the optimum after its first iteration, so there is nothing to compare."
    if abs(error[-1] / error[0] - 1) < MOVED:
        return "Here gradient descent covers less than 5 % of the distance in all, too little to see a change."
    return ""


def remark(result):
    """Why the share goes as it does, here."""
    problem, found = result["settings"]["problem"], answer(result)
    if found == "away":
        return "η is too large: an iteration overshoots the optimum by more than the distance that is left."
    if problem == "fourth":
        return "The gradient 4x³ falls faster than the distance x, so the steps get shorter than in proportion."
    if problem == "toy":
        return "The two directions converge at different rates; at the end the slower one is left."
    if found == "grows":
        return "Where tanh is flat the gradient is small although the optimum is far."
    if found == "falls":
        return "At the end each iteration overshoots the optimum, so it covers less than near the start."
    return "The steps get shorter in proportion to the distance, so the share stays the same."


def _not_falling(result):
    """What speaks against "it falls"."""
    if answer(result) == "same":
        return "The steps do get shorter, but in proportion to the distance."
    if answer(result) == "grows":
        return "The steps do get shorter in the end, but less than in proportion to the distance."
    return TOO_LARGE


def _not_growing(result):
    """What speaks against "it grows"."""
    return (
        TOO_LARGE
        if answer(result) == "away"
        else "That would need a gradient that falls more slowly than the distance."
    )


def tail_slope(result, name):
    """The exponent of the distance in a method's step length, fitted near the optimum."""
    near = DISTANCES <= TAIL
    return float(measures.loglog_slope(DISTANCES[near], result["lengths"][name][near]))


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
        "$-\\eta$ times the gradient. How flat the loss $L$ becomes depends on the loss: $\\nabla x^2 = 2x$, but "
        "$\\nabla x^4 = 4x^3$. The optimum is $x = 0$, and all four methods start at the same distance from it, with "
        "$L = x^4$ at first. For the inverse gradient and the inverse simulator $\\eta$ is the share of the gap in y; "
        "for Newton it is the share of its full step."
    ),
    minutes=6,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("distance", "distance at the start", 0.05, 3.0, 1.0, "log", landmarks=(STEEPEST,)),
        Slider("eta_gd", "η, gradient descent", 1e-3, 1.0, 0.1, "log", landmarks=(LIMIT,)),
        Slider("eta", "η, the others", 0.02, 1.0, FRACTION, landmarks=(Landmark("full step", 1.0),)),
        Choice("problem", "loss", PROBLEM_LABELS, "fourth"),
        Legend("hide", SHOWN),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "The loss is the one chosen below, η = {eta_gd:.3g}, and gradient descent starts at a distance of "
        "{distance:.2g}. Each iteration covers a share of the distance that is left. How does that share change from "
        "the first to the last of 60 iterations?",
        (
            Option(
                "it stays the same, within 1 %",
                lambda result: answer(result) == "same",
                "That holds for L = x², whose gradient is proportional to the distance.",
            ),
            Option("it falls: gradient descent slows down", lambda result: answer(result) == "falls", _not_falling),
            Option("it grows: gradient descent speeds up", lambda result: answer(result) == "grows", _not_growing),
            Option(
                "it becomes negative: the last iteration leads away",
                lambda result: answer(result) == "away",
                "η is small enough: the last iteration does not lead away from the optimum.",
            ),
        ),
        remark=remark,
        unasked=_unclear,
    ),
    why=(
        "On $x^2$ the step is $-2\\eta x$, so a constant share of the error stays: a flat line (*linear* "
        "convergence). On $x^4$ it is $-4\\eta x^3$, which vanishes faster than $x$, and the error falls "
        "only like $1/\\sqrt{8\\eta k}$ after k steps (*sublinear*). Newton’s method divides by the curvature, which "
        "vanishes as well: $-\\eta\\,4x^3/12x^2 = -\\eta x/3$, a constant factor again. The inverse gradient leaves "
        "$1 - \\eta/2$, the inverse simulator $\\sqrt{1-\\eta}$.\n\n" + code(gradient_descent, newton)
    ),
    limits=(
        "Slowing down has a benefit: a method that never slows amplifies noise near the optimum. And a small gradient "
        "does not mean that the optimum is near. On tanh²x it is small far away too; there Newton’s method moves away, "
        "since the curvature is negative, and the inverse gradient overshoots. The inverse simulator still converges. "
        "More of that in [Four ways down](four-ways)."
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
    takeaway=Takeaway(partial(notes.near_code, STEPS), takeaway_numbers),
    teaching=notes.NEAR_TEACHING,
    alt=(
        "The share of the distance from the optimum that each step of four methods leaves, the distance by step, and "
        "the length of the step against the distance."
    ),
)
