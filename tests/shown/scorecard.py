"""The scorecard: what its page says and draws."""

import re

import numpy as np

from tests.shown.kit import Says, precision, said

METHODS = ("gradient_descent", "newton", "inverse_gradient", "inverse_simulator")
WORDS = {
    "gradient descent": "gradient_descent",
    "Newton": "newton",
    "the inverse gradient": "inverse_gradient",
    "the inverse simulator": "inverse_simulator",
}
PROPERTIES = ("units", "sensitivity", "optimum", "composition", "scale", "dependence")
SAME = {"float64": 1e-6, "float32": 1e-3}[precision()]
PLACES = (
    {"alpha": 1.0},
    {"alpha": 1.0005, "problem": "sine"},
    {"alpha": 1e3, "problem": "sheared", "eta": 0.9},
    {"alpha": 1e3, "problem": "sheared", "eta": 0.1},
)
WANTED = {
    "squared": (0.0, 0.0),
    "sheared": (-1.0, 0.5),
    # (sin(u1) / 2, 2 u2) of (-0.7, -0.5), turned by 0.6
    "sine": (
        np.sin(-0.7 * np.cos(0.6) + 0.5 * np.sin(0.6)) / 2,
        2 * (-0.7 * np.sin(0.6) - 0.5 * np.cos(0.6)),
    ),
}
STARTS = {"squared": (3.0, 3.0), "sine": (0.85, 0.75), "sheared": (3.0, 3.0)}


def value(result, name, property_):
    found = float(result["defects"][name][property_])
    return np.inf if np.isnan(found) else found


def named(text):
    """The methods of "Newton, the inverse gradient and the inverse simulator"."""
    return {WORDS[one[0].lower() + one[1:] if one[0] == "T" or one[0] == "G" else one] for one in _parts(text)}


def _parts(text):
    return re.split(r", | and ", text)


def keeps(result, match):
    kept = {name for name in METHODS if value(result, name, "scale") < SAME}
    return named(match["who"]) == kept and said(match["alpha"], result["settings"]["alpha"])


def defects(result):
    """How many of the first five rows are above rounding, by method."""
    return {name: sum(value(result, name, p) >= SAME for p in PROPERTIES[:5]) for name in METHODS}


def fewest(result, match, count):
    found = defects(result)
    return named(match["who"]) == {n for n in METHODS if found[n] == min(found.values())} and count == min(
        found.values()
    )


def worst(result, match):
    (name,) = named(match["who"])
    largest = max(value(result, one, "dependence") for one in METHODS)
    return value(result, name, "dependence") == largest and said(match["times"], largest)


def unscaled(result, _match):
    return result["settings"]["alpha"] < 1.0011 and all(value(result, name, "scale") < 1e-3 for name in METHODS)


def linear(result, _match):
    return result["settings"]["problem"] == "sheared"


def newton_apart(result, _match):
    return value(result, "newton", "scale") > SAME


def newton_along(result, _match):
    return value(result, "newton", "scale") < SAME


SAYS = (
    Says(r"At this α next to nothing is rescaled, so no trajectory changes visibly\.", unscaled),
    Says(r"With scales up to (?P<alpha>\S+) the trajectory stays the same for (?P<who>.+)\.", keeps),
    Says(r"(?P<who>.+) ha(s|ve) no defect in the first five rows\.", lambda r, m: fewest(r, m, 0)),
    Says(
        r"In the last row (?P<who>.+) is worst: its longest step is (?P<times>\S+) times its median one\.",
        worst,
    ),
    # After the prediction
    Says(r"At this α next to nothing is rescaled, which no method could notice: raise α\.", unscaled),
    Says(r"Newton’s method is scale-invariant where P is linear\.", newton_apart),
    Says(
        r"On a curved P its Hessian weighs the curvature of P by the residual, and the residual is what has been "
        r"scaled\.",
        lambda r, m: r["settings"]["problem"] in ("squared", "sine") and newton_apart(r, m),
    ),
    Says(
        r"On a linear P the Hessian is 2 JᵀJ, so in exact arithmetic H⁻¹ takes the scale out as J⁻¹ does\.",
        linear,
    ),
    Says(
        r"Newton inverts H, and H holds more than J where P is curved; rounding can part it, too\.",
        newton_apart,
    ),
    Says(
        r"On a linear P, H is 2 JᵀSᵀS J and the gradient holds the same JᵀSᵀS, so H⁻¹ cancels S\.",
        lambda r, m: linear(r, m) and newton_along(r, m),
    ),
    Says(
        r"The inverse gradient cancels S as well: \(S J\)⁻¹ S = J⁻¹ at every step\.",
        lambda r, m: value(r, "inverse_gradient", "scale") < SAME,
    ),
    Says(
        r"Gradient descent multiplies the scaled residual by \(S J\)ᵀ, so S enters twice\.",
        lambda r, m: value(r, "gradient_descent", "scale") > SAME / 10,
    ),
)  # fmt: skip
if precision() == "float32":  # what rounding alone makes true
    SAYS += (
        Says(
            r"Here rounding shows, because the condition number of H grows like α²\.",
            lambda r, m: linear(r, m) and newton_apart(r, m),
        ),
        Says(
            r"(?P<who>.+) ha(s|ve) the fewest defects in the first five rows, (?P<count>\d)\.",
            lambda r, m: fewest(r, m, int(m["count"])),
        ),
    )


def bar(result, name, property_):
    """From the stub to the defect, within the axis; at "none" where it is rounding."""
    end = value(result, name, property_)
    return 0.3e-6, 1e-6 if end < SAME else min(end, 1e6)


def far(points):
    points = np.asarray(points, float)
    return np.where(np.abs(points) < 1e3, points, np.nan).T


DRAWN = {
    f"{name}/{property_}": lambda r, name=name, property_=property_, k=k, row=row: (
        bar(r, name, property_),
        np.full(2, 5 - row + 0.3 - 0.2 * k),
    )
    for k, name in enumerate(METHODS)
    for row, property_ in enumerate(PROPERTIES)
}
DRAWN |= {f"{name}/x": lambda r, name=name: far(r["paths"][name].x) for name in METHODS}
DRAWN |= {f"{name}/y": lambda r, name=name: far(r["paths"][name].y) for name in METHODS}
MARKS = {
    "start": lambda r: STARTS[r["settings"]["problem"]],
    "target": lambda r: WANTED[r["settings"]["problem"]],
}
LABELS = {"start": "start", "target": "y*"}
AXES = {"card": ("defect; none: the same, up to rounding", ""), "x": ("x₁", "x₂"), "y": ("y₁", "y₂")}
LANDMARKS = {
    "alpha/none": lambda value, r: value == 1,
    "eta/0.3": lambda value, r: value == 0.3,
}

# Tables: what a cell may say, and what must then be true of the measured defect.
CELLS = {
    "units": ((r"same trajectory", lambda v: v < SAME), (r"(?P<v>.+) apart", lambda v: v >= SAME)),
    "sensitivity": (
        (r"same drop of L", lambda v: v < 0.0101),
        (r"drop of L: power (?P<v>[\d.]+)", lambda v: v >= 0.0099),
    ),
    "optimum": ((r"steps as planned", lambda v: v < SAME), (r"(?P<v>.+) more steps", lambda v: v >= SAME)),
    "composition": (
        (r"lands as planned", lambda v: v < SAME / 10),
        (r"misses by (?P<v>.+) of the plan, order (?P<order>\S+)", lambda v: v > 1e-9),
    ),
    "dependence": (
        (r"explodes: (?P<v>\S+) × median(, needs P⁻¹)?", lambda v: v > 50),
        (r"at most (?P<v>\S+) × median(, needs P⁻¹)?", lambda v: v <= 50),
    ),
}
CELLS["scale"] = CELLS["units"]
ROWS = ("other units", "sensitivity", "optimum", "composition", "other scales", "dependence")


def table_slips(tables, result):
    (table,) = tables
    if table.columns != ("gradient descent", "Newton", "inverse gradient", "inverse simulator"):
        yield f"columns {table.columns}"
    for (name, cells), property_, row in zip(table.rows, PROPERTIES, ROWS, strict=True):
        if name != row:
            yield f"{row} is called {name}"
        for cell, method in zip(cells, METHODS, strict=True):
            found, matches = value(result, method, property_), []
            for pattern, holds in CELLS[property_]:
                if match := re.fullmatch(pattern, cell.text):
                    parts = match.groupdict()
                    right = holds(found) and ("v" not in parts or said(parts["v"], found))
                    if "order" in parts:
                        right &= said(parts["order"], float(result["orders"][method]))
                    matches.append(right)
            if matches != [True]:
                yield f"{method}, {property_} = {found}: {cell.text}"
            if "P⁻¹" in cell.text and method != "inverse_simulator":
                yield f"{method} needs no inverse of P"
