"""Six properties of a rule: on cases done on paper, and ideal where a rule is."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from core import measures, properties, toys, updates
from core.problem import InUnits
from core.rollout import rollout

RULES = (updates.gradient_descent, updates.newton, updates.inverse_gradient, updates.inverse_simulator)
SCALES = jnp.geomspace(1.0, 100.0, 4)
ETA = jnp.array(0.3)
NAMES = ("units_spread", "sensitivity_exponent", "scale_spread", "extra_steps")
jitted = {name: eqx.filter_jit(getattr(properties, name)) for name in NAMES}


@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("problem", [toys.SquaredSecond(), toys.Sheared()], ids=["squared", "sheared"])
def test_other_units_do_not_change_the_walk_of_those_that_invert(rule, problem):
    assert jitted["units_spread"](rule, problem, ETA, 1 / SCALES, 10) < 1e-12


def test_gradient_descent_in_other_units_by_hand():
    """L = |x|^2 from (3, 1), one step of 0.1: x1 becomes 3 (1 - 0.2 u^2), so two units differ by 0.6 (1 - u^2)."""
    problem = toys.Scaled(1.0, start=(3.0, 1.0))
    found = jitted["units_spread"](updates.gradient_descent, problem, 0.1, jnp.array([1.0, 0.5]), 1)
    np.testing.assert_allclose(found, 0.6 * 0.75 / np.hypot(0.6, 0.2), rtol=1e-12)


def test_gradient_descent_squares_the_sensitivity_and_the_others_take_it_out():
    alphas = jnp.geomspace(1e-3, 1e-1, 5)
    for problem in (toys.SquaredSecond(), toys.Sheared()):
        found = [jitted["sensitivity_exponent"](rule, problem, 0.01, alphas) for rule in RULES]
        np.testing.assert_allclose(found, [2, 0, 0, 0], atol=0.02)


def test_steps_near_an_optimum_like_the_fourth_power_by_hand():
    """On L = x2^4, y2 = x2^2 is left to (1 - eta/3)^2 by Newton, to (1 - eta/2)^2 by IG, to 1 - eta by PG."""
    problem = toys.SquaredSecond()
    wanted = np.log(1 - 0.3)
    expected = [wanted / (2 * np.log(1 - 0.1)) - 1, wanted / (2 * np.log(1 - 0.15)) - 1, 0.0]
    found = [jitted["extra_steps"](rule, problem, ETA, ETA) for rule in RULES[1:]]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    # Gradient descent: y2 falls by 8 eta x2^2 of itself a step, and x2 is a thousandth of the start's 3.
    slow = jitted["extra_steps"](updates.gradient_descent, problem, 0.01, ETA)
    np.testing.assert_allclose(slow, -wanted / (8 * 0.01 * 0.003**2), rtol=1e-3)


def test_too_fast_is_as_far_from_what_was_asked_as_too_slow():
    """Asked for 0.3 of the gap, a rule that closes 0.6 of it needs log(0.7) / log(0.4) of the steps: 0.61 off."""
    found = jitted["extra_steps"](updates.inverse_simulator, toys.SquaredSecond(), jnp.array(0.6), ETA)
    np.testing.assert_allclose(found, 1 - np.log(0.7) / np.log(0.4), rtol=1e-9)


def test_a_component_that_grows_takes_for_ever():
    assert jitted["extra_steps"](updates.gradient_descent, toys.Scaled(4.0), 1.0, ETA) > 1e6


@pytest.mark.parametrize("name", ["squared", "sheared"])
def test_who_walks_alike_at_every_scale(name):
    problem = toys.TOYS[name](target=(1.0, 2.0))
    found = {
        rule.__name__: float(jitted["scale_spread"](rule, problem, lambda _: ETA, SCALES, 0.5, 10))
        for rule in RULES[1:]
    }
    assert max(found["inverse_gradient"], found["inverse_simulator"]) < 1e-12
    # Newton's Hessian weighs the curvature of P by the scaled residual: invariant only where there is none.
    assert (found["newton"] < 1e-9) == (name == "sheared")
    # Along P's own directions the two components do not meet, and Newton is invariant on a curved P too.
    assert jitted["scale_spread"](updates.newton, problem, lambda _: ETA, SCALES, 0.0, 10) < 1e-9


@pytest.mark.parametrize(
    "eta_of", [lambda _: 0.01, lambda p: 0.4 * measures.stable_limit(p, p.start)], ids=["one for all", "its own"]
)
def test_scale_is_what_the_crux_calls_alpha(eta_of):
    """On y = x, scaling the second effect by alpha makes the book's toy problem; so it does for the step size."""

    def walk(alpha):
        problem = toys.Scaled(alpha)
        return rollout(updates.gradient_descent, problem, (3.0, 3.0), 5, eta=eta_of(problem)).x

    paths = np.stack([walk(alpha) for alpha in (1.0, 5.0)])
    apart = np.linalg.norm(paths[0] - paths[1], axis=-1).max() / np.linalg.norm(paths - paths[:, :1], axis=-1).max()
    scales = jnp.array([1.0, 5.0])
    found = jitted["scale_spread"](updates.gradient_descent, toys.Scaled(1.0), eta_of, scales, 0.0, 5)
    np.testing.assert_allclose(found, apart, rtol=1e-12)


def test_what_a_latent_step_misses():
    etas = jnp.array([1e-4, 1e-2])
    outer = toys.Sheared(target=(1.0, -2.0))
    lengths, shares = properties.missed_announcements(updates.inverse_gradient, toys.SquaredSecond(), outer, etas)
    np.testing.assert_allclose(lengths[1] / lengths[0], 1e4, rtol=1e-6)  # second order; its z2 misses (dx2)^2 exactly
    np.testing.assert_allclose(shares[1] / shares[0], 1e2, rtol=1e-6)


def test_the_longest_step_by_hand():
    """On y = x towards 0 the step is eta |x|: from 1, 2 and 6 the longest is three times the median."""
    starts = jnp.array([[1.0, 0.0], [2.0, 0.0], [6.0, 0.0]])
    np.testing.assert_allclose(properties.longest_step(updates.inverse_gradient, toys.Scaled(1.0), 0.5, starts), 3.0)
    on_fold = jnp.array([[1.0, 1.0], [1.0, 0.0], [1.0, 2.0]])
    problem = toys.SquaredSecond(target=(0.0, 1.0))
    assert properties.longest_step(updates.inverse_gradient, problem, 0.5, on_fold) == np.inf


def test_units_are_those_of_in_units():
    other = InUnits(toys.Scaled(4.0), jnp.array([0.01, 1.0]))
    np.testing.assert_allclose(other.start, [300.0, 3.0])
