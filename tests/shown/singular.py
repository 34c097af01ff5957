"""Near a singular Jacobian: what its page says and draws."""

import numpy as np

from lessons.inverse_gradients.singular import LEAST, ON_THE_LINE, SCAN, VIEW, refusal
from tests.shown.kit import Says, precision, said

DOUBLE = precision() == "float64"
PLACES = (
    {},
    {"start": ON_THE_LINE, "step": 4},
    {"start": (0.8, 0.9), "step": 3},
    {"step": 12, "truncation": 0.001},
    {"start": (2.5, -2.9), "step": 3, "truncation": 1.0},
    {"problem": "sine", "start": (-0.9, 0.4), "step": 2, "truncation": 1.0},
    *({"problem": name, "step": 0} for name in ("two", "three", "one", "sine")),
)
MASTS = ((-1.5, -1.0), (1.5, -1.0), (0.0, 1.8))
COUNT = {"one": 1, "two": 2, "three": 3}
PLAIN, CUT = "inverse_gradient", "truncated_inverse_gradient"


def settings(result):
    return result["settings"]


def forward(result, x):
    """The distances to the tops of the masts, half a unit high; or the turned sine of conditioning 1.5."""
    x = np.asarray(x, float)
    if settings(result)["problem"] == "sine":
        c, s = np.cos(0.6), np.sin(0.6)
        return np.array([np.sin(c * x[0] - s * x[1]) / 1.5, 1.5 * (s * x[0] + c * x[1])])
    masts = np.array(MASTS[: COUNT[settings(result)["problem"]]])
    return np.sqrt(((x - masts) ** 2).sum(axis=1) + 0.25)


def jacobian(result, x):
    x = np.asarray(x, float)
    if settings(result)["problem"] == "sine":
        c, s = np.cos(0.6), np.sin(0.6)
        slope = np.cos(c * x[0] - s * x[1]) / 1.5
        return np.array([[slope * c, -slope * s], [1.5 * s, 1.5 * c]])
    masts = np.array(MASTS[: COUNT[settings(result)["problem"]]])
    return (x - masts) / forward(result, x)[:, None]


def solution(result):
    return np.array([-0.7, -0.5] if settings(result)["problem"] == "sine" else [0.8, 0.9])


def gap(result, x):
    """y* − y, with an error of 0.3 in the distances to three masts."""
    return forward(result, solution(result)) + 0.3 * (settings(result)["problem"] == "three") - forward(result, x)


def loss(x, y, result):
    return float(np.sum(gap(result, (x, y)) ** 2))


def least(result, x):
    """The smallest singular value."""
    return np.linalg.svd(jacobian(result, x), compute_uv=False)[-1]


def step(result):
    return settings(result)["step"]


def square(result):
    return settings(result)["problem"] in ("two", "sine")


def x0(result):
    return np.asarray(settings(result)["start"], float)


def plain_step(result, x):
    """|J⁻¹ η (y* − y)|."""
    with np.errstate(all="ignore"):
        matrix = jacobian(result, x)
        if not square(result) or np.linalg.det(matrix) == 0:
            return np.nan
        return np.linalg.norm(np.linalg.solve(matrix, settings(result)["eta"] * gap(result, x)))


def truncated_step(result, x):
    """The same along the directions whose singular value is above the threshold."""
    u, s, vt = np.linalg.svd(jacobian(result, x), full_matrices=False)
    kept = s > settings(result)["truncation"]
    return (
        np.linalg.norm(vt.T @ (np.where(kept, 1 / np.where(kept, s, 1), 0) * (u.T @ gap(result, x))))
        * settings(result)["eta"]
    )


def nearly(text, value, rtol):
    return any(said(text, value * (1 + share)) for share in (0, rtol, -rtol, rtol / 10, -rtol / 10))


def slack(result):
    """How far a first step is off by rounding: as much as J is near to singular."""
    return (1e-10 if DOUBLE else 1e-5) / max(least(result, x0(result)), 1e-12)


def on_line(result, _match=None):
    return square(result) and least(result, x0(result)) < (1e-9 if DOUBLE else 1e-6)


def at_solution(result, _match=None):
    return np.linalg.norm(gap(result, x0(result))) < 1.1e-6


def first(result, match):
    value = plain_step(result, x0(result))
    return nearly(match["long"], value, slack(result)) or value < 1e-6


def now(result):
    return np.asarray(result["paths"][PLAIN].x[step(result)], float)


def outside(result, match):
    if match["step"] is None:
        return first(result, match) and not np.isfinite(now(result)).all()
    return first(result, match) and int(match["step"]) == step(result) and np.abs(now(result)).max() > VIEW


def lower(result, match):
    found = np.asarray(result["paths"][PLAIN].loss, float)
    lowered = found[step(result)] < found[0]
    return first(result, match) and int(match["step"]) == step(result) and lowered == (match["rank"] == "lower")


def truncated(result, match):
    singular = np.linalg.svd(jacobian(result, x0(result)), compute_uv=False)
    dropped, value = int(np.sum(singular <= settings(result)["truncation"])), truncated_step(result, x0(result))
    kept = {0: "keeps every", len(singular): "drops every"}.get(dropped, "drops one")
    return match["kept"] == kept and (nearly(match["long"], value, slack(result)) or value < 1e-6)


def fallen(result):
    found = np.asarray(result["paths"][CUT].loss, float)
    return found[step(result)] < found[0]


def fold(result):
    """The nearest point on the line of the two masts, or on the nearest crest of the sine."""
    x = x0(result)
    if settings(result)["problem"] == "two":
        return np.array([x[0], -1.0])
    across = np.array([np.cos(0.6), -np.sin(0.6)])
    u1 = across @ x
    return x + (np.pi / 2 + np.pi * np.round((u1 - np.pi / 2) / np.pi) - u1) * across


def growth(result):
    """How many times as long the first step is from a tenth of the distance."""
    near = fold(result) + (x0(result) - fold(result)) / 10
    return plain_step(result, near) / plain_step(result, x0(result))


def smaller_there(result, _match):
    near = fold(result) + (x0(result) - fold(result)) / 10
    return least(result, near) < least(result, x0(result)) and growth(result) > 2.99


def no_step(result, _match):
    return not square(result) or on_line(result)


def like_distance(result, _match=None):
    """Ten times nearer, close to the line, J⁻¹ is ten times as large."""
    away = np.array([0.0, 1.0]) if settings(result)["problem"] == "two" else np.array([np.cos(0.6), -np.sin(0.6)])
    near, nearer = (least(result, fold(result) + share * away) for share in (1e-4, 1e-5))
    return square(result) and np.isclose(near / nearer, 10, rtol=1e-2)


BEGUN = r"The inverse gradient’s first step is (?P<long>\S+) long, and "
SAYS = (
    Says(
        r"At the start the smallest singular value of J is (?P<least>\S+), (?P<side>above|not above) the threshold τ\.",
        lambda r, m: (
            (nearly(m["least"], least(r, x0(r)), 1e-5) or least(r, x0(r)) < 1e-6)
            and (m["side"] == "above") == (least(r, x0(r)) > settings(r)["truncation"])
        ),
    ),
    Says(r"Take a step\.", lambda r, m: step(r) == 0),
    Says(
        r"J is not square, so it has no inverse and the plain inverse gradient no step\.",
        lambda r, m: jacobian(r, x0(r)).shape in ((1, 2), (3, 2)),
    ),
    Says(r"J is singular at the start, so the inverse gradient has no first step\.", on_line),
    Says(BEGUN + r"(?:its path has left the map|after (?P<step>\d+) iterations? it is outside the map)\.", outside),
    Says(BEGUN + r"after (?P<step>\d+) iterations? its loss is (?P<rank>lower|not lower) than at first\.", lower),
    Says(
        r"The truncated one (?P<kept>keeps every|drops every|drops one) direction at the start, and its first step is "
        r"(?P<long>\S+) long\.",
        truncated,
    ),
    Says(r"Its loss has fallen since the start\.", lambda r, m: fallen(r)),
    Says(r"Its loss has not fallen since the start\.", lambda r, m: not fallen(r)),
    # After the prediction
    Says(r"The start is a solution, so the first step is zero\.", at_solution),
    Says(
        r"The Jacobian is (?P<m>\d) × (?P<n>\d), one row for each output and one column for each unknown, and only a "
        r"square matrix has an inverse\.",
        lambda r, m: (int(m["m"]), int(m["n"])) == jacobian(r, x0(r)).shape and m["m"] != m["n"],
    ),
    Says(r"The start is on the line itself: there is no step, and none nearer to it\.", on_line),
    Says(
        r"Here it becomes (?P<growth>\S+) times as long\.",
        lambda r, m: nearly(m["growth"], growth(r), 30 * slack(r)),
    ),
    Says(r"Here the plain inverse gradient has no step, neither at the start nor nearer to the line\.", no_step),
    Says(r"One singular value of J is smaller there, and the inverse divides by it\.", smaller_there),
    Says(
        r"The step grows like 1 / distance only close to the line, and as long as the gap in y stays the same\.",
        lambda r, m: like_distance(r) and not 3.01 < growth(r) < 29.9,
    ),
    Says(
        r"Close to the line J⁻¹ grows like 1 / distance, not like its square\.",
        lambda r, m: like_distance(r) and growth(r) < 30.1,
    ),
    Says(
        r"J is singular only on the line itself; beside it J⁻¹ exists\.",
        lambda r, m: square(r) and least(r, x0(r)) > 0 and least(r, fold(r)) < 1e-6,
    ),
)  # fmt: skip


def column(result):
    return [(x0(result)[0], height) for height in SCAN]


def plain_lengths(result):
    """Gaps beside a height where det J changes its sign."""
    dets = np.array([np.linalg.det(jacobian(result, x)) for x in column(result)])
    change = np.sign(dets[1:]) != np.sign(dets[:-1])
    beside = np.concatenate([change, [False]]) | np.concatenate([[False], change])
    lengths = np.clip([plain_step(result, x) for x in column(result)], 1e-3, 1e6)
    return SCAN, np.where(beside, np.nan, lengths)


def weakest(result):
    """0.8 to both sides along the direction that J answers to least."""
    way = np.asarray(result["weakest"], float)
    answer = 0.0 if settings(result)["problem"] == "one" else least(result, x0(result))
    assert np.isclose(np.linalg.norm(jacobian(result, x0(result)) @ way), answer, atol=1e-5)
    return np.stack([x0(result) - LEAST * way, x0(result) + LEAST * way], axis=1)


def finite(path):
    return np.where(np.isfinite(path.x), path.x, np.nan).T


def bound(result):
    gaps = [np.linalg.norm(gap(result, x)) for x in column(result)]
    return SCAN, settings(result)["eta"] * np.array(gaps) / settings(result)["truncation"]


DRAWN = {f"{name}/{panel}": lambda r, n=name: finite(r["paths"][n]) for name in (PLAIN, CUT) for panel in ("x", "far")}
DRAWN |= {
    f"{CUT}/length": lambda r: (SCAN, np.clip([truncated_step(r, x) for x in column(r)], 1e-3, 1e6)),
    f"{PLAIN}/length": plain_lengths,
    "least": weakest,
    "bound": bound,
}
if not DOUBLE:  # beside the line the steps are as large as their rounding
    DRAWN |= {
        f"{CUT}/length": lambda r: (SCAN, np.clip(r["lengths"][CUT], 1e-3, 1e6)),
        f"{PLAIN}/length": lambda r: (SCAN, np.where(r["crossed"], np.nan, np.clip(r["lengths"][PLAIN], 1e-3, 1e6))),
    }
MARKS = {f"mast{k}": lambda r, k=k: MASTS[k] for k in range(3)}
MARKS |= {"solution": solution, "map": lambda r: ((-VIEW, VIEW), (-VIEW, VIEW))}


def LABELS(result):
    names = (
        {}
        if settings(result)["problem"] == "sine"
        else {f"mast{k}": "mast" for k in range(COUNT[settings(result)["problem"]])}
    )
    return names | {"solution": "solution", "map": "the map"}


AXES = {"x": ("x₁", "x₂"), "far": ("x₁", "x₂"), "length": ("x₂", "|Δx|")}
FIELDS = {"fold": lambda x, y, r: -np.log10(max(least(r, (x, y)), 1e-6)), "loss": loss}
LANDMARKS = {
    "truncation/0.001": lambda value, r: value == 1e-3,
    "truncation/0.1": lambda value, r: value == 0.1,
    "eta/half": lambda value, r: value == 0.5,
    "eta/full": lambda value, r: value == 1,
}
assert refusal(np.zeros((1, 2))) and not refusal(np.zeros((2, 2)))
