"""Steps in a latent space: what its page says and draws."""

import jax
import numpy as np

from core.problem import number
from lessons.figures import arrow
from lessons.inverse_gradients.latent_step import ETAS, FLOOR, SOLUTIONS, chain
from tests.shown.kit import Says, precision, said

PLACES = (
    {},
    {"problem": "squared", "start": SOLUTIONS["squared"]},
    {"problem": "squared", "start": (1.0, 0.0), "eta": 0.1},
    {"problem": "linear", "eta": 0.01},
    {"problem": "linear", "eta": 0.01, "latent": "y"},
    {"problem": "sine", "eta": 0.01},
)
RULES = ("gradient_descent", "newton", "inverse_gradient", "inverse_simulator")
WORDS = {
    "gradient descent": "gradient_descent",
    "Newton’s method": "newton",
    "the inverse gradient": "inverse_gradient",
}
DOUBLE = precision() == "float64"


def told(result, name):
    return result[result["settings"]["latent"]][name]


def missed(result, name):
    """|actual − announced| / |announced| of the step on screen."""
    step = told(result, name)
    with np.errstate(all="ignore"):
        return np.linalg.norm(step["actual"] - step["announced"]) / np.linalg.norm(step["announced"])


def rounding(result):
    """What rounding may make of a share: differences of numbers of about 1, over the announced step."""
    eps = 1e-14 if DOUBLE else 1e-5
    sizes = [np.linalg.norm(told(result, name)["announced"]) for name in ("inverse_gradient", "newton")]
    return eps / max(min(size for size in sizes if np.isfinite(size)), 1e-300)


def linear(result):
    """Whether the map from x to the latent space is linear: its Jacobian is the same everywhere."""
    inner, outer = chain(result["settings"]["problem"])
    whole = inner.forward if result["settings"]["latent"] == "z" else lambda x: outer.forward(inner.forward(x))
    one, other = (np.asarray(jax.jacobian(whole)(number(x))) for x in ((0.3, -0.7), (1.1, 0.9)))
    return np.allclose(one, other, atol=1e-6)


_linear: dict = {}


def is_linear(result):
    key = result["settings"]["problem"], result["settings"]["latent"]
    if key not in _linear:
        _linear[key] = linear(result)
    return _linear[key]


def shares(result, match):
    """Every method that is named misses what is said of it, and is named where it has a step."""
    parts = match["parts"].replace(" misses", "").replace(" and ", ", ").split(", ")
    found = {}
    for part in parts:
        name = next(word for word in WORDS if part.lower().startswith(word.lower()))
        found[WORDS[name]] = part[len(name) :].strip()
    finite = {name for name in WORDS.values() if np.isfinite(missed(result, name))}
    return (
        match["space"] == result["settings"]["latent"]
        and set(found) == finite
        and all(
            missed(result, name) <= 10 * rounding(result) and is_linear(result)
            if text == "nothing"
            else near(text, missed(result, name))
            for name, text in found.items()
        )
    )


def near(text, value):
    slack = 1e-5 if DOUBLE else 1e-3
    return any(said(text, value * (1 + off)) for off in (0, slack, -slack))


def stuck(result, match):
    """Just the methods that are named have a step that is no number; the determinant is next to 0 there."""
    names = match["names"].replace(" and ", ", ").split(", ")
    named = {WORDS[next(word for word in WORDS if word.lower() == name.lower())] for name in names}
    return named == {name for name in WORDS.values() if not np.isfinite(missed(result, name))}


def over_tenth(result, name):
    with np.errstate(all="ignore"):
        return np.divide(told(result, name)["share"], told(result, name)["tenth"])


def series(result, _match):
    falls = 5 < over_tenth(result, "inverse_gradient") < 20
    return falls and all(0.5 < over_tenth(result, name) < 2 for name in ("gradient_descent", "newton"))


def at_solution(result, _match=None):
    return np.linalg.norm(told(result, "inverse_simulator")["announced"]) < 1e-9


def ratios(result, match):
    found = {}
    for part in match["parts"].replace(" and ", ", ").split(", "):
        value, name = part.split(" for ")
        found[WORDS[name]] = value
    return all(near(value, over_tenth(result, name)) for name, value in found.items()) and "inverse_gradient" in found


def shrinks(result, _match=None):
    return 4.9 < over_tenth(result, "inverse_gradient") < 20.1


def nothing(result, _match):
    return is_linear(result) and missed(result, "inverse_gradient") <= 10 * rounding(result)


SAYS = (
    Says(r"The start is a solution, so every method announces no step and takes none\.", at_solution),
    Says(r"Move x\.", at_solution),
    Says(r"Of its announced step in (?P<space>[yz]) (?P<parts>.+)\.", shares),
    Says(r"(?P<names>.+) ha(?:s|ve) no step here, because a matrix is singular\.", stuck),
    Says(
        r"The inverse simulator misses nothing\.",
        lambda r, m: missed(r, "inverse_simulator") < (1e-6 if DOUBLE else 1e-3),
    ),
    Says(
        r"At a tenth of η the inverse gradient misses about a tenth of its share, the others nearly as much as now\.",
        series,
    ),
    # After the prediction
    Says(
        r"At this start the inverse gradient announces no step, or a matrix is singular\.",
        lambda r, m: at_solution(r) or not np.isfinite(over_tenth(r, "inverse_gradient")),
    ),
    Says(
        r"Here η is too large for a clear answer, or rounding is all that is missed\.",
        lambda r, m: not 5 < over_tenth(r, "inverse_gradient") < 20,
    ),
    Says(r"Try another η or start\.", lambda r, m: not shrinks(r) or abs(over_tenth(r, "inverse_gradient") - 12) > 6.9),
    Says(r"The Jacobian of a linear P₁ cancels exactly, at every η\.", nothing),
    Says(r"The share at this η, divided by that at a tenth of it, is (?P<parts>.+)\.", ratios),
    Says(r"The map from x to z is linear here, so the inverse gradient misses nothing\.", nothing),
    Says(
        r"What the inverse gradient misses comes from curvature: it shrinks like η², the step like η\.",
        lambda r, m: not is_linear(r) and shrinks(r),
    ),
    Says(
        r"The Jacobian cancels only to first order; the curvature between x and the latent space is left\.",
        lambda r, m: not is_linear(r) and shrinks(r),
    ),
)  # fmt: skip


def seen(name):
    """The actual step in a frame whose first axis is the announced one."""

    def of(result):
        step = told(result, name)
        announced, actual = np.asarray(step["announced"], float), np.asarray(step["actual"], float)
        with np.errstate(all="ignore"):
            frame = np.array([announced, [-announced[1], announced[0]]])
            ahead, aside = (frame * actual).sum(axis=1) / max(announced @ announced, 1e-300)
        ahead, aside = (part if np.isfinite(part) else np.nan for part in (ahead, aside))
        return arrow(0 * ahead, 0 * ahead, ahead, aside, 0.1)

    return of


def direction(name):
    def of(result):
        dx = np.asarray(told(result, name)["dx"], float)
        dx = np.where(np.isfinite(dx), dx, np.nan)
        largest = np.max(np.abs(dx))
        unit = dx / max(largest, 1e-300) if np.isfinite(largest) else dx
        length = np.linalg.norm(unit)
        return arrow(*result["settings"]["start"], *(0.9 * unit / (length if length else 1.0)), 0.15)

    return of


def drawn_shares(name):
    return lambda r: (ETAS, np.maximum(told(r, name)["shares"], FLOOR))


def floor(result):
    """At the floor, where a share of any method is below it at some η."""
    below = any(np.any(told(result, name)["shares"] <= FLOOR) for name in RULES)
    return 2e-3, FLOOR if below else np.nan


DRAWN = {f"{name}/share": drawn_shares(name) for name in RULES}
DRAWN |= {f"{name}/seen": seen(name) for name in RULES} | {f"{name}/dx": direction(name) for name in RULES}
DRAWN |= {"announced": lambda r: ([0, 1], [0, 0])}
MARKS = {
    "solution": lambda r: SOLUTIONS[r["settings"]["problem"]],
    "tip": lambda r: (1.0, 0.0),
    "exact": floor,
}
LABELS = {"solution": "solution", "tip": "announced", "exact": "exact, up to rounding"}
AXES = {"share": ("step size η", "missed share"), "seen": ("along", "aside"), "x": ("x₁", "x₂")}
LANDMARKS = {"eta/0.01": lambda value, r: value == 0.01, "eta/full": lambda value, r: value == 1}
