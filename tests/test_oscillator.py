"""The damped oscillator: its closed form against the matrix exponential, both problems by hand, and time reversal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from core import oscillator
from core.oscillator import DampedOscillator, OscillatorFlow

STATE = np.array([0.8, -0.5])
exactly = jax.jit(oscillator.closed_form)


def matrix(omega, zeta):
    return np.array([[0.0, 1.0], [-(omega**2), -2 * zeta * omega]])


@given(st.floats(0.3, 4.0), st.floats(0.0, 2.0) | st.just(1.0), st.floats(-3.0, 3.0))
def test_the_closed_form_is_the_matrix_exponential(omega, zeta, time):
    # Near zeta = 1 sin(d t)/d cancels: half of the digits are left there at worst.
    expected = expm(time * matrix(omega, zeta)) @ STATE
    found = exactly(jnp.array(omega), jnp.array(zeta), jnp.array(STATE), jnp.array(time))
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("power", range(2, 14))
def test_the_closed_form_is_exact_right_beside_critical_damping(side, power):
    """(d t)^2 = 10^-power on either side of zeta = 1. Taken for critical, the error would be about half of it."""
    omega, time = 1.7, 1.3
    zeta = np.sqrt(1 + side * 10.0**-power / (omega * time) ** 2)
    expected = expm(time * matrix(omega, zeta)) @ STATE
    found = exactly(jnp.array(omega), jnp.array(zeta), jnp.array(STATE), jnp.array(time))
    np.testing.assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("zeta", "time"), [(0.0, 0.7), (0.3, 0.7), (1.0, 0.7), (1.5, 0.7), (0.0, 1e3), (0.3, 1e3), (1.5, 1e3)]
)
@pytest.mark.usefixtures("strict")
def test_the_closed_form_has_a_gradient_everywhere(zeta, time):
    """Also where the hyperbolic functions, which an oscillation does not use, are too large for a number."""
    point = jnp.array(2.0), jnp.array(zeta), jnp.array(STATE), jnp.array(time)
    # Forward mode only follows the branch that is taken; reverse mode multiplies the other's slope by 0.
    for mode in (jax.jacfwd, jax.jacrev):
        assert np.isfinite(mode(oscillator.closed_form, 1)(*point)).all()


def test_what_creeps_is_known_long_after_cosh_has_overflown():
    """Over-damped, only the slower of e^(-(g - d) t) and e^(-(g + d) t) is left, along its own direction."""
    omega, zeta, time = 1.0, 1.5, 1200.0
    slow = zeta - np.sqrt(zeta**2 - 1)
    found = exactly(jnp.array(omega), jnp.array(zeta), jnp.array(STATE), jnp.array(time))
    assert found[0] != 0 and np.isfinite(found).all()
    np.testing.assert_allclose(found[1] / found[0], -slow, rtol=1e-9)
    half = exactly(jnp.array(omega), jnp.array(zeta), jnp.array(STATE), jnp.array(time / 2))
    np.testing.assert_allclose(found, half * np.exp(-slow * time / 2), rtol=1e-9)


@pytest.mark.parametrize("zeta", [0.0, 0.2, 1.3])
def test_the_flow_of_runge_kutta_is_the_closed_form(zeta):
    flow = OscillatorFlow(2.0, zeta, time=3.0, steps=400, scheme="rk4")
    expected = expm(3.0 * matrix(2.0, zeta)) @ STATE
    np.testing.assert_allclose(flow.forward(jnp.array(STATE)), expected, atol=1e-8)


@pytest.mark.parametrize("zeta", [0.0, 0.25])
def test_the_flow_shrinks_areas_by_its_damping_alone(zeta):
    """Liouville: det J = exp(-2 zeta omega t), 1 without friction."""
    flow = OscillatorFlow(2.0, zeta, time=3.0, steps=400, scheme="rk4")
    jacobian = np.array(flow.jacobian(jnp.array(STATE)))
    assert jacobian.shape == (2, 2)
    assert np.linalg.det(jacobian) == pytest.approx(np.exp(-2 * zeta * 2.0 * 3.0), rel=1e-7)


def test_time_reversal_is_the_inverse_of_an_undamped_leapfrog_only():
    def back(zeta, scheme):
        flow = OscillatorFlow(2.0, zeta, time=3.0, steps=100, scheme=scheme)
        state = jnp.array(STATE)
        return float(np.abs(flow.inverse(flow.forward(state), state) - STATE).max())

    assert back(0.0, "leapfrog") < 1e-13
    assert back(0.1, "leapfrog") > 1e-7
    assert back(0.0, "rk4") > 1e-12 and back(0.0, "explicit_euler") > 0.1


def test_an_unknown_scheme_is_named():
    with pytest.raises(ValueError, match=r"scheme 'heun' is none of explicit_euler"):
        OscillatorFlow(scheme="heun")


def test_energy_is_kept_without_friction():
    states = [exactly(jnp.array(2.0), jnp.array(0.0), jnp.array(STATE), jnp.array(t)) for t in (0.0, 0.7, 5.0)]
    energies = oscillator.energy(jnp.array(2.0), jnp.stack(states))
    np.testing.assert_allclose(energies, 0.5 * (0.25 + 4 * 0.64), rtol=1e-12)


@given(st.lists(st.floats(-0.2, 1.2), min_size=4, max_size=4))
def test_the_experiment_is_what_its_parameters_say(theta):
    t0, t1, t2, t3 = theta
    a = matrix(1 + 2 * t0, 0.05 + 0.35 * t1)
    s = np.array([0.4 + 0.6 * t2, -1.5 + 3 * t3])
    expected = [(expm(4.0 * k / 32 * a) @ s)[0] for k in range(1, 33)]
    # What Runge-Kutta leaves: 128 steps of (omega dt)^5 / 120, with omega dt up to 0.106.
    np.testing.assert_allclose(measured(jnp.array(theta)), expected, atol=3e-5)


@given(st.lists(st.floats(-0.2, 1.2), min_size=4, max_size=4))
def test_the_parameters_of_what_parameters_mean(theta):
    np.testing.assert_allclose(oscillator.parameters(*oscillator.physical(jnp.array(theta))), theta, atol=1e-12)


@pytest.mark.usefixtures("strict")
def test_parameters_by_hand():
    found = oscillator.parameters(jnp.array(2.0), jnp.array(0.4), jnp.array([0.7, -1.5]))
    np.testing.assert_allclose(found, [0.5, 1.0, 0.5, 0.0], atol=1e-15)


PROBLEM = DampedOscillator()
measured = jax.jit(lambda theta: PROBLEM.forward(theta))


@pytest.mark.usefixtures("strict")
def test_the_experiment_can_be_differentiated_and_has_more_numbers_than_parameters():
    problem = DampedOscillator()
    jacobian = np.array(problem.jacobian(problem.start))
    assert jacobian.shape == (32, 4) and np.linalg.matrix_rank(jacobian) == 4
    h = 1e-6
    for column, e in zip(jacobian.T, np.eye(4), strict=True):
        difference = problem.forward(problem.start + h * e) - problem.forward(problem.start - h * e)
        np.testing.assert_allclose(column, difference / (2 * h), atol=1e-7)


def test_the_target_is_what_the_solution_gives():
    assert DampedOscillator(solution=(0.2, 0.4, 0.6, 0.8)).objective(jnp.array([0.2, 0.4, 0.6, 0.8])) == 0.0
    assert DampedOscillator().objective(DampedOscillator().start) > 0.1


def test_a_target_that_was_measured_is_kept():
    np.testing.assert_array_equal(DampedOscillator(target=np.linspace(0, 1, 32)).target, np.linspace(0, 1, 32))
