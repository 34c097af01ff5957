"""Units: what its page says and draws."""

import re

import numpy as np

from lessons.descent.units import UNITS, _around, _arrows
from tests.shown.four_ways import forward, hessian, jacobian, nearest, target
from tests.shown.kit import Says, point_said, said

ALL = ("gradient_descent", "newton", "inverse_gradient", "inverse_simulator")
NAMES = {
    "Newton": "newton",
    "the inverse gradient": "inverse_gradient",
    "the inverse simulator": "inverse_simulator",
}
PLACES = (
    {"unit": 1.0},
    {"unit": 10.0},
    {"unit": 0.01},
    {"problem": "squared", "start": (3.0, 0.0), "unit": 0.1},
    {"problem": "squared", "start": (1.0, 3.9), "eta": 0.2, "unit": 1e-3},
    {"problem": "sheared", "eta": 0.12, "unit": 0.01},
    {"problem": "sheared", "eta": 0.3, "unit": 0.1},
    {"problem": "sheared", "eta": 0.08, "unit": 1.2, "step": 20},
    {"problem": "sine", "unit": 0.5, "step": 0},
    {"problem": "sine", "unit": 1e-3, "eta": 0.08, "step": 40},
    {"unit": 1.0, "degree": 1e-3},
    {"unit": 0.1, "degree": 0.1, "eta": 0.3},
    {"problem": "squared", "unit": 10.0, "degree": 5 / 9, "eta": 0.01},
    {"problem": "sheared", "unit": 1.0, "degree": 10.0},
)


def unit(result):
    return result["settings"]["unit"]


def units(result):
    """Metres in 1 of x₁, kelvin in 1 of x₂."""
    return np.array([unit(result), result["settings"]["degree"]])


def here(result):
    """Gradient descent's point with the chosen unit."""
    return np.asarray(result["paths"]["gradient_descent"].x[result["settings"]["step"]], float)


def there(result):
    """And with metres."""
    return np.asarray(result["metres"].x[result["settings"]["step"]], float)


def far(x):
    return not np.all(np.abs(x) < 1e3)


def descends(result, where, sizes):
    """Does a path follow gradient descent in these units, for its first steps, by hand?"""
    x, eta = np.asarray(result["settings"]["start"], float), result["settings"]["eta"]
    for k in range(4):
        if not np.allclose(where.x[k], x, rtol=1e-3, atol=1e-3):
            return False
        slope = 2 * jacobian(result, x).T @ (forward(result["settings"]["problem"], x) - target(result))
        x = x - eta * np.asarray(sizes) ** 2 * slope
        if far(x):
            return True
    return True


def descent(result, match):
    groups = match.groupdict()
    right = descends(result, result["paths"]["gradient_descent"], units(result)) and descends(
        result, result["metres"], (1, 1)
    )
    right &= point_said(groups["here"], here(result)) if groups.get("here") else far(here(result))
    if groups.get("there"):
        return right and point_said(groups["there"], there(result))
    return right and (
        np.linalg.norm(here(result) - there(result)) < 1.1e-3 if groups.get("here") else far(there(result))
    )


def diverges_with_metres(result, match):
    return point_said(match["here"], here(result)) and far(there(result)) and not far(here(result))


def same_paths(result, _match):
    """The others' paths follow their rules in metres for the first step, whatever the unit."""
    problem, start = result["settings"]["problem"], np.asarray(result["settings"]["start"], float)
    gap = target(result) - forward(problem, start)
    J = jacobian(result, start)
    wanted = {
        "newton": 0.3 * np.linalg.solve(hessian(result, start), 2 * J.T @ gap),
        "inverse_gradient": 0.3 * np.linalg.solve(J, gap),
    }
    close = all(np.allclose(result["paths"][n].x[1] - start, step, rtol=2e-3, atol=1e-3) for n, step in wanted.items())
    return close and max(result["stray"][name] for name in NAMES.values()) < 1.1e-3


def singular(result, match):
    told = {NAMES[name] for name in match["names"].split(" or ")}
    matrices = {"newton": hessian, "inverse_gradient": jacobian, "inverse_simulator": jacobian}
    for name in NAMES.values():
        finite = np.all(np.isfinite(result["paths"][name].x), axis=1)
        if finite.all() == (name in told):
            return False
        if (
            name in told
            and np.linalg.cond(matrices[name](result, result["paths"][name].x[np.argmin(finite) - 1])) < 1e4
        ):
            return False
    return True


def product(result, match):
    """The numbers of the formula: J in the chosen unit, transposed, times 2 (y − y*)."""
    x = here(result)
    scale = np.diag(units(result))
    left = scale @ jacobian(result, x).T
    right = 2 * (forward(result["settings"]["problem"], x) - target(result))
    body = match["product"].replace(r"\cdot 10^{", "e").replace("}", " ")
    told = [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", body)]
    wanted = [*left.ravel(), *right, *(left @ right)]
    return len(told) == 8 and np.allclose(told, wanted, rtol=0.06, atol=1e-3 * max(1.0, np.abs(wanted).max()))


def squared(result, match):
    """The first steps in the chosen units over those in metres and kelvin."""
    told = match.groupdict()
    sizes = {"u": units(result)[0], "v": units(result)[1]}
    names = [told["letter"]] if told.get("letter") else ["u", "v"]
    right = (
        all(said(told[name], sizes[name] ** 2) for name in names)
        if len(names) == 2
        else said(told["square"], sizes[names[0]] ** 2)
    )
    others = [value for name, value in sizes.items() if name not in names]
    return (
        right
        and all(value == 1 for value in others)
        and descends(result, result["paths"]["gradient_descent"], units(result))
    )


def own_unit(result, match):
    """x₁ goes with u, x₂ with v, and the other unit is the old one."""
    return (
        dict(zip("uv", "₁₂", strict=True))[match["letter"]] == match["index"]
        and units(result)[1 - "uv".index(match["letter"])] == 1
    )


WITH = r"In these units gradient descent "
SAYS = (
    Says(
        r"Gradient descent diverges, in these units as in metres and kelvin\.",
        lambda r, m: far(here(r)) and far(there(r)),
    ),
    Says(WITH + r"diverges; in metres and kelvin it is at (?P<there>\(.+\))\.", descent),
    Says(WITH + r"is at (?P<here>\([^)]+\)); in metres and kelvin it diverges\.", diverges_with_metres),
    Says(WITH + r"is at (?P<here>\([^)]+\)), as in metres and kelvin\.", descent),
    Says(WITH + r"is at (?P<here>\([^)]+\)), in metres and kelvin at (?P<there>\([^)]+\))\.", descent),
    Says(r"The other three methods take the same path in all these units\.", same_paths),
    Says(r"No step of (?P<names>.+) exists where its matrix is singular\.", singular),
    Says(r"\$J\^T \(\\partial L/\\partial y\)\^T = (?P<product>.+) = \(\\partial L/\\partial x\)\^T\$", product),
    # After the prediction
    Says(
        r"At this iteration gradient descent is outside the panel, so there is no place to point at\.",
        lambda r, m: not np.all(np.abs(here(r)) <= 3.999),
    ),
    Says(
        r"With u = 1 and v = 1 nothing has changed\.",
        lambda r, m: np.all(units(r) == 1) and np.allclose(here(r), there(r), atol=1e-4),
    ),
    Says(r"Another unit enters twice\.", lambda r, m: np.all(units(r) == 1)),
    Says(
        r"The unit (?P<letter>[uv]) enters twice: in the derivative by x(?P<index>[₁₂]), and again when the step is "
        r"counted in it\.",
        own_unit,
    ),
    Says(
        r"So the first step along x(?P<index>[₁₂]) gets the factor (?P<letter>[uv])² = (?P<square>\S+)\.",
        lambda r, m: own_unit(r, m) and squared(r, m),
    ),
    Says(
        r"Each unit enters twice: in the derivative, and again when the step is counted in it\.",
        lambda r, m: np.all(units(r) != 1),
    ),
    Says(
        r"So the first step gets the factor u² = (?P<u>\S+) along x₁ and v² = (?P<v>\S+) along x₂\.", squared
    ),
    Says(
        r"That is where gradient descent is in metres and kelvin\.",
        lambda r, m: min(np.linalg.norm(there(r) - [x, y]) for x in (-1, 0.5) for y in (-0.5, 1)) < 0.51,
    ),
    Says(
        r"Along x₁ the steps are scaled by u², along x₂ by v²\.",
        lambda r, m: descends(r, r["paths"]["gradient_descent"], units(r)),
    ),
    Says(
        r"Along x₁ the steps shrink with u², so x₁ hardly moves and only x₂ is adapted to it\.",
        lambda r, m: units(r)[0] ** 2 < 0.1 and units(r)[1] == 1,
    ),
    Says(
        r"Along x₁ the steps are scaled by u²; along x₂ they follow the same rule as before\.",
        lambda r, m: units(r)[1] == 1 and descends(r, r["paths"]["gradient_descent"], units(r)),
    ),
)  # fmt: skip


def first(result, name):
    """|Δx₁| of the first step over the units: η u² |∂L/∂x₁|, or the same in every unit."""
    start, given = result["settings"]["start"], np.asarray(result["first"][name], float)
    if name == "gradient_descent":
        gap = forward(result["settings"]["problem"], start) - target(result)
        own = result["settings"]["eta"] * UNITS**2 * abs((2 * jacobian(result, start).T @ gap)[0])
    else:
        own = np.full(len(UNITS), abs(result["paths"][name].x[1, 0] - start[0]))
    close = np.isclose(own, given, rtol=1e-2, atol=1e-5) | ~np.isfinite(own)
    return np.maximum(np.where(close, given, own), 1e-9)


def mine(result):
    return result["settings"]["problem"]


def effects(result, path):
    """P of the path; far away the sine of a float32 is noise."""
    near = np.all(np.abs(path.x) < 30, axis=1, keepdims=True)
    return np.where(near, forward(mine(result), path.x), path.y)


def view(result):
    return _around(result["metres"].y, target(result))


def pulls(result):
    """From every y half of −∂L/∂y, which is y* − y."""
    y = np.asarray(result["paths"]["gradient_descent"].y, float)
    with np.errstate(all="ignore"):
        near = np.all(np.abs(y) < 30, axis=1, keepdims=True)  # farther away a float32 rounds too much
        given = -np.asarray(result["factors"]["loss"], float) / 2
        return _arrows(np.where(np.abs(y) < 1e3, y, np.nan), np.where(near, target(result) - y, given), view(result))


DRAWN = {f"{name}/x": lambda r, name=name: r["paths"][name].x.T for name in ALL}
DRAWN |= {f"{name}/y": lambda r, name=name: effects(r, r["paths"][name]).T for name in ALL}
DRAWN |= {f"{name}/first": lambda r, name=name: (UNITS, first(r, name)) for name in ALL}
DRAWN |= {
    f"{name}/first/now": lambda r, name=name: (
        [unit(r)],
        [np.maximum(abs(r["paths"][name].x[1, 0] - r["paths"][name].x[0, 0]), 1e-9)],
    )
    for name in ALL
}
DRAWN |= {"metres": lambda r: r["metres"].x.T, "down": pulls}


MARKS = {
    "minimum": nearest,
    "target": target,
    "square": lambda r: (UNITS[22], first(r, "gradient_descent")[22] / 40),
    "level": lambda r: (UNITS[12], first(r, "inverse_simulator")[22] * 3),
}
LABELS = {"minimum": "solution", "target": "y*", "square": "grows like u²", "level": "the same in every unit"}
AXES = {"x": ("x₁ in m", "x₂ in K"), "y": ("y₁", "y₂"), "first": ("unit of x₁", "|Δx₁| in m")}


def limit(result):
    """2 over the largest eigenvalue of the Hessian with x₁ in its unit."""
    scale = np.diag(units(result))
    return 2 / np.linalg.eigvalsh(scale @ hessian(result, result["settings"]["start"]) @ scale)[-1]


LANDMARKS = {
    "unit/mm": lambda value, r: value == 1e-3,
    "unit/cm": lambda value, r: value == 1e-2,
    "unit/dm": lambda value, r: value == 0.1,
    "unit/m": lambda value, r: value == 1.0,
    "degree/mK": lambda value, r: value == 1e-3,
    "degree/°F": lambda value, r: np.isclose(value * 9, 5),
    "degree/K": lambda value, r: value == 1.0,
    "eta/limit": lambda value, r: np.isclose(value, limit(r), rtol=1e-3),
}
FIELDS = {"loss-field": lambda x, y, r: np.sum((forward(mine(r), [x, y]) - target(r)) ** 2)}
