"""The table of an experiment as text, CSV and JSON, with the figures asked for: met, or not met."""

import csv
import io
import json
import math

import numpy as np

from core import backend
from core.study import Summary
from lessons.lab.counts import QUANTILES, percent, quartiles, unsolved
from lessons.lab.experiments import FULL, STEPS, Experiment, Figure, Reported, Table
from lessons.lab.runs import Plan, settings


def small(value: float) -> str:
    """Four places, or two digits where four places show nothing."""
    return f"{value:.4f}" if value == 0 or value >= 1e-3 else f"{value:.1e}"


COLUMNS = (
    ("iterations of the solved", lambda s: quartiles(s.quartiles)),
    ("solved", lambda s: percent(s.success)),
    ("stalled, out of budget, diverged", unsolved),
    ("iterations, all runs", lambda s: quartiles(s.needed, s.censored)),
    ("error in x", lambda s: f"{small(s.error)} ± {small(s.error_spread)}"),
    ("residual", lambda s: small(s.residual)),
    ("accepted", lambda s: f"{s.accepted:.2f}"),
    ("RJCP", lambda s: "–" if np.isnan(s.rjcp) else f"{s.rjcp:.2g}"),
    ("P", lambda s: f"{s.functions:.0f}"),
    ("J·", lambda s: f"{s.products:.0f}"),
    ("g", lambda s: f"{s.inverses:.0f}"),
)
LEGEND = (
    "Iterations: median [quartiles]. Over all runs, ≥ marks a run that was out of budget, and ∞ one that stalled or "
    "diverged. The other numbers are means over all runs. P, J·, g: evaluations of the simulator, products with its "
    "Jacobian, evaluations of the learned inverse."
)


def relaxed(table: Table) -> str:
    """What follows from the relaxation alone, for the instances of this table; "" without a line."""
    for (variant, _), line in table.items():
        if variant == FULL and not np.isnan(line.exact[1]):
            return (
                f"The relaxation alone asks for {quartiles(line.exact)} iterations: so many would exact proposals need "
                "on a linear problem."
            )
    return ""


def judged(experiment: Experiment, table: Table) -> list[tuple[Figure, float, bool]]:
    """Every figure asked for that this table can answer: the figure, its value, whether it is met."""
    found = []
    for figure in experiment.figures:
        try:
            found.append((figure, figure.value(table), figure.met(table)))
        except KeyError:  # a variant or method that was not run
            continue
    return found


def asked(figure: Figure) -> str:
    """What is asked, as a reader writes it."""
    low, high = float(figure.low), float(figure.high)
    return f"at least {low:g}" if np.isinf(high) else f"at most {high:g}"


def reported(experiment: Experiment, table: Table) -> list[tuple[Reported, dict[str, str]]]:
    """What the paper reports, each with the same quantities of this table by step of D-IPG, "" where it lacks them."""
    found = []
    for one in experiment.reported:
        ours = {}
        for step in STEPS:
            try:
                ours[step] = one.ours(table, step)
            except KeyError:  # a variant or method that was not run
                ours[step] = ""
        found.append((one, ours))
    return found


def as_text(plan: Plan, table: Table) -> str:
    """The table, the figures asked for and what the paper reports, in plain text."""
    experiment = plan.experiment
    head = ["variant", "method", *(name for name, _ in COLUMNS)]
    lines = [[variant, line.method, *(show(line) for _, show in COLUMNS)] for (variant, _), line in table.items()]
    widths = [max(len(row[i]) for row in [head, *lines]) for i in range(len(head))]
    seeds = f"{plan.seeds} training seeds, {plan.data_seeds} data seeds, {plan.instances} instances each"
    seeds += f", seeds from {plan.first_seed}" if plan.first_seed else ""
    text = [f"{experiment.title}: {seeds}", ""]
    text += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *lines]
    ]
    text += ["", LEGEND, *filter(None, [relaxed(table)]), "", "Asked for:"]
    for figure, value, met in judged(experiment, table):
        text.append(f"  {'met    ' if met else 'NOT MET'}  {figure.words}: {value:.4g} ({asked(figure)})")
    if experiment.reported:
        text += ["", "Reported elsewhere:"]
    for one, ours in reported(experiment, table):
        text.append(f"  {one.words} ({one.source})")
        text += [f"    {words}: {ours[step] or 'not run'}" for step, words in STEPS.items()]
        text += [f"    {one.why}"] if all(ours.values()) else []
    return "\n".join(text)


def as_csv(table: Table) -> str:
    """One line per variant and method, every number in full."""
    names = [name for name in Summary._fields if name not in ("method", "statuses", *QUANTILES)]
    statuses = list(next(iter(table.values())).statuses)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    tails = [column.format(at) for column in QUANTILES.values() for at in (25, 50, 75)]
    bounds = [f"needed_{at}_is_at_least" for at in (25, 50, 75)]
    writer.writerow(["variant", "method", *names, *tails, *bounds, *statuses])
    for (variant, method), line in table.items():
        numbers = [getattr(line, name) for name in names]
        tails = [value for name in QUANTILES for value in getattr(line, name)]
        writer.writerow([variant, method, *numbers, *tails, *map(int, line.censored), *line.statuses.values()])
    return out.getvalue()


def as_json(plan: Plan, table: Table) -> str:
    """The table with all that is needed to run it again: settings, seeds, versions, device."""
    content = {
        "experiment": plan.experiment.slug,
        "seeds": {
            "training": plan.seeds,
            "data": plan.data_seeds,
            "instances": plan.instances,
            "steps": plan.steps,
            "first": plan.first_seed,
        },
        "made_with": backend.provenance(),
        "settings": {name: settings(plan.experiment.variant(name)) for name in plan.variants},
        "table": [
            {"variant": variant, **line._asdict(), "needed_is_at_least": line.censored}
            for (variant, _), line in table.items()
        ],
        "figures": [
            {"figure": figure.words, "value": value, "asked": asked(figure), "met": met}
            for figure, value, met in judged(plan.experiment, table)
        ],
        "reported": [
            {"reported": one.words, "source": one.source, "ours": ours, "why": one.why}
            for one, ours in reported(plan.experiment, table)
        ],
    }
    return json.dumps(_standard(content), indent=1, ensure_ascii=False, allow_nan=False)


def _standard(content: object) -> object:
    """The same with nan as null and infinity as text, since JSON has neither."""
    if isinstance(content, dict):
        return {name: _standard(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_standard(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else str(content)
    return content
