"""Numbers that say what a path did: how far it spreads over parametrisations, when it arrived, where it left.

A measure of a Path is an array in, array out, so it can be mapped over whole sweeps.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from core.problem import Problem
from core.rollout import Path
from core.updates import Rule


def spread(paths: Float[Array, "settings steps n"]) -> Float[Array, ""]:
    """The scale-invariance meter: the largest distance between the paths of any two settings, over the path's length.

    paths holds one path per parametrisation. The distance is taken step by step and divided by the largest distance
    that any path keeps from its own start, so 0 is "the same walk" and 1 is "as far apart as the walk is long".
    A path that leaves for infinity makes the meter infinite.
    """
    apart = jnp.linalg.norm(paths[:, None] - paths[None, :], axis=-1)
    length = jnp.max(jnp.linalg.norm(paths - paths[:, :1], axis=-1))
    return jnp.where(jnp.all(jnp.isfinite(paths)), jnp.max(apart) / length, jnp.inf)


def steps_to(distance: Float[Array, " steps"], tolerance: float | Array) -> Float[Array, ""]:
    """The first step at which the distance is at most the tolerance; inf where no step is."""
    reached = distance <= tolerance
    return jnp.where(jnp.any(reached), jnp.argmax(reached), jnp.inf)


def angle_between(a: Float[Array, " n"], b: Float[Array, " n"]) -> Float[Array, ""]:
    """The angle between two directions, in degrees from 0 to 180; nan where one of them is zero."""
    cosine = jnp.dot(a, b) / (jnp.linalg.norm(a) * jnp.linalg.norm(b))
    return jnp.degrees(jnp.arccos(jnp.clip(cosine, -1.0, 1.0)))


def condition_number(matrix: Float[Array, "m n"]) -> Float[Array, ""]:
    """Largest singular value over the smallest; inf for a singular matrix."""
    singular = jnp.linalg.svd(matrix, compute_uv=False)
    return jnp.where(singular[-1] > 0, singular[0] / singular[-1], jnp.inf)


def best_fixed_eta(problem: Problem, x: Float[Array, " n"]) -> Float[Array, ""]:
    """2 / (smallest + largest eigenvalue of the Hessian at x): gradient descent's best constant step on a quadratic."""
    eigenvalues = jnp.linalg.eigvalsh(jax.hessian(problem.objective)(x))
    return 2.0 / (eigenvalues[0] + eigenvalues[-1])


def stable_limit(problem: Problem, x: Float[Array, " n"]) -> Float[Array, ""]:
    """2 / (largest eigenvalue of the Hessian at x): gradient descent on a quadratic diverges beyond this step size."""
    return 2.0 / jnp.linalg.eigvalsh(jax.hessian(problem.objective)(x))[-1]


def line_search_eta(problem: Problem, x: Float[Array, " n"]) -> Float[Array, ""]:
    """|g|^2 / (g . H g): the eta with which one step of gradient descent gets lowest on a quadratic; inf on a line.

    Source: Nocedal and Wright, Numerical Optimization, eq. 3.26 (steepest descent with exact line search).
    """
    slope = jax.grad(problem.objective)
    gradient, curved = jax.jvp(slope, (x,), (slope(x),))
    return jnp.dot(gradient, gradient) / jnp.dot(gradient, curved)


class OneStep(NamedTuple):
    """length: |dx|.  change: of the loss, negative where it falls.  progress: the share of the gap in y covered.

    progress counts only what lies along the gap y* - y; more than 1 has gone past the target.
    """

    length: Float[Array, ""]
    change: Float[Array, ""]
    progress: Float[Array, ""]


def one_step(rule: Rule, problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""]) -> OneStep:
    """What one step of a rule from x comes to, in x, in y and in L."""
    dx = rule(problem, x, eta)
    y = problem.forward(x)
    gap = problem.target - y
    progress = jnp.dot(problem.forward(x + dx) - y, gap) / jnp.dot(gap, gap)
    return OneStep(jnp.linalg.norm(dx), problem.objective(x + dx) - problem.objective(x), progress)


class Departure(NamedTuple):
    """Where a path stopped being finite: the first such step (-1 if none), and the conditioning just before it."""

    step: Int[Array, ""]
    jacobian_condition: Float[Array, ""]
    hessian_condition: Float[Array, ""]


def departure(problem: Problem, path: Path) -> Departure:
    """The first step whose point is not finite, and how singular J and H were at the last finite point."""
    finite = jnp.all(jnp.isfinite(path.x), axis=-1) & jnp.isfinite(path.loss)
    step = jnp.where(jnp.all(finite), -1, jnp.argmin(finite))
    last = path.x[jnp.maximum(step - 1, 0)]
    hessian = jax.hessian(problem.objective)(last)
    return Departure(step, condition_number(problem.jacobian(last)), condition_number(hessian))


def deviation(y: Float[Array, "steps m"], target: Float[Array, " m"]) -> Float[Array, " steps"]:
    """How far the points of a y-path are from the straight line between its start and the target, over its length.

    Each component is measured in units of its own gap at the start, so that a small component counts as much as a large
    one; a component without a gap is measured by the whole gap. 0 up to rounding for an inverse simulator.
    """
    gap = target - y[0]
    whole = jnp.linalg.norm(gap)
    units = jnp.where(jnp.abs(gap) > 1e-9 * whole, jnp.abs(gap), jnp.where(whole > 0, whole, 1.0))
    line, offset = gap / units, (y - y[0]) / units
    length = jnp.maximum(jnp.linalg.norm(line), jnp.finfo(y.dtype).tiny)  # the units make it 1 or more, or exactly 0
    along = line / length
    away = offset - (offset @ along)[:, None] * along
    return jnp.linalg.norm(away, axis=-1) / length


def bend(y: Float[Array, "steps m"], target: Float[Array, " m"]) -> Float[Array, ""]:
    """The largest deviation of a y-path; nan where it leaves for infinity."""
    return jnp.max(deviation(y, target))


@jax.jit
def loglog_slope(
    x: Float[Array, " k"], y: Float[Array, " k"], where: Bool[Array, " k"] | None = None
) -> Float[Array, ""]:
    """The exponent p of y ~ x^p: the least-squares slope of log |y| against log |x|; nan if a y is 0 or not finite.

    where: the points that count. Other shapes would be other programs; another `where` is not.
    """
    counted = jnp.ones_like(x, bool) if where is None else where
    log_x, log_y = (jnp.where(counted, jnp.log(jnp.abs(values)), 0.0) for values in (x, y))
    away = jnp.where(counted, log_x - jnp.sum(log_x) / jnp.sum(counted), 0.0)
    slope = jnp.sum(away * log_y) / jnp.sum(away**2)
    return jnp.where(jnp.isfinite(slope), slope, jnp.nan)
