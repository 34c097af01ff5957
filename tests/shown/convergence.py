"""How wrong may an inverse be: what its page says and draws, from the geometry of one turned step."""

import numpy as np

from tests.shown.kit import Says, said

STEPS, TARGET = 20, np.array([-0.5, -0.8])
PLACES = (
    {},
    {"turn": 60.0},
    {"turn": 60.0, "eta": 1.0},
    {"turn": 90.0, "eta": 0.05, "stretch": 0.2},
    {"stretch": 2.0, "turn": 0.0, "eta": 1.0},
    {"turn": 30.0},
    {"turn": 65.0, "eta": 0.845},
    {"turn": 150.0, "stretch": 2.0, "eta": 1.0},
    {"start": tuple(TARGET)},
    {"inverse": "first", "eta": 1.0},
    {"inverse": "first", "eta": 0.75, "start": (3.5, 3.0)},
    {"inverse": "first", "eta": 1.0, "start": (-0.5, 2.0)},
)


def turned_by(result):
    """The matrix of what the inverse makes of a planned step."""
    angle, s = np.radians(result["settings"]["turn"]), result["settings"]["stretch"]
    return s * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def run(result):
    """The points in y, by hand: a turned step, or what P makes of x + dy / J."""
    y, eta = [np.asarray(result["settings"]["start"], float)], result["settings"]["eta"]
    for _ in range(STEPS):
        dy = eta * (TARGET - y[-1])
        if result["settings"]["inverse"] == "astray":
            y.append(y[-1] + turned_by(result) @ dy)
        else:
            x1 = y[-1][0]
            bent = 2 * (np.sin(x1 + dy[0]) - np.sin(x1) - np.cos(x1) * dy[0])
            y.append(y[-1] + dy + np.array([0.0, bent]))
    return np.array(y)


def distances(result):
    """Of the run on screen, which is the one by hand: while it is near in both, float32 included."""
    found = np.linalg.norm(np.asarray(result["path"].y, float) - TARGET, axis=1)
    by_hand = np.linalg.norm(run(result) - TARGET, axis=1)
    near = by_hand > 0.99e-2 * by_hand[0]
    assert np.allclose(found[near], by_hand[near], rtol=5e-3), (found, by_hand)
    return found


def looked_at(result):
    """The steps that begin with more than a hundredth of the first distance."""
    found = distances(result)
    return found[:-1] > max(1e-2 * found[0], 1e-4)


def misses(result):
    y = np.asarray(result["path"].y, float)
    plan = result["settings"]["eta"] * (TARGET - y[:-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        q = np.linalg.norm(np.diff(y, axis=0) - plan, axis=1) / np.linalg.norm(plan, axis=1)
    return np.where(looked_at(result), q, np.nan)


def largest(result):
    return float(np.max(misses(result), initial=0.0, where=looked_at(result)))


def promised(result):
    return 1 - result["settings"]["eta"] * (1 - largest(result))


def ratios(result):
    found = distances(result)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (found[1:] / found[:-1])[looked_at(result)]


def promise(result, match):
    """The factor holds of this run, and is that of its largest miss."""
    factor = promised(result)
    return (
        said(match["q"], largest(result))
        and said(match["factor"], factor)
        and largest(result) < 1
        and np.all(ratios(result) <= factor * (1 + 1e-4))
    )


def arrived_after(result, match):
    found = distances(result)
    count = int(match["count"])
    return found[count] <= 1.0001e-2 * found[0] < found[count - 1] * 1.0001 and np.all(
        found[:count] > 0.9999e-2 * found[0]
    )


def same_factor(result, match):
    """All iterations of an inverse that is led astray, by the cosine rule."""
    eta, s, angle = (result["settings"][name] for name in ("eta", "stretch", "turn"))
    factor = np.sqrt(1 - 2 * eta * s * np.cos(np.radians(angle)) + (eta * s) ** 2)
    return said(match["factor"], factor) and np.allclose(ratios(result), factor, rtol=5e-3)


def astray(result):
    return result["settings"]["inverse"] == "astray"


SAYS = (
    Says(
        r"The largest miss is q = (?P<q>\S+), so the theorem promises a factor of at most (?P<factor>\S+) an "
        r"iteration\.",
        promise,
    ),
    Says(
        r"No step misses by a hundredth of its plan: an iteration leaves about \$1 - \\eta\$ of the distance\.",
        lambda r, m: largest(r) < 0.01 and np.all(np.abs(ratios(r) - (1 - r["settings"]["eta"])) < 0.01),
    ),
    Says(
        r"The largest miss is as long as the plan: there the theorem promises next to nothing\.",
        lambda r, m: abs(largest(r) - 1) < 6e-3,
    ),
    Says(
        r"The largest miss is q = (?P<q>\S+): a miss longer than the plan, so the theorem promises nothing\.",
        lambda r, m: said(m["q"], largest(r)) and largest(r) > 1,
    ),
    Says(r"A hundredth of the distance is left after (?P<count>\d+) iterations?\.", arrived_after),
    Says(
        r"In the end the distance is (?P<share>\S+) times the first\.",
        lambda r, m: said(m["share"], distances(r)[-1] / distances(r)[0]) and np.all(looked_at(r)),
    ),
    Says(
        r"In the end the distance is about what it was at first\.",
        lambda r, m: abs(distances(r)[-1] / distances(r)[0] - 1) < 0.06,
    ),
    Says(
        r"Every iteration led nearer all the same: the condition is sufficient, not necessary\.",
        lambda r, m: largest(r) > 1 and np.all(ratios(r) < 1),
    ),
    Says(
        r"The run arrives all the same: the condition is sufficient, not necessary\.",
        lambda r, m: largest(r) > 1 and np.any(ratios(r) >= 1) and not np.all(looked_at(r)),
    ),
    Says(
        r"The start is y\* itself, so there is no step to plan\.",
        lambda r, m: np.linalg.norm(r["settings"]["start"] - TARGET) < 1e-4,
    ),
    Says(r"Move the start\.", lambda r, m: np.linalg.norm(r["settings"]["start"] - TARGET) < 1e-4),
    Says(
        r"Every iteration multiplies the distance by the same factor, (?P<factor>\S+)\.",
        lambda r, m: astray(r) and same_factor(r, m),
    ),
    Says(
        r"The miss is (?P<size>as long as|longer than|shorter than) the plan\.",
        lambda r, m: {
            "as long as": abs(largest(r) - 1) < 6e-3,
            "longer than": largest(r) > 1,
            "shorter than": largest(r) < 1,
        }[m["size"]],
    ),
    Says(
        r"The step is so long and so far aside that it ends outside the circle around y\* on which it began\.",
        lambda r, m: np.all(ratios(r) > 1),
    ),
    Says(
        r"Though it misses its aim, the step ends inside the circle around y\* on which it began\.",
        lambda r, m: np.all(ratios(r) < 1),
    ),
    Says(
        r"The first-order inverse has another miss at every step: look how q falls as the run comes nearer\.",
        lambda r, m: not astray(r),
    ),
    Says(r"The start is at y\*, so there is nothing to predict\.", lambda r, m: distances(r)[0] < 0.0501),
    Says(
        r"Here the run hardly changes its distance to y\*: the edge between nearer and farther\.",
        lambda r, m: np.all(np.abs(ratios(r) - 1) < 6e-3),
    ),
)


def near(points):
    """What lies beyond a thousand has left the picture."""
    points = np.asarray(points, float)
    return np.where(np.abs(points) < 1e3, points, np.nan)


def plan(result):
    y = np.asarray(result["path"].y, float)
    y, aim = near(y), near(y + result["settings"]["eta"] * (TARGET - y))
    return np.stack([y[:, 0], aim[:, 0]], 1), np.stack([y[:, 1], aim[:, 1]], 1)


def disc(result):
    """Around each plan's end, through its beginning."""
    y, eta = np.asarray(result["path"].y, float), result["settings"]["eta"]
    (x1, x2), around = (y + eta * (TARGET - y)).T[..., None], np.linspace(0, 2 * np.pi, 33)
    radius = eta * np.linalg.norm(y - TARGET, axis=1)[:, None]
    return near(x1 + radius * np.cos(around)), near(x2 + radius * np.sin(around))


def promised_line(result):
    steps = np.arange(STEPS + 1)
    if largest(result) >= 1 or distances(result)[0] < 1e-4:
        return steps, np.full(STEPS + 1, np.nan)
    return steps, np.maximum(distances(result)[0] * promised(result) ** steps, 1e-4)


DRAWN = {
    "run/y": lambda r: tuple(near(r["path"].y).T),
    "plan": plan,
    "disc": disc,
    "run/distance": lambda r: (np.arange(STEPS + 1), np.clip(distances(r), 1e-4, 1e9)),
    "promised": promised_line,
    "miss": lambda r: (np.arange(STEPS), misses(r)),
    "limit": lambda r: ([0, STEPS], [1.0, 1.0]),
}
MARKS = {"target": lambda r: TARGET, "limit-here": lambda r: (16.0, 1.15)}
LABELS = {"target": "y*", "limit-here": "q = 1"}
AXES = {"y": ("y₁", "y₂"), "distance": ("iteration", ""), "miss": ("iteration", "q")}


def at(result, angle):
    """The turned step's miss and factor at this angle, stretch and eta being the run's."""
    eta, s = result["settings"]["eta"], result["settings"]["stretch"]
    part = s * np.exp(1j * np.radians(angle))
    return abs(part - 1), abs(1 - eta * part)


LANDMARKS = {
    "turn/q = 1": lambda value, r: np.isclose(at(r, value)[0], 1, atol=1e-4),
    "turn/keeps its distance": lambda value, r: np.isclose(at(r, value)[1], 1, atol=1e-4),
    "eta/full step": lambda value, r: value == 1.0,
}
