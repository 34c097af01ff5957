"""What a network's numbers mean: its units, where its training begins, its layers by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.architectures import with_slabs
from core.networks import Affine, Start, leaky, mlp, residual_mlp, slab
from core.toys import Sheared

SAMPLES = jnp.array([[1.0, -2.0], [3.0, 4.0], [2.0, 7.0]])
KEY = jax.random.key(5)


@pytest.mark.parametrize("centre", [0.0, 0.5, 1.0])
def test_units_are_moved_as_far_as_was_asked(centre):
    units = Affine.scale_only(SAMPLES, centre)
    np.testing.assert_allclose(units.centre, centre * np.mean(SAMPLES, axis=0))
    np.testing.assert_allclose(units.spread, np.sqrt(np.mean(np.square(SAMPLES), axis=0)))
    np.testing.assert_allclose(units.restore(units.remove(SAMPLES[0])), SAMPLES[0])


def test_a_slab_begins_at_a_part_of_the_identity_and_noise():
    units = Affine.none(SAMPLES)
    begun = slab(KEY, units, units, "linear", Start(identity=0.25, spread=0.5))
    noise = jax.random.normal(KEY, (2, 2), SAMPLES.dtype)
    np.testing.assert_allclose(begun.weight, 0.25 * np.eye(2) + 0.5 * noise, rtol=1e-6)
    np.testing.assert_array_equal(begun.bias, 0.0)


def test_both_slabs_take_y_around_its_mean_where_that_is_asked():
    problem = Sheared()
    y = jax.vmap(problem.forward)(SAMPLES)
    for centre in (0.0, 1.0):
        pair = with_slabs(KEY, problem, SAMPLES, Start(centre=centre))
        for units in (pair.f.outer, pair.g.inner):
            np.testing.assert_allclose(units.centre, centre * np.mean(y, axis=0), rtol=1e-6)
        np.testing.assert_array_equal(pair.f.inner.centre, 0.0)


def test_an_mlp_is_its_layers_between_its_units():
    inner, outer = Affine.standard(SAMPLES), Affine.standard(10 * SAMPLES - 3)
    net, v = mlp(KEY, inner, outer, (4,)), jnp.array([0.3, -1.1])
    net = eqx.tree_at(lambda net: net.biases, net, [jnp.linspace(-1, 1, 4), jnp.array([0.2, -0.7])])  # else 0
    hidden = leaky(net.weights[0] @ ((v - inner.centre) / inner.spread) + net.biases[0])
    expected = outer.centre + outer.spread * (net.weights[1] @ hidden + net.biases[1])
    np.testing.assert_allclose(net(v), expected, rtol=1e-12)


@pytest.mark.parametrize("make", [mlp, residual_mlp])
def test_weights_begin_scaled_by_the_width_that_they_read(make):
    """N(0, 1 / fan-in): each unit's sum then has variance 1, whatever the layer's own width. 3,000 numbers or more."""
    units = Affine.none(jnp.zeros((1, 10)))
    net = make(KEY, units, units, (300, 40, 500))
    fan_in = [10, 300, 40, 500]
    for k, (weight, width) in enumerate(zip(net.weights, fan_in, strict=True)):
        begun = 10 * weight if make is residual_mlp and k == 3 else weight  # its last layer is a tenth
        assert weight.shape[1] == width
        assert np.std(begun) == pytest.approx(width**-0.5, rel=0.05), k
