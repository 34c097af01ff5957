"""The damped oscillator: parameters from a trajectory, and who goes astray when the start swings too fast (I3)."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from core.backend import default_float
from core.deceptron import rjcp_field
from core.methods import METHODS
from core.networks import as_type
from core.oscillator import SAMPLES, parameters, physical
from core.problem import Aimed
from core.protocol import Status
from core.solve import solve_many, solve_path
from core.study import row, summary
from lessons.controls import Choice, Landmark, Legend, Preset, Slider, Step
from lessons.figures import FAINTEST, Axis, Drawing, Line, Mark, Panel, crosses, over_steps
from lessons.lab import notes_oscillator as notes
from lessons.lab import walking
from lessons.lab.experiments import EXPERIMENTS
from lessons.lab.walking import BUDGET
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.prediction import Option, Prediction
from lessons.words import joined, number_word

NAME = "oscillator"
WALKERS = ("gradient_descent", "lbfgs", "levenberg_marquardt", "dipg_differenced")
POSITION = 0.7  # the true first position: in the middle, it decides nothing here
START_OMEGA = 2.0
ASTRAY = 0.3  # an angular frequency farther off than this belongs to another swing
CROSS = (0.025, 0.05)  # half the width and height of a datum's cross, in units of the axes

_physical = jax.jit(physical)


def model_for(settings):
    """The Deceptron of training seed 0, with or without JCP; and what the table says of time is measured."""
    walking.step_times(NAME, WALKERS)
    return walking.standard_model(NAME, settings["jcp"])


def simulate(model, jcp, omega, velocity, damping, noise, zeta, relaxation, instance):
    """All walks from the same start towards the positions of one swing, measured with noise."""
    chosen, draws = walking.setup(NAME), walking.instances(NAME)[1]
    truth = parameters(omega, zeta, jnp.stack([jnp.full_like(velocity, POSITION), velocity]))
    clean = chosen.problem.forward(truth)
    measured = clean + noise * walking.chosen_one(draws, instance)
    found = walking.walks(WALKERS, NAME, model, measured, relaxation=relaxation, damping=damping)
    precise = as_type(model, default_float())
    return {
        "truth": truth,
        "clean": clean,
        "measured": measured,
        "walks": found,
        "errors": walking.errors(found, truth),
        "rjcp": rjcp_field(precise, found["dipg_differenced"].path.x),
        "noise_level": jnp.linalg.norm(measured - clean) / chosen.solver.scale,
        "times": chosen.problem.time * jnp.arange(SAMPLES + 1) / SAMPLES,
    }


def meaning(x):
    """Angular frequency, first position and first velocity of parameters (..., 4)."""
    omega, _zeta, state = _physical(np.moveaxis(np.asarray(x), -1, 0))
    return np.asarray(omega), *np.asarray(state)


def draw(result):
    times = result["times"].reshape(-1, SAMPLES + 1)[0]
    truth = result["truth"]
    omega, position, velocity = meaning(truth)
    lines = [
        Line("truth", "swing", times, _curve(position, result["clean"]), label="the truth", dash="dash", width=1.5,
             legend=True),
        Line("measured", "swing", *crosses(times[1:], result["measured"], *CROSS), label="measured", colour="text",
             width=1.2, legend=True, answer=False),
    ]  # fmt: skip
    for name in WALKERS:
        path = result["walks"][name].path
        frequency, place, speed = meaning(path.x)
        lines.append(
            Line(f"{name}/swing", "swing", times, _curve(place, path.y), name, name, role="segment", legend=True)
        )
        lines.append(Line(f"{name}/x", "plane", frequency, speed, name, name, role="path", dots=True))
        lines.append(over_steps(name, "residual", path.residual, FAINTEST))
    lines.append(over_steps("dipg_differenced", "rjcp", result["rjcp"], FAINTEST))
    steps = Axis("step", (0, BUDGET))
    return Drawing(
        panels=(
            Panel("swing", "position of the mass", Axis("time", (0, 4)), Axis("position", (-1.8, 1.8)), big=True),
            Panel("plane", "two of the four unknowns",
                  Axis("ω, frequency", (0.4, 3.6)), Axis("first velocity", (-2.5, 2.5))),
            Panel("residual", "residual", steps, Axis("", (2e-2, 5), log=True)),
            Panel("rjcp", "RJCP along the walk", steps, Axis("", (1e-3, 30), log=True)),
        ),
        lines=tuple(lines),
        marks=(
            Mark("box", "plane", "box", np.array([0.6, 3.4]), np.array([-2.1, 2.1])),
            Mark("solution", "plane", "cross", omega, velocity, "truth", answer=True),
            Mark("start", "plane", "dot", np.float64(START_OMEGA), np.float64(0.0), "start"),
        ),
        numbers={"truth": omega},
        step=result["settings"]["step"],
    )  # fmt: skip


def _curve(first, later):
    """Positions from time 0 on: the first is a parameter, the later ones are data."""
    return np.concatenate([first[..., None], later], axis=-1)


def _omega(result, name):
    """The frequency at which a walk ends."""
    return float(meaning(result["walks"][name].x)[0])


def reading(result):
    true, exact = float(meaning(result["truth"])[0]), result["walks"]["levenberg_marquardt"]
    end = _omega(result, "levenberg_marquardt")
    first = f"Levenberg–Marquardt {walking.ending(exact)} at ω = {end:.2f}; the true frequency is {true:.2f}."
    own, other = (float(result["errors"][name][-1]) for name in ("dipg_differenced", "levenberg_marquardt"))
    side = "nearer to" if own < other else "farther from"
    learned = f"D-IPG {walking.outcome(result['walks']['dipg_differenced'])}, {side} the truth in all four unknowns."
    if abs(end - true) > ASTRAY:
        return joined(first, _clipped(exact), learned)
    return joined(first, learned) + walking.signature(NAME, result, relaxation=result["settings"]["relaxation"])


def _clipped(found):
    """Whether the box took part in the end of a run that stalled: its last proposal left the box."""
    trials = found.path.trials
    if Status(int(found.status)) != Status.STALLED:
        return ""
    last = int(np.sum(~np.isnan(trials.eta))) - 1
    if np.array_equal(trials.relaxed[last], trials.projected[last]):
        return ""
    return "The box clips its last proposals, and none of the step sizes tried lowers the residual."


def table(result):
    """How each method ended; RJCP at both ends of D-IPG's path; the noise beside the tolerance."""
    ends = [number_word(value) if np.isfinite(value) else "not finite" for value in result["rjcp"][[0, -1]]]
    more = {
        "ω at its end": {name: f"{_omega(result, name):.2f}" for name in WALKERS},
        "RJCP at the start → at its end": {"dipg_differenced": " → ".join(ends)},
    }
    level, tolerance = float(result["noise_level"]), float(walking.setup(NAME).solver.tolerance)
    caption = f"Where each method ended. The noise alone is a residual of {number_word(level)}"
    return walking.outcomes(NAME, f"{caption}, the tolerance is {number_word(tolerance)}.", WALKERS, result, more)


def _ends(low, high):
    """Is Levenberg-Marquardt's last frequency, less the true one, in this range?"""
    return lambda result: low <= _omega(result, "levenberg_marquardt") - float(meaning(result["truth"])[0]) < high


@cache
def _line(method, variant="full"):
    """A line of the table of `python -m lessons.lab oscillator`, for one training seed and 300 instances."""
    setup, model = EXPERIMENTS[NAME].variant(variant), None
    if METHODS[method].learned:
        model = walking.standard_model(NAME, "with" if variant == "full" else "without")
    return summary([row(method, setup, model, walking.SEED, 300)])


def _fair_claim(lesson):
    """Medians over all swings: one that a method does not solve within its budget counts with it, a lower bound."""
    learned, slow = _line("dipg_differenced"), _line("gradient_descent")
    ratio = slow.needed[1] / learned.needed[1]
    return (learned.needed[1], learned.success, ratio), learned.needed[
        1
    ] <= 9 and learned.success >= 0.9 and ratio >= 1.8


def _instances(count):
    """Fresh swings: the true unknowns, the measured positions, the starts."""
    return EXPERIMENTS[NAME].setup().sample(jax.random.key(walking.SEED), count)


def _astray_claim(lesson):
    """Over 300 instances: Levenberg-Marquardt's wrong frequencies are those of slow swings, D-IPG has none."""
    truth, y_stars, x0s = _instances(300)
    off = {}
    for name in ("levenberg_marquardt", "dipg_differenced", "lbfgs"):
        ends = solve_many(name, walking.setup(NAME), model_for(lesson.defaults), y_stars, x0s)
        off[name] = np.abs(meaning(ends.x)[0] - meaning(truth)[0]) > ASTRAY
    slow = float(np.mean(meaning(truth)[0][off["levenberg_marquardt"]] < 1.4))
    counts = {name: int(found.sum()) for name, found in off.items()}
    few = max(counts["dipg_differenced"], counts["lbfgs"])
    return (counts, slow), counts["levenberg_marquardt"] >= 6 and slow >= 0.9 and few <= 1


def _no_minimum_claim(lesson):
    """Where Levenberg-Marquardt stands still the gradient is far from 0, and others walk on from there."""
    result, chosen = lesson.experiment(), walking.setup(NAME)
    stuck, problem = result["walks"]["levenberg_marquardt"].x, Aimed(chosen.problem, result["measured"])
    slope = float(jnp.linalg.norm(jax.grad(problem.objective)(stuck)))
    longer = dataclasses.replace(chosen.solver, budget=80)
    free = dataclasses.replace(longer, box=(jnp.full(4, -50.0), jnp.full(4, 50.0)))
    onward = solve_path("lbfgs", chosen.problem, None, problem.target, stuck, longer)
    unboxed = solve_path("levenberg_marquardt", chosen.problem, None, problem.target, chosen.problem.start, free)
    damped = lesson.experiment(damping=0.1)["walks"]["levenberg_marquardt"]
    arrived = [int(walk.status) == Status.CONVERGED for walk in (onward, unboxed, damped)]
    return (slope, arrived), slope > 1 and all(arrived)


def _rest_claim(lesson):
    """With a tolerance of 0, over 100 swings: the residual and the error in x at which each comes to rest, medians."""
    truth, y_stars, x0s = _instances(100)
    chosen = walking.setup(NAME)
    endless = dataclasses.replace(chosen, solver=dataclasses.replace(chosen.solver, tolerance=1e-9, budget=60))
    found = {}
    for name in ("levenberg_marquardt", "dipg_differenced"):
        ends = solve_many(name, endless, model_for(lesson.defaults), y_stars, x0s)
        error = np.sqrt(np.mean((np.asarray(ends.x) - truth) ** 2, axis=-1))
        found[name] = float(np.median(ends.residual)), float(np.median(error))
    exact, learned = found["levenberg_marquardt"], found["dipg_differenced"]
    return found, learned[0] > 1.1 * exact[0] and learned[1] > 1.8 * exact[1]


def _jcp_claim(lesson):
    with_it, without = _line("dipg_differenced"), _line("dipg_differenced", "no JCP")
    ratios = {name: getattr(without, name) / getattr(with_it, name) for name in ("rjcp", "iterations", "error")}
    return ratios, ratios["rjcp"] > 7 and all(0.7 < ratios[name] < 1.4 for name in ("iterations", "error"))


def _one_shot_claim(lesson):
    errors = {name: _line(name).error for name in ("one_shot", "dipg_differenced", "levenberg_marquardt")}
    return errors, errors["one_shot"] < 0.8 * min(errors["dipg_differenced"], errors["levenberg_marquardt"])


def _usual_claim(lesson):
    """At an everyday frequency all arrive, gradient descent last."""
    walks = lesson.experiment(**USUAL)["walks"]
    arrived = all(int(walks[name].status) == Status.CONVERGED for name in WALKERS)
    steps = {name: int(walks[name].iterations) for name in WALKERS}
    return steps, arrived and max(steps, key=steps.get) == "gradient_descent"


def _asks(low, high):
    """Does an iteration of Levenberg-Marquardt take so many products with the Jacobian beyond gradient descent's?"""

    def holds(result):
        exact, slow = (METHODS[name].work(result["truth"].size) for name in ("levenberg_marquardt", "gradient_descent"))
        return low <= exact.products - slow.products < high

    return holds


QUIZ = Prediction(
    "Where it converges, Levenberg–Marquardt needs fewer iterations than gradient descent. What does each of them "
    "need in return, with four unknowns?",
    (
        Option(
            "nothing more: both use Jᵀr",
            _asks(0, 0.5),
            "Jᵀr is all that gradient descent needs. Solving with JᵀJ needs the columns of J one by one.",
        ),
        Option("four more products with the Jacobian, and a linear solve", _asks(3.5, 6)),
        Option(
            "the second derivatives of the simulator",
            _asks(6, np.inf),
            "Newton’s method needs those. Gauss–Newton and Levenberg–Marquardt leave them out.",
        ),
    ),
    remark=(
        "It divides by JᵀJ, so a sensitive and an insensitive unknown advance equally fast. That takes one product for "
        "each unknown, and a solve whose cost grows with the cube of their number."
    ),
)
SLOW, USUAL = {"omega": 1.05, "velocity": 1.2, "damping": 1e-4}, {"omega": 1.6, "velocity": 1.2}

LESSON = Lesson(
    slug="oscillator",
    title="The damped oscillator",
    question="The Jacobian is exact. Can it lead the wrong way?",
    text=(
        "A mass on a spring, $\\ddot s = -\\omega^2 s - 2\\zeta\\omega\\,\\dot s$. From 32 noisy positions $y^*$ over "
        "4 units of time you want four numbers x: frequency ω, damping ζ, first position and first velocity. Every "
        "method lowers $|P(x) - y^*|$ for at most 20 iterations, from the middle of a box (ω = 2), and each proposal "
        "is clipped to the box. Gradient descent, L-BFGS and Levenberg–Marquardt use the simulator’s Jacobian. D-IPG "
        "uses a network that was trained on swings of all frequencies in the box."
    ),
    minutes=8,
    controls=(
        Step("step", "step", BUDGET, BUDGET),
        Slider("omega", "ω, true frequency", 1.0, 3.0, 1.05, landmarks=(Landmark("the start’s", START_OMEGA),)),
        Slider("velocity", "true first velocity", -1.5, 1.5, 1.2, swept=False),
        Slider("damping", "λ, damping of L–M", 1e-4, 10.0, 1e-4, "log", landmarks=(Landmark("the study’s", 1e-4),),
               swept=False),
        Choice("jcp", "trained", {"with": "with JCP", "without": "without"}, "with"),
        Slider("noise", "ε, noise of the data", 1e-4, 0.1, 0.01, "log", landmarks=(Landmark("the study’s", 0.01),),
               swept=False, group="more"),
        Slider("zeta", "ζ, true damping", 0.05, 0.4, 0.2, swept=False, group="more"),
        Slider("relaxation", "ρ, relaxation", 0.1, 1.0, 0.4, swept=False, group="more"),
        Slider("instance", "which draw of the noise", 1, walking.INSTANCES, 1, step=1, swept=False, group="more"),
        Preset("a slow swing", SLOW),
        Preset("an everyday one", USUAL),
        Legend("hide", WALKERS, ("lbfgs",)),
    ),
    simulate=simulate,
    prepare=model_for,
    trains=lambda settings: (NAME, walking.VARIANTS[settings["jcp"]]),
    draw=draw,
    reading=reading,
    table=table,
    prediction=Prediction(
        "The true frequency is {omega:.3g}; every method starts at 2. Levenberg–Marquardt has the exact Jacobian, and "
        "a damping λ of {damping:.2g}. At which frequency does it end?",
        (
            Option("within 0.3 of the true one", _ends(-ASTRAY, ASTRAY), notes.NEAR),
            Option("more than 0.3 too high", _ends(ASTRAY, np.inf), notes.FAR),
            Option("more than 0.3 too low", _ends(-np.inf, -ASTRAY), notes.FAR),
        ),
        remark=notes.remark,
    ),
    quiz=QUIZ,
    why=notes.WHY,
    limits=notes.LIMITS,
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076.",
        "Nocedal and Wright, Numerical Optimization, chapter 10, on large residuals.",
    ),
    claims=(
        Claim(
            "Over 300 swings differenced D-IPG takes at most 9 iterations at the median and solves 90 % or more; "
            "gradient descent’s median is at least 1.8 times as many.",
            _fair_claim,
            ("I3",),
        ),
        Claim(
            "Of 300 swings Levenberg-Marquardt ends 6 or more at a wrong frequency, nine in ten of them slower than "
            "ω = 1.4; D-IPG and L-BFGS at most one.",
            _astray_claim,
            ("I3",),
        ),
        Claim(
            "Where Levenberg-Marquardt stands still is no minimum: L-BFGS arrives from there, and itself does so "
            "without the box, or with a damping of 0.1.",
            _no_minimum_claim,
        ),
        Claim("At an everyday frequency all arrive, gradient descent last.", _usual_claim),
        Claim(
            "Without a tolerance D-IPG rests at a higher residual than Levenberg-Marquardt, farther from the truth.",
            _rest_claim,
        ),
        Claim("Without JCP, RJCP is at least 7 times higher; iterations and error hardly change.", _jcp_claim),
        Claim(
            "One shot, g(y*), is nearer to the truth than any walk that stops at the tolerance.", _one_shot_claim
        ),
    ),
    symbols=("x", "y", "g", "omega", "zeta", "jacobian", "rjcp", "jcp", "dipg", "armijo", "damping", "noise"),
    takeaway=Takeaway(notes.code, notes.numbers),
    teaching=notes.TEACHING,
    alt=(
        "The measured positions of a mass over time with the trajectory of each method’s parameters at the current "
        "step; the walks in the plane of frequency and velocity; residual and RJCP by step."
    ),
)  # fmt: skip
