"""Every way in which a walk can end is told by its cause."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from core import networks, setups, solve, toys
from core.deceptron import Deceptron
from core.networks import Affine, Slab
from core.reasons import why

SHEAR = np.array([[1.0, 2.0], [0.0, 3.0]])
START, INSIDE = np.array([0.8, -0.5]), np.array([0.2, -0.3])


def told(method, y_star=None, start=START, problem=None, matrix=None, offset=(0.0, 0.0), **options):
    """What is said of a walk on `Sheared`, towards a point that can be reached unless a target is given."""
    setup = setups.toy(toys.Sheared())
    options = {"box": ([-9.0, -9.0], [9.0, 9.0]), "tolerance": 1e-6, "budget": 12} | options
    setup = dataclasses.replace(
        setup, problem=problem or setup.problem, solver=dataclasses.replace(setup.solver, **options)
    )
    model = None
    if matrix is not None:
        none = Affine.none(jnp.zeros((1, 2)))
        model = Deceptron(networks.Physics(setup.problem), Slab(jnp.array(matrix), jnp.array(offset), none, none))
    y_star = SHEAR @ INSIDE if y_star is None else np.asarray(y_star)
    return why(solve.solve(method, setup, model, y_star, np.asarray(start)), setup.solver)


def test_arrived():
    assert "is within the tolerance of 1e-06" in told("gauss_newton")


def test_there_already():
    assert told("gauss_newton", start=INSIDE) == "The start was within the tolerance already."


def test_the_budget_is_used_up_while_it_falls_and_when_it_hardly_does():
    falling = told("gradient_descent", budget=6, gradient_step=0.05)
    assert "All 6 iterations" in falling and "still falling" in falling
    assert "hardly falls" in told("gradient_descent", budget=6, gradient_step=1e-6)


@pytest.mark.parametrize("where", ["y_star", "start"])
def test_data_that_are_no_numbers(where):
    assert "no finite residual at the start" in told("gauss_newton", **{where: [np.nan, 0.0]})


def test_a_singular_hessian():
    said = told("newton", problem=toys.SquaredSecond(), y_star=[0.0, 0.0], start=[0.5, 0.0])
    assert "not finite" in said and "singular" in said


def test_an_active_box():
    said = told("gradient_descent", y_star=SHEAR @ [2.0, 2.0], start=[0.0, 0.0], box=([-0.5] * 2, [0.5] * 2), budget=60)
    assert "The box holds it: 2 components" in said


def test_the_floor_of_a_shifted_inverse():
    said = told("dipg_plain", matrix=np.linalg.inv(SHEAR), offset=(0.05, 0.02), budget=40)
    assert "Of 9 step sizes none" in said and "floor" in said


def test_one_step_is_all_that_one_shot_takes():
    assert "Its one step is taken" in told("one_shot", matrix=5 * np.eye(2))
