"""The loss over x-space, as a grid of numbers for isolines."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem

GRID = 56  # where a slider moves the loss: 56 x 56 floats times 61 frames are 0.8 MB


def landscape(problem: Problem, view: float, count: int = GRID) -> Float[Array, "count count"]:
    """L(P(x)) on a square grid over [-view, view]^2; row 0 is the lowest x2."""
    line = jnp.linspace(-view, view, count)
    return jax.vmap(lambda x2: jax.vmap(lambda x1: problem.objective(jnp.stack([x1, x2])))(line))(line)
