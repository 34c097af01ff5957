"""Several causes for one effect: what a regression from y to x answers, and what a local inverse does.

A network trained to give x from y by least squares tends to E[x | y], the average over all causes of y in its training
data: that minimises E|net(y) - x|^2. The local inverse chooses one of them instead.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem


def causes_of(
    problem: Problem, y: Float[Array, " m"], samples: Float[Array, "s n"], width: float | Array
) -> Float[Array, " s"]:
    """How much each sample counts as a cause of y: exp(-|P(x) - y|^2 / (2 width^2)), summing to 1.

    width: how far apart two effects may be to count as one, in units of y. If no sample comes near, the nearest counts.
    """
    squared = jax.vmap(lambda x: jnp.sum((problem.forward(x) - y) ** 2))(samples)
    return jax.nn.softmax(-squared / (2 * width**2))


def regression(
    problem: Problem, y: Float[Array, " m"], samples: Float[Array, "s n"], width: float | Array
) -> Float[Array, " n"]:
    """E[x | y] over the samples (Nadaraya-Watson): the answer of least-squares regression from y to x."""
    return causes_of(problem, y, samples, width) @ samples


def square_of(centre: Float[Array, "2"], half_width: float | Array, count: int = 96) -> Float[Array, "s 2"]:
    """count^2 samples that fill a square around a centre evenly."""
    line = (jnp.arange(count) + 0.5) / count * 2.0 - 1.0
    return centre + half_width * jnp.stack(jnp.meshgrid(line, line), axis=-1).reshape(-1, 2)
