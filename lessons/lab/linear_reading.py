"""What the page on the linear check says: the reading, the prediction, the table of both methods."""

import numpy as np

from lessons.lab.linear_setting import PICTURE
from lessons.lesson import Cell, Table
from lessons.prediction import Option, Prediction
from lessons.words import joined, number_word, power, share_word

SAME = 0.01  # steps that differ by less than this share are called the same
ROUNDING = 1e-6  # an RJCP below this is float32's rounding, squared: asked of the experiment, n = 8, too
ZERO = 1e-5  # a step shorter than this is none
ALREADY = "The start is the least-squares solution already, so Gauss–Newton’s step is zero."


def reading(result):
    """Of the moment of the training that is on screen."""
    now = result["settings"]["step"]
    rjcp, apart = float(result["rjcp"][now]), float(result["apart"][now])
    trained = f"After {PICTURE * now:,} training steps" if now else "Before training"
    undone = "V undoes A" if rjcp < ROUNDING else "V does not undo A exactly"
    said = f"{trained} RJCP is {power(rjcp) if rjcp < 1e-3 else number_word(rjcp)}, and {undone}."
    if _no_step(result):
        return joined(said, ALREADY)
    return joined(
        said, f"D-IPG’s step differs from Gauss–Newton’s by {share_word(apart)} of its length.", _why(result, now)
    )


def _no_step(result):
    return np.linalg.norm(result["gauss_newton"]) < ZERO


def _why(result, now):
    if result["apart"][now] > SAME:
        return (
            "Most of that is V’s answer to data out of reach." if _by_reach(result, now) else "Most of that is V A ≠ I."
        )
    if result["settings"]["data"] == "square":
        return "Here every y is in reach, so V A = I leaves V no choice."
    if result["least"] == 0 and result["beyond"][now] > SAME:
        return "All of y* is in reach here: raise s, and the steps part."
    return ""


def _by_reach(result, now=-1):
    """Whether the part out of reach parts the two steps more than what V A lacks of I does."""
    return bool(result["by_reach"][now] >= result["by_defect"][now])


def _truth(name):
    def holds(result):
        if result["apart"][-1] <= SAME:
            return name == "same"
        return name == ("reach" if _by_reach(result) else "defect")

    return holds


def _all_in_reach(result):
    return result["settings"]["data"] == "square" or result["least"] == 0


def _not_same(result):
    if _by_reach(result):
        return "V A = I settles only what V does to data that some A x reaches."
    return "JCP asks for V A = I, but training need not get there: look at RJCP."


def _not_reach(result):
    return (
        "All of y* is in reach here."
        if _all_in_reach(result)
        else "V answers that part too, but here other things count more."
    )


def _not_defect(result):
    if result["apart"][-1] <= SAME:
        return "Training brought V A close enough to I for that."
    return "V A is nearer to I than that; RJCP shows it."


def _because(result):
    if result["apart"][-1] <= SAME:
        if result["settings"]["data"] == "square":
            return "A square A reaches every y, so V A = I makes V the inverse of A."
        return "What of y* is in reach, V treats as A⁺ does; the rest hardly counts here."
    if _by_reach(result):
        return "JCP only ever looks at V A. For data that no A x reaches, V is free."
    if result["settings"]["trained"] == "noisy":
        return "Noise in training is a price on large V, so V becomes smaller than A⁺, and V A is no longer I."
    return "The smallest singular value of A is learned last; 3,000 training steps have not brought V A to I."


PREDICTION = Prediction(
    "3,000 training steps are done, and s = {outside:.2g}. How does D-IPG’s step compare with Gauss–Newton’s?",
    (
        Option("the same, to 1 % of its length", _truth("same"), _not_same),
        Option("another, mostly because part of y* is out of reach", _truth("reach"), _not_reach),
        Option("another, mostly because V A is not I", _truth("defect"), _not_defect),
    ),
    remark=_because,
    unasked=lambda result: ALREADY if _no_step(result) else "",
)


def table(result):
    """Where all further iterations lead, for the moment of the training that is on screen."""
    now = result["settings"]["step"]
    away, left = np.linalg.norm(result["ends"][now] - result["least_squares"]), result["excess"][now]
    found = np.isfinite(away)
    rows = (
        ("distance from the least-squares solution", "0", number_word(away) if found else "V A is singular"),
        ("residual |A x − y*|", number_word(result["least"]), number_word(left) if found else "V A is singular"),
        ("answer to data out of reach, |A⁺U| and |V U|", "0", number_word(result["beyond"][now])),
    )
    columns = ("Gauss–Newton", "D-IPG")
    return Table(
        "Where further iterations lead", columns, tuple((name, (Cell(one), Cell(other))) for name, one, other in rows)
    )
