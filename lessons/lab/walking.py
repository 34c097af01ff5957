"""What the laboratory's lessons on walks share: the experiment, its instances, its trained Deceptron, the walks."""

import dataclasses
from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp

from core import training
from core.cost import first_proposal, step_seconds, work_of
from core.problem import Aimed
from core.programs import at_once
from core.protocol import Status
from core.solve import Solution, solve_path
from lessons.figures import METHODS
from lessons.lab.experiments import EXPERIMENTS, FULL
from lessons.lesson import Cell, Table
from lessons.signatures import remark
from lessons.words import count_word, number_word

BUDGET = 20  # gradient descent needs more on every experiment: that it is under way is what a figure shows
INSTANCES = 40
VARIANTS = {"with": FULL, "without": "no JCP"}
SEED = 1000  # of instances: far from the seeds of training

# Traced once for a picture and its sweeps, not once for each.
_solve = eqx.filter_jit(solve_path)


@cache
def setup(experiment):
    """The experiment's setup with a figure's budget."""
    with at_once():
        chosen = EXPERIMENTS[experiment].setup()
    return dataclasses.replace(chosen, solver=dataclasses.replace(chosen.solver, budget=BUDGET))


@cache
def instances(experiment):
    """INSTANCES true unknowns, the noise of each at a standard deviation of 1, and the start."""
    with at_once():
        return _drawn(setup(experiment), jax.random.key(SEED))


@eqx.filter_jit
def _drawn(chosen, key):
    key_x, key_noise = jax.random.split(key)
    x, start = chosen.draw(key_x, INSTANCES), chosen.problem.start
    m = chosen.problem.forward(start).size
    return x, jax.random.normal(key_noise, (INSTANCES, m), x.dtype), start


def chosen_one(values, instance):
    """The row of `values` that a slider from 1 to INSTANCES chooses."""
    return values[jnp.clip(jnp.round(instance).astype(int) - 1, 0, INSTANCES - 1)]


@cache
def standard_model(experiment, jcp):
    """The Deceptron of training seed 0, with or without JCP, trained once per process."""
    return training.fit(EXPERIMENTS[experiment].variant(VARIANTS[jcp]), jax.random.key(0)).model


def walks(names, experiment, model, measured, **numbers):
    """All these methods from the experiment's start towards the measured data, under one protocol.

    numbers: of the solver, such as relaxation, where they are not the experiment's.
    """
    chosen = setup(experiment)
    solver = dataclasses.replace(chosen.solver, **numbers)
    return {name: _solve(name, chosen.problem, model, measured, chosen.problem.start, solver) for name in names}


def errors(found, truth):
    """The error in x by step of each walk: the root mean square over the unknowns."""
    return {name: jnp.sqrt(jnp.mean((walk.path.x - truth) ** 2, axis=-1)) for name, walk in found.items()}


def signature(experiment, result, **numbers):
    """The failure signature of differenced D-IPG's walk in a sentence that begins with a space; "" if it has none.

    result: of a lesson that walks here, with walks, measured, rjcp (the last one where that walk ends), noise_level.
    """
    chosen = setup(experiment)
    solver = dataclasses.replace(chosen.solver, **numbers)
    aimed = Aimed(chosen.problem, jnp.asarray(result["measured"]))
    walk = result["walks"]["dipg_differenced"]
    return remark(aimed, walk, solver, float(result["rjcp"][-1]), result["noise_level"])


@cache
def step_times(experiment, names):
    """Seconds that each method takes for its first proposal on this machine, {method: seconds}; once per process."""
    return {name: step_seconds(*first_step(experiment, name)) for name in names}


def step_work(experiment, name):
    """Floating-point operations of a method's first proposal, by XLA's count."""
    step, arguments = first_proposal(*first_step(experiment, name))
    return work_of(step, *arguments)


def first_step(experiment, name):
    """What a method's first proposal is made from. The Deceptron is untrained: its weights do not change the cost."""
    chosen = setup(experiment)
    aimed = Aimed(chosen.problem, chosen.problem.target)
    return name, aimed, chosen.build(jax.random.key(0)), chosen.problem.start, chosen.solver


OUTCOMES = {
    Status.CONVERGED: "converged",
    Status.STALLED: "stalled",
    Status.BUDGET: "used all iterations",
    Status.DIVERGED: "diverged",
}


def outcome(found: Solution) -> str:
    """How a run ended, in its status's own word: "converged", "stalled", "used all iterations", "diverged"."""
    return OUTCOMES[Status(int(found.status))]


def ending(found: Solution) -> str:
    """How a run ended and after how many iterations: "converged after 4 iterations", "stalled at the start"."""
    if Status(int(found.status)) == Status.BUDGET:
        return f"used all {int(found.iterations)} iterations"
    if not int(found.iterations):
        return f"{outcome(found)} at the start"
    return f"{outcome(found)} after {count_word(int(found.iterations), 'iteration')}"


def outcomes(
    experiment: str, caption: str, names: tuple[str, ...], result, more: dict[str, dict[str, str]] | None = None
) -> Table:
    """A row for each method's run: how it ended, iterations, residual, error in x; and how long a step takes here.

    more: further columns, {heading: {method: what stands there}}.
    """
    times = step_times(experiment, names)
    further = (more or {}) | {"ms a step, here": {name: number_word(1000 * times[name]) for name in names}}
    rows = []
    for name in names:
        found = result["walks"][name]
        numbers = f"{int(found.iterations)}", number_word(found.residual), number_word(result["errors"][name][-1])
        rest = (column.get(name, "–") for column in further.values())
        rows.append((METHODS[name].label, tuple(Cell(text) for text in (outcome(found), *numbers, *rest))))
    return Table(caption, ("outcome", "iterations", "residual", "error in x", *further), tuple(rows), numeric=True)


def label(name):
    """A method's name at the beginning of a sentence."""
    return METHODS[name].label[0].upper() + METHODS[name].label[1:]
