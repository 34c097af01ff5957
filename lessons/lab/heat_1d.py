"""Heat-1D with a learned inverse: who recovers the temperature when the data are noisy (curriculum I3, I5)."""

from functools import cache

import jax.numpy as jnp
import numpy as np

from core.backend import default_float
from core.deceptron import rjcp_field
from core.heat import points
from core.networks import as_type
from lessons.controls import Choice, Landmark, Legend, Preset, Slider, Step
from lessons.figures import FAINTEST, METHODS, Axis, Drawing, Line, Panel, over_steps
from lessons.lab import notes, walking
from lessons.lab.walking import BUDGET, VARIANTS
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.prediction import Option, Prediction
from lessons.words import number_word

WALKERS = ("gradient_descent", "nesterov", "levenberg_marquardt", "dipg_plain", "dipg_differenced")
LEARNED = ("dipg_plain", "dipg_differenced")
PROFILES = walking.INSTANCES
PROBLEMS = {"easy": "easy", "hard": "hard, bent sensor"}
CONTENDERS = ("levenberg_marquardt", "dipg_differenced", "gradient_descent")
ALIKE = 0.05  # errors that differ by less than this share are the same


def setup(problem):
    """The experiment's setup with this figure's budget."""
    return walking.setup(f"heat-{problem}")


def model_for(settings):
    """The Deceptron of the chosen problem, with JCP or without; and what the table says of time is measured."""
    walking.step_times(experiment := f"heat-{settings['problem']}", WALKERS)
    return walking.standard_model(experiment, settings["jcp"])


def simulate(model, problem, jcp, noise, instance, relaxation):
    """All walks from the same flat start towards the same noisy data."""
    chosen, (truths, draws, start) = setup(problem), walking.instances(f"heat-{problem}")
    truth, one_draw = walking.chosen_one(truths, instance), walking.chosen_one(draws, instance)
    measured = chosen.problem.forward(truth) + noise * one_draw
    walks = walking.walks(WALKERS, f"heat-{problem}", model, measured, relaxation=relaxation)
    precise = as_type(model, default_float())
    return {
        "truth": truth,
        "measured": measured,
        "walks": walks,
        "errors": walking.errors(walks, truth),
        "rjcp": rjcp_field(precise, jnp.stack([start, walks["dipg_differenced"].x])),
        "noise_level": jnp.linalg.norm(noise * one_draw) / chosen.solver.scale,
    }


def draw(result):
    place = np.asarray(points(result["truth"].shape[-1]))
    rows = np.broadcast_to(place, (BUDGET + 1, place.size))
    steps = Axis("step", (0, BUDGET))
    given = {"legend": True, "answer": False}
    lines = [
        Line("truth", "rod", place, result["truth"], label="the truth", dash="dash", width=2.5, **given),
        Line("measured", "rod", place, result["measured"], label="measured later", dash="dot", width=1.5, **given),
    ]
    for name in WALKERS:
        walk = result["walks"][name].path
        lines.append(Line(f"{name}/profile", "rod", rows, walk.x, name, name, role="segment", legend=True))
        lines.append(over_steps(name, "residual", walk.residual, FAINTEST))
        lines.append(over_steps(name, "error", result["errors"][name], FAINTEST))
    return Drawing(
        panels=(
            Panel(
                "rod", "temperature along the rod", Axis("place", (0, 1)), Axis("temperature", (-0.05, 1.05)), big=True
            ),
            Panel("residual", "residual, what the method sees", steps, Axis("", (1e-3, 1), log=True)),
            Panel("error", "error in x, what we want", steps, Axis("", (2e-3, 1), log=True)),
        ),
        lines=tuple(lines),
        step=result["settings"]["step"],
    )


def _last_error(result, name):
    return float(result["errors"][name][-1])


def reading(result):
    best = min(WALKERS, key=lambda name: _last_error(result, name))
    first = (
        f"Of the five methods {METHODS[best].label} ends nearest to the truth, with an error of "
        f"{number_word(_last_error(result, best))} in x."
    )
    experiment, relaxation = f"heat-{result['settings']['problem']}", result["settings"]["relaxation"]
    return first + f" {_noise(result)}" + walking.signature(experiment, result, relaxation=relaxation)


def _noise(result):
    """The noise beside the tolerance: what is below it cannot be told from the data."""
    level, tolerance = float(result["noise_level"]), float(setup(result["settings"]["problem"]).solver.tolerance)
    if level > tolerance:
        return f"The noise alone is a residual of {number_word(level)}: a method that goes below it fits the noise."
    return f"The noise alone is a residual of {number_word(level)}, which is within the tolerance."


def table(result):
    """How each method ended; and RJCP where it is read, at both ends of D-IPG's path."""
    ends = [number_word(value) if np.isfinite(value) else "not finite" for value in result["rjcp"]]
    return walking.outcomes(
        f"heat-{result['settings']['problem']}",
        "Where each method ended",
        WALKERS,
        result,
        {"RJCP at the start → at its end": {"dipg_differenced": " → ".join(ends)}},
    )


def _nearest_is(name):
    """Whether this contender ends nearest to the truth of the three that the question is about."""
    return lambda result: min(CONTENDERS, key=lambda n: _last_error(result, n)) == name


def _too_close(result):
    """Two that end equally near leave the question without one answer."""
    first, second = sorted(_last_error(result, name) for name in CONTENDERS)[:2]
    if np.isfinite(second) and second > (1 + ALIKE) * first:
        return ""
    return "Two of the three methods end equally near to the truth here, within 5 %. Another noise separates them."


@cache
def _faint_step():
    """With a residual along the faintest wave: the length of Jᵀr over |J| |r|, by the simulator's own Jacobian."""
    problem = setup("easy").problem
    jacobian = np.asarray(problem.jacobian(problem.start), float)
    left, stretch, _ = np.linalg.svd(jacobian)
    return float(np.linalg.norm(jacobian.T @ left[:, -1]) / stretch[0])


def _step_is(low, high):
    return lambda _result: low <= _faint_step() < high


QUIZ = Prediction(
    "The Jacobian is large: its largest singular value is 1. But the residual r consists of the finest wave alone. "
    "How long is a step of gradient descent, η |Jᵀr|, beside the longest that a residual of this size can cause?",
    (
        Option(
            "as long: the step is large where J is large",
            _step_is(0.99, 2.0),
            "The size of J is that of its best answered direction; Jᵀ weighs each part of r by that part’s own factor.",
        ),
        Option("about a tenth as long, although the residual is as large", _step_is(0.05, 0.2)),
        Option(
            "zero: gradient descent cannot see that wave",
            _step_is(0.0, 1e-6),
            "It would be, if the wave were lost altogether. Here a tenth of its height is left.",
        ),
    ),
    remark="A large |J| with a small |Jᵀr| is what bad conditioning looks like: a short step, far from the solution.",
)
NOISY, QUIET = {"noise": 0.03}, {"noise": 0.001}


def _mean_errors(lesson, noise, names=CONTENDERS, **choices):
    """Mean error in x at the last step over all profiles, by method."""
    found = {name: [] for name in names}
    for instance in range(1, PROFILES + 1):
        result = lesson.experiment(noise=noise, instance=float(instance), **choices)
        for name in names:
            found[name].append(_last_error(result, name))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _overfit_claim(lesson):
    errors = _mean_errors(lesson, 0.03)
    return errors, min(errors["levenberg_marquardt"], errors["dipg_differenced"]) > 1.2 * errors["gradient_descent"]


def _quiet_claim(lesson):
    errors = _mean_errors(lesson, 0.001)
    return errors, errors["gradient_descent"] > 2 * max(errors["levenberg_marquardt"], errors["dipg_differenced"])


def _jcp_claim(lesson):
    error = {jcp: _mean_errors(lesson, 0.001, ("dipg_plain",), jcp=jcp)["dipg_plain"] for jcp in VARIANTS}
    rjcp = {jcp: float(lesson.experiment(noise=0.001, jcp=jcp)["rjcp"][0]) for jcp in VARIANTS}
    return (error, rjcp), error["without"] > 1.5 * error["with"] and rjcp["without"] > 50 * rjcp["with"]


def _floor_claim(lesson):
    """On the bent problem g(y*) misses, and plain D-IPG cannot get below that; the differenced step can."""
    walks = lesson.experiment(noise=0.001, problem="hard")["walks"]
    residuals = {name: float(walks[name].residual) for name in LEARNED}
    tolerance = float(setup("hard").solver.tolerance)
    return residuals, residuals["dipg_plain"] > 2 * tolerance > 2 * residuals["dipg_differenced"]


def _work_claim(_lesson):
    work = {name: walking.step_work("heat-easy", name) for name in ("levenberg_marquardt", "dipg_differenced")}
    return work, 15 < work["levenberg_marquardt"] / work["dipg_differenced"] < 25


LESSON = Lesson(
    slug="heat-1d",
    title="Heat-1D with a learned inverse",
    question="With noisy data, is the fastest method the best?",
    text=(
        "A rod of 32 points has cooled: each sine wave of its temperature profile x has shrunk by its own factor, from "
        "1 for the longest to 1/10 for the finest. (Hard: to 1/50, and the sensor reads z + 0.3 z³.) You measure "
        "$y^* = P(x)$ plus noise of standard deviation ε and want x. Every method lowers $|P(x) - y^*|$ from the same "
        "flat start for at most 20 iterations, under one protocol: relaxation ρ, projection to [0, 1], Armijo’s rule, "
        "one tolerance. D-IPG uses a trained Deceptron, the others the simulator’s Jacobian."
    ),
    minutes=8,
    controls=(
        Step("step", "step", BUDGET, BUDGET),
        Slider(
            "noise",
            "ε, noise of the data",
            1e-4,
            0.1,
            0.03,
            "log",
            landmarks=(Landmark("the study’s", 0.001),),
        ),
        Slider("instance", "which profile", 1, PROFILES, 7, step=1, swept=False, group="more"),
        Choice("problem", "problem", PROBLEMS, "easy"),
        Choice("jcp", "trained", {"with": "with JCP", "without": "without"}, "with"),
        Slider("relaxation", "ρ, relaxation", 0.1, 1.0, 0.75, swept=False),
        Preset("quiet data", QUIET),
        Preset("noisy data", NOISY),
        Legend("hide", WALKERS, ("nesterov", "dipg_plain")),
    ),
    simulate=simulate,
    prepare=model_for,
    trains=lambda settings: (f"heat-{settings['problem']}", VARIANTS[settings["jcp"]]),
    draw=draw,
    reading=reading,
    table=table,
    prediction=Prediction(
        "The temperatures lie between 0 and 1, and the noise is {noise:.2g}. Which of these three ends with the "
        "profile nearest to the truth?",
        (
            Option(
                "Levenberg–Marquardt, which has the exact Jacobian", _nearest_is("levenberg_marquardt"), notes.EXACT
            ),
            Option("D-IPG, which has learned the inverse", _nearest_is("dipg_differenced"), notes.LEARNED),
            Option("gradient descent, which is slowest", _nearest_is("gradient_descent"), notes.SLOW),
        ),
        remark=notes.heat_remark,
        unasked=_too_close,
    ),
    quiz=QUIZ,
    why=notes.HEAT_WHY,
    limits=notes.HEAT_LIMITS,
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076.",
        "Early stopping as a regulariser: Engl, Hanke and Neubauer, Regularization of Inverse Problems, chapter 6.",
    ),
    claims=(
        Claim(
            "A residual along the finest wave gives gradient descent a tenth of the step that it gives along the "
            "longest.",
            lambda lesson: (_faint_step(), np.isclose(_faint_step(), 0.1, rtol=0.01)),
        ),
        Claim(
            "At noise 0.03, over 40 profiles, Levenberg-Marquardt and D-IPG end farther from the truth than gradient "
            "descent after 20 steps.",
            _overfit_claim,
            ("I5",),
        ),
        Claim("At noise 0.001 it is the other way round.", _quiet_claim, ("I3",)),
        Claim("Without JCP, RJCP is at least 50 times higher and plain D-IPG's error at least 1.5 times.", _jcp_claim),
        Claim("Levenberg-Marquardt's proposal needs about 20 times the operations of D-IPG's.", _work_claim),
        Claim(
            "On the hard problem plain D-IPG stays at twice the tolerance or more; differenced arrives.", _floor_claim
        ),
    ),
    symbols=("x", "y", "target", "g", "rjcp", "dipg", "armijo", "jacobian"),
    takeaway=Takeaway(notes.heat_code, notes.heat_numbers),
    teaching=notes.HEAT_TEACHING,
    alt=(
        "The true temperature along a rod, the noisy measurement, and the profile that each method has recovered at "
        "the current step; residual and error in x by step."
    ),
)
