"""What the linear check trains: two unknowns, two or three data, one matrix V, seen at moments of its training."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp

from core import setups, training
from core.programs import at_once
from core.setup import Hyper

CHUNKS, EVERY = 30, 2  # pictures of a training of 3,000 steps: one every second chunk
PICTURE = EVERY * training.CHUNK
DATA = {"square": 2, "tall": 3}
CONDITIONS = ("2", "5", "30")
NOISE = 0.05  # of y in the training on noisy data: less takes longer to show, more costs RJCP
TRUTH, START = (-0.9, -1.1), (1.6, 0.9)


@cache
def setup(data, condition):
    """Two unknowns, two or three data; the condition number is that of A."""
    with at_once():
        return setups.linear(2, float(condition), DATA[data])


def hyper(trained):
    """How V is trained: by JCP alone, or also to give x back from noisy y."""
    if trained == "clean":
        return Hyper(3e-2, 3000, probes=1, weights={"jcp": 1.0})
    return Hyper(3e-2, 3000, noise=NOISE, probes=1, weights={"jcp": 1.0, "reconstruction": 1.0})


@cache
def trainings(data, condition, trained, seed=0):
    """The Deceptron before training and at each of CHUNKS moments of it, as one: every array has a leading axis."""
    chosen = setup(data, condition)
    key, plan = jax.random.key(seed), hyper(trained)
    seen = [state.model for state, _ in training.chunks(chosen, key, plan, CHUNKS * PICTURE)]
    models = [training.start(chosen, key).model, *seen[EVERY - 1 :: EVERY]]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves) if eqx.is_array(leaves[0]) else leaves[0], *models)
