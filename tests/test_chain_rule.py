"""The two terms of the Hessian of a composition, on paper and against autodiff; the step in y, promised and actual."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import toys, updates
from core.chain_rule import hessian_terms, promised_and_actual
from core.least_squares import gauss_newton
from core.scalar import Curved
from core.toys import Banana

A = np.array([[1.0, 2.0], [0.0, 3.0]])
TARGET = np.array([1.0, -2.0])
PROBLEMS = {
    "sheared": toys.Sheared(target=TARGET),
    "sine": toys.RotatedSine(),
    "banana": Banana(3.0),
    "squared": toys.SquaredSecond(target=(0.0, 1.0)),
}
terms = jax.jit(hessian_terms)
hessian = jax.jit(lambda problem, x: jax.hessian(problem.objective)(x))


@pytest.mark.parametrize("name", PROBLEMS)
@given(st.tuples(st.floats(-3, 3), st.floats(-3, 3)))
def test_both_terms_add_up_to_the_hessian(name, x):
    problem, x = PROBLEMS[name], jnp.array(x)
    np.testing.assert_allclose(sum(terms(problem, x)), hessian(problem, x), rtol=1e-10, atol=1e-10)


@pytest.mark.usefixtures("strict")
def test_the_terms_of_a_linear_map_with_an_unsymmetric_jacobian():
    outer, inner = hessian_terms(PROBLEMS["sheared"], jnp.array([0.7, -1.3]))
    np.testing.assert_allclose(outer, 2 * A.T @ A, rtol=1e-14)
    np.testing.assert_array_equal(inner, 0.0)


@pytest.mark.usefixtures("strict")
def test_the_terms_of_the_turned_sine_on_paper():
    xi, turn = 4.0, np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    x = np.array([0.7, -1.3])
    u1 = (turn @ x)[0]
    jacobian = np.diag([np.cos(u1) / xi, xi]) @ turn
    gap = (np.sin(u1) - np.sin((turn @ np.array([-0.7, -0.5]))[0])) / xi
    outer, inner = hessian_terms(PROBLEMS["sine"], jnp.array(x))
    np.testing.assert_allclose(outer, 2 * jacobian.T @ jacobian, rtol=1e-12)
    # Only y1 is bent: d2y1/dx2 = -sin(u1) / xi times the outer product of u1's gradient.
    np.testing.assert_allclose(inner, 2 * gap * (-np.sin(u1) / xi) * np.outer(turn[0], turn[0]), rtol=1e-12)


@pytest.mark.parametrize("quartic", [0.0, 0.7])
def test_the_terms_of_a_single_unknown_on_paper(quartic):
    problem, x = Curved(1.5, quartic, target=2.0), 0.6
    r, slope, bent = np.sinh(0.9) / 1.5 - 2.0, np.cosh(0.9), 1.5 * np.sinh(0.9)
    outer, inner = hessian_terms(problem, jnp.array([x]))
    assert outer.item() == pytest.approx((2 + 12 * quartic * r**2) * slope**2)
    assert inner.item() == pytest.approx((2 * r + 4 * quartic * r**3) * bent)


def test_without_the_second_term_newton_is_gauss_newton():
    problem, x = PROBLEMS["sine"], jnp.array([0.7, -1.3])
    outer, _ = hessian_terms(problem, x)
    step = -0.3 * jnp.linalg.solve(outer, jax.grad(problem.objective)(x))
    np.testing.assert_allclose(step, gauss_newton(problem, x, jnp.array(0.3)), rtol=1e-10)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_promised_step_is_the_jacobians_and_the_actual_one_is_where_it_lands(name):
    problem, x, dx = PROBLEMS[name], jnp.array([0.7, -1.3]), jnp.array([-0.2, 0.5])
    promised, actual = promised_and_actual(problem, x, dx)
    np.testing.assert_allclose(promised, problem.jacobian(x) @ dx, rtol=1e-12)
    np.testing.assert_allclose(problem.forward(x) + actual, problem.forward(x + dx), atol=1e-14)


@pytest.mark.parametrize("name", ["sine", "banana"])
@pytest.mark.parametrize("rule", [updates.newton, updates.inverse_gradient])
def test_the_promise_is_broken_to_second_order_in_the_step_size(name, rule):
    problem, x = PROBLEMS[name], jnp.array([0.3, -0.4])
    etas = np.geomspace(1e-3, 1e-2, 7)
    gaps = []
    for eta in etas:
        promised, actual = promised_and_actual(problem, x, rule(problem, x, jnp.array(eta)))
        gaps.append(np.linalg.norm(actual - promised))
    assert np.polyfit(np.log(etas), np.log(gaps), 1)[0] == pytest.approx(2.0, abs=0.05)


def test_newtons_step_in_y_depends_on_what_comes_after_y_and_the_inverse_gradients_does_not():
    x, eta = jnp.array([1.8]), jnp.array(0.5)
    found = {
        rule: [
            float(promised_and_actual(p, x, rule(p, x, eta))[0][0]) for p in (Curved(target=1.0), Curved(1.0, 1.0, 1.0))
        ]
        for rule in (updates.newton, updates.inverse_gradient)
    }
    plain, quartic = found[updates.inverse_gradient]
    assert plain == pytest.approx(quartic) == pytest.approx(0.5 * (1.0 - np.sinh(1.8)))
    plain, quartic = found[updates.newton]
    assert abs(plain / quartic - 1) > 0.2
