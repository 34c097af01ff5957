"""Quasi-Newton methods: the inverse Hessian guessed from the gradients met on the way, dx = -t B dL/dx.

Each step s = x_new - x and the change of the gradient q = dL/dx(x_new) - dL/dx(x) say how the slope answers to a move:
H s = q to first order. BFGS changes its guess B of H^-1 as little as possible, in a suitably weighted norm, so
that B q = s (the secant equation) holds; L-BFGS does the same from its last few pairs (s, q), without ever storing a
matrix. How far to go along -B dL/dx is decided by a line search. Source: Nocedal and Wright, Numerical Optimization,
chapters 3, 6 and 7; the search is Lewis and Overton, "Nonsmooth optimization via quasi-Newton methods" (2013),
algorithm 2.6. Where Nocedal and Wright write H for the guess of the inverse and y for q, this file writes B and q.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem, number
from core.rollout import Path, path_of

DECREASE = 1e-4  # a step must bring this share of what the slope promises (Nocedal and Wright, section 3.1)
FLATTER = 0.9  # and leave at most this share of the slope (the same, for quasi-Newton methods)
TRIALS = 40  # halvings: 2^-40 of a step is no step
CURVATURE = 1e-12  # s.q below this share of |s| |q| is rounding and says nothing about a curvature
ARRIVED = 1e-9  # a gradient this small beside the first one: differences of gradients are rounding from here on
CAPACITY = 5  # most pairs that L-BFGS may be asked to keep: with two unknowns more would change nothing

Matrix = Float[Array, "n n"]
Pairs = Float[Array, "2 capacity n"]


class QuasiNewton(NamedTuple):
    """A walk and what was believed on it. inverse_hessian[k]: B after k steps, (steps + 1, n, n).

    length[k]: how many times -B dL/dx step k + 1 went, (steps,); 0 once it has arrived.
    """

    path: Path
    inverse_hessian: Float[Array, "steps_plus_1 n n"]
    length: Float[Array, " steps"]


def bfgs_update(inverse_hessian: Matrix, s: Float[Array, " n"], q: Float[Array, " n"]) -> Matrix:
    """B <- (I - s q^T / q.s) B (I - q s^T / q.s) + s s^T / q.s: the symmetric matrix with B q = s that is
    nearest to B in a suitably weighted norm.

    It stays positive definite as long as q.s > 0; a pair without positive curvature leaves B as it is.
    """
    usable, rho = _curvature(s, q)
    left = jnp.eye(s.size, dtype=s.dtype) - rho * jnp.outer(s, q)
    return jnp.where(usable, left @ inverse_hessian @ left.T + rho * jnp.outer(s, s), inverse_hessian)


def _curvature(s, q):
    """Whether s.q is a positive curvature, and 1 / s.q where it is, else 0."""
    product = s @ q
    usable = product > CURVATURE * jnp.linalg.norm(s) * jnp.linalg.norm(q)
    return usable, jnp.where(usable, 1.0 / jnp.where(usable, product, 1.0), 0.0)


def two_loop(pairs: Pairs, gradient: Float[Array, " n"]) -> Float[Array, " n"]:
    """B dL/dx from the pairs (s, q), newest last, without B: 4 n multiplications a pair. Empty pairs are zero.

    It starts from B0 = (s.q / q.q) I of the newest pair, which gives B the right size; without a pair from I.
    """
    steps, changes = pairs
    rho = jax.vmap(lambda s, q: _curvature(s, q)[1])(steps, changes)

    def back(v, pair):
        s, q, r = pair
        share = r * (s @ v)
        return v - share * q, share

    def forth(v, pair):
        s, q, r, share = pair
        return v + s * (share - r * (q @ v)), None

    gradient, shares = jax.lax.scan(back, gradient, (steps, changes, rho), reverse=True)
    squared = changes[-1] @ changes[-1]
    size = jnp.where(rho[-1] > 0, (steps[-1] @ changes[-1]) / jnp.where(squared > 0, squared, 1.0), 1.0)
    return jax.lax.scan(forth, size * gradient, (steps, changes, rho, shares))[0]


def with_pair(pairs: Pairs, s: Float[Array, " n"], q: Float[Array, " n"]) -> Pairs:
    """The pairs with (s, q) as the newest and the oldest dropped; as they were where s.q shows no upward curvature."""
    usable, _ = _curvature(s, q)
    return jnp.where(usable, jnp.concatenate([pairs[:, 1:], jnp.stack([s, q])[:, None]], axis=1), pairs)


def exact_length(problem: Problem, x: Float[Array, " n"], direction: Float[Array, " n"]) -> Float[Array, ""]:
    """t = -dL/dx.d / d^T H d, the lowest point along the line if L is quadratic; 0 where it does not curve upwards.

    H d is the difference of the gradients at x + d and x, exactly so if L is quadratic: no second derivative is taken.
    """
    slope = jax.grad(problem.objective)
    gradient = slope(x)
    change = slope(x + direction) - gradient
    bent = direction @ change
    return jnp.where(bent > 0, -(gradient @ direction) / jnp.where(bent > 0, bent, 1.0), 0.0)


def wolfe_length(problem: Problem, x: Float[Array, " n"], direction: Float[Array, " n"]) -> Float[Array, ""]:
    """A length t that lowers L enough and flattens its slope enough, found by bisection from t = 1.

    The second condition makes s.q > 0, so that BFGS may use the pair. Doubles t while it is too short, halves the
    interval once it was too long; the longest t known to lower L enough, if it never finds both.
    """
    slope_and_value = jax.value_and_grad(problem.objective)
    value, gradient = slope_and_value(x)
    slope = gradient @ direction

    def unfinished(carry):
        *_, trials, done = carry
        return ~done & (trials < TRIALS)

    def bisect(carry):
        t, low, high, trials, _ = carry
        reached, there = slope_and_value(x + t * direction)
        too_long = ~(reached <= value + DECREASE * t * slope)
        too_short = ~too_long & (there @ direction < FLATTER * slope)
        low, high = jnp.where(too_short, t, low), jnp.where(too_long, t, high)
        done = ~(too_long | too_short)
        t = jnp.where(done, t, jnp.where(jnp.isfinite(high), (low + high) / 2, 2 * low))
        return t, low, high, trials + 1, done

    zero = jnp.zeros((), x.dtype)
    t, low, *_, done = jax.lax.while_loop(unfinished, bisect, (zero + 1, zero, zero + jnp.inf, 0, jnp.array(False)))
    return jnp.where(done, t, low)


SEARCHES = {"exact": exact_length, "wolfe": wolfe_length}


def bfgs(problem: Problem, x0: Float[Array, " n"], steps: int, search: str = "wolfe") -> QuasiNewton:
    """BFGS from B = I. search: "exact" (for a quadratic objective) or "wolfe"."""
    return _bfgs(problem, number(x0), steps, search)


def lbfgs(
    problem: Problem, x0: Float[Array, " n"], steps: int, memory: int | Array = 5, search: str = "wolfe"
) -> QuasiNewton:
    """L-BFGS with the last `memory` pairs, at most CAPACITY. Its B is written out only for whoever wants to see it."""
    return _lbfgs(problem, number(x0), steps, number(memory), search)


def steepest(problem: Problem, x0: Float[Array, " n"], steps: int, search: str = "wolfe") -> QuasiNewton:
    """Gradient descent with the same line search: B stays I."""
    return _steepest(problem, number(x0), steps, search)


@partial(jax.jit, static_argnames=("steps", "search"))
def _bfgs(problem, x0, steps, search):
    return _walk(problem, x0, steps, search, jnp.eye(x0.size, dtype=x0.dtype), bfgs_update, jnp.matmul)


@partial(jax.jit, static_argnames=("steps", "search"))
def _lbfgs(problem, x0, steps, memory, search):
    recent = (jnp.arange(CAPACITY, dtype=x0.dtype) >= CAPACITY - memory)[:, None]

    def apply(pairs, gradient):
        return two_loop(jnp.where(recent, pairs, 0.0), gradient)

    return _walk(problem, x0, steps, search, jnp.zeros((2, CAPACITY, x0.size), x0.dtype), with_pair, apply)


@partial(jax.jit, static_argnames=("steps", "search"))
def _steepest(problem, x0, steps, search):
    return _walk(problem, x0, steps, search, jnp.eye(x0.size, dtype=x0.dtype), lambda b, s, q: b, jnp.matmul)


def _walk(
    problem: Problem,
    x0: Float[Array, " n"],
    steps: int,
    search: str,
    memory: Any,
    remember: Callable[..., Any],
    apply: Callable[..., Float[Array, " n"]],
) -> QuasiNewton:
    """x <- x - t B dL/dx. memory: whatever B is kept as; remember(memory, s, q) and apply(memory, v) = B v."""
    slope = jax.grad(problem.objective)
    first = slope(x0)

    def whole(memory):
        return jax.vmap(lambda v: apply(memory, v), out_axes=1)(jnp.eye(x0.size, dtype=x0.dtype))

    def step(carry, _):
        x, gradient, memory = carry
        direction = -apply(memory, gradient)
        arrived = jnp.linalg.norm(gradient) <= ARRIVED * jnp.linalg.norm(first)
        length = jnp.where(arrived, 0.0, SEARCHES[search](problem, x, direction))
        s = length * direction
        there = slope(x + s)
        memory = remember(memory, s, there - gradient)
        return (x + s, there, memory), (x + s, whole(memory), length)

    _, (visited, believed, length) = jax.lax.scan(step, (x0, first, memory), length=steps)
    start = whole(memory)[None]
    return QuasiNewton(path_of(problem, x0, visited), jnp.concatenate([start, believed]), length)
