"""A loss with a small, fast ripple: what is invisible in its value is not so in its derivatives.

Differentiating eps sin(k x) multiplies it by k, twice by k^2. Source: the chapter "Scale-Invariance and Inversion", its
remark that higher derivatives are more prone to high-frequency noise in the loss landscape.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Wrapped


class Rippled(Wrapped):
    """The same problem, its objective rippled: L(P(x)) + size * sum_i sin(wave_number x_i).

    Only what is differentiated is rippled: `loss` stays the smooth one, so that a path tells how good its points are.
    size: eps, in units of L.  wave_number: k, in units of 1 / x.
    """

    size: Array
    wave_number: Array

    def ripple(self, x: Float[Array, " n"]) -> Float[Array, ""]:
        """What is added: size * sum_i sin(wave_number x_i)."""
        return self.size * jnp.sum(jnp.sin(self.wave_number * x))

    def objective(self, x: Float[Array, " n"]) -> Float[Array, ""]:
        return self.problem.objective(x) + self.ripple(x)


class Roughness(NamedTuple):
    """How much a ripple disturbs a loss and its derivatives: root mean squares over points and components."""

    value: Float[Array, ""]
    gradient: Float[Array, ""]
    hessian: Float[Array, ""]


def one_period(count: int = 257) -> Float[Array, "count 2"]:
    """Points whose components each run once evenly through a period of 2 pi, in different orders.

    For whole k < count / 2 a sine has its mean square, a half, exactly; a prime count keeps the two uncorrelated.
    """
    order = jnp.arange(count)
    return 2 * jnp.pi * jnp.stack([order, 5 * order % count], axis=1) / count


def roughness(rippled: Rippled, points: Float[Array, "count n"]) -> Roughness:
    """The ripple's part of L (for each unknown), of its gradient, and of its Hessian's diagonal, over these points."""
    # Of the ripple itself: beside the smooth loss, and taken away again, little of it is left in float32.
    value = jax.vmap(rippled.ripple)(points) / points.shape[1] ** 0.5
    gradient = jax.vmap(jax.grad(rippled.ripple))(points)
    diagonals = jnp.diagonal(jax.vmap(jax.hessian(rippled.ripple))(points), axis1=1, axis2=2)
    return Roughness(_rms(value), _rms(gradient), _rms(diagonals))


def _rms(values):
    return jnp.sqrt(jnp.mean(values**2))
