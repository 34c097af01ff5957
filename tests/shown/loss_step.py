"""How the loss enters: what its page says and draws."""

import numpy as np

from tests.shown.kit import Says, precision, said

TARGET, STEPS = np.array([-1.0, 1.0]), 12
LOSSES = ("square", "weighted", "logcosh")
PLACES = (
    {"start": (-1.0, 1.0)},
    {"width": 50.0, "step": 1},
    {"width": 3.0, "problem": "sheared"},
    {"width": 12.0, "problem": "sheared", "start": (1.0, 0.5)},
)


def forward(x, result):
    x = np.asarray(x, float)
    if result["settings"]["problem"] == "squared":
        return np.stack([x[..., 0], x[..., 1] ** 2], axis=-1)
    return x @ np.array([[1.0, 2.0], [0.0, 3.0]]).T


def loss(y, result, name):
    with np.errstate(over="ignore", invalid="ignore"):
        r, w = np.asarray(y, float) - TARGET, result["settings"]["width"]
        if name == "logcosh":
            r = r / w
            return 2 * w**2 * np.sum(np.logaddexp(r, -r) - np.log(2), axis=-1)
        return r[..., 0] ** 2 + (result["settings"]["weight"] if name == "weighted" else 1) * r[..., 1] ** 2


def shares(result):
    """eta sinh(2r/w) / (2r/w) of each component that has a gap."""
    r = np.abs(forward(result["settings"]["start"], result) - TARGET)
    rho = 2 * r[r > 1e-4] / result["settings"]["width"]
    return result["settings"]["eta"] * np.sinh(rho) / rho


def worst(result):
    return np.max(shares(result))


def lands(result):
    """The y of the first log-cosh step, as planned."""
    y = forward(result["settings"]["start"], result)
    rho = 2 * np.abs(TARGET - y) / result["settings"]["width"]
    factor = np.where(rho > 1e-6, np.sinh(rho) / np.where(rho > 1e-6, rho, 1), 1)
    return y + result["settings"]["eta"] * factor * (TARGET - y)


def gap(result, name, step):
    return np.linalg.norm(forward(result["paths"][name].x[step], result) - TARGET)


def at_target(result, _match):
    return np.linalg.norm(forward(result["settings"]["start"], result) - TARGET) < 1e-5


def aims(result, match):
    about = said(match["share"], worst(result)) or abs(worst(result) / _times(match["share"]) - 1) < 0.06
    return about and (worst(result) > 2 - 1e-5 if match["fate"].startswith("farther") else 1 < worst(result) < 2 + 1e-5)


def _times(text):
    from tests.shown.kit import number

    return number(text)


def unreachable(result, _match):
    """The planned y2 is negative, which no square is."""
    return result["settings"]["problem"] == "squared" and lands(result)[1] < 0


def outside(result, _match):
    x0, x1, y0, y1 = {"squared": (-3.0, 3.0, -1.6, 6.4), "sheared": (-12, 12, -12, 12)}[result["settings"]["problem"]]
    y = forward(result["paths"]["logcosh"].x[1], result)
    return not (x0 <= y[0] <= x1 and y0 <= y[1] <= y1)


def longer(result, match):
    times = worst(result) / result["settings"]["eta"]
    return said(match["times"], times) or abs(times / _times(match["times"]) - 1) < 0.06


SAYS = (
    Says(r"You start at the target, so there is nothing to do under any loss\.", at_target),
    Says(r"Move the start\.", at_target),
    Says(
        r"Log-cosh’s first step is almost that of L²: within its width w it is L²\.",
        lambda r, m: worst(r) < 1.051 * r["settings"]["eta"],
    ),
    Says(
        r"Log-cosh’s first step covers up to (?P<share>\S+ %) of a gap, more than η\.",
        lambda r, m: np.isclose(_times(m["share"]), worst(r), rtol=0.051) and worst(r) > r["settings"]["eta"],
    ),
    Says(
        r"Log-cosh’s first step aims at (?P<share>.+ times) the gap in one component, (?P<fate>.+)\.",
        aims,
    ),
    Says(
        r"After (?P<step>\d+) iterations? L² is (?P<gap>\S+) away from y\*\.",
        lambda r, m: (
            int(m["step"]) == r["settings"]["step"]
            and said(m["gap"], r["gaps"]["square"][int(m["step"])])
            and np.isclose(r["gaps"]["square"][int(m["step"])], gap(r, "square", int(m["step"])), rtol=0.01, atol=1e-5)
        ),
    ),
    Says(
        r"L² and weighted L² take the same trajectory\.",
        lambda r, m: np.allclose(r["paths"]["square"].x, r["paths"]["weighted"].x, atol=2e-4),
    ),
    Says(
        r"Log-cosh diverges: far from y\* it has hardly any curvature, and Newton divides by it\.",
        lambda r, m: not gap(r, "logcosh", -1) < 900 and worst(r) > 1,
    ),
    Says(r"Part of what log-cosh asks for no x can give\.", unreachable),
    # After the prediction
    Says(r"You start at the target, so no step is taken\.", at_target),
    Says(r"With so small a width the first step lands outside the figure\.", outside),
    Says(r"Raise w\.", outside),
    Says(r"The step asks for a y that no x can give, so it does not land where it was planned\.", unreachable),
    Says(
        r"Within its width log-cosh is L², and so is its step\.",
        lambda r, m: worst(r) < 1.051 * r["settings"]["eta"],
    ),
    Says(
        r"Far out log-cosh has little curvature left, and Newton divides by it: in a component that is r away the step "
        r"is sinh\(2r/w\) / \(2r/w\) times as long, here up to (?P<times>\S+) times\.",
        longer,
    ),
    Says(
        r"For each component of y: take r/w at the start, then sinh\(2r/w\) / \(2r/w\) times the step η r of L²\.",
        lambda r, m: np.allclose(forward(r["paths"]["logcosh"].x[1], r), lands(r), rtol=1e-3, atol=1e-3),
    ),
)  # fmt: skip


def own_loss(result, name):
    """By the formula along the run's path; where float32 or a divergence rounds, the run's own."""
    found, own = np.asarray(result["paths"][name].loss, float), loss(result["paths"][name].y, result, name)
    sure = (own > 1e-8) & (own < 1e6) & (precision() == "float64")
    return np.arange(STEPS + 1), np.maximum(np.where(sure, own, found), 1e-12)


DRAWN = {f"{name}/y": lambda r, name=name: np.asarray(r["paths"][name].y, float).T for name in LOSSES}
DRAWN |= {f"{name}/x": lambda r, name=name: np.asarray(r["paths"][name].x, float).T for name in LOSSES}
DRAWN |= {f"{name}/loss": lambda r, name=name: own_loss(r, name) for name in LOSSES}
MARKS = {"target": lambda r: TARGET, "first": lambda r: forward(r["settings"]["start"], r)}
LABELS = {"target": "y*", "first": "start"}
AXES = {"y": ("y₁", "y₂"), "x": ("x₁", "x₂"), "loss": ("step", "L")}
FIELDS = {"loss-field": lambda x, y, r: loss(np.array([x, y]), r, r["settings"]["loss"])}


def apart(value, result):
    """At this width the larger gap is neither closed nor widened by the first step: the factor is 2 / eta."""
    rho = 2 * np.max(np.abs(forward(result["settings"]["start"], result) - TARGET)) / value if value else 0.0
    return at_target(result, None) or np.isclose(np.sinh(rho) / rho, 2 / result["settings"]["eta"], rtol=5e-3)


LANDMARKS = {"width/flies apart below": apart, "eta/full": lambda value, r: value == 1}
