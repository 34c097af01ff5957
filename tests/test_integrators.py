"""Time steps: the order of each scheme by a fit, what is symplectic, what time reversal undoes, and no retracing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from core import integrators
from core.integrators import STEPPERS

ORDERS = {"explicit_euler": 1, "symplectic_euler": 1, "leapfrog": 2, "rk4": 4}
# A pendulum: nonlinear, so that no order is owed to linearity.
STATE = jnp.array([1.2, 0.3])
TIME = 3.0
COUNTS = np.array([64, 128, 256, 512])
OMEGA = np.array([[0.0, 1.0], [-1.0, 0.0]])


def pendulum(state):
    return jnp.stack([state[1], -jnp.sin(state[0])])


def spring(state):
    return jnp.stack([state[1], -4.0 * state[0]])


def slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


every_scheme = pytest.mark.parametrize("name", STEPPERS)


def ended(name, count, rate=pendulum, time=TIME):
    return np.array(integrators.trajectory(STEPPERS[name], rate, STATE, time / count, count)[-1])


@every_scheme
def test_order_by_a_fit(name):
    exact = solve_ivp(lambda _, s: [s[1], -np.sin(s[0])], (0, TIME), STATE, rtol=1e-13, atol=1e-13).y[:, -1]
    errors = [np.linalg.norm(ended(name, count) - exact) for count in COUNTS]
    assert slope(COUNTS, errors) == pytest.approx(-ORDERS[name], abs=0.15)


# One step of each scheme for the spring s' = A s, on paper, with z = dt A.
Z = 0.1 * np.array([[0.0, 1.0], [-4.0, 0.0]])
KICK, DRIFT = np.array([[1.0, 0.0], [-0.4, 1.0]]), np.array([[1.0, 0.1], [0.0, 1.0]])
HALF_KICK = np.array([[1.0, 0.0], [-0.2, 1.0]])
BY_HAND = {
    "explicit_euler": np.eye(2) + Z,
    "symplectic_euler": DRIFT @ KICK,
    "leapfrog": HALF_KICK @ DRIFT @ HALF_KICK,
    "rk4": np.eye(2) + Z + Z @ Z / 2 + Z @ Z @ Z / 6 + Z @ Z @ Z @ Z / 24,
}


@every_scheme
@pytest.mark.usefixtures("strict")
def test_one_step_on_a_spring_by_hand(name):
    found = STEPPERS[name](spring, STATE, jnp.array(0.1))
    np.testing.assert_allclose(found, BY_HAND[name] @ STATE, rtol=1e-14)


@every_scheme
def test_symplectic_schemes_keep_the_symplectic_form(name):
    jacobian = np.array(jax.jacfwd(lambda s: STEPPERS[name](pendulum, s, 0.3))(STATE))
    defect = np.abs(jacobian.T @ OMEGA @ jacobian - OMEGA).max()
    assert defect < 1e-14 if name in ("symplectic_euler", "leapfrog") else defect > 1e-7


def test_in_four_dimensions_too():
    """Two coupled pendulums: positions are the first half of the state."""
    form = np.kron(OMEGA, np.eye(2))

    def coupled(s):
        pull = 0.7 * (s[0] - s[1])
        return jnp.stack([s[2], s[3], -jnp.sin(s[0]) - pull, -jnp.sin(s[1]) + pull])

    start = jnp.array([1.2, -0.4, 0.3, 0.9])
    for name in ("symplectic_euler", "leapfrog"):
        jacobian = np.array(jax.jacfwd(lambda s, name=name: STEPPERS[name](coupled, s, 0.3))(start))
        np.testing.assert_allclose(jacobian.T @ form @ jacobian, form, atol=1e-14)


def pendulum_energy(path):
    return np.array(path[:, 1] ** 2 / 2 - np.cos(path[:, 0]))


def test_the_energy_of_symplectic_schemes_is_bounded_and_explicit_eulers_is_not():
    def drift(name, count):
        energy = pendulum_energy(integrators.trajectory(STEPPERS[name], pendulum, STATE, 0.05, count))
        return np.abs(energy - energy[0]).max()

    for name in ("symplectic_euler", "leapfrog"):
        assert drift(name, 20_000) < 1.1 * drift(name, 1_000)
    assert drift("explicit_euler", 2_000) > 1.5 * drift("explicit_euler", 1_000)


def back(name, count, rate=pendulum, time=TIME):
    found = integrators.returned(STEPPERS[name], rate, STATE, time / count, jnp.array(count), count)
    return float(jnp.linalg.norm(found - STATE))


def test_time_reversal_undoes_a_symmetric_scheme_up_to_rounding():
    assert back("leapfrog", 300) < 1e-12
    assert all(back(name, 300) > 1e-12 for name in ("explicit_euler", "symplectic_euler", "rk4"))


# Explicit Euler leaves an error of first order; symplectic Euler's returns at the same order, though it is symplectic.
# Runge-Kutta 4 gains an order, since the leading errors of both ways cancel.
@pytest.mark.parametrize(("name", "order"), [("explicit_euler", 1), ("symplectic_euler", 1), ("rk4", 5)])
def test_the_order_of_what_time_reversal_leaves(name, order):
    counts = COUNTS // 4
    errors = [back(name, int(count)) for count in counts]
    assert slope(counts, errors) == pytest.approx(-order, abs=0.25)


def test_friction_ends_leapfrogs_symmetry_and_costs_it_an_order():
    def rubbed(state):
        return jnp.stack([state[1], -jnp.sin(state[0]) - 0.4 * state[1]])

    exact = solve_ivp(rubbed_numpy, (0, TIME), STATE, rtol=1e-13, atol=1e-13).y[:, -1]
    errors = [np.linalg.norm(ended("leapfrog", count, rubbed) - exact) for count in COUNTS]
    assert slope(COUNTS, errors) == pytest.approx(-1, abs=0.15)
    assert slope(COUNTS, [back("leapfrog", int(count), rubbed) for count in COUNTS]) == pytest.approx(-1, abs=0.15)


def rubbed_numpy(_, s):
    return [s[1], -np.sin(s[0]) - 0.4 * s[1]]


def test_a_path_begins_at_its_start_and_ends_where_a_masked_run_ends():
    path = integrators.trajectory(integrators.rk4, pendulum, STATE, 0.1, 7)
    assert path.shape == (8, 2)
    np.testing.assert_array_equal(path[0], STATE)
    for count in (0, 3, 7):
        found = integrators.end(integrators.rk4, pendulum, STATE, 0.1, count, 7)
        np.testing.assert_allclose(found, path[count], rtol=1e-14)
        # Back as many steps as there were forth, which need not be the most there could have been.
        back_again = integrators.returned(integrators.leapfrog, pendulum, STATE, 0.1, count, 7)
        np.testing.assert_allclose(back_again, STATE, rtol=1e-14)


def test_no_number_of_steps_compiles_anew():
    run = jax.jit(lambda dt, count: integrators.returned(integrators.leapfrog, pendulum, STATE, dt, count, 50))
    run(jnp.array(0.1), jnp.array(3))
    run(jnp.array(0.2), jnp.array(50))
    assert run._cache_size() == 1
