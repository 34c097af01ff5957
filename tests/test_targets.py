"""Several targets: two walks against an independent minimiser of the summed squares, reachable mean or not."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from core import measures, toys
from core.rollout import rollout
from core.targets import average_then_invert, compromise, distortion, invert_then_average

TARGETS = np.array([[-1.0, 0.3], [0.4, 2.2], [1.2, 1.1]])
BELOW = np.array([[-1.0, -1.5], [0.4, -0.6], [1.2, 0.5]])  # their mean has y2 < 0, where no x leads
ASIDE = np.array([[1.6, 0.3], [0.9, 1.2], [2.0, -0.4]])  # their mean has y1 > 1, beyond the sine
CASES = {
    "squared": (toys.SquaredSecond(), TARGETS),
    "squared, mean out of reach": (toys.SquaredSecond(), BELOW),
    "sine": (toys.RotatedSine(1.5), 0.4 * TARGETS),
    "sine, mean out of reach": (toys.RotatedSine(1.0), ASIDE),
    "sheared": (toys.Sheared(), TARGETS),
}
START = np.array([0.9, 0.8])


def least_squares(problem, targets):
    """The least distortion by scipy, the best of several starts."""

    def residuals(x):
        return (np.array(problem.forward(jnp.array(x))) - targets).ravel()

    starts = [START, [0.1, 0.2], [1.5, -0.3]]
    return min(
        (scipy.optimize.least_squares(residuals, x, xtol=1e-14, ftol=1e-14) for x in starts), key=lambda s: s.cost
    )


@pytest.mark.parametrize("name", CASES)
def test_averaging_first_converges_to_the_least_squares_compromise(name):
    problem, targets = CASES[name]
    x = START + 0 * targets[0]
    for eta in (0.3, 1.0):
        path = rollout(average_then_invert, problem, x, 80, eta=eta, targets=targets)
        reached = float(distortion(path.y[-1], jnp.array(targets)))
        np.testing.assert_allclose(reached, 2 * least_squares(problem, targets).cost, rtol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_the_compromise_is_scipys(name):
    problem, targets = CASES[name]
    found = compromise(problem, jnp.array(targets))
    reached = float(distortion(problem.forward(found), jnp.array(targets)))
    np.testing.assert_allclose(reached, 2 * least_squares(problem, targets).cost, rtol=1e-7)


def test_the_compromise_of_a_linear_map_is_where_the_mean_comes_from():
    """Far from 0 in the square that is searched: A x = mean of y_i, to the digits that are promised."""
    targets = TARGETS + np.array([5.0, 11.0])
    found = compromise(toys.Sheared(), jnp.array(targets))
    np.testing.assert_allclose(found, np.linalg.solve([[1, 2], [0, 3]], targets.mean(0)), atol=3e-8)


def test_distortion_is_the_spread_plus_the_distance_from_the_mean():
    y = np.array([0.3, -0.2])
    spread = np.sum((TARGETS - TARGETS.mean(0)) ** 2)
    np.testing.assert_allclose(distortion(jnp.array(y), TARGETS), spread + 3 * np.sum((y - TARGETS.mean(0)) ** 2))


@pytest.mark.usefixtures("strict")
def test_one_step_by_hand():
    problem, x, eta = toys.SquaredSecond(), jnp.array([0.9, 0.8]), jnp.array(0.5)
    y = np.array([0.9, 0.64])
    one = np.array(average_then_invert(problem, x, eta, jnp.array(TARGETS)))
    aim = y + 0.5 * (TARGETS.mean(0) - y)
    np.testing.assert_allclose(one, [aim[0] - 0.9, np.sqrt(aim[1]) - 0.8], rtol=1e-12)
    each = y + 0.5 * (TARGETS - y)
    many = np.array(invert_then_average(problem, x, eta, jnp.array(TARGETS)))
    np.testing.assert_allclose(many, [each[:, 0].mean() - 0.9, np.sqrt(each[:, 1]).mean() - 0.8], rtol=1e-12)


@pytest.mark.parametrize("name", ["squared", "sine"])
def test_inverting_first_rests_off_the_compromise_to_first_order_in_eta(name):
    problem, targets = CASES[name]
    etas = np.array([0.02, 0.04, 0.08])
    away = []
    for eta in etas:
        path = rollout(invert_then_average, problem, START, int(30 / eta), eta=eta, targets=targets)
        away.append(np.linalg.norm(path.y[-1] - targets.mean(0)))
    np.testing.assert_allclose(measures.loglog_slope(etas, jnp.array(away)), 1.0, atol=0.1)


def test_for_a_linear_map_the_order_does_not_matter():
    problem, targets = CASES["sheared"]
    paths = [
        rollout(rule, problem, START, 20, eta=0.7, targets=targets)
        for rule in (average_then_invert, invert_then_average)
    ]
    np.testing.assert_allclose(paths[0].x, paths[1].x, atol=1e-12)
