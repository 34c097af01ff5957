"""Two terms of a Hessian: what its page says and draws."""

import numpy as np

from lessons.newton.hessian_terms import GRID, HIGH, LOW, POLE
from tests.shown.kit import Says, precision, said

PLACES = (
    {},
    {"x": 0.0, "target": 0.0},
    {"x": 2.09},
    {"x": 1.8, "quartic": 1.0},
    {"x": -1.0, "target": 2.0},
    {"x": 1.3, "target": 3.98},
)
SLACK = 1e-6 if precision() == "float64" else 1e-3


def own(result, x=None):
    """Everything by hand at x: y = sinh x, y' = cosh x, y'' = sinh x."""
    settings = result["settings"]
    x = np.asarray(settings["x"] if x is None else x, float)
    r, q, eta = np.sinh(x) - settings["target"], settings["quartic"], settings["eta"]
    slope, curvature = 2 * r + 4 * q * r**3, 2 + 12 * q * r**2
    first, second = curvature * np.cosh(x) ** 2, slope * np.sinh(x)
    with np.errstate(all="ignore"):
        dx = -eta * slope * np.cosh(x) / (first + second)
        return {
            "y": np.sinh(x),
            "first": first / curvature,
            "second": second / curvature,
            "ratio": second / first,
            "dx": dx,
            "tangent": np.cosh(x) * dx,
            "actual": np.sinh(x + dx) - np.sinh(x),
            "intended": -eta * slope / curvature,
        }


def number(text, value):
    return any(said(text, value * (1 + share)) for share in (0, SLACK, -SLACK)) or abs(value) < 1e-3 * SLACK


def at_target(result, _match=None):
    return abs(own(result)["y"] - result["settings"]["target"]) < 1.1e-4


def ratio(text, result):
    return number(text, own(result)["ratio"])


def change(result, match):
    found = own(result)
    close = SLACK * 100 / abs(1 + found["ratio"])
    moved = any(said(match["actual"], found["actual"] * (1 + share)) for share in (0, close, -close))
    return moved and number(match["intended"], found["intended"])


def away(result, match):
    found = own(result)
    return ratio(match["ratio"], result) and found["ratio"] < -1 and found["actual"] * found["intended"] < 0


def tangent_share(result):
    return own(result)["tangent"] / own(result)["intended"]


R = r"The second term divided by the first is (?P<ratio>\S+)"
SAYS = (
    Says(r"You are at the target, so the intended change of y is zero\.", at_target),
    Says(r"Move x\.", at_target),
    Says(
        R + r": the two nearly cancel\.",
        lambda r, m: ratio(m["ratio"], r) and abs(own(r)["first"] + own(r)["second"]) < 0.101 * own(r)["first"],
    ),
    Says(
        r"So Newton’s step is over ten times as long as without the second term\.",
        # Without it, dx is the intended change over y'.
        lambda r, m: abs(own(r)["dx"]) > 9.9 * abs(own(r)["intended"]) / np.cosh(r["settings"]["x"]),
    ),
    Says(
        r"Newton’s step changes y by (?P<actual>\S+), the intended change is (?P<intended>[^ ]*\d\S*|0)\.", change
    ),
    Says(R + r", so their sum is negative and y moves away from its target\.", away),
    Says(R + r"\.", lambda r, m: ratio(m["ratio"], r)),
    Says(
        r"Along the tangent the second term (?P<effect>shortens|lengthens) the change\.",
        lambda r, m: (tangent_share(r) < 1 + 1e-9) if m["effect"] == "shortens" else tangent_share(r) > 1 - 1e-9,
    ),
    # After the prediction
    Says(r"At the target the intended change of y is zero, so there is nothing to compare\.", at_target),
    Says(
        R + r", so their sum is (?P<sign>positive|negative)\.",
        lambda r, m: ratio(m["ratio"], r) and (own(r)["first"] + own(r)["second"] > 0) == (m["sign"] == "positive"),
    ),
    Says(
        r"That sign decides the direction\.",
        lambda r, m: (own(r)["actual"] * own(r)["intended"] > 0) == (own(r)["first"] + own(r)["second"] > 0),
    ),
    Says(
        r"For a straight simulator it would be so, because there the second term is zero\.",
        lambda r, m: abs(own(r)["actual"] / own(r)["intended"] - 1) > 0.099,
    ),
    Says(
        r"Along the tangent y moves less far only if the second term is positive\.",
        lambda r, m: not 0 < tangent_share(r) < 1 - 1e-6 or own(r)["second"] > 0,
    ),
    Says(
        r"Along the tangent y moves farther only if the second term is negative and smaller than the first\.",
        lambda r, m: not tangent_share(r) > 1 + 1e-6 or -own(r)["first"] < own(r)["second"] < 0,
    ),
    Says(
        r"Newton’s method moves y the wrong way only if the sum of both terms is negative\.",
        lambda r, m: own(r)["actual"] * own(r)["intended"] >= 0 and own(r)["first"] + own(r)["second"] > 0,
    ),
)  # fmt: skip


def over(name):
    """A number of every x of the grid, with gaps where it leaves the panel."""

    def of(result):
        values = own(result, GRID)[name]
        return GRID, np.where(np.abs(values) < POLE, values, np.nan)

    return of


def tangent(result):
    x, found = result["settings"]["x"], own(result)
    return [x, x + found["dx"]], [found["y"], found["y"] + found["tangent"]]


def intended(result):
    x, found = result["settings"]["x"], own(result)
    return [x, x], [found["y"], found["y"] + found["intended"]]


def way(result):
    x = result["settings"]["x"] + np.linspace(0, 1, 41) * own(result)["dx"]
    x = np.where((x > LOW - 1) & (x < HIGH + 1), x, np.nan)
    return x, np.sinh(x)


def measured_tangent(result):
    x, found = float(result["x"]), {name: float(value) for name, value in result["here"].items()}
    return [x, x + found["dx"]], [found["y"], found["y"] + found["promised"]]


def measured_way(result):
    x = float(result["x"]) + np.linspace(0, 1, 41) * float(result["here"]["dx"])
    x = np.where((x > LOW - 1) & (x < HIGH + 1), x, np.nan)
    return x, np.sinh(x)


def here(name):
    return lambda r: (r["settings"]["x"], name(own(r)))


DRAWN = {
    "simulator": lambda r: (GRID, np.sinh(GRID)),
    "target": lambda r: ([LOW, HIGH], [r["settings"]["target"]] * 2),
    "wish": intended,
    "tangent": tangent,
    "way": way,
    "outer": lambda r: (GRID, own(r, GRID)["first"]),
    "inner": lambda r: (GRID, own(r, GRID)["second"]),
    "hessian": lambda r: (GRID, own(r, GRID)["first"] + own(r, GRID)["second"]),
    "zero": lambda r: ([LOW, HIGH], [0, 0]),
    "wished": lambda r: (GRID, own(r, GRID)["intended"]),
    "promised": over("tangent"),
    "actual": over("actual"),
}
MARKS = {
    "here": here(lambda own: own["y"]),
    "landing": lambda r: (r["settings"]["x"] + own(r)["dx"], own(r)["y"] + own(r)["actual"]),
    "sum-here": here(lambda own: own["first"] + own["second"]),
    "step-here": here(lambda own: own["actual"]),
}
if precision() != "float64":  # beside a pole the steps are as large as their rounding
    for name, key in (("promised", "promised"), ("actual", "actual")):
        DRAWN[name] = lambda r, key=key: (
            GRID,
            np.where(np.abs(r["over"][key]) < POLE, r["over"][key], np.nan),
        )
    DRAWN |= {"tangent": measured_tangent, "way": measured_way}
    MARKS |= {"step-here": lambda r: (r["x"], r["here"]["actual"])}
    MARKS |= {"landing": lambda r: (r["x"] + r["here"]["dx"], r["here"]["y"] + r["here"]["actual"])}
LABELS = {"here": "here", "landing": "lands"}
AXES = {"y": ("x", "y"), "terms": ("x", ""), "step": ("x", "Δy")}
LANDMARKS = {
    "x/solution": lambda value, r: np.isclose(np.sinh(value), r["settings"]["target"], rtol=1e-4, atol=1e-4),
    "x/x = 1": lambda value, r: value == 1,
    "eta/full step": lambda value, r: value == 1,
    "quartic/none": lambda value, r: value == 0,
}
