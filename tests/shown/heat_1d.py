"""Heat-1D: what its page says and draws."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from core.diagnosis import diagnose
from core.problem import Aimed
from core.protocol import Status
from lessons.figures import FAINTEST
from lessons.lab import walking
from lessons.lab.heat_1d import setup
from lessons.signatures import NAMES
from tests.shown.kit import Says, said, table_row_slips

METHODS = ("gradient_descent", "nesterov", "levenberg_marquardt", "dipg_plain", "dipg_differenced")
LABELS_OF = ("gradient descent", "Nesterov", "Levenberg–Marquardt", "D-IPG, plain", "D-IPG, differenced")
LABELLED = dict(zip(LABELS_OF, METHODS, strict=True))
THREE = ("levenberg_marquardt", "dipg_differenced", "gradient_descent")
PLACES = (
    {"noise": 0.001},
    {"noise": 0.0005, "problem": "hard", "relaxation": 0.1},
    {"noise": 0.03, "instance": 3.0},
    {"noise": 0.1, "problem": "hard", "jcp": "without"},
)


def off(result, name):
    """The root mean square error of the profile in which a method's path ends."""
    end = np.asarray(result["walks"][name].path.x[-1], float)
    return float(np.sqrt(np.mean((end - np.asarray(result["truth"], float)) ** 2)))


def nearest(result, match):
    errors = {name: off(result, name) for name in METHODS}
    best = LABELLED[match["best"]]
    return said(match["error"], errors[best]) and errors[best] <= min(errors.values()) * (1 + 1e-6)


def noise(result):
    """The residual that the truth itself has."""
    chosen = setup(result["settings"]["problem"])
    exact = np.asarray(chosen.problem.forward(jnp.asarray(result["truth"])), float)
    return float(np.linalg.norm(np.asarray(result["measured"]) - exact) / np.asarray(chosen.solver.scale))


def tolerance(result):
    return float(setup(result["settings"]["problem"]).solver.tolerance)


def signature(result, match):
    """What the diagnosis finds in the run of differenced D-IPG."""
    chosen = setup(result["settings"]["problem"])
    solver = dataclasses.replace(chosen.solver, relaxation=result["settings"]["relaxation"])
    aimed = Aimed(chosen.problem, jnp.asarray(result["measured"]))
    found = diagnose(
        aimed, result["walks"]["dipg_differenced"], solver, float(result["rjcp"][-1]), result["noise_level"]
    )
    return NAMES[found.signature] == match["name"]


def beyond(result, match=None):
    """Whether gradient descent ends nearer than Levenberg-Marquardt."""
    return off(result, "gradient_descent") < off(result, "levenberg_marquardt")


def close(result, _match):
    first, second = sorted(off(result, name) for name in THREE)[:2]
    return second <= 1.0501 * first


def is_not_best(name):
    return lambda result, match: off(result, name) > min(off(result, n) for n in THREE)


SAYS = (
    Says(
        r"Of the five methods (?P<best>.+) ends nearest to the truth, with an error of (?P<error>\S+) in x\.", nearest
    ),
    Says(
        r"The noise alone is a residual of (?P<level>\S+): a method that goes below it fits the noise\.",
        lambda r, m: said(m["level"], noise(r)) and noise(r) > tolerance(r),
    ),
    Says(
        r"The noise alone is a residual of (?P<level>\S+), which is within the tolerance\.",
        lambda r, m: said(m["level"], noise(r)) and noise(r) <= tolerance(r),
    ),
    Says(r"The run of D-IPG shows a signature: (?P<name>.+); see \[Diagnosis\]\(diagnosis\)\.", signature),
    Says(r"Two of the three methods end equally near to the truth here, within 5 %\.", close),
    Says(r"Another noise separates them\.", close),
    Says(r"Gradient descent fits the long waves first, and noise spoils those least\.", beyond),
    Says(r"Its early end works as a regulariser; after more iterations it would fit the noise as well\.", beyond),
    Says(
        r"The fast methods recover the fine waves too, which gradient descent has hardly begun to fit\.",
        lambda r, m: not beyond(r),
    ),
    Says(r"The exact Jacobian fits the data best\.", is_not_best("levenberg_marquardt")),
    Says(r"Whether that is the truth depends on how much of the data is noise\.", is_not_best("levenberg_marquardt")),
    Says(r"The learned inverse also treats all waves at once\.", is_not_best("dipg_differenced")),
    Says(r"It shares the fate of the exact inverse, good or bad\.", is_not_best("dipg_differenced")),
    Says(r"Slow is good only as long as the fast methods fit noise\.", is_not_best("gradient_descent")),
    Says(r"With quiet data slow is merely not there yet\.", is_not_best("gradient_descent")),
)


def profile(result, name):
    """The profile at every step, over the places of the rod."""
    x = np.asarray(result["walks"][name].path.x)
    return np.broadcast_to(np.linspace(0, 1, x.shape[1] + 2)[1:-1], x.shape), x


def by_step(values):
    return np.arange(len(values)), np.maximum(values, FAINTEST)


DRAWN = {
    "truth": lambda r: (np.linspace(0, 1, len(r["truth"]) + 2)[1:-1], r["truth"]),
    "measured": lambda r: (np.linspace(0, 1, len(r["measured"]) + 2)[1:-1], r["measured"]),
}
DRAWN |= {f"{n}/profile": lambda r, n=n: profile(r, n) for n in METHODS}
DRAWN |= {f"{n}/residual": lambda r, n=n: by_step(r["walks"][n].path.residual) for n in METHODS}
DRAWN |= {
    f"{n}/error": lambda r, n=n: by_step(np.sqrt(np.mean((r["walks"][n].path.x - r["truth"]) ** 2, axis=-1)))
    for n in METHODS
}
AXES = {"rod": ("place", "temperature"), "residual": ("step", ""), "error": ("step", "")}
LANDMARKS = {"noise/the study’s": lambda value, r: value == 0.001}
WORDS = {Status.CONVERGED: "converged", Status.STALLED: "stalled", Status.BUDGET: "used all iterations"}


def table_slips(tables, result):
    (table,) = tables
    yield from table_row_slips(table, {label: row(result, name) for label, name in LABELLED.items()})


def row(result, name):
    found = result["walks"][name]
    rjcp = result["rjcp"] if name == "dipg_differenced" else ()
    taken = int(np.sum(found.path.trials.accepted))
    spent = 1000 * walking.step_times(f"heat-{result['settings']['problem']}", tuple(METHODS))[name]
    return WORDS[Status(int(found.status))], taken, found.path.residual[-1], off(result, name), rjcp, spent
