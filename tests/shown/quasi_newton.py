"""Quasi-Newton: what its page says and draws."""

import numpy as np

from lessons.newton.quasi_newton import CAPACITY, POINTS, STEPS
from tests.shown.kit import Says, precision, said

PLACES = (
    {},
    {"start": (1.0, 1.0)},
    {"alpha": 1.0, "step": 2},
    {"alpha": 1.0, "step": 9},
    {"alpha": 5.0, "step": 1},
    {"problem": "banana", "alpha": 2.0, "step": 0},
    {"problem": "banana", "alpha": 2.0, "step": 1, "start": (-1.0, 2.0)},
    {"problem": "rough", "step": 16, "alpha": 2.0},
)
SHOWN = ("bfgs", "lbfgs", "gradient_descent")
ROUNDING = 1e-6 if precision() == "float64" else 3e-2


def bowl(result):
    return result["settings"]["problem"] != "banana"


def alpha(result):
    return result["settings"]["alpha"]


def step(result):
    return result["settings"]["step"]


def matrix(result):
    """The bowl's Hessian: 2 and 2 α² along directions that are turned by 30°."""
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turn = np.array([[c, -s], [s, c]])
    return 2 * turn.T @ np.diag([1.0, alpha(result) ** 2]) @ turn


def hessian(result, x):
    if bowl(result):
        return matrix(result)
    a = 2 * alpha(result) ** 2
    return np.array([[2 + a * (6 * x[0] ** 2 - 2 * x[1]), -2 * a * x[0]], [-2 * a * x[0], a]])


def gradient(result, x):
    if bowl(result):
        return matrix(result) @ (x - 1)
    a = 2 * alpha(result) ** 2 * (x[1] - x[0] ** 2)
    return np.array([-2 * (1 - x[0]) - 2 * a * x[0], a])


def loss(x, y, result):
    off = np.array([x - 1, y - 1])
    return off @ matrix(result) @ off / 2 if bowl(result) else (1 - x) ** 2 + alpha(result) ** 2 * (y - x**2) ** 2


def points(result, name="bfgs"):
    return np.asarray(result["paths"][name].x, float)


def off(result, at):
    """How far B is from the inverse Hessian after so many iterations, as a share of it."""
    true = np.linalg.inv(hessian(result, points(result)[at]))
    return np.linalg.norm(result["believed"][at] - true) / np.linalg.norm(true)


def known(result):
    """The iteration at which B is first within 1 %, with what rounding may change: (at the latest, at the earliest)."""
    late, early = (
        next((k for k in range(STEPS + 1) if off(result, k) <= 0.01 * factor), np.inf)
        for factor in (1 - ROUNDING, 1 + ROUNDING)
    )
    return late, early


def percent(result, match):
    value = 100 * off(result, step(result))
    slack = 1e-4 if precision() == "float64" else 0.05
    near = value < (1e-6 if precision() == "float64" else 0.3)  # rounding itself
    told = any(said(match["off"], value * (1 + share)) for share in (0, slack, -slack))
    return int(match["step"]) == step(result) and (told or near)


def smallest(result):
    return np.linalg.eigvalsh(hessian(result, points(result)[step(result)]))[0]


def at_minimum(result, _match=None):
    return np.allclose(result["settings"]["start"], 1.0, atol=1e-9)


def losses(result):
    return [float(result["paths"][name].loss[step(result)]) for name in ("bfgs", "gradient_descent")]


def stopped(result, _match):
    """From the step on screen on BFGS does not move, and B is not near and stays as it is."""
    x, b, k = points(result), result["believed"], step(result)
    return np.all(x[k:] == x[k]) and np.all(b[k:] == b[k]) and known(result)[0] > k


def steps_taken(result):
    """The steps and the changes of the gradient that are not rounding."""
    x = points(result)
    slopes = np.array([gradient(result, one) for one in x])
    return [
        (k, x[k + 1] - x[k], slopes[k + 1] - slopes[k])
        for k in range(STEPS)
        if np.linalg.norm(slopes[k]) > 1e-3 * max(1.0, np.linalg.norm(slopes[0]))
    ]


def secant(result, _match):
    """B q = s after each step with positive curvature."""
    tolerance = 1e-5 if precision() == "float64" else 2e-1
    return all(
        np.linalg.norm(result["believed"][k + 1] @ q - s) < tolerance * np.linalg.norm(s)
        for k, s, q in steps_taken(result)
        if s @ q > 1e-3 * np.linalg.norm(s) * np.linalg.norm(q)
    )


def conjugate(result, _match):
    """The first two steps are conjugate, s H s = 0, and reach the minimum."""
    x = points(result)
    first, second = x[1] - x[0], x[2] - x[1]
    h = matrix(result)
    scale = np.sqrt((first @ h @ first) * (second @ h @ second))
    near = result["paths"]["bfgs"].loss[2] < 1e-6 * result["paths"]["bfgs"].loss[0]
    return near and abs(first @ h @ second) < (1e-4 if precision() == "float64" else 0.1) * scale + 1e-9


def one_direction(result, _match=None):
    """The first step has reached the minimum, as good as."""
    loss = result["paths"]["bfgs"].loss
    return bowl(result) and loss[1] <= (1e-9 if precision() == "float64" else 1e-5) * loss[0]


SAYS = (
    Says(r"The start is the minimum, so no method moves\.", at_minimum),
    Says(r"Move the start\.", at_minimum),
    Says(
        r"BFGS begins with B = I, whose ellipse is a circle\.",
        lambda r, m: np.allclose(r["believed"][0], np.eye(2)) and step(r) == 0,
    ),
    Says(r"Take a step\.", lambda r, m: step(r) == 0),
    Says(r"After (?P<step>\d+) iterations? BFGS’s matrix B is off by (?P<off>\S+) %\.", percent),
    Says(
        r"After (?P<step>\d+) iterations? H is not positive definite at BFGS’s point, so it has no ellipse; B has "
        r"one\.",
        lambda r, m: (
            int(m["step"]) == step(r) and smallest(r) <= 1e-6 and np.linalg.eigvalsh(r["believed"][step(r)])[0] > 0
        ),
    ),
    Says(
        r"It first came within one per cent of the inverse Hessian at iteration (?P<known>\d+)\.",
        lambda r, m: known(r)[1] <= int(m["known"]) <= known(r)[0] and int(m["known"]) <= step(r),
    ),
    Says(r"BFGS has converged, so B will not come within one per cent of the inverse Hessian any more\.", stopped),
    Says(r"B has not been within one per cent of the inverse Hessian yet\.", lambda r, m: known(r)[0] > step(r)),
    Says(
        r"Its loss equals gradient descent’s\.",
        lambda r, m: abs(losses(r)[0] - losses(r)[1]) <= 1.01e-3 * max(losses(r)),
    ),
    Says(r"Its loss is lower than gradient descent’s\.", lambda r, m: losses(r)[0] < losses(r)[1]),
    Says(r"Its loss is higher than gradient descent’s\.", lambda r, m: losses(r)[0] > losses(r)[1]),
    # After the prediction
    Says(r"BFGS corrects B so that B q = s holds for its latest step\.", secant),
    Says(
        r"On a quadratic with exact searches, each iteration settles one more direction, and there are two\.", conjugate
    ),
    Says(r"BFGS learns only directions along which it has moved, and here it moved along one\.", one_direction),
    Says(r"The first search has already reached the minimum, so no second direction is tried\.", one_direction),
    Says(
        r"The promise of one iteration for each unknown holds for a quadratic loss and an exact line search\.",
        lambda r, m: r["settings"]["problem"] != "bowl" and known(r)[0] > 2,
    ),
    Says(
        r"Every step adds one equation B q = s, and two of them determine a symmetric 2 × 2 matrix\.",
        lambda r, m: known(r)[1] <= 2,
    ),
)


def by_step(values):
    return np.arange(STEPS + 1), values


def ellipses(matrices, centres):
    """The image of a unit circle under the square root of each matrix; gaps where there is none."""
    turn = np.linspace(0, 2 * np.pi, POINTS)
    circle, rows = np.stack([np.cos(turn), np.sin(turn)]), []
    for one, centre in zip(matrices, centres, strict=True):
        values, vectors = np.linalg.eigh(one)
        root = vectors @ np.diag(np.sqrt(values)) @ vectors.T if values[0] > 0 else np.full((2, 2), np.nan)
        rows.append((root @ circle).T + centre)
    return np.moveaxis(np.array(rows), -1, 0)


def true(result):
    return ellipses([np.linalg.inv(hessian(result, x)) for x in points(result)], points(result))


DRAWN = {f"{name}/x": lambda r, name=name: points(r, name).T for name in SHOWN}
DRAWN |= {f"{name}/loss": lambda r, name=name: by_step(r["paths"][name].loss) for name in SHOWN}
DRAWN |= {
    "lbfgs/off": lambda r: by_step(np.maximum(r["off"]["lbfgs"], 1e-4)),
    "bfgs/off": lambda r: by_step(np.maximum([off(r, k) for k in range(STEPS + 1)], 1e-4)),
    "close": lambda r: ([0, STEPS], [0.01, 0.01]),
    "believed": lambda r: ellipses(r["believed"], points(r)),
    "true": true,
}
if precision() != "float64":  # small differences of large numbers there
    DRAWN |= {"bfgs/off": lambda r: by_step(np.maximum(r["off"]["bfgs"], 1e-4))}
    DRAWN |= {name: lambda r, name=name: np.moveaxis(r["ellipse"][name], -1, 0) for name in ("believed", "true")}
MARKS = {"minimum": lambda r: (1.0, 1.0)}
LABELS = {"minimum": "minimum"}
AXES = {"x": ("x₁", "x₂"), "off": ("step", ""), "loss": ("step", "")}
FIELDS = {"loss-field": loss}
LANDMARKS = {
    "alpha/α = 1": lambda value, r: value == 1,
    "memory/one for each unknown": lambda value, r: value == len(r["settings"]["start"]) <= CAPACITY,
}
