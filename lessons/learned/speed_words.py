"""What the lesson on speed says of its runs."""

import numpy as np

from lessons.learned.speed_study import LENGTHS, TOLERANCE
from lessons.lesson import Cell, Table
from lessons.prediction import Option
from lessons.words import joined, number_word, share_word

FEW, MANY = 1.1, 1.5  # times as many iterations
ALIKE = 0.1  # a factor that is so near to 1 - eta, as a share of it, is 1 - eta


def by_length(result, name):
    """The numbers of all runs, (lengths, runs)."""
    return np.asarray(result[name], float).reshape(len(LENGTHS), -1)


def times(result):
    """The mean iterations with the shortest training over those with the longest."""
    means = by_length(result, "iterations").mean(axis=1)
    return float(means[0] / means[-1])


def reading(result):
    return joined(_together(result), _common(result), _stopped(result))


def _together(result):
    low, high = (number_word(side(result["by_seed"])) for side in (np.min, np.max))
    return (
        f"Over all runs RJCP and the factor have the rank correlation {number_word(result['together'])}; over those of "
        f"one training seed it is between {low} and {high}."
    )


def common(result):
    """The share of the runs whose factor is 1 - eta, to a tenth of it."""
    least = 1 - float(result["eta"])
    return float(np.mean(np.abs(by_length(result, "factor") - least) <= ALIKE * least))


def _common(result):
    if common(result) > 0.5:
        return "In most runs an iteration multiplies the residual by $1 - \\eta$ to within a tenth."
    if float(result["eta"]) == 1:
        return "With full steps $1 - \\eta$ adds nothing to the factor."
    return ""


def _stopped(result):
    return "" if by_length(result, "arrived").any() else "No run reached the tolerance."


def table(result):
    """By length of training: the medians of all runs, their mean iterations, and how the two go together within it."""
    rows = []
    for steps, rjcp, factor, count, arrived in zip(
        LENGTHS, *(by_length(result, name) for name in ("rjcp", "factor", "iterations", "arrived")), strict=True
    ):
        numbers = np.median(rjcp), np.median(factor)
        cells = (*map(number_word, numbers), f"{np.mean(count):.1f}", share_word(float(np.mean(arrived))))
        rows.append((f"{steps:,} training steps", tuple(map(Cell, cells))))
    columns = ("RJCP, median", "factor, median", "iterations, mean", "reached the tolerance")
    return Table(f"All runs, until the residual is {number_word(TOLERANCE)}", columns, tuple(rows), numeric=True)


# The question


def unasked(result):
    """A run that does not reach the tolerance has no number of iterations to it."""
    if by_length(result, "arrived")[[0, -1]].all():
        return ""
    floor = "Plain D-IPG stops at its floor, the reconstruction error of g."
    return joined(
        "Here runs stop before they reach the tolerance, so there is no number of iterations to compare.",
        floor if result["settings"]["method"] == "dipg_plain" else "",
    )


def _against(result):
    """What speaks against a wrong answer."""
    least = 1 - float(result["eta"])
    if least == 0:
        return "With η = 1 the factor is about √RJCP, which is ten times as large after 50 training steps."
    return (
        f"The factor is about {number_word(least)} plus a part that grows with √RJCP, and the first part is common to "
        "all g."
    )


OPTIONS = (
    Option("at most 1.1 times", lambda r: times(r) <= FEW, _against),
    Option("between 1.1 and 1.5 times", lambda r: FEW < times(r) < MANY, _against),
    Option("at least 1.5 times", lambda r: times(r) >= MANY, _against),
)


def remark(result):
    means = by_length(result, "iterations").mean(axis=1)
    return f"The means are {means[0]:.1f} and {means[-1]:.1f} iterations."
