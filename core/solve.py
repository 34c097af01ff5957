"""Find x with P(x) = y* by any method, under the one protocol of `core.protocol`."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from core.backend import default_float
from core.deceptron import Deceptron
from core.devices import shared_out
from core.methods import METHODS, Method, Work
from core.networks import as_type
from core.problem import Aimed, Problem
from core.protocol import Protocol, Standing, Status, Trial
from core.setup import Setup, Solver

LONGEST = 100_000  # iterations: a path of 32 numbers a step then takes 50 MB


class Walk(NamedTuple):
    """x (budget + 1, n), y (budget + 1, m), residual (budget + 1,): row 0 the start; after the end x stays.

    trials: one row per iteration, each field of Trial with a leading (budget,): what was tried last, accepted
    or not. Rows after the end are nan (accepted: False).
    """

    x: Float[Array, "budget_plus_1 n"]
    y: Float[Array, "budget_plus_1 m"]
    residual: Float[Array, " budget_plus_1"]
    trials: Trial


class Solution(NamedTuple):
    """x: where the walk ended.  iterations: steps taken.  status: a `Status`.

    accepted: the acceptance rate, steps taken / proposals tried (halvings count), 0 if none was.
    residual: |P(x) - y*| / solver.scale, the number compared with solver.tolerance.
    work: evaluations of P, products with J or J^T, evaluations of the learned g, all that the walk asked for.
    """

    x: Float[Array, " n"]
    path: Walk
    iterations: Int[Array, ""]
    accepted: Float[Array, ""]
    residual: Float[Array, ""]
    status: Int[Array, ""]
    work: Work


Rows = tuple[Array, Array, Trial]  # x and y after each iteration of the budget, and what was tried in it


def solve_path(
    method: str,
    problem: Problem,
    model: Deceptron | None,
    y_star: Float[Array, " m"],
    x0: Float[Array, " n"],
    solver: Solver,
) -> Solution:
    """One walk as a pure function of arrays: jit it, or vmap it over any of them, solver.eta for instance."""
    return _walked(_in_step, method, problem, model, y_star, x0, solver)


def _walked(iterate, method, problem, model, y_star, x0, solver) -> Solution:
    protocol = _aimed(method, problem, model, y_star, solver, x0.dtype)
    begun = protocol.begin(x0)
    return _told(protocol, begun, *iterate(protocol, begun, solver.budget))


def _aimed(method, problem, model, y_star, solver, dtype) -> Protocol:
    return Protocol(METHODS[method], *as_type((Aimed(problem, y_star), model, solver), dtype))


def _told(protocol: Protocol, begun: Standing, end: Standing, rows: Rows) -> Solution:
    """One walk's solution, from where it began and ended and its rows in between."""
    x, y, trials = rows
    x, y = (jnp.concatenate([first[None], rest]) for first, rest in ((begun.x, x), (begun.y, y)))
    path = Walk(x, y, jax.vmap(protocol.residual)(y), trials)
    iterations = jnp.sum(trials.accepted, dtype=jnp.int32)
    tried = jnp.sum(jnp.where(jnp.isnan(trials.eta), 0, trials.halvings + 1))
    rate = iterations.astype(x.dtype) / jnp.maximum(tried, 1).astype(x.dtype)
    work = _work(protocol.method, trials, end.x.size)
    return Solution(end.x, path, iterations, rate, path.residual[-1], end.status, work)


def _in_step(protocol: Protocol, begun: Standing, budget: int) -> tuple[Standing, Rows]:
    """Every iteration of the budget, those after the end doing nothing: for walks side by side, under `vmap`."""

    def iteration(now, _):
        # Closures: `cond` hashes its branches, and a bound method of a module with traced arrays has no hash.
        now, trial = jax.lax.cond(now.status == Status.BUDGET, lambda: protocol.step(now), lambda: protocol.stay(now))
        return now, (now.x, now.y, trial)

    return jax.lax.scan(iteration, begun, length=budget)


def _alone(protocol: Protocol, begun: Standing, budget: int) -> tuple[Standing, Rows]:
    """The same, left at the end: doing nothing 75 times costs more than the five steps before.

    Not under `vmap`, where every iteration of the slowest walk would copy all rows of all walks.
    """
    return _until_the_end(protocol.step, (*begun[:2], protocol.stay(begun)[1]), begun, budget, along=0)


def _abreast(aimed: Callable[[Array], Protocol], y_stars: Array, begun: Standing, budget: int) -> tuple[Standing, Rows]:
    """Many walks in one loop, which is left when the slowest has ended; the others stand still meanwhile.

    aimed: the protocol for a y_star.  All that is returned has a leading (count,).
    """

    def one(y_star, now):
        # Both sides, and a choice: `cond` under `vmap` would copy all that its branches refer to, the simulator's
        # matrices too, for every walk.
        protocol = aimed(y_star)
        walking = now.status == Status.BUDGET
        return jax.tree.map(lambda new, old: jnp.where(walking, new, old), protocol.step(now), protocol.stay(now))

    def step(now):
        return jax.vmap(one)(y_stars, now)

    _, still = jax.vmap(lambda y_star, now: aimed(y_star).stay(now))(y_stars, begun)
    return _until_the_end(step, (begun.x, begun.y, still), begun, budget, along=1)


def _until_the_end(step: Callable, row: tuple, begun: Standing, budget: int, along: int) -> tuple[Standing, Rows]:
    """Steps until no walk is under way. row: one of standing still.  along: the axis of the rows' iterations."""

    def under_way(carry):
        count, now, _ = carry
        return (count < budget) & jnp.any(now.status == Status.BUDGET)

    def iteration(carry):
        count, now, rows = carry
        now, trial = step(now)
        place = (slice(None),) * along
        rows = jax.tree.map(lambda rows, row: rows.at[*place, count].set(row), rows, (now.x, now.y, trial))
        return count + 1, now, rows

    def repeated(row):
        row = jnp.expand_dims(row, along)
        return jnp.broadcast_to(row, (*row.shape[:along], budget, *row.shape[along + 1 :]))

    begin = (jnp.zeros((), jnp.int32), begun, jax.tree.map(repeated, row))
    count, end, (x, y, trials) = jax.lax.while_loop(under_way, iteration, begin)
    walked = jnp.expand_dims(jnp.arange(budget) < count, (*range(along), along + 1))
    x, y = (jnp.where(walked, rows, jnp.expand_dims(last, along)) for rows, last in ((x, end.x), (y, end.y)))
    return end, (x, y, trials)


def _work(method: Method, trials: Trial, n: int) -> Work:
    """What the walk has cost: a method's share, P at the start, at each point and at each candidate, the gradients."""
    begun = ~jnp.isnan(trials.eta)
    iterations = jnp.sum(begun, dtype=jnp.int32)
    tried = jnp.sum(jnp.where(begun, trials.halvings + 1, 0), dtype=jnp.int32)
    each = method.work(n)
    return Work(1 + iterations * (1 + each.functions) + tried, iterations * (1 + each.products), tried * each.inverses)


_solve_one = eqx.filter_jit(partial(_walked, _alone))


@eqx.filter_jit
def _solve_batch(instances, method, problem, model, solver) -> Solution:
    y_stars, starts = instances
    if starts.shape[-1] > METHODS[method].side_by_side:
        return jax.lax.map(lambda instance: _walked(_alone, method, problem, model, *instance, solver), instances)

    def aimed(y_star):
        return _aimed(method, problem, model, y_star, solver, starts.dtype)

    begun = jax.vmap(lambda y_star, x0: aimed(y_star).begin(x0))(y_stars, starts)
    end, rows = _abreast(aimed, y_stars, begun, solver.budget)
    return jax.vmap(lambda y_star, *walk: _told(aimed(y_star), *walk))(y_stars, begun, end, rows)


def solve(
    method: str,
    setup: Setup,
    model: Deceptron | None,
    y_star: Float[Array, " m"],
    x0: Float[Array, " n"],
) -> Solution:
    """Walk from x0 towards y_star by one of METHODS. Methods without a learned part take model=None.

    Raises ValueError for an unknown method, a missing model, an empty box, a useless option or a wrong shape.
    """
    y_star, x0 = _checked(method, setup, model, y_star, x0, ndim=1)
    return _solve_one(method, setup.problem, model, y_star, x0, setup.solver)


def solve_many(
    method: str,
    setup: Setup,
    model: Deceptron | None,
    y_stars: Float[Array, "count m"],
    x0s: Float[Array, "count n"],
) -> Solution:
    """`solve` for each row of y_stars and x0s; every field of the Solution has a leading (count,)."""
    instances = _checked(method, setup, model, y_stars, x0s, ndim=2)
    return _solve_batch(instances, method, setup.problem, model, setup.solver)


def solve_shared_out(
    method: str,
    setup: Setup,
    model: Deceptron | None,
    y_stars: Float[Array, "count m"],
    x0s: Float[Array, "count n"],
) -> Solution:
    """`solve_many` with the instances shared out among all devices: for studies, not for what a page waits for."""
    instances = _checked(method, setup, model, y_stars, x0s, ndim=2)
    return shared_out(_solve_batch, instances, method, setup.problem, model, setup.solver)


def _checked(
    method: str, setup: Setup, model: Deceptron | None, y_star: Array, x0: Array, ndim: int
) -> tuple[Array, Array]:
    """The inputs as arrays of the default float type, or a ValueError that says what to change."""
    rule: Method | None = METHODS.get(method)
    if rule is None:
        raise ValueError(f"no method {method!r}; choose one of {', '.join(METHODS)}")
    if rule.learned and model is None:
        raise ValueError(f"{method} needs a trained model; core.training.fit(setup, key).model is one")
    lower, upper = (np.asarray(side) for side in setup.solver.box)
    if not np.all(lower < upper):
        raise ValueError(f"the box from {lower} to {upper} is empty; put every lower limit below its upper one")
    for name in ("tolerance", "scale", "relaxation", "eta"):
        value = float(getattr(setup.solver, name))
        if not value > 0:
            raise ValueError(f"solver.{name} must be positive, got {value}")
    if setup.solver.budget > LONGEST:
        raise ValueError(
            f"a solver keeps every point of a walk: budget is at most {LONGEST}, got {setup.solver.budget}"
        )
    if setup.solver.budget < 1 or setup.solver.halvings < 0:
        counts = f"{setup.solver.budget} and {setup.solver.halvings}"
        raise ValueError(f"a solver needs budget >= 1 and halvings >= 0, got {counts}")
    y_star, x0 = (jnp.asarray(array, default_float()) for array in (y_star, x0))
    if y_star.ndim != ndim or x0.ndim != ndim or y_star.shape[:-1] != x0.shape[:-1]:
        shapes = "(m,) and (n,)" if ndim == 1 else "(count, m) and (count, n)"
        raise ValueError(f"y_star and x0 need shapes {shapes}, got {y_star.shape} and {x0.shape}")
    if x0.shape[-1] != lower.size:
        raise ValueError(f"x0 has {x0.shape[-1]} unknowns and the box {lower.size}; they must agree")
    return y_star, x0
