"""The damped oscillator: what its page says and draws."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from core.diagnosis import diagnose
from core.problem import Aimed
from core.protocol import Status
from lessons.figures import FAINTEST
from lessons.lab import walking
from lessons.signatures import NAMES
from tests.shown.kit import Says, said, table_row_slips

METHODS = ("gradient_descent", "lbfgs", "levenberg_marquardt", "dipg_differenced")
NAMED = dict(zip(("gradient descent", "L-BFGS", "Levenberg–Marquardt", "D-IPG, differenced"), METHODS, strict=True))
LM, DIPG = "levenberg_marquardt", "dipg_differenced"
PLACES = (
    {"omega": 1.6},
    {"omega": 2.0, "velocity": 0.0, "zeta": 0.2, "noise": 1e-4},
    {"omega": 1.0, "velocity": 1.5, "damping": 0.1},
    {"omega": 3.0, "velocity": -1.5, "damping": 10.0},
)


def omega(result, name, step=-1):
    """The frequency of a method's parameters: from 1 to 3 over the unit box."""
    return 1 + 2 * float(result["walks"][name].path.x[step][0])


def truth(result):
    return result["settings"]["omega"]


def off(result, name):
    return float(np.sqrt(np.mean((np.asarray(result["walks"][name].path.x[-1]) - np.asarray(result["truth"])) ** 2)))


def taken(result, name):
    return int(np.sum(result["walks"][name].path.trials.accepted))


ENDED = {
    Status.CONVERGED: r"converged after (?P<n>\d+) iterations?",
    Status.STALLED: r"stalled after (?P<n>\d+) iterations?",
    Status.BUDGET: r"used all (?P<n>\d+) iterations",
}


def exact(status):
    def holds(result, match):
        right = int(result["walks"][LM].status) == status and int(match["n"]) == taken(result, LM)
        return right and said(match["end"], omega(result, LM)) and said(match["truth"], truth(result))

    return holds


def learned(result, match):
    status = {"converged": 1, "stalled": 2, "used all iterations": 0}[match["outcome"]]
    nearer = off(result, DIPG) < off(result, LM)
    return int(result["walks"][DIPG].status) == status and nearer == (match["side"] == "nearer to")


def clipped(result, _match):
    trials = result["walks"][LM].path.trials
    last = int(np.sum(~np.isnan(trials.eta))) - 1
    before = result["walks"][LM].path.residual[taken(result, LM)]
    left = np.any((trials.relaxed[last] < -0.2 - 1e-9) | (trials.relaxed[last] > 1.2 + 1e-9))
    return left and not trials.accepted[last] and np.isfinite(before)


def first(result):
    return 1 + 2 * float(result["walks"][LM].path.trials.pulled_back[0, 0])


def proposed(result, match):
    side = {"away from the truth, by an exact Jacobian": (first(result) - 2) * (truth(result) - 2) < 0}
    right_way = (first(result) - 2) * (truth(result) - 2) >= 0
    beyond = abs(first(result) - 2) > abs(truth(result) - 2)
    side |= {"the right way, and beyond the truth": right_way and beyond}
    side |= {"the right way, and short of the truth": right_way and not beyond}
    return said(match["first"], first(result)) and side[match["side"]]


def signature(result, match):
    """What the diagnosis finds in the run of D-IPG."""
    chosen = walking.setup("oscillator")
    solver = dataclasses.replace(chosen.solver, relaxation=result["settings"]["relaxation"])
    aimed = Aimed(chosen.problem, jnp.asarray(result["measured"]))
    found = diagnose(aimed, result["walks"][DIPG], solver, float(result["rjcp"][-1]), result["noise_level"])
    return NAMES[found.signature] == match["name"]


def near(result, _match=None):
    return abs(omega(result, LM) - truth(result)) <= 0.3 + 1e-6


WHERE = r" at ω = (?P<end>\S+); the true frequency is (?P<truth>\S+)\."
USUAL = (Status.CONVERGED, Status.STALLED, Status.BUDGET)
SAYS = (
    *(Says("Levenberg–Marquardt " + ENDED[status] + WHERE, exact(status)) for status in USUAL),
    Says(
        "Levenberg–Marquardt converged at the start" + WHERE,
        lambda r, m: taken(r, LM) == 0 and r["walks"][LM].path.residual[0] <= 0.06 and said(m["truth"], truth(r)),
    ),
    Says(r"D-IPG (?P<outcome>.+), (?P<side>nearer to|farther from) the truth in all four unknowns\.", learned),
    Says(r"The box clips its last proposals, and none of the step sizes tried lowers the residual\.", clipped),
    Says(r"The run of D-IPG shows a signature: (?P<name>.+); see \[Diagnosis\]\(diagnosis\)\.", signature),
    Says(
        r"It had no iteration to make: the start was within the tolerance\.",
        lambda r, m: r["walks"][LM].path.residual[0] <= 0.06 and taken(r, LM) == 0,
    ),
    Says(r"Its first proposal was ω = (?P<first>\S+): (?P<side>.+)\.", proposed),
    Says(
        r"The Jacobian is exact at the start only: far from it the straight-line fit may point to the wrong side\.",
        lambda r, m: not near(r),
    ),
    Says(
        r"A proposal that raises the residual is refused and halved, so a bold first one need not decide the end\.",
        lambda r, m: np.all(np.diff(r["walks"][LM].path.residual) <= 1e-12),
    ),
)  # fmt: skip


def swing(result, name):
    path = result["walks"][name].path
    place = 0.4 + 0.6 * np.asarray(path.x)[:, 2]
    return np.broadcast_to(np.linspace(0, 4, 33), (len(place), 33)), np.concatenate([place[:, None], path.y], axis=1)


def cross(result):
    """A cross of two strokes at each datum."""
    t, y = np.linspace(0, 4, 33)[1:, None], np.asarray(result["measured"])[:, None]
    nan = np.nan
    x = t + 0.025 * np.array([-1, 1, nan, 0, 0, nan])
    return x.ravel(), (y + 0.05 * np.array([0, 0, nan, -1, 1, nan])).ravel()


def plane(x):
    """Frequency and first velocity."""
    return 1 + 2 * x[:, 0], -1.5 + 3 * x[:, 3]


def by_step(values):
    return np.arange(len(values)), np.maximum(values, FAINTEST)


DRAWN = {
    "truth": lambda r: (np.linspace(0, 4, 33), np.concatenate([[0.7], r["clean"]])),
    "measured": cross,
    "dipg_differenced/rjcp": lambda r: by_step(r["rjcp"]),
}
DRAWN |= {f"{n}/swing": lambda r, n=n: swing(r, n) for n in METHODS}
DRAWN |= {f"{n}/residual": lambda r, n=n: by_step(r["walks"][n].path.residual) for n in METHODS}
DRAWN |= {
    f"{n}/x": lambda r, n=n: (1 + 2 * r["walks"][n].path.x[:, 0], -1.5 + 3 * r["walks"][n].path.x[:, 3])
    for n in METHODS
}
MARKS = {
    "box": lambda r: (1 + 2 * np.array([-0.2, 1.2]), -1.5 + 3 * np.array([-0.2, 1.2])),
    "solution": lambda r: (r["settings"]["omega"], r["settings"]["velocity"]),
    "start": lambda r: (2.0, 0.0),
}
LABELS = {"solution": "truth", "start": "start"}
AXES = {
    "swing": ("time", "position"),
    "plane": ("ω, frequency", "first velocity"),
    "residual": ("step", ""),
    "rjcp": ("step", ""),
}
LANDMARKS = {
    "omega/the start’s": lambda value, r: np.isclose(omega(r, DIPG, 0), value),
    "damping/the study’s": lambda value, r: np.isclose(value, float(walking.setup("oscillator").solver.damping)),
    "noise/the study’s": lambda value, r: value == 0.01,
}


def table_slips(tables, result):
    (table,) = tables
    yield from table_row_slips(table, {label: row(result, name) for label, name in NAMED.items()})
    level = np.linalg.norm(result["measured"] - result["clean"]) / walking.setup("oscillator").solver.scale
    words = table.caption.split("residual of ")[1].split(", the tolerance is ")
    if not said(words[0], level) or not said(words[1].rstrip("."), 0.06):
        yield table.caption


def row(result, name):
    words = {Status.CONVERGED: "converged", Status.STALLED: "stalled", Status.BUDGET: "used all iterations"}
    found = result["walks"][name]
    rjcp = result["rjcp"][[0, -1]] if name == DIPG else ()
    outcome = words[Status(int(found.status))]
    spent = 1000 * walking.step_times("oscillator", tuple(METHODS))[name]
    return outcome, taken(result, name), found.path.residual[-1], off(result, name), omega(result, name), rjcp, spent
