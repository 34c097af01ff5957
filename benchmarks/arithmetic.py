"""Training against the machine's limit: work of a step, its share of the matrix-product rate, time to compile.

Work is XLA's own count of floating-point operations, of which a loop's body counts as often as it runs
(`core.cost.work_of`). It includes elementwise functions and random numbers: a tenth at n = 64, nearly all for two
unknowns, where the share only says that a step consists of small calls. JAX runs a program on one core here
(`core.backend`), so the rate is one core's.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp

from benchmarks.lab import ROOT, Lab
from benchmarks.report import Budget, Row, median
from benchmarks.setups import SETUPS, WIDE
from core import training
from core.cost import work_of
from core.setup import Setup

SIZE = 1024  # of the matrices whose product gives the rate: large enough, and still in the cache of one core


def measure(lab: Lab) -> Iterator[Row]:
    """Gflop/s of a matrix product; Mflop, share and steps a second by setup; seconds until a chunk is compiled."""
    product = matrix_product()
    chunks = {name: Chunk(make()) for name, make in SETUPS.items()}
    steps = {name: only_steps(chunk.setup) for name, chunk in chunks.items()}
    products, alone, watched = [], {name: [] for name in chunks}, {name: [] for name in chunks}
    for _ in range(lab.repeats(30, 10)):  # in turn, so that a busy moment meets all of them
        products.append(seconds(product)[0])
        for name in chunks:
            alone[name].append(seconds(steps[name])[0])
            watched[name].append(seconds(chunks[name])[1])
    rate = 2e-9 * SIZE**3 / min(products)
    middle = 2e-9 * SIZE**3 / median(products)
    note = f"float32, {SIZE} x {SIZE}, fastest of {len(products)}; their median {middle:.0f}"
    yield Row("matrix product, one core", "Gflop/s", rate, note=note)
    for name, chunk in chunks.items():
        yield from _of_a_step(name, chunk.work(), alone[name], watched[name], rate)
    yield from _compilation()


class Chunk:
    """A chunk of training, to be called again and again."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.state = setup, training.start(setup, jax.random.key(0))
        self()

    def __call__(self) -> training.Metrics:
        self.state, metrics = training.advance(self.state, self.setup)
        return metrics

    def work(self) -> float:
        """Floating-point operations of one step."""
        return work_of(one_step, self.state, self.setup, self.setup.hyper)


def one_step(state: training.State, setup: Setup, hyper: training.Hyper) -> tuple:
    """What training does again and again: data, gradient, update."""
    carry, fixed, setup = training.opened(state, setup)
    return training.one_step(carry, fixed, setup, hyper)


def only_steps(setup: Setup) -> Callable[[], tuple]:
    """The first chunk's steps without the RJCP that is watched in between, compiled."""
    state = training.start(setup, jax.random.key(0))

    @jax.jit
    def steps(state, setup, hyper):
        carry, fixed, setup = training.opened(state, setup)
        return jax.lax.scan(
            lambda carry, _: training.one_step(carry, fixed, setup, hyper), carry, length=training.CHUNK
        )

    jax.block_until_ready(steps(state, setup, setup.hyper))
    return lambda: steps(state, setup, setup.hyper)


def matrix_product() -> Callable[[], jax.Array]:
    """The product of two random matrices of SIZE, compiled."""
    matrix = jax.random.normal(jax.random.key(0), (SIZE, SIZE), jnp.float32)
    multiply = jax.jit(lambda a: a @ a)
    multiply(matrix)
    return lambda: multiply(matrix)


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Processor time and time passed, from the call until its result is there.

    What others run on this machine adds to the second alone. Where an accelerator computes, both are the time passed.
    """
    begun, clock = time.perf_counter(), time.process_time()
    jax.block_until_ready(call())
    spent, passed = time.process_time() - clock, time.perf_counter() - begun
    return (spent if jax.default_backend() == "cpu" else passed), passed


def _of_a_step(name: str, work: float, alone: list[float], watched: list[float], rate: float) -> Iterator[Row]:
    fastest = min(alone) / training.CHUNK
    yield Row(f"work of a training step, {name}", "Mflop", 1e-6 * work, note="XLA's count")
    budget = Budget(40, at_least=True) if name == WIDE else None
    note = f"{1e6 * fastest:.0f} µs of processor time a step, fastest of {len(alone)}"
    yield Row(f"share of the product's rate, {name}", "%", 1e-7 * work / fastest / rate, budget=budget, note=note)
    note = f"RJCP watched once in {training.CHUNK} steps"
    yield Row(f"training, {name}", "steps/s", training.CHUNK / median(watched), note=note)


FIRST_CHUNKS = """
import json
from benchmarks.arithmetic import first_chunks
print(json.dumps(first_chunks()))
"""


def first_chunks() -> dict[str, float]:
    """Seconds until the first chunk of each setup is done: traced, compiled or read from the cache, and run."""
    from core import backend

    backend.enable_compilation_cache()
    return {name: _first(make()) for name, make in SETUPS.items()}


def _first(setup: Setup) -> float:
    state = training.start(setup, jax.random.key(0))
    return seconds(lambda: training.advance(state, setup))[1]


def _compilation() -> Iterator[Row]:
    """The same in new processes: with an empty cache, then with what the first has left there."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        call = [sys.executable, "-c", FIRST_CHUNKS]
        cold, cached = (
            json.loads(subprocess.run(call, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True).stdout)
            for _ in range(2)
        )
    for name in SETUPS:
        yield Row(f"first chunk, nothing cached, {name}", "s", cold[name], note=f"cached: {cached[name]:.2f} s")
