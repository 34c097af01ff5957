"""The chain rule taken apart: the two factors of the gradient, which the update rules only ever see multiplied.

(dL/dx)^T = (dP/dx)^T (dL/dP)^T. Source: the chapter "Scale-Invariance and Inversion" (Physics-based Deep Learning), the
composite gradient of "Traditional optimization methods". It has L = 1/2 |P - y*|^2, hence dL/dP = P - y*; the loss
here has no 1/2 and its derivative a factor 2.
"""

from typing import NamedTuple

import jax
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
