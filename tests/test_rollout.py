"""A rollout: what a path holds, that divergence is data, that numbers never recompile it, optax against NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import measures, toys, updates
from core.least_squares import levenberg_marquardt
from core.rollout import WithMemory, _rollout, adam, momentum, rollout

START = (2.0, -1.5)
STEPS = 12
A = np.array([[1.0, 2.0], [0.0, 3.0]])
TARGET = np.array([1.0, -2.0])
SHEARED = toys.Sheared(target=TARGET)


def gradient(x):
    """dL/dx of SHEARED, on paper."""
    return 2 * A.T @ (A @ x - TARGET)


def test_row_0_is_the_start_and_each_row_a_step_further():
    path = rollout(updates.gradient_descent, SHEARED, START, STEPS, eta=0.02)
    x = [np.array(START)]
    for _ in range(STEPS):
        x.append(x[-1] - 0.02 * gradient(x[-1]))
    y = np.array(x) @ A.T
    np.testing.assert_allclose(path.x, x, rtol=1e-12)
    np.testing.assert_allclose(path.y, y, rtol=1e-12)
    np.testing.assert_allclose(path.loss, np.sum((y - TARGET) ** 2, axis=1), rtol=1e-12)


def test_no_steps_is_the_start_alone_and_fewer_is_refused():
    path = rollout(updates.newton, SHEARED, START, 0, eta=1.0)
    np.testing.assert_array_equal(path.x, [START])
    assert path.y.shape == (1, 2) and path.loss.shape == (1,)
    with pytest.raises(ValueError, match="steps >= 0, got -1"):
        rollout(updates.newton, SHEARED, START, -1, eta=1.0)


def test_momentum_is_heavy_ball():
    path = rollout(momentum, SHEARED, START, STEPS, eta=0.01)
    x, velocity = np.array(START), np.zeros(2)
    for step in range(1, STEPS + 1):
        velocity = 0.9 * velocity + gradient(x)
        x = x - 0.01 * velocity
        np.testing.assert_allclose(path.x[step], x, rtol=1e-12, err_msg=f"step {step}")


def test_adam_is_kingmas_and_bas():
    path = rollout(adam, SHEARED, START, STEPS, eta=0.3)
    x, mean, square = np.array(START), np.zeros(2), np.zeros(2)
    for step in range(1, STEPS + 1):
        mean = 0.9 * mean + 0.1 * gradient(x)
        square = 0.999 * square + 0.001 * gradient(x) ** 2
        # Algorithm 1 of arXiv 1412.6980, with its bias corrections.
        x = x - 0.3 * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        np.testing.assert_allclose(path.x[step], x, rtol=1e-9, err_msg=f"step {step}")


def test_divergence_stays_in_the_arrays_and_raises_nothing():
    path = rollout(updates.gradient_descent, toys.SquaredSecond(), (3.0, 3.0), 30, eta=1.0)
    x = np.array(path.x)
    assert x.shape == (31, 2) and not np.isfinite(x[-1]).all()
    where = int(eqx.filter_jit(measures.departure)(toys.SquaredSecond(), path).step)
    assert 1 < where < 31
    assert np.isfinite(x[:where]).all() and np.isfinite(path.loss[:where]).all()


def test_no_number_that_moves_compiles_anew():
    def walk(alpha, angle, target, start, eta, damping):
        problem = toys.Scaled(alpha, angle, target=target)
        rollout(levenberg_marquardt, problem, start, STEPS, eta=eta, damping=damping)
        rollout(adam, problem, start, STEPS, eta=eta)

    walk(4.0, 0.0, (0.0, 0.0), (3.0, 3.0), 0.3, 1e-4)
    before = _rollout._cache_size()
    walk(4, 1, (1, 2), [3, 3], 1, 0)
    walk(np.float32(2), jnp.array(0.5), np.zeros(2), jnp.ones(2, jnp.float32), np.float64(0.1), jnp.array(1e-2))
    assert _rollout._cache_size() == before
    # The counter does count: another number of steps is another program.
    rollout(levenberg_marquardt, toys.Scaled(), (3.0, 3.0), STEPS + 1, eta=0.3, damping=1e-4)
    assert _rollout._cache_size() == before + 1


@pytest.mark.parametrize("rule", [updates.gradient_descent, updates.newton, momentum], ids=["gd", "newton", "momentum"])
def test_a_vmapped_sweep_is_its_single_runs(rule):
    alphas, etas = np.linspace(0.5, 4.0, 7), np.geomspace(1e-3, 0.1, 7)
    swept = jax.vmap(lambda alpha, eta: rollout(rule, toys.Scaled(alpha), START, STEPS, eta=eta))(alphas, etas)
    for k, (alpha, eta) in enumerate(zip(alphas, etas, strict=True)):
        single = rollout(rule, toys.Scaled(alpha), START, STEPS, eta=eta)
        for many, one in zip(swept, single, strict=True):
            np.testing.assert_allclose(many[k], one, rtol=1e-10, atol=1e-12)


def test_a_rule_of_ones_own():
    def half_way(problem, x, eta):
        return eta * (problem.start - x)

    path = rollout(half_way, toys.Scaled(start=(1.0, 1.0)), (3.0, 3.0), 2, eta=0.5)
    np.testing.assert_array_equal(path.x, [[3, 3], [2, 2], [1.5, 1.5]])
    assert isinstance(momentum, WithMemory) and isinstance(adam, WithMemory)
