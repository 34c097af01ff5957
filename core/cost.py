"""What a step costs on this machine: any method's in time; Newton's in time and memory, as n grows.

For a dense simulator with n unknowns a gradient takes about n^2 operations; the Hessian is n gradients' worth, n^3; to
solve with it takes 2/3 n^3 more; and it holds n^2 numbers. `measurements` finds out what that means here: everything
is compiled before it is timed, and of several runs the fastest counts, since other work can only slow a run down.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun
from jaxtyping import Array, Float

from core.deceptron import Deceptron
from core.methods import METHODS
from core.networks import as_type
from core.problem import Problem, number
from core.setup import Solver

SIZES = (32, 64, 128, 256, 512, 1024, 1448, 2048)  # the last takes about as long as all the others
ORDER = (512, *(n for n in SIZES if n != 512))  # it tells how long the larger ones take, which come last
LAST = 4  # sizes that a law of growth is fitted to: below, starting a program takes longer than its work
ENOUGH = 0.4  # seconds of repetitions after which the fastest run counts
MOST, LEAST = 50, 3  # repetitions


class Dense(Problem):
    """P(x) = 2 x + sin(A x) with a dense, unsymmetric A: as many outputs as unknowns, and curved."""

    matrix: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, n: int, seed: int = 0, by_numpy: bool = False):
        if by_numpy:  # JAX's generator is compiled anew for every size, which takes longer than all that is timed
            draw = np.random.default_rng(seed)
            matrix, start = draw.standard_normal((n, n)), draw.standard_normal(n)
        else:
            keys = jax.random.split(jax.random.key(seed), 2)
            matrix, start = jax.random.normal(keys[0], (n, n)), jax.random.normal(keys[1], (n,))
        self.matrix = number(matrix / n**0.5)
        self.start = number(start)
        self.target = number(np.ones(n))
        self.domain = number(-np.ones(n)), number(np.ones(n))

    def forward(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        return 2 * x + jnp.sin(self.matrix @ x)


class Measurement(NamedTuple):
    """One size. gradient, hessian, solve: seconds of the fastest run.

    gradient_bytes, hessian_bytes: what the results hold.  gradient_scratch, hessian_scratch: bytes that XLA's program
    needs besides; gradient_work, hessian_work: its floating-point operations by XLA's own count; nan where it says
    nothing.
    """

    n: int
    gradient: float
    hessian: float
    solve: float
    gradient_bytes: int
    hessian_bytes: int
    gradient_scratch: float
    hessian_scratch: float
    gradient_work: float
    hessian_work: float


def measurements(sizes: Sequence[int] = SIZES) -> Iterator[Measurement]:
    """Measure one size after the other and yield after each, so that whoever asks may stop between two."""
    for n in sizes:
        problem = Dense(n, by_numpy=True)
        slope = compiled(lambda problem, x: jax.grad(problem.objective)(x), problem, problem.start)
        bend = compiled(lambda problem, x: jax.hessian(problem.objective)(x), problem, problem.start)
        gradient, hessian = slope(problem, problem.start), bend(problem, problem.start)
        solve = compiled(jnp.linalg.solve, hessian, gradient)
        yield Measurement(
            n,
            fastest(slope, problem, problem.start),
            fastest(bend, problem, problem.start),
            fastest(solve, hessian, gradient),
            gradient.nbytes,
            hessian.nbytes,
            *(_scratch(program) for program in (slope, bend)),
            *(_work(program) for program in (slope, bend)),
        )


def work_of(function: Callable, *arguments: Any) -> float:
    """Floating-point operations of a function, compiled for these arguments, by XLA's count; nan where it has none.

    XLA counts the body of a loop once, however often it runs: here the body of a `lax.scan` counts as often as it does.
    """
    return _work(compiled(function, *arguments)) + _again(jax.make_jaxpr(function)(*arguments).jaxpr)


def _again(jaxpr: Any) -> float:
    """The work of all rounds of all scans in a traced function, but for the first rounds."""
    work = 0.0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            body, rounds = equation.params["jaxpr"], equation.params["length"]
            work += (rounds - 1) * work_of(jaxpr_as_fun(body), *body.in_avals)
        else:
            inner = jax.tree.leaves(list(equation.params.values()), is_leaf=lambda part: hasattr(part, "eqns"))
            work += sum(_again(part) for part in inner if hasattr(part, "eqns"))
    return work


def compiled(function: Callable, *arguments: Any) -> Any:
    """A function's program for arguments like these, made and not yet run."""
    return jax.jit(function).lower(*arguments).compile()


def fastest(program: Callable, *arguments: Any) -> float:
    """Seconds of the fastest of several runs, each until its result is there."""
    times: list[float] = []
    while _again_needed(len(times), sum(times)):
        begun = time.perf_counter()
        jax.block_until_ready(program(*arguments))
        times.append(time.perf_counter() - begun)
    return min(times)


def first_proposal(
    method: str, problem: Problem, model: Deceptron | None, x: Float[Array, " n"], solver: Solver
) -> tuple[Callable, tuple]:
    """What a method does before a step is tried, y = P(x) and its first proposal from there; and its arguments."""
    chosen = METHODS[method]

    def propose(problem, model, x):
        memory = () if chosen.memory is None else (chosen.memory.begin(x),)
        return chosen.propose(problem, model, x, problem.forward(x), solver, *memory)(solver.eta)

    return propose, as_type((problem, model, x), x.dtype)


def step_seconds(*step: Any) -> float:
    """Seconds that the `first_proposal` of these arguments takes."""
    propose, arguments = first_proposal(*step)
    return fastest(compiled(propose, *arguments), *arguments)


def _again_needed(runs: int, seconds: float) -> bool:
    return runs < LEAST or (runs < MOST and seconds < ENOUGH)


def seconds_left(records: Sequence[Measurement], spent: Sequence[float], sizes: Sequence[int]) -> float | None:
    """What the sizes that are not measured yet will take; None before the first is.

    spent: seconds that each record took in all.  A run of a larger size is expected to take as many times as long as it
    has operations more; what a size takes besides its runs, most of it compilation, as long as with those before it.
    """
    if not records:
        return None
    besides = [max(all_of_it - sum(map(_runs_of, _times(record))), 0.0)
               for record, all_of_it in zip(records, spent, strict=True)]  # fmt: skip
    left = 0.0
    for n in set(sizes) - {record.n for record in records}:
        below = [record for record in records if record.n < n]
        near = max(below, key=lambda record: record.n) if below else min(records, key=lambda record: record.n)
        grown = (t * (n / near.n) ** power for t, power in zip(_times(near), (2, 3, 3), strict=True))
        left += sum(besides) / len(besides) + sum(map(_runs_of, grown))
    return left


def _times(record: Measurement) -> tuple[float, float, float]:
    return record.gradient, record.hessian, record.solve


def _runs_of(seconds: float) -> float:
    """Seconds of all runs of what takes so long once: those that are timed, and one before them."""
    runs = 0
    while _again_needed(runs, runs * seconds):
        runs += 1
    return (runs + 1) * seconds


def _scratch(program: Any) -> float:
    """Bytes that a compiled program needs besides arguments and results; nan on a backend that does not say."""
    analysis = program.memory_analysis()
    return float("nan") if analysis is None else float(analysis.temp_size_in_bytes)


def _work(program: Any) -> float:
    """Floating-point operations of a compiled program by XLA's count; nan on a backend that does not say."""
    analysis = program.cost_analysis()
    return float((analysis or {}).get("flops", float("nan")))


class Growth(NamedTuple):
    """The law value = scale n^power; nan where too little is known."""

    scale: Float[Array, ""]
    power: Float[Array, ""]

    def at(self, n: Float[Array, "..."]) -> Float[Array, "..."]:
        """What the law says for n."""
        return self.scale * n**self.power


def growth(sizes: Float[Array, " sizes"], values: Float[Array, " sizes"]) -> Growth:
    """The law that fits the LAST known values best, by least squares of the logarithms; nan if fewer are known.

    values: nan where nothing is measured yet.
    """
    known = jnp.isfinite(values) & (values > 0)
    kept = known & (jnp.cumsum(known[::-1])[::-1] <= LAST)
    weight = kept / jnp.maximum(jnp.sum(kept), 1)
    u, v = jnp.log(sizes), jnp.log(jnp.where(known, values, 1.0))
    mean_u, mean_v = weight @ u, weight @ v
    spread = weight @ (u - mean_u) ** 2
    power = (weight @ ((u - mean_u) * (v - mean_v))) / jnp.where(spread > 0, spread, 1.0)
    enough = jnp.sum(kept) >= LAST
    return Growth(*(jnp.where(enough, part, jnp.nan) for part in (jnp.exp(mean_v - power * mean_u), power)))
