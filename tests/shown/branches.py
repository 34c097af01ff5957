"""Many causes: what its page says and draws."""

import numpy as np

from tests.shown.kit import Says, point_said, said

ANGLE = 0.6
WIDTHS = {"squared": 0.4, "sine": 0.2}
PLACES = (
    {"reach": 0.5, "start": (3.0, 3.0), "cause": (-2.0, -1.0)},
    {"start": (1.4, 1.8), "reach": 1.0},
    {"problem": "sine", "reach": 5.0},
    {"cause": (1.5, 0.0)},
    {"problem": "sine", "start": (1.1, 1.7), "reach": 1.0},
)


def along(result):
    """The direction across the branches."""
    return np.array([0.0, 1.0] if result["settings"]["problem"] == "squared" else [np.cos(ANGLE), -np.sin(ANGLE)])


def forward(x, result):
    """(x1, x2^2), or (sin u1, u2) with u turned by 0.6."""
    x = np.asarray(x, float)
    if result["settings"]["problem"] == "squared":
        return np.stack([x[..., 0], x[..., 1] ** 2], axis=-1)
    u1 = np.cos(ANGLE) * x[..., 0] - np.sin(ANGLE) * x[..., 1]
    u2 = np.sin(ANGLE) * x[..., 0] + np.cos(ANGLE) * x[..., 1]
    return np.stack([np.sin(u1), u2], axis=-1)


def target(result):
    return forward(result["settings"]["cause"], result)


def causes(result):
    """On paper, from -15 to 15 across the branches: both roots, or both arcsines and their periods."""
    y, way = target(result), along(result)
    if result["settings"]["problem"] == "squared":
        places, rest = np.array([-np.sqrt(y[1]), np.sqrt(y[1])]), np.array([y[0], 0.0])
    else:
        first = np.arcsin(y[0])
        places = np.array([base + 2 * np.pi * k for base in (first, np.pi - first) for k in range(-4, 5)])
        rest = y[1] * np.array([np.sin(ANGLE), np.cos(ANGLE)])
        reached = [_nearest(places, place) for place in np.linspace(-15, 15, 81)]
        places = np.unique(reached)
    places = np.sort(places)
    return rest + places[np.diff(places, prepend=-np.inf) > 1e-3, None] * way


def _nearest(places, place):
    return places[np.argmin(np.abs(places - place))]


def inside(result, slack=0.0):
    start, reach = np.asarray(result["settings"]["start"]), result["settings"]["reach"]
    found = causes(result)
    return found[np.all(np.abs(found - start) < reach + slack, axis=1)]


def counted(result, match):
    """Causes on the very edge may count or not."""
    return len(inside(result, -1e-3)) <= int(match["count"]) <= len(inside(result, 1e-3))


def samples(result):
    start, reach = np.asarray(result["settings"]["start"]), result["settings"]["reach"]
    line = (np.arange(96) + 0.5) / 96 * 2 - 1
    return start + reach * np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


def weights(result):
    """The kernel's, summing to 1."""
    squared = np.sum((forward(samples(result), result) - target(result)) ** 2, axis=-1)
    found = np.exp(-(squared - squared.min()) / (2 * WIDTHS[result["settings"]["problem"]] ** 2))
    return found / found.sum()


def answer(result):
    return weights(result) @ samples(result)


def off(result):
    return np.linalg.norm(forward(answer(result), result) - target(result))


def is_off(result, match):
    """The number on the page is the run's, and the run's is that of the formula."""
    return said(match["off"], result["off"]) and np.isclose(result["off"], off(result), atol=2e-3)


def lands(result, match):
    """The point is a cause of y*, and no other is nearer to the start."""
    start, end = np.asarray(result["settings"]["start"]), np.asarray(result["landing"], float)
    distances = np.linalg.norm(causes(result) - start, axis=1)
    own = np.linalg.norm(end - start)
    is_cause = np.allclose(forward(end, result), target(result), atol=1e-4)
    return point_said(match["point"], end) and is_cause and own <= distances.min() + 1e-3


def away(result):
    """From the answer to the nearest cause in the square."""
    return np.linalg.norm(inside(result) - result["average"], axis=1).min()


def aside(result):
    return np.linalg.norm(inside(result).mean(axis=0) - result["average"])


def averages(result, _match):
    return np.allclose(result["average"], answer(result), atol=1e-3)


def near_a_dot(result, _match):
    """Of the places that are tried, one is near a cause."""
    tried = np.array([(x, y) for x in (-1.0, 0.5) for y in (-0.5, 1.0)])
    return np.linalg.norm(causes(result)[:, None] - tried, axis=-1).min() < 0.51


SAYS = (
    Says(r"From the start the local inverse lands on (?P<point>\(.*\)), the nearest cause of y\*\.", lands),
    Says(r"The training square holds (?P<count>\d+) causes? of y\*\.", counted),
    Says(r"The training square holds no cause of y\*\.", lambda r, m: not len(inside(r, -1e-3))),
    Says(
        r"Regression answers from samples with other effects; P of its answer misses y\* by (?P<off>\S+)\.",
        lambda r, m: not len(inside(r, -1e-3)) and is_off(r, m),
    ),
    Says(
        r"P of the regression’s answer is only (?P<off>\S+) away from y\*\.",
        lambda r, m: is_off(r, m) and off(r) < 0.1,
    ),
    Says(
        r"P of the regression’s answer misses y\* by (?P<off>\S+): the average is no solution\.",
        lambda r, m: is_off(r, m) and off(r) > 0.099,
    ),
    # After the prediction
    Says(
        r"No cause of y\* lies in the square, so nothing in the figure tells what regression answers\.",
        lambda r, m: not len(inside(r, -1e-3)),
    ),
    Says(
        r"The edge of the square cuts off samples around a cause of y\*: the answer is (?P<gap>\S+) away from the mean "
        r"of the dots in it\.",
        lambda r, m: said(m["gap"], aside(r)) and _cut(r),
    ),
    Says(
        r"The square holds one cause of y\*, and the mean of the samples around it is (?P<away>\S+) away from it\.",
        lambda r, m: len(inside(r)) == 1 and said(m["away"], away(r)),
    ),
    Says(
        r"Least squares answers with the mean of all samples whose effect is about y\*\.",
        averages,
    ),
    Says(
        r"The nearest of the (?P<count>\d+) causes in the square is (?P<away>\S+) away from it\.",
        lambda r, m: counted(r, m) and said(m["away"], away(r)),
    ),
    Says(r"Near there lies a cause of y\*\.", near_a_dot),
    Says(
        r"Least squares does not choose one cause: it takes the mean over the square\.",
        averages,
    ),
    Says(
        r"Only causes inside the square count: the answer is close to their mean\.",
        lambda r, m: aside(r) < 0.26,
    ),
)  # fmt: skip


def _cut(result):
    """Samples with about the effect y* reach the edge of the square: there the kernel still weighs something."""
    start, reach = np.asarray(result["settings"]["start"]), result["settings"]["reach"]
    edge = np.max(np.abs(samples(result) - start), axis=1) > reach * (1 - 2 / 96)
    return weights(result)[edge].max() > 1e-3 * weights(result).max()


def bars(result):
    """The weight in each of 48 parts of [-8, 8] across the branches; what lies beyond counts in the last part."""
    places = np.clip(samples(result) @ along(result), -7.999, 7.999)
    found, edges = np.histogram(places, 48, (-8, 8), weights=weights(result))
    return (edges[:-1] + edges[1:]) / 2, found


def marked(result, k):
    found = causes(result)
    return found[k] if k < len(found) else (np.nan, np.nan)


DRAWN = {
    "inverse_simulator/x": lambda r: r["path"].x.T,
    "inverse_simulator/y": lambda r: forward(r["path"].x, r).T,
    "miss": lambda r: np.stack([forward(answer(r), r), target(r)]).T,
    "histogram": bars,
    "mean": lambda r: (np.full(2, answer(r) @ along(r)), [0, 1]),
}
MARKS = {f"cause{k}": lambda r, k=k: marked(r, k) for k in range(20)}
MARKS |= {f"branch{k}": lambda r, k=k: (marked(r, k) @ along(r), 0.0) for k in range(20)}
MARKS |= {
    "mean/label": lambda r: (answer(r) @ along(r), 0.58),
    "box": lambda r: np.add.outer(r["settings"]["start"], [-r["settings"]["reach"], r["settings"]["reach"]]),
    "average/x": answer,
    "average/y": lambda r: forward(answer(r), r),
    "target": target,
}


def LABELS(result):
    hidden = result["settings"]["cause"]
    also = {f"cause{k}": "also causes y*" for k, one in enumerate(causes(result)) if np.abs(one - hidden).max() > 1e-3}
    return also | {
        "mean/label": "their average",
        "box": "training data",
        "average/x": "regression’s answer",
        "average/y": "P(answer)",
        "target": "y*",
    }


def AXES(result):
    name = {"squared": "x₂", "sine": "u₁, across the branches"}[result["settings"]["problem"]]
    return {"x": ("x₁", "x₂"), "y": ("y₁", "y₂"), "across": (name, "share")}


def basin(x, y, result):
    """1 where P keeps no orientation at the nearest cause: its branch falls."""
    found = causes(result)
    nearest = found[np.argmin(np.linalg.norm(found - (x, y), axis=1))]
    if result["settings"]["problem"] == "squared":
        return float(nearest[1] < 0)
    return float(np.cos(nearest @ along(result)) < 0)


FIELDS = {"basins": basin}
LANDMARKS = {"reach/local: 1": lambda value, r: value == 1}
