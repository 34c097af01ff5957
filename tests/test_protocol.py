"""One iteration of the protocol, judged anew by NumPy from what it says it tried."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import setups, solve
from core.protocol import Status


def linear(**options):
    """Four unknowns, a tolerance that is never reached, and the options."""
    setup = setups.linear(4, 5.0)
    return dataclasses.replace(setup, solver=dataclasses.replace(setup.solver, tolerance=1e-12, budget=6, **options))


def judged(setup, method, count=30):
    """Per begun iteration of all runs: accepted, and whether NumPy accepts it by the step really moved."""
    _, y_stars, x0s = setup.sample(jax.random.key(21), count)
    found = solve.solve_many(method, setup, None, y_stars, x0s)
    matrix, armijo = np.asarray(setup.problem.matrix), float(setup.solver.armijo)
    trials, answers = found.path.trials, []
    for i, k in zip(*np.nonzero(~np.isnan(np.asarray(trials.eta))), strict=True):
        x, moved, y_star = (np.asarray(v) for v in (found.path.x[i, k], trials.projected[i, k], y_stars[i]))
        here, there = (np.sum((matrix @ point - y_star) ** 2) for point in (x, moved))
        slope = 2 * matrix.T @ (matrix @ x - y_star)
        margin = here + armijo * slope @ (moved - x) - there
        if abs(margin) > 1e-12 * here and here > 1e-20:  # else rounding decides
            answers.append((bool(trials.accepted[i, k]), bool(there < here and margin > 0)))
    return np.array(answers)


@pytest.mark.parametrize("method", ["gauss_newton", "gradient_descent"])
@pytest.mark.parametrize("armijo", [1e-4, 0.5, 0.9])
def test_a_step_is_judged_by_what_was_moved_not_by_what_was_proposed(method, armijo):
    """A relaxation of 0.2 and a narrow box make the two very different."""
    setup = linear(relaxation=0.2, armijo=armijo, box=(np.full(4, -0.6), np.full(4, 0.6)), halvings=3)
    answers = judged(setup, method)
    assert len(answers) > 60
    np.testing.assert_array_equal(answers[:, 0], answers[:, 1])


def test_half_of_the_promised_fall_is_there_after_a_short_step_along_an_exact_one():
    """By hand: a share s of an exact step lowers |r|^2 by (2 s - s^2) |r|^2; its slope promises 2 s, the whole 2."""
    setup = linear(relaxation=0.2, armijo=0.5)
    _, y_stars, x0s = setup.sample(jax.random.key(22), 10)
    found = solve.solve_many("gauss_newton", setup, None, y_stars, x0s)
    np.testing.assert_array_equal(found.status, Status.BUDGET)
    np.testing.assert_array_equal(found.path.trials.halvings, 0)
    np.testing.assert_allclose(found.path.residual[:, 1:], 0.8 * found.path.residual[:, :-1], rtol=1e-9)
    assert jnp.all(found.accepted == 1)
