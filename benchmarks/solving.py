"""Solves on the sine toy by every method: one alone, and a table of 300."""

import time
from collections.abc import Callable, Iterator

from benchmarks.lab import Lab
from benchmarks.report import Budget, Row, median, p95

METHODS = (
    "dipg_plain",
    "dipg_differenced",
    "one_shot",
    "gradient_descent",
    "gauss_newton",
    "levenberg_marquardt",
    "inverse_simulator",
)
INSTANCES = 300


def measure(lab: Lab) -> Iterator[Row]:
    """Milliseconds after compilation; the floor is the call of a compiled program that does nothing."""
    import jax

    from core.protocol import Status
    from core.solve import solve, solve_many
    from lessons.learned import setting

    setup, model = setting.setup("sine"), setting.standard_fit("sine").model
    x_true, y_star, x0 = setup.sample(jax.random.key(0), INSTANCES)
    nothing = jax.jit(lambda x: x)
    floor = median(_times(lambda: nothing(x_true), 50))
    yield Row("call of an empty compiled program", "ms", floor, note="the floor of a single solve")
    for method in METHODS:
        repeats = lab.repeats(30, 10)
        one = _times(lambda method=method: solve(method, setup, model, y_star[0], x0[0]), repeats)
        many = _times(lambda method=method: solve_many(method, setup, model, y_star, x0), lab.repeats(10, 4))
        solved = float((solve_many(method, setup, model, y_star, x0).status == Status.CONVERGED).mean())
        yield Row(f"one solve, {method}", "ms", median(one), p95(one), floor=floor, budget=Budget(1))
        note = f"{100 * solved:.0f} % solved"
        yield Row(f"{INSTANCES} solves, {method}", "ms", median(many), p95(many), note=note)


def _times(call: Callable[[], object], repeats: int) -> list[float]:
    import jax

    jax.block_until_ready(call())
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(call())
        found.append(1000 * (time.perf_counter() - began))
    return found
