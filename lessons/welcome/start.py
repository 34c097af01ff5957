"""The opening lesson: the same two unknowns, recovered by following the gradient and by inverting the simulator."""

import jax
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
from lessons.words import count_word, number_word, share_word

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

    descent = walk(gradient_descent, eta_gd, LONG)
    inverse = walk(inverse_simulator, ETA, STEPS)
    return {
        "paths": {
            "gradient_descent": jax.tree.map(lambda leaf: leaf[: STEPS + 1], descent),
            "inverse_simulator": inverse,
        },
        "counts": {"gradient_descent": count(descent.x), "inverse_simulator": count(inverse.x)},
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
            Panel("loss", "distance in y, squared", Axis("iteration", (0, STEPS)), Axis("L", (1e-10, 1e3), log=True)),
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
        return "The start is already within 0.02 of the nearest cause. Move the start."
    found = f"The inverse simulator finds the nearest cause after {count_word(int(inverse), 'iteration')}."
    if np.isfinite(gd):
        return f"{found} Gradient descent needs {gd:,.0f}, {_times(gd, inverse)}."
    return f"{found} Gradient descent has not found it after {LONG:,} iterations."


def _times(count, other):
    if count < other:
        return "which is fewer"
    return f"{number_word(count / other)} times as many" if count >= 1.1 * other else "about as many"


def _more_than(low):
    return lambda result: _ratio(result) > low  # infinite where gradient descent does not find the cause in time


def _between(low, high):
    return lambda result: low <= _ratio(result) <= high


def _fewer_than(high):
    return lambda result: _ratio(result) < high


def _no_comparison(result):
    """Why the two counts cannot be compared, where they cannot."""
    if result["counts"]["inverse_simulator"] == 0:
        return "The start is already within 0.02 of the nearest cause, so there is nothing to count."
    return ""


def remark(result):
    """The rate in the insensitive direction decides."""
    share = share_word(result["settings"]["xi"] ** -4.0)
    return (
        f"Near the cause an iteration of gradient descent covers about 1/ξ⁴ = {share} of the distance in the "
        "insensitive direction. One of the inverse simulator covers 30 % of the gap in y, at any ξ."
    )


def _growth_claim(lesson):
    ratios = [_ratio(lesson.experiment(xi=xi)) for xi in (1.0, 2.0, 4.0)]
    return ratios, ratios[0] < 3 and ratios[1] > 2 and ratios[2] > 30


def _steady_claim(lesson):
    counts = [float(lesson.experiment(xi=xi)["counts"]["inverse_simulator"]) for xi in (1.0, 2.0, 4.0, 6.0)]
    return counts, max(counts) - min(counts) <= 1


def takeaway_code(settings):
    return f"""\
import jax
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
        "A simulator turns causes $x$ into effects $y = P(x)$. You see an effect $y^*$ and want its cause. Here "
        "$P(x) = (\\sin(u_1)/\\xi,\\ \\xi\\,u_2)$, where $u$ is $x$ turned by an angle: at $\\xi > 1$ the effect is "
        "sensitive to $u_2$ and insensitive to $u_1$. Gradient descent follows the gradient of $|y - y^*|^2$, with "
        "half its largest stable step size. The inverse simulator covers 30 % of the gap $y^* - y$ at each iteration, "
        "by $P^{-1}$. A cause counts as found within a distance of 0.02. This course is about the difference, and "
        "about *learning* the inverse where none is known."
    ),
    minutes=3,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("xi", "ξ, unevenness", 1.0, 6.0, 4.0, "log", landmarks=(Landmark("even: ξ = 1", 1.0),)),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (0.85, 0.75)),
        Legend("hide", SHOWN),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "At ξ = {xi:.2g} the effect is about {xi:.2g}\u00a0·\u00a0{xi:.2g} times as sensitive to one direction of x as "
        "to the other. How many iterations of gradient descent does it take for each one of the inverse simulator?",
        (
            Option(
                "fewer than 3",
                _fewer_than(3),
                "The step size has to suit the sensitive direction. In the other one it covers little.",
            ),
            Option(
                "3 to 30",
                _between(3, 30),
                "The sensitivities differ by ξ², but a gradient step feels their square, which is ξ⁴.",
            ),
            Option(
                "more than 30",
                _more_than(30),
                "That takes sensitivities that differ more: an iteration covers about 1/ξ⁴ of the distance.",
            ),
        ),
        remark=remark,
        unasked=_no_comparison,
    ),
    why=(
        "Both methods know the same simulator. The gradient says in which direction the *error* falls fastest: "
        "mostly the sensitive one. So gradient descent soon reaches the bottom of a valley and then moves slowly along "
        "it. The inverse simulator asks which change of x makes the wanted change of y, and makes that change."
    ),
    limits=(
        "Several causes may have the same effect; each method finds one near its start. Here the inverse is a "
        "formula. Usually there is none; then one searches for it, or learns it, and has to know where it can be "
        "trusted. The lessons treat this one by one."
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
            ("Both methods know the same simulator, from the same start. Which one is faster?", {}),
            ("Even sensitivities: the gradient is good enough. Nothing wrong with it here.", {"xi": 1.0}),
            ("Six times uneven: the inverse simulator is as fast as before, gradient descent is slow.", {"xi": 6.0}),
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
