"""The toy problems: forward maps by hand, Jacobians by differences, local inverses against every branch there is."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import toys
from core.backend import default_float
from core.problem import NoInverse, Problem

NUMBERS = st.floats(-4.0, 4.0)
POINTS = st.tuples(NUMBERS, NUMBERS)
FAR = st.tuples(st.floats(-15.0, 15.0), st.floats(-15.0, 15.0))  # several periods of the sine
PROBLEMS = {
    "scaled": toys.Scaled(4.0, target=(1.0, -2.0)),
    "turned": toys.Scaled(0.3, angle=0.5),
    "squared": toys.SquaredSecond(target=(0.5, 2.0)),
    "sine": toys.RotatedSine(),
    "sine, turned back": toys.RotatedSine(conditioning=1.5, angle=-2.0),
    "sheared": toys.Sheared(target=(1.0, -2.0)),
}
BEACONS = {f"{count} masts": toys.Beacons(count) for count in (1, 2, 3)}
every_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


@eqx.filter_jit
def there(problem, x):
    return problem.forward(x)


@eqx.filter_jit
def back(problem, y, guess):
    return problem.inverse(y, guess)


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def by_hand(problem, x):
    """y = P(x), from the formulas in the docstrings, in NumPy."""
    match problem:
        case toys.Scaled():
            return np.diag([1.0, float(problem.alpha)]) @ turn(float(problem.angle)) @ x
        case toys.SquaredSecond():
            return np.array([x[0], x[1] ** 2])
        case toys.RotatedSine():
            u, xi = turn(float(problem.angle)) @ x, float(problem.conditioning)
            return np.array([np.sin(u[0]) / xi, xi * u[1]])
        case toys.Sheared():
            return np.array([x[0] + 2 * x[1], 3 * x[1]])
        case toys.Beacons():
            return np.array([np.linalg.norm([*(x - mast), 0.5]) for mast in np.array(problem.masts)])


def branches(problem, y, guess):
    """Every point that P maps to y, within eight periods of the origin."""
    match problem:
        case toys.SquaredSecond():
            return [np.array([y[0], sign * np.sqrt(y[1])]) for sign in (1, -1)]
        case toys.RotatedSine():
            xi, first = float(problem.conditioning), np.arcsin(np.clip(float(problem.conditioning) * y[0], -1, 1))
            u1 = [base + 2 * np.pi * k for base in (first, np.pi - first) for k in range(-8, 9)]
            return [turn(float(problem.angle)).T @ np.array([u, y[1] / xi]) for u in u1]
    return [np.linalg.solve(np.stack([by_hand(problem, e) for e in np.eye(2)], axis=1), y)]


def test_rotation_turns_anticlockwise():
    np.testing.assert_allclose(toys.rotation(np.pi / 2) @ jnp.array([1.0, 0.0]), [0.0, 1.0], atol=1e-15)


@pytest.mark.parametrize("problem", (PROBLEMS | BEACONS).values(), ids=PROBLEMS | BEACONS)
@given(x=POINTS)
def test_forward_is_the_formula(problem, x):
    np.testing.assert_allclose(there(problem, jnp.array(x)), by_hand(problem, np.array(x)), atol=1e-12)


@pytest.mark.parametrize("problem", (PROBLEMS | BEACONS).values(), ids=PROBLEMS | BEACONS)
def test_jacobian_by_differences(problem):
    x, h = np.array([0.7, -1.3]), 1e-6
    columns = [(by_hand(problem, x + h * e) - by_hand(problem, x - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(problem.jacobian(jnp.array(x)), np.stack(columns, axis=1), atol=1e-8)


def test_sheared_tells_its_jacobian_from_the_transpose():
    np.testing.assert_array_equal(toys.Sheared().jacobian(jnp.array([0.3, 0.4])), [[1.0, 2.0], [0.0, 3.0]])


@every_problem
@given(x=POINTS, guess=FAR)
@example(x=(1.0, 2.0), guess=(0.0, 0.0))
def test_forward_undoes_the_inverse(problem, x, guess):
    y = by_hand(problem, np.array(x))
    found = back(problem, jnp.array(y), jnp.array(guess))
    np.testing.assert_allclose(by_hand(problem, np.array(found)), y, rtol=1e-9, atol=1e-9)


@every_problem
@given(x=POINTS, guess=FAR)
def test_inverse_is_the_branch_nearest_to_the_guess(problem, x, guess):
    y, guess = by_hand(problem, np.array(x)), np.array(guess)
    found = np.array(back(problem, jnp.array(y), jnp.array(guess)))
    nearest = min(np.linalg.norm(branch - guess) for branch in branches(problem, y, guess))
    np.testing.assert_allclose(np.linalg.norm(found - guess), nearest, atol=1e-9)


@every_problem
@given(x=POINTS)
def test_a_point_is_its_own_inverse_image(problem, x):
    x = jnp.array(x)
    # Where the sine turns round, arcsin turns a rounding of 1e-16 into 1e-8.
    np.testing.assert_allclose(back(problem, there(problem, x), x), x, atol=1e-6)


@pytest.mark.parametrize("guess", [(0.2, 0.1), (9.0, -3.0)])
@pytest.mark.parametrize("y1", [0.26, -0.26, 5.0, 1e6])
def test_sine_beyond_its_range_takes_the_nearest_crest(y1, guess):
    problem = toys.RotatedSine()
    found = np.array(problem.inverse(jnp.array([y1, 2.0]), jnp.array(guess)))
    assert np.isfinite(found).all()
    # P comes as near to y as it can: sin(u1) = +-1, and the second component is met.
    np.testing.assert_allclose(by_hand(problem, found), [np.sign(y1) / 4, 2.0], atol=1e-12)
    crests = [np.sign(y1) * np.pi / 2 + 2 * np.pi * k for k in range(-4, 5)]
    u1 = (turn(0.6) @ np.array(guess))[0]
    assert np.isclose((turn(0.6) @ found)[0], min(crests, key=lambda crest: abs(crest - u1)))


def test_no_root_of_a_negative_number():
    found = toys.SquaredSecond().inverse(jnp.array([1.5, -0.3]), jnp.array([0.0, -2.0]))
    np.testing.assert_array_equal(np.abs(found), [1.5, 0.0])


def test_the_loss_has_no_half():
    # The book's toy: L = x1^2 + (alpha x2)^2.
    assert toys.Scaled(4.0).objective(jnp.array([3.0, 2.0])) == 9.0 + 64.0
    assert PROBLEMS["sheared"].loss(jnp.array([4.0, -2.0])) == 9.0


def test_the_sines_solution_stays_where_it_is_for_every_stretch():
    for conditioning in (1.0, 2.0, 8.0):
        problem = toys.RotatedSine(conditioning)
        np.testing.assert_allclose(by_hand(problem, np.array([-0.7, -0.5])), problem.target, atol=1e-14)
        assert problem.objective(problem.solution) == 0.0


@pytest.mark.parametrize("name", toys.TOYS)
def test_every_toy_starts_inside_its_domain_and_away_from_its_solution(name):
    problem = toys.TOYS[name]()
    lower, upper = problem.domain
    assert (lower < problem.start).all() and (problem.start < upper).all()
    assert problem.objective(problem.start) > 0.1


@pytest.mark.usefixtures("strict")
def test_two_distances_say_nothing_about_the_way_across_the_line_of_their_masts():
    problem = toys.Beacons(2)
    for x1 in (-3.0, 0.2, 1.5):
        assert abs(np.linalg.det(problem.jacobian(jnp.array([x1, -1.0])))) < 1e-15
    assert abs(np.linalg.det(problem.jacobian(jnp.array([0.2, -0.9])))) > 0.05
    mirrored = problem.forward(jnp.array([0.8, -2.9]))  # the solution's image in the line x2 = -1
    np.testing.assert_allclose(mirrored, problem.target, rtol=1e-14)


def test_the_foot_of_a_mast_is_no_corner():
    problem = toys.Beacons(1, error=0.1)
    np.testing.assert_array_equal(problem.jacobian(problem.masts[0]), [[0.0, 0.0]])
    assert float(problem.target[0] - problem.forward(problem.solution)[0]) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="1, 2 or 3 masts"):
        toys.Beacons(4)


def test_numbers_are_leaves_of_the_default_type():
    for problem in (PROBLEMS | BEACONS).values():
        for leaf in jax.tree.leaves(problem):
            assert leaf.dtype == default_float() and not leaf.weak_type


def test_a_problem_without_inverse_names_the_remedy():
    class Bare(Problem):
        target: object = None
        start: object = None
        domain: object = None

    with pytest.raises(NoInverse, match=r"Bare knows no inverse.*NumericalInverse"):
        Bare().inverse(jnp.zeros(2), jnp.zeros(2))
    with pytest.raises(NotImplementedError, match="Bare must define forward"):
        Bare().forward(jnp.zeros(2))


@pytest.mark.parametrize(
    ("problem", "x", "fold"),
    [
        (toys.Beacons(2), (0.7, -0.5), (0.7, -1.0)),
        (toys.RotatedSine(1.0, angle=0.0), (1.3, 0.4), (np.pi / 2, 0.4)),
        (toys.RotatedSine(1.0, angle=0.0), (-1.9, 0.4), (-np.pi / 2, 0.4)),
    ],
)
def test_the_fold_is_the_nearest_point_where_the_determinant_vanishes(problem, x, fold):
    np.testing.assert_allclose(problem.fold_near(jnp.array(x)), fold, atol=1e-12)


@pytest.mark.parametrize("problem", [toys.Beacons(2), toys.RotatedSine(1.5)], ids=["masts", "sine"])
def test_the_determinant_vanishes_on_the_fold_near_any_point(problem):
    for x in np.random.default_rng(0).uniform(-3, 3, (20, 2)):
        fold = problem.fold_near(jnp.array(x))
        assert abs(float(jnp.linalg.det(problem.jacobian(fold)))) < 1e-12
