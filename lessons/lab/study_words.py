"""What a study's numbers come to in words and tables."""

import re

from lessons.figures import METHODS
from lessons.lab import tables
from lessons.lab.counts import percent
from lessons.lab.experiments import DIFFERENCED, FULL, ONE_SHOT, PLAIN, STEPS
from lessons.lab.study_table import SOLVED, complete, instances_of, named, over, plan_of, ready, table_of
from lessons.lesson import Cell
from lessons.lesson import Table as Shown
from lessons.words import joined, number_word

FELT = 1.1  # an error in x that is so many times as large is told


def reading(result):
    plan, table = plan_of(result["settings"]), table_of(result)
    if plan is None:
        return "Of the ticked methods none works on this experiment. Tick another one."
    if not table:
        return "Nothing is run yet. Press Run."
    return joined(_missing(result, plan, table), _fastest(table), _dearest(plan, table))


def _missing(result, plan, table):
    """What is not run of what the settings ask for, or of what the prediction needs."""
    whole = len({(variant, key[0]) for variant in plan.variants for key in plan.keys(variant)})
    if len(table) < whole:
        return "Not every line has numbers yet."
    if not complete(plan, table):
        return "Every line has numbers, but not all of them of all instances yet."
    return "" if ready(result) else "To judge the prediction, tick “no JCP” and “D-IPG, differenced”."


def _fastest(table):
    """Who needs the fewest and the most iterations with the full training, of those that solve."""
    counts = {
        method: line.iterations
        for (variant, method), line in table.items()
        if variant == FULL and method != ONE_SHOT and line.success >= SOLVED
    }
    if len(counts) < 2:
        return ""
    few, many = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[few] == counts[many]:
        return "All methods that solve at least half of the runs take equally many iterations in those."
    return (
        f"Of the methods that solve at least half of the runs, {METHODS[few].label} takes the fewest iterations in "
        f"those, and {METHODS[many].label} the most."
    )


def _dearest(plan, table):
    """Which of the variants costs our step of D-IPG most in the error in x; without a line of it another."""
    method = next((method for method in (DIFFERENCED, PLAIN, ONE_SHOT) if (FULL, method) in table), None)
    times = {
        v: over(table[v, method].error, table[FULL, method].error) for v in plan.variants[1:] if (v, method) in table
    }
    if not times:
        return ""
    worst = max(times, key=times.__getitem__)
    if times[worst] < FELT:
        return (
            f"For {METHODS[method].label}, no variant has an error in x more than {FELT:g} times the full training’s."
        )
    return (
        f"For {METHODS[method].label}, “{worst}” has the largest error in x, {number_word(times[worst])} times that of "
        f"the full training, and solves {percent(table[worst, method].success)} of its runs."
    )


_EXPONENTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _readable(text):
    """Powers of ten as a reader writes them: "4.9e-05" is "4.9·10⁻⁵"."""
    return re.sub(r"e([+-]\d+)", lambda found: "·10" + str(int(found[1])).translate(_EXPONENTS), text)


def _cells(texts):
    return tuple(Cell(_readable(text)) for text in texts)


def shown(result):
    """The tables below the figure: the lines, the figures asked for, what is reported elsewhere."""
    plan, table = plan_of(result["settings"]), table_of(result)
    if not table:
        return ()
    experiment, rows = plan.experiment, []
    for variant in plan.variants:
        lines = [(method, table[variant, method]) for method in plan.chosen if (variant, method) in table]
        if lines:
            rows.append((named(variant), ()))
        for method, line in lines:
            some = "" if line.instances == instances_of(plan, method) else f" ({line.instances} instances so far)"
            rows.append(
                (METHODS[method].label + some, tuple(Cell(_readable(show(line))) for _, show in tables.COLUMNS))
            )
    size = f"{plan.seeds} training × {plan.data_seeds} data seeds × {plan.instances} instances"
    found = [
        Shown(
            " ".join(filter(None, (f"{experiment.title}: {size}.", tables.LEGEND, tables.relaxed(table)))),
            tuple(name for name, _ in tables.COLUMNS),
            tuple(rows),
            numeric=True,
        )
    ]
    judged = tables.judged(experiment, table)
    if judged:
        few = min(plan.seeds, plan.data_seeds) < 3 or plan.instances < 300 or plan.steps is not None
        caption = f"Figures asked for: {sum(met for _, _, met in judged)} of {len(judged)} met"
        caption += ", asked of 3 × 3 seeds, 300 instances and a whole training" if few else ""
        cells = [
            (
                figure.words,
                _cells((f"{value:.3g}", tables.asked(figure), "met" if met else "not met")),
            )
            for figure, value, met in judged
        ]
        found.append(Shown(caption, ("here", "asked", ""), tuple(cells)))
    beside = [(one, ours) for one, ours in tables.reported(experiment, table) if any(ours.values())]
    if beside:
        cells = [
            (f"{one.words} ({one.source})", _cells((*(ours[step] or "not run" for step in STEPS), one.why)))
            for one, ours in beside
        ]
        columns = (*STEPS.values(), "where it differs, and why")
        found.append(Shown("Reported elsewhere, and here", columns, tuple(cells)))
    return tuple(found)
