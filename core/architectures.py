"""The Deceptrons that the experiments train: what f and g are made of. Each is (key, problem, x, start) -> Deceptron.

x: training inputs (count, n), from which the scalings are taken.  start: how a slab begins; networks ignore it.
hidden: of those whose size may be chosen (`core.setup.Setup.of_width`).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from core.deceptron import Deceptron
from core.networks import HIDDEN, Affine, Physics, Slab, Start, mlp, residual_mlp, slab
from core.problem import Problem

Samples = Float[Array, "count n"]
Hidden = tuple[int, ...]  # the sizes of a network's hidden layers


class TiedDeceptron(eqx.Module):
    """Two slabs that share one matrix: g(y) = s~(W^T y + c), in the scaled units. An ablation of the paper.

    On the linear branch the differenced step is then gradient descent.
    """

    f: Slab
    bias: Float[Array, " n"]

    @property
    def g(self) -> Slab:
        """The reverse slab with V = W^T."""
        return Slab(self.f.weight.T, self.bias, self.f.outer, self.f.inner, self.f.activation)


def with_physics(key: PRNGKeyArray, problem: Problem, x: Samples, start: Start, hidden: Hidden = HIDDEN) -> Deceptron:
    """f is the simulator itself, frozen; g a residual network on standardised y, trained. Needs m = n."""
    y = jax.vmap(Physics(problem))(x)
    return Deceptron(Physics(problem), residual_mlp(key, Affine.standard(y), Affine.standard(x), hidden))


def with_wide(key: PRNGKeyArray, problem: Problem, x: Samples, start: Start) -> Deceptron:
    """f is the simulator; g(y) = y + MLP(n, 2n, n), in the units as they are. Needs m = n."""
    units = Affine.none(x)
    return Deceptron(Physics(problem), residual_mlp(key, units, units, (2 * x.shape[-1],)))


def with_mlp(key: PRNGKeyArray, problem: Problem, x: Samples, start: Start) -> Deceptron:
    """f is the simulator; g a network with two hidden layers of 64 on standardised y. Any m and n."""
    y = jax.vmap(Physics(problem))(x)
    return Deceptron(Physics(problem), mlp(key, Affine.standard(y), Affine.standard(x), (64, 64)))


def with_surrogate(key: PRNGKeyArray, problem: Problem, x: Samples, start: Start, hidden: Hidden = HIDDEN) -> Deceptron:
    """f and g are residual networks of the same shape, trained together. Needs m = n."""
    y = jax.vmap(Physics(problem))(x)
    key_f, key_g = jax.random.split(key)
    units_x, units_y = Affine.standard(x), Affine.standard(y)
    return Deceptron(residual_mlp(key_f, units_x, units_y, hidden), residual_mlp(key_g, units_y, units_x, hidden))


def with_linear(key: PRNGKeyArray, problem: Problem, x: Samples, start: Start) -> Deceptron:
    """f is the simulator, g(y) = V y + c in the units as they are: for linear problems. Any m and n."""
    y = jax.vmap(Physics(problem))(x)
    return Deceptron(Physics(problem), slab(key, Affine.none(y), Affine.none(x), "linear", start))


def with_slabs(key: PRNGKeyArray, problem: Problem, x: Samples, start: Start, activation: str = "linear") -> Deceptron:
    """The paper's two slabs f_W(x) = s(W x + b), g_V(y) = s~(V y + c), V not tied to W^T. Any m and n.

    Linear slabs (the default) learn Scaled and Sheared to float32 rounding. Of RotatedSine and SquaredSecond
    they learn the best linear map: 8 % and 13 % of the spread of the bent component stay as error in f, and
    RJCP, which compares the two slabs with each other, does not see it. Leaky slabs learn no toy (errors
    above half the spread): y of both signs meets both slopes, and one layer cannot undo that.
    """
    y = jax.vmap(Physics(problem))(x)
    key_f, key_g = jax.random.split(key)
    units_x, units_y = Affine.none(x), Affine.scale_only(y, start.centre)
    f = slab(key_f, units_x, units_y, activation, start)
    return Deceptron(f, slab(key_g, units_y, units_x, activation, start))


def with_tied(key: PRNGKeyArray, problem: Problem, x: Samples, start: Start) -> TiedDeceptron:
    """Linear slabs with V = W^T, in the units as they are: the differenced step is gradient descent on f."""
    y = jax.vmap(Physics(problem))(x)
    f = slab(key, Affine.none(x), Affine.none(y), "linear", start)
    return TiedDeceptron(f, jnp.zeros_like(x[0]))


ARCHITECTURES = {
    "physics": with_physics,
    "surrogate": with_surrogate,
    "slabs": with_slabs,
    "tied": with_tied,
    "linear": with_linear,
    "wide": with_wide,
    "mlp": with_mlp,
}
