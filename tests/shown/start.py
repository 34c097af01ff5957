"""Start: what its page says and draws."""

from functools import lru_cache
from math import cos, isclose, pi, sin

import numpy as np

from tests.shown.kit import Says, said

METHODS = ("gradient_descent", "inverse_simulator")
C, S = cos(0.6), sin(0.6)
TURN = np.array([[C, -S], [S, C]])
CAUSE = (-0.7, -0.5)
PLACES = (
    {"start": CAUSE},
    {"start": (-0.69, -0.5)},
    {"xi": 1.0},
    {"xi": 6.0, "start": (0.85, 0.75)},
    {"xi": 1.0, "start": (-0.7, -0.3)},
    {"xi": 1.4, "start": (-1.6, 1.6)},
)


def forward(xi, x):
    u = np.asarray(x, float) @ TURN.T
    return np.stack([np.sin(u[..., 0]) / xi, xi * u[..., 1]], -1)


def target(result):
    return forward(result["settings"]["xi"], CAUSE)


def causes():
    """All x with P(x) = y* near the panel; they do not depend on ξ."""
    u1, u2 = TURN @ CAUSE
    turns = 2 * pi * np.arange(-2, 3)
    return np.array([[one, u2] for one in (*(u1 + turns), *(pi - u1 + turns))]) @ TURN


def nearest(result):
    x = causes()
    return x[np.argmin(np.linalg.norm(x - np.asarray(result["settings"]["start"]), axis=1))]


@lru_cache(maxsize=1000)
def descent(xi, start):
    """Gradient descent on |P(x) − y*|² at half the stable limit of the cause, by hand: its points."""
    goal = forward(xi, CAUSE)
    u = TURN @ CAUSE
    # The Hessian at the cause, over u, is 2 diag(cos² u₁ / ξ², ξ²).
    eta = 0.5 * 2 / (2 * max((cos(u[0]) / xi) ** 2, xi**2))
    a, b = (float(value) for value in TURN @ np.asarray(start))
    points = [(a, b)]
    for _ in range(4000):
        ga, gb = 2 * (sin(a) / xi - goal[0]) * cos(a) / xi, 2 * (xi * b - goal[1]) * xi
        a, b = a - eta * ga, b - eta * gb
        points.append((a, b))
    return np.array(points) @ TURN


def own_count(result, name):
    x = descent(result["settings"]["xi"], result["settings"]["start"])
    x = x if name == "gradient_descent" else np.asarray(result["paths"][name].x, float)
    found = np.linalg.norm(x - nearest(result), axis=1) <= 0.02
    return int(np.argmax(found)) if found.any() else np.inf


def counted(result, name, text):
    """The number of iterations, which rounding may move by one in a hundred."""
    own, told = own_count(result, name), float(text.replace(",", ""))
    return abs(own - told) <= max(1, 0.01 * own)


def descends(result, match):
    gd, inverse = (float(result["counts"][name]) for name in METHODS)
    if not counted(result, "gradient_descent", match["gd"]):
        return False
    if match["times"]:
        return said(match["times"], gd / inverse) and gd > inverse
    return gd < inverse if match["fewer"] else inverse <= gd < 1.11 * inverse


def close(result, _match):
    return np.linalg.norm(np.asarray(result["settings"]["start"]) - nearest(result)) < 0.0201


def rate(result):
    """What one iteration of gradient descent covers of the distance in the insensitive direction, near the cause."""
    u, xi = TURN @ CAUSE, result["settings"]["xi"]
    eta = 0.5 * 2 / (2 * xi**2)
    return 2 * eta * (cos(u[0]) / xi) ** 2


SAYS = (
    Says(r"The start is already within 0\.02 of the nearest cause\.", close),
    Says(r"Move the start\.", close),
    Says(
        r"The inverse simulator finds the nearest cause after (?P<count>\d+) iterations?\.",
        lambda r, m: counted(r, "inverse_simulator", m["count"]),
    ),
    Says(
        r"Gradient descent needs (?P<gd>[\d,]+), (?:(?P<times>\S+) times as many|(?P<fewer>which is fewer)|about as "
        r"many)\.",
        descends,
    ),
    Says(
        r"Gradient descent has not found it after 4,000 iterations\.",
        lambda r, m: own_count(r, "gradient_descent") > 3960,
    ),
    # After the prediction
    Says(r"The start is already within 0\.02 of the nearest cause, so there is nothing to count\.", close),
    Says(
        r"Near the cause an iteration of gradient descent covers about 1/ξ⁴ = (?P<share>.+) of the distance in the "
        r"insensitive direction\.",
        lambda r, m: said(m["share"], r["settings"]["xi"] ** -4)
        and isclose(rate(r), r["settings"]["xi"] ** -4, rel_tol=0.1),
    ),
    Says(
        r"One of the inverse simulator covers 30 % of the gap in y, at any ξ\.",
        lambda r, m: np.allclose(
            r["paths"]["inverse_simulator"].y[1],
            0.7 * forward(r["settings"]["xi"], r["settings"]["start"]) + 0.3 * target(r),
            atol=1e-4,
        ),
    ),
    Says(r"The step size has to suit the sensitive direction\.", lambda r, m: r["settings"]["xi"] > 1),
    Says(r"In the other one it covers little\.", lambda r, m: rate(r) < 0.3),
    Says(
        r"The sensitivities differ by ξ², but a gradient step feels their square, which is ξ⁴\.",
        lambda r, m: isclose(rate(r), r["settings"]["xi"] ** -4, rel_tol=0.1),
    ),
    Says(
        r"That takes sensitivities that differ more: an iteration covers about 1/ξ⁴ of the distance\.",
        lambda r, m: float(r["counts"]["gradient_descent"]) <= 30 * float(r["counts"]["inverse_simulator"]),
    ),
)  # fmt: skip


def losses(result, name):
    """|P(x) − y*|² along a path; from a start at the cause it is a difference of roundings."""
    own = np.sum((forward(result["settings"]["xi"], result["paths"][name].x) - target(result)) ** 2, -1)
    return own if own.max() > 1e-12 else result["paths"][name].loss


DRAWN = {
    "gradient_descent/x": lambda r: descent(r["settings"]["xi"], r["settings"]["start"])[:61].T,
    "inverse_simulator/x": lambda r: r["paths"]["inverse_simulator"].x.T,
}
DRAWN |= {f"{name}/y": lambda r, name=name: forward(r["settings"]["xi"], r["paths"][name].x).T for name in METHODS}
DRAWN |= {
    f"{name}/loss": lambda r, name=name: (
        np.arange(61),
        losses(r, name),
    )
    for name in METHODS
}
MARKS = {"nearest": nearest, "target": target}
LABELS = {"nearest": "nearest cause", "target": "y*"}
AXES = {"x": ("x₁", "x₂"), "y": ("y₁", "y₂"), "loss": ("iteration", "L")}
LANDMARKS = {"xi/even: ξ = 1": lambda value, r: value == 1}
FIELDS = {"loss-field": lambda x, y, r: np.sum((forward(r["settings"]["xi"], [x, y]) - target(r)) ** 2)}
