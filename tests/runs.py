"""Training runs for tests: small, on a linear toy, and waited for rather than timed."""

import dataclasses
import time

import jax
import numpy as np

from core import setups, toys
from pages.ui.training_job import TrainingJob

SETUP = setups.toy(toys.Scaled(4.0))
PATIENCE = 120.0  # seconds until a test gives up waiting, on a machine busy with others
ENDLESS = 10**7


def hyper(**changes):
    return dataclasses.replace(SETUP.hyper, **changes)


class Runs:
    """Makes jobs; `end` stops and joins them all."""

    def __init__(self):
        self.made = []

    def __call__(self, total=150, numbers=None, **more):
        self.made.append(TrainingJob(total, setup=SETUP, seed=0, hyper=numbers or hyper(total_steps=total), **more))
        return self.made[-1]

    def end(self):
        for one in self.made:
            one.stop()
        for one in self.made:
            one.join(PATIENCE)


def until(holds, what):
    """Wait for something that another thread brings about."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s in vain until {what}"
        time.sleep(0.005)


def reached(job, *states):
    until(lambda: job.snapshot().state in states, f"the job is {' or '.join(states)}: {job.snapshot().state}")
    return job.snapshot()


def ended(job):
    job.join(PATIENCE)
    return job.snapshot()


def finite(model):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(model) if hasattr(leaf, "dtype"))
