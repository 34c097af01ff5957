"""What the page on training says of a model, however far it is trained: the reading and the prediction."""

import numpy as np

from lessons.learned import jcp_cost, setting
from lessons.lesson import Cell, Table
from lessons.prediction import Option, Prediction
from lessons.words import joined, number_word

SAME = 0.1  # medians of RJCP that differ by less than this share are called about the same
MISFIT = 0.01  # of the spread of y: a learned f that is further off the simulator is worth a word
ENOUGH = 500  # steps after which the run can judge the prediction


def steps_done(result):
    """How many steps this model has been trained."""
    steps = (result.get("history") or {}).get("step", ())
    return int(steps[-1]) if len(steps) else 0


def outside_factor(result):
    """How many times higher the median RJCP is outside the trained box than inside."""
    found = levels(result)
    with np.errstate(all="ignore"):  # of a model that has just begun, or diverged, anything may be 0 or infinite
        return float(found["outside_median"] / found["inside_median"])


def levels(result):
    """How high RJCP is inside the trained box and outside."""
    return setting.levels(result["rjcp_map"], result["settings"]["problem"])


def trained_without_jcp(result):
    """Whether JCP had no weight in this training; the slider may have moved since."""
    used = (result.get("history") or {}).get("jcp_weight", result["settings"]["w_jcp"])
    return not np.any(used)


def reading(result):
    done, missed = steps_done(result), number_word(result["reconstruction"])
    inside = float(levels(result)["inside_mean"])
    if not np.isfinite(inside) or not np.isfinite(result["reconstruction"]):
        return "g or its Jacobian is no finite number in the dashed box: reset this model, and train with a lower rate."
    if not done:
        return (
            f"Nothing is trained yet: in the dashed box the round trip g(f(x)) misses x by {missed}, root mean square. "
            f"RJCP there is {number_word(inside)} on average; a g that ignores y would have 2."
        )
    if result["misfit"] > MISFIT:
        said = (
            f"After {done:,} steps f misses the simulator by {number_word(100 * result['misfit'])} % of the spread "
            f"of y. RJCP, {number_word(inside)} in the dashed box, cannot tell: it compares g with f only."
        )
    else:
        said = f"After {done:,} steps the round trip misses x by {missed} in the dashed box. {_outside(result)}"
    off = "JCP was off in this training: train with it too, and compare RJCP."
    return joined(said, off if trained_without_jcp(result) else "")


def _outside(result):
    """RJCP outside the trained box beside that inside."""
    factor = outside_factor(result)
    if not np.isfinite(factor):
        return "RJCP has no finite ratio between outside and inside."
    if abs(factor - 1) <= SAME:
        return "The median of RJCP is about the same outside as inside."
    return f"Outside, the median of RJCP is {number_word(factor)} times that inside."


def table(result):
    """What JCP costs; only beside a model that has been trained, since measuring takes some seconds the first time."""
    if not steps_done(result):
        return ()
    cost = jcp_cost.measured()
    rows = (
        ("operations", f"{number_word(cost.operations)} times"),
        ("time, measured on this machine", f"{number_word(cost.seconds)} times"),
    )
    return Table(
        "A training step with JCP (2 probes, bent toy) over one without; the paper’s summary says that probes add "
        "about 4 Jacobian–vector products",
        ("with / without",),
        tuple((name, (Cell(text),)) for name, text in rows),
    )


def _between(low, high):
    return lambda result: low <= outside_factor(result) < high


def _because(result):
    if result["settings"]["architecture"] == "slabs":
        return "Two linear slabs have the same Jacobians everywhere, and so the same RJCP."
    blind = "Nothing in the loss speaks about the outside."
    if outside_factor(result) < 2:
        return blind
    return f"{blind} RJCP needs no true x to compare with, so it can be computed at run time."


def _undecided(result):
    return "" if np.isfinite(outside_factor(result)) else "RJCP is not finite here, or zero: there is no ratio."


PREDICTION = Prediction(
    "Training draws x from the dashed box alone. How much larger is RJCP outside the box than inside, in the median?",
    (
        Option(
            "less than twice",
            _between(-np.inf, 2.0),
            "A good fit need not continue beyond its data: no term of the loss looks there.",
        ),
        Option(
            "two to five times",
            _between(2.0, 5.0),
            "RJCP is a square: where the Jacobian’s error is three times as large, RJCP is nine times as large.",
        ),
        Option(
            "more than five times",
            _between(5.0, np.inf),
            "That takes a Jacobian that changes from place to place: ask what f and g are made of, and how long they "
            "were trained.",
        ),
    ),
    remark=_because,
    ready=lambda result: steps_done(result) >= ENOUGH,
    unasked=_undecided,
)
