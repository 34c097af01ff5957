"""What a study's numbers come to in words and tables."""

import re

from lessons.figures import METHODS
from lessons.lab import tables
from lessons.lab.experiments import DIFFERENCED, FULL
from lessons.lab.study_table import complete, instances_of, named, over, plan_of, ready, table_of
from lessons.lesson import Cell
from lessons.lesson import Table as Shown
from lessons.words import number_word

FELT = 1.1  # an error in x that is so many times as large is told
SOLVED = 0.5  # below this share of solved instances a count of iterations says little


def reading(result):
    plan, table = plan_of(result["settings"]), table_of(result)
    if plan is None:
        return "Of the ticked methods none works on this experiment. Tick another one."
    if not table:
        return "Nothing is run yet. Press Run."
    whole = len({(variant, key[0]) for variant in plan.variants for key in plan.keys(variant)})
    parts = [] if complete(plan, table) else [f"So far {len(table)} of {whole} lines have numbers."]
    parts += [_fastest(table), _dearest(plan, table), _stopped(table)]
    judged = tables.judged(plan.experiment, table)
    if judged:
        met = sum(met for _, _, met in judged)
        parts.append(f"Of {len(judged)} figures asked for, {met if met < len(judged) else 'all'} are met.")
    if not ready(result) and complete(plan, table):
        parts.append("To judge the prediction, tick “no JCP” and “D-IPG, differenced”.")
    return " ".join(part for part in parts if part)


def _fastest(table):
    """Who needs the fewest and the most iterations with the full training, of those that solve."""
    counts = {
        method: line.iterations
        for (variant, method), line in table.items()
        if variant == FULL and method != "one_shot" and line.success >= SOLVED
    }
    if len(counts) < 2:
        return ""
    few, many = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[few] == counts[many]:
        return f"All methods that solve at least half need {counts[few]:.1f} iterations."
    return (
        f"Of the methods that solve at least half, {METHODS[few].label} needs the fewest iterations, "
        f"{counts[few]:.1f}, and "
        f"{METHODS[many].label} the most, {counts[many]:.1f}."
    )


def _compared(table):
    """The method by which variants are compared: D-IPG, differenced if it is there."""
    there = [method for method in (DIFFERENCED, "dipg_plain", "one_shot") if (FULL, method) in table]
    return there[0] if there else None


def _dearest(plan, table):
    """Which of the variants costs most in the error in x, and what it costs in iterations."""
    method = _compared(table)
    if method is None:
        return ""
    full = table[FULL, method]
    times = {v: over(table[v, method].error, full.error) for v in plan.variants[1:] if (v, method) in table}
    if not times:
        return ""
    worst = max(times, key=times.__getitem__)
    line = table[worst, method]
    if times[worst] < FELT:
        return f"For {METHODS[method].label}, nothing that is left out is felt in the error in x."
    return (
        f"For {METHODS[method].label}, “{worst}” is dearest: its error in x is {number_word(times[worst])} times that "
        f"of the full training, with {line.iterations:.1f} iterations in place of {full.iterations:.1f}."
    )


def _stopped(table):
    """Which line stops early and solves nothing: few iterations are no merit then."""
    method = _compared(table)
    found = [
        (v, line) for (v, m), line in table.items() if m == method and v != FULL and line.success < SOLVED
    ]  # fmt: skip
    if method is None or not found or method == "one_shot":
        return ""
    variant, line = min(found, key=lambda pair: pair[1].success)
    return (
        f"“{variant}” solves {100 * line.success:.0f} % of its instances, so that it ends after "
        f"{line.iterations:.1f} iterations is no merit."
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
            f"{experiment.title}: {size}; mean ± standard deviation. {tables.LEGEND}",
            tuple(name for name, _ in tables.COLUMNS),
            tuple(rows),
            numeric=True,
        )
    ]
    judged = tables.judged(experiment, table)
    if judged:
        few = min(plan.seeds, plan.data_seeds) < 3 or plan.instances < 300 or plan.steps is not None
        caption = "Figures asked for" + (" of 3 × 3 seeds, 300 instances and a whole training" if few else "")
        cells = [
            (
                figure.words,
                _cells((f"{value:.3g}", tables.asked(figure), "met" if met else "not met")),
            )
            for figure, value, met in judged
        ]
        found.append(Shown(caption, ("here", "asked", ""), tuple(cells)))
    beside = [(one, ours) for one, ours in tables.reported(experiment, table) if ours]
    if beside:
        cells = [(f"{one.words} ({one.source})", _cells((ours, one.why))) for one, ours in beside]
        found.append(Shown("Reported elsewhere, and here", ("here", "where it differs, and why"), tuple(cells)))
    return tuple(found)
