"""The runs behind the lesson on RJCP and speed, against single solves of the same targets."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
import pytest

from core.deceptron import rjcp_field
from core.protocol import Status
from core.solve import solve
from lessons.learned import setting
from lessons.learned.speed_study import BUDGET, ETAS, TOLERANCE, instances, models, study

PLACES = [("dipg_differenced", 0.5, 0, 3, 2), ("dipg_differenced", 1.0, 2, 1, 7), ("dipg_plain", 1.0, 3, 0, 11)]


@pytest.mark.parametrize(("method", "eta", "length", "seed", "instance"), PLACES)
def test_a_run_of_the_study_is_that_run_alone(method, eta, length, seed, instance):
    setup, (y_stars, x0s) = setting.setup("sine"), instances("sine")
    solver = dataclasses.replace(setup.solver, eta=eta, tolerance=TOLERANCE, budget=BUDGET)
    model = jax.tree.map(lambda leaf: leaf[length, seed] if eqx.is_array(leaf) else leaf, models("sine"))
    alone = solve(method, dataclasses.replace(setup, solver=solver), model, y_stars[instance], x0s[instance])
    count = int(alone.iterations)
    residual = np.asarray(alone.path.residual)
    found, at = study("sine", method), int(np.argmin(np.abs(ETAS - eta)))
    assert np.isclose(ETAS[at], eta)
    place = at, length, seed, instance
    assert found.iterations[place] == count > 0
    assert found.arrived[place] == (alone.status == Status.CONVERGED)
    assert np.isclose(found.factor[place], (residual[count] / residual[0]) ** (1 / count), rtol=1e-3)
    on_the_way = np.asarray(rjcp_field(model, alone.path.x))[:count]
    assert np.isclose(found.rjcp[place], np.exp(np.mean(np.log(on_the_way))), rtol=1e-3)


def test_runs_of_one_length_differ_by_seed_and_target():
    """No axis is a copy: neither the seeds' models nor the targets are the same."""
    found = study("sine", "dipg_differenced")
    assert np.all(np.std(found.rjcp[-1], axis=1) > 0) and np.all(np.std(found.rjcp[-1], axis=2) > 0)
    assert found.by_seed.shape == (len(ETAS), 5) and np.all(np.std(found.by_seed, axis=1) > 0)
