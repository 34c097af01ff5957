"""Newton at a saddle: what its page says and draws."""

import jax
import jax.numpy as jnp
import numpy as np

from core.problem import number
from core.safeguard import TOO_FLAT
from core.surrogate import learned_loss
from core.toys import SquaredSecond
from lessons.newton.newton_breaks import STEPS, VIEW
from tests.shown.kit import Says, precision, said

PLACES = (
    {"start_x2": 0.57735, "level": 1.0, "step": 1},
    {"start_x2": 0.57735, "level": 1.0, "step": 14},
    {"start_x2": 0.4, "level": 1.0, "step": 14},
    {"start_x2": 0.2, "level": 1.0, "step": 2},
    {"start_x2": 0.6, "level": 1.0, "step": 1},
    {"start_x2": 1.5, "step": 14},
    {"start_x2": 1.5, "step": 0},
    {"start_x2": 0.3, "step": 0},
    {"loss": "relu", "step": 0},
    {"loss": "relu", "step": 1},
    {"loss": "relu", "step": 5},
    {"loss": "tanh", "start_x2": 0.57, "level": 1.0, "step": 6},
    {"loss": "tanh", "start_x2": 0.755, "level": 1.0, "step": 14},
)
WALKS = ("newton", "safe_newton", "gradient_descent")


def level(result):
    return result["settings"]["level"]


def exact(result):
    return result["settings"]["loss"] == "exact"


def objective(result):
    """x1^2 + (x2^2 - c)^2, or the network that imitates it."""
    if exact(result):
        return lambda x: x[0] ** 2 + (x[1] ** 2 - level(result)) ** 2
    return learned_loss(SquaredSecond(target=(0.0, level(result))), result["settings"]["loss"]).objective


_derivatives: dict = {}


def slope_and_hessian(result, x):
    """The gradient and the Hessian at x."""
    x = np.asarray(x, float)
    if exact(result):
        slope = np.array([2 * x[0], 4 * x[1] * (x[1] ** 2 - level(result))])
        return slope, np.diag([2.0, 12 * x[1] ** 2 - 4 * level(result)])
    name = result["settings"]["loss"]
    if name not in _derivatives:

        def both(x, c):
            network = learned_loss(SquaredSecond(target=jnp.stack([0 * c, c])), name)
            return jax.grad(network.objective)(x), jax.hessian(network.objective)(x)

        _derivatives[name] = jax.jit(both)
    slope, hessian = _derivatives[name](number(x), number(level(result)))
    return np.asarray(slope, float), np.asarray(hessian, float)


def slope_and_curvatures(result, x):
    """The gradient at x and the eigenvalues of the Hessian, the smallest first."""
    slope, hessian = slope_and_hessian(result, x)
    return slope, np.linalg.eigvalsh(hessian) if np.isfinite(hessian).all() else np.full(2, np.nan)


def step(result):
    return result["settings"]["step"]


def at_start(result):
    return slope_and_curvatures(result, start(result))[1]


def start(result):
    return np.array([0.3, result["settings"]["start_x2"]])


def first(result):
    return np.asarray(result["paths"]["newton"].x[1], float)


def now(result):
    return np.asarray(result["paths"]["newton"].x[step(result)], float)


def rises(result):
    path = result["paths"]["newton"]
    return path.loss[1] > path.loss[0]


def uphill(result):
    """Whether the loss grows at the beginning of Newton's first step."""
    slope, _ = slope_and_curvatures(result, start(result))
    return slope @ (first(result) - start(result)) > 0


def flat(result, x):
    """Whether a gradient is below a thousandth there, give or take rounding."""
    slope, _ = slope_and_curvatures(result, x)
    return np.linalg.norm(slope) < 1.02e-3


def refused(result):
    """Of the steps up to the one on screen: the curvatures where the path with a fallback took gradient descent's."""
    path, found = np.asarray(result["paths"]["safe_newton"].x, float), []
    for k in range(step(result)):
        slope, hessian = slope_and_hessian(result, path[k])
        taken, curvatures = path[k + 1] - path[k], np.linalg.eigvalsh(hessian)
        descent = cut(-result["settings"]["fallback"] * slope)
        newton = cut(-np.linalg.pinv(hessian) @ slope)
        if np.linalg.norm(taken - descent) < np.linalg.norm(taken - newton) and np.linalg.norm(slope) > 1e-7:
            found.append(curvatures)
    return np.array(found).reshape(-1, 2)


def cut(dx):
    """No step is longer than 1."""
    return dx / max(1.0, np.linalg.norm(dx))


MARGIN = 1e-6 if precision() == "float64" else 2e-3  # how far a ratio of curvatures is off, by rounding


def causes(result, why):
    """Whether every refused step was refused for this reason."""
    found = refused(result)
    scale = np.abs(found).max(axis=1)
    ratio = found[:, 0] / np.where(scale > 0, scale, 1)
    if why == "because a curvature was negative":
        return np.all(ratio < -TOO_FLAT + MARGIN)
    if why == "because a curvature was nearly zero":
        return np.all((np.abs(ratio) < TOO_FLAT + MARGIN) & (scale > 0))
    if why == "because the Hessian was zero":
        return np.all(scale == 0)
    return why == "where a curvature was negative or nearly zero" and np.all(ratio < TOO_FLAT + MARGIN)


def replaced(result, match):
    count = len(refused(result))
    if match["count"] is None:
        return count == step(result) == 1 and causes(result, match["why"])
    return int(match["steps"]) == step(result) and int(match["count"]) == count and causes(result, match["why"])


def singular(result, x):
    """Whether the Hessian cannot be inverted there."""
    curvatures = np.abs(slope_and_curvatures(result, x)[1])
    return np.min(curvatures) <= 1e-9 * max(1.0, np.max(curvatures)) or np.max(curvatures) < 1e-6


def outside(result, match):
    """Newton's last finite point up to now lies outside, this far from the start; or no distance is given."""
    path = np.asarray(result["paths"]["newton"].x[: step(result) + 1], float)
    finite = path[np.isfinite(path).all(axis=1)]
    far = np.linalg.norm(finite[-1] - start(result))
    if match["far"] is None:
        return len(finite) < len(path) and np.abs(finite[-1]).max() > VIEW
    return len(finite) == len(path) and np.abs(finite[-1]).max() > VIEW and said(match["far"], far)


def formula(result, _match):
    x2 = result["settings"]["start_x2"]
    step2 = -4 * x2 * (x2**2 - level(result)) / (12 * x2**2 - 4 * level(result))
    return np.allclose(first(result), [0.0, x2 + step2], rtol=1e-3, atol=1e-4) and exact(result)


def imitates(result, _match):
    """The network's loss along the figure is within a tenth of the formula's range."""
    own = objective(result)
    return not exact(result) and all(
        abs(float(own(np.array([0.3, x2]))) - (0.09 + (x2**2 - level(result)) ** 2)) < 0.1 * 16 for x2 in (-1.5, 0, 1.5)
    )


SAYS = (
    Says(r"At the start the Hessian is zero\.", lambda r, m: np.all(at_start(r) == 0)),
    Says(r"At the start all curvatures are positive\.", lambda r, m: at_start(r)[0] > -1e-6),
    Says(r"At the start the smallest curvature is not positive\.", lambda r, m: at_start(r)[0] <= 1e-6),
    Says(r"Take a step\.", lambda r, m: step(r) == 0),
    Says(
        r"Newton’s method cannot take a step, because the Hessian is singular at the start\.",
        lambda r, m: not np.isfinite(first(r)).all() and singular(r, start(r)),
    ),
    Says(
        r"Newton’s first step points uphill, because a curvature is negative there, (and L rises|yet it ends lower)\.",
        lambda r, m: uphill(r) and at_start(r)[0] < 0 and rises(r) == (m[1] == "and L rises"),
    ),
    Says(
        r"Newton’s first step points downhill but is too long, so L rises\.", lambda r, m: not uphill(r) and rises(r)
    ),
    Says(r"Newton’s first step points downhill, and L falls\.", lambda r, m: not uphill(r) and not rises(r)),
    Says(r"It is now outside the figure(?:, (?P<far>\S+) from its start)?\.", outside),
    Says(r"It has not converged yet\.", lambda r, m: np.linalg.norm(slope_and_curvatures(r, now(r))[0]) > 0.98e-3),
    Says(
        r"Its gradient is now almost zero, at a minimum\.",
        lambda r, m: flat(r, now(r)) and slope_and_curvatures(r, now(r))[1][0] > -1e-6,
    ),
    Says(
        r"Its gradient is now almost zero, but not at a minimum\.",
        lambda r, m: flat(r, now(r)) and slope_and_curvatures(r, now(r))[1][0] <= 1e-6,
    ),
    Says(
        r"Every Hessian on the path with a fallback is trusted so far\.",
        lambda r, m: all(
            (c := slope_and_curvatures(r, x)[1])[0] > (TOO_FLAT - MARGIN) * np.abs(c).max()
            for x in r["paths"]["safe_newton"].x[: step(r)]
        ),
    ),
    Says(
        r"Gradient descent replaces (?:the first step|(?P<count>\d+) of the first (?P<steps>\d+) steps) of the path "
        r"with a fallback, (?P<why>[^.]+)\.",
        replaced,
    ),
    # After the prediction
    Says(
        r"Newton’s step goes to where the gradient of its quadratic model is zero\.",
        lambda r, m: not np.isfinite(first(r)).all() or model_slope(r) < (1e-6 if precision() == "float64" else 1e-2),
    ),
    Says(
        r"All curvatures are positive at the start, so this point is the minimum of the model\.",
        lambda r, m: at_start(r)[0] > -1e-6,
    ),
    Says(
        r"A curvature is negative at the start, so this point is no minimum of the model\.",
        lambda r, m: at_start(r)[0] < 1e-6,
    ),
    Says(
        r"The Hessian is singular at the start, so Newton’s method has no step there\.",
        lambda r, m: not np.isfinite(first(r)).all() and singular(r, start(r)),
    ),
    Says(
        r"Newton’s first step ends outside the figure, where you cannot point, because a curvature at the start is "
        r"small\.",
        lambda r, m: np.abs(first(r)).max() > VIEW and np.abs(at_start(r)).min() < 4,
    ),
    Says(r"Along x₁ the model is exact, so x₁ becomes 0\.", formula),
    Says(r"Along x₂ the step is −4x₂\(x₂² − c\) / \(12x₂² − 4c\)\.", formula),
    Says(r"The network imitates the formula, so the formula’s step is a good estimate\.", imitates),
)  # fmt: skip


def model_slope(result):
    """|∇L + H dx| over |∇L| for Newton's first step."""
    slope, hessian = slope_and_hessian(result, start(result))
    return np.linalg.norm(slope + hessian @ (first(result) - start(result))) / np.linalg.norm(slope)


def by_step(values):
    return np.arange(len(values)), values


def smallest(name):
    def of(result):
        path = np.asarray(result["paths"][name].x, float)
        return by_step([slope_and_curvatures(result, x)[1][0] for x in path])

    return of


def fallback(result):
    """The steps taken by gradient descent, of all those up to each step: a row of pieces with gaps."""
    path, rows = result["paths"]["safe_newton"].x, []
    for seen in range(STEPS + 1):
        row = []
        for k in range(STEPS):
            drawn = k < seen and result["reason"][k] != 0
            row += [path[k], path[k + 1], (np.nan, np.nan)] if drawn else [(np.nan, np.nan)] * 3
        rows.append(row)
    return np.moveaxis(np.array(rows), -1, 0)


def climbs(result):
    """The step with the largest rise of L on the path with a fallback, if Newton's step was trusted there."""
    loss = np.asarray(result["paths"]["safe_newton"].loss)
    at = 1 + int(np.argmax(loss[1:] - loss[:-1]))
    seen = loss[at] - loss[at - 1] > 0.02 and result["reason"][at - 1] == 0
    return (at if seen else np.nan), loss[at]


DRAWN = {f"{name}/x": lambda r, name=name: r["paths"][name].x.T for name in WALKS}
DRAWN |= {f"{name}/loss": lambda r, name=name: by_step(r["paths"][name].loss) for name in WALKS}
DRAWN |= {
    "newton/curvature": lambda r: by_step(r["smallest"]["newton"]),
    "safe_newton/curvature": smallest("safe_newton"),
    "fallback": fallback,
    "zero": lambda r: ([0, STEPS], [0, 0]),
}
MARKS = {"start": start, "climb": climbs}
LABELS = {"start": "start", "climb": "trusted, but too long"}
AXES = {"x": ("x₁", "x₂"), "curvature": ("step", ""), "loss": ("step", "L")}


def not_trusted(x, y, result):
    _, curvatures = slope_and_curvatures(result, (x, y))
    return float(not curvatures[0] > TOO_FLAT * np.abs(curvatures).max())


def height(x, y, result):
    """The loss there, computed in the precision of the lesson: a network of ReLUs hides cancellation."""
    return float(objective(result)(number([x, y])))


FIELDS = {"refused": not_trusted, "loss-field": height}


def exists(result):
    return exact(result) and level(result) > 0


LANDMARKS = {
    # A saddle: the slope along x2 is zero there and the curvature negative. Off the slider where there is none.
    "start_x2/saddle": lambda value, r: value == 0 if exists(r) else value > VIEW,
    "start_x2/no curvature": lambda value, r: (
        abs(12 * value**2 - 4 * level(r)) < 1e-5 if exists(r) else value > VIEW
    ),
    "level/flat valley: c = 0": lambda value, r: value == 0,
}  # fmt: skip
