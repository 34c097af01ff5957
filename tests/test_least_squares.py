"""Gauss-Newton, Levenberg-Marquardt and the half inverse: their limits, more outputs than unknowns, other libraries."""

import jax
import jax.numpy as jnp
import numpy as np
import optimistix
import pytest
import scipy.optimize
from hypothesis import assume, given
from hypothesis import strategies as st

from core import toys, updates
from core.least_squares import (
    gauss_newton,
    half_inverse_gradient,
    levenberg_marquardt,
    shortest_solution,
    truncated_inverse_gradient,
)
from core.problem import Problem
from core.rollout import rollout

ETA = 0.3
X = np.array([0.7, -1.3])
TARGET = np.array([1.0, -2.0])
A = np.array([[1.0, 2.0], [0.0, 3.0]])
XI, ANGLE = 4.0, 0.6
TURN = np.array([[np.cos(ANGLE), -np.sin(ANGLE)], [np.sin(ANGLE), np.cos(ANGLE)]])


def step(rule, problem, x=X, eta=ETA, **hyper):
    numbers = {name: jnp.asarray(value, float) for name, value in hyper.items()}
    return np.array(jax.jit(rule)(problem, jnp.array(x), jnp.array(eta), **numbers))


def sine_residual(x):
    """P(x) - y* of RotatedSine and its Jacobian, in NumPy."""
    forward = [np.array([np.sin(u[0]) / XI, XI * u[1]]) for u in (TURN @ x, TURN @ np.array([-0.7, -0.5]))]
    return forward[0] - forward[1], np.diag([np.cos((TURN @ x)[0]) / XI, XI]) @ TURN


class Tall(Problem):
    """Three outputs of two unknowns, none of them reaching the target."""

    target: object
    start: object
    domain: object

    def forward(self, x):
        return jnp.stack([x[0] + 2 * x[1], 3 * x[1], jnp.sin(x[0])])


TALL = Tall(jnp.array([1.0, -2.0, 3.0]), jnp.zeros(2), (jnp.zeros(2), jnp.ones(2)))


def tall_residual(x):
    forward = np.array([x[0] + 2 * x[1], 3 * x[1], np.sin(x[0])])
    return forward - np.array([1.0, -2.0, 3.0]), np.array([[1.0, 2.0], [0.0, 3.0], [np.cos(x[0]), 0.0]])


def by_hand(name, residual, jacobian, damping=0.05, truncation=0.0):
    """The three rules through other means than the code's: least squares, an augmented system, a written-out SVD."""
    if name == "gauss_newton":
        return -ETA * np.linalg.lstsq(jacobian, residual, rcond=None)[0]
    if name == "levenberg_marquardt":
        # min |J dx + r|^2 + damping |dx|^2 has the normal equations (J^T J + damping I) dx = -J^T r.
        stacked = np.vstack([jacobian, np.sqrt(damping) * np.eye(2)])
        return -ETA * np.linalg.lstsq(stacked, np.concatenate([residual, np.zeros(2)]), rcond=None)[0]
    power = 0.5 if name == "half_inverse_gradient" else 1.0
    u, s, vt = np.linalg.svd(jacobian)
    return -ETA * sum(vt[i] * (u[:, i] @ residual) / s[i] ** power for i in range(len(s)) if s[i] > truncation)


RULES = {
    "gauss_newton": (gauss_newton, {}),
    "levenberg_marquardt": (levenberg_marquardt, {"damping": 0.05}),
    "half_inverse_gradient": (half_inverse_gradient, {}),
    "truncated_inverse_gradient": (truncated_inverse_gradient, {}),
}
CASES = {
    "sheared": (toys.Sheared(target=TARGET), (A @ X - TARGET, A)),
    "curved": (toys.RotatedSine(), sine_residual(X)),
    "more outputs than unknowns": (TALL, tall_residual(X)),
}


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("case", CASES)
def test_a_step_against_numpy(name, case):
    (rule, hyper), (problem, derivatives) = RULES[name], CASES[case]
    np.testing.assert_allclose(step(rule, problem, **hyper), by_hand(name, *derivatives), rtol=1e-10)


def test_half_inverse_gradient_drops_small_singular_values():
    residual, jacobian = sine_residual(X)
    singular = np.linalg.svd(jacobian, compute_uv=False)
    between = float(np.sqrt(singular[0] * singular[1]))
    kept = step(half_inverse_gradient, toys.RotatedSine(), truncation=between)
    np.testing.assert_allclose(kept, by_hand("half_inverse_gradient", residual, jacobian, truncation=between))
    np.testing.assert_array_equal(step(half_inverse_gradient, toys.RotatedSine(), truncation=10.0), 0.0)
    assert not np.allclose(kept, step(half_inverse_gradient, toys.RotatedSine()))


def test_half_inverse_gradient_is_finite_where_the_jacobian_is_singular():
    on_fold = step(half_inverse_gradient, toys.SquaredSecond(), (2.0, 0.0))
    np.testing.assert_allclose(on_fold, [-ETA * 2.0, 0.0], atol=1e-15)


# name: (matrix, how many singular values pinv keeps)
MATRICES = {
    "regular": (np.array([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 1.0]]), 3),
    "tall": (np.array([[1.0, 2.0], [0.0, 3.0], [1.0, 0.0], [2.0, -1.0]]), 2),
    "wide": (np.array([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0]]), 2),
    "zero": (np.zeros((2, 2)), 0),
    "a dependent column": (np.array([[1.0, 2.0], [2.0, 4.0]]), 1),
    "tall, a dependent column": (np.array([[0.1, 0.3], [0.2, 0.6], [0.3, 0.9]]), 1),
    "a column of zeros": (np.diag([1.0, 0.0, 2.0]), 2),
    "nearly dependent": (np.array([[1.0, 1.0], [1.0, 1.0 + 1e-9]]), 2),
    "condition 5e3": (np.diag([1.0, 2e-4]) @ TURN, 2),
}


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", MATRICES)
def test_the_shortest_solution_is_numpys_whatever_the_rank(name):
    matrix, rank = MATRICES[name]
    right = np.linspace(1.0, 2.0, len(matrix))
    expected, _, found, singular = np.linalg.lstsq(matrix, right, rcond=1e-13)
    assert found == rank
    solution = np.array(jax.jit(shortest_solution)(jnp.array(matrix), jnp.array(right)))
    condition = singular[0] / singular[rank - 1] if rank else 1.0
    np.testing.assert_allclose(solution, expected, rtol=1e-14 * condition, atol=1e-14 * condition)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_solution_comes_from_a_matrix_that_is_not_finite(value):
    assert np.isnan(shortest_solution(jnp.array([[1.0, value], [0.0, 1.0]]), jnp.ones(2))).all()


MASTS = {count: toys.Beacons(count, error=0.1) for count in (1, 2, 3)}


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("count", MASTS)
def test_without_truncation_it_is_the_least_squares_step_of_least_length(count):
    problem = MASTS[count]
    residual, jacobian = (
        np.array(f(jnp.array(X))) for f in (lambda x: problem.target - problem.forward(x), problem.jacobian)
    )
    expected = ETA * np.linalg.lstsq(jacobian, residual, rcond=None)[0]
    np.testing.assert_allclose(step(truncated_inverse_gradient, problem, truncation=0.0), expected, rtol=1e-12)


def test_for_a_regular_square_jacobian_it_is_the_inverse_gradient():
    for problem in (toys.Sheared(target=TARGET), toys.RotatedSine(), MASTS[2]):
        expected = step(updates.inverse_gradient, problem)
        np.testing.assert_allclose(step(truncated_inverse_gradient, problem), expected, rtol=1e-10)


@given(st.floats(-3, 3), st.floats(-1e-6, 1e-6), st.floats(1e-3, 1.0))
def test_truncation_bounds_the_step_next_to_a_fold_and_on_it(x1, away, truncation):
    problem = MASTS[2]
    x = jnp.array([x1, -1.0 + away])
    gap = np.linalg.norm(ETA * (problem.target - problem.forward(x)))
    length = np.linalg.norm(jitted[truncated_inverse_gradient](problem, x, jnp.array(ETA), jnp.array(truncation)))
    assert length <= gap / truncation * (1 + 1e-12)


def test_a_dropped_direction_is_not_moved_along():
    dropped = step(truncated_inverse_gradient, toys.SquaredSecond(target=(0.0, 1.0)), (2.0, 0.05), truncation=0.2)
    np.testing.assert_allclose(dropped, [-ETA * 2.0, 0.0], atol=1e-15)
    kept = step(truncated_inverse_gradient, toys.SquaredSecond(target=(0.0, 1.0)), (2.0, 0.05), truncation=0.05)
    np.testing.assert_allclose(kept, [-ETA * 2.0, ETA * (1 - 0.0025) / 0.1], rtol=1e-12)
    everything = step(truncated_inverse_gradient, toys.SquaredSecond(target=(0.0, 1.0)), (2.0, 0.05), truncation=2.0)
    np.testing.assert_array_equal(everything, 0.0)


def test_without_truncation_only_exact_zeros_are_dropped():
    """J = diag(1, 0) on the fold."""
    on_fold = step(truncated_inverse_gradient, toys.SquaredSecond(), (2.0, 0.0), truncation=0.0)
    np.testing.assert_array_equal(on_fold, [-ETA * 2.0, 0.0])


@pytest.mark.parametrize(("truncation", "kept"), [(0.9, (1, 1)), (1.1, (0, 1)), (3.9, (0, 1)), (4.1, (0, 0))])
def test_truncation_is_a_singular_value_and_not_a_share_of_the_largest(truncation, kept):
    """The singular values are 1 and 4."""
    found = step(truncated_inverse_gradient, toys.Scaled(4.0), (2.0, 0.5), truncation=truncation)
    np.testing.assert_allclose(found, -ETA * np.array([2.0, 0.5]) * kept, atol=1e-15)


@pytest.mark.parametrize("count", [1, 3])
def test_the_plain_inverse_is_refused_in_words_where_it_does_not_exist(count):
    with pytest.raises(updates.NotSquare, match=rf"{count} × 2.*only a square matrix.*truncated_inverse_gradient"):
        step(updates.inverse_gradient, MASTS[count])


@pytest.mark.parametrize("count", MASTS)
def test_the_pseudo_inverse_walks_to_scipys_least_squares_solution(count):
    problem = MASTS[count]
    path = rollout(truncated_inverse_gradient, problem, (0.2, 0.4), 60, eta=0.5)
    found = scipy.optimize.least_squares(lambda x: np.array(problem.forward(jnp.array(x)) - problem.target), (0.2, 0.4))
    np.testing.assert_allclose(path.loss[-1], 2 * found.cost, atol=1e-10)
    if count > 1:  # one distance leaves a circle of solutions
        np.testing.assert_allclose(path.x[-1], found.x, atol=1e-5)


ENTRIES = st.lists(st.floats(-3, 3), min_size=4, max_size=4)
POINTS = st.tuples(st.floats(-4, 4), st.floats(-4, 4))
jitted = {
    rule: jax.jit(rule)
    for rule in (
        gauss_newton,
        levenberg_marquardt,
        truncated_inverse_gradient,
        updates.newton,
        updates.inverse_gradient,
    )
}


@given(ENTRIES, POINTS)
def test_for_a_linear_map_gauss_newton_is_newton_is_the_inverse_gradient(entries, x):
    matrix = np.reshape(entries, (2, 2))
    assume(abs(np.linalg.det(matrix)) > 0.1)
    problem, x, eta = toys.Sheared(matrix, target=TARGET), jnp.array(x), jnp.array(ETA)
    expected = jitted[updates.newton](problem, x, eta)
    for rule in (gauss_newton, updates.inverse_gradient):
        np.testing.assert_allclose(jitted[rule](problem, x, eta), expected, rtol=1e-6, atol=1e-8)


@given(POINTS)
def test_for_a_square_jacobian_gauss_newton_is_the_inverse_gradient(x):
    # pinv drops singular values below 1e-15 of the largest: at the sine's crest they differ, and should.
    assume(abs(np.cos((TURN @ np.array(x))[0])) > 1e-3)
    problem, x, eta = toys.RotatedSine(), jnp.array(x), jnp.array(ETA)
    expected = jitted[updates.inverse_gradient](problem, x, eta)
    np.testing.assert_allclose(jitted[gauss_newton](problem, x, eta), expected, rtol=1e-9, atol=1e-9)


def test_on_a_curved_map_gauss_newton_is_not_newton():
    gap = step(gauss_newton, toys.RotatedSine()) - step(updates.newton, toys.RotatedSine())
    assert np.linalg.norm(gap) > 0.1


@given(POINTS)
def test_damping_leads_from_gauss_newton_to_the_gradient(x):
    assume(abs(np.cos((TURN @ np.array(x))[0])) > 0.05)
    residual, jacobian = sine_residual(np.array(x))
    assume(np.linalg.norm(residual) > 1e-2)
    problem, x, eta = toys.RotatedSine(), jnp.array(x), jnp.array(ETA)
    none, huge = (jitted[levenberg_marquardt](problem, x, eta, damping) for damping in (0.0, 1e9))
    np.testing.assert_allclose(none, jitted[gauss_newton](problem, x, eta), rtol=1e-6, atol=1e-9)
    # To first order in 1 / damping: half the gradient of |r|^2, divided by the damping.
    np.testing.assert_allclose(huge * 1e9, -ETA * jacobian.T @ residual, rtol=1e-6, atol=1e-8)


def test_gauss_newtons_path_is_optimistixs():
    problem = toys.RotatedSine()
    path = rollout(gauss_newton, problem, problem.start, 5, eta=1.0)
    solver = optimistix.GaussNewton(rtol=1e-12, atol=1e-12)
    for steps in (1, 2, 5):
        # Its first step only looks: it evaluates the start, and moves from the second on.
        found = optimistix.least_squares(
            lambda x, _: problem.forward(x) - problem.target, solver, problem.start, max_steps=steps + 1, throw=False
        )
        np.testing.assert_allclose(path.x[steps], found.value, atol=1e-10, err_msg=f"step {steps}")


def test_levenberg_marquardt_ends_where_scipys_does():
    problem = toys.RotatedSine()
    path = rollout(levenberg_marquardt, problem, problem.start, 60, eta=1.0, damping=1e-2)
    found = scipy.optimize.least_squares(
        lambda x: sine_residual(x)[0], np.array(problem.start), lambda x: sine_residual(x)[1], method="lm", xtol=1e-12
    )
    np.testing.assert_allclose(path.x[-1], found.x, atol=1e-8)
    # And every one of its steps solves the damped least-squares problem.
    for before, after in zip(path.x[:8], path.x[1:9], strict=True):
        expected = by_hand("levenberg_marquardt", *sine_residual(np.array(before)), damping=1e-2) / ETA
        np.testing.assert_allclose(after - before, expected, atol=1e-12)


def test_damping_bounds_the_step_where_the_jacobian_is_singular():
    problem = toys.SquaredSecond(target=(0.0, 1.0))
    path = rollout(levenberg_marquardt, problem, (3.0, 0.0), 20, eta=1.0, damping=1e-4)
    assert np.isfinite(path.x).all()
