"""What a study counts: solved, stalled and censored runs apart, what the relaxation alone asks for, other seeds."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

from core import setups, study
from core.protocol import Status, exact_iterations
from lessons.lab import runs, tables
from lessons.lab.__main__ import main
from lessons.lab.counts import counted, percent
from lessons.lab.experiments import EXPERIMENTS
from lessons.lab.runs import Plan

SOLVED, STALLED, BUDGET, DIVERGED = Status.CONVERGED, Status.STALLED, Status.BUDGET, Status.DIVERGED


@pytest.mark.parametrize(
    ("status", "iterations", "solved", "everyone", "words"),
    [
        # Counted by hand. Few iterations of the stalled do not make the solved ones fewer, nor does a budget count.
        ((SOLVED, SOLVED, STALLED, STALLED), (4, 6, 0, 1), "4 [4, 6]", "6 [4, ∞]",
         "4 [4, 6] iterations, 50.0 % solved, 50.0 % stalled after 0 [0, 1]"),
        ((SOLVED, BUDGET, BUDGET, BUDGET), (7, 9, 9, 9), "7 [7, 7]", "≥ 9 [7, ≥ 9]",
         "7 [7, 7] iterations, 25.0 % solved, 75.0 % out of budget"),
        ((STALLED, DIVERGED, STALLED, DIVERGED), (1, 2, 3, 0), "–", "∞ [∞, ∞]",
         "none solved, 50.0 % stalled after 1 [0, 2], 50.0 % diverged"),
        ((SOLVED, BUDGET, STALLED, DIVERGED), (7, 9, 2, 0), "7 [7, 7]", "≥ 9 [7, ∞]",
         "7 [7, 7] iterations, 25.0 % solved, 25.0 % stalled after 0 [0, 2], 25.0 % out of budget, 25.0 % diverged"),
    ],
)  # fmt: skip
def test_solved_stalled_and_censored_runs_are_kept_apart(status, iterations, solved, everyone, words):
    made = study.row("gradient_descent", setups.linear(3), None, 1, 4)
    line = study.summary([made._replace(status=np.array(status), iterations=np.array(iterations))])
    cells = {name: say(line) for name, say in tables.COLUMNS}
    assert (cells["iterations of the solved"], cells["iterations, all runs"]) == (solved, everyone)
    assert counted(line) == words


def test_a_quantile_over_all_runs_is_a_bound_that_longer_runs_keep():
    """With a larger budget the censored runs end; every "at least" must then have been one."""
    setup = setups.linear(4, 30.0)
    short, long = (
        study.summary([study.row("gradient_descent", _with(setup, budget=budget, tolerance=0.05), None, 3, 40)])
        for budget in (30, 3000)
    )
    assert any(short.censored) and not all(short.censored) and not any(long.censored)
    for bound, few, many in zip(short.censored, short.needed, long.needed, strict=True):
        assert many >= few if bound else many == few


def _with(setup, **options):
    return dataclasses.replace(setup, solver=dataclasses.replace(setup.solver, **options))


@pytest.mark.parametrize(("share", "said"), [(0, "0 %"), (1, "100 %"), (1e-5, "under 0.1 %"), (0.99999, "over 99.9 %"),
                                            (0.3926, "39.3 %")])  # fmt: skip
def test_a_share_is_not_rounded_to_none_or_all(share, said):
    assert percent(share) == said


@pytest.mark.parametrize("relaxation", [0.2, 0.4, 0.75, 1.0, 1.3])
def test_exact_proposals_take_as_many_iterations_as_the_relaxation_alone_asks_for(relaxation):
    """A linear P whose inverse is known, 40 targets: Gauss-Newton's count is that of the formula."""
    setup = _with(setups.linear(4), relaxation=relaxation, tolerance=0.003)
    found = study.row("gauss_newton", setup, None, 8, 40)
    np.testing.assert_array_equal(found.status, Status.CONVERGED)
    np.testing.assert_array_equal(found.iterations, found.exact)
    left, count = 1.0, 0  # counted with a loop, from a residual of 1
    while left > 0.003:
        left, count = left * abs(1 - relaxation), count + 1
    assert float(exact_iterations(jnp.asarray(1.0), setup.solver)) == count


def test_what_the_relaxation_asks_for_at_its_edges():
    solver = _with(setups.linear(4), relaxation=2.0, tolerance=0.1).solver
    np.testing.assert_array_equal(exact_iterations(jnp.array([0.1, 0.05, 3.0]), solver), [0, 0, np.inf])
    halves = _with(setups.linear(4), relaxation=0.5, tolerance=0.125).solver
    np.testing.assert_array_equal(exact_iterations(jnp.array([1.0, 2.0, 0.126]), halves), [3, 4, 1])


def test_a_first_seed_is_an_independent_repetition_and_is_said(tmp_path, capsys):
    plan = Plan(EXPERIMENTS["linear"], 1, 2, 4, 10, methods=("gradient_descent", "dipg_differenced"), first_seed=1)
    found = {key: row for _variant, key, row in runs.rows(plan)}
    before = {key: row for _variant, key, row in runs.rows(dataclasses.replace(plan, seeds=2, first_seed=0))}
    assert set(found) == {("gradient_descent", None, 1), ("gradient_descent", None, 2),
                          ("dipg_differenced", 1, 1), ("dipg_differenced", 1, 2)}  # fmt: skip
    # The seeds that both have give the same numbers.
    shared = set(found) & set(before)
    assert shared == {("gradient_descent", None, 1), ("dipg_differenced", 1, 1)}
    for key in shared:
        np.testing.assert_allclose(found[key].error, before[key].error, rtol=1e-4)
    small = ["linear", "--seeds", "1", "--data-seeds", "1", "--instances", "2", "--methods", "gauss_newton"]
    assert main([*small, "--first-seed", "7", "--out", str(tmp_path)]) == 0
    assert "seeds from 7" in capsys.readouterr().out and (tmp_path / "full.gauss_newton.any.data7.npz").exists()
    assert main([*small, "--first-seed", "999"]) == 0 and main([*small, "--first-seed", "1000"]) == 2
    assert "first_seed must be between 0 and 999, got 1000" in capsys.readouterr().err


def test_help_lists_every_experiments_variants_and_methods(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0 and "--first-seed" in said
    for experiment in EXPERIMENTS.values():
        assert (
            f"{experiment.slug}: variants {', '.join(experiment.names)}; methods {', '.join(experiment.methods)}"
            in said
        )


def test_json_has_no_number_that_json_does_not_know(tmp_path, capsys):
    short = ["linear", "--seeds", "1", "--data-seeds", "1", "--instances", "3", "--steps", "5"]
    assert main([*short, "--only", "--methods", "gauss_newton,one_shot", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "table.json").read_text()
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    lines = {line["method"]: line for line in content["table"]}
    assert lines["gauss_newton"]["rjcp"] is None and lines["one_shot"]["needed"] == ["inf"] * 3
