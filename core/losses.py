"""Other losses on the same simulator, and how a loss enters the inverse simulator's step: by a Newton step in y.

    dy = -eta (d2L/dy2)^-1 dL/dy,    then    dx = P^-1(y + dy; x) - x

L need not be quadratic and P need not be linear: the Hessian here is that of L in y-space, where it is known on paper,
not that of L(P(x)). Source: the section "Integrating a loss function" of the chapter "Scale-Invariance and Inversion".
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem, Wrapped


class WeightedLoss(Wrapped):
    """The same problem with L(y) = sum_i w_i (y_i - y*_i)^2: some outputs count more, or have other units."""

    weights: Float[Array, " m"]

    def loss(self, y: Float[Array, " m"]) -> Float[Array, ""]:
        return jnp.sum(self.weights * (y - self.target) ** 2)


class LogCoshLoss(Wrapped):
    """The same problem with L(y) = sum_i 2 w^2 log cosh((y_i - y*_i) / w): |r|^2 for |r| < w, 2 w |r| far beyond.

    The factor 2 w^2 makes it the plain |y - y*|^2 near the target. width: w, in units of y. Far from the target it is
    nearly straight, so that one outlier cannot rule; there its curvature falls like exp(-2 |r| / w).
    """

    width: Float[Array, ""]

    def loss(self, y: Float[Array, " m"]) -> Float[Array, ""]:
        r = (y - self.target) / self.width
        # log cosh r = |r| + log(1 + exp(-2 |r|)) - log 2, which does not overflow.
        return 2 * self.width**2 * jnp.sum(jnp.logaddexp(r, -r) - jnp.log(2.0))


def output_newton(problem: Problem, y: Float[Array, " m"], eta: Float[Array, ""]) -> Float[Array, " m"]:
    """dy = -eta (d2L/dy2)^-1 dL/dy. For any sum of squares, weighted or not, it is eta (y* - y)."""
    return -eta * jnp.linalg.solve(jax.hessian(problem.loss)(y), jax.grad(problem.loss)(y))


def inverse_simulator_newton(problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""]) -> Float[Array, " n"]:
    """dx = P^-1(y + dy; x) - x with the Newton step dy of whatever loss the problem has."""
    y = problem.forward(x)
    return problem.inverse(y + output_newton(problem, y, eta), x) - x


def log_cosh_factor(rho: Float[Array, "..."]) -> Float[Array, "..."]:
    """sinh(2 rho) / (2 rho): how many times as long as the square's the log-cosh step is where |y - y*| = rho width.

    The step passes the target where this exceeds 1 / eta, and the next gap is larger where it exceeds 2 / eta.
    """
    small = jnp.abs(rho) < 1e-4
    safe = jnp.where(small, 1.0, rho)
    return jnp.where(small, 1.0, jnp.sinh(2 * safe) / (2 * safe))


def largest_safe_ratio(eta: Float[Array, ""]) -> Float[Array, ""]:
    """The rho at which `log_cosh_factor` is 2 / eta, for eta up to 1: beyond it the Newton steps fly apart.

    By Newton's method on the factor's logarithm, from 1, which lies below every such rho.
    """

    def improve(_, rho):
        slope = 2 / jnp.tanh(2 * rho) - 1 / rho
        return rho - (jnp.log(log_cosh_factor(rho)) - jnp.log(2 / eta)) / slope

    return jax.lax.fori_loop(0, 20, improve, jnp.ones_like(eta))
