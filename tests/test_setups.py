"""The experiments' numbers, measured on what they draw: the size of the noise, and that it is a draw of its own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import setups, toys

NOISE = {
    "linear": (setups.linear, 0.0),
    "heat easy": (setups.heat_easy, 1e-3),
    "heat hard": (setups.heat_hard, 1e-3),
    "oscillator": (setups.oscillator, 1e-2),
    "toy": (lambda: setups.toy(toys.RotatedSine()), 0.0),
}


@pytest.mark.parametrize("name", NOISE)
def test_the_data_carry_the_noise_that_the_experiment_names(name):
    """400 instances of 2 to 32 data: the standard deviation is then known to 3 % or better."""
    make, size = NOISE[name]
    setup = make()
    x, y_stars, _ = setup.sample(jax.random.key(31), 400)
    noise = np.asarray(y_stars - jax.vmap(setup.problem.forward)(x))
    assert np.std(noise) == pytest.approx(size, rel=0.1, abs=1e-12)
    assert abs(np.mean(noise)) <= 4 * size / np.sqrt(noise.size)


@pytest.mark.parametrize("name", ["linear", "toy"])
def test_the_noise_of_the_data_has_nothing_to_do_with_the_truth(name):
    """Drawn from one key, a normal number is a rising function of the uniform one, or that very number."""
    setup = dataclasses.replace(NOISE[name][0](), noise=jnp.asarray(0.5))
    x, y_stars, x0s = setup.sample(jax.random.key(32), 2000)
    noise = np.asarray(y_stars - jax.vmap(setup.problem.forward)(x))
    for other in (x, x0s) if name == "toy" else (x,):
        related = np.corrcoef(np.asarray(other).T, noise.T)[: x.shape[1], x.shape[1] :]
        assert np.max(np.abs(related)) < 4.5 / np.sqrt(2000)
