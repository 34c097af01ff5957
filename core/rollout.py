"""Run any rule for a number of steps: the path is data, also where it leaves for infinity.

Row 0 of a Path is the start. Nothing is cut off and nothing raises: inf and nan stay in the arrays, drawings stop where
they begin, and `core.measures.departure` explains them.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from core.problem import Problem, number
from core.updates import Rule


class Path(NamedTuple):
    """x: (steps + 1, n).  y = P(x): (steps + 1, m).  loss = L(y): (steps + 1,)."""

    x: Float[Array, "steps_plus_1 n"]
    y: Float[Array, "steps_plus_1 m"]
    loss: Float[Array, " steps_plus_1"]


class WithMemory(NamedTuple):
    """A rule whose step depends on the steps before it: an optax optimiser made for a learning rate."""

    make: Callable[[Float[Array, ""]], optax.GradientTransformation]


momentum = WithMemory(partial(optax.sgd, momentum=0.9))
adam = WithMemory(optax.adam)


def rollout(
    rule: Rule | WithMemory, problem: Problem, x0: Float[Array, " n"], steps: int, **hyper: float | Array
) -> Path:
    """Walk x <- x + rule(problem, x, **hyper) for `steps` steps from x0, as one compiled scan.

    hyper: the rule's numbers, such as eta. They and the problem's numbers enter as arrays: only a new rule, a new
    number of steps or a new kind of problem compiles anew.
    """
    if steps < 0:
        raise ValueError(f"rollout needs steps >= 0, got {steps}")
    return _rollout(rule, problem, number(x0), steps, {name: number(value) for name, value in hyper.items()})


@partial(jax.jit, static_argnames=("rule", "steps"))
def _rollout(rule, problem, x0, steps, hyper) -> Path:
    if isinstance(rule, WithMemory):
        optimiser = rule.make(*hyper.values())
        memory = optimiser.init(x0)

        def advance(x, memory):
            return optimiser.update(jax.grad(problem.objective)(x), memory, x)
    else:
        memory = ()

        def advance(x, memory):
            return rule(problem, x, **hyper), memory

    def step(carry, _):
        x, memory = carry
        dx, memory = advance(x, memory)
        return (x + dx, memory), x + dx

    _, visited = jax.lax.scan(step, (x0, memory), length=steps)
    return path_of(problem, x0, visited)


def path_of(problem: Problem, x0: Float[Array, " n"], visited: Float[Array, "steps n"]) -> Path:
    """The Path from x0 through the points visited after it."""
    x = jnp.concatenate([x0[None], visited])
    y = jax.vmap(problem.forward)(x)
    return Path(x, y, jax.vmap(problem.loss)(y))
