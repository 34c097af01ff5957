"""The inverse by search: as good as the formula where there is one, local, and quiet where there is no solution."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from core import toys, updates
from core.inverse import NumericalInverse, numerical_inverse
from core.problem import Problem, number
from core.rollout import rollout

PROBLEMS = {
    "scaled": toys.Scaled(4.0, angle=0.4, target=(0.5, 1.0)),
    "squared": toys.SquaredSecond(),
    "sine": toys.RotatedSine(),
    "sheared": toys.Sheared(target=(1.0, -2.0)),
}
search = eqx.filter_jit(numerical_inverse)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_the_inverse_simulators_walk_is_the_same_by_search(problem):
    by_formula, by_search = (
        rollout(updates.inverse_simulator, which, problem.start, 10, eta=0.3)
        for which in (problem, NumericalInverse(problem))
    )
    gap = np.abs(by_formula.x - by_search.x)
    # Asked for is 1e-5 on average; the search stops at 1e-12 relative in y.
    assert gap.mean() < 1e-9 and gap.max() < 1e-8


@pytest.mark.parametrize(("guess", "root"), [((1.0, 2.0), 1.5), ((1.0, -2.0), -1.5)])
def test_the_search_stays_in_the_valley_of_its_guess(guess, root):
    found = search(toys.SquaredSecond(), jnp.array([0.3, 2.25]), jnp.array(guess))
    np.testing.assert_allclose(found, [0.3, root], atol=1e-10)


def test_the_search_where_the_jacobian_is_not_symmetric():
    y = jnp.array([0.7, -2.0])
    found = search(toys.Sheared(), y, jnp.zeros(2))
    np.testing.assert_allclose(found, np.linalg.solve([[1, 2], [0, 3]], y), atol=1e-10)


def test_out_of_reach_is_the_nearest_image_and_finite():
    problem = toys.RotatedSine()
    found = search(problem, jnp.array([1.0, 0.5]), jnp.array([0.1, 0.2]))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(problem.forward(found), [0.25, 0.5], atol=1e-6)


class Cube(Problem):
    """A simulator that brings no inverse: y = (x1^3 + x1, x2 + sin(x1) / 2)."""

    target: object
    start: object
    domain: object

    def forward(self, x):
        return jnp.stack([x[0] ** 3 + x[0], x[1] + jnp.sin(x[0]) / 2])


def test_any_problem_gets_a_local_inverse():
    cube = Cube(number([2.0, 0.5]), number([0.0, 0.0]), toys.square(2.0))
    # 1 + 1 = 2, and x2 = 1/2 - sin(1) / 2.
    path = rollout(updates.inverse_simulator, NumericalInverse(cube), cube.start, 3, eta=1.0)
    np.testing.assert_allclose(path.x[1:], [[1.0, 0.5 - np.sin(1.0) / 2]] * 3, atol=1e-9)


def test_the_wrapper_changes_nothing_but_the_inverse():
    problem = toys.RotatedSine()
    wrapped, x = NumericalInverse(problem), jnp.array([0.3, -0.2])
    np.testing.assert_array_equal(wrapped.target, problem.target)
    np.testing.assert_array_equal(wrapped.start, problem.start)
    np.testing.assert_array_equal(wrapped.domain, problem.domain)
    np.testing.assert_array_equal(wrapped.forward(x), problem.forward(x))
    assert wrapped.objective(x) == problem.objective(x)


def test_the_search_stops_where_the_miss_is_small_beside_y():
    """|y| is about 950: a miss of 0.5 is within 0.01 of it and not within 0.0001."""
    y, problem = jnp.array([300.0, 900.0]), toys.Sheared()
    guess = jnp.linalg.solve(problem.matrix, y + jnp.array([0.5, 0.0]))
    np.testing.assert_array_equal(search(problem, y, guess, 1e-2), guess)
    assert np.linalg.norm(problem.forward(search(problem, y, guess, 1e-4)) - y) < 1e-4 * 950


def test_the_search_stops_after_as_many_iterations_as_it_may_take():
    problem, y = toys.RotatedSine(), toys.RotatedSine().target
    none, one, all_ = (search(problem, y, problem.start, iterations=count) for count in (0, 1, 60))
    np.testing.assert_array_equal(none, problem.start)
    left = [np.linalg.norm(problem.forward(x) - y) for x in (none, one, all_)]
    assert left[0] > left[1] > 1e-3 > 1e-9 > left[2]


def test_the_wrappers_tolerance_is_the_searchs():
    problem = toys.RotatedSine()
    found = NumericalInverse(problem, tolerance=0.1).inverse(problem.target, problem.start)
    np.testing.assert_array_equal(found, search(problem, problem.target, problem.start, 0.1))
    assert np.linalg.norm(problem.forward(found) - problem.target) > 1e-6
