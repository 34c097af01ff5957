"""Random probes: what its page says and draws."""

import functools
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lessons.learned.probes import given
from lessons.learned.probes_picture import STAIRS
from tests.shown import kit
from tests.shown.kit import Says, number, said

COUNTS, SIZES = (1, 2, 4, 8, 16, 32), (4, 16, 64, 256)
PLACES = ({"pair": "squared", "x": (0.3, 1.0)}, {"pair": "dense", "x": (0.0, 0.0)})


def pair(result):
    return result["settings"]["pair"]


def unknowns(result):
    return 64 if pair(result) == "dense" else 2


@eqx.filter_jit
def _composed(model, x):
    return jax.jacrev(model.g)(model.f(x)) @ jax.jacrev(model.f)(x)


@functools.cache
def _error(name, x):
    whole = jnp.tile(jnp.asarray(x), 32) if name == "dense" else jnp.asarray(x)
    return np.asarray(_composed(given(name)["model"], whole), float) - np.eye(64 if name == "dense" else 2)


def error(result):
    """E = J_g J_f − I at x."""
    return _error(pair(result), tuple(result["settings"]["x"]))


def exact(result):
    return np.sum(error(result) ** 2)


def law(result):
    """The standard deviation of a single probe over the exact value, by Hutchinson's formula."""
    gram = error(result).T @ error(result)
    return np.sqrt(2 * np.sum((gram - np.diag(np.diag(gram))) ** 2)) / exact(result)


def nothing(result, _match=None):
    return exact(result) < (1e-20 if kit.precision() == "float64" else 1e-6)


def diagonal(result, _match=None):
    return law(result) < 1e-5


def probes(result):
    return int(result["settings"]["probes"])


def estimated(result, match):
    """The standard deviation of 2,000 estimates, which must agree with the formula to a tenth."""
    shown = number(match["std"]) * np.sqrt(probes(result))
    return (
        int(match["k"]) == probes(result) and said(match["std"], result["std"]) and np.isclose(shown, law(result), 0.1)
    )


def mean_is(result, match):
    limit = 3 * law(result) / np.sqrt(probes(result) * 2000)
    off = abs(float(result["mean"]) - 1)
    return off < 1.1 * limit if match["side"] == "within" else off > 0.9 * limit


def for_a_tenth(result):
    """By the formula; the page has it from the measured scatter."""
    return (law(result) / 0.1) ** 2


def cheaper(result, match):
    n, as_many = unknowns(result), 0.9 * unknowns(result) < for_a_tenth(result) < 1.1 * unknowns(result)
    right = "the exact value is" if for_a_tenth(result) >= n else "probes are"
    return int(match["n"]) == n and (match["which"] == right or as_many)


SAYS = (
    Says(
        r"Here g undoes small changes exactly: the exact value is 0 up to rounding, and so is every estimate\.",
        nothing,
    ),
    Says(
        r"The exact value is (?P<exact>\S+), and every estimate hits it\.",
        lambda r, m: near(m["exact"], exact(r)) and diagonal(r),
    ),
    Says(r"M is diagonal here, so nothing scatters\.", diagonal),
    Says(r"The exact value is (?P<exact>\S+)\.", lambda r, m: near(m["exact"], exact(r)) and not diagonal(r)),
    Says(
        r"An estimate from (?P<k>\d) probes? has a standard deviation of (?P<std>\S+(?: %| times)?) of it\.",
        estimated,
    ),
    Says(r"The mean of all estimates is (?P<side>within|outside) three standard errors of the exact value\.", mean_is),
    # After the prediction
    Says(r"Here the exact value is 0, and so is every estimate\.", nothing),
    Says(r"M is diagonal here, so a single probe is exact\.", diagonal),
    Says(
        r"One probe scatters by (?P<one>\S+(?: %| times)?), the mean of k probes by that over √k\.",
        lambda r, m: said(m["one"], r["measured"][0]) and np.isclose(r["measured"][2], r["measured"][0] / 2, 0.15),
    ),
    Says(
        r"The exact value costs as much as n = (?P<n>\d+) probes, so (?P<which>the exact value is|probes are) cheaper "
        r"here\.",
        cheaper,
    ),
    Says(r"All single probes have the same value here; look at the dotted line\.", diagonal),
    Says(
        r"The scatter falls with the root of k only: a tenth of it takes a hundred times as many probes\.",
        lambda r, m: np.isclose(r["slope"], -0.5, atol=0.05),
    ),
    Says(
        r"The scatter falls with the root of k; begin with how wide the dotted line is for one probe\.",
        lambda r, m: np.isclose(r["slope"], -0.5, atol=0.05),
    ),
)  # fmt: skip


def near(text, value):
    """As shown, up to what single precision leaves of a small difference."""
    share = 1e-4 if kit.precision() == "float64" else 0.02
    return any(said(text, value * factor) for factor in np.linspace(1 - share, 1 + share, 21))


def stairs(shares):
    return STAIRS, np.concatenate([[0.0], np.repeat(shares, 2), [0.0]])


def high(result):
    """A little over the tallest column, in fifths."""
    return 0.05 + 0.2 * np.ceil(5 * np.max(result["tallest"]))


def ends(low, top, factor=1.0):
    return [low, top], [factor * low, factor * top]


def shown_law(result):
    over = np.array([1.0, 256.0])
    return over, max(0.0 if nothing(result) else law(result), 1e-9) / np.sqrt(over)


DRAWN = {
    "exact": lambda r: ([1, 1], [0, high(r)]),
    "one": lambda r: stairs(r["one"]),
    "estimates": lambda r: stairs(r["bins"]),
    "law": shown_law,
    "share": lambda r: ([1, 256], [0.1, 0.1]),
    "cost/exact": lambda r: ends(1.4, 512, 2),
    "cost/family": lambda r: (SIZES, 2 * r["family"]),
    "cost/probes": lambda r: ([1.4, 512], [2 * probes(r)] * 2),
}
MARKS = {
    "mean": lambda r: (r["mean"], 0.02 * high(r)),
    "here": lambda r: (probes(r), max(r["std"], 1e-9)),
    "cost-here": lambda r: (unknowns(r), max(2 * r["needed"], 2)),
    "cost-label": lambda r: (110, 600),
    "family-label": lambda r: (8, 320),
}
MARKS |= {
    f"measured/{k}": lambda r, k=k, place=place: (k, max(r["measured"][place], 1e-9)) for place, k in enumerate(COUNTS)
}
LABELS = {"mean": "mean", "cost-here": "here", "cost-label": "exact", "family-label": "for 10 %"}
LANDMARKS = {f"probes/{k}": lambda value, r, k=k: value == k for k in (1, 2, 4, 8)}


def AXES(result):
    names = ("x₁ = x₃ = x₅ …", "x₂ = x₄ = x₆ …") if pair(result) == "dense" else ("x₁", "x₂")
    return {
        "histogram": ("estimate / exact value", "share of the estimates"),
        "x": names,
        "spread": ("probes k", ""),
        "cost": ("unknowns n", ""),
    }


def defect(x, y, result):
    """log₁₀ of the exact value, cut off at 10⁻⁶ and 10³."""
    return np.log10(np.clip(np.sum(_error(pair(result), (float(x), float(y))) ** 2), 1e-6, 1e3))


FIELDS = {"defect": defect}


def table_slips(tables, result):
    (shown,) = tables
    cells = {name: cell.text for name, (cell,) in shown.rows}
    wanted = {
        "exact value, |C − I|²": lambda text: near(text, exact(result)),
        "three standard errors of that mean": lambda text: np.isclose(
            number(text), 3 * law(result) / np.sqrt(2000 * probes(result)), rtol=0.12, atol=1e-5
        ),
        "mean of 2,000 estimates, over it": lambda text: said(
            re.sub("1 ([+−]) ", r"\1", text).strip("+"), result["mean"] - 1
        ),
        f"standard deviation with k = {probes(result)}": lambda text: said(text, result["std"]),
        "it falls like k to the power": lambda text: said(
            text, np.polyfit(*np.log([COUNTS, result["measured"]]), 1)[0]
        ),
        "products for a tenth, by probes": lambda text: np.isclose(
            int(text), 2 * max(1, for_a_tenth(result)), rtol=0.12, atol=2
        ),
        "products for the exact value": lambda text: int(text) == 2 * unknowns(result),
        "(C − I) v, pushed through f and g": lambda text: product(text, error(result), [1, -1]),
        "(C − I)ᵀ u, pulled back": lambda text: product(text, error(result).T, [1, 1]),
        "largest difference from the dense products": lambda text: (
            number(text) < (1e-10 if kit.precision() == "float64" else 1e-4)
        ),
    }
    return [f"{name}: {text}" for name, text in cells.items() if not wanted[name](text)]


def product(text, matrix, vector):
    """Whether "(matrix) (vector) = (vector)" is that, to the digits shown."""
    groups = re.findall(r"\(([^()]*)\)", text)
    rows = [[part for part in row.split(", ")] for row in groups[0].split("; ")]
    values = [np.ravel(matrix), np.asarray(vector), matrix @ np.asarray(vector)]
    shown = [np.ravel(rows), groups[1].split("; "), groups[2].split("; ")]
    return all(
        any(said(one, value + rounding) for rounding in np.linspace(-2e-6, 2e-6, 9)) or near(one, value)
        for texts, numbers in zip(shown, values, strict=True)
        for one, value in zip(texts, numbers, strict=True)
    )
