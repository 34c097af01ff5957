"""Methods that remember: each direction uses what the steps before have shown. All minimise 1/2 |P(x) - y*|^2.

With the gradient J^T r of that, at x or where it says so,

    Nesterov            d = v - gradient_step J^T r at x + v,    v = k / (k + 3) (x - previous x)
    conjugate gradient  d = t (-J^T r + beta previous d),        beta of Polak and Ribiere, t exact for a linear P
    L-BFGS              d = -B J^T r,                            B from the last CAPACITY steps

Under the fair protocol a step may be shortened, relaxed and projected, so the memory is built from the points that
were really visited. Where a direction would not lower the residual to first order, the memory is dropped for that step.
For a linear P, without relaxation and box, conjugate gradients is CG on the normal equations. Sources: Nesterov's
sequence as in Su, Boyd and Candes (2016); Nocedal and Wright, Numerical Optimization, chapters 5 and 7.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem
from core.quasi_newton import CAPACITY, two_loop, with_pair
from core.setup import Solver

Vector = Float[Array, " n"]


class Memory(NamedTuple):
    """begin(x0) -> memory;  remember(problem, memory, x, after) -> memory once the step from x to after is taken."""

    begin: Callable[[Vector], Any]
    remember: Callable[[Problem, Any, Vector, Vector], Any]


def gradient(problem: Problem, x: Vector) -> Vector:
    """J^T r, the gradient of half the loss."""
    return 0.5 * jax.grad(problem.objective)(x)


def accelerated(problem: Problem, x: Vector, solver: Solver, memory: tuple[Vector, Array]) -> Vector:
    """Nesterov's step; the plain gradient step where that one leads upwards."""
    previous, count = memory
    momentum = count / (count + 3) * (x - previous)
    step = momentum - solver.gradient_step * gradient(problem, x + momentum)
    slope = gradient(problem, x)
    return jnp.where(step @ slope < 0, step, -solver.gradient_step * slope)


def conjugate(problem: Problem, x: Vector, memory: tuple[Vector, Vector]) -> Vector:
    """The conjugate direction times the length that is exact for a linear P; 0 where J does not answer."""
    direction = _conjugate_direction(gradient(problem, x), memory)
    _, pushed = jax.jvp(problem.forward, (x,), (direction,))
    answer = pushed @ pushed
    return direction * -(gradient(problem, x) @ direction) / jnp.where(answer > 0, answer, 1.0)


def _conjugate_direction(slope: Vector, memory: tuple[Vector, Vector]) -> Vector:
    previous, direction = memory
    squared = previous @ previous
    beta = jnp.maximum(slope @ (slope - previous) / jnp.where(squared > 0, squared, 1.0), 0.0)
    turned = -slope + jnp.where(squared > 0, beta, 0.0) * direction
    return jnp.where(turned @ slope < 0, turned, -slope)


def quasi_newton(problem: Problem, x: Vector, solver: Solver, memory: Float[Array, "2 capacity n"]) -> Vector:
    """L-BFGS's step; the plain gradient step while no pair is known."""
    slope = gradient(problem, x)
    known = jnp.any(memory[0, -1] != 0)
    return -jnp.where(known, two_loop(memory, slope), solver.gradient_step * slope)


def _conjugated(problem, memory, x, after):
    slope = gradient(problem, x)
    return slope, _conjugate_direction(slope, memory)


def _paired(problem, memory, x, after):
    return with_pair(memory, after - x, gradient(problem, after) - gradient(problem, x))


MOMENTUM = Memory(lambda x: (x, jnp.zeros((), x.dtype)), lambda problem, memory, x, after: (x, memory[1] + 1))
CONJUGATE = Memory(lambda x: (jnp.zeros_like(x), jnp.zeros_like(x)), _conjugated)
PAIRS = Memory(lambda x: jnp.zeros((2, CAPACITY, x.size), x.dtype), _paired)
