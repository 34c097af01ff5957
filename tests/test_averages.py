"""The path average: equal to the inverse simulator's step on curved and sheared problems, and the order of the gap."""

import jax.numpy as jnp
import numpy as np
import pytest

from core import averages, toys
from core.averages import Linearised

# A start and a step in y of which the inverse's branch covers the whole.
CASES = {
    "squared": (toys.SquaredSecond(), (1.0, 2.0), (-0.6, -2.5)),
    "squared, the other branch": (toys.SquaredSecond(), (1.0, -2.0), (-0.6, -2.5)),
    "sine": (toys.RotatedSine(), (0.4, 0.3), (-0.2, -1.5)),
    "sheared": (toys.Sheared(), (1.0, 2.0), (-0.6, -2.5)),
    "turned": (toys.Scaled(3.0, angle=0.7), (1.0, 2.0), (-0.6, -2.5)),
}
every_case = pytest.mark.parametrize("name", CASES)


def case(name):
    problem, x0, dy = CASES[name]
    return problem, jnp.array(x0), jnp.array(dy)


def exact_step(problem, x0, dy):
    return np.array(problem.inverse(problem.forward(x0) + dy, x0) - x0)


@every_case
@pytest.mark.usefixtures("strict")
def test_the_mean_of_the_inverse_jacobian_is_the_inverse_simulators_step(name):
    problem, x0, dy = case(name)
    nodes, weights = averages.gauss(16)
    found = averages.averaged_step(problem, x0, dy, jnp.array(nodes), jnp.array(weights))
    np.testing.assert_allclose(found, exact_step(problem, x0, dy), atol=1e-9)


def test_by_hand_on_the_square():
    """x^2 from 4 to 1: the mean of 1/(2 sqrt y) is (2 - 1)/(4 - 1) = 1/3, where the slope at the start is 1/4."""
    problem = toys.SquaredSecond()
    nodes, weights = averages.gauss(16)
    x0, dy = jnp.array([0.0, 2.0]), jnp.array([0.0, -3.0])
    found = averages.averaged_step(problem, x0, dy, jnp.array(nodes), jnp.array(weights))
    assert found[1] / dy[1] == pytest.approx(1 / 3, abs=1e-9)
    assert averages.pull_back(problem, x0, dy)[1] / dy[1] == pytest.approx(1 / 4)
    assert averages.way(problem, x0, dy, jnp.array(0.5))[1] == pytest.approx(np.sqrt(2.5))


def test_the_side_of_the_solve():
    # A = [[1, 2], [0, 3]]: A^-1 (0, 3) = (-2, 1); the transpose would give (0, 1).
    found = averages.pull_back(toys.Sheared(), jnp.zeros(2), jnp.array([0.0, 3.0]))
    np.testing.assert_allclose(found, [-2.0, 1.0], atol=1e-14)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_gauss_is_exact_for_polynomials(count):
    nodes, weights = averages.gauss(count)
    for power in range(2 * count):
        assert weights @ nodes**power == pytest.approx(1 / (power + 1))


def gaps(name, sizes):
    problem, x0, dy = case(name)
    return np.array(
        [
            np.linalg.norm(exact_step(problem, x0, size * dy) - averages.pull_back(problem, x0, size * dy))
            for size in sizes
        ]
    )


@pytest.mark.parametrize("name", ["squared", "sine"])
def test_the_gap_to_the_inverse_gradient_is_second_order_in_dy(name):
    sizes = np.geomspace(1e-4, 1e-2, 5)
    slope = np.polyfit(np.log(sizes), np.log(gaps(name, sizes)), 1)[0]
    assert slope == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize("name", ["sheared", "turned"])
def test_there_is_no_gap_where_the_simulator_is_linear(name):
    assert gaps(name, [1.0]).max() < 1e-14


@every_case
def test_the_linearised_inverse_is_the_inverse_gradients_step(name):
    problem, x0, dy = case(name)
    found = Linearised(problem).inverse(problem.forward(x0) + dy, x0) - x0
    np.testing.assert_allclose(found, np.linalg.solve(problem.jacobian(x0), dy), atol=1e-13)
