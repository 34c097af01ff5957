"""The checked step: taken where the inverse lands as meant, refused where it is broken, and the loss always falls."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import fallback, toys
from core.averages import Linearised
from core.fallback import Misled
from core.problem import Wrapped, number
from core.rollout import rollout
from core.scalar import Saturating
from core.updates import inverse_simulator

ETA = jnp.array(0.5)
HALF_TURN = number(np.pi)


def misled(problem, turn, half=0.0, centre=(0.0, 0.0)):
    return Misled(problem, number(centre), number(half), number(turn))


PROBLEMS = {
    "squared": toys.SquaredSecond(target=(0.0, 1.0)),
    "sine": toys.RotatedSine(),
    "sheared": toys.Sheared(target=(1.0, -2.0)),
}
every_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
step = eqx.filter_jit(fallback.checked_step)


@every_problem
@pytest.mark.usefixtures("strict")
def test_a_right_inverse_is_always_taken(problem):
    found = fallback.checked_step(problem, problem.start, ETA)
    assert not found.fell_back and found.miss < 1e-12
    np.testing.assert_array_equal(found.dx, inverse_simulator(problem, problem.start, ETA))


@every_problem
def test_a_backward_inverse_is_refused_and_the_gradient_taken(problem):
    broken = misled(problem, HALF_TURN)
    found = step(broken, problem.start, ETA)
    assert found.fell_back and found.miss > 0.5
    np.testing.assert_array_equal(found.dx, fallback.safe_gradient(problem, problem.start))
    assert problem.objective(problem.start + found.dx) < problem.objective(problem.start)


def test_the_miss_on_paper():
    """For linear P = I a turn by t misses by |R dy - dy| / |dy| = 2 sin(t/2)."""
    problem = misled(toys.Scaled(), 0.7)
    found = step(problem, jnp.array([2.0, 1.0]), ETA)
    assert found.miss == pytest.approx(2 * np.sin(0.35))


def test_the_safe_gradient_is_the_best_of_the_halved_lengths():
    x, gradient = np.array([1.0, 1.0]), np.array([2.0, 32.0])  # of x1^2 + 16 x2^2
    lengths = 0.5 ** np.arange(30)
    falls = [(1 - 2 * t) ** 2 + 16 * (1 - 32 * t) ** 2 for t in lengths]
    expected = -lengths[np.argmin(falls)] * gradient
    np.testing.assert_allclose(fallback.safe_gradient(toys.Scaled(4.0), jnp.array(x)), expected)
    # The best length on a quadratic is |g|^2 / (g^T H g) = 1028 / 32776, of which 1/32 is the nearest.
    assert -expected[0] / 2 == 1 / 32


def test_where_the_gradient_vanishes_nothing_happens():
    np.testing.assert_array_equal(fallback.safe_gradient(toys.Scaled(4.0), jnp.zeros(2)), [0.0, 0.0])


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(0.0, 3.2), st.floats(0.05, 1.0), st.floats(0.05, 0.95))
def test_no_step_climbs_and_a_taken_one_closes_its_share_of_the_gap(x1, x2, turn, eta, trust):
    problem = misled(PROBLEMS["sine"], turn)
    x = jnp.array([x1, x2])
    found = step(problem, x, jnp.array(eta), jnp.array(trust))
    before, after = (np.sqrt(float(problem.objective(point))) for point in (x, x + found.dx))
    share = 1.0 if found.fell_back else 1 - eta * (1 - trust)
    assert after <= share * before + 1e-9


class Nowhere(Wrapped):
    """A problem whose inverse knows nothing."""

    def inverse(self, y, x):
        return jnp.full_like(x, jnp.nan)


@every_problem
@pytest.mark.parametrize("make", [Nowhere, lambda problem: misled(problem, HALF_TURN)], ids=["nan", "backwards"])
def test_a_run_with_a_broken_inverse_stays_finite_and_descends(problem, make):
    path = rollout(fallback.checked_inverse_simulator, make(problem), problem.start, 30, eta=0.5, trust=0.5)
    assert np.isfinite(path.x).all()
    assert (np.diff(path.loss) <= 0).all() and path.loss[-1] < 0.5 * path.loss[0]
    # Not on the fold of the square, from where backwards is as good as forwards; nor at the target.
    special = (path.loss[:-1] < 1e-20) | (np.abs(path.x[:-1, 1]) < 1e-12)
    assert (fallback.checks(make(problem), path.x[:-1], ETA).fell_back | special).all()


def test_beyond_trust_1_a_step_that_passes_may_raise_the_loss_and_below_none_does():
    # The bent problem with the inverse turned by 122 degrees nearly everywhere.
    problem = Misled(
        toys.RotatedSine(2.0, start=(0.234, 1.404)), number((-0.7, -0.5)), number(0.05), jnp.radians(122.0)
    )
    for trust, least, most in ((1.85, 1.9, np.inf), (0.99, 0.0, 1.0)):
        path = rollout(fallback.checked_inverse_simulator, problem, problem.start, 14, eta=0.5, trust=trust)
        ratios = path.loss[1:] / path.loss[:-1]
        assert least < ratios.max() <= most
        assert ratios.max() <= (1 + 0.5 * abs(trust - 1)) ** 2


def test_an_unreachable_target_ends_at_the_nearest_that_can_be_reached():
    # No x gives y2 = -1; the nearest is the fold, x2 = 0.
    problem = toys.SquaredSecond(target=(0.0, -1.0))
    path = rollout(fallback.checked_inverse_simulator, problem, (1.5, 1.5), 60, eta=0.5, trust=0.5)
    fell_back = np.array(fallback.checks(problem, path.x[:-1], ETA).fell_back)
    assert not fell_back[0] and fell_back.any()
    np.testing.assert_allclose(path.y[-1], [0.0, 0.0], atol=0.05)


@pytest.mark.parametrize("x2", [0.05, 0.0])
def test_a_linearised_inverse_near_the_fold_falls_back(x2):
    problem = Linearised(toys.SquaredSecond(target=(0.0, 1.0)))
    path = rollout(fallback.checked_inverse_simulator, problem, (2.0, x2), 40, eta=0.5, trust=0.5)
    assert np.isfinite(path.x).all()
    assert fallback.checks(problem, path.x[:1], ETA).fell_back[0]
    assert (path.loss[-1] < 1e-6) == (x2 > 0)  # on the fold itself the gradient along x2 is zero, too


@pytest.mark.parametrize("trust", [0.0, 0.5])
def test_at_the_target_nothing_happens(trust):
    problem = toys.Sheared(target=(0.0, 0.0))
    found = step(problem, jnp.zeros(2), ETA, jnp.array(trust))
    assert not found.fell_back and found.miss == 0.0
    np.testing.assert_array_equal(found.dx, [0.0, 0.0])


class Restless(Wrapped):
    """A problem whose inverse moves on from wherever it is."""

    def inverse(self, y, x):
        return x + 1.0


def test_an_inverse_that_leaves_the_target_is_refused():
    found = step(Restless(toys.Sheared(target=(0.0, 0.0))), jnp.zeros(2), ETA)
    assert found.fell_back and found.miss == np.inf
    np.testing.assert_array_equal(found.dx, [0.0, 0.0])


def test_an_endless_step_is_refused_though_it_lands():
    """tanh(inf) = 1 is the target to the last digit."""
    problem = Saturating(target=1.0)
    found = step(problem, problem.start, jnp.array(1.0))
    assert found.fell_back and found.miss == np.inf
    assert np.isfinite(found.dx).all() and problem.objective(problem.start + found.dx) < 0.05


def test_inside_its_square_the_misled_inverse_is_right():
    problem = misled(toys.RotatedSine(), 2.0, half=0.5, centre=(-0.7, -0.5))
    inside, outside = jnp.array([-0.3, -0.9]), jnp.array([0.6, -0.5])
    y = problem.target
    np.testing.assert_array_equal(problem.inverse(y, inside), toys.RotatedSine().inverse(y, inside))
    right = np.array(toys.RotatedSine().inverse(y, outside) - outside)
    turned = np.array(problem.inverse(y, outside) - outside)
    np.testing.assert_allclose(np.linalg.norm(turned), np.linalg.norm(right))
    assert turned @ right / (right @ right) == pytest.approx(np.cos(2.0))
    # Turned anticlockwise, as `rotation` turns.
    np.testing.assert_allclose(turned, np.array(toys.rotation(2.0)) @ right)


@given(
    st.floats(0.0, 2 * np.pi),
    st.floats(0.05, 3.0),
    st.floats(0.05, 1.0),
    st.sampled_from([toys.Wavy(), toys.Sheared(target=(1.0, -2.0))]),
)
def test_an_inverse_that_is_led_astray_misses_by_what_it_says_and_keeps_the_promise(turn, stretch, eta, problem):
    """By complex numbers: a step dy becomes s exp(i turn) dy; below a miss of 1 the gap shrinks as promised."""
    astray = fallback.Astray(problem, number(turn), number(stretch))
    dx = inverse_simulator(astray, problem.start, number(eta))
    made = stretch * np.exp(1j * turn)
    assert fallback.miss(astray, problem.start, dx, number(eta)) == pytest.approx(abs(made - 1), abs=1e-9)
    gaps = [np.linalg.norm(problem.forward(x) - problem.target) for x in (problem.start, problem.start + dx)]
    assert gaps[1] / gaps[0] == pytest.approx(abs(1 - eta * made), abs=1e-9)
    assert gaps[1] / gaps[0] <= 1 - eta * (1 - abs(made - 1)) + 1e-9


def test_the_wavy_problem_by_hand():
    problem = toys.Wavy(height=2.0)
    np.testing.assert_allclose(problem.forward(jnp.array([np.pi / 2, 1.0])), [np.pi / 2, 3.0])
    np.testing.assert_allclose(problem.inverse(jnp.array([np.pi / 2, 3.0]), problem.start), [np.pi / 2, 1.0])
