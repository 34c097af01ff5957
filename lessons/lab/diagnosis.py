"""Diagnosis: one run, three gauges, and the failure signature that they show (curriculum I7)."""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from core.deceptron import Deceptron, rjcp_field
from core.diagnosis import SIGNATURES, UNTRUSTED
from core.networks import Physics
from core.problem import Aimed
from core.programs import at_once
from core.solve import solve_path
from lessons.controls import Choice, Landmark, Point, Preset, Slider, Step
from lessons.figures import FAINTEST, METHODS, Axis, Drawing, Line, Mark, Panel, over_steps
from lessons.lab import diagnosis_notes as notes
from lessons.lab import diagnosis_words as words
from lessons.lab import limits_study as study
from lessons.lab.diagnosis_words import LEARNED, found
from lessons.lab.limits_study import BUDGET, TOLERANCE, VIEW
from lessons.learned import setting
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.prediction import Prediction
from lessons.signatures import NAMES

WALKERS = ("dipg_differenced", "dipg_plain", "gradient_descent", "inverse_simulator")
DATA = {"whole": "as measured", "reach": "out of reach", "gap": "with a gap"}
GRID = 72
OUT_OF_REACH = 0.35  # as y1, of which the sine makes a quarter at most
START, TRUTH = (0.85, 0.75), (-0.7, -0.5)

_solve = eqx.filter_jit(solve_path)


class Given(NamedTuple):
    """g: the trained inverse.  reach, gap: 1 where that is what is wrong with the data, else 0."""

    g: Deceptron
    reach: jax.Array
    gap: jax.Array


@cache
def given(data):
    """The standard g, and what is wrong with the data."""
    with at_once():
        return Given(study.model("clean").g, jnp.asarray(data == "reach"), jnp.asarray(data == "gap"))


def prepare(settings):
    """The trained g; the data are chosen by a number, so that no choice compiles anew."""
    return given(settings["data"])


def simulate(given, eta, half_width, noise, turn, truth, start):
    """One walk of each method. g was trained before the simulator was turned."""
    problem = study.world(turn)
    pair = Deceptron(Physics(problem), given.g)
    error = noise * study.drawn()[2][0]
    target = problem.forward(truth) + error
    target = jnp.where(given.reach, jnp.stack([OUT_OF_REACH + error[0], target[1]]), target)
    target = jnp.where(given.gap, jnp.stack([jnp.nan, target[1]]), target)
    solver = eqx.tree_at(lambda s: s.eta, study.solver(-half_width, half_width), eta)
    walks = {name: _solve(name, problem, pair, target, start, solver) for name in WALKERS}
    return {
        "walks": walks,
        "rjcp": {name: rjcp_field(pair, walks[name].path.x) for name in LEARNED},
        "trust": setting.shade(rjcp_field(pair, setting.grid(GRID, VIEW).astype(truth.dtype))),
        "problem": Aimed(problem, target),
        "solver": solver,
        "target": target,
        "solution": study.solution(problem, target, start),
        "noise": jnp.linalg.norm(error) / solver.scale,
        "reach": half_width,
    }


def draw(result):
    name = result["settings"]["method"]
    walk = result["walks"][name].path
    steps, square = Axis("step", (0, BUDGET)), (Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW)))
    given = {"answer": False}
    path = {"role": "path", "legend": True, "dots": True} | given
    rjcp = result["rjcp"].get(name, np.full(walk.residual.shape, np.nan))
    lines = [
        Line(f"{name}/x", "x", walk.x[..., 0], walk.x[..., 1], name, **path),
        _unveiled(over_steps(name, "residual", walk.residual, FAINTEST)),
        _unveiled(over_steps(name, "halvings", _halvings(walk.trials))),
        _unveiled(over_steps(name, "rjcp", rjcp, FAINTEST)),
        _level("tolerance", "residual", TOLERANCE + 0 * result["noise"], "tolerance"),
        _level("noise", "residual", np.maximum(result["noise"], FAINTEST), "the noise alone", "dash"),
        _level("untrusted", "rjcp", 2 * UNTRUSTED + 0 * result["noise"], "not to be trusted above"),
    ]
    reach, solution = np.stack([-result["reach"], result["reach"]], axis=-1), result["solution"]
    return Drawing(
        panels=(
            Panel("x", "x-space; clear: RJCP is low", *square, True, True),
            Panel("residual", "residual; thin: tolerance, dashed: noise", steps, Axis("", (1e-5, 10), log=True)),
            Panel("halvings", "halvings before a step is accepted", steps, Axis("", (-0.5, 8.5))),
            Panel("rjcp", "RJCP; thin: not to be trusted above", steps, Axis("", (1e-6, 10), log=True)),
        ),
        lines=tuple(lines),
        fields=(setting.trust_field(result["trust"], VIEW, answer=False),),
        marks=(
            setting.trained_box("sine"),
            Mark("reach", "x", "box", reach, reach, "box"),
            Mark("solution", "x", "cross", solution[..., 0], solution[..., 1], "solution"),
        ),
        step=result["settings"]["step"],
    )  # fmt: skip


def _unveiled(line):
    """The evidence is shown before the question is answered."""
    return replace(line, answer=False, group="")


def _level(name, panel, value, label, dash="solid"):
    """A horizontal line."""
    ends = np.array([0.0, BUDGET])
    height = np.stack([value, value], axis=-1)
    return Line(name, panel, ends, height, label=label, colour="text", width=1.2, dash=dash, answer=False)


def _halvings(trials):
    """By step, from 0: what was halved for the step to there; the last trial too if it was refused."""
    tried = np.where(np.isnan(trials.eta), np.nan, trials.halvings)
    return np.concatenate([np.zeros_like(tried[..., :1]), tried], axis=-1)


FREE = {"half_width": VIEW}
CASES = {
    "healthy": FREE,
    "untrusted": FREE | {"start": (2.05, -2.6)},
    "bold": FREE | {"eta": 8.0},
    "box": {"half_width": 0.5},
    "slow": FREE | {"eta": 0.05},
    "floor": FREE | {"method": "dipg_plain", "turn": 0.1},
    "overfit": FREE | {"noise": 0.05},
    "minimum": FREE | {"method": "inverse_simulator", "data": "reach"},
    "not_finite": FREE | {"data": "gap"},
}
DEFAULTS = {
    "eta": 0.5,
    "half_width": 0.5,
    "noise": 1e-4,
    "turn": 0.0,
    "method": "dipg_differenced",
    "data": "whole",
    "truth": TRUTH,
    "start": START,
}


def _cases_claim(lesson):
    named = {name: found(lesson.experiment(**case)).signature for name, case in CASES.items()}
    return named, all(name == signature for name, signature in named.items()) and set(named) == set(SIGNATURES)


LESSON = Lesson(
    slug="diagnosis",
    title="Diagnosis",
    question="The run has ended. What went wrong, if anything?",
    text=notes.TEXT,
    minutes=7,
    controls=(
        Step("step", "step", BUDGET, BUDGET),
        Slider("eta", "η, step in y", 0.02, 8.0, 0.5, "log", landmarks=(Landmark("the gap", 1.0),)),
        Slider("half_width", "w, half of the box", 0.1, VIEW, 0.5, landmarks=(Landmark("as trained", 1.0),)),
        Choice("method", "method", {name: METHODS[name].label for name in WALKERS}, "dipg_differenced",
               simulated=False),
        *(Preset(NAMES[name], DEFAULTS | case) for name, case in CASES.items()),
        Slider("noise", "ε, noise of the data", 1e-4, 0.2, 1e-4, "log", swept=False, group="data and simulator"),
        Slider("turn", "simulator turned since training", 0.0, 0.6, 0.0, unit="rad", swept=False,
               group="data and simulator"),
        Choice("data", "data", DATA, "whole", "data and simulator", simulated=False),
        Point("truth", "truth", "x", (-VIEW, -VIEW), (VIEW, VIEW), TRUTH),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), START),
    ),
    simulate=simulate,
    prepare=prepare,
    draw=draw,
    reading=words.reading,
    table=words.table,
    prediction=Prediction(
        "Which signature does the run in the figure show? Several can fit: RJCP then counts before the box, and the "
        "box before refused proposals.",
        words.OPTIONS,
        remark=words.remark,
    ),
    why=notes.WHY,
    limits=notes.LIMITS,
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076, in whose summary "
        "high RJCP, low acceptance and a stall with low RJCP are the failure signatures.",
        "The other signatures, the thresholds and the words are this course’s own.",
    ),
    claims=(
        Claim("Each button shows the signature that it names, and every signature has a button.", _cases_claim,
              ("I7",)),
        *(Claim(*one) for one in notes.CLAIMS),
    ),
    symbols=("x", "y", "eta", "g", "jacobian", "rjcp", "dipg", "armijo", "noise"),
    takeaway=Takeaway(notes.code, notes.numbers),
    teaching=notes.TEACHING,
    alt=(
        "x-space under the trust map with the walk of one method, the box, the truth and the solution; the residual, "
        "the halvings of the step size and RJCP by step."
    ),
)  # fmt: skip
