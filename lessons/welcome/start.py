"""The opening lesson: the same two unknowns, recovered by following the gradient and by inverting the simulator."""

import jax.numpy as jnp
import numpy as np

from core import measures
from core.rollout import rollout
from core.toys import RotatedSine
from core.updates import gradient_descent, inverse_simulator
from lessons.controls import Landmark, Legend, Point, Slider, Step
from lessons.figures import Axis, Drawing, Field, Mark, Panel, Readout, path_lines
from lessons.landscape import landscape
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Option, Prediction
from lessons.words import point_word

STEPS = 60
LONG = 4000  # how far gradient descent is followed to count its steps
VIEW = 1.6
ETA = 0.3
TOLERANCE = 0.02  # "found": within this distance in x, about the width of the drawn cross
SAFE = 0.5  # of the largest stable step at the solution: the step that suits the sensitive direction exactly
SHOWN = ("inverse_simulator", "gradient_descent")
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-4, 5))


def simulate(xi, start):
    """Both walks from one start, and how many steps each needs."""
    problem = RotatedSine(conditioning=xi, start=start)
    eta_gd = SAFE * measures.stable_limit(problem, problem.solution)
    nearest = problem.inverse(problem.target, start)

    def walk(rule, eta, steps):
        return rollout(rule, problem, start, steps, eta=eta)

    def count(x):
        return measures.steps_to(jnp.linalg.norm(x - nearest, axis=-1), TOLERANCE)

    return {
        "paths": {
            "gradient_descent": walk(gradient_descent, eta_gd, STEPS),
            "inverse_simulator": walk(inverse_simulator, ETA, STEPS),
        },
        "counts": {
            "gradient_descent": count(walk(gradient_descent, eta_gd, LONG).x),
            "inverse_simulator": count(walk(inverse_simulator, ETA, STEPS).x),
        },
        "landscape": landscape(problem, VIEW),
        "target": problem.target,
        "nearest": nearest,
    }


def draw(result):
    paths, target, nearest = result["paths"], result["target"], result["nearest"]
    xi = result["settings"]["xi"]
    lines = [line for name in SHOWN for line in path_lines(name, paths[name], paths[name].loss)]
    return Drawing(
        panels=(
            Panel(
                "x",
                "x-space: what you turn",
                Axis("x₁", (-VIEW, VIEW)),
                Axis("x₂", (-VIEW, VIEW)),
                big=True,
                equal=True,
            ),
            Panel("y", "y-space: what you see", Axis("y₁", (-1.0, 1.0)), Axis("y₂", (-9, 9))),
            Panel("loss", "distance in y, squared", Axis("step", (0, STEPS)), Axis("L", (1e-10, 1e3), log=True)),
        ),
        lines=tuple(lines),
        fields=(Field("loss-field", "x", result["landscape"], (-VIEW, VIEW) * 2, levels=LEVELS),),
        marks=(
            Mark("nearest", "x", "cross", nearest[..., 0], nearest[..., 1], "nearest cause"),
            Mark("target", "y", "cross", target[..., 0], target[..., 1], "y*"),
        ),
        readouts=tuple(Readout(f"{name}/loss", "y", "L =", 2) for name in SHOWN),
        numbers={"xi": np.asarray(xi)},
        step=result["settings"]["step"],
    )


def _ratio(result):
    counts = result["counts"]
    return float(counts["gradient_descent"]) / max(float(counts["inverse_simulator"]), 1.0)


def reading(result):
    gd, inverse = (float(result["counts"][name]) for name in ("gradient_descent", "inverse_simulator"))
    if inverse == 0:
        return "The start is the solution: there is nothing to find. Move it."
    found = f"The inverse simulator finds the cause in {inverse:.0f} steps, whatever the sensitivity."
    if np.isinf(gd):
        left = result["paths"]["gradient_descent"].x[-1]
        return f"{found} Gradient descent has not after {LONG:,} steps (after {STEPS} it is at {point_word(left)})."
    ratio = _ratio(result)
    times = f"{ratio:.0f} times as many" if ratio >= 1.5 else "here the plain gradient is good enough"
    return f"{found} Gradient descent, at half its largest stable step, needs {gd:,.0f}: {times}."


def _more_than(low):
    return lambda result: _ratio(result) >= low  # a walk that never arrives takes infinitely many steps


def _between(low, high):
    return lambda result: low <= _ratio(result) < high


def _growth_claim(lesson):
    ratios = [_ratio(lesson.experiment(xi=xi)) for xi in (1.0, 2.0, 4.0)]
    return ratios, ratios[0] < 3 and ratios[1] > 2 and ratios[2] > 30


def _steady_claim(lesson):
    counts = [float(lesson.experiment(xi=xi)["counts"]["inverse_simulator"]) for xi in (1.0, 2.0, 4.0, 6.0)]
    return counts, max(counts) - min(counts) <= 1


def takeaway_code(settings):
    return f"""\
import jax.numpy as jnp
from core.measures import stable_limit, steps_to
from core.rollout import rollout
from core.toys import RotatedSine
from core.updates import gradient_descent, inverse_simulator

problem = RotatedSine(conditioning={settings["xi"]!r}, start={settings["start"]!r})
nearest = problem.inverse(problem.target, problem.start)
eta = {SAFE} * stable_limit(problem, problem.solution)
descent = rollout(gradient_descent, problem, problem.start, {LONG}, eta=eta).x
inverse = rollout(inverse_simulator, problem, problem.start, {STEPS}, eta={ETA}).x
descent_steps = steps_to(jnp.linalg.norm(descent - nearest, axis=1), {TOLERANCE})
inverse_steps = steps_to(jnp.linalg.norm(inverse - nearest, axis=1), {TOLERANCE})
descent_end, inverse_end = descent[{settings["step"]}], inverse[{settings["step"]}]
"""


def takeaway_numbers(result):
    step, paths, counts = result["settings"]["step"], result["paths"], result["counts"]
    return {
        "descent_end": paths["gradient_descent"].x[step],
        "inverse_end": paths["inverse_simulator"].x[step],
        "descent_steps": counts["gradient_descent"],
        "inverse_steps": counts["inverse_simulator"],
    }


LESSON = Lesson(
    slug="start",
    title="Start",
    question="You see an effect. How do you find its cause?",
    text=(
        "A simulator turns causes $x$ into effects $y = P(x)$. You see $y^*$ and want the $x$ behind it. One way: "
        "follow the "
        "gradient of the error downhill. The other: **invert** the simulator, a little at a time. This course is "
        "about the "
        "difference, and about *learning* the inverse where none is known."
    ),
    minutes=3,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("xi", "ξ, unevenness", 1.0, 6.0, 4.0, "log", landmarks=(Landmark("even: 1", 1.0),)),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (0.85, 0.75)),
        Legend("hide", SHOWN),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "One way of turning the two knobs moves the effect {xi:.2g}\u00a0×\u00a0{xi:.2g}\u00a0times as much as the "
        "other. How many steps does gradient descent need for each one of the inverse simulator?",
        (
            Option("at most three", _between(0.0, 3.0)),
            Option("three to thirty", _between(3.0, 30.0)),
            Option("more than thirty", _more_than(30.0)),
        ),
        remark="The sensitivities differ by ξ², and a gradient step feels the square of that.",
    ),
    why=(
        "Both walks know the same simulator. The gradient says which way the *error* falls, which is mostly the "
        "sensitive "
        "way: the walk drops into a valley and crawls. The inverse asks which change of x makes the wanted change "
        "of y, and "
        "goes there."
    ),
    limits=(
        "Several causes may give the same effect; each walk finds one near its start. Here the inverse is a "
        "formula. Usually there is none; then one searches for it, or learns it, and has to "
        "know where "
        "that can be trusted. The lessons go there one by one."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”.",
        "Deceptron, arXiv 2511.21076.",
    ),
    claims=(
        Claim(
            "The more uneven the sensitivities, the more steps gradient descent needs for one of the inverse.",
            _growth_claim,
        ),
        Claim("The inverse simulator's step count does not depend on xi.", _steady_claim),
    ),
    symbols=("x", "y", "simulator", "target", "conditioning", "gradient", "inverse"),
    takeaway=Takeaway(takeaway_code, takeaway_numbers),
    teaching=Teaching(
        misconception="To find a cause one follows the error downhill, and that is all there is.",
        demo=(
            ("Both walks know the same simulator, from the same start. Who is there first?", {}),
            ("Even sensitivities: the gradient is good enough. Nothing wrong with it here.", {"xi": 1.0}),
            ("Six times uneven: the inverse does not notice, the gradient crawls.", {"xi": 6.0}),
        ),
        room=(
            "Name an effect of which you would like to know the cause. Is a simulator of it known? An inverse? Keep "
            "the examples: at the end ask again which inverse one could learn."
        ),
    ),
    alt=(
        "Two walks from a start to the cause of an effect, in x-space over the isolines of the error, in y-space, and "
        "the error by step."
    ),
)
