"""The setups that training and solving are measured on: every experiment, and heat at the size of the budgets."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp

from core import setups, training
from core.deceptron import Deceptron
from core.setup import Setup
from lessons.learned import setting

WIDE = "heat n = 64"


def wide(n: int = 64, batch: int = 128, probes: int = 2) -> Setup:
    """Heat at condition 50 on n points, JCP on 16 samples: what the budgets are stated for."""
    setup = setups.heat_hard(n)
    hyper = dataclasses.replace(setup.hyper, probes=jnp.asarray(probes, jnp.int32))
    return dataclasses.replace(setup, batch=batch, hyper=hyper)


SETUPS = {
    "toy": lambda: setting.setup("sine"),
    "linear": setups.linear,
    "heat easy": setups.heat_easy,
    "heat hard": setups.heat_hard,
    "oscillator": setups.oscillator,
    WIDE: wide,
}


@cache
def trained(name: str) -> tuple[Setup, Deceptron]:
    """The setup of that name and a model trained for it, once per process."""
    setup = SETUPS[name]()
    return setup, training.fit(setup, jax.random.key(0)).model
