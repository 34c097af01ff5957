"""What the page on D-IPG says of its runs: the reading, the prediction, the table of all methods."""

import numpy as np

from core.protocol import Status
from lessons.figures import METHODS
from lessons.lesson import Cell, Table
from lessons.prediction import Option, Prediction
from lessons.words import count_word, joined, number_word, point_word, sentence, share_word

BUDGET = 40
TOLERANCE = 1e-6  # far below the round trip's error, so that the floor of the plain step shows
COMPARED = ("inverse_simulator", "gauss_newton", "gradient_descent", "one_shot", "dipg_plain", "dipg_differenced")
SAME_PLACE = 0.05  # two paths that end closer than this have found the same solution
STILL_FALLING = 0.9  # a residual that has lost a tenth over the last five iterations is not at its floor
FLOOR = 1.25  # "about": within this factor


def reading(result):
    ended, why = _end(result), _why(result)
    return joined(ended, why) if _solved_at_once(result) else joined(ended, _plain(result), why)


def _dipg(result):
    return result["walks"]["dipg_differenced"]


def _status(result, name="dipg_differenced"):
    return Status(int(result["walks"][name].status))


def _solved_at_once(result):
    return _status(result) == Status.CONVERGED and int(_dipg(result).iterations) == 0


def _end(result):
    """How D-IPG’s run ended."""
    run, status = _dipg(result), _status(result)
    steps = count_word(int(run.iterations), "iteration")
    if _solved_at_once(result):
        return "The start is a solution already, so no method moves."
    if status == Status.CONVERGED:
        return f"D-IPG converges in {steps}, {_place(result)}."
    if status == Status.DIVERGED:
        return "D-IPG stops: its proposal is no finite number."
    if status == Status.STALLED and not run.iterations:
        return "D-IPG stalls at the start: no step size tried lowers the residual enough."
    if status == Status.STALLED:
        return f"D-IPG stalls after {steps}, at a residual of {number_word(run.residual)}."
    residual = run.path.residual
    return f"D-IPG uses up its {BUDGET} iterations; {share_word(residual[-1] / residual[0])} of the residual is left."


def _place(result):
    """At which solution D-IPG's path ended."""
    at_nearest, at_trained = (_apart(_dipg(result).x, result[name]) < SAME_PLACE for name in ("nearest", "trained"))
    if at_nearest and at_trained:
        return "to the nearest solution, which is the one in the dashed box"
    if at_nearest:
        return "to the nearest solution, outside the dashed box"
    return "to the solution in the dashed box, though another is nearer" if at_trained else "to a farther solution"


def _apart(a, b):
    return float(np.linalg.norm(np.asarray(a) - np.asarray(b)))


def _plain(result):
    """How the plain step's run ended, and whether that is its floor: x = g(y - eta r) where eta r is g's error."""
    run, status, eta = result["walks"]["dipg_plain"], _status(result, "dipg_plain"), result["settings"]["eta"]
    residual, one_shot = run.path.residual, float(result["walks"]["one_shot"].residual)
    if status == Status.CONVERGED:
        return f"The paper’s plain step converges in {count_word(int(run.iterations), 'iteration')}."
    if status == Status.DIVERGED:
        return "The paper’s plain step stops too: its proposal is no finite number."
    level = f"a residual of {number_word(residual[-1])}"
    fixed = status == Status.STALLED or residual[-1] > STILL_FALLING * residual[-6]
    about = 1 / FLOOR < residual[-1] * eta / max(one_shot, 1e-300) < FLOOR
    floor = ", about the error of one shot, g(y*), divided by η" if fixed and about else ""
    ends = "stalls at" if status == Status.STALLED else "uses up its iterations at"
    return f"The paper’s plain step {ends} {level}{floor}."


def _why(result):
    """What the end rests on, or what RJCP had to say."""
    seen = result["rjcp"]["dipg_differenced"][: int(_dipg(result).iterations) + 1]
    if not np.all(np.isfinite(seen)):
        return "RJCP is no finite number on the way: this Deceptron is broken, so train it anew."
    status = _status(result)
    if status == Status.CONVERGED:
        rises = len(seen) > 1 and seen[1:].max() > seen[0]
        then = " and higher at times on the way" if rises else " and never higher on the way" if len(seen) > 1 else ""
        return f"RJCP is {number_word(seen[0])} at the start{then}."
    if status == Status.BUDGET:
        return _pace(result)
    return _stop(result)


def _pace(result):
    """Why the iterations did not suffice."""
    if _left(result) > TOLERANCE:
        return "Each iteration aims to close only the share ηρ of the gap: try a larger η or ρ."
    return "The residual falls more slowly than by the aimed share ηρ an iteration: look at RJCP on the way."


def _left(result):
    """The residual if every iteration closed the share eta rho of the gap."""
    settings = result["settings"]
    return float(_dipg(result).path.residual[0] * (1 - settings["eta"] * settings["relaxation"]) ** BUDGET)


def _stop(result):
    """Why no step size is accepted where D-IPG stands."""
    if _held(result):
        return "The last proposal lies outside the dashed box and is cut off."
    if result["slope"] > 0:
        return "There its step raises the residual to first order: g’s Jacobian is no inverse of P’s."
    return "To first order its step would still lower the residual there, but no step size tried does so enough."


def _held(result):
    trials = _dipg(result).path.trials
    last = int(np.sum(~np.isnan(trials.eta))) - 1
    return last >= 0 and bool(np.any(trials.relaxed[last] != trials.projected[last]))


# The prediction


def _ends(result):
    """Which of the four answers the run gives."""
    if _status(result) == Status.CONVERGED:
        return "nearest" if _apart(_dipg(result).x, result["nearest"]) < SAME_PLACE else "other"
    return "budget" if _status(result) == Status.BUDGET else "stopped"


def _truth(name):
    return lambda result: _ends(result) == name


def _because(result):
    """Why D-IPG ends as it does."""
    if (end := _ends(result)) == "budget":
        if _left(result) > TOLERANCE:
            return "Were the share ηρ of the gap closed each time, 40 iterations would still leave too much."
        return "The residual falls more slowly than by the aimed share ηρ an iteration."
    if end == "stopped":
        return _stop(result) if _status(result) == Status.STALLED else "Its proposal is no finite number."
    if end == "other":
        return "The step depends on g alone, which was trained in the dashed box and gives one x for each y."
    if _apart(result["nearest"], result["trained"]) < SAME_PLACE:
        return "The solution nearest to this start is the one that g was trained around."
    return "The differenced step only uses how g changes, so it can end where training never went."


def _not_there(result):
    """To a student who said that it converges, at the one place or the other."""
    if _ends(result) in ("budget", "stopped"):
        return "To converge it needs both: steps that lower the residual, and enough of them."
    if _ends(result) == "other":
        return "The exact inverse is defined to go to the nearest solution; a learned one is not."
    return "A learned inverse may end elsewhere, but need not."


def _not_slow(result):
    if _ends(result) == "stopped":
        return "It ends earlier: where no step size is accepted, more iterations do not help."
    return "(1 − ηρ)⁴⁰ is about the share of the gap that 40 iterations leave; here the tolerance is met."


def _not_stopped(result):
    return "Halving η finds an accepted step wherever g’s step points downhill; along this path it always did."


PREDICTION = Prediction(
    "η = {eta:.2g}, ρ = {relaxation:.2g}, and you start at x₁ = {start[0]:.2g}, x₂ = {start[1]:.2g}. How does D-IPG, "
    "with its differenced step, end?",
    (
        Option("it converges to the solution nearest to the start", _truth("nearest"), _not_there),
        Option("it converges to another solution", _truth("other"), _not_there),
        Option("it uses up its 40 iterations", _truth("budget"), _not_slow),
        Option("it stops early: no step size is accepted", _truth("stopped"), _not_stopped),
    ),
    remark=_because,
)


# The table

OUTCOMES = {
    Status.CONVERGED: "converged",
    Status.STALLED: "stalled",
    Status.BUDGET: "iterations used up",
    Status.DIVERGED: "not finite",
}


def table(result):
    """How every method ended."""
    rows = []
    for name in COMPARED:
        run, status = result["walks"][name], _status(result, name)
        outcome = "one step" if name == "one_shot" and status == Status.STALLED else OUTCOMES[status]
        cells = (outcome, str(int(run.iterations)), number_word(run.residual), point_word(run.x))
        rows.append((sentence(METHODS[name].label), tuple(Cell(text) for text in cells)))
    return Table("How each run ended", ("outcome", "iterations", "residual", "x at the end"), tuple(rows))
