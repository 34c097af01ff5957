"""Diagnosis: what its page says and draws. The signs are computed anew here, from the raw record of a run."""

import jax
import jax.numpy as jnp
import numpy as np

from core.deceptron import Deceptron, rjcp_field
from core.networks import Physics
from core.protocol import Status
from lessons.figures import FAINTEST
from lessons.lab import diagnosis, limits_study
from lessons.learned import setting
from tests.shown.kit import Says, number, said, table_row_slips

FREE = diagnosis.FREE
PLACES = (
    *diagnosis.CASES.values(),
    {"half_width": 3.0, "eta": 8.0, "turn": 0.3},
    {"half_width": 3.0, "start": diagnosis.TRUTH},
    {"half_width": 3.0, "start": (2.05, -2.6), "data": "reach"},
    {"half_width": 1.0, "truth": (0.4, 1.3), "start": (0.9, -0.2), "eta": 0.05, "method": "gradient_descent"},
    {"half_width": 0.6, "method": "gradient_descent", "truth": (0.4, 0.75), "start": (0.1, 0.5)},
    {"half_width": 3.0, "eta": 0.05, "turn": 0.5},
    {"half_width": 3.0, "method": "inverse_simulator", "eta": 0.3},
    {"half_width": 0.7, "method": "inverse_simulator", "eta": 1.0, "truth": (-0.701, -0.5)},
    FREE | {"eta": 5.0},
)


def run(result):
    return result["walks"][result["settings"]["method"]]


def status(result):
    return Status(int(run(result).status))


def path(result):
    """The residual from the start to the end of the run."""
    return np.asarray(run(result).path.residual, float)[: int(run(result).iterations) + 1]


def learned(result):
    return result["settings"]["method"].startswith("dipg")


def rjcp(result):
    """A component, where the run ends."""
    pair = Deceptron(Physics(problem(result)), limits_study.model("clean").g)
    return float(rjcp_field(pair, jnp.asarray(run(result).x))) / 2


def problem(result):
    return limits_study.world(result["settings"]["turn"])


def data(result):
    """y*, put together from the settings."""
    settings = result["settings"]
    error = settings["noise"] * np.asarray(limits_study.drawn()[2][0], float)
    y = np.asarray(problem(result).forward(jnp.asarray(settings["truth"])), float) + error
    y[0] = {"whole": y[0], "reach": 0.35 + error[0], "gap": np.nan}[settings["data"]]
    return y


def noise(result):
    error = result["settings"]["noise"] * np.asarray(limits_study.drawn()[2][0], float)
    return np.linalg.norm(error) / float(result["solver"].scale)


def tried(result):
    return int(np.sum(~np.isnan(np.asarray(run(result).path.trials.eta))))


def accepted(result):
    """Proposals accepted over proposals made, without those after the last accepted one."""
    trials = run(result).path.trials
    halvings = [int(h) for h, kept in zip(trials.halvings, trials.accepted, strict=True) if kept]
    return len(halvings) / sum(h + 1 for h in halvings) if halvings else 1.0


def cut(result):
    """Which components the box cut in the last proposal."""
    if not tried(result):
        return np.zeros(2, bool)
    wanted = np.asarray(run(result).path.trials.relaxed[tried(result) - 1])
    return np.abs(wanted) > result["settings"]["half_width"]


def slope(result, free=None):
    """|Jᵀr| over |J| |r|, with J by differences."""
    x, p = np.asarray(run(result).x, float), problem(result)
    r = np.asarray(p.forward(jnp.asarray(x)), float) - data(result)
    jacobian = np.asarray(p.jacobian(jnp.asarray(x)), float)
    gradient = jacobian.T @ r if free is None else (jacobian.T @ r)[free]
    return np.linalg.norm(gradient) / (np.linalg.norm(jacobian, 2) * np.linalg.norm(r))


def near(text, value):
    """A number that is the small rest of a subtraction: to a tenth, or to its rounding."""
    return said(text, value) or abs(number(text) - value) <= 0.1 * abs(value) + 1e-7


def ends(result, match):
    return int(match["count"] or 0) == int(run(result).iterations) and said(match["residual"], path(result)[-1])


def is_status(wanted):
    return lambda r, m: status(r) == wanted and ends(r, m)


def can_fall(result):
    """Whether a small step along the negative gradient lowers the residual."""
    p, y, x = problem(result), jnp.asarray(data(result)), jnp.asarray(run(result).x)
    size = jax.grad(lambda x: jnp.sum((p.forward(x) - y) ** 2))(x)
    before = jnp.linalg.norm(p.forward(x) - y)
    return any(jnp.linalg.norm(p.forward(x - step * size) - y) < before for step in (1e-2, 1e-3, 1e-4))


def not_finite(result, _match=None):
    """The data have a gap, or the last proposal is no point."""
    last = np.asarray(run(result).path.trials.pulled_back)[tried(result) - 1]
    return bool(np.any(np.isnan(data(result)))) or not np.all(np.isfinite(last))


def shows(pattern, holds):
    """What shows a signature: with its name in the reading, by itself after the answer."""
    told = pattern if pattern.startswith((r"\|", "(", "RJCP")) else f"[{pattern[0].upper()}{pattern[0]}]{pattern[1:]}"
    return Says(rf"(?:The signature is (?P<name>[^;]+); )?{told}\.", holds)


def named(*names):
    """The signature's name, if it is told, is one of these."""
    return lambda match: match["name"] is None or match["name"] in names


def healthy(result, match):
    share = match["share"]
    return (
        status(result) == Status.CONVERGED
        and match["name"] in (None, "healthy")
        and said("100 %" if share.lower() == "all" else share, accepted(result))
        and (share.lower() != "all" or accepted(result) == 1)
        and (near(match["rjcp"], rjcp(result)) if match["rjcp"] else not learned(result))
    )


def begun_there(result, match):
    ended = near(match["rjcp"], rjcp(result)) if match["rjcp"] else not learned(result)
    return int(run(result).iterations) == 0 and status(result) == Status.CONVERGED and ended


def minimum(result, match):
    """Flat where it ends; or a crest of the sine, where a descent may end, misses the data by so much."""
    if match["slope"]:
        flat = near(match["slope"], slope(result)) and slope(result) < 2e-3
    else:
        misses = np.abs(data(result)[0] + np.array([-0.25, 0.25])) / float(result["solver"].scale)
        flat = any(near(match["lowest"], miss) for miss in misses) and number(match["lowest"]) > 1e-3
    return flat and status(result) != Status.CONVERGED and named("a minimum that is no solution")(match)


def boxed(result, match):
    words = {"one component": 1, "both components": 2}
    ended = near(match["rjcp"], rjcp(result)) if match["rjcp"] else not learned(result)
    return np.sum(cut(result)) == words[match["which"]] and status(result) != Status.CONVERGED and ended


def lost(result):
    """What the residual lost over the last five iterations."""
    return 1 - path(result)[-1] / path(result)[-6]


def out_of_budget(result):
    return status(result) == Status.BUDGET and int(run(result).iterations) == diagnosis.BUDGET


RJCP = r"RJCP is (?P<rjcp>\S+) a component where it ends"
NOW = r"(?: after (?P<count>\d+) iterations?| at its start)"
SAYS = (
    Says(
        r"The residual at the start, (?P<residual>\S+), is within the tolerance already\.",
        lambda r, m: path(r).size == 1 and said(m["residual"], path(r)[0]) and path(r)[0] <= 1e-3,
    ),
    Says(rf"The run converges{NOW}, with a residual of (?P<residual>\S+)\.", is_status(Status.CONVERGED)),
    Says(rf"The run stalls{NOW}, with a residual of (?P<residual>\S+)\.", is_status(Status.STALLED)),
    Says(
        r"All (?P<count>\d+) iterations are used up, and the residual is (?P<residual>\S+)\.",
        lambda r, m: ends(r, m) and out_of_budget(r),
    ),
    Says(r"The run cannot begin: its first residual is not finite\.", lambda r, m: np.any(np.isnan(data(r)))),
    # Signatures
    shows(rf"(?P<share>[Aa]ll|[\d.]+ %) of its proposals were accepted(?:, and {RJCP})?", healthy),
    shows(rf"no proposal was needed(?:, and {RJCP})?", begun_there),
    shows("the next iterate would not be finite", not_finite),
    shows(
        r"the noise alone would leave a residual of (?P<noise>\S+), more than twice as much",
        lambda r, m: said(m["noise"], noise(r)) and noise(r) > 2 * path(r)[-1] and named("over-fitting")(m),
    ),
    shows(
        r"(?:\|Jᵀr\| is (?P<slope>\S+) of \|J\| \|r\|, so to first order no step lowers the residual"
        r"|[Ff]rom there .+ a residual of (?P<lowest>\S+), .+)",
        minimum,
    ),
    shows(
        rf"{RJCP}, so g does not invert f there",
        lambda r, m: near(m["rjcp"], rjcp(r)) and rjcp(r) > 0.1 and learned(r),
    ),
    shows(
        r"only (?P<share>[\d.]+ %) of its proposals were accepted",
        lambda r, m: said(m["share"], accepted(r)) and accepted(r) <= 0.5 and named("steps too bold")(m),
    ),
    shows(rf"the box cut (?P<which>one component|both components) of its last proposal(?:, while {RJCP})?", boxed),
    shows(
        "the residual was still falling when the iterations were used up",
        lambda r, m: out_of_budget(r) and lost(r) > 0 and named("too slow")(m),
    ),
    shows(
        "the residual had lost less than a tenth over five iterations when the iterations were used up",
        lambda r, m: out_of_budget(r) and lost(r) < 0.1001 and named("too slow")(m),
    ),
    shows(
        r"\|Jᵀr\| is (?P<slope>\S+) of \|J\| \|r\|, "
        r"so a small step along the negative gradient would lower the residual",
        lambda r, m: near(m["slope"], slope(r)) and can_fall(r) and status(r) != Status.CONVERGED,
    ),
    # The words of these belong to lessons.signatures
    Says(r"\*What to try:\* .+", lambda r, m: status(r) != Status.CONVERGED or accepted(r) <= 0.5 or rjcp(r) > 0.1
         or noise(r) > 2 * path(r)[-1]),
    # After the prediction
    Says(
        r"A low RJCP is no promise of convergence\.",
        lambda r, m: status(r) != Status.CONVERGED and (not learned(r) or rjcp(r) < 0.16),
    ),
    Says(
        r"Smaller steps were accepted, so the refusals alone do not show a bad inverse\.",
        lambda r, m: run(r).iterations > 0 and accepted(r) < 1,
    ),
    Says(r"With as many unknowns as data a method can fit the noise too\.", lambda r, m: path(r)[-1] < noise(r) / 2),
    Says(r"A healthy run converges, and this one did not\.", lambda r, m: status(r) != Status.CONVERGED),
    Says(
        r"To converge is not enough: its residual is below half of what the noise alone would leave\.",
        lambda r, m: path(r)[-1] < noise(r) / 2 and status(r) == Status.CONVERGED,
    ),
    Says(
        r"To converge is not enough: at most half of its proposals were accepted\.",
        lambda r, m: accepted(r) <= 0.5 and status(r) == Status.CONVERGED,
    ),
    Says(r"This method uses no g, so RJCP says nothing of it\.", lambda r, m: not learned(r)),
    Says(
        r"RJCP is (?P<rjcp>\S+) a component where it ended, and high is above 0\.15\.",
        lambda r, m: near(m["rjcp"], rjcp(r)) and rjcp(r) < 0.16,
    ),
    Says(r"RJCP is high, but another sign counts before it\.", lambda r, m: rjcp(r) > 0.14),
    Says(
        r"Before the end (?P<share>all|[\d.]+ %) of its proposals were accepted; too bold is half or fewer\.",
        lambda r, m: said("100 %" if m["share"] == "all" else m["share"], accepted(r)) and accepted(r) > 0.5,
    ),
    Says(
        r"Half of its proposals or more were refused, but another sign is named first\.",
        lambda r, m: accepted(r) <= 0.5,
    ),
    Says(r"The box cut no component of its last proposal\.", lambda r, m: not np.any(cut(r))),
    Says(
        r"The box cut a proposal, but the run converged all the same\.",
        lambda r, m: np.any(cut(r)) and status(r) == Status.CONVERGED,
    ),
    Says(
        r"The box cut a proposal, but the residual was still falling: the run was not held\.",
        lambda r, m: np.any(cut(r)) and out_of_budget(r) and path(r)[-1] < path(r)[-2],
    ),
    Says(r"The box cut its last proposal, but another sign is named first\.", lambda r, m: np.any(cut(r))),
    Says(
        rf"It ended{NOW}, before the iterations were used up\.",
        lambda r, m: int(m["count"] or 0) == run(r).iterations <= diagnosis.BUDGET and not out_of_budget(r),
    ),
    Says(
        r"The iterations were used up, but another sign is named first\.",
        lambda r, m: out_of_budget(r),
    ),
    Says(
        r"One of the five signatures before it fits here\.",
        lambda r, m: status(r) == Status.CONVERGED or np.any(cut(r)) or accepted(r) <= 0.5 or out_of_budget(r)
        or (learned(r) and rjcp(r) > 0.14),
    ),
)  # fmt: skip


def by_step(values):
    return np.arange(len(values)), np.asarray(values, float)


def halved(result):
    trials = run(result).path.trials
    counts = np.where(np.isnan(trials.eta), np.nan, np.asarray(trials.halvings, float))
    return by_step(np.concatenate([[0.0], counts]))


def rjcp_by_step(result):
    if not learned(result):
        return by_step(np.full(diagnosis.BUDGET + 1, np.nan))
    pair = Deceptron(Physics(problem(result)), limits_study.model("clean").g)
    return by_step(np.maximum(rjcp_field(pair, jnp.asarray(run(result).path.x)), FAINTEST))


def level(height):
    return lambda r: ([0.0, diagnosis.BUDGET], np.full(2, height(r) if callable(height) else height))


DRAWN = {f"{name}/x": lambda r: run(r).path.x.T for name in diagnosis.WALKERS}
DRAWN |= {
    f"{name}/residual": lambda r: by_step(np.maximum(run(r).path.residual, FAINTEST)) for name in diagnosis.WALKERS
}
DRAWN |= {f"{name}/halvings": halved for name in diagnosis.WALKERS}
DRAWN |= {f"{name}/rjcp": rjcp_by_step for name in diagnosis.WALKERS}
DRAWN |= {"tolerance": level(1e-3), "noise": level(noise), "untrusted": level(0.3)}


def solution(result):
    """The x nearest to the start with P(x) = y*, where there is one."""
    y, angle = data(result), 0.6 + result["settings"]["turn"]
    if not abs(4 * y[0]) <= 1:
        return np.nan, np.nan
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    first, begin = np.arcsin(4 * y[0]), (turn @ np.asarray(result["settings"]["start"]))[0]
    every = [one + 2 * np.pi * k for one in (first, np.pi - first) for k in range(-3, 4)]
    return turn.T @ [min(every, key=lambda u: abs(u - begin)), y[1] / 4]


def settled(found, wanted):
    """What was found where it is what is wanted: near the crest of the sine an arcsine loses half of the digits."""
    return found if np.allclose(found, wanted, atol=2e-3) else wanted


def half(result):
    return result["settings"]["half_width"]


MARKS = {
    "box": lambda r: ([-1.0, 1.0], [-1.0, 1.0]),
    "reach": lambda r: ([-half(r), half(r)], [-half(r), half(r)]),
    "solution": lambda r: settled(r["solution"], solution(r)),
}
LABELS = {"box": "trained here", "reach": "box", "solution": "solution"}
AXES = {"x": ("x₁", "x₂"), "residual": ("step", ""), "halvings": ("step", ""), "rjcp": ("step", "")}
LANDMARKS = {
    "eta/the gap": lambda value, r: value == 1,
    "half_width/as trained": lambda value, r: np.allclose(
        setting.setup("sine").solver.box, [[-value] * 2, [value] * 2]
    ),
}


def trust(x, y, result):
    """log₁₀ of RJCP, as the map cuts it off."""
    pair = Deceptron(Physics(problem(result)), limits_study.model("clean").g)
    return np.log10(np.clip(float(rjcp_field(pair, jnp.array([x, y]))), 1e-6, 1e3))


FIELDS = {"trust": trust}


def table_slips(tables, result):
    (table,) = tables
    finite, warns = np.all(np.isfinite(data(result))), [cells[1].text for _, cells in table.rows]
    free = ~cut(result)
    rows = (
        ("residual at its end", path(result)[-1] if finite else "not finite"),
        ("residual that the noise alone would leave", noise(result)),
        ("times that η was halved", np.sum(run(result).path.trials.halvings)),
        ("proposals accepted, before the end", accepted(result) if tried(result) else "none made"),
        ("RJCP a component, at its end", table.rows[4][1][0].text if learned(result) else "uses no g"),
        ("components of its last proposal that the box cut", np.sum(cut(result))),
        ("|Jᵀr| over |J| |r|, in the other components", table.rows[6][1][0].text if finite else "not finite"),
    )
    yield from table_row_slips(table, {name: (value, warn) for (name, value), warn in zip(rows, warns, strict=True)})
    if learned(result) and not near(table.rows[4][1][0].text, rjcp(result)):
        yield f"RJCP {table.rows[4][1][0].text} for {rjcp(result)}"
    if finite and not near(table.rows[6][1][0].text, slope(result, free)):
        yield f"slope {table.rows[6][1][0].text} for {slope(result, free)}"
    for warning, limit in zip(warns, ("0.001", None, None, "50 %", "0.15", None, "0.001"), strict=True):
        if limit and limit not in warning:
            yield f"{warning!r} without {limit}"
