"""RJCP and speed: what its page says and draws, from the numbers of the single runs."""

import numpy as np

from lessons.learned.speed_study import ETAS
from tests.shown.kit import Says, said, table_row_slips

TRAININGS = (50, 100, 300, 1000)
PLACES = ({"eta": 0.96}, {"eta": 0.9}, {"eta": 0.94, "problem": "squared"}, {"method": "dipg_plain"})


def eta(result):
    """The one that is measured nearest to the slider's."""
    return float(ETAS[np.argmin(np.abs(ETAS - result["settings"]["eta"]))])


def shown_run(result):
    return round(result["settings"]["run"]) - 1


def of_all(result, name):
    return np.asarray(result[name], float).reshape(4, -1)


def ranked(a, b):
    """The correlation of the ranks; equal values share theirs."""
    places = []
    for values in (np.ravel(a), np.ravel(b)):
        ordered = np.sort(values)
        places.append(np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right"))
    return float(np.corrcoef(*places)[0, 1])


def by_seed(result):
    return [ranked(result["rjcp"][:, k], result["factor"][:, k]) for k in range(5)]


def together(result, match):
    high, low = max(by_seed(result)), min(by_seed(result))
    numbers = (match["all"], ranked(result["rjcp"], result["factor"])), (match["low"], low), (match["high"], high)
    return all(said(text, value) for text, value in numbers)


def common(result):
    """Runs whose factor is 1 - eta to a tenth of that."""
    return np.mean(np.abs(of_all(result, "factor") / max(1 - eta(result), 1e-300) - 1) <= 0.1)


def shrunk_below(result):
    """Which runs of the drawn seed and target ended below the tolerance."""
    return np.asarray(result["residual"])[:, -1] <= 1e-6


def arrived(result):
    found, shown = np.asarray(result["arrived"], bool), shown_run(result)
    assert np.array_equal(found[:, 0, shown], shrunk_below(result))
    return found


def means(result):
    return of_all(result, "iterations").mean(axis=1)


def mean_counts(result, match):
    return said(match["first"], means(result)[0]) and said(match["last"], means(result)[-1])


SAYS = (
    Says(
        r"Over all runs RJCP and the factor have the rank correlation (?P<all>\S+); over those of one training seed it "
        r"is between (?P<low>\S+) and (?P<high>\S+)\.",
        together,
    ),
    Says(
        r"In most runs an iteration multiplies the residual by \$1 - \\eta\$ to within a tenth\.",
        lambda r, m: common(r) > 0.5,
    ),
    Says(r"With full steps \$1 - \\eta\$ adds nothing to the factor\.", lambda r, m: eta(r) == 1),
    Says(r"No run reached the tolerance\.", lambda r, m: not arrived(r).any()),
    Says(r"The means are (?P<first>\S+) and (?P<last>\S+) iterations\.", mean_counts),
    Says(
        r"With η = 1 the factor is about √RJCP, which is ten times as large after 50 training steps\.",
        lambda r, m: eta(r) == 1 and 5 < np.sqrt(np.divide(*np.median(of_all(r, "rjcp"), axis=1)[[0, -1]])) < 50,
    ),
    Says(
        r"The factor is about (?P<least>\S+) plus a part that grows with √RJCP, and the first part is common to all "
        r"g\.",
        lambda r, m: said(m["least"], 1 - eta(r)),
    ),
    Says(
        r"Here runs stop before they reach the tolerance, so there is no number of iterations to compare\.",
        lambda r, m: not arrived(r)[[0, -1]].all(),
    ),
    Says(
        r"Plain D-IPG stops at its floor, the reconstruction error of g\.",
        lambda r, m: r["settings"]["method"] == "dipg_plain" and np.max(of_all(r, "iterations")) <= 60,
    ),
)


def plus(x, y, wide, high):
    """Plus signs of this half size, in decades."""
    x, y, gap = np.ravel(np.log10(x)), np.ravel(np.log10(np.maximum(y, 1e-12))), np.full(np.size(x), np.nan)
    across, up = (x - wide, x + wide, gap, x, x, gap), (y, y, gap, y - high, y + high, gap)
    return 10 ** np.stack(across, 1).ravel(), 10 ** np.stack(up, 1).ravel()


def times_signs(x, y, wide, high):
    x, y, gap = np.ravel(np.log10(x)), np.ravel(np.log10(np.maximum(y, 1e-12))), np.full(np.size(x), np.nan)
    across = (x - wide, x + wide, gap, x - wide, x + wide, gap)
    up = (y - high, y + high, gap, y + high, y - high, gap)
    return 10 ** np.stack(across, 1).ravel(), 10 ** np.stack(up, 1).ravel()


def cloud(k):
    def drawn(result):
        signs = times_signs if k % 2 else plus
        return signs(of_all(result, "rjcp")[k], of_all(result, "factor")[k], 0.07, 0.05)

    return drawn


def one_run(k):
    """Residuals of the shown target, up to its last iteration; their factor is that of the cloud."""

    def drawn(result):
        shown = shown_run(result)
        residual, count = np.array(result["residual"][k], float), int(result["iterations"][k, 0, shown])
        factor = (residual[count] / residual[0]) ** (1 / max(count, 1))
        assert np.isclose(factor, result["factor"][k, 0, shown], rtol=1e-3)
        assert np.all(np.diff(residual[: count + 1]) < 0)
        residual[count + 1 :] = np.nan
        return np.arange(len(residual)), np.maximum(residual, 1e-12)

    return drawn


GUIDE = np.logspace(-7, 0, 60)
DRAWN = {
    **{f"trained{steps}/runs": cloud(k) for k, steps in enumerate(TRAININGS)},
    **{f"trained{steps}/one": one_run(k) for k, steps in enumerate(TRAININGS)},
    "bound": lambda r: (GUIDE, np.maximum(1 - eta(r) * (1 - np.sqrt(GUIDE)), 1e-12)),
    "least": lambda r: ([1e-7, 1.0], [max(1 - eta(r), 1e-12)] * 2),
    "tolerance": lambda r: ([0, 60], [1e-6] * 2),
    "together": lambda r: (ETAS, r["correlations"]),
    **{f"seed{k}": lambda r, k=k: (ETAS, np.asarray(r["seeds"])[:, k]) for k in range(5)},
}
MARKS = {"here": lambda r: (eta(r), ranked(r["rjcp"], r["factor"]))}
LABELS = {"here": "this η"}
AXES = {
    "runs": ("RJCP, mean along the run", "factor"),
    "together": ("η", ""),
    "one": ("iteration", ""),
}
LANDMARKS = {"eta/half": lambda value, r: value == 0.5, "eta/full": lambda value, r: value == 1.0}


def table_slips(tables, result):
    (found,) = tables
    medians = [np.median(of_all(result, name), axis=1) for name in ("rjcp", "factor")]
    reached = arrived(result).reshape(4, -1).mean(axis=1)
    rows = zip(TRAININGS, *medians, means(result), reached, strict=True)
    yield from table_row_slips(found, {f"{steps:,} training steps": tuple(rest) for steps, *rest in rows})
