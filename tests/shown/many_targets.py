"""Many targets: what its page says and draws."""

import numpy as np

from lessons.simulators.many_targets import ETAS
from tests.shown.kit import Says, point_said, said

RULES = ("average", "invert")
C, S = np.cos(0.6), np.sin(0.6)
TURN = np.array([[C, -S], [S, C]])
SHEAR = np.array([[1.0, 0.5], [0.0, 1.2]])
PLACES = (
    {},
    {"problem": "sheared"},
    {"one": (-1.2, -1.6), "two": (0.2, -0.9), "three": (1.6, 0.3)},
    {"one": (0.5, 0.5), "two": (0.5, 0.5), "three": (0.5, 0.5)},
    {"problem": "sine", "one": (1.4, 0.1), "two": (0.9, 1.3), "three": (2.2, -0.6)},
)


def problem(result):
    return result["settings"]["problem"]


def targets(result):
    return np.array([result["settings"][name] for name in ("one", "two", "three")], float)


def mean(result):
    return targets(result).mean(axis=0)


def forward(name, x):
    x = np.asarray(x, float)
    u = x @ TURN.T
    return {
        "squared": lambda: np.stack([x[..., 0], x[..., 1] ** 2], -1),
        "sine": lambda: np.stack([np.sin(u[..., 0]), u[..., 1]], -1),
        "sheared": lambda: x @ SHEAR.T,
    }[name]()


def reachable(name, y):
    """The nearest effect that exists."""
    y = np.array(y, float)
    if name == "squared":
        y[..., 1] = np.maximum(y[..., 1], 0)
    if name == "sine":
        y[..., 0] = np.clip(y[..., 0], -1, 1)
    return y


def inverse(name, y, x):
    """The x nearest to the guess whose effect is nearest to y."""
    y, x = reachable(name, y), np.asarray(x, float)
    if name == "sheared":
        return np.linalg.solve(SHEAR, y)
    if name == "squared":
        return np.array([y[0], np.sqrt(y[1]) * (-1 if x[1] < 0 else 1)])
    u1, turns = np.arcsin(y[0]), 2 * np.pi * np.arange(-4, 5)
    near = (TURN @ x)[0]
    branches = np.concatenate([u1 + turns, np.pi - u1 + turns])
    return np.array([branches[np.argmin(np.abs(branches - near))], y[1]]) @ TURN


def best(result):
    """The effect of least distortion: the one that exists nearest to the mean."""
    return reachable(problem(result), mean(result))


def follows(result, name):
    """Does the result's path take the steps of its rule, the first four of them, by hand?"""
    x, eta = np.asarray(result["settings"]["start"], float), result["settings"]["eta"]
    for k in range(4):
        if not np.allclose(result["paths"][name].x[k], x, rtol=1e-3, atol=2e-3):
            return False
        y = forward(problem(result), x)
        aims = [mean(result)] if name == "average" else targets(result)
        x = np.mean([inverse(problem(result), y + eta * (aim - y), x) for aim in aims], axis=0)
    return True


def away(result, name):
    """From the compromise at the end; the first steps tell whether the path is this method's."""
    assert follows(result, name), name
    return np.linalg.norm(np.asarray(result["rest"][name], float) - best(result))


def ended(result, match):
    right = said(match["eta"], result["settings"]["eta"])
    for name in RULES:
        told = match[name]
        right = right and (
            away(result, name) < 1.1e-3 if told == "at the compromise" else close(told, away(result, name))
        )
    return right


def close(told, distance):
    return distance > 0.9e-3 and np.isclose(float(told.removesuffix(" away from it")), distance, rtol=0.06, atol=1e-4)


def ahead(result):
    return away(result, "invert") - away(result, "average")


SAYS = (
    Says(
        r"The mean of the targets, (?P<mean>\(.+\)), can be reached, so it is the compromise\.",
        lambda r, m: point_said(m["mean"], np.asarray(r["mean"])) and np.allclose(best(r), mean(r), atol=1.1e-3),
    ),
    Says(
        r"No x leads to the mean of the targets; the compromise is (?P<away>\S+) away from it\.",
        lambda r, m: close(m["away"], np.linalg.norm(best(r) - mean(r))),
    ),
    Says(
        r"At η = (?P<eta>\S+) averaging first ends (?P<average>at the compromise|\S+ away from it), "
        r"inverting first ends (?P<invert>at the compromise|\S+ away from it)\.",
        ended,
    ),
    # After the prediction
    Says(
        r"P is linear, so the average of the inverses is the inverse of the average\.",
        lambda r, m: problem(r) == "sheared" and abs(ahead(r)) < 1.1e-3,
    ),
    Says(
        r"Here both paths end at effects that differ by less than 0\.001, although P is not linear\.",
        lambda r, m: problem(r) != "sheared" and np.linalg.norm(r["rest"]["average"] - r["rest"]["invert"]) < 1.1e-3,
    ),
    Says(r"The loss is a distance in y, so average in y\.", lambda r, m: ahead(r) > 0.9e-3),
    Says(r"The average of three causes has no special meaning\.", lambda r, m: ahead(r) > 0.9e-3),
    Says(r"The order matters only if P is curved along the steps\.", lambda r, m: not ahead(r) > 1.1e-3),
    Says(
        r"Three exact solutions look better than one, but the distortion is measured in y, not in x\.",
        lambda r, m: not ahead(r) < -1.1e-3,
    ),
    Says(
        r"That holds for a linear P\.",
        lambda r, m: problem(r) != "sheared",
    ),
    Says(
        r"For a curved P the average of the causes is not the cause of the average\.",
        lambda r, m: problem(r) != "sheared" and abs(ahead(r)) > 0.9e-3,
    ),
)  # fmt: skip


def path(result, name, space):
    assert follows(result, name), name
    own = result["paths"][name].x
    return np.asarray(own if space == "x" else forward(problem(result), own), float).T


def over_eta(result, name):
    """The distance at the end over η; at the η on screen it is the one of the reading."""
    curve = np.asarray(result["away"][name], float)
    at = np.interp(np.log(result["settings"]["eta"]), np.log(ETAS), curve)
    assert abs(at - away(result, name)) < 0.1 + 0.5 * at, (at, away(result, name))
    return ETAS, np.maximum(curve, 1e-3)


DRAWN = {f"{name}/{space}": lambda r, n=name, s=space: path(r, n, s) for name in RULES for space in "xy"}
DRAWN |= {f"{name}/away": lambda r, name=name: over_eta(r, name) for name in RULES}
DRAWN |= {
    f"pull/{name}": lambda r, k=k: np.stack([r["y_best"], targets(r)[k]]).T
    for k, name in enumerate(("one", "two", "three"))
}


def y_best(result):
    """The compromise that was searched for is the one by formula."""
    assert np.allclose(result["y_best"], best(result), atol=1e-3)
    return result["y_best"]


def x_best(result):
    """An x of the compromise."""
    assert np.allclose(forward(problem(result), result["best"]), best(result), atol=2e-3)
    return result["best"]


def each(result):
    return [inverse(problem(result), aim, result["settings"]["start"]) for aim in targets(result)]


MARKS = {
    "mean": mean,
    "best/y": y_best,
    "best/x": x_best,
    "middle": lambda r: np.mean(each(r), axis=0),
    "from": lambda r: forward(problem(r), r["settings"]["start"]),
}
MARKS |= {f"each{k}": lambda r, k=k: each(r)[k] for k in range(3)}


def LABELS(result):
    """The mean is named where it lies apart from the compromise."""
    apart = np.max(np.abs(mean(result) - result["y_best"])) > 0.2
    labels = {"best/y": "least squares", "middle": "their mean", "from": "y of the start"}
    return labels | {f"each{k}": f"{k + 1}" for k in range(3)} | ({"mean": "mean of the targets"} if apart else {})


AXES = {"y": ("y₁", "y₂"), "x": ("x₁", "x₂"), "away": ("step size η", "|y − best|")}
LANDMARKS = {"eta/full step": lambda value, r: value == 1}
FIELDS = {
    "unreachable": lambda x, y, r: float(np.linalg.norm(reachable(problem(r), [x, y]) - [x, y]) > 1e-6),
    "distortion": lambda x, y, r: np.sum((np.array([x, y]) - targets(r)) ** 2),
}
