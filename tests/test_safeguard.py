"""The guarded Newton rule: each verdict on paper, finite walks whatever the landscape, networks with and without H."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import toys, updates
from core.problem import Problem, number
from core.rollout import rollout
from core.safeguard import TOO_FLAT, Reason, guarded, judge, safe_newton
from core.surrogate import ACTIVATIONS, RIDGE, LearnedLoss, _features, learned_loss

WELL = toys.SquaredSecond(target=(0.0, 1.0))  # L = x1^2 + (x2^2 - 1)^2: minima at x2 = +-1, a saddle between
POINTS = st.tuples(st.floats(-2, 2), st.floats(-2, 2))


class Quadratic(Problem):
    """L(x) = 1/2 x^T M x for any symmetric M."""

    matrix: object
    target: object
    start: object
    domain: object

    def forward(self, x):
        return x

    def loss(self, y):
        return 0.5 * y @ self.matrix @ y


def quadratic(matrix):
    return Quadratic(number(matrix), jnp.zeros(2), jnp.ones(2), (None, None))


def step(problem, x, eta=1.0, fallback=0.05, longest=1e9):
    numbers = (jnp.array(value, float) for value in (eta, fallback, longest))
    dx, reason = eqx.filter_jit(safe_newton)(problem, jnp.array(x, float), *numbers)
    return np.array(dx), Reason(int(reason))


TURN = np.array([[0.8, -0.6], [0.6, 0.8]])
VERDICTS = {
    "a bowl": ((3.0, 1.0), Reason.TRUSTED),
    "a flat bowl": ((1.0, 2 * TOO_FLAT), Reason.TRUSTED),
    "a saddle": ((3.0, -1.0), Reason.INDEFINITE),
    "a hill": ((-3.0, -1.0), Reason.INDEFINITE),
    "a valley floor": ((1.0, 0.5 * TOO_FLAT), Reason.SINGULAR),
    "a ridge as good as flat": ((1.0, -0.5 * TOO_FLAT), Reason.SINGULAR),
    "nothing": ((0.0, 0.0), Reason.NO_CURVATURE),
    "no number": ((np.nan, 1.0), Reason.NOT_FINITE),
    "no end": ((np.inf, 1.0), Reason.NOT_FINITE),
}


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_verdict_depends_on_the_curvatures_beside_each_other(name, scale):
    curvatures, expected = VERDICTS[name]
    turned = scale * TURN @ np.diag(curvatures) @ TURN.T if np.isfinite(curvatures).all() else np.diag(curvatures)
    assert Reason(int(judge(jnp.array(turned)))) == expected


def test_a_gutter_upside_down_is_no_plane():
    assert Reason(int(judge(jnp.diag(jnp.array([-1.0, 0.0]))))) == Reason.INDEFINITE


@pytest.mark.usefixtures("strict")
def test_a_trusted_step_is_newtons_and_any_other_the_gradients():
    bowl, saddle = (quadratic(TURN @ np.diag(curvatures) @ TURN.T) for curvatures in ((3.0, 1.0), (3.0, -1.0)))
    x = np.array([0.7, -1.3])
    np.testing.assert_allclose(step(bowl, x, eta=0.4)[0], -0.4 * x, rtol=1e-12)
    dx, reason = step(saddle, x, eta=0.4)  # the fallback has its own step size
    np.testing.assert_allclose(dx, -0.05 * np.array(saddle.matrix) @ x, rtol=1e-12)
    assert reason == Reason.INDEFINITE
    problem = toys.RotatedSine()
    at = problem.solution + 0.1
    np.testing.assert_allclose(step(problem, at)[0], updates.newton(problem, at, jnp.array(1.0)), rtol=1e-12)


def test_a_step_is_never_longer_than_allowed_and_keeps_its_direction():
    bowl = quadratic(np.diag([3.0, 1.0]))
    dx, _ = step(bowl, (6.0, -8.0), longest=0.5)
    np.testing.assert_allclose(dx, [-0.3, 0.4], rtol=1e-12)


@pytest.mark.parametrize("name", ["nothing", "no number"])
def test_where_nothing_is_known_the_walk_stays(name):
    problem = quadratic(np.diag(VERDICTS[name][0]))
    np.testing.assert_array_equal(step(problem, (1.0, 1.0))[0], 0.0)


LANDSCAPES = {
    "well": WELL,
    "flat": toys.SquaredSecond(),
    "sine": toys.RotatedSine(),
    "sheared": toys.Sheared(),
    "tanh": learned_loss(WELL, "tanh"),
    "relu": learned_loss(WELL, "relu"),
}


@pytest.mark.parametrize("name", LANDSCAPES)
@given(POINTS, st.floats(1e-3, 1.0), st.floats(0.1, 2.0))
def test_every_walk_stays_finite_and_near(name, start, fallback, longest):
    run = guarded(LANDSCAPES[name], start, 15, 1.0, fallback, longest)
    assert np.isfinite(run.path.x).all() and np.isfinite(run.path.loss).all()
    gone = np.linalg.norm(run.path.x - run.path.x[0], axis=1)
    assert (gone <= longest * np.arange(16) * (1 + 1e-9)).all()


@pytest.mark.parametrize("x2", [0.05, 0.3, np.sqrt(1 / 3), -0.5])
def test_plain_newton_misses_the_minimum_that_the_guarded_walk_reaches(x2):
    plain, run = rollout(updates.newton, WELL, (1.2, x2), 20, eta=1.0), guarded(WELL, (1.2, x2), 25)
    np.testing.assert_allclose(run.path.x[-1], [0.0, np.sign(x2)], atol=1e-3)
    assert not np.allclose(plain.x[-1], [0.0, np.sign(x2)], atol=1e-3)
    assert run.reason[0] in (Reason.INDEFINITE, Reason.SINGULAR) and run.reason[-1] == Reason.TRUSTED


def test_the_record_says_at_each_step_what_the_hessian_there_was():
    problem = toys.RotatedSine()
    run = guarded(problem, (1.2, 0.6), 20)
    found = [int(judge(jax.hessian(problem.objective)(x))) for x in run.path.x[:-1]]
    assert list(run.reason) == found and len(set(found)) > 1


def test_the_turned_sines_saddles_trap_newton_and_not_the_guarded_walk():
    problem = toys.RotatedSine()
    starts = jnp.array(np.random.default_rng(0).uniform(-1.6, 1.6, (60, 2)))
    plain = jax.vmap(lambda x: rollout(updates.newton, problem, x, 30, eta=1.0).loss)(starts)
    safe = jax.vmap(lambda x: guarded(problem, x, 30).path.loss)(starts)
    assert np.isfinite(safe).all()
    worse = np.array(~(plain[:, -1] <= plain[:, 0]))
    assert worse.any() and (safe[:, -1] < safe[:, 0]).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_network_imitates_the_loss(activation):
    x = jnp.array(np.random.default_rng(1).uniform(-2, 2, (500, 2)))
    wanted = jax.vmap(WELL.objective)(x)
    off = jax.vmap(learned_loss(WELL, activation).objective)(x) - wanted
    assert jnp.sqrt(jnp.mean(off**2)) < 0.04 * (wanted.max() - wanted.min())


def test_the_networks_value_and_hessian_on_paper():
    network, x = learned_loss(WELL, "tanh"), np.array([0.4, -1.1])
    weights, bias, output = (np.array(part) for part in (network.weights, network.bias, network.output))
    hidden = np.tanh(weights @ x + bias)
    assert network.objective(jnp.array(x)) == pytest.approx(output[:-1] @ hidden + output[-1], rel=1e-12)
    bent = output[:-1] * -2 * hidden * (1 - hidden**2)
    by_hand = weights.T @ (bent[:, None] * weights)
    np.testing.assert_allclose(jax.hessian(network.objective)(jnp.array(x)), by_hand, rtol=1e-9, atol=1e-9)


@given(POINTS)
def test_a_relu_networks_hessian_is_zero_so_every_step_is_refused(x):
    network = LANDSCAPES["relu"]
    np.testing.assert_array_equal(jax.jit(jax.hessian(network.objective))(jnp.array(x)), 0.0)
    assert step(network, x)[1] == Reason.NO_CURVATURE


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_under_a_squared_error_a_relu_network_leaves_gauss_newtons_matrix(activation):
    """Zero is the second derivative of the *network*; a square on top of it brings curvature of its own."""
    base, x = learned_loss(WELL, activation), jnp.array([0.4, -1.1])

    def squared(x):
        return jnp.sum((base.forward(x) - 3.0) ** 2)

    jacobian = base.jacobian(x)
    same = np.allclose(jax.hessian(squared)(x), 2 * jacobian.T @ jacobian, rtol=1e-12)
    assert same == (activation == "relu") and np.abs(jacobian).max() > 0.1


def test_the_fit_is_numpys_ridge_regression():
    """min |D w - v|^2 + ridge |w|^2 is the plain least squares of D and v with sqrt(ridge) I and 0 below them."""
    weights, bias, points, inverse = _features("tanh")
    values = np.sin(points[:, 0]) + points[:, 1] ** 2
    hidden = np.tanh(points @ weights.T + bias)
    design = np.concatenate([hidden, np.ones((len(points), 1))], axis=1)
    size = design.shape[1]
    below = np.sqrt(RIDGE) * np.linalg.norm(design, 2) * np.eye(size)
    best = np.linalg.lstsq(np.vstack([design, below]), np.concatenate([values, np.zeros(size)]), rcond=None)[0]
    np.testing.assert_allclose(inverse @ values, best, rtol=1e-8, atol=1e-8 * np.abs(best).max())
    assert np.linalg.norm(design @ best - values) < 0.02 * np.linalg.norm(values)
    assert isinstance(learned_loss(WELL, "tanh"), LearnedLoss)
