"""Products without a Jacobian, and the law of random probes: dense products, all sign vectors, NumPy, XLA's count."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import deceptron, probes
from core.cost import Dense, work_of
from core.measures import loglog_slope
from core.toys import RotatedSine, Scaled, Sheared, SquaredSecond
from lessons.learned import probes as lesson
from lessons.learned import setting

PROBLEMS = {"sheared": Sheared(), "sine": RotatedSine(), "dense": Dense(7)}
ANCHOR = jnp.array([0.2, -0.3])


def matrix(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def every_sign(n):
    return np.array(list(itertools.product([-1.0, 1.0], repeat=n)))


@pytest.mark.parametrize("name", PROBLEMS)
def test_products_are_the_dense_ones(name):
    """Neither toy's Jacobian is symmetric, so J v and J^T v differ: a mix-up would show."""
    problem = PROBLEMS[name]
    x = 0.7 * problem.start
    v, u = (jnp.asarray(matrix(x.size, seed)) for seed in (1, 2))
    jacobian = np.asarray(problem.jacobian(x))
    np.testing.assert_allclose(probes.jvp(problem.forward, x, v), jacobian @ v, rtol=1e-12)
    np.testing.assert_allclose(probes.vjp(problem.forward, x, u), jacobian.T @ u, rtol=1e-12)
    assert np.abs(jacobian @ v - jacobian.T @ v).max() > 0.1


def test_products_of_a_map_between_spaces_of_different_size():
    a = matrix((5, 3))
    x, v, u = (jnp.asarray(matrix(size, 3)) for size in (3, 3, 5))

    def bent(x):
        return jnp.tanh(jnp.asarray(a) @ x)

    jacobian = (1 - np.tanh(a @ np.asarray(x)) ** 2)[:, None] * a
    np.testing.assert_allclose(probes.jvp(bent, x, v), jacobian @ v, rtol=1e-10)
    np.testing.assert_allclose(probes.vjp(bent, x, u), jacobian.T @ u, rtol=1e-10)


def test_a_gradient_is_one_product():
    problem = RotatedSine()
    x = problem.start
    u = 2 * (problem.forward(x) - problem.target)
    np.testing.assert_allclose(probes.vjp(problem.forward, x, u), jax.grad(problem.objective)(x), rtol=1e-12)


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (5, 5), (4, 6), (6, 4)])
def test_the_variance_over_all_sign_vectors_is_the_formulas(shape):
    error = matrix(shape)
    values = np.sum((every_sign(shape[1]) @ error.T) ** 2, axis=1)
    np.testing.assert_allclose(values.mean(), np.sum(error**2), rtol=1e-12)
    np.testing.assert_allclose(probes.probe_variance(jnp.asarray(error)), values.var(), rtol=1e-10)


def test_in_two_dimensions_a_probe_knows_two_values():
    error = matrix((2, 2))
    gram = error.T @ error
    values = np.sum((every_sign(2) @ error.T) ** 2, axis=1)
    wanted = np.trace(gram) + 2 * gram[0, 1] * np.array([1.0, -1.0, -1.0, 1.0])
    np.testing.assert_allclose(values, wanted, rtol=1e-12)


def test_one_probe_is_exact_where_the_gram_matrix_is_diagonal():
    """Not only for a diagonal E: columns at right angles are enough."""
    turned = np.array([[3.0, -1.0], [3.0, 1.0]])
    for error in (np.diag([0.3, -4.0, 2.0]), turned):
        values = np.sum((every_sign(len(error)) @ error.T) ** 2, axis=1)
        np.testing.assert_allclose(values, np.sum(error**2), rtol=1e-12)
        assert probes.probe_variance(jnp.asarray(error)) == 0
        assert probes.probes_for(jnp.asarray(error), 0.1) == 0


def test_as_many_probes_as_are_needed_bring_the_share_asked_for():
    error = jnp.asarray(matrix((8, 8)))
    count = float(probes.probes_for(error, 0.05))
    np.testing.assert_allclose(np.sqrt(probes.probe_variance(error) / count), 0.05 * np.sum(error**2), rtol=1e-12)
    assert probes.probes_for(jnp.zeros((3, 3)), 0.1) == 0


@pytest.mark.parametrize("n", [2, 10, 100])
def test_never_more_than_two_over_the_share_squared(n):
    """Nearly reached where all components matter alike and together: E of rank one, with entries 1."""
    for error in (matrix((n, n)), np.ones((1, n)), matrix((1, n)), matrix((n, 2))):
        assert probes.probes_for(jnp.asarray(error), 0.1) <= 200
    np.testing.assert_allclose(probes.probes_for(jnp.ones((1, n)), 0.1), 200 * (1 - 1 / n), rtol=1e-12)


def test_the_scatter_of_means_by_hand():
    errors = jnp.array([1.0, 3.0, 2.0, 6.0, 100.0])  # of five, two pairs: the means 2 and 4
    assert probes.scatter(errors, 2) == 1.0
    np.testing.assert_allclose(probes.scatter(errors, 1), np.std(errors), rtol=1e-12)


def test_the_scatter_falls_like_the_root_of_the_probes():
    error = jnp.asarray(matrix((6, 6)))
    signs = jax.random.rademacher(jax.random.key(3), (32_768, 6), error.dtype)
    errors = jnp.sum((signs @ error.T) ** 2, axis=1)
    counts = (1, 2, 4, 8, 16, 32)
    found = jnp.stack([probes.scatter(errors, count) for count in counts])
    assert abs(loglog_slope(jnp.array(counts, float), found) + 0.5) < 0.02
    np.testing.assert_allclose(found[0], np.sqrt(probes.probe_variance(error)), rtol=0.02)


@pytest.mark.parametrize("problem", [Sheared(), RotatedSine(), SquaredSecond()], ids=["sheared", "sine", "squared"])
def test_the_tangent_inverse_is_exact_where_it_touches(problem):
    pair = probes.tangent_pair(problem, ANCHOR)
    np.testing.assert_allclose(pair.g(pair.f(ANCHOR)), ANCHOR, rtol=1e-12)
    assert np.abs(probes.composition_error(pair, ANCHOR)).max() < 1e-14
    elsewhere = jnp.array([0.9, 1.1])
    expected = np.linalg.inv(problem.jacobian(ANCHOR)) @ problem.jacobian(elsewhere) - np.eye(2)
    np.testing.assert_allclose(probes.composition_error(pair, elsewhere), expected, atol=1e-13)
    defect = deceptron.composition_defect(pair, elsewhere)
    np.testing.assert_allclose(defect, np.sum(expected**2), rtol=1e-10, atol=1e-25)
    assert (defect > 1e-3) != isinstance(problem, Sheared)  # linear: exact everywhere


def test_a_problem_without_mixing_needs_one_probe():
    for problem, n in ((SquaredSecond(), 2), (Scaled(4.0), 2)):
        pair = probes.tangent_pair(problem, jnp.array([0.0, 1.0]))
        assert probes.probe_variance(probes.composition_error(pair, jnp.full(n, 0.6))) == 0


def test_the_exact_value_takes_n_times_the_work_of_a_probe():
    sizes = (32, 64, 128)
    exact, estimate = [], []
    for n in sizes:
        pair = probes.tangent_pair(Dense(n), jnp.zeros(n))
        x, signs = jnp.full(n, 0.4), jnp.ones((1, n))
        exact.append(work_of(deceptron.composition_defect, pair, x))
        estimate.append(work_of(deceptron.probe_errors, pair, x, signs))
    sizes = jnp.array(sizes, float)
    assert abs(loglog_slope(sizes, jnp.array(estimate)) - 2) < 0.1
    assert abs(loglog_slope(sizes, jnp.array(exact)) - 3) < 0.1


def test_float32_stays_float32(strict):
    problem = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), Sheared())
    x = jnp.array([0.3, 0.4], jnp.float32)
    pair = probes.tangent_pair(problem, x)
    error = probes.composition_error(pair, x)
    found = (
        probes.jvp(problem.forward, x, x),
        probes.vjp(problem.forward, x, x),
        error,
        probes.probe_variance(error),
        probes.probes_for(error, 0.1),
        probes.scatter(x, 1),
    )
    assert {value.dtype for value in found} == {jnp.dtype("float32")}


def test_the_figures_need_of_probes_is_the_median_over_matrices():
    n = lesson.SIZES[0]
    at = jnp.tile(jnp.asarray(setting.START), n // 2)
    pairs = [probes.tangent_pair(Dense(n, seed), jnp.zeros(n)) for seed in range(lesson.MATRICES)]
    need = [float(probes.probes_for(probes.composition_error(pair, at), lesson.SHARE)) for pair in pairs]
    assert max(need) > 1.01 * np.median(need)
    np.testing.assert_allclose(lesson._needed()[0], np.median(need), rtol=1e-9)
