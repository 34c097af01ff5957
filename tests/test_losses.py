"""Losses in y: values and Newton steps on paper, for squares the gap itself, for log-cosh a hyperbolic sine."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import losses, toys
from core.losses import LogCoshLoss, WeightedLoss
from core.problem import number
from core.rollout import rollout
from core.updates import inverse_simulator

ETA = 0.3
PROBLEMS = {
    "squared": toys.SquaredSecond(target=(0.0, 1.0)),
    "sine": toys.RotatedSine(),
    "sheared": toys.Sheared(target=(1.0, -2.0)),
}
every_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
WEIGHTS = number([0.2, 7.0])


@every_problem
@pytest.mark.usefixtures("strict")
def test_newtons_step_for_squares_is_the_fraction_of_the_gap(problem):
    y = problem.forward(problem.start)
    expected = ETA * (np.array(problem.target) - y)
    for loss in (problem, WeightedLoss(problem, WEIGHTS)):
        np.testing.assert_allclose(losses.output_newton(loss, y, jnp.array(ETA)), expected, rtol=1e-12)


@every_problem
def test_with_squares_the_rule_is_the_inverse_simulator(problem):
    plain = rollout(inverse_simulator, problem, problem.start, 6, eta=ETA).x
    for loss in (problem, WeightedLoss(problem, WEIGHTS)):
        np.testing.assert_allclose(
            rollout(losses.inverse_simulator_newton, loss, problem.start, 6, eta=ETA).x, plain, atol=1e-12
        )


def test_the_weighted_loss_on_paper():
    """r = (1, 3): 0.2 * 1 + 7 * 9."""
    problem = WeightedLoss(PROBLEMS["sheared"], WEIGHTS)
    assert problem.loss(jnp.array([2.0, 1.0])) == pytest.approx(63.2)


def test_the_step_stays_on_the_branch_of_its_point():
    """The start, at (3, 3), is on the other one."""
    problem, x = PROBLEMS["squared"], jnp.array([1.0, -2.0])
    dx = losses.inverse_simulator_newton(problem, x, jnp.array(ETA))
    np.testing.assert_allclose(x + dx, [0.7, -np.sqrt(0.7 * 4 + 0.3 * 1)], rtol=1e-12)


@pytest.mark.parametrize("r", [(0.1, -0.4), (2.0, 5.0)])
@pytest.mark.usefixtures("strict")
def test_log_cosh_on_paper(r):
    """L' = 2 w tanh(r/w), L'' = 2 / cosh^2(r/w), so dy = -eta w sinh(r/w) cosh(r/w)."""
    problem, width = LogCoshLoss(toys.Sheared(target=(1.0, -2.0)), number(1.5)), 1.5
    y = jnp.array(r) + problem.target
    scaled = np.array(r) / width
    assert problem.loss(y) == pytest.approx(2 * width**2 * np.log(np.cosh(scaled)).sum())
    expected = -ETA * width * np.sinh(scaled) * np.cosh(scaled)
    np.testing.assert_allclose(losses.output_newton(problem, y, jnp.array(ETA)), expected, rtol=1e-9)


def test_log_cosh_is_the_square_near_the_target_and_straight_far_away():
    problem = LogCoshLoss(toys.Scaled(), number(1.0))
    assert problem.loss(jnp.array([1e-3, 2e-3])) == pytest.approx(5e-6, rel=1e-5)
    assert problem.loss(jnp.array([101.0, 0.0])) - problem.loss(jnp.array([100.0, 0.0])) == pytest.approx(2.0)
    assert np.isfinite(problem.loss(jnp.array([1e6, 0.0])))


@given(st.floats(0.05, 3.0), st.floats(0.1, 1.0))
def test_where_log_cosh_overshoots(r, eta):
    """The step's length over the gap is eta sinh(2 rho) / (2 rho), rho = r/w: never shorter than the square's."""
    problem = LogCoshLoss(toys.Scaled(), number(1.0))
    step = -float(losses.output_newton(problem, jnp.array([r, 0.0]), jnp.array(eta))[0])
    assert step / r == pytest.approx(eta * np.sinh(2 * r) / (2 * r), rel=1e-9)
    assert step >= eta * r


def test_a_vanished_curvature_gives_no_exception():
    problem = LogCoshLoss(toys.Scaled(), number(0.01))
    assert not np.isfinite(losses.output_newton(problem, jnp.array([50.0, 50.0]), jnp.array(ETA))).all()


def test_everything_else_is_the_problems_own():
    problem = toys.RotatedSine()
    wrapped = LogCoshLoss(problem, number(1.0))
    np.testing.assert_array_equal(wrapped.target, problem.target)
    np.testing.assert_array_equal(wrapped.forward(problem.start), problem.forward(problem.start))


def test_the_factor_on_paper():
    rho = np.array([0.0, 1e-6, 1e-3, 0.05, 0.3, 2.0])
    expected = [1.0, 1.0, *(np.sinh(2 * rho[2:]) / (2 * rho[2:]))]
    np.testing.assert_allclose(losses.log_cosh_factor(jnp.array(rho)), expected, rtol=1e-9)
    assert jax.grad(losses.log_cosh_factor)(0.0) == 0.0


@pytest.mark.parametrize("eta", [0.01, 0.3, 1.0])
@pytest.mark.usefixtures("strict")
def test_beyond_the_largest_safe_ratio_the_gap_grows(eta):
    ratio = losses.largest_safe_ratio(jnp.array(eta))
    assert np.sinh(2 * ratio) / (2 * ratio) == pytest.approx(2 / eta)
    problem = LogCoshLoss(toys.Scaled(), number(1.0))
    for share, grows in ((0.99, False), (1.01, True)):
        y = jnp.stack([share * ratio, jnp.zeros_like(ratio)])
        after = abs(float((y + losses.output_newton(problem, y, jnp.array(eta)))[0]))
        assert (after > y[0]) == grows
