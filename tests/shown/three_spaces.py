"""Three spaces: what its page says and draws."""

import numpy as np

from lessons.simulators.three_spaces import MESH, mesh
from tests.shown.kit import Says, number, said

ALL = ("inverse_simulator", "inverse_gradient", "newton", "gradient_descent")
NAMES = {
    "the inverse simulator": "inverse_simulator",
    "the inverse gradient": "inverse_gradient",
    "Newton": "newton",
    "gradient descent": "gradient_descent",
}
C, S = np.cos(0.6), np.sin(0.6)
TURN = np.array([[C, -S], [S, C]])
SHEAR = np.array([[1.0, 0.6], [0.0, 1.2]])
PLACES = (
    {"problem": "squared", "start": (-0.6, 0.2**0.5)},
    {"problem": "squared", "start": (1.0, 0.0), "method": "newton", "step": 5},
    {"problem": "squared", "start": (1.0, 1.6), "method": "gradient_descent", "eta_gd": 0.5, "step": 12},
    {"problem": "squared", "start": (1.0, 1.6), "method": "gradient_descent", "eta_gd": 0.5, "step": 1},
    {"problem": "sheared", "start": (1.2, 1.4)},
    {"problem": "sine", "start": (-0.9, -0.7)},
    {"problem": "sine", "eta": 0.8},
)


def problem(result):
    return result["settings"]["problem"]


def method(result):
    return result["settings"]["method"]


def forward(name, x):
    x = np.asarray(x, float)
    u = np.where(np.abs(x) < 1e100, x, np.nan) @ TURN.T
    with np.errstate(all="ignore"):
        return {
            "squared": lambda: np.stack([x[..., 0], x[..., 1] ** 2], -1),
            "sine": lambda: np.stack([np.sin(u[..., 0]) / 0.7, 0.7 * u[..., 1]], -1),
            "sheared": lambda: np.stack([x[..., 0] + 0.6 * x[..., 1], 1.2 * x[..., 1]], -1),
        }[name]()


def target(result):
    return {
        "squared": np.array([-0.6, 0.2]),
        "sine": forward("sine", (-0.9, -0.7)),
        "sheared": np.array([-1.2, -0.8]),
    }[problem(result)]


def jacobian(name, x):
    return {
        "squared": np.diag([1.0, 2 * x[1]]),
        "sine": np.diag([np.cos((TURN @ x)[0]) / 0.7, 0.7]) @ TURN,
        "sheared": SHEAR,
    }[name]


def solution(result):
    """Of the x with P(x) = y* the one nearest to the start."""
    name, start = problem(result), np.asarray(result["settings"]["start"], float)
    if name == "sheared":
        return np.linalg.solve(SHEAR, target(result))
    if name == "squared":
        return np.array([-0.6, 0.2**0.5 if start[1] >= 0 else -(0.2**0.5)])
    u1, u2 = TURN @ (-0.9, -0.7)
    turns = 2 * np.pi * np.arange(-2, 3)
    x = np.array([[one, u2] for one in (*(u1 + turns), *(np.pi - u1 + turns))]) @ TURN
    return x[np.argmin(np.linalg.norm(x - start, axis=1))]


def path(result):
    return result["paths"][method(result)]


def here(result):
    return np.asarray(path(result).x[result["settings"]["step"]], float)


def solved(result, _match=None):
    return np.allclose(forward(problem(result), result["settings"]["start"]), target(result), atol=1e-6)


def stretches(result, match):
    large, small = np.linalg.svd(jacobian(problem(result), here(result)), compute_uv=False)
    pairs = ((match["large"], large), (match["small"], small))
    close = all(said(text, value) or np.isclose(number(text), value, rtol=0.06, atol=1e-6) for text, value in pairs)
    return close and large >= small


def gone(result, match):
    y = forward(problem(result), here(result))
    return match["name"].lower() == next(k for k, v in NAMES.items() if v == method(result)).lower() and not (
        np.all(np.abs(here(result)) < 999) and np.all(np.abs(y) < 999)
    )


def bend(result):
    """The largest distance from the line, each component over its own gap, over the line's length."""
    y, aim = np.asarray(path(result).y, float), np.asarray(result["target"], float)
    assert np.allclose(aim, target(result), atol=1e-6)
    gap = aim - y[0]
    units = np.where(np.abs(gap) > 1e-9 * np.linalg.norm(gap), np.abs(gap), np.linalg.norm(gap))
    line, offset = gap / units, (y - y[0]) / units
    with np.errstate(all="ignore"):
        return np.max(np.abs(offset[:, 0] * line[1] - offset[:, 1] * line[0]) / (line @ line))


def named(result, match):
    return NAMES[match["name"]] == method(result)


def first(result):
    """Where the first step of the inverse simulator ends: at y + η (y* − y)."""
    x = np.asarray(result["paths"]["inverse_simulator"].x[1], float)
    y0 = forward(problem(result), result["settings"]["start"])
    wanted = y0 + result["settings"]["eta"] * (target(result) - y0)
    assert np.allclose(forward(problem(result), x), wanted, atol=1e-4)
    return x


def straight(result):
    start = np.asarray(result["settings"]["start"], float)
    return start + result["settings"]["eta"] * (solution(result) - start)


def beside(result):
    return np.linalg.norm(first(result) - straight(result))


SAYS = (
    Says(r"The start is a solution, so there is no step to take\.", solved),
    Says(r"Move the start\.", solved),
    Says(r"(?P<name>.+) has left all three pictures\.", gone),
    Says(
        r"At the square P stretches lengths by (?P<large>\S+) in one direction and by (?P<small>\S+) in the other\.",
        stretches,
    ),
    Says(
        r"Later this path leaves the pictures\.",
        lambda r, m: not np.all(np.abs(path(r).x[-1]) < 1e3) and np.all(np.abs(here(r)) < 1e3),
    ),
    Says(
        r"The path of (?P<name>.+) is straight in y\.",
        lambda r, m: named(r, m) and bend(r) < 1.01e-4,
    ),
    Says(
        r"In y the path of (?P<name>.+) deviates from the straight line by up to (?P<share>.+) of its length\.",
        lambda r, m: named(r, m) and said(m["share"], bend(r)) and bend(r) > 0.99e-4,
    ),
    # After the prediction
    Says(
        r"In x it is nearly the same share of the straight line to the solution: here P hardly bends that line\.",
        lambda r, m: beside(r) < 0.031,
    ),
    Says(
        r"It is (?P<away>\S+) away from the same share of the straight line to the solution in x: a line that is "
        r"straight in y is bent in x\.",
        lambda r, m: said(m["away"], beside(r)) and problem(r) != "sheared",
    ),
    Says(r"Count the cells of the bent grid\.", lambda r, m: problem(r) != "sheared"),
    Says(
        r"That is the share η of the straight line in x, but the step is planned on the straight line in y\.",
        lambda r, m: beside(r) > 0,
    ),
    Says(
        r"Find the point of the dashed line first, then the grid cell in x that P carries there\.",
        lambda r, m: np.all(np.isfinite(first(r))),
    ),
    Says(
        r"The first step is shorter than a guess is exact, so there is nothing to guess\.",
        lambda r, m: np.linalg.norm(first(r) - np.asarray(r["settings"]["start"])) < 0.121,
    ),
)  # fmt: skip


def drawn(points):
    """What has left is not drawn."""
    points = np.asarray(points, float)
    return np.where(np.abs(points) < 1e3, points, np.nan)


def effects(result):
    """P of the path; far away the sine of a float32 is noise."""
    near = np.all(np.abs(path(result).x) < 30, axis=1, keepdims=True)
    return drawn(np.where(near, forward(problem(result), path(result).x), path(result).y))


def losses(result):
    own = np.sum((forward(problem(result), path(result).x) - target(result)) ** 2, -1)
    given = np.asarray(path(result).loss, float)
    return np.where(np.isclose(own, given, rtol=1e-3, atol=1e-6) | ~(own < 1e5), given, own)


def square(result):
    """0.16 around each point of the path: five points on each side, from the lower left, anticlockwise."""
    t = np.arange(6) / 3 - 1
    one = np.ones(6)
    outline = np.concatenate([np.stack(side, -1) for side in ((t, -one), (one, t), (-t, one), (-one, -t))])
    outline = np.concatenate([outline, outline[:1]])
    return np.asarray(path(result).x, float)[:, None] + 0.16 * outline


def grid(result, image):
    """The lines x₁ = const and x₂ = const of the square, in the order in which they are drawn."""
    lines = mesh()
    assert {tuple(np.round(p, 9)) for p in lines[np.isfinite(lines[:, 0])]} >= {
        (round(a, 9), round(b, 9)) for a in MESH for b in MESH
    }
    return forward(problem(result), lines).T if image else lines.T


DRAWN = {f"{name}/x": lambda r: drawn(path(r).x).T for name in ALL}
DRAWN |= {f"{name}/y": lambda r: effects(r).T for name in ALL}
DRAWN |= {f"{name}/loss": lambda r: (np.arange(13), losses(r)) for name in ALL}
DRAWN |= {
    "grid/x": lambda r: grid(r, False),
    "grid/y": lambda r: grid(r, True),
    "cell/x": lambda r: np.moveaxis(drawn(square(r)), -1, 0),
    "cell/y": lambda r: np.moveaxis(cells(r), -1, 0),
    "straight": lambda r: np.stack([forward(problem(r), r["settings"]["start"]), target(r)]).T,
}


def cells(result):
    own, given = forward(problem(result), square(result)), np.asarray(result["cells"][method(result)], float)[:, 1]
    near = np.all(np.abs(path(result).x) < 30, axis=1)[:, None, None]
    return drawn(np.where(near, own, given))


MARKS = {
    "solution": solution,
    "target": target,
    "from": lambda r: forward(problem(r), r["settings"]["start"]),
}
LABELS = {"solution": "solution", "target": "y*", "from": "y of the start"}
AXES = {"x": ("x₁", "x₂"), "y": ("y₁", "y₂"), "loss": ("iteration", "L")}
LANDMARKS = {"eta/full step": lambda value, r: value == 1}
FIELDS = {
    "loss-x": lambda x, y, r: np.sum((forward(problem(r), [x, y]) - target(r)) ** 2),
    "loss-y": lambda x, y, r: np.sum(([x, y] - target(r)) ** 2),
}
