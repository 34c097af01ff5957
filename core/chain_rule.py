"""What Newton's method sees of a composition x -> y = P(x) -> L(y): the two terms of its Hessian, its step in y.

    d2L/dx2 = (dy/dx)^T (d2L/dy2) (dy/dx) + sum_i (dL/dy_i) (d2y_i/dx2)

The first term is all that Gauss-Newton keeps; the second needs the second derivatives of P and fades where the target
is reached. Both contain derivatives of L, which comes *after* y: the step that Newton takes in y is not decided by P.
Source: the chapter "Scale-Invariance and Inversion", section on consistency in function compositions.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem


def hessian_terms(problem: Problem, x: Float[Array, " n"]) -> tuple[Float[Array, "n n"], Float[Array, "n n"]]:
    """J^T (d2L/dy2) J and sum_i (dL/dy_i) (d2y_i/dx2); together the Hessian of L(P(x))."""
    y, jacobian = problem.forward(x), problem.jacobian(x)
    outer = jacobian.T @ jax.hessian(problem.loss)(y) @ jacobian
    inner = jnp.einsum("i,ijk->jk", jax.grad(problem.loss)(y), jax.hessian(problem.forward)(x))
    return outer, inner


def promised_and_actual(
    problem: Problem, x: Float[Array, " n"], dx: Float[Array, " n"]
) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
    """The change of y that the Jacobian promises for a step, J dx, and the one that happens, P(x + dx) - P(x)."""
    y, promised = jax.jvp(problem.forward, (x,), (dx,))
    return promised, problem.forward(x + dx) - y
