"""Robustness and limits: what its page says and draws. Runs and data are put together anew from the settings."""

import jax.numpy as jnp
import numpy as np

from core.deceptron import Deceptron, rjcp_field
from core.networks import Physics
from core.protocol import Status
from lessons.lab import limits_study
from lessons.lab.limits import FAR_START, FAR_TRUTH, OVER
from lessons.learned import setting
from tests.shown.kit import Says, said, table_row_slips

METHODS = {
    "Gauss–Newton": "gauss_newton",
    "gradient descent": "gradient_descent",
    "D-IPG, plain": "dipg_plain",
    "D-IPG, differenced": "dipg_differenced",
}
DIPG = "dipg_differenced"
TRAININGS = {"weak": 0.03, "noisy": 0.1, "strong": 0.3}
PLACES = (
    FAR_TRUTH,
    FAR_START,
    {"disturb": "box", "half_width": 0.1},
    {"disturb": "least", "least": 0.25},
    {"disturb": "least", "least": 0.0, "truth": (0.5, 0.5)},
    {"disturb": "noise", "noise": 0.2, "trained": "weak"},
    {"disturb": "stale", "turn": 0.55},
    {"disturb": "range", "truth": (3.0, 3.0)},
    {"disturb": "noise", "truth": (0.85, 0.75), "start": (0.85, 0.75), "noise": 1e-3},
    {"disturb": "start", "start": (-0.7, -0.5), "truth": (-0.7, -0.5)},
    {"disturb": "range", "trained": "noisy", "truth": (2.6, 1.2)},
)


def setting_of(result, name):
    return result["settings"][name]


def acts(result, *names):
    return setting_of(result, "disturb") in names


def turn_of_f(result):
    return setting_of(result, "turn") if acts(result, "stale") else 0.0


def known(result):
    """The simulator as the methods have it."""
    return limits_study.world(turn_of_f(result))


def data(result):
    """y* of the world as it is."""
    world = limits_study.world(setting_of(result, "turn") if acts(result, "shared", "stale") else 0.0)
    error = setting_of(result, "noise") * np.asarray(limits_study.drawn()[2][0], float)
    exact = np.asarray(world.forward(jnp.asarray(setting_of(result, "truth"))), float)
    return exact + (error if acts(result, "noise") else 0)


def pair(result):
    return Deceptron(Physics(known(result)), limits_study.model(setting_of(result, "trained")).g)


def run(result, name=DIPG):
    return result["walks"][name]


def status(result, name=DIPG):
    return Status(int(run(result, name).status))


def off(result, name=DIPG):
    return np.linalg.norm(np.asarray(run(result, name).x, float) - setting_of(result, "truth"))


def misfit(result, name=DIPG):
    """The residual where a run ends, from the data."""
    reached = np.asarray(known(result).forward(jnp.asarray(run(result, name).x)), float)
    return np.linalg.norm(reached - data(result)) / float(limits_study.solver().scale)


def highest(result):
    return np.max(np.asarray(rjcp_field(pair(result), jnp.asarray(run(result).path.x)), float))


def made(result):
    """Proposals made, and how many were accepted."""
    trials = run(result).path.trials
    there = ~np.isnan(np.asarray(trials.eta, float))
    return int(np.sum(np.asarray(trials.halvings)[there] + 1)), int(np.sum(np.asarray(trials.accepted)))


def share_is(text, share):
    return {"all": share == 1, "none": share == 0}.get(text, said(text, share) if text[0].isdigit() else False)


def drawn(result):
    """The drawn runs at the level nearest to this run's: errors of D-IPG, highest RJCP, accepted shares."""
    disturb = setting_of(result, "disturb")
    amount = {
        "noise": setting_of(result, "noise"),
        "shared": setting_of(result, "turn"),
        "stale": setting_of(result, "turn"),
        "box": setting_of(result, "half_width"),
        "least": setting_of(result, "least"),
        "range": np.max(np.abs(setting_of(result, "truth"))),
        "start": np.max(np.abs(setting_of(result, "start"))),
    }[disturb]
    levels = np.asarray(limits_study.LEVELS[disturb], result["levels"].dtype)
    level = limits_study.LEVELS[disturb][int(np.argmin(np.abs(levels - amount)))]
    return amount, one_level(disturb, float(level), setting_of(result, "trained"))


_levels: dict = {}


def one_level(disturb, level, trained, method=DIPG):
    key = disturb, level, trained, method
    if key not in _levels:
        _levels[key] = limits_study.disturbed(disturb, level, method, trained)
    return _levels[key]


def calm(result):
    """The median of the highest RJCP with exact data: the weakest of all noises is none."""
    key = "calm", setting_of(result, "trained")
    if key not in _levels:
        truths, starts, _ = limits_study.drawn()
        _levels[key] = np.median(limits_study.runs(DIPG, key[1], truths, starts).rjcp)
    return _levels[key]


def warnings(result):
    """Whether RJCP is ten times as high as undisturbed, and whether a tenth of the proposals is refused."""
    _, runs = drawn(result)
    return np.median(runs.rjcp) >= 10 * calm(result), np.mean(runs.accepted) <= 0.9


def ending(result, match):
    words = {"converged": Status.CONVERGED, "stalled": Status.STALLED, "diverged": Status.DIVERGED}
    ended = words[match["how"]] if match["how"] else Status.BUDGET
    explains = misfit(result) <= 1.001e-3 and off(result) > 0.049
    return (
        status(result) == ended
        and int(match["count"] or 0) == made(result)[1]
        and said(match["off"], off(result))
        and bool(match["explains"]) == explains
    )


def beside_the_boundary(result, match):
    above = highest(result) > float(result["boundary"])
    proposals, taken = made(result)
    share = (match["share"] is None and proposals == 0) or share_is(match["share"], taken / proposals)
    return share and above == (match["side"] == "rose above")


def typical(result, match):
    said_of = {
        "neither indicator warns": (False, False),
        "only RJCP warns": (True, False),
        "only the refused proposals warn": (False, True),
        "both indicators warn": (True, True),
    }
    return warnings(result) == said_of[match["which"]]


def on(*names):
    return lambda r, m: acts(r, *names)


SAYS = (
    Says(
        r"D-IPG (?:used all|(?P<how>converged|stalled|diverged)(?: at its start| after)),? ?"
        r"(?:(?P<count>\d+) iterations?, )?"
        r"(?P<off>\S+) from the truth(?P<explains>, at an x that explains its data all the same)?\.",
        ending,
    ),
    Says(
        r"RJCP (?P<side>rose above|stayed below) its boundary(?: on the way, and (?P<share>all|none|\S+ %) of the "
        r"proposals were accepted|, and no proposal was made)\.",
        beside_the_boundary,
    ),
    Says(
        r"In typical runs at about this level "
        r"(?P<which>neither indicator warns|only RJCP warns|only the refused proposals warn|both indicators warn)\.",
        typical,
    ),
    # After the prediction
    Says(
        r"In the typical run RJCP is (?P<times>.+) what it is undisturbed\.",
        lambda r, m: said(m["times"], np.median(drawn(r)[1].rjcp) / calm(r)),
    ),
    Says(
        r"Of the proposals (?P<share>all|none|\S+ %) are accepted\.",
        lambda r, m: share_is(m["share"], np.mean(drawn(r)[1].accepted)),
    ),
    Says(
        r"RJCP shows where on the trajectory g fails to invert f\.", lambda r, m: np.isclose(r["highest"], highest(r))
    ),
    Says(r"Noise changes the data, and RJCP does not look at data\.", on("noise")),
    Says(
        r"Both f and g are wrong in the same way, so they fit each other\.",
        lambda r, m: acts(r, "shared") and turn_of_f(r) == 0,
    ),
    Says(r"Here g inverts the simulator as it was, and RJCP grows with the turn since\.", on("stale")),
    Says(r"RJCP is read where the run goes, and the run need not go to the truth\.", on("range")),
    Says(r"The box cuts steps; it changes neither f nor g\.", lambda r, m: acts(r, "box") and turn_of_f(r) == 0),
    Says(r"The bound cuts steps; it changes neither f nor g\.", lambda r, m: acts(r, "least") and turn_of_f(r) == 0),
    Says(r"The run begins at the start, so RJCP is read there too\.", on("start")),
)


def curve(pick):
    """A number of the drawn runs, level by level."""

    def points(result):
        disturb, trained = setting_of(result, "disturb"), setting_of(result, "trained")
        levels = limits_study.LEVELS[disturb]
        return levels, [pick(lambda method, v=v: one_level(disturb, float(v), trained, method)) for v in levels]

    return points


def cut(value):
    return np.clip(value, 3e-4, 10.0)


DRAWN = {f"{name}/x": lambda r, name=name: run(r, name).path.x.T for name in METHODS.values()}
DRAWN |= {
    f"{name}/error": curve(lambda at, name=name: cut(np.median(at(name).error))) for name in limits_study.MEASURED
}
DRAWN |= {
    "error/tenth": curve(lambda at: cut(np.quantile(at(DIPG).error, 0.9))),
    f"{DIPG}/rjcp": curve(lambda at: np.median(at(DIPG).rjcp)),
    "rjcp/tenth": curve(lambda at: np.quantile(at(DIPG).rjcp, 0.9)),
    "rjcp/boundary": lambda r: (limits_study.LEVELS[setting_of(r, "disturb")], np.full(11, r["boundary"])),
    f"{DIPG}/accepted": curve(lambda at: np.mean(at(DIPG).accepted)),
}


def solution(result, near):
    """The x nearest to a point with f(x) = y*, where there is one."""
    y, angle = data(result), 0.6 + turn_of_f(result)
    if not abs(4 * y[0]) <= 1:
        return np.nan, np.nan
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    first, begin = np.arcsin(4 * y[0]), (turn @ np.asarray(near, float))[0]
    every = [one + 2 * np.pi * k for one in (first, np.pi - first) for k in range(-3, 4)]
    return turn.T @ [min(every, key=lambda u: abs(u - begin)), y[1] / 4]


def settled(found, wanted):
    """What was found where it is what is wanted: near the crest of the sine an arcsine loses half of the digits."""
    return found if np.allclose(found, wanted, atol=2e-3) else wanted


def begin(result):
    return np.clip(np.asarray(setting_of(result, "start")), *allowed(result))


def allowed(result):
    """Between what both unknowns are held."""
    half = setting_of(result, "half_width")
    return (
        (-half, half)
        if acts(result, "box")
        else (setting_of(result, "least"), 1e3)
        if acts(result, "least")
        else (-1e3, 1e3)
    )


def allowed_box(result):
    low, high = np.clip(allowed(result), -3, 3)
    return [low, high], [low, high]


MARKS = {
    "box": lambda r: ([-1.0, 1.0], [-1.0, 1.0]),
    "allowed": allowed_box,
    "solution0": lambda r: settled(r["solutions"][0], solution(r, begin(r))),
    "solution1": lambda r: settled(r["solutions"][1], solution(r, (0.0, 0.0))),
    "here/error": lambda r: (drawn(r)[0], cut(off(r))),
    "here/rjcp": lambda r: (drawn(r)[0], np.clip(highest(r), 1e-5, 10.0)),
    "here/accepted": lambda r: (drawn(r)[0], made(r)[1] / max(made(r)[0], 1)),
}


def LABELS(result):
    held = {"allowed": "box"} if acts(result, "box") else {"allowed": "allowed"} if acts(result, "least") else {}
    return {"box": "trained here", "solution1": "solution", "here/error": "this run"} | held


def AXES(result):
    over = OVER[setting_of(result, "disturb")]
    return {"x": ("x₁", "x₂"), "error": (over, ""), "rjcp": (over, ""), "accepted": (over, "")}


LANDMARKS = {
    "half_width/as trained": lambda value, r: np.allclose(
        setting.setup("sine").solver.box, [[-value] * 2, [value] * 2]
    ),
    "least/as trained": lambda value, r: np.allclose(setting.setup("sine").solver.box[0], value),
    "least/positivity": lambda value, r: value == 0.0,
}


def trust(x, y, result):
    """log₁₀ of RJCP, as the map cuts it off."""
    return np.log10(np.clip(float(rjcp_field(pair(result), jnp.array([x, y]))), 1e-6, 1e3))


FIELDS = {"trust": trust, "boundary": lambda x, y, r: trust(x, y, r) - np.log10(float(r["boundary"]))}
WORDS = {
    Status.CONVERGED: "converged",
    Status.STALLED: "stalled",
    Status.BUDGET: "used all iterations",
    Status.DIVERGED: "diverged",
}


def table_slips(tables, result):
    ran, typical_runs, *rest = tables
    yield from trainings_slips(result, rest)
    own = ran.rows[3][1][5].text
    rows = {}
    for label, name in METHODS.items():
        numbers = WORDS[status(result, name)], int(run(result, name).iterations), run(result, name).path.residual[-1]
        rest = (highest(result), own) if name == DIPG else ("–", "–")
        rows[label] = (*numbers, off(result, name), *rest)
    yield from table_row_slips(ran, rows)
    unconverged, refused = status(result) != Status.CONVERGED, made(result)[0] > made(result)[1]
    if (unconverged and own == "healthy") or (not refused and "bold" in own):
        yield f"signature {own!r} for a run that {WORDS[status(result)]}"
    _, runs = drawn(result)
    disturb, trained = setting_of(result, "disturb"), setting_of(result, "trained")
    newton = [np.median(one_level(disturb, float(v), trained, "gauss_newton").error) for v in result["levels"]]
    every = [one_level(disturb, float(v), trained) for v in limits_study.LEVELS[disturb]]
    found = np.concatenate([one.error for one in every]), np.concatenate([one.rjcp for one in every])
    yield from table_row_slips(
        typical_runs,
        {
            "error of D-IPG": (np.median(runs.error),),
            "error of Gauss–Newton": (newton[int(result["near"])],),
            "highest RJCP": (np.median(runs.rjcp),),
            "highest RJCP, nothing disturbed": (calm(result),),
            "boundary of RJCP": (float(result["boundary"]),),
            "proposals accepted (mean)": (np.mean(runs.accepted),),
            "rank correlation of RJCP and error, all levels": (ranked(*found),),
        },
    )


def trainings_slips(result, found):
    """The third table, where the data are noisy: every training at this level of noise."""
    if not acts(result, "noise"):
        if found:
            yield "a table of trainings where nothing is noisy"
        return
    (table,) = found
    level, rows = float(limits_study.LEVELS["noise"][int(result["near"])]), {}
    for name, label in (("clean", "on clean data"), *((n, f"with noise {v}") for n, v in TRAININGS.items())):
        errors = [np.median(one_level("noise", level, name, method).error) for method in ("dipg_plain", DIPG)]
        truths, starts, _ = limits_study.drawn()
        still = np.median(limits_study.runs(DIPG, name, truths, starts).rjcp)
        rows[f"trained {label}"] = *((one,) for one in errors), (still,)
    yield from table_row_slips(table, rows)
    if not said(table.caption.split()[1], level):
        yield table.caption


def ranked(a, b):
    """The correlation of the ranks; equal values share theirs."""
    places = []
    for values in (a, b):
        ordered = np.sort(values)
        places.append(np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right"))
    return np.corrcoef(*places)[0, 1]
