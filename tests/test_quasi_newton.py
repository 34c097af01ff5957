"""BFGS and L-BFGS: SciPy's and optax's matrices, conjugate gradients' path, the secant equation, n steps on a bowl."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize
import scipy.sparse.linalg

from core import toys
from core.problem import Problem, number
from core.quasi_newton import (
    ARRIVED,
    CAPACITY,
    DECREASE,
    FLATTER,
    _lbfgs,
    bfgs,
    bfgs_update,
    exact_length,
    lbfgs,
    steepest,
    two_loop,
    wolfe_length,
)
from core.scalar import Curved, Incline
from core.toys import Banana

TARGET = np.array([1.0, -2.0])


class Linear(Problem):
    """P(x) = A x for a matrix of any size."""

    matrix: object
    target: object
    start: object
    domain: object

    def forward(self, x):
        return self.matrix @ x


def five():
    """A random problem with five unknowns, condition number of A about 10."""
    draw = np.random.default_rng(0)
    u, _, vt = np.linalg.svd(draw.normal(size=(5, 5)))
    matrix = u @ np.diag(np.geomspace(1.0, 10.0, 5)) @ vt
    return Linear(number(matrix), number(draw.normal(size=5)), number(draw.normal(size=5)), (None, None))


BOWLS = {
    "turned": toys.Scaled(4.0, 0.5, target=TARGET),
    "sheared": toys.Sheared(target=TARGET),
    "five": five(),
}
CURVED = {"banana": Banana(), "sine": toys.RotatedSine()}
each_bowl = pytest.mark.parametrize("name", BOWLS)
each_curved = pytest.mark.parametrize("name", CURVED)


def gradients(problem, x):
    return np.array(jax.vmap(jax.grad(problem.objective))(x))


def hessian(problem, x):
    return np.array(jax.hessian(problem.objective)(x))


def pairs_of(problem, run):
    """The steps and the changes of the gradient on a walk, without those after its end."""
    s = np.diff(run.path.x, axis=0)
    q = np.diff(gradients(problem, run.path.x), axis=0)
    moved = np.array(run.length) > 0
    return s[moved], q[moved]


def by_hand(pairs):
    """Nocedal and Wright's (6.17) from the identity, in NumPy."""
    size = pairs[0].shape[1]
    inverse = np.eye(size)
    for s, q in zip(*pairs, strict=True):
        rho = 1 / (q @ s)
        left = np.eye(size) - rho * np.outer(s, q)
        inverse = left @ inverse @ left.T + rho * np.outer(s, s)
    return inverse


@each_bowl
def test_with_an_exact_search_the_matrix_is_the_inverse_hessian_after_n_steps(name):
    problem = BOWLS[name]
    n = problem.start.size
    run = bfgs(problem, problem.start, n + 3, "exact")
    true = np.linalg.inv(hessian(problem, problem.start))
    np.testing.assert_allclose(run.inverse_hessian[n], true, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(run.inverse_hessian[n + 1], true, rtol=1e-7, atol=1e-9)
    assert np.abs(run.inverse_hessian[n - 1] - true).max() > 0.01 * np.abs(true).max()
    # And it has arrived, where it stays: what rounding does there must not spoil the matrix.
    assert run.path.loss[n] < 1e-16 * run.path.loss[0]
    np.testing.assert_array_equal(run.inverse_hessian[n + 1], run.inverse_hessian[n + 3])


@pytest.mark.parametrize("memory", [1, 2, CAPACITY])
@each_bowl
def test_with_an_exact_search_the_path_is_that_of_conjugate_gradients(name, memory):
    problem = BOWLS[name]
    matrix = hessian(problem, problem.start)
    x0 = np.array(problem.start)
    visited = [x0]
    right = -np.array(jax.grad(problem.objective)(jnp.zeros_like(problem.start)))
    scipy.sparse.linalg.cg(matrix, right, x0, rtol=0, maxiter=x0.size, callback=lambda x: visited.append(x.copy()))
    for run in (bfgs(problem, x0, x0.size, "exact"), lbfgs(problem, x0, x0.size, memory, "exact")):
        np.testing.assert_allclose(run.path.x, np.stack(visited), rtol=1e-7, atol=1e-9)


@each_curved
def test_the_matrix_is_scipys_on_the_points_that_scipy_visits(name):
    problem = CURVED[name]
    visited = [np.array(problem.start)]
    slope = jax.jit(jax.grad(problem.objective))
    found = scipy.optimize.minimize(
        lambda x: float(problem.objective(jnp.array(x))),
        visited[0],
        jac=lambda x: np.array(slope(jnp.array(x))),
        method="BFGS",
        callback=lambda x: visited.append(x.copy()),
        options={"gtol": 1e-5},
    )
    x = jnp.array(visited)
    slopes = gradients(problem, x)
    inverse = jnp.eye(2)
    # SciPy stops before it learns from its last step.
    for s, q in zip(jnp.diff(x, axis=0)[:-1], jnp.diff(slopes, axis=0)[:-1], strict=True):
        inverse = bfgs_update(inverse, s, q)
    assert len(visited) > 5
    np.testing.assert_allclose(inverse, found.hess_inv, rtol=1e-6)


@each_curved
def test_the_matrices_of_a_walk_are_the_textbooks(name):
    problem = CURVED[name]
    run = bfgs(problem, problem.start, 12)
    s, q = pairs_of(problem, run)
    for k in (1, 3, len(s)):
        np.testing.assert_allclose(run.inverse_hessian[k], by_hand((s[:k], q[:k])), rtol=1e-6)


@pytest.mark.parametrize("memory", [1, 3, 5])
def test_the_two_loops_are_optaxs(memory):
    problem = CURVED["banana"]
    x = lbfgs(problem, problem.start, 9, memory).path.x
    slopes = gradients(problem, x)
    rule = optax.scale_by_lbfgs(memory_size=memory)
    update = jax.jit(rule.update)
    state = rule.init(x[0])
    for k in range(len(x)):
        expected, state = update(jnp.array(slopes[k]), state, x[k])
        if k == 0:
            continue  # without a pair optax shortens the gradient to length 1; here B is I
        recent = np.zeros((2, CAPACITY, 2))
        kept = min(k, memory)
        recent[0, CAPACITY - kept :] = np.diff(x[: k + 1], axis=0)[-kept:]
        recent[1, CAPACITY - kept :] = np.diff(slopes[: k + 1], axis=0)[-kept:]
        np.testing.assert_allclose(two_loop(jnp.array(recent), jnp.array(slopes[k])), expected, rtol=1e-9)


def test_two_loops_are_bfgs_from_a_scaled_identity():
    problem = BOWLS["five"]
    run = lbfgs(problem, problem.start, 4, CAPACITY)
    s, q = pairs_of(problem, run)
    inverse = jnp.array((s[-1] @ q[-1]) / (q[-1] @ q[-1]) * np.eye(5))
    for pair in zip(s, q, strict=True):
        inverse = bfgs_update(inverse, *map(jnp.array, pair))
    np.testing.assert_allclose(run.inverse_hessian[-1], inverse, rtol=1e-9)


@pytest.mark.parametrize("method", [bfgs, lbfgs])
@pytest.mark.parametrize("name", [*BOWLS, *CURVED])
def test_the_secant_equation_holds_and_the_matrix_stays_positive(name, method):
    problem = (BOWLS | CURVED)[name]
    run = method(problem, problem.start, 15)
    slopes = gradients(problem, run.path.x)
    for k, length in enumerate(run.length):
        if length == 0:
            continue
        s, q = run.path.x[k + 1] - run.path.x[k], slopes[k + 1] - slopes[k]
        np.testing.assert_allclose(run.inverse_hessian[k + 1] @ q, s, atol=1e-7 * np.linalg.norm(s))
    inverse = np.array(run.inverse_hessian)
    np.testing.assert_allclose(inverse, np.swapaxes(inverse, 1, 2), atol=1e-9 * np.abs(inverse).max())
    assert np.linalg.eigvalsh(inverse).min() > 0


def test_a_pair_without_positive_curvature_is_left_out():
    inverse, s = jnp.array([[2.0, 0.3], [0.3, 1.0]]), jnp.array([1.0, 0.5])
    rounding = jnp.array([-0.5 + 1e-13, 1.0])  # s.q = 1e-13
    for q in (jnp.array([-1.0, 0.2]), jnp.array([0.5, -1.0]), jnp.zeros(2), jnp.array([jnp.nan, 0.0]), rounding):
        np.testing.assert_array_equal(bfgs_update(inverse, s, q), inverse)
    assert not np.allclose(bfgs_update(inverse, s, jnp.array([1.0, 0.2])), inverse)


@each_curved
def test_a_searched_step_meets_both_of_wolfes_conditions(name):
    problem = CURVED[name]
    values = jax.vmap(problem.objective)
    for run in (bfgs(problem, problem.start, 15), steepest(problem, problem.start, 15)):
        s, _ = pairs_of(problem, run)
        x, slopes = np.array(run.path.x), gradients(problem, run.path.x)
        loss = np.array(values(run.path.x))
        for k in range(len(s)):
            before, after = slopes[k] @ s[k], slopes[k + 1] @ s[k]
            assert before < 0, "not a way down"
            assert loss[k + 1] <= loss[k] + DECREASE * before + 1e-15 * loss[k]
            assert after >= FLATTER * before
        assert np.isfinite(x).all()


def test_the_exact_length_is_the_lowest_point_of_the_line():
    problem, x, direction = BOWLS["sheared"], jnp.array([0.7, -1.3]), jnp.array([-0.4, 1.1])
    length = float(exact_length(problem, x, direction))
    found = scipy.optimize.minimize_scalar(lambda t: float(problem.objective(x + t * direction)), tol=1e-12)
    assert length == pytest.approx(found.x, rel=1e-6)
    # Across a ridge there is no lowest point: the step is not taken.
    assert exact_length(toys.SquaredSecond(target=(0.0, 1.0)), jnp.array([0.0, 0.1]), jnp.array([0.0, 0.1])) == 0


def test_a_search_that_cannot_succeed_stays_where_it_is():
    problem, x = BOWLS["sheared"], jnp.array([0.7, -1.3])
    assert wolfe_length(problem, x, jax.grad(problem.objective)(x)) < 1e-11  # uphill


def test_where_it_only_goes_down_the_longest_known_length_is_taken():
    """L = x falls for ever and never flattens: t = 1, 2, 4, ... are all too short, and 2^39 is the 40th of them."""
    assert wolfe_length(Incline(), jnp.zeros(1), -jnp.ones(1)) == 2.0**39


def test_the_decrease_that_is_asked_for_is_in_proportion_to_the_length():
    """L = (1000 x2)^2 at x2 = 1 along -dL/dx = -2e6: x2 = 1 - 2e6 t. From t = 1 the first half that falls is 2^-20.

    L cannot fall by DECREASE times the whole slope of 4e12, which is more than the 1e6 that there are.
    """
    problem, x = toys.Scaled(1000.0), jnp.array([0.0, 1.0])
    assert wolfe_length(problem, x, -jax.grad(problem.objective)(x)) == 2.0**-20


@pytest.mark.parametrize("method", [bfgs, lbfgs])
def test_a_bowl_has_no_size(method):
    """From a start 2^-40 times as far out the walk is the same, as small, down to the last digit."""
    problem = toys.Sheared()
    far, near = (method(problem, size * problem.start, 4, search="exact") for size in (1.0, 2.0**-40))
    np.testing.assert_array_equal(2.0**40 * near.path.x, far.path.x)
    np.testing.assert_array_equal(near.inverse_hessian, far.inverse_hessian)


@each_bowl
def test_after_arrival_nothing_is_forgotten(name):
    problem = BOWLS[name]
    run = lbfgs(problem, problem.start, problem.start.size + CAPACITY + 3, CAPACITY, "exact")
    arrived = int(np.argmax(np.array(run.length) == 0))
    assert arrived > 0 and not np.array(run.length[arrived:]).any()
    for later in run.inverse_hessian[arrived:]:
        np.testing.assert_array_equal(later, run.inverse_hessian[arrived])


@each_curved
def test_a_curved_valley_is_solved_and_steepest_descent_is_not(name):
    problem = CURVED[name]
    for run in (bfgs(problem, problem.start, 40), lbfgs(problem, problem.start, 40)):
        slopes = np.linalg.norm(gradients(problem, run.path.x), axis=1)
        assert slopes[-1] <= ARRIVED * slopes[0]
        assert run.path.loss[-1] < 1e-12
    assert steepest(problem, problem.start, 40).path.loss[-1] > 1e-4


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("method", [bfgs, lbfgs, steepest])
def test_the_start_at_the_solution_and_a_start_that_is_not_finite_are_data(method):
    problem = BOWLS["sheared"]
    solution = problem.inverse(problem.target, problem.start)
    run = method(problem, solution, 4)
    assert np.isfinite(run.path.x).all() and np.allclose(run.path.x, solution)
    assert np.isnan(method(problem, (np.nan, 1.0), 4).path.x[1:]).all()


def test_another_number_is_no_new_program():
    problem = BOWLS["sheared"]
    lbfgs(problem, problem.start, 4, 1)
    before = _lbfgs._cache_size()
    lbfgs(toys.Sheared(target=-TARGET), -problem.start, 4, 3)
    assert _lbfgs._cache_size() == before


@pytest.mark.parametrize("scale", [0.5, 4.0, 10.0])
def test_the_banana_is_rosenbrocks_and_its_inverse_undoes_it(scale):
    problem, x = Banana(scale), jnp.array([0.3, -0.7])
    assert problem.objective(x) == pytest.approx((1 - 0.3) ** 2 + scale**2 * (-0.7 - 0.3**2) ** 2)
    np.testing.assert_allclose(problem.inverse(problem.forward(x), problem.start), x, atol=1e-14)
    edge = jnp.array([0.3, 0.3**2 + 1 / (2 * scale**2)])
    assert np.linalg.det(hessian(problem, edge)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("bend", [0.01, 1.0, 2.0])
def test_the_curved_simulator_is_undone_and_its_loss_has_a_quartic_part(bend):
    problem, x = Curved(bend, quartic=0.5, target=2.0), jnp.array([0.8])
    y = problem.forward(x)
    np.testing.assert_allclose(problem.inverse(y, problem.start), x, atol=1e-12)
    gap = float(y[0]) - 2.0
    assert problem.loss(y) == pytest.approx(gap**2 + 0.5 * gap**4)
    assert float(y[0]) == pytest.approx(np.sinh(0.8 * bend) / bend)
