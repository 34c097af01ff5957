"""Several targets for one x: the least-squares compromise, and two ways of walking with a local inverse.

Wanted is the x that minimises sum_i |P(x) - y_i|^2. For k targets with that mean the sum equals
k |P(x) - mean|^2 + sum_i |y_i - mean|^2, so the compromise is the x whose effect is nearest to the mean target, and no
x gets below the second term. Averaging in y and inverting once finds it; inverting for each target and averaging in x
finds it only in the limit of small steps, or where P is linear.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Aimed, Problem, number
from core.updates import inverse_simulator


def distortion(y: Float[Array, " m"], targets: Float[Array, "k m"]) -> Float[Array, ""]:
    """sum_i |y - y_i|^2."""
    return jnp.sum((y - targets) ** 2)


def average_then_invert(
    problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""], targets: Float[Array, "k m"]
) -> Float[Array, " n"]:
    """dx = P^-1(y + eta mean(y_i - y); x) - x: the targets' pulls are averaged in y, and one step answers them all."""
    return inverse_simulator(Aimed(problem, jnp.mean(targets, axis=0)), x, eta)


def invert_then_average(
    problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""], targets: Float[Array, "k m"]
) -> Float[Array, " n"]:
    """dx = mean_i (P^-1(y + eta (y_i - y); x) - x): one step for each target, averaged in x.

    It rests where these steps cancel, which depends on eta: off the compromise to first order in eta if P is curved.
    """
    return jnp.mean(jax.vmap(lambda target: inverse_simulator(Aimed(problem, target), x, eta))(targets), axis=0)


def compromise(problem: Problem, targets: Float[Array, "k m"], half_width: float = 5.0) -> Float[Array, "2"]:
    """The x of least distortion in a square around 0, by brute force: the best node of a grid, then of ever finer ones.

    It uses neither an inverse nor a derivative, so it checks those who do. For two unknowns. Nodes are compared by what
    their distortion differs from the centre's, sum_i (y - c) . (y + c - 2 y_i): a difference of two sums would be lost
    in rounding.
    """
    line = jnp.linspace(-1.0, 1.0, 41)
    offsets = jnp.stack(jnp.meshgrid(line, line), axis=-1).reshape(-1, 2)

    def closer(place, _):
        centre, width = place
        nodes = centre + width * offsets
        reference = problem.forward(centre)

        def excess(x):
            y = problem.forward(x)
            return jnp.sum((y - reference) * (y + reference - 2 * targets))

        best = jnp.argmin(jax.vmap(excess)(nodes))
        return (nodes[best], width / 10), None

    (found, _), _ = jax.lax.scan(closer, (jnp.zeros(2), number(half_width)), length=11)
    return found
