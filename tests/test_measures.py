"""Measures of a path, on cases small enough to do on paper, with inf and nan among them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import measures, toys, updates
from core.rollout import Path, rollout

departure = eqx.filter_jit(measures.departure)
stable_limit = eqx.filter_jit(measures.stable_limit)
best_fixed_eta = eqx.filter_jit(measures.best_fixed_eta)


def test_spread_is_the_largest_gap_over_the_longest_way():
    rng = np.random.default_rng(0)
    paths = rng.normal(size=(4, 6, 2))
    gaps = [np.linalg.norm(a[k] - b[k]) for a in paths for b in paths for k in range(6)]
    ways = [np.linalg.norm(a[k] - a[0]) for a in paths for k in range(6)]
    np.testing.assert_allclose(measures.spread(jnp.array(paths)), max(gaps) / max(ways))


def test_spread_by_hand():
    straight = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]
    bent = [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]
    assert measures.spread(jnp.array([straight, straight])) == 0.0
    assert measures.spread(jnp.array([straight, bent])) == 0.5
    # A single stray counts, however many agree.
    assert measures.spread(jnp.array([straight] * 5 + [bent])) == 0.5


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_path_that_leaves_makes_the_meter_infinite(bad):
    paths = np.zeros((3, 4, 2))
    paths[:, 1:] = 1.0
    paths[1, 3, 0] = bad
    assert measures.spread(jnp.array(paths)) == np.inf


@pytest.mark.parametrize(
    ("distance", "step"),
    [
        ([3.0, 1.0, 0.5, 0.1], 2),
        ([0.4, 1.0, 0.5], 0),
        ([3.0, 0.5, 9.0], 1),
        ([3.0, 2.0, 1.0], np.inf),
        ([np.inf, np.nan, 0.2], 2),
        ([3.0, np.nan, np.inf], np.inf),
    ],
)
def test_steps_to_is_the_first_step_within_the_tolerance(distance, step):
    assert measures.steps_to(jnp.array(distance), 0.5) == step


@pytest.mark.parametrize(
    ("a", "b", "degrees"),
    [((1, 0), (5, 0), 0), ((1, 0), (0, 0.1), 90), ((1, 0), (-2, 0), 180), ((1, 1), (0, 3), 45), ((1, 0), (1, -1), 45)],
)
def test_angle_between(a, b, degrees):
    found = measures.angle_between(jnp.array(a, float), jnp.array(b, float))
    np.testing.assert_allclose(found, degrees, atol=1e-5)


def test_rounding_leaves_every_angle_a_number():
    """The cosine of an angle of 0 comes out as 1 + 2e-16 for some of these."""
    for a in np.random.default_rng(0).normal(size=(50, 2)):
        for times, degrees in ((3.0, 0.0), (-0.1, 180.0)):
            np.testing.assert_allclose(measures.angle_between(jnp.array(a), jnp.array(times * a)), degrees, atol=1e-5)


def test_no_direction_has_no_angle():
    assert np.isnan(measures.angle_between(jnp.zeros(2), jnp.array([1.0, 0.0])))


def test_condition_number():
    rng = np.random.default_rng(1)
    for shape in ((2, 2), (3, 2)):
        matrix = rng.normal(size=shape)
        np.testing.assert_allclose(measures.condition_number(jnp.array(matrix)), np.linalg.cond(matrix))
    assert measures.condition_number(jnp.array([[1.0, 0.0], [0.0, 0.0]])) == np.inf


@pytest.mark.parametrize("alpha", [0.5, 1.0, 4.0])
def test_step_limits_of_the_stretched_bowl(alpha):
    # The Hessian is diag(2, 2 alpha^2), turned: 2 / largest and 2 / (smallest + largest) eigenvalue.
    problem, x = toys.Scaled(alpha, angle=0.4), jnp.array([3.0, 3.0])
    np.testing.assert_allclose(stable_limit(problem, x), 1 / max(1.0, alpha**2))
    np.testing.assert_allclose(best_fixed_eta(problem, x), 1 / (1 + alpha**2))


def test_step_limit_of_the_sheared_bowl():
    hessian = 2 * np.array([[1.0, 2.0], [2.0, 13.0]])  # 2 A^T A; with A A^T it would be [[5, 6], [6, 9]]
    found = stable_limit(toys.Sheared(), jnp.zeros(2))
    np.testing.assert_allclose(found, 2 / np.linalg.eigvalsh(hessian)[-1])


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_departure_is_the_first_point_or_loss_that_is_not_finite(bad):
    problem = toys.Scaled(4.0)
    good = rollout(updates.newton, problem, (3.0, 3.0), 4, eta=0.5)
    assert int(departure(problem, good).step) == -1
    for step in (1, 3):
        left = Path(good.x.at[step:, 1].set(bad), good.y, good.loss)
        where = departure(problem, left)
        assert int(where.step) == step
        np.testing.assert_allclose([where.jacobian_condition, where.hessian_condition], [4.0, 16.0])
    # x is still finite, but its square is not.
    assert int(departure(problem, good._replace(loss=good.loss.at[2].set(bad))).step) == 2


def test_departure_names_the_singular_matrix():
    problem = toys.SquaredSecond(target=(0.0, 1.0))
    path = rollout(updates.inverse_gradient, problem, (2.0, 0.0), 3, eta=1.0)
    where = departure(problem, path)
    # At x2 = 0: J = diag(1, 0), and H = diag(2, 12 x2^2 - 4) = diag(2, -4).
    assert (int(where.step), float(where.jacobian_condition)) == (1, np.inf)
    np.testing.assert_allclose(where.hessian_condition, 2.0)


def test_a_departure_for_every_frame_of_a_sweep():
    problem = toys.Scaled(4.0)
    etas = jnp.array([0.05, 1e30, 1e200])
    paths = jax.vmap(lambda eta: rollout(updates.gradient_descent, problem, (3.0, 3.0), 20, eta=eta))(etas)
    steps = jax.vmap(lambda path: departure(problem, path).step)(paths)
    # Each step multiplies x2 by about 32 eta; the squared loss overflows beyond 1e154.
    np.testing.assert_array_equal(steps, [-1, 5, 1])


def test_bend_is_the_distance_from_the_straight_way():
    y = jnp.array([[0.0, 0.0], [1.0, 1.0], [3.0, -2.0], [4.0, 0.0]])
    np.testing.assert_allclose(measures.bend(y, jnp.array([4.0, 0.0])), 2.0 / 4.0)
    slanted = jnp.array([[1.0, 1.0], [2.0, 2.0], [2.5, 2.5]])
    np.testing.assert_allclose(measures.bend(slanted, jnp.array([3.0, 3.0])), 0.0, atol=1e-15)


@pytest.mark.parametrize("small", [1.0, 1e-3])
def test_a_small_component_bends_as_much_as_a_large_one(small):
    """First the whole of y1, then the whole of y2: the corner of a unit square is half a diagonal off the diagonal."""
    y = jnp.array([[0.0, 0.0], [4.0, 0.0], [4.0, small]])
    np.testing.assert_allclose(measures.bend(y, y[-1]), 0.5)


def test_bend_where_there_is_no_way_to_go_or_the_path_leaves():
    assert measures.bend(jnp.ones((3, 2)), jnp.ones(2)) == 0.0
    leaving = jnp.array([[0.0, 0.0], [jnp.nan, jnp.nan]])
    assert np.isnan(measures.bend(leaving, jnp.array([1.0, 0.0])))


def test_the_slope_is_the_exponent_and_nothing_where_there_is_none():
    h = np.geomspace(1e-3, 1, 7)
    np.testing.assert_allclose(measures.loglog_slope(h, 5 * h**2.5), 2.5)
    noisy = h**2 * np.exp(np.sin(np.arange(7)))
    np.testing.assert_allclose(measures.loglog_slope(h, noisy), np.polyfit(np.log(h), np.log(noisy), 1)[0])
    for bad in (0.0, np.inf, np.nan):
        assert np.isnan(measures.loglog_slope(h, np.where(h == 1, bad, h)))


def test_the_deviation_is_told_step_by_step():
    y = jnp.array([[0.0, 0.0], [1.0, 1.0], [3.0, -2.0], [4.0, 0.0]])
    np.testing.assert_allclose(measures.deviation(y, jnp.array([4.0, 0.0])), [0, 0.25, 0.5, 0], atol=1e-15)
