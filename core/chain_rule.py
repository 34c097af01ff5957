"""The chain rule taken apart for x -> y = P(x) -> L(y): what the update rules only ever see multiplied and added.

    (dL/dx)^T = (dP/dx)^T (dL/dP)^T

    d2L/dx2 = (dy/dx)^T (d2L/dy2) (dy/dx) + sum_i (dL/dy_i) (d2y_i/dx2)

The first term of the Hessian is all that Gauss-Newton keeps; the second needs the second derivatives of P and fades
where the target is reached. Both contain derivatives of L, which comes *after* y: the step that Newton takes in y is
not decided by P. Source: the chapter "Scale-Invariance and Inversion", its composite gradient and its section on
consistency in function compositions. It has L = 1/2 |P - y*|^2, hence dL/dP = P - y*; the loss here has no 1/2 and its
derivative a factor 2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem


class Factors(NamedTuple):
    """simulator: (dP/dx)^T, (n, m).  loss: (dL/dP)^T, (m,).  gradient: (dL/dx)^T, (n,), differentiated in one go."""

    simulator: Float[Array, "n m"]
    loss: Float[Array, " m"]
    gradient: Float[Array, " n"]


def factors(problem: Problem, x: Float[Array, " n"]) -> Factors:
    """Both factors of the gradient at x, and the gradient itself: simulator @ loss == gradient."""
    return Factors(problem.jacobian(x).T, jax.grad(problem.loss)(problem.forward(x)), jax.grad(problem.objective)(x))


def hessian_terms(problem: Problem, x: Float[Array, " n"]) -> tuple[Float[Array, "n n"], Float[Array, "n n"]]:
    """J^T (d2L/dy2) J and sum_i (dL/dy_i) (d2y_i/dx2); together the Hessian of L(P(x))."""
    y, jacobian = problem.forward(x), problem.jacobian(x)
    outer = jacobian.T @ jax.hessian(problem.loss)(y) @ jacobian
    inner = jnp.einsum("i,ijk->jk", jax.grad(problem.loss)(y), jax.hessian(problem.forward)(x))
    return outer, inner


def promised_and_actual(
    problem: Problem, x: Float[Array, " n"], dx: Float[Array, " n"]
) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
    """The change of y that the Jacobian promises for a step, J dx, and the one that happens, P(x + dx) - P(x).

    A promise of J about a step already chosen; `core.composition.latent_step` is about the choice of the step.
    """
    y, promised = jax.jvp(problem.forward, (x,), (dx,))
    return promised, problem.forward(x + dx) - y
