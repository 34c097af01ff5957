"""Rules for L = |r|^2 with r = P(x) - y*, which use that L is a sum of squares. They take any number of outputs m.

With J = dr/dx = U S V^T (singular value decomposition), they differ in what they do to S:

    Gauss-Newton            dx = -eta V S^-1 U^T r
    truncated inverse       dx = -eta V S^+ U^T r       S^+ inverts only the singular values above a threshold
    Levenberg-Marquardt     dx = -eta V S (S^2 + damping)^-1 U^T r
    half-inverse gradient   dx = -eta V S^-1/2 U^T r

Source: Nocedal and Wright, Numerical Optimization, chapter 10; the half inverse is Schnell, Holl and Thuerey,
"Half-Inverse Gradients for Physical Deep Learning" (2022), eq. 5.
"""

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from core.problem import Problem
from core.updates import output_step


def gauss_newton(problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""]) -> Float[Array, " n"]:
    """dx = -eta J^+ r, with the pseudo-inverse J^+: Newton's method without the second derivative of P.

    For a square, regular J it is the inverse gradient; for linear P it is Newton's step.
    """
    residual = problem.forward(x) - problem.target
    return -eta * shortest_solution(problem.jacobian(x), residual)


def shortest_solution(matrix: Float[Array, "m n"], right: Float[Array, " m"]) -> Float[Array, " n"]:
    """A^+ b: of all x with the least |A x - b|, the shortest.

    If the columns of A are clearly independent, there is but one such x, by Cholesky's A^T A = L L^T. Where m < n, or
    the diagonal of L falls below the fourth root of the rounding error, it takes the pseudo-inverse, and ten times as
    long.
    """

    def by_pseudo_inverse():
        return jnp.linalg.pinv(matrix) @ right

    def by_cholesky():
        solution = cho_solve((lower, True), matrix.T @ right)
        # A^T A has the square of A's condition number; one correction takes back what that costs in precision.
        return solution + cho_solve((lower, True), matrix.T @ (right - matrix @ solution))

    if matrix.shape[0] < matrix.shape[1]:
        return by_pseudo_inverse()
    lower, _ = cho_factor(matrix.T @ matrix, lower=True)
    diagonal = jnp.diagonal(lower)
    independent = jnp.min(diagonal) > jnp.finfo(lower.dtype).eps ** 0.25 * jnp.max(diagonal)  # False for nan
    return jax.lax.cond(independent, by_cholesky, by_pseudo_inverse)


def levenberg_marquardt(
    problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""], damping: float | Array = 1e-4
) -> Float[Array, " n"]:
    """dx = -eta (J^T J + damping I)^-1 J^T r. Damping 0 is Gauss-Newton; large damping is a short gradient step.

    damping carries the units of J^T J; it bounds the step where J is nearly singular.
    """
    residual = problem.forward(x) - problem.target
    jacobian = problem.jacobian(x)
    normal = jacobian.T @ jacobian + damping * jnp.eye(x.size, dtype=x.dtype)
    return -eta * jnp.linalg.solve(normal, jacobian.T @ residual)


def truncated_inverse_gradient(
    problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""], truncation: float | Array = 1e-6
) -> Float[Array, " n"]:
    """dx = V S^+ U^T dy: the inverse gradient without the directions that J answers to by `truncation` or less.

    truncation: a singular value, in units of y / x. 0 drops exact zeros only. The step is never longer than
    |dy| / truncation; along a dropped direction it is 0. It takes any number of outputs: with more than unknowns it is
    the least-squares step, with fewer the shortest of those that J maps to dy.
    """
    u, s, vt = jnp.linalg.svd(problem.jacobian(x), full_matrices=False)
    kept = s > truncation
    inverse = jnp.where(kept, 1.0 / jnp.where(kept, s, 1.0), 0.0)
    return vt.T @ (inverse * (u.T @ output_step(problem, problem.forward(x), eta)))


def half_inverse_gradient(
    problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""], truncation: float | Array = 1e-6
) -> Float[Array, " n"]:
    """dx = -eta V S^-1/2 U^T r, singular values below `truncation` dropped: halfway between gradient and inverse."""
    residual = problem.forward(x) - problem.target
    u, s, vt = jnp.linalg.svd(problem.jacobian(x), full_matrices=False)
    kept = s > truncation
    half = jnp.where(kept, 1.0 / jnp.sqrt(jnp.where(kept, s, 1.0)), 0.0)
    return -eta * vt.T @ (half * (u.T @ residual))
