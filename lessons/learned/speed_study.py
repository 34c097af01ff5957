"""What the lesson on speed measures: RJCP along a run of D-IPG, and by how much an iteration shrinks the residual.

The same drawn targets and starts are solved with g's of several lengths of training, each from several starting
weights. Nothing is wrong with f, the data or the box: what differs between the runs is how well g inverts f.
"""

import dataclasses
from functools import cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from core import training
from core.backend import default_float
from core.deceptron import Deceptron, rjcp_field
from core.networks import as_type
from core.programs import at_once
from core.protocol import Status
from core.solve import solve_path
from core.trust import rank_correlation
from lessons.learned import setting

LENGTHS = (50, 100, 300, 1000)  # steps of training
SEEDS, INSTANCES = 5, 12
TOLERANCE, BUDGET = 1e-6, 60
LOWEST, SPACING = 0.3, 0.02  # of eta; below the lowest the budget ends before the tolerance
ETAS = np.round(np.arange(LOWEST, 1 + SPACING / 2, SPACING), 2)
SHOWN = 0  # the training seed whose runs are drawn one by one


class Study(NamedTuple):
    """What is measured at every eta of ETAS, in float64 where the backend has it.

    rjcp: its geometric mean over the points from which a run's iterations were made, at least its start.
    factor: the geometric mean of the factors by which they multiplied the residual; 1 without an iteration.
    arrived: whether the residual fell below TOLERANCE.  residual: of every point of the runs of seed SHOWN; a run
    stays at its end.  together: rank correlation of rjcp and factor over all runs.  by_seed: over those of one seed.
    """

    rjcp: Float[Array, "etas lengths seeds instances"]
    factor: Float[Array, "etas lengths seeds instances"]
    iterations: Int[Array, "etas lengths seeds instances"]
    arrived: Bool[Array, "etas lengths seeds instances"]
    residual: Float[Array, "etas lengths instances budget_plus_1"]
    together: Float[Array, " etas"]
    by_seed: Float[Array, "etas seeds"]


@cache
def models(problem: str) -> Deceptron:
    """The g's of all lengths and seeds, as one model whose arrays have the axes (lengths, seeds)."""
    setup, keys = setting.setup(problem), jax.random.split(jax.random.key(0), SEEDS)
    trained = [training.fit_many(setup, keys, steps=steps) for steps in LENGTHS]
    every = [as_type(_stacked([fit.model for fit in fits]), default_float()) for fits in trained]
    return _stacked(every)


def _stacked(parts: list[Deceptron]) -> Deceptron:
    """One model with a leading axis more; what is no array is the same in all."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves) if eqx.is_array(leaves[0]) else leaves[0], *parts)


@cache
def instances(problem: str) -> tuple[Array, Array]:
    """Targets and starts (INSTANCES, 2) from the trained square."""
    with at_once():
        _, y_stars, x0s = setting.setup(problem).sample(jax.random.key(7), INSTANCES)
        return y_stars, x0s


@eqx.filter_jit
def _runs(trained, problem, method, eta):
    """Every instance with every model at one eta."""
    setup, (y_stars, x0s) = setting.setup(problem), instances(problem)
    solver = dataclasses.replace(setup.solver, eta=eta, tolerance=TOLERANCE, budget=BUDGET)

    def run(model, y_star, x0):
        found = solve_path(method, setup.problem, model, y_star, x0, solver)
        count, residual = found.iterations, found.path.residual
        counted = jnp.arange(BUDGET + 1) < jnp.maximum(count, 1)
        logs = jnp.log(jnp.maximum(rjcp_field(model, found.path.x), jnp.finfo(x0.dtype).tiny))
        mean = jnp.sum(jnp.where(counted, logs, 0.0)) / jnp.sum(counted)
        factor = (found.residual / residual[0]) ** (1 / jnp.maximum(count, 1))
        return jnp.exp(mean), factor, count, found.status == Status.CONVERGED, residual

    def of_one(model):
        return jax.vmap(lambda y_star, x0: run(model, y_star, x0))(y_stars, x0s)

    rjcp, factor, count, arrived, residual = eqx.filter_vmap(eqx.filter_vmap(of_one))(trained)
    together = rank_correlation(rjcp.ravel(), factor.ravel())
    by_seed = jax.vmap(lambda a, b: rank_correlation(a.ravel(), b.ravel()), in_axes=1)(rjcp, factor)
    return Study(rjcp, factor, count, arrived, residual[:, SHOWN], together, by_seed)


@cache
def study(problem: str, method: str) -> Study:
    """Everything, measured once per process."""
    trained = models(problem)
    every = [_runs(trained, problem, method, jnp.asarray(eta, default_float())) for eta in ETAS]
    return jax.tree.map(lambda *parts: np.stack(parts), *every)
