"""Rows of a study: which step is set beside Gauss-Newton's."""

import dataclasses

import jax
import numpy as np
import pytest

from core import setups, study
from core.solve import solve_many


@pytest.mark.parametrize("method", ["gauss_newton", "gradient_descent"])
def test_the_step_beside_gauss_newtons_is_the_one_proposed_before_relaxation_and_box(method):
    setup = setups.linear(4, 10.0)
    box = (np.full(4, -0.3), np.full(4, 0.3))
    setup = dataclasses.replace(setup, solver=dataclasses.replace(setup.solver, relaxation=0.5, box=box))
    found = study.row(method, setup, None, 9, 12)
    _, y_stars, x0s = setup.sample(jax.random.key(9), 12)
    trials = solve_many(method, setup, None, y_stars, x0s).path.trials
    matrix = np.asarray(setup.problem.matrix)
    full = np.linalg.solve(matrix, np.asarray(y_stars - x0s @ matrix.T).T).T
    proposed, moved = (np.asarray(part[:, 0] - x0s) for part in (trials.pulled_back, trials.projected))
    size = np.linalg.norm(full, axis=1)
    np.testing.assert_allclose(found.apart, np.linalg.norm(proposed - full, axis=1) / size, atol=1e-12)
    cosine = np.sum(proposed * full, axis=1) / (size * np.linalg.norm(proposed, axis=1))
    np.testing.assert_allclose(found.cosine, cosine, atol=1e-12)
    # The two steps do differ here, in direction too.
    turned = np.sum(moved * full, axis=1) / (size * np.linalg.norm(moved, axis=1))
    assert np.max(np.abs(turned - cosine)) > 0.01
    if method == "gauss_newton":
        np.testing.assert_allclose(found.cosine, 1.0)
