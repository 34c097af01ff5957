"""D-IPG over the trust map: the learned inverse at work, beside the methods it stands for (curriculum I1)."""

import dataclasses
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from core.deceptron import composition_defect
from core.methods import dipg_differenced, dipg_plain
from core.networks import as_type
from core.solve import Status, solve_path
from lessons.controls import Choice, Landmark, Legend, Point, Preset, Slider, Step
from lessons.figures import FAINTEST, METHODS, Axis, Drawing, Field, Line, Mark, Panel, Readout, over_steps, path_lines
from lessons.landscape import landscape
from lessons.learned import notes, setting
from lessons.learned.dipg_reading import BUDGET, COMPARED, PREDICTION, TOLERANCE, reading, table
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.words import code

LEARNED = ("dipg_plain", "dipg_differenced")
VIEW = 3.2  # wide enough for the two solutions of the bent problem that are nearest to the trained box
UNBOUNDED = (jnp.array([-jnp.inf] * 2), jnp.array([jnp.inf] * 2))
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-4, 6))
LANDSCAPE_GRID = 120  # the loss does not move with any slider here, so it is sent once and may be fine

# Traced once for a picture and its sweeps, not once for each.
_solve = eqx.filter_jit(solve_path)


def simulate(model, problem, box, eta, relaxation, start):
    """All walks from one start towards y*, under one protocol, and the trust map they cross."""
    chosen = setting.problem(problem)
    solver = _solver(problem, box, eta, relaxation)
    target = chosen.target
    walks = {name: _solve(name, chosen, model, target, start, solver) for name in COMPARED}
    defect = jax.vmap(lambda x: composition_defect(model, x.astype(jnp.float32)))
    lower, upper = setting.setup(problem).solver.box
    return {
        "walks": walks,
        "slope": _slope(chosen, model, walks["dipg_differenced"].x),
        "rjcp": {name: defect(walks[name].path.x) for name in LEARNED},
        "trust": setting.shade(setting.trust_map(model, VIEW)),
        "landscape": landscape(chosen, VIEW, LANDSCAPE_GRID),
        "target": target,
        "nearest": chosen.inverse(target, start),
        "trained": chosen.inverse(target, (lower + upper) / 2),
        "corners": jax.vmap(chosen.forward)(VIEW * jnp.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])),
    }


def _slope(problem, model, x):
    """How the loss changes to first order along D-IPG's step from x, for eta = 1: uphill where it is positive."""
    learned = as_type(model, x.dtype)
    y = problem.forward(x)
    _, step = jax.jvp(learned.g, (y,), (problem.target - y,))
    return jax.grad(problem.objective)(x) @ step


def _solver(problem, box, eta, relaxation):
    """The toy's protocol with this lesson's tolerance and budget; box "none" projects onto nothing."""
    standard = setting.setup(problem).solver
    limits = standard.box if box == "trained" else UNBOUNDED
    numbers = {"eta": eta, "relaxation": relaxation, "box": limits, "tolerance": TOLERANCE}
    return dataclasses.replace(standard, budget=BUDGET, **numbers)


def model_for(settings):
    """The standard Deceptron of the chosen problem."""
    return setting.standard_fit(settings["problem"]).model


def draw(result):
    settings = result["settings"]
    reach = 1.05 * np.abs(result["corners"]).max(axis=tuple(range(result["corners"].ndim - 1)))
    lines = []
    for name in COMPARED:
        walk = result["walks"][name].path
        lines += path_lines(name, walk)
        lines.append(over_steps(name, "residual", walk.residual, FAINTEST))
    for name in LEARNED:
        lines += _trials(name, result["walks"][name].path)
        lines.append(over_steps(name, "rjcp", result["rjcp"][name], FAINTEST))
    target, nearest, trained = result["target"], result["nearest"], result["trained"]
    steps = Axis("iteration", (0, BUDGET))
    return Drawing(
        panels=(
            Panel("x", "x-space, shaded by RJCP", Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW)), True, True),
            Panel("y", "y-space", Axis("y₁", (-reach[0], reach[0])), Axis("y₂", (-reach[1], reach[1]))),
            Panel("residual", "residual / spread of y", steps, Axis("", (1e-7, 10), log=True)),
            Panel("rjcp", "RJCP along the path", steps, Axis("", (1e-7, 1e3), log=True)),
        ),
        lines=tuple(lines),
        fields=(
            setting.trust_field(result["trust"], VIEW),
            Field("loss-field", "x", result["landscape"], (-VIEW, VIEW) * 2, levels=LEVELS),
        ),
        marks=(
            setting.trained_box(settings["problem"]),
            Mark("trained", "x", "cross", trained[..., 0], trained[..., 1], "solution"),
            Mark("nearest", "x", "cross", nearest[..., 0], nearest[..., 1]),
            Mark("target", "y", "cross", target[..., 0], target[..., 1], "y*"),
        ),
        readouts=tuple(Readout(f"{name}/residual", "y", "residual", 2) for name in COMPARED),
        step=settings["step"],
    )


def _trials(name, walk):
    """What lies behind the step to the current point: the aim in y-space, its pull-back in x-space, the projection."""
    trials = walk.trials
    from_x, to_x = walk.x[..., :-1, :], walk.x[..., 1:, :]
    in_x = np.stack([from_x, trials.pulled_back, trials.projected, to_x], axis=-2)
    in_y = np.stack([walk.y[..., :-1, :], trials.aim], axis=-2)
    style = {
        "group": name,
        "label": METHODS[name].label,
        "colour": METHODS[name].colour,
        "dash": "dot",
        "width": 1.5,
        "opacity": 0.9,
        "role": "segment",
    }
    return [
        Line(f"{name}/{panel}/trial", panel, *_rows(points), **style) for panel, points in (("x", in_x), ("y", in_y))
    ]


def _rows(points):
    """One row a step, nan before the first: (..., steps, k, 2) -> x and y, each (..., steps + 1, k)."""
    blank = np.full_like(points[..., :1, :, :], np.nan)
    rows = np.concatenate([blank, points], axis=-3)
    return rows[..., 0], rows[..., 1]


INSIDE = {"start": setting.START}
CLOUDED = {"start": (-1.2, 1.3)}
WRONG_SIDE = {"problem": "squared", "start": (0.85, -0.75)}


def _apart(a, b):
    return float(np.linalg.norm(np.asarray(a) - np.asarray(b)))


def _one_shot_claim(lesson):
    walks = lesson.experiment(eta=1.0)["walks"]
    gap = float(np.abs(walks["dipg_plain"].path.x[1] - walks["one_shot"].path.x[1]).max())
    return gap, gap < 1e-12


def _relaxed_claim(lesson):
    """With rho < 1 and alpha = 1 the residual shrinks by 1 - rho whatever the Jacobian: in x, exactly."""
    walk = lesson.experiment(eta=1.0, relaxation=0.5)["walks"]["dipg_plain"].path.x
    end = lesson.experiment(eta=1.0)["walks"]["one_shot"].path.x[1]
    shrink = np.linalg.norm(walk[1:4] - end, axis=-1) / np.linalg.norm(walk[0:3] - end, axis=-1)
    return shrink, np.allclose(shrink, 0.5, atol=1e-6)


def _walk_claim(lesson):
    walks = lesson.experiment(**INSIDE)["walks"]
    steps = {name: int(walks[name].iterations) for name in COMPARED}
    arrived = walks["dipg_differenced"].status == Status.CONVERGED
    left = float(walks["gradient_descent"].residual)
    return (steps, left), arrived and abs(steps["dipg_differenced"] - steps["gauss_newton"]) <= 2 and left > 1e-2


def _floor_claim(lesson):
    """The plain step stands still at the one-shot error over eta; the differenced one goes on."""
    walks = lesson.experiment(**INSIDE)["walks"]
    floor = float(walks["dipg_plain"].residual * 0.35 / walks["one_shot"].residual)
    return floor, 0.8 < floor < 1.25 and float(walks["dipg_differenced"].residual) <= TOLERANCE


def _branch_claim(lesson):
    """From the clouds D-IPG is led to the trained solution, the exact inverse to the nearest."""
    result = lesson.experiment(**CLOUDED)
    walks, start = result["walks"], float(result["rjcp"]["dipg_differenced"][0])
    learned = _apart(walks["dipg_differenced"].x, result["trained"])
    exact = _apart(walks["inverse_simulator"].x, result["nearest"])
    return (start, learned, exact), start > 1 and max(learned, exact) < 1e-3 < _apart(
        result["nearest"], result["trained"]
    )


def _armijo_claim(lesson):
    """phi(x+) <= phi(x) + c grad phi . (x+ - x), and phi falls, at every accepted step of every walk but one shot."""
    margins = {}
    for place in (INSIDE, CLOUDED, WRONG_SIDE):
        result = lesson.experiment(**place)
        problem = setting.problem(result["settings"]["problem"])
        slope, c = jax.vmap(jax.grad(problem.objective)), float(setting.setup("sine").solver.armijo)
        for name in set(COMPARED) - {"one_shot"}:
            walk = result["walks"][name].path
            taken, moved = walk.trials.accepted, np.diff(walk.x, axis=0)
            phi = jax.vmap(problem.objective)(walk.x)
            asked = np.minimum(c * np.sum(np.asarray(slope(walk.x[:-1])) * moved, axis=-1), 0.0)
            margins[name, str(place)] = float(np.max((np.diff(phi) - asked)[taken], initial=-np.inf))
    return margins, max(margins.values()) <= 1e-12


def _mirror_claim(lesson):
    result = lesson.experiment(**WRONG_SIDE)
    ends = {name: float(result["walks"][name].x[1]) for name in ("inverse_simulator", "dipg_plain")}
    stalled = Status(int(result["walks"]["dipg_differenced"].status)) == Status.STALLED
    return (ends, stalled), ends["inverse_simulator"] < 0 < ends["dipg_plain"] and stalled


LESSON = Lesson(
    slug="dipg",
    title="D-IPG over the trust map",
    question="Can a learned inverse find its way where it was never trained?",
    text=notes.DIPG_TEXT,
    minutes=10,
    controls=(
        Step("step", "step", BUDGET, BUDGET),
        Slider("eta", "η, step in y", 0.05, 1.0, 0.35, landmarks=(Landmark("one jump", 1.0),)),
        Slider("relaxation", "ρ, relaxation", 0.1, 1.0, 1.0, landmarks=(Landmark("none", 1.0),)),
        Choice("problem", "problem", setting.PROBLEM_LABELS, "sine"),
        Preset("start inside the box", INSIDE),
        Preset("the wrong side of a fold", WRONG_SIDE),
        Choice("box", "project to", {"none": "nothing", "trained": "the trained box"}, "none", "more"),
        Choice(
            "model_from", "Deceptron", {"standard": "standard", "mine": "the one I trained"}, "standard", "more", False
        ),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), CLOUDED["start"]),
        Legend("hide", COMPARED, ("one_shot", "gauss_newton")),
    ),
    simulate=simulate,
    prepare=model_for,
    draw=draw,
    reading=reading,
    prediction=PREDICTION,
    table=table,
    why=notes.DIPG_WHY + code(dipg_plain, dipg_differenced) + notes.DIPG_WHY_FEW,
    limits=notes.DIPG_LIMITS,
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076, for D-IPG and "
        "RJCP.",
        "The differenced step is this course’s, after the inverse-simulator update of Physics-based Deep Learning.",
    ),
    claims=(
        Claim(
            "Every accepted step lowers the residual at least as much as Armijo’s rule asks.", _armijo_claim, ("I1",)
        ),
        Claim("Plain D-IPG at eta = 1 is one-shot inversion.", _one_shot_claim),
        Claim("With eta = 1 and relaxation 1/2, plain D-IPG halves its distance to g(y*) each step.", _relaxed_claim),
        Claim(
            "Inside the box D-IPG takes Gauss-Newton's iterations, give or take two; gradient descent far more.",
            _walk_claim,
        ),
        Claim(
            "Inside, plain D-IPG's floor is the one-shot error over eta; the differenced step has none.",
            _floor_claim,
        ),
        Claim(
            "From outside D-IPG converges to the trained solution, the exact inverse to the nearest.",
            _branch_claim,
        ),
        Claim(
            "On the wrong side of a fold the differenced step stalls and plain jumps to the trained branch.",
            _mirror_claim,
        ),
    ),
    symbols=("x", "y", "target", "eta", "g", "rjcp", "dipg", "armijo", "pg", "jacobian"),
    takeaway=Takeaway(partial(notes.dipg_code, budget=BUDGET, tolerance=TOLERANCE), notes.dipg_numbers),
    teaching=notes.DIPG_TEACHING,
    alt=(
        "A map of RJCP with the paths of six methods from a start to the solution, the same paths in y-space, the "
        "residual and RJCP by iteration."
    ),
)
