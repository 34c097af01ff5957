"""Studies over seeds: what an ablation is, the plan behind the ticks, numbers in words and tables."""

import itertools
import re
import shlex

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import training
from core.methods import METHODS
from lessons import lessons
from lessons.figures import METHODS as METHOD_STYLES
from lessons.lab import runs, tables
from lessons.lab.__main__ import _listed, arguments
from lessons.lab.experiments import DIFFERENCED, EXPERIMENTS, FULL, PLAIN, PROBES, TIED
from lessons.lab.runs import Plan
from lessons.lab.study_table import ALL, NO_JCP, command, given_of, plan_of, ratios, ready, table_of
from tests.tables import line, made_up

LESSON = lessons()["studies"]


# What an ablation is


CHANGED = {
    "no JCP": ["hyper.weights['jcp']"],
    "no reconstruction": ["hyper.weights['reconstruction']"],
    "no cycle": ["hyper.weights['cycle']"],
    "no warm-up": ["hyper.jcp_warmup"],
    "y centred": ["beginning.centre"],
    "random start": ["beginning.identity", "beginning.spread"],
    TIED: ["structure", "architecture"],
    **{name: ["hyper.probes"] for name in PROBES},
}


@pytest.mark.parametrize("slug", EXPERIMENTS)
def test_each_ablation_changes_what_it_says_and_nothing_else(slug):
    experiment = EXPERIMENTS[slug]
    full = runs.settings(experiment.setup())
    for name in experiment.names[1:]:
        other = runs.settings(experiment.variant(name))
        changed = [key for key in full if full[key] != other[key]]
        wanted = ["hyper.weights['jcp']", "hyper.weights['reconstruction']"] if slug == "linear" else CHANGED[name]
        assert changed == (wanted if name == NO_JCP else CHANGED[name]), name
        assert name not in PROBES or other["hyper.probes"] == PROBES[name]
    assert len(set(PROBES) & set(experiment.names)) == len(PROBES) - 1  # its own number is the full training
    assert not set(PROBES) & set(experiment.ablations)


def test_a_tick_that_changes_no_shape_traces_nothing_again(monkeypatch):
    traced = []

    def counted(*args):
        traced.append(1)
        return METHODS_BEFORE.propose(*args)

    METHODS_BEFORE = METHODS[DIFFERENCED]
    monkeypatch.setitem(METHODS, DIFFERENCED, METHODS_BEFORE._replace(propose=counted))
    easy = EXPERIMENTS["heat-easy"]
    same = tuple(name for name in easy.names if name not in (FULL, TIED))
    assert len(same) == 6 + 7
    seen = {}

    def look(doing):
        seen.setdefault(doing.variant, (training.TRACES["advance"], len(traced)))

    runs.run(Plan(easy, 1, 1, 7, 20, (FULL, *same[:6], same[-1], TIED), (DIFFERENCED,)), report=look)
    after_the_first = seen[same[0]]
    assert {seen[name] for name in (*same[1:6], same[-1], TIED)} == {after_the_first}
    # The counters do count: other slabs are another program.
    assert training.TRACES["advance"] > after_the_first[0] and len(traced) > after_the_first[1]


# From ticks to a plan


def test_ticks_make_a_plan_and_the_plan_a_command_line():
    chosen = {"experiment": "heat-easy", "variants": ["tied", "no-jcp"], "probes": ["8", "2"], "seeds": 3.0}
    chosen |= {"data_seeds": 1.0, "instances": 40.0, "training": 0.5, "methods": ["one_shot", "gauss_newton"]}
    plan = plan_of(LESSON.complete(chosen))
    assert plan.variants == (FULL, NO_JCP, TIED, "8 probes")  # 2 is the experiment's own number
    assert plan.chosen == ("gauss_newton", "one_shot")
    assert (plan.seeds, plan.data_seeds, plan.instances, plan.steps) == (3, 1, 40, 2000)
    said = command(plan)
    assert said.startswith("python -m lessons.lab heat-easy ")
    asked = arguments(shlex.split(said)[3:])
    again = Plan(EXPERIMENTS[asked.experiment], asked.seeds, asked.data_seeds, asked.instances, asked.steps,
                 _listed(asked.variants), _listed(asked.methods))  # fmt: skip
    assert again == plan


def test_what_an_experiment_does_not_have_is_left_out_and_not_offered():
    ticked = LESSON.complete({"experiment": "oscillator", "variants": ("tied", "no-cycle")})
    assert plan_of(ticked).variants == (FULL, "no cycle") and plan_of(ticked).steps is None
    variants = next(control for control in LESSON.controls if control.name == "variants")
    assert set(variants.offered(ticked)) == {"no-jcp", "no-reconstruction", "no-cycle", "no-warm-up"}
    only = LESSON.complete({"experiment": "oscillator", "methods": ("conjugate_gradient",)})
    result = LESSON.experiment(**only)
    assert plan_of(only) is None and table_of(result) == {} and LESSON.tables(result) == ()
    assert "none works on this experiment" in LESSON.reading(result) and LESSON.draw(result).panels
    with pytest.raises(ValueError, match="methods needs at least 1"):
        LESSON.complete({"methods": ()})


# Numbers, words, tables


@pytest.mark.parametrize("slug", EXPERIMENTS)
def test_a_table_goes_through_arrays_unharmed(slug):
    chosen = LESSON.complete({"experiment": slug, "seeds": 3.0})
    table = made_up(chosen)
    again = table_of(LESSON.experiment(given_of(table), **chosen))
    assert str(again) == str(table)  # nan is nan here
    assert tables.as_csv(again) == tables.as_csv(table)


def test_a_line_that_is_not_whole_says_so():
    chosen = LESSON.complete({})
    table = made_up(chosen)
    table[NO_JCP, DIFFERENCED] = table[NO_JCP, DIFFERENCED]._replace(instances=100)
    result = LESSON.experiment(given_of(table), **chosen)
    names = [name for name, _ in LESSON.tables(result)[0].rows]
    assert "D-IPG, differenced (100 instances so far)" in names
    assert LESSON.reading(result).startswith("Every line has numbers, but not all of them of all instances yet.")
    del table[NO_JCP, DIFFERENCED]
    result = LESSON.experiment(given_of(table), **chosen)
    assert not ready(result) and LESSON.reading(result).startswith("Not every line has numbers yet.")


def test_few_iterations_without_a_solution_are_no_merit():
    chosen = LESSON.complete({})
    table = made_up(chosen)
    table["random start", DIFFERENCED] = line(DIFFERENCED, 2.6, 0.1, success=0.004, instances=400)
    result = LESSON.experiment(given_of(table), **chosen)
    said = LESSON.reading(result)
    assert "For D-IPG, differenced, “random start” has the largest error in x, 22" in said
    assert "and solves 0.4 % of its runs" in said
    assert ratios(result, "random start")[0] == np.inf
    cells = dict(zip(LESSON.tables(result)[0].columns, _cells_of(result, "random start", DIFFERENCED), strict=True))
    assert cells["stalled, out of budget, diverged"] == "398, 0, 0" and cells["iterations, all runs"] == "∞ [∞, ∞]"


def _cells_of(result, variant, method):
    """The cells of one line of the page's first table."""
    rows = LESSON.tables(result)[0].rows
    begin = [name for name, _ in rows].index(variant)
    cells = next(cells for name, cells in rows[begin + 1 :] if name == METHOD_STYLES[method].label)
    return [cell.text for cell in cells]


def test_figures_and_reports_are_told_as_met_and_beside_ours():
    result = LESSON.experiment(given_of(made_up(LESSON.defaults)), **LESSON.defaults)
    lines, asked, reported = LESSON.tables(result)
    assert lines.numeric and ("tied V = Wᵀ", ()) in lines.rows
    assert {cells[2].text for _, cells in asked.rows} == {"met", "not met"}
    assert "of 3 × 3 seeds" in asked.caption
    assert reported.columns[:2] == ("plain step, the paper’s", "differenced step, ours")
    for name, (plain, differenced, why) in reported.rows:
        assert re.search("not checked against|was not read", name) and why.text.endswith(".")
        assert re.search(r"\d", plain.text) and re.search(r"\d", differenced.text)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_every_report_has_our_own_figure_and_a_reason_beside_it(experiment):
    chosen = LESSON.complete({"experiment": experiment.slug, "methods": ALL, "variants": tuple(
        key for key in dict(LESSON.controls[1].options))})  # fmt: skip
    found = tables.reported(experiment, made_up(chosen))
    assert all(
        set(ours) == {PLAIN, DIFFERENCED} and all(ours.values()) and one.why.endswith(".") for one, ours in found
    )
    assert all(not any(ours.values()) for _, ours in tables.reported(experiment, {}))


@pytest.mark.parametrize(
    ("count", "error", "right"), [(2.0, 9.0, 0), (1.1, 1.7, 1), (1.0, 1.0, 2), (0.9, 0.5, 3), (1.0, np.inf, 1)]
)
def test_every_answer_can_be_right(count, error, right):
    chosen = LESSON.defaults
    table = made_up(chosen)
    table[NO_JCP, DIFFERENCED] = line(DIFFERENCED, 3.4 * count, 0.0045 * error)
    result = LESSON.experiment(given_of(table), **chosen)
    assert LESSON.prediction.right(result) == [LESSON.prediction.options[right].text]
    assert LESSON.prediction.verdict(None, result)


numbers = st.sampled_from([0.0, np.nan, np.inf, -np.inf, 1e-300, 1e300, 1.0]) | st.floats(0, 100)


drawings = itertools.count()


@settings(max_examples=80)
@given(st.lists(numbers, min_size=5, max_size=5), st.sampled_from(list(EXPERIMENTS)), st.integers(0, 400))
def test_no_numbers_break_the_page(drawn, slug, instances):
    chosen = LESSON.complete({"experiment": slug})
    count, error, success, rjcp, spread = drawn
    odd = line(DIFFERENCED, count, error, success, rjcp, instances)._replace(spread=spread, error_spread=spread)
    table = made_up(chosen) | {(NO_JCP, DIFFERENCED): odd, (FULL, DIFFERENCED): odd._replace(error=spread)}
    result = LESSON.experiment(given_of(table), **chosen)
    if next(drawings) % 10 == 0:  # Plotly takes forty times as long over its figure as all the rest together
        LESSON.figure(result)
    assert LESSON.draw(result).panels and LESSON.reading(result) and len(ratios(result)) == 3
    assert not ready(result) or LESSON.prediction.verdict(None, result)
    assert all(cell.text for shown in LESSON.tables(result) for _, cells in shown.rows for cell in cells)
