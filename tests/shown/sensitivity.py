"""Sensitivity: what its page says and draws."""

import numpy as np

from lessons.descent.sensitivity import ALPHAS, _bars, _parts
from tests.shown import four_ways
from tests.shown.kit import Says, number, precision, said

ALL = ("gradient_descent", "newton", "inverse_gradient", "inverse_simulator")
PLACES = (
    {},
    {"alpha": 300.0},
    {"alpha": 10.0},
    {"alpha": 100.0, "eta": 1e-3},
    {"eta": 1e-6},
    {"problem": "incline"},
    {"alpha": 22.4, "eta": 1e-3},
    {"alpha": 3.5, "eta": 1e-3},
    {"problem": "sheared", "eta": 1e-6, "alpha": 0.01},
)
STARTS = {"sheared": (3.0, 3.0), "sine": (0.85, 0.75)}


def loss(result, z):
    """L over z = αx, whose start does not depend on α."""
    problem, z = result["settings"]["problem"], np.asarray(z, float)
    if problem in ("bowl", "incline"):
        return (z[..., 0] - 1) ** 2 if problem == "bowl" else z[..., 0]
    toy = {"settings": {"problem": problem}, "target": result.get("target", np.full(2, np.nan))}
    return np.sum((four_ways.forward(problem, z) - four_ways.target(toy)) ** 2, -1)


def start(result):
    return np.array(STARTS.get(result["settings"]["problem"], (0.0,)), float)


def slope(result):
    """dL/dz at the start, by central differences."""
    z = start(result)
    steps = 1e-6 * np.eye(len(z))
    return np.array([(loss(result, z + h) - loss(result, z - h)) / 2e-6 for h in steps])


def change(result, alpha):
    """Of the loss by one step of gradient descent: z moves by −η α² dL/dz."""
    alpha = np.asarray(alpha, float)[..., None]
    z = start(result)
    return loss(result, z - result["settings"]["eta"] * alpha**2 * slope(result)) - loss(result, z)


def noise(result):
    return 2e2 * np.finfo(precision()).eps * abs(loss(result, start(result))) + 1e-13


def alpha(result):
    return result["settings"]["alpha"]


def progress(result):
    """What one gradient step covers of the gap in y."""
    problem, z, eta = result["settings"]["problem"], start(result), result["settings"]["eta"]
    moved = z - eta * alpha(result) ** 2 * slope(result)
    if problem in ("bowl", "incline"):
        return moved[0] if problem == "bowl" else -moved[0]
    toy = {"settings": {"problem": problem}, "target": np.full(2, np.nan)}
    y, aim = four_ways.forward(problem, z), four_ways.target(toy)
    with np.errstate(all="ignore"):
        return (four_ways.forward(problem, moved) - y) @ (aim - y) / ((aim - y) @ (aim - y))


def steps(result, match):
    own, given = progress(result), float(result["now"]["gradient_descent"]["progress"])
    near = np.isclose(own, given, rtol=1e-2, atol=1e-4) or abs(own) > 1e6
    rises = change(result, alpha(result))
    told = (rises > -noise(result)) if match["rises"] else rises < 2 * noise(result)
    if match["times"]:
        return near and told and own > 0.999 and said(match["times"], given)
    if match["share"]:
        return near and told and said(match["share"], given) and 0.99e-3 < given <= 1
    return near and told and (0.94 < own < 1.06 if match["about"] else own < 1.1e-3)


def cover(result, names):
    """Do these methods cover 30 % of the gap in y at every α?"""
    return all(np.allclose(result["over"][name]["progress"], 0.3, atol=2e-3) for name in names)


def raises_above(result, match):
    """The loss rises in a step at every α of the slider above this one, and not just below it."""
    above = ALPHAS[np.greater(ALPHAS, 1.06 * number(match["alpha"]))]
    with np.errstate(all="ignore"):
        rising = change(result, above)
    below = change(result, 0.9 * number(match["alpha"]))
    return np.all(rising > 0) and below < noise(result) and not np.isposinf(below)


def times(result):
    return change(result, 10 * alpha(result)) / change(result, alpha(result))


def ten_rises(result, _match=None):
    return change(result, 10 * alpha(result)) > -noise(result)


def ten_lowers(result, _match=None):
    return change(result, 10 * alpha(result)) < noise(result)


SAYS = (
    Says(
        r"Here one step of gradient descent (?:goes (?P<times>\S+) times the distance to y\*|"
        r"(?P<about>goes about the distance to y\*)|covers less than 0\.1 % of the gap to y\*|"
        r"covers (?P<share>[\d.]+ %) of the gap to y\*)(?P<rises>, and the loss rises)?\.",
        steps,
    ),
    Says(r"Each of the other three methods covers 30 % at every α\.", lambda r, m: cover(r, ALL[1:])),
    Says(r"The two inverses cover 30 % at every α\.", lambda r, m: cover(r, ALL[2:])),
    Says(
        r"Newton has no step: on a straight line H = 0\.",
        lambda r, m: r["settings"]["problem"] == "incline" and not np.isfinite(r["now"]["newton"]["length"]),
    ),
    Says(r"Above α = (?P<alpha>\S+) gradient descent raises the loss\.", raises_above),
    # After the prediction
    Says(
        r"The gradient is ten times as long and each unit of x counts ten times as much, "
        r"so αx moves 100 times as far\.",
        lambda r, m: np.isclose(r["ten"]["length"], 10 * r["now"]["gradient_descent"]["length"], rtol=1e-3),
    ),
    Says(r"That is too far: the loss rises\.", ten_rises),
    Says(
        r"On a straight line the loss falls in proportion\.",
        lambda r, m: r["settings"]["problem"] == "incline" and np.isclose(times(r), 100, rtol=1e-6),
    ),
    Says(
        r"A short step lowers the loss in proportion; this one lowers it (?P<times>\S+) times as much\.",
        lambda r, m: np.isclose(number(m["times"]), times(r), rtol=0.06) and ten_lowers(r),
    ),
    Says(
        r"With α the step grows, and so does the effect of each unit of it\.",
        lambda r, m: r["ten"]["length"] > r["now"]["gradient_descent"]["length"],
    ),
    Says(
        r"A factor of ten would be right for a step of fixed length\.",
        lambda r, m: not 3.2 < times(r) < 29 or ten_rises(r),
    ),
    Says(
        r"This step is α times the slope at α = 1\.",
        lambda r, m: np.isclose(
            r["now"]["gradient_descent"]["length"],
            r["settings"]["eta"] * alpha(r) * np.linalg.norm(slope(r)),
            rtol=1e-3,
        ),
    ),
    Says(
        r"That holds for short steps only\.",
        ten_rises,
    ),
    Says(r"This one goes past the lowest point of the loss on its way, and up again\.", ten_rises),
    Says(
        r"To first order the factor is 100, but this step is too long for the first order\.",
        lambda r, m: times(r) < 31 and ten_lowers(r),
    ),
    Says(r"At ten times this α the step is still short enough to lower the loss\.", ten_lowers),
)  # fmt: skip
if precision() == "float32":
    SAYS += (
        Says(
            r"At this α and η the change of the loss is lost in rounding, so there is nothing to compare\.",
            lambda r, m: min(abs(change(r, alpha(r))), abs(change(r, 10 * alpha(r)))) < noise(r),
        ),
    )


def now(result, name, panel):
    return [alpha(result)], [np.abs(result["now"][name][panel])]


def turning(result):
    return result["turning"]


def falls_or_rises(result, part):
    """|ΔL| of gradient descent where the loss falls (0) or rises (1), from the own formula where it is no rounding."""
    given = np.asarray(result["over"]["gradient_descent"]["change"], float)
    with np.errstate(all="ignore"):
        own = change(result, ALPHAS)
        close = (
            np.isclose(own, given, rtol=1e-2, atol=noise(result) + 1e-7 * abs(loss(result, start(result))))
            | ~np.isfinite(given)
            | (np.abs(own) > 1e25)
        )
        return _parts(np.where(close, given, own), np.asarray(turning(result)))[part]


def bars(result, name, which):
    """Of row k: from 0 to what one step covers."""
    row = ALL.index(name)
    line = _bars(name, row, np.asarray(result["now"][name]["progress"], float), {})[which]
    return line.x, line.y


DRAWN = {
    "promise": lambda r: (ALPHAS, r["settings"]["eta"] * ALPHAS**2 * (slope(r) @ slope(r))),
    "rises": lambda r: (ALPHAS, falls_or_rises(r, 1)),
    "gradient_descent/change": lambda r: (ALPHAS, falls_or_rises(r, 0)),
    "turning-line": lambda r: (np.full(2, turning(r)), [1e-9, 1e9]),
    "goal": lambda r: ([1.0, 1.0], [-0.6, 3.6]),
}
DRAWN |= {f"{name}/change": lambda r, name=name: (ALPHAS, np.abs(r["over"][name]["change"])) for name in ALL[1:]}
DRAWN |= {f"{name}/length": lambda r, name=name: (ALPHAS, r["over"][name]["length"]) for name in ALL}
DRAWN |= {f"{n}/{p}/now": lambda r, n=n, p=p: now(r, n, p) for n in ALL for p in ("change", "length")}
DRAWN |= {f"{name}/progress": lambda r, name=name: bars(r, name, 0) for name in ALL}
DRAWN |= {f"{name}/beyond": lambda r, name=name: bars(r, name, 1) for name in ALL}
DRAWN |= {f"{name}/progress/now": lambda r, name=name: bars(r, name, 2) for name in ALL}
MARKS = {"turning": lambda r: (turning(r), 1e-8)}
LABELS = {"turning": "the loss rises"}
AXES = {"change": ("α", "|ΔL|"), "length": ("α", "|Δx|"), "progress": ("", "")}


def best(result):
    """|g|² / (g·Hg) over x at this α, the Hessian by differences of the loss along g."""
    z, g = start(result), slope(result)
    h = 1e-4
    along = g / np.linalg.norm(g)
    curved = (loss(result, z + h * along) - 2 * loss(result, z) + loss(result, z - h * along)) / h**2
    return 1 / (curved * alpha(result) ** 2)


def turns(value, result):
    if value == 0:
        with np.errstate(all="ignore"):
            return np.all(change(result, ALPHAS) < noise(result) + 1e-7 * loss(result, start(result)))
    return change(result, 0.9 * value) < noise(result) and change(result, 1.1 * value) > 0


LANDMARKS = {
    "alpha/1": lambda value, r: value == 1,
    "alpha/the loss rises": turns,
    "eta/best for this α": lambda value, r: (
        value == 0 if r["settings"]["problem"] == "incline" else np.isclose(value, best(r), rtol=1e-2)
    ),
}
