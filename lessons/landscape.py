"""Numbers over a square of a space, for isolines and shades."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem

GRID = 56  # where a slider moves the loss: 56 x 56 floats times 61 frames are 0.8 MB


def over_grid(
    function: Callable[[Float[Array, "2"]], Array], first: Float[Array, " k"], second: Float[Array, " l"]
) -> Array:
    """function((a, b)) for every a of `first` and b of `second`: shape (l, k, ...); row 0 is the first b."""
    return jax.vmap(lambda b: jax.vmap(lambda a: function(jnp.stack([a, b])))(first))(second)


def landscape(problem: Problem, view: float, count: int = GRID) -> Float[Array, "count count"]:
    """L(P(x)) on a square grid over [-view, view]^2; row 0 is the lowest x2."""
    line = jnp.linspace(-view, view, count)
    return over_grid(problem.objective, line, line)
