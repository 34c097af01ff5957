"""The small maps that a Deceptron is made of, and which of their numbers training may move.

A map takes one sample. `Frozen` parts (the physics, the scalings) hold numbers that a reader may change and
training may not; everything else is trained. Training is float32, solving float64: `as_type` converts a whole
model.
"""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from core.problem import Problem

Tree = TypeVar("Tree")
HIDDEN = (32, 32)  # enough to bring every two-dimensional toy below the asked RJCP in 2,000 steps


def _float32(value: float | Array) -> Array:
    return jnp.asarray(value, jnp.float32)


class Frozen(eqx.Module):
    """Numbers that training leaves alone."""


class Physics(Frozen):
    """f(x) = P(x): the simulator as the forward map, in the dtype of x whatever it computes in."""

    problem: Problem

    def __call__(self, x: Float[Array, " n"]) -> Float[Array, " m"]:
        return self.problem.forward(x).astype(x.dtype)


class Affine(Frozen):
    """Componentwise units: `remove` gives (v - centre) / spread, `restore` undoes it."""

    centre: Float[Array, " d"]
    spread: Float[Array, " d"]

    def remove(self, value: Float[Array, " d"]) -> Float[Array, " d"]:
        return (value - self.centre) / self.spread

    def restore(self, value: Float[Array, " d"]) -> Float[Array, " d"]:
        return self.centre + self.spread * value

    @classmethod
    def standard(cls, samples: Float[Array, "count d"]) -> "Affine":
        """Mean 0 and standard deviation 1 over the samples."""
        return cls(jnp.mean(samples, axis=0), jnp.std(samples, axis=0))

    @classmethod
    def scale_only(cls, samples: Float[Array, "count d"], centre: Array | float = 0.0) -> "Affine":
        """Root mean square 1 over the samples, origin kept: a leaky unit is linear for positive input.

        centre: 1 moves the origin to the mean, between 0 and 1 part of the way.
        """
        spread = jnp.sqrt(jnp.mean(samples**2, axis=0))
        return cls(jnp.asarray(centre, spread.dtype) * jnp.mean(samples, axis=0), spread)

    @classmethod
    def none(cls, samples: Float[Array, "count d"]) -> "Affine":
        """The units as they are."""
        return cls(jnp.zeros_like(samples[0]), jnp.ones_like(samples[0]))


@jax.custom_jvp
def leaky(z: Array) -> Array:
    """0.1 z + 0.9 softplus(4 z) / 4: a leaky ReLU, its corner rounded since J_g is shown."""
    # log(1 + e) for an e below 1 is exact to rounding of the sum, and takes two thirds of log1p's time.
    return 0.1 * z + 0.225 * (jnp.maximum(4.0 * z, 0.0) + jnp.log(1.0 + jnp.exp(-jnp.abs(4.0 * z))))


@leaky.defjvp
def _leaky_jvp(primals, tangents):
    # The derivative by hand: automatic differentiation of the softplus made a training step a fifth slower.
    (z,), (dz,) = primals, tangents
    return leaky(z), (0.1 + 0.9 * jax.nn.sigmoid(4.0 * z)) * dz


ACTIVATIONS = {"linear": lambda z: z, "leaky": leaky}


class Slab(eqx.Module):
    """v -> outer.restore(s(weight inner.remove(v) + bias)): one layer, the paper's f_W and g_V."""

    weight: Float[Array, "out in"]
    bias: Float[Array, " out"]
    inner: Affine
    outer: Affine
    activation: str = eqx.field(static=True, default="linear")

    def __call__(self, value: Float[Array, " in"]) -> Float[Array, " out"]:
        activation = ACTIVATIONS[self.activation]
        # v W^T and not W v, here and below: a batch consists of rows, and would be transposed and copied back.
        return self.outer.restore(activation(self.inner.remove(value) @ self.weight.T + self.bias))


class MLP(eqx.Module):
    """v -> outer.restore(network(inner.remove(v))): layers of `leaky` units between two scalings."""

    weights: list[Float[Array, "out in"]]
    biases: list[Float[Array, " out"]]
    inner: Affine
    outer: Affine

    def __call__(self, value: Float[Array, " in"]) -> Float[Array, " out"]:
        return self.outer.restore(self.network(self.inner.remove(value)))

    def network(self, standard: Float[Array, " in"]) -> Float[Array, " out"]:
        """The layers alone, in the scaled units."""
        hidden = standard
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = leaky(hidden @ weight.T + bias)
        return hidden @ self.weights[-1].T + self.biases[-1]


class ResidualMLP(MLP):
    """v -> outer.restore(z + network(z)) with z = inner.remove(v): a scaled identity plus a small network.

    Both sides have the same number of components.
    """

    def __call__(self, value: Float[Array, " d"]) -> Float[Array, " d"]:
        standard = self.inner.remove(value)
        return self.outer.restore(standard + self.network(standard))


def mlp(key: PRNGKeyArray, inner: Affine, outer: Affine, hidden: tuple[int, ...]) -> MLP:
    """A fresh network in the scalings' dtype: weights N(0, 1 / fan-in), biases 0."""
    return MLP(*_layers(key, (inner.centre.size, *hidden, outer.centre.size), inner.centre.dtype), inner, outer)


def residual_mlp(key: PRNGKeyArray, inner: Affine, outer: Affine, hidden: tuple[int, ...] = HIDDEN) -> ResidualMLP:
    """A fresh residual network, its last layer a tenth of an `mlp`'s.

    That makes the untrained map nearly the scaled identity, which is already a sensible inverse.
    """
    sizes = (inner.centre.size, *hidden, outer.centre.size)
    if sizes[0] != sizes[-1]:
        raise ValueError(
            f"ResidualMLP adds its input to its output, so both need one size, got {sizes[0]}, {sizes[-1]}"
        )
    weights, biases = _layers(key, sizes, inner.centre.dtype)
    return ResidualMLP([*weights[:-1], 0.1 * weights[-1]], biases, inner, outer)


def _layers(key, sizes, dtype):
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    # One draw for all layers: three would compile three times as long.
    ends = np.cumsum([fan_out * fan_in for fan_out, fan_in in shapes])
    parts = jnp.split(jax.random.normal(key, (int(ends[-1]),), dtype), ends[:-1])
    weights = [part.reshape(shape) * shape[1] ** -0.5 for part, shape in zip(parts, shapes, strict=True)]
    return weights, [jnp.zeros(size, dtype) for size in sizes[1:]]


class Start(eqx.Module):
    """Where a slab's training begins: weight identity * I + spread * N(0, 1), y centred if centre is 1.

    All traced, so that trying another start compiles nothing. From a fully random matrix one seed in three failed.
    """

    identity: Float[Array, ""] = eqx.field(converter=_float32, default=1.0)
    spread: Float[Array, ""] = eqx.field(converter=_float32, default=0.05)
    centre: Float[Array, ""] = eqx.field(converter=_float32, default=0.0)


def slab(key: PRNGKeyArray, inner: Affine, outer: Affine, activation: str, start: Start) -> Slab:
    """A fresh slab, bias 0."""
    shape = (outer.centre.size, inner.centre.size)
    dtype = inner.centre.dtype
    begun = as_type(start, dtype)
    weight = begun.identity * jnp.eye(*shape, dtype=dtype) + begun.spread * jax.random.normal(key, shape, dtype)
    return Slab(weight, jnp.zeros(shape[0], dtype), inner, outer, activation)


def trainable(model: PyTree) -> PyTree:
    """A filter for `eqx.partition`: True on the floating-point arrays outside `Frozen` parts."""
    # A Frozen part is taken as one leaf, and is no array.
    return jax.tree.map(eqx.is_inexact_array, model, is_leaf=lambda node: isinstance(node, Frozen))


@eqx.filter_jit
def as_type(tree: Tree, dtype: DTypeLike) -> Tree:
    """The same tree with every floating-point array in `dtype`."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, tree)
