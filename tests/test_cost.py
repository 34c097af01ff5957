"""What a Newton step costs: that the right things are measured, in order; no test asserts a time."""

import inspect
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import cost
from core.backend import default_float
from core.cost import LAST, ORDER, SIZES, Dense, Measurement, growth, measurements, seconds_left
from core.problem import Aimed
from core.setups import toy
from core.solve import solve
from core.toys import RotatedSine

SMALL = (8, 16, 32, 64)
BYTES = jnp.dtype(default_float()).itemsize


@pytest.fixture(scope="module")
def records():
    return list(measurements(SMALL))


def test_one_record_a_size_in_order(records):
    assert [record.n for record in records] == list(SMALL)
    for record in records:
        assert isinstance(record, Measurement)
        assert all(np.isfinite(seconds) and seconds > 0 for seconds in (record.gradient, record.hessian, record.solve))
    assert list(SIZES) == sorted(SIZES) and len(SIZES) >= LAST + 2


def test_memory_is_that_of_n_and_n_squared_numbers(records):
    assert [record.gradient_bytes for record in records] == [BYTES * n for n in SMALL]
    assert [record.hessian_bytes for record in records] == [BYTES * n**2 for n in SMALL]
    for part, power in (("gradient_bytes", 1), ("hessian_bytes", 2)):
        values = jnp.array([getattr(record, part) for record in records], float)
        assert float(growth(jnp.array(SMALL, float), values).power) == pytest.approx(power, abs=1e-12)


def test_xla_counts_n_gradients_worth_of_work_for_the_hessian(records):
    sizes = jnp.array(SMALL, float)
    for part, power in (("gradient_work", 2), ("hessian_work", 3)):
        values = jnp.array([getattr(record, part) for record in records], float)
        assert float(growth(sizes, values).power) == pytest.approx(power, abs=0.25)
    scratch = jnp.array([record.hessian_scratch for record in records], float)
    assert float(growth(sizes, scratch).power) == pytest.approx(2, abs=0.25)


def test_it_may_be_stopped_between_two_sizes(monkeypatch):
    made = []
    monkeypatch.setattr(cost, "Dense", lambda n, **more: made.append(n) or Dense(n, **more))
    first = list(itertools.islice(measurements((4, 8, 10**9)), 2))
    assert [record.n for record in first] == [4, 8] == made
    assert inspect.isgenerator(measurements())


def test_everything_is_compiled_before_it_is_timed(monkeypatch):
    runs = []
    monkeypatch.setattr(cost, "fastest", lambda program, *arguments: runs.append(program) or 1.0)
    next(measurements((4,)))
    assert len(runs) == 3 and all(hasattr(program, "memory_analysis") for program in runs)


def test_the_clock_is_read_when_the_result_is_there(monkeypatch):
    """JAX answers before it has computed: without waiting a run would seem to cost nothing."""
    events, clock = [], itertools.count()
    monkeypatch.setattr(cost.time, "perf_counter", lambda: events.append("clock") or next(clock))
    monkeypatch.setattr(cost.jax, "block_until_ready", lambda result: events.append(result))
    cost.fastest(lambda: events.append("run") or "there")
    assert events == ["clock", "run", "there", "clock"] * cost.LEAST


@pytest.mark.parametrize(("seconds", "runs"), [(1e-3, cost.MOST), (0.06, 7), (1.0, cost.LEAST)])
def test_how_often_a_run_is_repeated(monkeypatch, seconds, runs):
    """Seven times 0.06 seconds is the first sum above 0.4."""
    clock, seen = itertools.count(0.0, seconds), []
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(clock))
    cost.fastest(lambda: seen.append(0))
    assert len(seen) == runs


class Silent:
    """A compiled program on a backend that says nothing about it."""

    def memory_analysis(self):
        return None

    cost_analysis = memory_analysis


def test_a_backend_that_says_nothing_is_no_number():
    assert np.isnan(cost._scratch(Silent())) and np.isnan(cost._work(Silent()))


def test_the_fastest_of_several_runs_counts(monkeypatch):
    clock = iter([0.0, 5.0, 10.0, 12.0, 20.0, 23.0])
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(clock))
    seen = []
    assert cost.fastest(lambda x: seen.append(x) or jnp.zeros(()), 7) == 2.0
    assert seen == [7] * cost.LEAST


def test_what_is_measured_is_the_problems_own_newton_step():
    problem = Dense(6)
    matrix, x = np.array(problem.matrix), np.array(problem.start)
    inner, residual = matrix @ x, 2 * x + np.sin(matrix @ x) - 1
    jacobian = 2 * np.eye(6) + np.cos(inner)[:, None] * matrix
    np.testing.assert_allclose(jax.grad(problem.objective)(problem.start), 2 * jacobian.T @ residual, rtol=1e-10)
    bent = matrix.T @ ((-np.sin(inner) * residual)[:, None] * matrix)
    expected = 2 * (jacobian.T @ jacobian + bent)
    np.testing.assert_allclose(jax.hessian(problem.objective)(problem.start), expected, rtol=1e-9, atol=1e-9)
    assert not np.allclose(matrix, matrix.T)


@pytest.mark.parametrize("n", [64, 512])
def test_the_dense_problem_is_as_curved_for_any_n(n):
    """Each of (A x)_i is a sum of n terms of variance 1/n, for an x of variance 1."""
    problem = Dense(n)
    assert np.var(problem.matrix @ problem.start) == pytest.approx(1.0, rel=0.3)


def made_up(power, scale=3e-9, sizes=SIZES):
    return scale * np.array(sizes, float) ** power


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_the_law_is_found_in_made_up_times(power):
    sizes = jnp.array(SIZES, float)
    values = made_up(power)
    # Small sizes are ruled by the time that it takes to start a program: they are left out.
    values[:-LAST] += 1e-3
    law = growth(sizes, jnp.array(values))
    assert float(law.power) == pytest.approx(power) and float(law.scale) == pytest.approx(3e-9)
    np.testing.assert_allclose(law.at(jnp.array([1e4, 1e5])), 3e-9 * np.array([1e4, 1e5]) ** power)
    noisy = values * np.exp(np.random.default_rng(0).normal(0, 0.1, len(values)))
    expected = np.polyfit(np.log(SIZES[-LAST:]), np.log(noisy[-LAST:]), 1)[0]
    assert float(growth(sizes, jnp.array(noisy)).power) == pytest.approx(expected)


def test_a_law_waits_until_enough_is_known():
    sizes, values = jnp.array(SIZES, float), made_up(3.0)
    for known in range(len(SIZES) + 1):
        partly = jnp.array(np.where(np.arange(len(SIZES)) < known, values, np.nan))
        law = growth(sizes, partly)
        assert np.isfinite(law.power) == np.isfinite(law.scale) == (known >= LAST)
        if known >= LAST:
            assert float(law.power) == pytest.approx(3.0)


def test_what_was_not_counted_is_no_part_of_the_law():
    """XLA's answer 0 has no logarithm: the last sizes before it decide."""
    values = made_up(2.0)
    values[-1] = 0.0
    law = growth(jnp.array(SIZES, float), jnp.array(values))
    assert float(law.power) == pytest.approx(2.0) and float(law.scale) == pytest.approx(3e-9)


def test_a_loops_body_counts_as_often_as_it_runs():
    """By hand: a product of an n x n and an n x k matrix takes 2 n^2 k operations, seven in a row seven times that."""
    n, k = 32, 16

    def seven(matrix, x):
        return jax.lax.scan(lambda x, _: (matrix @ x, None), x, length=7)[0]

    matrix, x = jnp.ones((n, n)), jnp.ones((n, k))
    assert cost.work_of(jnp.matmul, matrix, x) == pytest.approx(2 * n**2 * k, rel=0.01)
    assert cost.work_of(seven, matrix, x) == pytest.approx(7 * 2 * n**2 * k, rel=0.01)
    batched = jax.jit(jax.vmap(seven, in_axes=(None, 0)))  # also behind another transformation
    assert cost.work_of(batched, matrix, jnp.ones((3, n, k))) == pytest.approx(3 * 7 * 2 * n**2 * k, rel=0.01)


def simulated(seed):
    """(record, seconds) of each size in ORDER on a made-up machine: times bend as caches do, compilation varies."""
    draw = np.random.default_rng(seed)
    scales, exact = 10 ** draw.uniform(-10.5, -9.5, 3), np.array([2.0, 3.0, 3.0])
    bent = draw.uniform(-0.2, 0.2, 3)
    compiling, found = 10 ** draw.uniform(-0.7, 0.6), []
    for n in ORDER:
        times = scales * (n / 512) ** bent * float(n) ** exact + 1e-5
        times = [float(t) for t in times * draw.uniform(0.9, 1.1, 3)]
        record = Measurement(n, *times, *(6 * [0.0]))
        runs = 0.0
        for t in times:
            count = next(k for k in range(cost.LEAST, cost.MOST + 1) if k == cost.MOST or k * t >= cost.ENOUGH)
            runs += (count + 1) * t
        found.append((record, runs + compiling * draw.uniform(0.8, 1.25)))
    return found


def test_how_long_the_measurement_takes_is_known_from_its_first_size_on():
    for seed in range(300):
        found = simulated(seed)
        whole = sum(seconds for _, seconds in found)
        for done in range(1, len(found) + 1):
            records, spent = zip(*found[:done], strict=True)
            said = sum(spent) + seconds_left(records, spent, SIZES)
            assert whole / 1.5 <= said <= whole * 1.5, (seed, done)
    assert seconds_left((), (), SIZES) is None
    assert sorted(ORDER) == list(SIZES)


@pytest.mark.parametrize("method", ["gradient_descent", "nesterov", "levenberg_marquardt", "dipg_differenced"])
def test_the_step_that_is_timed_is_the_methods_first(monkeypatch, method):
    monkeypatch.setattr(cost, "fastest", lambda program, *arguments: program(*arguments))
    setup = toy(RotatedSine())
    problem, model = Aimed(setup.problem, setup.problem.target), setup.build(jax.random.key(0))
    _, proposed = cost.step_seconds(method, problem, model, setup.problem.start, setup.solver)
    walk = solve(method, setup, model, setup.problem.target, setup.problem.start)
    first = walk.path.trials
    assert first.halvings[0] == 0
    np.testing.assert_allclose(proposed, first.pulled_back[0], rtol=1e-9)
