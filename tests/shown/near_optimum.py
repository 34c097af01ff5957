"""Near the optimum: what its page says and draws."""

import numpy as np

from lessons.descent.near_optimum import DISTANCES
from tests.shown.kit import Says, said

ALL = ("gradient_descent", "newton", "inverse_gradient", "inverse_simulator")
NAMES = {
    "Newton": "newton",
    "the inverse gradient": "inverse_gradient",
    "the inverse simulator": "inverse_simulator",
}
PLACES = (
    {},
    {"problem": "square"},
    {"problem": "square", "eta_gd": 0.5},
    {"problem": "square", "eta_gd": 1.0},
    {"problem": "tanh", "distance": 2.0},
    {"problem": "tanh", "distance": 1.0, "eta_gd": 0.9},
    {"problem": "toy", "eta_gd": 0.06},
    {"problem": "toy", "eta_gd": 0.0625, "distance": 1.0},
    {"problem": "fourth", "distance": 0.08, "eta_gd": 1e-3},
    {"problem": "fourth", "distance": 3.0, "eta_gd": 0.3},
    {"problem": "fourth", "distance": 1.0, "eta_gd": 0.49},
)


def problem(result):
    return result["settings"]["problem"]


def eta(result):
    return result["settings"]["eta_gd"]


def gradient(name, x):
    """dL/dx of x⁴, x², |(x₁, 4x₂)|² and tanh²x."""
    return {
        "fourth": lambda: 4 * x**3,
        "square": lambda: 2 * x,
        "toy": lambda: np.array([2.0, 32.0]) * x,
        "tanh": lambda: 2 * np.tanh(x) / np.cosh(np.clip(x, -300, 300)) ** 2,
    }[name]()


def start(name, distance):
    return distance * (np.full(2, 0.5**0.5) if name == "toy" else np.ones(1))


def descent(result):
    """Gradient descent by hand: its distances from 0."""
    x, found = start(problem(result), result["settings"]["distance"]), []
    with np.errstate(all="ignore"):
        for _ in range(61):
            found.append(np.linalg.norm(x))
            x = x - eta(result) * gradient(problem(result), x)
    return np.array(found)


def inverse(result, name):
    """The others' first step: the distance after it, by formula."""
    x, share = start(problem(result), result["settings"]["distance"]), result["settings"]["eta"]
    with np.errstate(all="ignore"):
        z = x[0]
        if problem(result) in ("square", "toy"):
            after = (1 - share) * np.linalg.norm(x)
        elif problem(result) == "fourth":
            after = {
                "newton": z * (1 - share / 3),
                "inverse_gradient": z * (1 - share / 2),
                "inverse_simulator": z * (1 - share) ** 0.5,
            }[name]
        else:
            t = np.tanh(z)
            after = {
                "newton": z - share * t * (1 - t**2) / ((1 - t**2) ** 2 - 2 * t**2 * (1 - t**2)),
                "inverse_gradient": z - share * t / (1 - t**2),
                "inverse_simulator": np.arctanh((1 - share) * t),
            }[name]
    return abs(after)


def error(result, name="gradient_descent"):
    """The result's distances, once they agree with the ones by hand where rounding does not decide."""
    given = np.asarray(result["errors"][name], float)
    own = descent(result)[:4] if name == "gradient_descent" else np.array([given[0], inverse(result, name)])
    near = np.isfinite(own) & (own < 1e3) & (own > 1e-3)
    assert np.allclose(given[: len(own)][near], own[near], rtol=2e-3), (name, given[: len(own)], own)
    return given


def told(result):
    """Which iterations can be told: from a distance that is no rounding to a finite one."""
    e = error(result)
    with np.errstate(all="ignore"):
        return [1 - e[k + 1] / e[k] for k in range(60) if e[k] > 1e-12 and np.isfinite(e[k + 1]) and np.isfinite(e[k])]


def first(result):
    return told(result)[0]


def last(result):
    return told(result)[-1]


def at_once(result, _match=None):
    return error(result)[1] < 1e-6


def paces(result, match):
    early, late = first(result), last(result)
    pace = late < early if match["pace"] == "it slows down" else late > early
    return said(match["early"], early) and said(match["late"], late) and pace


def lost(result, match):
    names = {NAMES[name[0].lower() + name[1:] if name[0] == "T" else name] for name in match["names"].split(" and ")}
    return names == {name for name in ALL[1:] if not error(result, name)[-1] < error(result, name)[0]}


def away(result, _match=None):
    return last(result) < 0


def falls(result):
    return 0 <= last(result) < 0.9901 * first(result)


def grows(result):
    return last(result) > 1.0099 * first(result)


def same(result):
    return abs(last(result) - first(result)) <= 0.0101 * abs(first(result))


def settles(result):
    """The slower of the rates 1 − 2η and 1 − 32η is the last factor."""
    rate = max(abs(1 - 2 * eta(result)), abs(1 - 32 * eta(result)))
    return last(result) - (1 - rate) > -1e-3


SAYS = (
    Says(r"Gradient descent is at the optimum after its first iteration\.", at_once),
    Says(r"Gradient descent diverges\.", lambda r, m: not error(r)[-1] < 999),
    Says(
        r"Gradient descent ends farther from the optimum than it starts\.",
        lambda r, m: error(r)[0] < error(r)[-1] < 1001,
    ),
    Says(
        r"Gradient descent has (?P<share>.+) of its initial distance left at the end\.",
        lambda r, m: said(m["share"], error(r)[-1] / error(r)[0]),
    ),
    Says(
        r"The first and the last iteration of gradient descent cover (?P<late>.+) of the distance left\.",
        lambda r, m: said(m["late"], last(r)) and same(r),
    ),
    Says(
        r"The first iteration of gradient descent covers (?P<early>.+) of the distance, the last (?P<late>.+) "
        r"of what is left: (?P<pace>it slows down|it speeds up)\.",
        paces,
    ),
    Says(r"(?P<names>.+) (?:does|do) not approach the optimum\.", lost),
    Says(
        r"The three inverse methods approach the optimum\.",
        lambda r, m: all(error(r, name)[-1] < error(r, name)[0] for name in ALL[1:]),
    ),
    # After the prediction
    Says(
        r"Gradient descent is at the optimum after its first iteration, so there is nothing to compare\.",
        at_once,
    ),
    Says(
        r"Here gradient descent covers less than 5 % of the distance in all, too little to see a change\.",
        lambda r, m: abs(error(r)[-1] / error(r)[0] - 1) < 0.0501,
    ),
    Says(r"η is too large: an iteration overshoots the optimum by more than the distance that is left\.", away),
    Says(
        r"The gradient 4x³ falls faster than the distance x, so the steps get shorter than in proportion\.",
        lambda r, m: problem(r) == "fourth" and falls(r),
    ),
    Says(
        r"The two directions converge at different rates; at the end the slower one is left\.",
        lambda r, m: problem(r) == "toy" and settles(r) and not away(r),
    ),
    Says(
        r"Where tanh is flat the gradient is small although the optimum is far\.",
        lambda r, m: problem(r) == "tanh"
        and grows(r)
        and gradient("tanh", error(r)[0]) / error(r)[0] < gradient("tanh", 0.01) / 0.01,
    ),
    Says(
        r"At the end each iteration overshoots the optimum, so it covers less than near the start\.",
        lambda r, m: problem(r) == "tanh" and falls(r) and eta(r) > 0.5,
    ),
    Says(
        r"The steps get shorter in proportion to the distance, so the share stays the same\.",
        lambda r, m: same(r),
    ),
    Says(
        r"That holds for L = x², whose gradient is proportional to the distance\.",
        lambda r, m: problem(r) != "square" or away(r),
    ),
    Says(r"The steps do get shorter, but in proportion to the distance\.", lambda r, m: same(r)),
    Says(
        r"The steps do get shorter in the end, but less than in proportion to the distance\.",
        lambda r, m: grows(r) and error(r)[-1] < error(r)[0],
    ),
    Says(r"η is too large for that: the last iteration leads away from the optimum\.", away),
    Says(
        r"That would need a gradient that falls more slowly than the distance\.",
        lambda r, m: falls(r) or same(r),
    ),
    Says(
        r"η is small enough: the last iteration does not lead away from the optimum\.",
        lambda r, m: last(r) >= 0,
    ),
)  # fmt: skip


def factors(result, name):
    """What each iteration leaves, the first one twice; nan where it cannot be told."""
    e = error(result, name)
    with np.errstate(all="ignore"):
        left = np.where((e[:-1] > 1e-12) & np.isfinite(e[1:]) & np.isfinite(e[:-1]), e[1:] / e[:-1], np.nan)
    return np.maximum(np.arange(61), 1), np.concatenate([left[:1], left])


def lengths(result, name):
    """η|∇L| over the distance, by hand; the others' from the result, in its own order."""
    if name != "gradient_descent":
        return DISTANCES, result["lengths"][name]
    return DISTANCES, [
        eta(result) * np.linalg.norm(gradient(problem(result), start(problem(result), one))) for one in DISTANCES
    ]


DRAWN = {f"{name}/error": lambda r, name=name: (np.arange(61), error(r, name)) for name in ALL}
DRAWN |= {f"{name}/factor": lambda r, name=name: factors(r, name) for name in ALL}
DRAWN |= {f"{name}/length": lambda r, name=name: lengths(r, name) for name in ALL}
DRAWN |= {"standstill": lambda r: ([0, 60], [1.0, 1.0])}
MARKS = {"nothing": lambda r: (2.0, 1.0)}
LABELS = {"nothing": "1: no progress"}
AXES = {
    "factor": ("iteration", "share"),
    "error": ("iteration", "distance"),
    "length": ("distance from the optimum", "|Δx|"),
}


def steepest(value, result):
    """No other distance has a longer gradient; 0 stands for the end of the grid."""
    lengths = [np.linalg.norm(gradient(problem(result), start(problem(result), one))) for one in DISTANCES]
    return np.isclose(value, DISTANCES[np.argmax(lengths)] if np.argmax(lengths) < 120 else 0.0, rtol=0.06)


def limit(result):
    """2 over the largest second derivative at the start; 0 where there is none below infinity."""
    x, h = result["settings"]["distance"], 1e-5
    if problem(result) == "toy":
        return 2 / 32
    return 2 / ((gradient(problem(result), x + h) - gradient(problem(result), x - h)) / (2 * h))


LANDMARKS = {
    "distance/longest gradient": steepest,
    "eta_gd/limit at the start": lambda value, r: np.isclose(value, limit(r), rtol=1e-2),
    "eta/full step": lambda value, r: value == 1,
}
