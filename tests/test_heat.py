"""The heat problem: factors on paper, singular values of what is simulated, both inverses, and how noise grows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dst

from core import heat
from core.heat import Heat1D, SteppedHeat
from core.networks import as_type

N = 12
K2 = (np.pi * np.arange(1, N + 1)) ** 2
RNG = np.random.default_rng(0)
PROFILE = RNG.uniform(0.2, 0.8, N)


def test_the_sine_transform_is_scipys_and_undoes_itself():
    np.testing.assert_allclose(heat.sine_transform(jnp.array(PROFILE)), dst(PROFILE, type=1, norm="ortho"), atol=1e-14)
    np.testing.assert_allclose(heat.sine_transform(heat.sine_transform(jnp.array(PROFILE))), PROFILE, atol=1e-14)


def test_the_second_derivative_of_a_wave():
    x = np.arange(1, N + 1) / (N + 1)
    for k in (1, 3, N):
        wave = np.sin(k * np.pi * x)
        np.testing.assert_allclose(
            heat.second_derivative(jnp.array(wave)), -((k * np.pi) ** 2) * wave, atol=1e-11 * k**2 * 100
        )


@pytest.mark.usefixtures("strict")
def test_every_wave_decays_by_its_own_factor():
    problem = Heat1D(N, nu=0.5, time=0.01)
    x = np.arange(1, N + 1) / (N + 1)
    for k in range(1, N + 1):
        wave = np.sin(k * np.pi * x)
        expected = np.exp(-0.5 * (k * np.pi) ** 2 * 0.01) * wave
        np.testing.assert_allclose(problem.forward(jnp.array(wave)), expected, atol=1e-14)


@pytest.mark.parametrize("unit_gain", [False, True])
def test_the_singular_values_are_the_formulas(unit_gain):
    problem = Heat1D(N, nu=0.5, time=0.004, unit_gain=unit_gain)
    found = np.linalg.svd(problem.jacobian(jnp.array(PROFILE)), compute_uv=False)
    expected = np.exp(-0.5 * (K2 - (K2[0] if unit_gain else 0)) * 0.004)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    np.testing.assert_allclose(problem.factors(), expected, rtol=1e-13)


@pytest.mark.parametrize(("scheme", "order"), [("explicit_euler", 1), ("rk4", 4)])
def test_the_stepped_simulators_singular_values_approach_the_formula_at_its_order(scheme, order):
    """Of the simulator's own Jacobian, through all its time steps, by automatic differentiation."""
    problem = Heat1D(N, time=0.002)

    def error(steps):
        jacobian = SteppedHeat(problem, steps, scheme).jacobian(jnp.array(PROFILE))
        return np.abs(np.linalg.svd(jacobian, compute_uv=False) - np.exp(-K2 * 0.002)).max()

    counts = np.array([16, 32, 64])
    slope = np.polyfit(np.log(counts), np.log([error(int(count)) for count in counts]), 1)[0]
    assert slope == pytest.approx(-order, abs=0.25)


@pytest.mark.parametrize("unit_gain", [False, True])
@pytest.mark.parametrize("cubic", [0.0, 0.3])
def test_the_stepped_simulator_is_the_kernel(cubic, unit_gain):
    problem = Heat1D(N, nu=0.5, time=0.004, cubic=cubic, unit_gain=unit_gain)
    stepped = SteppedHeat(problem, 400, "rk4")
    expected = problem.forward(jnp.array(PROFILE))
    np.testing.assert_allclose(stepped.forward(jnp.array(PROFILE)), expected, rtol=1e-8)
    np.testing.assert_allclose(stepped.inverse(expected, stepped.start), PROFILE, rtol=1e-6)
    np.testing.assert_allclose(problem.inverse(expected, problem.start), PROFILE, rtol=1e-11)


def test_too_long_a_step_grows_instead_of_decaying():
    problem, wave = Heat1D(N, time=0.01), np.sin(N * np.pi * np.arange(1, N + 1) / (N + 1))
    for scheme, limit in (("explicit_euler", 2.0), ("rk4", 2.785)):
        needed = int(heat.stable_steps(N, 0.01, limit))
        stable, unstable = (
            np.abs(SteppedHeat(problem, steps, scheme).forward(jnp.array(wave))).max() for steps in (needed, needed - 1)
        )
        assert stable <= 1 < unstable


@given(st.floats(-50, 50), st.floats(0, 5) | st.just(0.0))
def test_the_sensors_root(y, cubic):
    z = float(heat.unobserve(jnp.array(y), jnp.array(cubic)))
    assert z + cubic * z**3 == pytest.approx(y, rel=1e-9, abs=1e-9)


def test_the_sensors_slope_is_the_formulas():
    for cubic in (0.0, 0.3):
        slope = jax.grad(heat.unobserve)(jnp.array(0.0), jnp.array(cubic))
        assert slope == pytest.approx(1.0)


@pytest.mark.parametrize("condition", [10.0, 50.0])
def test_the_condition_number_that_was_asked_for(condition):
    problem = Heat1D(32, time=heat.time_for(32, condition), unit_gain=True)
    singular = np.linalg.svd(problem.jacobian(problem.start), compute_uv=False)
    assert singular[0] == pytest.approx(1.0) and singular[0] / singular[-1] == pytest.approx(condition)


@pytest.mark.parametrize("n", [8, 12])
def test_the_inverse_multiplies_noise_like_the_exponential(n):
    """Slope of log(error) against time by a fit: nu k^2 of the finest wave, for noise in that wave."""
    noise = 1e-9 * np.sin(n * np.pi * np.arange(1, n + 1) / (n + 1))
    times = np.linspace(0.002, 0.01, 5)
    x = jnp.array(PROFILE[:n])
    errors = []
    for time in times:
        problem = Heat1D(n, time=time)
        errors.append(np.linalg.norm(problem.inverse(problem.forward(x) + noise, x) - x))
    rate = np.polyfit(times, np.log(errors), 1)[0]
    assert rate == pytest.approx((np.pi * n) ** 2, rel=1e-3)


@pytest.mark.parametrize("unit_gain", [False, True])
@pytest.mark.parametrize("cubic", [0.0, 0.3])
def test_keeping_all_waves_is_the_inverse_and_keeping_few_is_a_projection(cubic, unit_gain):
    problem = Heat1D(N, time=0.002, cubic=cubic, unit_gain=unit_gain)
    y = problem.forward(jnp.array(PROFILE))
    np.testing.assert_allclose(heat.truncated_inverse(problem, y, N), PROFILE, rtol=1e-10)
    expected = dst(np.where(np.arange(N) < 3, dst(PROFILE, type=1, norm="ortho"), 0), type=1, norm="ortho")
    np.testing.assert_allclose(heat.truncated_inverse(problem, y, 3), expected, atol=1e-12)


def test_the_smooth_curve_passes_through_the_points():
    places = np.concatenate([[0.0], heat.points(N), [1.0]])
    found = heat.between_points(jnp.array(PROFILE), jnp.array(places))
    np.testing.assert_allclose(found, [0, *PROFILE, 0], atol=1e-13)


def test_the_plateaus_are_at_one_and_a_half():
    """On 99 points x = 0.01, 0.02, ...; an edge is passed half way at its place."""
    found = dict(zip(np.arange(1, 100), np.array(heat.plateaus(99)), strict=True))
    expected = {5: 0, 15: 0.5, 30: 1, 45: 0.5, 52: 0, 60: 0.25, 70: 0.5, 80: 0.25, 95: 0}
    np.testing.assert_allclose([found[place] for place in expected], list(expected.values()), atol=0.01)


def test_a_time_after_which_nothing_is_left_gives_no_exception():
    problem = Heat1D(N, time=10.0)
    x = jnp.array(PROFILE)
    assert not np.isfinite(problem.inverse(problem.forward(x), x)).all()


def test_a_profile_in_float32_stays_in_float32():
    """Training is float32: a factor in float64 would lift every transform behind it, at twice the time."""
    problem = as_type(Heat1D(8, cubic=0.3), jnp.float32)
    profile = jnp.linspace(0, 1, 8, dtype=jnp.float32)
    traced = jax.make_jaxpr(problem.forward)(profile)
    products = [e for e in traced.jaxpr.eqns if e.primitive.name == "dot_general"]
    assert traced.out_avals[0].dtype == jnp.float32
    assert all(e.outvars[0].aval.dtype == jnp.float32 for e in products)
