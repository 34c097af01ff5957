"""What JCP costs a training step: the gradient of the loss with it, and without, counted and timed on this machine."""

from functools import cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from core.cost import compiled, fastest, work_of
from core.deceptron import loss_terms
from core.networks import as_type, trainable
from core.setup import Setup
from lessons.learned import setting


class Cost(NamedTuple):
    """With JCP over without: floating-point operations by XLA's count, and seconds."""

    operations: float
    seconds: float


@cache
def measured() -> Cost:
    """For the bent toy with 2 probes, f the simulator; once per process."""
    return cost(setting.setup("sine"))


def cost(setup: Setup) -> Cost:
    """Of reconstruction and JCP over reconstruction alone."""
    programs = [gradient(setup, terms) for terms in (("reconstruction", "jcp"), ("reconstruction",))]
    moving = eqx.partition(setup.build(jax.random.key(0)), trainable(setup.build(jax.random.key(0))))[0]
    operations = [work_of(program, moving) for program in programs]
    seconds = [fastest(compiled(program, moving), moving) for program in programs]
    return Cost(operations[0] / operations[1], seconds[0] / seconds[1])


def gradient(setup: Setup, terms: tuple[str, ...]):
    """The gradient of these terms of the loss by what training moves; the compiler drops what the others would take."""
    model = setup.build(jax.random.key(0))
    _, fixed = eqx.partition(model, trainable(model))
    setup = as_type(setup, jnp.float32)
    x = setup.draw(jax.random.key(1), setup.batch)
    clean = jax.vmap(setup.problem.forward)(x)

    def loss(moving):
        found = loss_terms(
            eqx.combine(moving, fixed), x, clean, jax.random.key(2), jnp.asarray(2), 0.0, setup.jcp_samples
        )
        return sum(found[name] for name in terms)

    return jax.grad(loss)
