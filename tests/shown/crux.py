"""The crux: what its page says and draws."""

import numpy as np

from lessons.figures import arrow
from lessons.inversion.crux import ALPHAS, ANGLES, FLOOR, METERED
from tests.shown.kit import Says, said

INVERSE = ("newton", "inverse_gradient", "inverse_simulator")
PATHS = ("gradient_descent", *INVERSE)
PLACES = (
    {"start": (0.0, 0.0)},
    {"start": (3.0, 0.0), "alpha": 8.0, "eta": 0.3, "step": 3},
    {"alpha": 4.0, "eta": 0.064, "step": 20},
    {"alpha": 1.0, "eta": 0.15, "step": 7},
)


def downhill(result):
    """−∇L of |S R x|², written out."""
    alpha, angle = result["settings"]["alpha"], ANGLES[result["settings"]["axes"]]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return -2 * turn.T @ np.diag([1.0, alpha**2]) @ turn @ np.asarray(result["start"], float)


def aside(result):
    """The angle in degrees between −∇L and the line from the start to the minimum."""
    arrow, home = downhill(result), -np.asarray(result["start"], float)
    return np.degrees(np.arctan2(abs(arrow[0] * home[1] - arrow[1] * home[0]), arrow @ home))


def share(result, name):
    """A method's distance from the minimum at the step on screen, over that at the start."""
    x = np.asarray(result["paths"][name].x, float)
    return np.linalg.norm(x[result["settings"]["step"]]) / np.linalg.norm(x[0])


def limit(result):
    """The largest stable η: 1/α² in the steep direction, 1 in the other."""
    return 1 / max(1.0, result["settings"]["alpha"] ** 2)


def eta(result):
    return result["settings"]["eta"]


def at_start(result, _match=None):
    return np.linalg.norm(result["start"]) < 1e-8


def at_step(result, match):
    said_step, said_share = int(match["step"]), match["share"]
    return said_step == result["settings"]["step"] and said(said_share, share(result, "gradient_descent"))


def ranked(result, match):
    own, others = share(result, "gradient_descent"), [share(result, name) for name in INVERSE]
    below, above = own < min(others), own > max(others)
    rank = {"farther than": above, "closer than": below, "as close as": not below and not above}
    return at_step(result, match) and rank[match["rank"]]


def invariant(result, _match):
    meter = result["meter"]
    return all(meter[name] < 1e-3 for name in INVERSE) and meter["gradient_descent"] > 1e-3


def misses(result, _match):
    return aside(result) > 9.9


def gradient_as_written(result, _match):
    """(2x₁, 2α²x₂) along the stretched directions."""
    return result["settings"]["axes"] == "turned" or np.allclose(
        -downhill(result), 2 * np.asarray(result["start"]) * [1, result["settings"]["alpha"] ** 2]
    )


GD_AFTER = r"After (?P<step>\d+) iterations? gradient descent is (?:still )?"
SAYS = (
    Says(r"The start is the minimum, so no method moves\.", at_start),
    Says(r"Move the start\.", at_start),
    Says(r"The arrow −∇L points at the minimum\.", lambda r, m: aside(r) < 0.55),
    Says(r"The arrow −∇L points (?P<miss>\d+)° beside the minimum\.", lambda r, m: said(m["miss"], aside(r))),
    Says(
        r"Gradient descent diverges: η is above its stable limit of (?P<limit>\S+)\.",
        lambda r, m: not share(r, "gradient_descent") < 1e3 and eta(r) > limit(r) and said(m["limit"], limit(r)),
    ),
    Says(
        GD_AFTER + r"(?P<share>[\d.,]+ times) as far away as at the start: it diverges\.",
        lambda r, m: at_step(r, m) and share(r, "gradient_descent") > 1 and eta(r) > limit(r),
    ),
    Says(
        GD_AFTER + r"at (?P<share>[^,]+) of its initial distance, although η is above its stable limit\.",
        lambda r, m: at_step(r, m) and eta(r) > limit(r) and share(r, "gradient_descent") <= 1,
    ),
    Says(GD_AFTER + r"at (?P<share>[^,]+) of its initial distance, (?P<rank>[a-z ]+) the inverse methods\.", ranked),
    Says(
        r"The paths of the three inverse methods are the same for every α; gradient descent’s are not\.",
        invariant,
    ),
    # After the prediction
    Says(r"At the minimum the gradient is zero, so there is no arrow\.", at_start),
    Says(r"From here ∇L is parallel to the line to the minimum\.", lambda r, m: aside(r) < 0.55),
    Says(
        r"The arrow is perpendicular to the isoline through the start, and a stretched isoline is no circle\.",
        lambda r, m: r["settings"]["alpha"] != 1,
    ),
    Says(r"The steepest direction is that of a small step; the minimum may lie elsewhere\.", misses),
    Says(
        r"Compare the two directions: the gradient is \(2x₁, 2α²x₂\), the minimum lies along \(−x₁, −x₂\)\.",
        gradient_as_written,
    ),
    Says(
        r"The gradient is \(2x₁, 2α²x₂\): it turns far only where α² differs much from 1 and both x₁ and x₂ count\.",
        lambda r, m: aside(r) < 35.1,
    ),
)  # fmt: skip


def drawn_arrow(result):
    """1.6 long, from the start along −∇L."""
    tail, way = np.asarray(result["start"], float), downhill(result)
    tip = 1.6 * way / np.linalg.norm(way) if np.linalg.norm(way) else 0 * way
    return arrow(*tail, *tip, 0.25)


DRAWN = {f"{name}/x": lambda r, name=name: r["paths"][name].x.T for name in PATHS}
DRAWN |= {f"{name}/count": lambda r, name=name: (ALPHAS, r["counts"][name]) for name in PATHS}
DRAWN |= {
    f"{name}/meter": lambda r, name=name: (
        [FLOOR, np.clip(r["meter"][name], FLOOR, 10)],
        np.full(2, len(METERED) - 1 - METERED.index(name)),
    )
    for name in METERED
}
DRAWN |= {
    "to-minimum": lambda r: np.stack([r["start"], [0.0, 0.0]]).T,
    "downhill": drawn_arrow,
}
MARKS = {"minimum": lambda r: (0.0, 0.0)}
LANDMARKS = {
    "alpha/round: α = 1": lambda value, r: value == 1,
    "eta/stable limit": lambda value, r: np.isclose(value, limit(r), rtol=1e-4),
}
LABELS = {"minimum": "minimum"}
AXES = {"x": ("x₁", "x₂"), "count": ("α", "steps"), "meter": ("spread / length of the path", "")}


def loss(x, y, result):
    """|S R x|²."""
    alpha, angle = result["settings"]["alpha"], ANGLES[result["settings"]["axes"]]
    along, across = np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y
    return along**2 + alpha**2 * across**2


FIELDS = {"loss": loss}
