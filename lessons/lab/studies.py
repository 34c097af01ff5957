"""Studies over seeds: the table of an experiment and its ablations, run on a button (curriculum I3, I4)."""

from functools import cache

import numpy as np

from lessons.controls import Choice, Legend, Slider, Ticks
from lessons.figures import METHODS, Axis, Drawing, Line, Panel
from lessons.lab import notes, runs
from lessons.lab.experiments import CLASSICAL, DIFFERENCED, EXPERIMENTS, FULL, LEARNED, PLAIN, TIED
from lessons.lab.study_table import (
    ALL,
    BLURRED,
    MUCH_SLOWER,
    NO_JCP,
    PROBED,
    SOLVED,
    TICKED,
    named,
    nothing_run,
    plan_of,
    ratios,
    ready,
    table_of,
)
from lessons.lab.study_words import reading, shown
from lessons.lesson import Claim, Lesson, Settings, Takeaway
from lessons.prediction import Option, Prediction

ROW, GAP = 1.0, 0.8  # heights in the figure: of a method's line, between two variants
NO_MODEL = "nothing learned"


def simulate(given, experiment, **_numbers):
    """What a job has found; it depends on the settings through the job alone."""
    return {"numbers": given}


def rows_of(settings: Settings) -> list[tuple[str, tuple[str, ...]]]:
    """The figure's rows from above: a name, and the methods that have a line there."""
    plan = plan_of(settings)
    if plan is None:
        return [(NO_MODEL, ("gradient_descent",))]
    classical = tuple(name for name in plan.chosen if name in CLASSICAL)
    learned = tuple(name for name in plan.chosen if name in LEARNED)
    rows = [(NO_MODEL, classical)] if classical else []
    return rows + [(variant, learned) for variant in plan.variants if learned]


def places_of(settings: Settings) -> tuple[dict[tuple[str, str], float], dict[str, float], float]:
    """The height of every line by (variant, method), the middle of every row by name, and the lowest end."""
    lines, middles, height = {}, {}, 0.0
    for name, methods in rows_of(settings):
        for k, method in enumerate(methods):
            lines[FULL if name == NO_MODEL else name, method] = height - (k + 0.5) * ROW
        middles[name] = height - 0.5 * len(methods) * ROW
        height -= len(methods) * ROW + GAP
    return lines, middles, height + GAP


def draw(result):
    settings, table = result["settings"], table_of(result)
    lines, middles, lowest = places_of(settings)
    across = Axis("", (lowest - 0.5 * GAP, 0.5 * GAP), ticks=tuple((y, named(name)) for name, y in middles.items()))
    drawn = []
    for method in [name for name in ALL if any(name == other for _, other in lines)]:
        mine = [(y, table.get(key)) for key, y in lines.items() if key[1] == method]
        drawn += _method(method, mine)
    counts = tuple((float(v), str(v)) for v in (1, 2, 5, 10, 20, 50))
    return Drawing(
        panels=(
            Panel("iterations", "iterations of the solved runs: median, quartiles (faint: under half solved)",
                  Axis("", (0.8, 100.0), log=True, ticks=counts), across, big=True),
            Panel("error", "error in x", Axis("", log=True), across),
        ),
        lines=tuple(drawn),
    )  # fmt: skip


def _method(method, mine):
    """All lines of one method: bars and ticks by panel; what is hardly solved is faint."""
    style, drawn = METHODS[method], []
    for panel, bar in (("iterations", _quartiles), ("error", _deviation)):
        for kind, opacity in (("", 1.0), ("/unsolved", 0.45)):
            chosen = [(y, line) for y, line in mine if line is not None and (line.success < SOLVED) == bool(kind)]
            bars, ticks = [_GAP], [_GAP]
            for y, line in chosen:
                low, middle, high = bar(line)
                bars += [(low, y), (high, y), _GAP]
                ticks += [(middle, y - 0.36 * ROW), (middle, y + 0.36 * ROW), _GAP]
            common = {"group": method, "label": style.label, "colour": style.colour}
            drawn += [
                Line(f"{method}/{panel}{kind}", panel, *_columns(bars), dash=style.dash, width=2.5,
                     opacity=opacity, legend=panel == "iterations" and not kind, **common),
                Line(f"{method}/{panel}/middle{kind}", panel, *_columns(ticks),
                     width=2.0 if style.dash == "dot" else 4.0, opacity=opacity, **common),
            ]  # fmt: skip
    return drawn


_GAP = (np.nan, np.nan)


def _columns(points):
    return np.array([x for x, _ in points]), np.array([y for _, y in points])


def _quartiles(line):
    return tuple(max(value, 0.8) for value in line.quartiles)


def _deviation(line):
    # A logarithmic axis has no room for a deviation as large as the mean.
    low = max(line.error - line.error_spread, 0.1 * line.error)
    return low, line.error, line.error + line.error_spread


def _costs(holds):
    return lambda result: bool(holds(*ratios(result)[:2]))


@cache
def measured():
    """One training seed of 1,500 steps of every ablation that the claims speak of, 50 instances."""
    easy = EXPERIMENTS["heat-easy"]
    variants = (FULL, NO_JCP, "no reconstruction", "no cycle", "random start", TIED)
    methods = ("gradient_descent", "gauss_newton", PLAIN, DIFFERENCED, "one_shot")
    return runs.run(runs.Plan(easy, 1, 1, 50, 1500, variants, methods))


def _found(variant, quantity, method=DIFFERENCED):
    return getattr(measured()[variant, method], quantity)


def _order_claim(_lesson):
    slow, near, ours = (measured()[FULL, m] for m in ("gradient_descent", "gauss_newton", DIFFERENCED))
    counts = {line.method: (line.needed[1], line.censored[1], line.success) for line in (slow, near, ours)}
    # Gradient descent's median may be a lower bound, which is the side that matters here.
    return counts, abs(ours.needed[1] - near.needed[1]) <= 1 and slow.needed[1] > 6 * ours.needed[1]


def _jcp_claim(_lesson):
    times = {q: _found(NO_JCP, q) / _found(FULL, q) for q in ("iterations", "error", "rjcp")}
    solved = [_found(variant, "success") for variant in (FULL, NO_JCP)]
    held = times["iterations"] < MUCH_SLOWER and times["error"] > BLURRED and times["rjcp"] > 50 and min(solved) > 0.98
    return (times, solved), held


def _plain_claim(_lesson):
    """The paper's own step, without JCP."""
    solved = {variant: _found(variant, "success", PLAIN) for variant in (FULL, NO_JCP)}
    return solved, solved[FULL] > 0.75 and solved[NO_JCP] < 0.5


def _relaxation_claim(_lesson):
    """Exact proposals, Gauss-Newton's steps and both of D-IPG's take the same count: the relaxation decides it."""
    found = {method: measured()[FULL, method] for method in ("gauss_newton", PLAIN, DIFFERENCED)}
    counts = {method: (line.needed[1], line.exact[1]) for method, line in found.items()}
    one = measured()[FULL, "one_shot"]
    return (counts, one.success), all(abs(a - b) <= 1 for a, b in counts.values()) and one.success > 0.75


def _idle_claim(_lesson):
    steps = (PLAIN, DIFFERENCED)
    found = {(v, m): measured()[v, m] for v in (FULL, "no reconstruction", "no cycle") for m in steps}
    held = all(
        line.success >= found[FULL, m].success - 0.02
        and abs(line.iterations - found[FULL, m].iterations) < 0.5
        and line.error < 1.1 * found[FULL, m].error
        for (_, m), line in found.items()
    )
    return {key: (line.success, line.iterations, line.error) for key, line in found.items()}, held


def _tied_claim(_lesson):
    found = {q: (_found(FULL, q), _found(TIED, q)) for q in ("iterations", "success")}
    plain = _found(TIED, "success", PLAIN)
    return (found, plain), found["iterations"][1] > 2 * found["iterations"][0] and plain < 0.05


def _stalled_claim(_lesson):
    line = measured()["random start", DIFFERENCED]
    found = (line.success, line.given_up[1], line.rjcp)
    return found, line.success < SOLVED and line.rjcp < 0.1


def _white_claim(_lesson):
    """For white x the reconstruction is JCP: both are |V A - I|^2."""
    plan = runs.Plan(EXPERIMENTS["linear"], 1, 1, 20, None, (FULL, NO_JCP), (DIFFERENCED,))
    defects = [line.rjcp for line in runs.run(plan).values()]
    return defects, max(defects) < 1e-6


def takeaway(settings):
    """Two lines of the table, Gauss-Newton's and D-IPG's: the quartiles of the iterations of the solved runs."""
    plan = plan_of(settings | {"methods": ALL})
    experiment = plan.experiment.slug.replace("-", "_")
    return f"""\
import jax
from core import setups, study, training
setup = setups.{experiment}()
keys = jax.vmap(jax.random.key)(jax.numpy.arange({plan.seeds}))
fits = training.fit_many(setup, keys, steps={plan.steps})
def line(method, models):
    rows = [study.row(method, setup, model, 1000 + data_seed, {plan.instances})
            for model in models for data_seed in range({plan.data_seeds})]
    return study.summary(rows)
newton = line("gauss_newton", [None]).quartiles
dipg = line("dipg_differenced", [fit.model for fit in fits]).quartiles
"""


def taken(result):
    """The same two, as far as they are there."""
    table = table_of(result)
    names = {"newton": (FULL, "gauss_newton"), "dipg": (FULL, DIFFERENCED)}
    return {name: table[key].quartiles for name, key in names.items() if key in table}


def _offered(names):
    return {key: tuple(e.slug for e in EXPERIMENTS.values() if name in e.variants) for key, name in names.items()}


LESSON = Lesson(
    slug="studies",
    title="Studies over seeds",
    question="Which part of a Deceptron’s training can be left out?",
    text=(
        "One training proves little: another seed gives another network. Here experiments of the paper’s kind run over "
        "one to five seeds, at settings of our own, with parts of the training left out. All methods obey one "
        "protocol: the same start, box, relaxation, Armijo’s rule, tolerance and at most 80 iterations. D-IPG has two "
        "steps. The paper’s is "
        "plain, $x_p = g(y - \\eta r)$; ours is differenced, $x_p = x + g(y - \\eta r) - g(y)$, so that an error which "
        "$g$ makes in both places cancels. Iterations are counted for the solved runs; how the others ended stands "
        "beside them."
    ),
    minutes=10,
    controls=(
        Choice("experiment", "experiment", {slug: one.title for slug, one in EXPERIMENTS.items()}, "heat-easy"),
        Ticks(
            "variants",
            "variants",
            {key: name for key, name in TICKED.items()},
            ("no-jcp", "no-reconstruction", "random-start", "tied"),
            when=("experiment", _offered(TICKED)),
        ),
        Ticks(
            "methods",
            "methods",
            {name: METHODS[name].label for name in ALL},
            ("gradient_descent", "lbfgs", "gauss_newton", PLAIN, DIFFERENCED, "one_shot"),
            least=1,
            when=("experiment", {name: tuple(e.slug for e in EXPERIMENTS.values() if name in e.methods)
                                 for name in ALL}),
        ),
        Slider("seeds", "training seeds", 1, 5, 2, step=1, swept=False),
        Slider("instances", "instances", 20, 300, 100, step=20, swept=False),
        Ticks("probes", "probes of JCP", {key: key for key in PROBED}, group="more",
              when=("experiment", _offered(PROBED))),
        Slider("data_seeds", "data seeds", 1, 5, 2, step=1, swept=False, group="more"),
        Slider("training", "share of training", 0.01, 1.0, 1.0, "log", digits=2, swept=False, group="more"),
        Legend("hide", ALL),
    ),
    simulate=simulate,
    prepare=nothing_run,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "On “{experiment}”, leave JCP out of the training. How does D-IPG with our differenced step fare beside the "
        "full training? (The paper’s plain step stands beside it in the table.)",
        (
            Option(
                "it needs more than half as many iterations again, or most runs are not solved",
                _costs(lambda count, _: count > MUCH_SLOWER),
            ),
            Option(
                "about as many iterations, but what it finds is farther from the truth",
                _costs(lambda count, error: count <= MUCH_SLOWER and error > BLURRED),
            ),
            Option(
                "hardly any difference in either",
                _costs(lambda count, error: count <= MUCH_SLOWER and 1 / BLURRED <= error <= BLURRED),
            ),
            Option(
                "it finds better answers",
                _costs(lambda count, error: count <= MUCH_SLOWER and error < 1 / BLURRED),
            ),
        ),
        remark=notes.jcp_remark,
        unasked=notes.jcp_unasked,
        ready=ready,
    ),
    why=notes.STUDIES_WHY,
    limits=notes.STUDIES_LIMITS,
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076; figures marked as "
        "from a reading note were not checked against it.",
        "All other numbers are measured here.",
    ),
    claims=(
        Claim("On the easy heat problem the median of differenced D-IPG is within one iteration of Gauss-Newton’s, and "
              "that of gradient descent is more than six times as large.", _order_claim, ("I3",)),
        Claim("There Gauss-Newton and both steps of D-IPG take as many iterations, give or take one, as the relaxation "
              "alone asks for, and one-shot inversion solves more than three quarters of the runs.",
              _relaxation_claim, ("I3",)),
        Claim("Without JCP RJCP is at least 50 times higher; for the differenced step the error in x is at least 1.25 "
              "times as large, the iterations less than 1.5 times, and all but 2 % are still solved.",
              _jcp_claim, ("I4",)),
        Claim("Without JCP the paper’s plain step solves less than half of the runs, with it more than three quarters.",
              _plain_claim, ("I4",)),
        Claim("Without the reconstruction, or without the cycle, both steps solve as many runs within 2 %, in as many "
              "iterations within half of one, and the error in x is less than 1.1 times as large.",
              _idle_claim, ("I4",)),
        Claim("With V = W^T differenced D-IPG takes more than twice the iterations, and plain D-IPG solves less than "
              "one in twenty.", _tied_claim, ("I4",)),
        Claim("From a random start most instances are not solved, at an RJCP below 0.1.",
              _stalled_claim, ("I4",)),
        Claim("In the linear check the reconstruction does what JCP does: both reach a defect below 1e-6.",
              _white_claim, ("I4",)),
    ),
    symbols=("x", "y", "f", "g", "jcp", "rjcp", "dipg", "probe", "armijo", "gd"),
    table=shown,
    takeaway=Takeaway(takeaway, taken),
    teaching=notes.STUDIES_TEACHING,
    alt=(
        "For every way of training a row with a mark for every method: the iterations with their quartiles, and the "
        "error in x with its deviation."
    ),
)  # fmt: skip
