"""The inverse simulator's step as an average: dx_PG is the mean of dx/dy along the way, times dy.

On the straight line y0 + s dy from s = 0 to 1 the local inverse walks through x(s) = P^-1(y0 + s dy; x0), and the
fundamental theorem of calculus says

    dx_PG = integral_0^1 J(x(s))^-1 dy ds,

the inverse gradient's step averaged over the way, where the inverse gradient itself takes it at s = 0 and keeps it.
Source: the section "Fundamental theorem of calculus" of the chapter "Scale-Invariance and Inversion".
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from core.problem import Problem, Wrapped


def way(
    problem: Problem, x0: Float[Array, " n"], dy: Float[Array, " n"], share: Float[Array, ""]
) -> Float[Array, " n"]:
    """x(s) = P^-1(y0 + s dy; x0): where the inverse simulator is when the share s of the step is done."""
    return problem.inverse(problem.forward(x0) + share * dy, x0)


def pull_back(problem: Problem, x: Float[Array, " n"], dy: Float[Array, " n"]) -> Float[Array, " n"]:
    """J(x)^-1 dy, the inverse gradient's step for a given dy."""
    return jnp.linalg.solve(problem.jacobian(x), dy)


def averaged_step(
    problem: Problem, x0: Float[Array, " n"], dy: Float[Array, " n"], nodes: Float[Array, " k"], weights: Array
) -> Float[Array, " n"]:
    """sum_i w_i J(x(s_i))^-1 dy: the integral by quadrature with these nodes and weights on [0, 1]."""
    steps = jax.vmap(lambda share: pull_back(problem, way(problem, x0, dy, share), dy))(nodes)
    return weights @ steps


def gauss(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss-Legendre quadrature on [0, 1]: exact for polynomials of degree 2 count - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


class Linearised(Wrapped):
    """The same problem with the inverse Jacobian for a local inverse: P^-1(y; x) = x + J(x)^-1 (y - P(x)).

    It exists wherever J is regular, also where P has no global inverse, and is exact to first order in y - P(x).
    """

    def inverse(self, y: Float[Array, " n"], x: Float[Array, " n"]) -> Float[Array, " n"]:
        return x + pull_back(self.problem, x, y - self.problem.forward(x))
