"""Noise: what its page says and draws."""

import numpy as np

from lessons.newton.noise import CUT, KS, PARTS, STEPS
from tests.shown.kit import Says, precision, said

PLACES = (
    {},
    {"wave_number": 2.0},
    {"size": 1e-5, "step": 0},
    {"size": 0.1, "wave_number": 64.0},
    {"size": 0.1, "wave_number": 1.0},
    {"size": 0.1, "wave_number": 3.0, "problem": "banana", "start": (1.2, 1.2)},
)
RULES = ("newton", "gradient_descent")


def bowl(result):
    return result["settings"]["problem"] == "sheared"


def loss(x, y, result):
    """The smooth loss, as the page's text writes it."""
    return (x + y - 2) ** 2 + (2 * y - 2) ** 2 if bowl(result) else (1 - x) ** 2 + 4 * (y - x**2) ** 2


def by_x1(x, y, result):
    """L and its first and second derivative by x1."""
    if bowl(result):
        return loss(x, y, result), 2 * (x + y - 2), 2 + 0 * x
    return loss(x, y, result), -2 * (1 - x) - 16 * x * (y - x**2), 2 - 16 * (y - x**2) + 32 * x**2


def smallest(result):
    """The smaller eigenvalue of the smooth Hessian at the solution (1, 1)."""
    matrix = [[2.0, 2.0], [2.0, 10.0]] if bowl(result) else [[34.0, -16.0], [-16.0, 8.0]]
    return np.linalg.eigvalsh(matrix)[0]


def size(result):
    return result["settings"]["size"]


def k(result):
    return result["settings"]["wave_number"]


def step(result):
    return result["settings"]["step"]


def gap(result, name):
    """How far the ripple has moved a path, by step."""
    noisy, clean = (np.asarray(result["paths"][which][name].x, float) for which in ("noisy", "clean"))
    with np.errstate(invalid="ignore", over="ignore"):
        return np.linalg.norm(noisy - clean, axis=1)


def far_said(text, value):
    return not value < 4.99 if text == "more than the width of the figure" else said(text, value)


def moved(result, match):
    return int(match["step"]) == step(result) and all(far_said(match[n], gap(result, n)[step(result)]) for n in RULES)


def most(result, name):
    """The largest distance, for ever if the path leaves."""
    return np.max(np.nan_to_num(gap(result, name), nan=np.inf))


def errors(result, match):
    """The ripple's largest slope and curvature, by differences of its values along a fine line."""
    x = np.linspace(0, 2 * np.pi / k(result), 4001)
    value = size(result) * np.sin(k(result) * x)
    slope = np.gradient(value, x)
    curvature = np.gradient(slope, x)[2:-2]
    rough = 1 + 1e-5
    return all(
        said(text, number) or said(text, number * rough) or said(text, number / rough)
        for text, number in ((match["slope"], np.abs(slope).max()), (match["curvature"], np.abs(curvature).max()))
    )


SAYS = (
    Says(
        r"Both methods begin at the same point with the ripple and without\.",
        lambda r, m: step(r) == 0 and all(gap(r, name)[0] == 0 for name in RULES),
    ),
    Says(r"Take a step\.", lambda r, m: step(r) == 0),
    Says(
        r"After (?P<step>\d+) iterations? the ripple has moved Newton by (?P<newton>.+) and gradient descent by "
        r"(?P<gradient_descent>[^.]*(?:\.\d+)?)\.",
        moved,
    ),
    Says(
        r"The ripple’s curvature ε k² is (?P<side>above|below) the smallest curvature of the smooth loss at the "
        r"solution\.",
        lambda r, m: (size(r) * k(r) ** 2 > smallest(r)) == (m["side"] == "above"),
    ),
    Says(r"Lower k to change that\.", lambda r, m: size(r) * k(r) ** 2 > smallest(r) > size(r)),
    Says(r"Raise k to change that\.", lambda r, m: size(r) * k(r) ** 2 <= smallest(r)),
    # After the prediction
    Says(
        r"The ripple changes the slope by up to ε k = (?P<slope>\S+) and the curvature by up to ε k² = "
        r"(?P<curvature>\S+)\.",
        errors,
    ),
    Says(
        r"The smallest curvature of the smooth loss at the solution is (?P<value>\S+)\.",
        lambda r, m: said(m["value"], smallest(r)),
    ),
    Says(
        r"One of the paths is moved by about 0\.1 here, too close to the limit for a question\.",
        lambda r, m: any(0.069 < most(r, name) < 0.141 for name in RULES),
    ),
    Says(
        r"A ripple that is small in L need not be small in the derivatives: they have ε k and ε k²\.",
        lambda r, m: max(most(r, name) for name in RULES) > 0.1,
    ),
    Says(
        r"Gradient descent uses the slope, with an error of ε k\.",
        lambda r, m: most(r, "gradient_descent") < 0.1 or most(r, "newton") > 0.1,
    ),
    Says(r"Newton’s method uses the curvature too, with an error of ε k²\.", lambda r, m: k(r) >= 1),
    Says(
        r"The ripple changes the slope as well, and gradient descent follows the slope\.",
        lambda r, m: most(r, "gradient_descent") > 0.1,
    ),
    Says(
        r"Compare ε k² with the smallest curvature of the smooth loss before you blame Newton’s method\.",
        lambda r, m: most(r, "newton") < 0.1,
    ),
    Says(
        r"The error of the slope, ε k, is k times smaller than that of the curvature, ε k²\.",
        lambda r, m: min(most(r, name) for name in RULES) < 0.1,
    ),
)


def cut(part):
    def of(result):
        x, y = result["settings"]["start"]
        even = np.broadcast_to(by_x1(x + CUT, y, result)[part], CUT.shape)
        wave = k(result) * (x + CUT)
        added = (np.sin(wave) + np.sin(k(result) * y), k(result) * np.cos(wave), -(k(result) ** 2) * np.sin(wave))
        return CUT, (even + size(result) * added[part]) / np.max(np.abs(even))

    return of


def growth(part):
    """The root mean square of a sine is 1 / sqrt 2; each derivative brings a factor k."""
    return lambda r: (KS, size(r) * KS**part / np.sqrt(2))


DRAWN = {f"{name}/x": lambda r, name=name: r["paths"]["noisy"][name].x.T for name in RULES}
DRAWN |= {f"{name}/clean": lambda r, name=name: r["paths"]["clean"][name].x.T for name in RULES}
if precision() == "float64":
    DRAWN |= {f"{part}/cut": cut(number) for number, part in enumerate(PARTS)}
else:  # the phase k x is off by rounding there
    DRAWN |= {
        f"{p}/cut": lambda r, p=p: (CUT, r["cut"]["noisy"][p] / np.abs(r["cut"]["clean"][p]).max()) for p in PARTS
    }
DRAWN |= {f"{part}/growth": growth(number) for number, part in enumerate(PARTS)}
MARKS = {"solution": lambda r: (1.0, 1.0)}
LABELS = {"solution": "solution"}
AXES = {"x": ("x₁", "x₂"), "cut": ("x₁ − start", ""), "growth": ("k", "")}
FIELDS = {"loss-field": loss}
LANDMARKS = {
    "wave_number/ε k² = smallest curvature": lambda value, r: np.isclose(size(r) * value**2, smallest(r), rtol=1e-4),
    "size/ε k² = smallest curvature": lambda value, r: np.isclose(value * k(r) ** 2, smallest(r), rtol=1e-4),
}


def table_slips(tables, result):
    (table,) = tables
    wrong, near = [], max(1, round(k(result)))  # whole periods are measured
    for number, (name, cells) in enumerate(table.rows):
        if not said(cells[0].text, size(result) * near**number / np.sqrt(2)):
            wrong.append(f"{name}: {cells[0].text}")
        if float(cells[1].text) != number:
            wrong.append(f"{name} grows with k to the power {cells[1].text}")
    return wrong


assert STEPS == 24  # as the question says
