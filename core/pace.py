"""How fast this machine is: a small probe, and what earlier runs have taken here, kept by machine.

A compiler and a program's work are slowed down by different things, so both are told apart: `Pace.compiling` is what
the probe took to compile, `Pace.running` what a step of it took. Expected times are multiples of these two until the
work itself has been timed; `Ledger` keeps what has been timed, in the user's own cache.
"""

import contextlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp

from core import backend

STEPS, BATCH, WIDTH, DEPTH = 200, 128, 64, 3  # of the probe: a small network, trained
RUNS = 3  # of the compiled probe, of which the fastest counts
READ = 0.15  # reading a compiled program from the cache, over compiling it; corrected once it has been read


class Pace(NamedTuple):
    """Seconds of the probe on this machine. compiling: its compilation.  running: one of its training steps."""

    compiling: float
    running: float


def probe(clock: Callable[[], float] = time.perf_counter) -> Pace:
    """Compile a small program like those of training and time it: about a second's work."""
    # Another number each time makes another program, so that none is read from the compilation cache.
    rate = 1e-3 * (1.0 + (time.time_ns() % 10**6) / 10**9)

    def loss(layers, x):
        y = x
        for layer in layers:
            y = jnp.tanh(y @ layer)
        return jnp.mean((y - x) ** 2)

    def train(layers, x):
        def step(layers, _):
            slopes = jax.grad(loss)(layers, x)
            return [layer - rate * slope for layer, slope in zip(layers, slopes, strict=True)], None

        return jax.lax.scan(step, layers, length=STEPS)[0]

    layers = [0.5 * jnp.eye(WIDTH, dtype=jnp.float32) for _ in range(DEPTH)]
    x = jnp.linspace(-1.0, 1.0, BATCH * WIDTH, dtype=jnp.float32).reshape(BATCH, WIDTH)
    began = clock()
    program = jax.jit(train).lower(layers, x).compile()
    compiling, times = clock() - began, []
    for _ in range(RUNS):
        began = clock()
        jax.block_until_ready(program(layers, x))
        times.append(clock() - began)
    return Pace(compiling, min(times) / STEPS)


def machine() -> str:
    """What a time belongs to: processor, how many, device, versions. Another machine has its own."""
    device = backend.describe()
    parts = (platform.node(), platform.machine(), os.cpu_count(), device.kind, device.count, device.jax)
    return "; ".join(map(str, parts))


class Ledger:
    """Seconds that were measured on this machine, by name, in one file.

    rates: of a piece of work of a kind.  starts: of a program that a process meets first.  pace: of the probe, None
    before it has run.  A file that cannot be read or written means that nothing is known, or kept: never an error.
    """

    def __init__(self, place: Path | None = None):
        self.place = place or backend.cache_folder().parent / "pace.json"
        self.rates: dict[str, float] = {}
        self.starts: dict[str, float] = {}
        self.pace: Pace | None = None
        self._read()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            held = json.loads(self.place.read_text()).get(machine(), {})
            rates, starts = ({name: float(s) for name, s in held[part].items()} for part in ("rates", "starts"))
            pace = held["pace"] and Pace(*map(float, held["pace"]))
            self.rates, self.starts, self.pace = rates, starts, pace

    def measure(self) -> Pace:
        """The machine's pace, by the probe where none has run here before."""
        if self.pace is None:
            self.pace = probe()
            self.keep({}, {})
        return self.pace

    def keep(self, rates: Mapping[str, float], starts: Mapping[str, float]) -> None:
        """Add what a run has taken, to what others have written meanwhile."""
        pace = self.pace
        self._read()
        self.pace = pace or self.pace
        cached = bool(jax.config.jax_compilation_cache_dir)
        for name, seconds in starts.items():
            before = self.starts.get(name)
            # Compiled now: the next process reads it from the cache.
            compiled = before is None or seconds > 3 * before
            self.starts[name] = READ * seconds if compiled and cached else seconds
        self.rates |= rates
        everything: dict[str, object] = {}
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self.place.read_text())
            everything = found if isinstance(found, dict) else {}
        everything[machine()] = {"rates": self.rates, "starts": self.starts, "pace": self.pace}
        with contextlib.suppress(OSError):
            self.place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = self.place.with_name(f"{self.place.name}.{os.getpid()}.part")
            partial.write_text(json.dumps(everything))
            partial.replace(self.place)
