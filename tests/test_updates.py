"""The four rules: the book's numbers, closed forms where J is not symmetric, stability, and what is scale-invariant."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core import measures, toys, updates
from core.rollout import adam, momentum, rollout

ETA = 0.3
X = np.array([0.7, -1.3])
TARGET = np.array([1.0, -2.0])
A = np.array([[1.0, 2.0], [0.0, 3.0]])
ALPHAS = np.geomspace(0.1, 100, 25)


departure = eqx.filter_jit(measures.departure)


def step(rule, problem, x=X, eta=ETA, **hyper):
    return np.array(jax.jit(rule)(problem, jnp.array(x), jnp.array(eta), **hyper))


# From the worked example of the chapter "Scale-Invariance and Inversion": start (3, 3), 10 steps, printed in float32.
BOOK = [
    (updates.gradient_descent, 0.01, (2.4512184, 0.96171147)),
    (updates.newton, 1 / 3, (0.05202458, 0.92383826)),
    (updates.inverse_simulator, 0.3, (0.08474258, 0.50421000)),
]


@pytest.mark.parametrize(("rule", "eta", "end"), BOOK, ids=[rule.__name__ for rule, *_ in BOOK])
def test_the_books_run(rule, eta, end):
    path = rollout(rule, toys.SquaredSecond(), (3.0, 3.0), 10, eta=eta)
    np.testing.assert_allclose(path.x[-1], end, rtol=3e-7)


def sheared_by_hand(name):
    """The rules on L = |A x - y*|^2 from A alone: gradient 2 A^T r, Hessian 2 A^T A."""
    r = A @ X - TARGET
    return {
        "gradient_descent": -ETA * 2 * A.T @ r,
        "newton": -ETA * np.linalg.inv(2 * A.T @ A) @ (2 * A.T @ r),
        "inverse_gradient": -ETA * np.linalg.inv(A) @ r,
        "inverse_simulator": np.linalg.inv(A) @ ((1 - ETA) * A @ X + ETA * TARGET) - X,
    }[name]


def sine_by_hand(name):
    """The rules on a curved problem, from its derivatives on paper: J = diag(cos u1 / xi, xi) R, and H with P''."""
    xi, turn = 4.0, np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])

    def forward(x):
        u = turn @ x
        return np.array([np.sin(u[0]) / xi, xi * u[1]])

    u1 = (turn @ X)[0]
    r = forward(X) - forward(np.array([-0.7, -0.5]))
    jacobian = np.diag([np.cos(u1) / xi, xi]) @ turn
    hessian = 2 * (jacobian.T @ jacobian - r[0] * np.sin(u1) / xi * np.outer(turn[0], turn[0]))
    if name == "inverse_simulator":
        y = forward(X) - ETA * r
        return turn.T @ np.array([np.arcsin(xi * y[0]), y[1] / xi]) - X
    return {
        "gradient_descent": -ETA * 2 * jacobian.T @ r,
        "newton": -ETA * np.linalg.solve(hessian, 2 * jacobian.T @ r),
        "inverse_gradient": -ETA * np.linalg.solve(jacobian, r),
    }[name]


RULES = (updates.gradient_descent, updates.newton, updates.inverse_gradient, updates.inverse_simulator)
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)


@every_rule
@pytest.mark.usefixtures("strict")
def test_a_step_where_the_jacobian_is_not_symmetric(rule):
    np.testing.assert_allclose(step(rule, toys.Sheared(target=TARGET)), sheared_by_hand(rule.__name__), rtol=1e-12)


@every_rule
@pytest.mark.usefixtures("strict")
def test_a_step_on_a_curved_problem(rule):
    # u1 = 1.31 < pi / 2 at X and at the aim, so the nearest branch is the arcsin itself.
    np.testing.assert_allclose(step(rule, toys.RotatedSine()), sine_by_hand(rule.__name__), rtol=1e-10)


ENTRIES = st.lists(st.floats(-3, 3), min_size=4, max_size=4)


@eqx.filter_jit
def full_newton(problem, x):
    return x + updates.newton(problem, x, jnp.ones(()))


@given(ENTRIES, st.tuples(st.floats(-5, 5), st.floats(-5, 5)))
def test_one_full_newton_step_solves_any_quadratic(entries, x):
    matrix = np.reshape(entries, (2, 2))
    assume(abs(np.linalg.det(matrix)) > 0.1)
    end = full_newton(toys.Sheared(matrix, target=TARGET), jnp.array(x))
    np.testing.assert_allclose(end, np.linalg.solve(matrix, TARGET), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("eta", [0.1, 0.5, 1.0])
def test_the_inverse_simulator_covers_just_the_fraction_asked_for(eta):
    for problem in (toys.RotatedSine(), toys.SquaredSecond(target=(0.0, 1.0)), toys.Sheared(target=TARGET)):
        x = problem.start
        y = problem.forward(x)
        reached = problem.forward(x + step(updates.inverse_simulator, problem, x, eta))
        np.testing.assert_allclose(reached, y + eta * (problem.target - y), atol=1e-12)


def test_the_inverse_simulator_stays_on_the_branch_where_it_is():
    # The problem's start lies on the other branch of the square: the guess is x, not the start.
    problem = toys.SquaredSecond(target=(0.0, 1.0), start=(3.0, 3.0))
    x = np.array([1.0, -2.0])
    np.testing.assert_allclose(x + step(updates.inverse_simulator, problem, x, 1.0), [0.0, -1.0], atol=1e-12)


@pytest.mark.parametrize("alpha", [1.5, 4.0, 20.0])
def test_gradient_descent_is_stable_just_below_one_over_alpha_squared(alpha):
    ends = [
        np.abs(rollout(updates.gradient_descent, toys.Scaled(alpha), (0.0, 1.0), 400, eta=factor / alpha**2).x[-1, 1])
        for factor in (0.99, 1.01)
    ]
    # The steep direction is multiplied by 1 - 2 eta alpha^2 a step.
    np.testing.assert_allclose(ends, [0.98**400, 1.02**400], rtol=1e-9)


def meter(rule, eta, angle=0.0, steps=20):
    """The scale-invariance meter over ALPHAS; eta may be a function of alpha."""

    def walk(alpha):
        chosen = eta(alpha) if callable(eta) else eta
        return rollout(rule, toys.Scaled(alpha, angle), (3.0, 3.0), steps, eta=chosen).x

    return float(measures.spread(jnp.stack([walk(alpha) for alpha in ALPHAS])))


def best_eta(alpha):
    """2 / (smallest + largest eigenvalue), on paper: they are 2 and 2 alpha^2."""
    return 1 / (1 + alpha**2)


@pytest.mark.parametrize("angle", [0.0, 0.5])
@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: rule.__name__)
def test_inverting_takes_the_scale_out(rule, angle):
    assert meter(rule, ETA, angle) < 1e-6


@pytest.mark.parametrize("eta", [best_eta, lambda alpha: 1e-5], ids=["best for each alpha", "one for all"])
def test_gradient_descent_and_momentum_are_not_scale_invariant(eta):
    assert 0.1 < meter(updates.gradient_descent, eta) < np.inf
    assert 0.1 < meter(momentum, eta) < np.inf


def test_adam_is_invariant_along_the_axes_only():
    assert meter(adam, ETA) < 1e-4
    assert meter(adam, ETA, angle=0.5) > 0.1


def test_a_singular_hessian_is_named_and_nothing_raises():
    path = rollout(updates.newton, toys.SquaredSecond(), (3.0, 0.0), 5, eta=1.0)
    where = departure(toys.SquaredSecond(), path)
    assert int(where.step) == 1 and np.isinf(where.hessian_condition)
    np.testing.assert_array_equal(path.x[0], [3.0, 0.0])


def test_a_singular_jacobian_is_named_and_nothing_raises():
    problem = toys.SquaredSecond(target=(0.0, 1.0))
    path = rollout(updates.inverse_gradient, problem, (3.0, 0.0), 5, eta=0.5)
    where = departure(problem, path)
    assert int(where.step) == 1 and np.isinf(where.jacobian_condition)
    # The inverse simulator needs no derivative and walks on from the same point.
    assert departure(problem, rollout(updates.inverse_simulator, problem, (3.0, 0.0), 5, eta=0.5)).step == -1
