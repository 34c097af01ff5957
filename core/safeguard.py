"""Newton's method that looks at its Hessian before it trusts it, and falls back to gradient descent where it must not.

Newton's step leads to where the quadratic model of L is stationary. That is its lowest point only if all curvatures are
positive: a negative one makes the step climb, one near zero makes it endless, and without any there is no step. The
eigenvalues of the Hessian tell these cases apart. Source: the chapter "Scale-Invariance and Inversion", section on the
dependence on the Hessian; Nocedal and Wright, Numerical Optimization, section 3.4.
"""

from enum import IntEnum
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from core.problem import Problem, number
from core.rollout import Path, path_of

TOO_FLAT = 1e-3  # a curvature below this share of the largest one: a step that relies on it is a guess


class Reason(IntEnum):
    """Why a step was taken as it was: TRUSTED is Newton's, all others are gradient descent's."""

    TRUSTED = 0
    INDEFINITE = 1  # a curvature is negative: Newton would climb along it
    SINGULAR = 2  # a curvature is as good as zero beside the largest: Newton would leave for infinity
    NO_CURVATURE = 3  # the Hessian is zero: there is nothing to invert
    NOT_FINITE = 4  # the Hessian is not a number


class Guarded(NamedTuple):
    """A walk, and why each of its steps was taken as it was. reason: (steps,), values of `Reason`."""

    path: Path
    reason: Int[Array, " steps"]


def judge(hessian: Float[Array, "n n"]) -> Int[Array, ""]:
    """Whether Newton's method may rely on this Hessian, as a `Reason`."""
    finite = jnp.all(jnp.isfinite(hessian))
    curvatures = jnp.linalg.eigvalsh(jnp.where(finite, hessian, 0.0))
    smallest, largest = curvatures[0], jnp.max(jnp.abs(curvatures))
    reason = jnp.where(smallest > TOO_FLAT * largest, Reason.TRUSTED, Reason.SINGULAR)
    reason = jnp.where(smallest < -TOO_FLAT * largest, Reason.INDEFINITE, reason)
    reason = jnp.where(largest == 0, Reason.NO_CURVATURE, reason)
    return jnp.where(finite, reason, Reason.NOT_FINITE)


def safe_newton(
    problem: Problem,
    x: Float[Array, " n"],
    eta: Float[Array, ""],
    fallback: Float[Array, ""],
    longest: Float[Array, ""],
) -> tuple[Float[Array, " n"], Int[Array, ""]]:
    """dx = -eta H^-1 dL/dx where H can be trusted, else -fallback dL/dx; never longer than `longest`. And the reason.

    fallback: gradient descent's step size, in units of x^2 / L. A gradient that is not finite gives dx = 0.
    """
    gradient, hessian = jax.grad(problem.objective)(x), jax.hessian(problem.objective)(x)
    reason = judge(hessian)
    trusted = reason == Reason.TRUSTED
    # Solved with the identity where H is not trusted: both branches of a `where` are computed.
    step = jnp.linalg.solve(jnp.where(trusted, hessian, jnp.eye(x.size, dtype=x.dtype)), gradient)
    dx = jnp.where(trusted, -eta * step, -fallback * gradient)
    dx = jnp.where(jnp.all(jnp.isfinite(dx)), dx, 0.0)
    length = jnp.linalg.norm(dx)
    return dx * jnp.where(length > longest, longest / jnp.where(length > longest, length, 1.0), 1.0), reason


def guarded(
    problem: Problem,
    x0: Float[Array, " n"],
    steps: int,
    eta: float | Array = 1.0,
    fallback: float | Array = 0.05,
    longest: float | Array = 1.0,
) -> Guarded:
    """Walk x <- x + safe_newton(...): after k steps it is at most k * longest away from its start, whatever L is."""
    return _guarded(problem, number(x0), steps, number(eta), number(fallback), number(longest))


@partial(jax.jit, static_argnames="steps")
def _guarded(problem, x0, steps, eta, fallback, longest):
    def step(x, _):
        dx, reason = safe_newton(problem, x, eta, fallback, longest)
        return x + dx, (x + dx, reason)

    _, (visited, reason) = jax.lax.scan(step, x0, length=steps)
    return Guarded(path_of(problem, x0, visited), reason)
