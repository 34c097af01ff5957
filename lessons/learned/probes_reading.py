"""What the page on random probes says: the reading, the prediction, the table of its numbers."""

import numpy as np

from lessons.learned.notes import SEEDS
from lessons.lesson import Cell, Table
from lessons.prediction import Estimate
from lessons.words import count_word, number_word, power, share_word

STILL = 1e-6  # estimates that scatter by less than this share are all the same


def needed(result):
    """Probes for a scatter of SHARE, from the measured scatter of single ones; at least one."""
    return max(1.0, float(result["needed"]))


def _error(result):
    """By how much a mean of SEEDS estimates may be off: three standard errors, over the exact value."""
    return 3 * float(result["std"]) / SEEDS**0.5


def reading(result):
    if result["nothing"]:
        return "Here g undoes small changes exactly: the exact value is 0 up to rounding, and so is every estimate."
    exact, std = number_word(result["exact"]), float(result["std"])
    if std < STILL:
        return f"The exact value is {exact}, and every estimate hits it. M is diagonal here, so nothing scatters."
    within = "within" if abs(float(result["mean"]) - 1) <= _error(result) else "outside"
    return (
        f"The exact value is {exact}. An estimate from {count_word(int(result['probes']), 'probe')} has a standard "
        f"deviation of {share_word(std)} of it. The mean of all estimates is {within} three standard errors of the "
        "exact value."
    )


def _because(result):
    one, n = float(result["measured"][0]), int(result["unknowns"])
    if one < STILL:
        return "M is diagonal here, so a single probe is exact."
    cheaper = "the exact value is cheaper here" if needed(result) >= n else "probes are cheaper here"
    return (
        f"One probe scatters by {share_word(one)}, the mean of k probes by that over √k. The exact value costs as much "
        f"as n = {n} probes, so {cheaper}."
    )


def _against(said, result):
    if float(result["measured"][0]) < STILL:
        return "All single probes have the same value here; look at the dotted line."
    if said < needed(result):
        return "The scatter falls with the root of k only: a tenth of it takes a hundred times as many probes."
    return "The scatter falls with the root of k; begin with how wide the dotted line is for one probe."


PREDICTION = Estimate(
    "The dotted line shows how estimates from one probe each are spread, over the exact value. How many probes does an "
    "estimate need for a standard deviation of a tenth of the exact value?",
    1.0,
    1000.0,
    needed,
    1.6,
    "log",
    unit="probes",
    remark=_because,
    unasked=lambda result: "Here the exact value is 0, and so is every estimate." if result["nothing"] else "",
    feedback=_against,
)


def table(result):
    """The numbers behind the figure, and the products without a matrix."""
    n, k = int(result["unknowns"]), int(result["probes"])
    rows = [("exact value, |C − I|²", number_word(result["exact"]))]
    if not result["nothing"]:
        rows += [
            (f"mean of {SEEDS:,} estimates, over it", f"1 {_signed(float(result['mean']) - 1)}"),
            ("three standard errors of that mean", share_word(_error(result))),
            (f"standard deviation with k = {k}", share_word(float(result["std"]))),
        ]
        if result["measured"][0] >= STILL:
            rows.append(("it falls like k to the power", f"{float(result['slope']):.2f}".replace("-", "−")))
        rows.append(("products for a tenth, by probes", str(2 * round(needed(result)))))
    rows.append(("products for the exact value", str(2 * n)))
    if n == 2:
        products = result["products"]
        rows += [
            ("(C − I) v, pushed through f and g", f"{_matrix(products['error'])} {_matrix(products['v'])} = "
             f"{_matrix(products['pushed'])}"),
            ("(C − I)ᵀ u, pulled back", f"{_matrix(products['error'].T)} {_matrix(products['u'])} = "
             f"{_matrix(products['pulled'])}"),
        ]  # fmt: skip
    rows.append(("largest difference from the dense products", power(result["gap"])))
    return Table("In numbers", ("at x",), tuple((name, (Cell(text),)) for name, text in rows))


def _signed(value):
    return f"{'−' if value < 0 else '+'} {number_word(abs(value))}"


def _matrix(values):
    """Rows apart by semicolons."""
    return "(" + "; ".join(", ".join(number_word(v) for v in np.atleast_1d(row)) for row in values) + ")"
