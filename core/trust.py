"""What RJCP promises of a step of D-IPG, and how to tell from runs what it has warned of.

Near a solution a differenced step turns the error e of x into (I - eta C) e, with C = J_g J_f. Since

    |I - eta C|_2 = |(1 - eta) I + eta (I - C)|_2 <= 1 - eta (1 - sqrt(RJCP)),    0 <= eta <= 1,

the error shrinks wherever RJCP = |C - I|_F^2 < 1, and C is then invertible: no fold, and no branch on which a
direction comes back reversed. That is sufficient, not necessary, and it speaks of steps that Armijo's rule lets pass.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from core.deceptron import Deceptron, composition
from core.networks import Physics
from core.problem import Problem


def contraction(model: Deceptron, x: Float[Array, " n"], eta: Float[Array, ""]) -> Float[Array, ""]:
    """|I - eta C(x)|_2: the factor by which one differenced step multiplies a small error of x at most."""
    return jnp.linalg.norm(jnp.eye(x.size, dtype=x.dtype) - eta * composition(model, x), ord=2)


def contraction_bound(rjcp: Float[Array, "*shape"], eta: Float[Array, ""]) -> Float[Array, "*shape"]:
    """1 - eta (1 - sqrt(RJCP)), never less than the contraction for 0 <= eta <= 1: below 1 where RJCP is."""
    return 1 - eta * (1 - jnp.sqrt(rjcp))


def outdated(model: Deceptron, problem: Problem) -> Deceptron:
    """The g of a model beside the simulator as it is now: what becomes of a pair when only f is corrected."""
    return Deceptron(Physics(problem), model.g)


@jax.jit
def rank_correlation(a: Float[Array, " k"], b: Float[Array, " k"]) -> Float[Array, ""]:
    """Spearman's: the correlation of the ranks, equal values sharing theirs; nan where one of the two is constant."""

    def ranks(values):
        above, alike = values[:, None] > values[None, :], values[:, None] == values[None, :]
        return jnp.sum(above, axis=1, dtype=values.dtype) + 0.5 * jnp.sum(alike, axis=1, dtype=values.dtype)

    away_a, away_b = (rank - jnp.mean(rank) for rank in (ranks(a), ranks(b)))
    return jnp.sum(away_a * away_b) / jnp.sqrt(jnp.sum(away_a**2) * jnp.sum(away_b**2))


@jax.jit
def best_threshold(values: Float[Array, " k"], good: Bool[Array, " k"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The threshold below which to expect the good ones, and the share of all that it puts on the right side.

    Of all places between two neighbours the one with fewest mistakes, in the middle between them on a logarithmic
    scale; values are positive.
    """
    order = jnp.argsort(values)
    values, good = values[order], good[order]
    right = jnp.cumsum(good)[:-1] + jnp.sum(~good) - jnp.cumsum(~good)[:-1]  # good below + bad above
    best = jnp.argmax(right)
    return jnp.sqrt(values[best] * values[best + 1]), right[best] / values.size
