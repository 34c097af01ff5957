"""What RJCP promises: bounds against measured steps, rank correlation against scipy, a threshold by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from core import toys, trust
from core.deceptron import Deceptron, composition_defect
from core.methods import dipg_differenced
from core.networks import Affine, Physics, Slab
from core.probes import tangent_pair
from core.problem import Aimed
from lessons.learned import setting

SHEAR = np.array([[1.0, 2.0], [0.0, 3.0]])


def sheared(matrix):
    """`Sheared` beside a linear g."""
    none = Affine.none(jnp.zeros((1, 2)))
    problem = toys.Sheared()
    return problem, Deceptron(Physics(problem), Slab(jnp.asarray(matrix), jnp.zeros(2), none, none))


def stepped(problem, model, solution, error, eta):
    """The error of x after one differenced step towards P(solution)."""
    x = solution + error
    aimed = Aimed(problem, problem.forward(solution))
    return dipg_differenced(aimed, model, x, problem.forward(x), eta, None)[1] - solution


@pytest.mark.parametrize("eta", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_no_error_of_the_sheared_map_shrinks_less_than_promised(eta, seed):
    rng = np.random.default_rng(seed)
    problem, model = sheared(np.linalg.inv(SHEAR) + 0.2 * rng.normal(size=(2, 2)))
    at = jnp.array([0.3, -0.2])
    factor, rjcp = trust.contraction(model, at, eta), composition_defect(model, at)
    errors = jnp.asarray(rng.normal(size=(64, 2)))
    after = jax.vmap(lambda error: stepped(problem, model, at, error, eta))(errors)
    shrunk = jnp.linalg.norm(after, axis=1) / jnp.linalg.norm(errors, axis=1)
    assert np.max(shrunk) <= factor * (1 + 1e-9) <= trust.contraction_bound(rjcp, eta) * (1 + 2e-9)
    assert np.max(shrunk) > 0.95 * factor  # 64 directions come near the worst one


def test_near_a_solution_of_the_bent_map_too():
    """To first order in the error: at 1e-6 the step's factor is the bound's business up to 1e-4."""
    problem = toys.RotatedSine()
    at = jnp.array([-0.4, 0.3])
    model = tangent_pair(problem, at + jnp.array([0.3, 0.2]))  # right there, off here
    factor, rjcp = trust.contraction(model, at, 1.0), composition_defect(model, at)
    assert 1e-4 < rjcp < 1
    errors = 1e-6 * jnp.stack([jnp.cos(jnp.arange(0, 3.2, 0.1)), jnp.sin(jnp.arange(0, 3.2, 0.1))], axis=1)
    after = jax.vmap(lambda error: stepped(problem, model, at, error, 1.0))(errors)
    worst = np.max(np.linalg.norm(after, axis=1)) / 1e-6
    assert worst == pytest.approx(float(factor), rel=1e-2)
    assert worst < float(trust.contraction_bound(rjcp, 1.0)) + 1e-4


def test_a_reversed_direction_is_no_contraction_and_costs_four():
    _, model = sheared(np.linalg.inv(SHEAR))
    mirrored = Deceptron(lambda x: model.f(x * jnp.array([-1.0, 1.0])), model.g)
    x = jnp.array([0.3, -0.2])
    np.testing.assert_allclose(composition_defect(mirrored, x), 4.0, atol=1e-12)
    np.testing.assert_allclose(trust.contraction(mirrored, x, 0.5), 1.5)


def test_a_direction_that_f_loses_costs_one():
    """C = I but for one direction that f does not show, as on a fold: the defect is 1 and the error stays."""
    _, model = sheared(np.linalg.inv(SHEAR))
    folded = Deceptron(lambda x: model.f(x * jnp.array([0.0, 1.0])), model.g)
    x = jnp.array([0.3, -0.2])
    np.testing.assert_allclose(composition_defect(folded, x), 1.0, atol=1e-12)
    np.testing.assert_allclose(trust.contraction(folded, x, 0.5), 1.0)


def test_an_outdated_g_beside_a_turned_simulator_is_off_by_the_turn():
    """P turned by delta is P after a rotation R: C = R up to g's own error, and |R - I|_F^2 = 4 (1 - cos delta)."""
    before, delta, x = toys.RotatedSine(), 0.3, jnp.array([0.2, -0.5])
    turned = toys.RotatedSine(angle=before.angle + delta)
    model = tangent_pair(before, toys.rotation(delta) @ x)  # exact where the turned simulator sends x
    found = composition_defect(trust.outdated(model, turned), x)
    np.testing.assert_allclose(found, 4 * (1 - np.cos(delta)), rtol=1e-9)


@pytest.mark.parametrize("ties", [False, True])
def test_rank_correlation_is_scipys(ties):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=50), rng.normal(size=50)
    b += a
    if ties:
        a, b = np.round(a), np.round(2 * b)
    np.testing.assert_allclose(trust.rank_correlation(jnp.array(a), jnp.array(b)), spearmanr(a, b)[0], rtol=1e-12)


def test_rank_correlation_at_its_ends():
    a = jnp.array([0.1, 3.0, 2.0, 1e9])
    assert trust.rank_correlation(a, jnp.exp(-a)) == pytest.approx(-1.0)
    assert trust.rank_correlation(a, a**3) == pytest.approx(1.0)
    assert np.isnan(trust.rank_correlation(a, jnp.ones(4)))


def test_a_threshold_by_hand():
    values = jnp.array([4.0, 0.25, 1.0, 0.5, 9.0])
    good = jnp.array([True, True, True, True, False])
    found, right = trust.best_threshold(values, good)
    assert (float(found), float(right)) == (6.0, 1.0)
    found, right = trust.best_threshold(values, good.at[0].set(False).at[1].set(False))
    assert (float(found), float(right)) == (2.0, 0.8)


def test_nothing_is_promoted_or_spread_silently(strict):
    _, model = sheared(np.linalg.inv(SHEAR))
    eta = jnp.array(0.5)
    values = jnp.array([0.3, 0.1, 2.0])
    assert float(trust.contraction(model, jnp.array([0.3, -0.2]), eta)) == pytest.approx(0.5)
    assert trust.contraction_bound(values, eta).shape == (3,)
    assert np.isfinite(trust.rank_correlation(values, values**2))
    assert float(trust.best_threshold(values, values < 1.0)[1]) == 1.0


def test_the_maps_levels_are_those_of_the_points_in_the_trained_box_and_of_the_others():
    lower, upper = setting.setup("sine").solver.box
    points = setting.grid(setting.TRUST_GRID)
    inside = np.all((points >= np.asarray(lower)) & (points <= np.asarray(upper)), axis=-1)
    assert 0.2 < np.mean(inside) < 0.8
    found = setting.levels(np.where(inside, 0.5, 7.0), "sine")
    assert found == {"inside_mean": 0.5, "inside_median": 0.5, "outside_median": 7.0}
    found = setting.levels(np.where(inside, np.nan, 7.0), "sine")
    assert np.isnan(found["inside_mean"]) and np.isnan(found["inside_median"]) and found["outside_median"] == 7.0
