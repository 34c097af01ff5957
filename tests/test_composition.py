"""Functions of functions: the chain by hand, and what each method announces about the space in between."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import measures, toys, updates
from core.composition import Composed, LatentStep, latent_step, miss
from core.losses import WeightedLoss
from core.problem import number

ETA = 0.3
X = np.array([0.7, -1.3])
A = np.array([[1.0, 2.0], [0.0, 3.0]])
TARGET = np.array([0.5, 0.2])
RULES = (updates.gradient_descent, updates.newton, updates.inverse_gradient, updates.inverse_simulator)
CURVED = {
    "squared": Composed(toys.SquaredSecond(), toys.Sheared(target=TARGET)),
    "sine": Composed(toys.RotatedSine(1.5), toys.Sheared(target=TARGET)),
}
ETAS = np.geomspace(1e-5, 1e-3, 9)


def step(rule, problem, x=X, eta=ETA):
    return LatentStep(*map(np.array, jax.jit(latent_step, static_argnums=0)(rule, problem, jnp.array(x), eta)))


def order(rule, problem):
    """The exponent with which the missed distance falls with eta, by a fit."""
    return float(measures.loglog_slope(ETAS, jnp.array([miss(step(rule, problem, eta=eta)) for eta in ETAS])))


@pytest.mark.usefixtures("strict")
def test_forward_is_inner_first():
    problem = Composed(toys.SquaredSecond(), toys.Sheared(target=TARGET))
    np.testing.assert_allclose(problem.forward(jnp.array(X)), A @ [0.7, 1.69])
    np.testing.assert_allclose(problem.objective(jnp.array(X)), np.sum((A @ [0.7, 1.69] - TARGET) ** 2))
    np.testing.assert_array_equal(problem.start, [3.0, 3.0])
    np.testing.assert_array_equal(problem.domain[1], [4.0, 4.0])


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", CURVED)
def test_the_inverse_undoes_the_chain_and_stays_on_its_branch(name):
    x = jnp.array(X)
    np.testing.assert_allclose(CURVED[name].inverse(CURVED[name].forward(x), x), X, rtol=1e-12)


def test_the_later_functions_branch_is_that_of_the_point_in_between():
    """z2 = x2 - 3 x1 = -0.8 although x2 > 0: the root of P2 is chosen by z, not by x."""
    problem, x = Composed(toys.Sheared([[1.0, 2.0], [-3.0, 1.0]]), toys.SquaredSecond()), np.array([0.7, 1.3])
    np.testing.assert_allclose(problem.inverse(problem.forward(jnp.array(x)), jnp.array(x)), x, rtol=1e-12)


def test_a_walk_begins_where_the_inner_problem_says_and_is_judged_by_the_outer_loss():
    inner, outer = toys.RotatedSine(1.5), WeightedLoss(toys.Sheared(target=TARGET), number([0.2, 7.0]))
    problem = Composed(inner, outer)
    np.testing.assert_array_equal(problem.start, [0.85, 0.75])
    np.testing.assert_array_equal(problem.domain, [[-1.6, -1.6], [1.6, 1.6]])
    np.testing.assert_array_equal(problem.target, TARGET)
    r = np.array([1.0, 3.0])
    assert problem.loss(jnp.array(TARGET + r)) == pytest.approx(0.2 * 1 + 7 * 9)


def test_gradient_descent_announces_what_the_inner_jacobian_then_multiplies():
    _, predicted, actual = step(updates.gradient_descent, Composed(toys.Sheared(A), toys.Scaled(1.0, target=TARGET)))
    np.testing.assert_allclose(predicted, -ETA * 2 * (A @ X - TARGET), rtol=1e-12)
    np.testing.assert_allclose(actual, A @ A.T @ predicted, rtol=1e-12)


def test_newton_by_hand():
    """z = (x1, x2^2), L = |z - y*|^2: H_x = 2 J^T J + 2 (z2 - y2*) 2 e2 e2^T, and H_z = 2."""
    _, predicted, actual = step(updates.newton, Composed(toys.SquaredSecond(), toys.Scaled(1.0, target=TARGET)))
    z, r = np.array([0.7, 1.69]), np.array([0.2, 1.49])
    jacobian = np.diag([1.0, -2.6])
    hessian = 2 * jacobian.T @ jacobian + np.diag([0.0, 4 * r[1]])
    end = X - ETA * np.linalg.solve(hessian, 2 * jacobian.T @ r)
    np.testing.assert_allclose(predicted, -ETA * r, rtol=1e-12)
    np.testing.assert_allclose(actual, [end[0], end[1] ** 2] - z, rtol=1e-12)


@pytest.mark.parametrize("name", CURVED)
def test_how_the_announcement_fails_as_eta_shrinks(name):
    problem = CURVED[name]
    np.testing.assert_allclose(order(updates.gradient_descent, problem), 1.0, atol=0.05)
    np.testing.assert_allclose(order(updates.newton, problem), 1.0, atol=0.05)
    np.testing.assert_allclose(order(updates.inverse_gradient, problem), 2.0, atol=0.05)
    assert miss(step(updates.inverse_simulator, problem)) < 1e-12


@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: rule.__name__)
def test_a_linear_inner_function_is_no_obstacle_to_those_that_invert(rule):
    problem = Composed(toys.Sheared(A), toys.RotatedSine(1.5))
    assert miss(step(rule, problem, x=np.array([0.3, 0.1]))) < 1e-12


def test_nor_is_a_turn_to_gradient_descent():
    problem = Composed(toys.Scaled(1.0, angle=0.6), toys.SquaredSecond())
    assert miss(step(updates.gradient_descent, problem)) < 1e-12
