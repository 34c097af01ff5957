"""Solves by every method, on every experiment: one alone, and a table of 300."""

from collections.abc import Callable, Iterator

import jax

from benchmarks.arithmetic import seconds
from benchmarks.lab import Lab
from benchmarks.report import Budget, Row, median, p95
from benchmarks.setups import SETUPS, WIDE, trained
from core.methods import METHODS
from core.problem import NoInverse
from core.protocol import Status
from core.solve import solve, solve_many

INSTANCES = 300
TABLES = {  # ms for 300 solves on heat at n = 64
    "dipg_plain": 100,
    "dipg_differenced": 100,
    "levenberg_marquardt": 100,
    "gradient_descent": 50,
    "gauss_newton": 50,
}


def measure(lab: Lab) -> Iterator[Row]:
    """Milliseconds after compilation; the floor is the call of a compiled program that does nothing."""
    nothing = jax.jit(lambda x: x)
    floor = median(_times(lambda: nothing(0.0), 50))
    yield Row("call of an empty compiled program", "ms", floor, note="the floor of a single solve")
    for name in ("toy", WIDE) if lab.quick else SETUPS:
        setup, model = trained(name)
        _, y_stars, x0s = setup.sample(jax.random.key(1), INSTANCES)
        for method in METHODS:
            call = (method, setup, model)
            try:
                one = _times(lambda call=call: solve(*call, y_stars[0], x0s[0]), lab.repeats(30, 10))  # noqa: B023
            except NoInverse:
                continue
            many = _times(lambda call=call: solve_many(*call, y_stars, x0s), lab.repeats(10, 4))  # noqa: B023
            solved = float((solve_many(*call, y_stars, x0s).status == Status.CONVERGED).mean())
            note = f"{1000 / median(one):,.0f} solves/s"
            yield Row(f"one solve, {name}, {method}", "ms", median(one), p95(one), floor, Budget(1), note)
            budget = Budget(TABLES[method]) if name == WIDE and method in TABLES else None
            note = f"{1000 * INSTANCES / median(many):,.0f} solves/s; {100 * solved:.0f} % solved"
            yield Row(f"{INSTANCES} solves, {name}, {method}", "ms", median(many), p95(many), budget=budget, note=note)


def _times(call: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds of processor time of every call but the first, which compiles."""
    jax.block_until_ready(call())
    return [1000 * seconds(call)[0] for _ in range(repeats)]
