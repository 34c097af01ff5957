"""The average along the way: what its page says and draws."""

import numpy as np

from core.averages import gauss
from lessons.deep.path_average import GAP_SIZES
from tests.shown.kit import Says, precision, said

MOST, CURVE = 12, 81
ENDS = {"square": 0.0, "sine": -1.0, "line": 0.0}
PLACES = (
    {"step": 0},
    {"size": 1.0},
    {"size": 1e-3},
    {"problem": "line", "step": 12},
    {"problem": "sine", "size": 0.3, "start": 1.5, "step": 12},
    {"problem": "sine", "size": 0.45, "start": 0.5},
)
NAMES = ("square", "sine", "line")


def height(result, x):
    """y(x)."""
    return {"square": x**2, "sine": np.sin(x), "line": 2 * x}[result["settings"]["problem"]]


def back(result, y):
    """x(y), on the branch of the start: all starts lie right of the fold of x², and in the sine's rising part."""
    return {"square": np.sqrt(np.maximum(y, 0)), "sine": np.arcsin(np.clip(y, -1, 1)), "line": y / 2}[
        result["settings"]["problem"]
    ]


def slope(result, y):
    """dx/dy."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "square": 0.5 / np.sqrt(np.maximum(y, 0)),
            "sine": 1 / np.sqrt(np.maximum(1 - y**2, 0)),
            "line": np.full_like(y, 0.5),
        }[result["settings"]["problem"]]


def ends(result, size=None):
    first = height(result, result["settings"]["start"])
    size = result["settings"]["size"] if size is None else size
    return first, first + size * (ENDS[result["settings"]["problem"]] - first)


def mean(result):
    """Of dx/dy along the step: the way in x over that in y."""
    first, last = ends(result)
    return (back(result, last) - back(result, first)) / (last - first)


def ratio(result):
    return mean(result) / slope(result, ends(result)[0])


def averaged(result, count):
    """By Gauss quadrature on the step."""
    first, last = ends(result)
    if count == 0:
        return slope(result, first)
    nodes, weights = gauss(count)
    return np.asarray(weights) @ slope(result, first + np.asarray(nodes) * (last - first))


def off(result, count):
    return abs(averaged(result, count) / mean(result) - 1)


def is_off(result, match):
    """What the run has, and in float64 what the formulas have."""
    count = int(match.groupdict().get("count") or 0)
    found = abs(float(result["means"][count]) / float(result["mean"]) - 1)
    own = precision() == "float32" or np.isclose(found, off(result, count), rtol=1e-3, atol=1e-11)
    return count == result["settings"]["step"] and said(match["off"] + " %", found) and own


def exact(result, match):
    rough = 1e-11 if precision() == "float64" else 1e-3
    return int(match["count"]) == result["settings"]["step"] and off(result, int(match["count"])) < rough


def goes(result, match):
    """The ratio; and its reason, judged by the mean slope beside that at the start."""
    grows = mean(result) > slope(result, ends(result)[0])
    close = said(match["ratio"], ratio(result)) or np.isclose(float(match["ratio"]), ratio(result), atol=0.0051)
    return close and grows == (match["course"] == "larger")


def alike(result, _match):
    return abs(ratio(result) - 1) < 0.021


def hardly(result, _match):
    shown = slope(result, np.linspace(*ends(result), CURVE))
    return np.ptp(shown) < 0.021 * slope(result, ends(result)[0])


def larger(result, match):
    sign = {"as large as": 0, "larger than": 1, "smaller than": -1}[match["course"]]
    return alike(result, match) if sign == 0 else np.sign(ratio(result) - 1) == sign


SAYS = (
    Says(r"Both steps are about as long, because the slope hardly changes along this one\.", alike),
    Says(
        r"The inverse simulator goes (?P<ratio>\S+) times as far as the inverse gradient: on average the slope is "
        r"(?P<course>larger|smaller) than at the start\.",
        goes,
    ),
    Says(r"The slope at the start alone misses the average by (?P<off>\S+) %\.", is_off),
    Says(r"With (?P<count>\d+) points? the averaged slope is off by (?P<off>\S+) %\.", is_off),
    Says(r"With (?P<count>\d+) points? the averaged slope is exact up to rounding\.", exact),
    Says(
        r"The step ends on the fold, where dx/dy is infinite; its average is finite all the same\.",
        lambda r, m: slope(r, np.array(ends(r)[1])) > 1e3 and np.isfinite(r["mean"]),
    ),
    # After the prediction
    Says(r"The slope hardly changes along this way, so its average is the slope at the start\.", hardly),
    Says(
        r"It is the average slope over the slope at the start: along this way dx/dy is on average (?P<course>.+) "
        r"there\.",
        larger,
    ),
    Says(r"Where the slope hardly changes, a step with the slope at the start is right as well\.", alike),
    Says(
        r"It would be about 1 if dx/dy hardly changed along the step\.",
        lambda r, m: not np.isclose(ratio(r), 1, atol=0.019),
    ),
    Says(
        r"The ratio is the average of dx/dy along the step, over dx/dy at the start\.",
        lambda r, m: np.isclose(float(r["dx"]) / float(r["linear"]), ratio(r), rtol=5e-3),
    ),
)  # fmt: skip


def gaps(result):
    """|Δx| of the inverse simulator less that of the tangent, for each size of the step."""
    first = ends(result)[0]
    last = np.array([ends(result, size)[1] for size in GAP_SIZES])
    exact_way = back(result, last) - back(result, first)
    return np.abs(exact_way - (last - first) * slope(result, first)), np.abs(last - first)


def coarse(result, own, found):
    """The formula's value where it is more than rounding, else the run's."""
    rough = 1e-11 if precision() == "float64" else 1e31
    return np.maximum(np.where(own > rough, own, np.asarray(found, float)), 1e-17)


def bars(result):
    """Row k: k bars as wide as the weights and as high as dx/dy at the nodes."""
    first, last = ends(result)
    across, up = np.full((MOST + 1, MOST, 4), last), np.full((MOST + 1, MOST, 4), np.nan)
    for count in range(MOST + 1):
        nodes, weights = (np.array([0.0]), np.array([1.0])) if count == 0 else map(np.asarray, gauss(count))
        edges = first + np.concatenate([[0.0], np.cumsum(weights)]) * (last - first)
        across[count, : len(nodes)] = np.stack([edges[:-1], edges[:-1], edges[1:], edges[1:]], axis=-1)
        tops = slope(result, first + nodes * (last - first))
        up[count, : len(nodes)] = np.stack([0 * tops, tops, tops, 0 * tops], axis=-1)
    return across.reshape(MOST + 1, -1), up.reshape(MOST + 1, -1)


def curve(result):
    """dx/dy along the step; at a fold it is as good as infinite."""
    y = np.linspace(*ends(result), CURVE)
    found = slope(result, y)
    return y, np.where(found > 1e4, np.asarray(result["slope"], float), found)


def errors(result):
    """Of the average by 0 to 12 points."""
    own = np.array([off(result, count) for count in range(MOST + 1)])
    found = np.abs(result["means"] - result["mean"]) / np.abs(result["mean"])
    return np.arange(MOST + 1), coarse(result, own, found)


DRAWN = {
    "inverse_simulator/slope": lambda r: (ends(r), np.full(2, mean(r))),
    "inverse_gradient/slope": lambda r: (ends(r), np.full(2, slope(r, ends(r)[0]))),
    "curve": curve,
    "cells": bars,
    "off": errors,
    "gaps": lambda r: (GAP_SIZES, coarse(r, gaps(r)[0], r["gaps"])),
    "ratios": lambda r: (GAP_SIZES, coarse(r, gaps(r)[0] / gaps(r)[1], r["ratios"])),
}
MARKS = {
    "here": lambda r: (ends(r)[0], slope(r, ends(r)[0])),
    "gaps-here": lambda r: (GAP_SIZES[22], 0.2 * r["gaps"][22]),
    "ratios-here": lambda r: (GAP_SIZES[17], 2.5 * r["ratios"][17]),
}
LABELS = {"here": "start", "gaps-here": "in Δx", "ratios-here": "in Δx / Δy"}
AXES = {"slope": ("y", "dx/dy"), "error": ("points", ""), "gap": ("η, share of the way to the end", "")}
LANDMARKS = {"size/to the end": lambda value, r: value == 1}
