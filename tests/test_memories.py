"""Methods that remember: conjugate gradients against scipy, L-BFGS against optax, Nesterov against its formula."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import minimize
from scipy.sparse.linalg import cg

from core import memories, quasi_newton, setups, solve
from core.heat import Heat1D, time_for
from core.linear import LinearMap, across, conditioned
from core.memories import CONJUGATE, MOMENTUM, PAIRS
from core.protocol import Status
from core.toys import RotatedSine

UNBOUNDED = ([-np.inf] * 6, [np.inf] * 6)


def free(**options):
    """A linear problem, 9 data for 6 unknowns, without relaxation and without a box."""
    setup = setups.linear(6, 20.0, m=9)
    options = {"relaxation": 1.0, "box": UNBOUNDED, "tolerance": 1e-12, "budget": 30} | options
    return dataclasses.replace(setup, solver=dataclasses.replace(setup.solver, **options))


def instance(setup, seed=3):
    x, y_stars, x0s = setup.sample(jax.random.key(seed), 1)
    return np.asarray(x[0]), y_stars[0], x0s[0] + 0.3


def test_conjugate_gradients_visits_scipys_points():
    setup = free(budget=6)
    _, y_star, x0 = instance(setup)
    matrix = np.asarray(setup.problem.matrix)
    visited = [np.asarray(x0)]
    cg(matrix.T @ matrix, matrix.T @ y_star, x0=x0, rtol=0, maxiter=6, callback=lambda x: visited.append(x.copy()))
    got = solve.solve("conjugate_gradient", setup, None, y_star, x0)
    np.testing.assert_allclose(got.path.x[: len(visited)], visited, rtol=1e-6, atol=1e-9)


def test_conjugate_gradients_needs_as_many_steps_as_unknowns():
    setup = free(tolerance=1e-9)
    x, y_star, x0 = instance(setup)
    got = solve.solve("conjugate_gradient", setup, None, y_star, x0)
    assert (int(got.status), int(got.iterations)) == (Status.CONVERGED, 6)
    np.testing.assert_allclose(got.x, x, atol=1e-7)


def test_nesterov_follows_its_recursion():
    """x_(k+1) = z - step J^T r(z), z = x_k + k / (k + 3) (x_k - x_(k-1)), while nothing is refused."""
    setup = free(budget=8, armijo=0.0)
    _, y_star, x0 = instance(setup)
    matrix, step = np.asarray(setup.problem.matrix), float(setup.solver.gradient_step)
    previous = now = np.asarray(x0)
    got = solve.solve("nesterov", setup, None, y_star, x0)
    taken = int(got.iterations)
    assert taken == 8 and int(np.sum(got.path.trials.halvings)) == 0
    for k in range(taken):
        lead = now + k / (k + 3) * (now - previous)
        previous, now = now, lead - step * matrix.T @ (matrix @ lead - y_star)
        np.testing.assert_allclose(got.path.x[k + 1], now, rtol=1e-9, atol=1e-12)


def test_lbfgs_direction_is_that_of_the_pairs_really_visited():
    setup = free(budget=7)
    _, y_star, x0 = instance(setup)
    got = solve.solve("lbfgs", setup, None, y_star, x0)
    problem = LinearMap(setup.problem.matrix, y_star)
    xs = got.path.x
    pairs = jnp.zeros((2, quasi_newton.CAPACITY, 6))
    for k in range(int(got.iterations)):
        slope = problem.matrix.T @ (problem.matrix @ xs[k] - y_star)
        expected = setup.solver.gradient_step * slope if k == 0 else quasi_newton.two_loop(pairs, slope)
        eta = float(got.path.trials.eta[k])
        np.testing.assert_allclose(xs[k + 1] - xs[k], -eta * expected, rtol=1e-6, atol=1e-10)
        after = problem.matrix.T @ (problem.matrix @ xs[k + 1] - y_star)
        pairs = quasi_newton.with_pair(pairs, xs[k + 1] - xs[k], after - slope)


@pytest.mark.parametrize("relaxation", [1.0, 0.7])
@pytest.mark.parametrize("cubic", [0.0, 0.3], ids=["linear", "bent"])
def test_lbfgs_direction_is_optaxs(relaxation, cubic):
    """optax, shown the points that our run visited, proposes the same next step; relaxed steps are visited too."""
    setup = free(budget=9, relaxation=relaxation)
    if cubic:
        bent = Heat1D(6, time=time_for(6, 10.0), cubic=cubic, unit_gain=True)
        setup = dataclasses.replace(setup, problem=bent)
    _, y_star, x0 = instance(setup)
    y_star = setup.problem.forward(0.3 + 0.4 * jnp.arange(6.0) / 6) if cubic else y_star
    got = solve.solve("lbfgs", setup, None, y_star, x0)
    slope = jax.jit(jax.grad(lambda x: 0.5 * jnp.sum((setup.problem.forward(x) - y_star) ** 2)))
    oracle = optax.scale_by_lbfgs(memory_size=quasi_newton.CAPACITY)
    update = jax.jit(oracle.update)
    state, xs, trials = oracle.init(x0), got.path.x, got.path.trials
    assert int(got.iterations) >= 7
    for k in range(int(got.iterations)):
        direction, state = update(slope(xs[k]), state, xs[k])
        if k:  # without a pair each has a length of its own
            expected = -trials.eta[k] * direction
            np.testing.assert_allclose(trials.pulled_back[k] - xs[k], expected, rtol=1e-6, atol=1e-11)


def test_lbfgs_ends_where_scipys_does():
    setup = free(budget=200, tolerance=1e-14)
    x, y_star, x0 = instance(setup)
    matrix = np.asarray(setup.problem.matrix)
    y_star = y_star + across(setup.problem.matrix)[:, 0]  # out of reach: a minimum that is no solution
    half = lambda x: 0.5 * np.sum((matrix @ x - y_star) ** 2)  # noqa: E731
    other = minimize(half, x0, jac=lambda x: matrix.T @ (matrix @ x - y_star), method="L-BFGS-B", tol=1e-16)
    got = solve.solve("lbfgs", setup, None, y_star, x0)
    np.testing.assert_allclose(got.x, x, atol=1e-5)
    np.testing.assert_allclose(other.x, x, atol=1e-4)


@pytest.mark.parametrize("method", ["nesterov", "conjugate_gradient", "lbfgs"])
def test_each_is_faster_than_gradient_descent_where_that_is_slow(method):
    setup = free(budget=400, tolerance=1e-4)
    _, y_star, x0 = instance(setup)
    slow = solve.solve("gradient_descent", setup, None, y_star, x0)
    fast = solve.solve(method, setup, None, y_star, x0)
    assert int(fast.status) == Status.CONVERGED
    assert int(fast.iterations) < 0.5 * int(slow.iterations)
    np.testing.assert_allclose(setup.problem.matrix @ fast.x, y_star, atol=1e-3)


@pytest.mark.parametrize("memory", [MOMENTUM, CONJUGATE, PAIRS], ids=["momentum", "conjugate", "pairs"])
def test_a_memory_begins_empty_and_keeps_its_shapes(memory, strict):
    setup = free()
    begun = memory.begin(jnp.ones(6))
    after = memory.remember(setup.problem, begun, jnp.ones(6), 0.9 * jnp.ones(6))
    shapes = [jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree) for tree in (begun, after)]
    assert shapes[0] == shapes[1]
    assert not np.any(jax.tree.leaves(begun)[-1])


def test_where_the_gradient_is_zero_nothing_moves():
    problem = LinearMap(conditioned(jax.random.key(0), 6, 5.0), jnp.zeros(6))
    solver = free().solver
    zero = jnp.zeros(6)
    for step in (
        memories.accelerated(problem, zero, solver, MOMENTUM.begin(zero)),
        memories.conjugate(problem, zero, CONJUGATE.begin(zero)),
        memories.quasi_newton(problem, zero, solver, PAIRS.begin(zero)),
    ):
        np.testing.assert_array_equal(step, zero)


@pytest.mark.parametrize("uphill", [False, True])
def test_conjugate_directions_off_a_quadratic_are_polak_ribieres_and_never_uphill(uphill):
    """On a quadratic, exactly searched, other rules for beta give the same; here slopes are not orthogonal."""
    problem, x = RotatedSine(), jnp.array([0.4, -0.9])
    slope = memories.gradient(problem, x)
    previous = 0.5 * slope + jnp.array([0.3, -0.2])
    before = jnp.array([1.0, 2.0]) + (5 * slope if uphill else 0.0)
    beta = slope @ (slope - previous) / (previous @ previous)
    assert beta > 0
    expected = -slope if uphill else -slope + beta * before
    step = memories.conjugate(problem, x, (previous, before))
    assert (expected @ slope < 0) and ((-slope + beta * before) @ slope < 0) != uphill
    np.testing.assert_allclose(step / jnp.linalg.norm(step), expected / jnp.linalg.norm(expected), rtol=1e-10)
