"""Problems with one unknown and other units: steps done on paper, and what a change of units may not change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import measures, toys, updates
from core.chain_rule import factors
from core.losses import WeightedLoss
from core.problem import Aimed, InUnits, number
from core.rollout import rollout
from core.scalar import Curved, Incline, Power, Saturating

ETA = 0.3
RULES = (updates.gradient_descent, updates.newton, updates.inverse_gradient, updates.inverse_simulator)
TOYS = {
    "sheared": toys.Sheared(target=(1.0, -2.0)),
    "sine": toys.RotatedSine(),
    "squared": toys.SquaredSecond(target=(0.5, 2.0)),
    "turned": toys.Scaled(3.0, angle=0.5, target=(1.0, -2.0)),
}
every_toy = pytest.mark.parametrize("problem", TOYS.values(), ids=TOYS)


def step(rule, problem, x, eta=ETA):
    return np.array(jax.jit(rule)(problem, jnp.array([x]), jnp.array(eta)))[0]


# On x^2, x^4 and tanh^2 at x = 0.5, from the derivatives on paper.
T, S = np.tanh(0.5), 1 - np.tanh(0.5) ** 2  # tanh and its slope
BY_HAND = {
    ("square", "gradient_descent"): -ETA * 2 * 0.5,
    ("square", "newton"): -ETA * 0.5,
    ("square", "inverse_gradient"): -ETA * 0.5,
    ("square", "inverse_simulator"): -ETA * 0.5,
    ("fourth", "gradient_descent"): -ETA * 4 * 0.5**3,
    ("fourth", "newton"): -ETA / 3 * 0.5,
    ("fourth", "inverse_gradient"): -ETA / 2 * 0.5,
    ("fourth", "inverse_simulator"): (np.sqrt(1 - ETA) - 1) * 0.5,
    ("tanh", "gradient_descent"): -ETA * 2 * T * S,
    ("tanh", "newton"): -ETA * 2 * T * S / (2 * S**2 - 4 * T**2 * S),
    ("tanh", "inverse_gradient"): -ETA * T / S,
    ("tanh", "inverse_simulator"): np.arctanh((1 - ETA) * T) - 0.5,
}
CURVES = {"square": Power(1), "fourth": Power(2), "tanh": Saturating()}


@pytest.mark.parametrize(("curve", "rule"), BY_HAND, ids=[" ".join(key) for key in BY_HAND])
@pytest.mark.usefixtures("strict")
def test_a_step_with_one_unknown(curve, rule):
    found = step(getattr(updates, rule), CURVES[curve], 0.5)
    np.testing.assert_allclose(found, BY_HAND[curve, rule], rtol=1e-12)


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 1e3])
def test_the_incline_is_the_books_example(alpha):
    """L = alpha x: gradient descent steps -eta alpha, the inverses ask for a drop and divide by alpha."""
    problem = InUnits(Incline(), alpha)
    assert float(problem.objective(jnp.array([2.0]))) == 2.0 * alpha
    np.testing.assert_allclose(step(updates.gradient_descent, problem, 0.0), -ETA * alpha, rtol=1e-12)
    for rule in (updates.inverse_gradient, updates.inverse_simulator):
        np.testing.assert_allclose(step(rule, problem, 0.0), -ETA / alpha, rtol=1e-12)
    assert not np.isfinite(step(updates.newton, problem, 0.0))


@pytest.mark.parametrize("power", [1, 2, 3, 4])
@given(x=st.floats(-2, 2, allow_subnormal=False), aim=st.floats(0.01, 4))
def test_the_local_inverse_of_a_power_keeps_the_sign_of_the_guess(power, x, aim):
    y = aim if power % 2 == 0 else np.copysign(aim, x)
    found = float(Power(power).inverse(jnp.array([y]), jnp.array([x]))[0])
    np.testing.assert_allclose(found**power, y, rtol=1e-12)
    assert np.copysign(1, found) == (np.copysign(1, y) if power % 2 else (-1 if x < 0 else 1))


def test_where_no_cause_exists_the_nearest_or_an_infinite_one_is_given():
    assert Power(2).inverse(jnp.array([-1.0]), jnp.array([3.0])) == 0.0
    assert Saturating().inverse(jnp.array([1.5]), jnp.array([0.5])) == np.inf
    with pytest.raises(ValueError, match="whole number"):
        Power(0.5)


@every_toy
@pytest.mark.parametrize("unit", [0.01, (100.0, 1.0), (0.001, 50.0)], ids=str)
@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: rule.__name__)
def test_what_inverts_walks_the_same_way_in_any_units(problem, unit, rule):
    here = rollout(rule, problem, problem.start, 6, eta=ETA)
    other = InUnits(problem, unit)
    there = rollout(rule, other, other.start, 6, eta=ETA)
    np.testing.assert_allclose(other.unit * there.x, here.x, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(there.y, here.y, rtol=1e-6, atol=1e-9)


@every_toy
@pytest.mark.usefixtures("strict")
def test_gradient_descent_carries_the_square_of_the_unit(problem):
    """In x' = x / unit the gradient is unit times as long; mapped back to x the step is unit^2 times as long."""
    unit = np.array([0.5, 20.0])
    other = InUnits(problem, unit)
    back = unit * np.array(updates.gradient_descent(other, other.start, jnp.array(ETA)))
    here = np.array(updates.gradient_descent(problem, problem.start, jnp.array(ETA)))
    np.testing.assert_allclose(back, unit**2 * here, rtol=1e-12)


def test_a_change_of_units_moves_no_state():
    problem = toys.RotatedSine()
    other = InUnits(problem, (0.01, 1.0))
    np.testing.assert_allclose(other.start, [85.0, 0.75])
    np.testing.assert_allclose(other.domain, [[-160.0, -1.6], [160.0, 1.6]])
    np.testing.assert_allclose(other.forward(other.start), problem.forward(problem.start))
    assert other.objective(other.start) == problem.objective(problem.start)
    np.testing.assert_allclose(other.inverse(other.target, other.start), problem.solution / jnp.array([0.01, 1.0]))


@pytest.mark.parametrize("problem", [Incline(), Power(), Saturating(), Curved()], ids=lambda p: type(p).__name__)
def test_a_domain_is_lower_then_upper_and_holds_the_start(problem):
    lower, upper = problem.domain
    assert lower < problem.start < upper


def test_another_aim_is_judged_by_the_squared_distance_whatever_the_loss_was():
    """y = A x = (3, 3), two and one away from the aim: 4 + 1."""
    problem = Aimed(WeightedLoss(toys.Sheared(target=(7.0, 7.0)), number([0.2, 7.0])), number([1.0, 2.0]))
    np.testing.assert_array_equal(problem.target, [1.0, 2.0])
    assert problem.objective(jnp.ones(2)) == 5.0


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 2.0, 3.5])
def test_the_loglog_slope_is_the_exponent(exponent):
    x = np.geomspace(1e-3, 1e3, 25)
    np.testing.assert_allclose(measures.loglog_slope(x, -5.0 * x**exponent), exponent, atol=1e-12)
    noisy = x**exponent * np.exp(0.1 * np.random.default_rng(0).normal(size=25))
    expected = np.polyfit(np.log(x), np.log(noisy), 1)[0]
    np.testing.assert_allclose(measures.loglog_slope(x, noisy), expected, atol=1e-10)
    spoilt = np.where(x > 1, 0.0, noisy)
    assert np.isnan(measures.loglog_slope(x, spoilt))
    expected = np.polyfit(np.log(x[x <= 1]), np.log(noisy[x <= 1]), 1)[0]
    np.testing.assert_allclose(measures.loglog_slope(x, spoilt, x <= 1), expected, atol=1e-10)
    assert np.isnan(measures.loglog_slope(x, noisy, x < 0))


@every_toy
def test_the_line_search_step_is_the_lowest_point_of_the_gradients_parabola(problem):
    """Against a search over eta on the second-order model of L along the gradient."""
    x = problem.start
    g, h = np.array(jax.grad(problem.objective)(x)), np.array(jax.hessian(problem.objective)(x))
    etas = np.geomspace(1e-4, 10, 4001)
    lowest = etas[np.argmin(-etas * (g @ g) + etas**2 / 2 * (g @ h @ g))]
    np.testing.assert_allclose(measures.line_search_eta(problem, x), lowest, rtol=3e-3)


def test_on_a_straight_line_no_step_is_lowest():
    assert measures.line_search_eta(Incline(), jnp.zeros(1)) == np.inf


def test_what_one_step_comes_to_by_hand():
    """P = A x with A = [[1, 2], [0, 3]], x = (1, 1), y* = 0: y = (3, 3), L = 18; the step is -A^T r / 10."""
    problem = toys.Sheared()
    found = measures.one_step(updates.gradient_descent, problem, jnp.ones(2), jnp.array(0.05))
    dx = -0.1 * np.array([[1.0, 0.0], [2.0, 3.0]]) @ [3.0, 3.0]
    y = np.array([[1.0, 2.0], [0.0, 3.0]]) @ (1 + dx)
    np.testing.assert_allclose(found.length, np.hypot(*dx))
    np.testing.assert_allclose(found.change, y @ y - 18)
    np.testing.assert_allclose(found.progress, (y - 3) @ [-3.0, -3.0] / 18)


@every_toy
@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_an_inverse_simulator_covers_the_share_of_the_gap_that_it_was_asked_for(problem, eta):
    found = measures.one_step(updates.inverse_simulator, problem, problem.start, jnp.array(eta))
    np.testing.assert_allclose(found.progress, eta, rtol=1e-10)
    np.testing.assert_allclose(found.change, ((1 - eta) ** 2 - 1) * problem.objective(problem.start), rtol=1e-10)


@every_toy
@pytest.mark.usefixtures("strict")
def test_the_gradient_is_the_transposed_jacobian_times_the_losss_own(problem):
    unit = np.array([0.01, 3.0])
    for x in np.random.default_rng(0).normal(size=(5, 2)):
        for chosen, point in ((problem, x), (InUnits(problem, unit), x / unit)):
            simulator, loss, gradient = factors(chosen, jnp.array(point))
            np.testing.assert_allclose(simulator @ loss, gradient, rtol=1e-12, atol=1e-12)


def test_the_factors_by_hand():
    simulator, loss, gradient = factors(toys.Sheared(target=(1.0, -2.0)), jnp.array([1.0, 1.0]))
    np.testing.assert_array_equal(simulator, [[1.0, 0.0], [2.0, 3.0]])
    np.testing.assert_array_equal(loss, [2 * (3 - 1), 2 * (3 + 2)])
    np.testing.assert_array_equal(gradient, [4.0, 8.0 + 30.0])
