"""Rules for L = |r|^2 with r = P(x) - y*, which use that L is a sum of squares. They take any number of outputs m.

With J = dr/dx = U S V^T (singular value decomposition), the three differ in what they do to S:

    Gauss-Newton            dx = -eta V S^-1 U^T r
    Levenberg-Marquardt     dx = -eta V S (S^2 + damping)^-1 U^T r
    half-inverse gradient   dx = -eta V S^-1/2 U^T r

Source: Nocedal and Wright, Numerical Optimization, chapter 10; the half inverse is Schnell, Holl and Thuerey,
"Half-Inverse Gradients for Physical Deep Learning" (2022), eq. 5.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem


def gauss_newton(problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""]) -> Float[Array, " n"]:
    """dx = -eta J^+ r, with the pseudo-inverse J^+: Newton's method without the second derivative of P.

    For a square, regular J it is the inverse gradient; for linear P it is Newton's step.
    """
    residual = problem.forward(x) - problem.target
    return -eta * jnp.linalg.pinv(problem.jacobian(x)) @ residual


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


def half_inverse_gradient(
    problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""], truncation: float | Array = 1e-6
) -> Float[Array, " n"]:
    """dx = -eta V S^-1/2 U^T r, singular values below `truncation` dropped: halfway between gradient and inverse."""
    residual = problem.forward(x) - problem.target
    u, s, vt = jnp.linalg.svd(problem.jacobian(x), full_matrices=False)
    kept = s > truncation
    half = jnp.where(kept, 1.0 / jnp.sqrt(jnp.where(kept, s, 1.0)), 0.0)
    return -eta * vt.T @ (half * (u.T @ residual))
