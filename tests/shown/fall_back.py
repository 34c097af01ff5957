"""Falling back: what its page says and draws."""

import numpy as np

from tests.shown.kit import Says, precision, said

STEPS, ETA, ANGLE = 14, 0.5, 0.6
SOLUTION = np.array([-0.7, -0.5])
ROUNDED = {"float64": 1e-20, "float32": 1e-11}[precision()]
PLACES = (
    {},
    {"turn": 0.0},
    {"turn": 122.0, "half": 0.05, "trust": 1.85, "start": (0.234, 1.404)},
    {"turn": 170.0, "half": 0.05, "trust": 1.97, "start": (1.2, 0.9)},
    {"start": tuple(SOLUTION)},
    {"broken": "range", "start": (0.0, 0.0), "trust": 0.5},
    {"broken": "linear", "start": (1.0, 0.1)},
    {"broken": "linear", "start": (1.0, 0.05)},
    {"broken": "linear", "start": (1.0, 0.0)},
)


def bent(result):
    return result["settings"]["broken"] == "outside"


def turned(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def forward(x, result):
    """(sin(u1) / 2, 2 u2) with u turned by 0.6, or (x1, x2^2)."""
    x = np.asarray(x, float)
    if not bent(result):
        return np.stack([x[..., 0], x[..., 1] ** 2], axis=-1)
    u = x @ turned(ANGLE).T
    return np.stack([np.sin(u[..., 0]) / 2, 2 * u[..., 1]], axis=-1)


def target(result):
    return {
        "outside": forward(SOLUTION, result),
        "range": np.array([0.0, -1.0]),
        "linear": np.array([-0.5, 1.0]),
    }[result["settings"]["broken"]]


def loss(x, result):
    return np.sum((forward(x, result) - target(result)) ** 2, axis=-1)


def proposal(x, result):
    """What the broken inverse makes of half of the gap."""
    y = forward(x, result) + ETA * (target(result) - forward(x, result))
    if result["settings"]["broken"] == "range":
        root = np.sqrt(max(y[1], 0.0))
        return np.array([y[0], -root if x[1] < 0 else root]) - x
    if result["settings"]["broken"] == "linear":
        with np.errstate(divide="ignore", invalid="ignore"):
            return (y - forward(x, result)) / np.array([1.0, 2 * x[1]])
    u1 = (turned(ANGLE) @ x)[0]
    first = np.arcsin(np.clip(2 * y[0], -1, 1))
    places = np.concatenate([base + 2 * np.pi * np.arange(-99, 100) for base in (first, np.pi - first)])
    dx = turned(-ANGLE) @ np.array([places[np.argmin(np.abs(places - u1))], y[1] / 2]) - x
    wrong = np.max(np.abs(x - SOLUTION)) > result["settings"]["half"]
    return turned(np.radians(result["settings"]["turn"])) @ dx if wrong else dx


def misses(result):
    """How far each proposal of the checked run lands from its aim, over the length of the step in y."""
    found = []
    for x in np.asarray(result["checked"].x, float)[:-1]:
        dy = ETA * (target(result) - forward(x, result))
        away = np.linalg.norm(forward(x + proposal(x, result), result) - forward(x, result) - dy)
        found.append(away / np.linalg.norm(dy) if np.any(dy) else 0.0 if away == 0 else np.inf)
    return np.where(np.isfinite(found), found, np.inf)


def losses(result, name="checked"):
    return np.asarray(result[name].loss, float)


def fell(result):
    """The numbers of the steps that fell back, from 1; those at rounding count neither way."""
    refused = (np.asarray(result["miss"]) > result["settings"]["trust"]) & (losses(result)[:-1] > ROUNDED)
    return (np.flatnonzero(refused) + 1).tolist()


def agrees(result):
    """The misses of the run are those of the formula, as far as the losses are more than rounding."""
    some = losses(result)[:-1] > 1e-4
    found, own = np.asarray(result["miss"], float)[some], misses(result)[some]
    rough = 1e-6 if precision() == "float64" else 0.02
    return np.all(np.isclose(found, own, rtol=rough, atol=rough) | (own > 1e4))


def steps(result, numbers):
    return agrees(result) and fell(result) == list(numbers)


def ends(result, match):
    start, end = loss(result["checked"].x[0], result), loss(result["checked"].x[-1], result)
    rough = 1e-12 if precision() == "float64" else 1e-4
    return said(match["end"], losses(result)[-1]) and np.isclose(end, losses(result)[-1], 1e-3, rough) and end < start


def rises(result, match):
    found = losses(result)
    return said(match["end"], found[-1]) and np.any(found[1:] > found[:-1]) and result["settings"]["trust"] > 1


def unchecked(result, how):
    """How the run without the check ends beside the other; it is the inverse's own."""
    end, loose = losses(result)[-1], losses(result, "unchecked")[-1]
    x = np.asarray(result["unchecked"].x, float)
    own = np.allclose(x[1] - x[0], proposal(x[0], result), rtol=1e-3, atol=1e-4) or not np.all(np.isfinite(x[1]))
    return own and {"higher": loose > end, "lower": loose < end, "about": abs(loose - end) < 0.011 * end + 1e-5}[how]


def diverges(result, _match):
    loose = losses(result, "unchecked")
    return not loose[-1] < 50 * loose[0]


def same(result, _match):
    return np.allclose(result["checked"].x, result["unchecked"].x, atol=1e-5, equal_nan=True) and not fell(result)


def at_solution(result, _match):
    return loss(result["settings"]["start"], result) < 1e-9


def missed(result, match, which):
    return said(match["miss"], result["miss"][which]) and agrees(result)


SAYS = (
    Says(r"You start at the solution, so there is nothing to do\.", at_solution),
    Says(r"Move the start\.", at_solution),
    Says(
        r"No step falls back: every proposal lands within the trusted distance of its aim\.",
        lambda r, m: steps(r, []),
    ),
    Says(r"Only step (?P<a>\d+) falls back to the gradient\.", lambda r, m: steps(r, [int(m["a"])])),
    Says(
        r"Steps (?P<a>\d+) to (?P<b>\d+) fall back to the gradient\.",
        lambda r, m: steps(r, range(int(m["a"]), int(m["b"]) + 1)),
    ),
    Says(
        r"(?P<n>\d+) steps fall back to the gradient, the last of them is step (?P<b>\d+)\.",
        lambda r, m: agrees(r) and len(fell(r)) == int(m["n"]) and fell(r)[-1] == int(m["b"]),
    ),
    Says(r"The loss falls to (?P<end>\S+)\.", ends),
    Says(
        r"On its way to (?P<end>\S+) the loss also rises: with so much trust, a step that passes may do that\.",
        rises,
    ),
    Says(
        r"The loss does not fall: it ends at (?P<end>\S+)\.",
        lambda r, m: said(m["end"], losses(r)[-1]) and losses(r)[-1] >= losses(r)[0],
    ),
    Says(r"Without the check it diverges\.", diverges),
    Says(r"Without the check it would end (?P<how>higher|lower)\.", lambda r, m: unchecked(r, m["how"])),
    Says(r"Without the check it would end about as low\.", lambda r, m: unchecked(r, "about")),
    Says(r"Without the check the run would be the same\.", same),
    # After the prediction
    Says(r"The run starts at the solution, so there is no step to check\.", at_solution),
    Says(
        r"At x₂ = 0 the inverse delivers nothing of a step along −y₂: the miss is as long as that step\.",
        lambda r, m: np.allclose(proposal(np.zeros(2), r), 0),
    ),
    Says(
        r"A linearised inverse is wrong only by how much J changes during a step: most beside the fold\.",
        lambda r, m: r["settings"]["broken"] == "linear" and agrees(r),
    ),
    Says(r"The run does not know the box: it only checks where each proposal lands\.", lambda r, m: bent(r)),
    Says(
        r"At step (?P<n>\d+) the proposal misses its aim by (?P<miss>\S+) \|Δy\|\.",
        lambda r, m: fell(r)[0] == int(m["n"]) and missed(r, m, fell(r)[0] - 1),
    ),
    Says(r"No proposal misses its aim by more than the trust allows\.", lambda r, m: steps(r, [])),
    Says(
        r"At the last step the proposal still misses its aim by (?P<miss>\S+) \|Δy\|\.",
        lambda r, m: missed(r, m, -1) and fell(r)[-1] == STEPS,
    ),
    Says(
        r"At the last step the proposal misses its aim by only (?P<miss>\S+) \|Δy\|\.",
        lambda r, m: missed(r, m, -1) and r["miss"][-1] <= r["settings"]["trust"],
    ),
)  # fmt: skip


def fallen(result):
    """Row k: the steps up to k that fell back, as pieces with gaps between."""
    x = np.asarray(result["checked"].x, float)
    rows = np.full((STEPS + 1, STEPS, 3, 2), np.nan)
    for number in fell(result):
        rows[number:, number - 1, 0], rows[number:, number - 1, 1] = x[number - 1], x[number]
    flat = rows.reshape(STEPS + 1, -1, 2)
    return flat[..., 0], flat[..., 1]


def shown_misses(result):
    """The formula's where the loss is more than rounding, else the run's own."""
    found, own = np.asarray(result["miss"], float), misses(result)
    sure = (losses(result)[:-1] > 1e-4) & (precision() == "float64")
    return np.arange(STEPS), np.clip(np.where(sure, own, found), 1e-12, 1e9)


NUMBERS = np.arange(STEPS + 1)
DRAWN = {
    "checked/x": lambda r: r["checked"].x.T,
    "unchecked/x": lambda r: r["unchecked"].x.T,
    "fallen/x": fallen,
    "checked/loss": lambda r: (NUMBERS, np.maximum(loss(r["checked"].x, r), 1e-12)),
    "unchecked/loss": lambda r: (NUMBERS, np.maximum(losses(r, "unchecked"), 1e-12)),
    "miss": shown_misses,
    "trust": lambda r: ((0, STEPS), np.full(2, r["settings"]["trust"])),
}
CENTRES = {"outside": SOLUTION, "range": (0.0, 0.0), "linear": (-0.5, 1.0)}
MARKS = {
    "start-here": lambda r: r["settings"]["start"],
    "right": lambda r: SOLUTION[:, None] + r["settings"]["half"] * np.array([-1, 1]),
    "solution": lambda r: CENTRES[r["settings"]["broken"]],
    "mirror": lambda r: (-0.5, -1.0),
    "trust-here": lambda r: (STEPS - 6.0, r["settings"]["trust"]),
}


def LABELS(result):
    return {"trust-here": "trusted below"} | {
        "outside": {"right": "right in here", "solution": "solution"},
        "range": {"solution": "as near as one can get"},
        "linear": {"solution": "solution", "mirror": "and another"},
    }[result["settings"]["broken"]]


AXES = {"x": ("x₁", "x₂"), "loss": ("step", "L"), "miss": ("step", "miss / |Δy|")}
FIELDS = {"loss-field": lambda x, y, r: loss(np.array([x, y]), r)}
LANDMARKS = {"trust/no promise beyond": lambda value, r: value == 1}
