"""The ripple's derivatives on paper, the exponents with which they grow, and the fit that measures them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import toys, updates
from core.measures import loglog_slope
from core.problem import number
from core.ripple import Rippled, one_period, roughness
from core.rollout import rollout
from core.toys import Banana

PROBLEMS = {"sheared": toys.Sheared(target=(3.0, 3.0)), "banana": Banana(), "sine": toys.RotatedSine()}
SIZE, X = 1e-3, np.array([0.7, -1.3])


def rippled(name, k, size=SIZE):
    return Rippled(PROBLEMS[name], number(size), number(k))


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", PROBLEMS)
def test_value_gradient_and_hessian_on_paper(name):
    noisy, clean, k = rippled(name, 17.0), PROBLEMS[name], 17.0
    x = jnp.array(X)
    assert noisy.objective(x) - clean.objective(x) == pytest.approx(SIZE * np.sin(k * X).sum(), abs=1e-12)
    slope = jax.grad(noisy.objective)(x) - jax.grad(clean.objective)(x)
    np.testing.assert_allclose(slope, SIZE * k * np.cos(k * X), atol=1e-12)
    bent = jax.hessian(noisy.objective)(x) - jax.hessian(clean.objective)(x)
    np.testing.assert_allclose(bent, np.diag(-SIZE * k**2 * np.sin(k * X)), atol=1e-11)


def test_forward_and_loss_stay_smooth():
    noisy, clean = rippled("banana", 40.0), PROBLEMS["banana"]
    path = rollout(updates.gradient_descent, noisy, clean.start, 5, eta=1e-3)
    np.testing.assert_allclose(path.loss, jax.vmap(clean.objective)(path.x), rtol=1e-12)
    np.testing.assert_array_equal(noisy.target, clean.target)
    np.testing.assert_array_equal(noisy.start, clean.start)
    # Its steps are those of the rippled gradient all the same.
    assert not np.allclose(path.x[-1], rollout(updates.gradient_descent, clean, clean.start, 5, eta=1e-3).x[-1])


@pytest.mark.parametrize("name", PROBLEMS)
def test_noise_grows_like_k_in_the_gradient_and_k_squared_in_the_hessian(name):
    numbers = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
    found = [roughness(rippled(name, k), one_period()) for k in numbers]
    for part, power in (("value", 0), ("gradient", 1), ("hessian", 2)):
        values = np.array([getattr(one, part) for one in found])
        # A whole number of periods: the mean square of a sine is a half.
        np.testing.assert_allclose(values, SIZE * numbers**power / np.sqrt(2), rtol=1e-6)
        assert np.polyfit(np.log(numbers), np.log(values), 1)[0] == pytest.approx(power, abs=1e-6)


def test_the_slope_of_a_power_law_is_its_exponent():
    x = jnp.array([1.0, 3.0, 10.0, 40.0])
    assert loglog_slope(x, 5 * x**1.7) == pytest.approx(1.7)
    noisy = 5 * x**1.7 * jnp.array([1.1, 0.9, 1.05, 1.0])
    assert loglog_slope(x, noisy) == pytest.approx(np.polyfit(np.log(x), np.log(noisy), 1)[0])
    assert jnp.isnan(loglog_slope(x, x.at[1].set(0.0)))
