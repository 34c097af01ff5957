"""The table of an experiment as text, CSV and JSON, with the figures asked for: met, or not met."""

import csv
import io
import json

import numpy as np

from core import backend
from core.study import Summary
from lessons.lab.experiments import Experiment, Figure, Reported, Table
from lessons.lab.runs import Plan, settings


def small(value: float) -> str:
    """Four places, or two digits where four places show nothing."""
    return f"{value:.4f}" if value == 0 or value >= 1e-3 else f"{value:.1e}"


COLUMNS = (
    ("iterations", lambda s: f"{s.iterations:.2f} ± {s.spread:.2f}"),
    ("median [quartiles]", lambda s: "{1:g} [{0:g}, {2:g}]".format(*s.quartiles)),
    ("solved", lambda s: f"{100 * s.success:.1f} %"),
    ("error in x", lambda s: f"{small(s.error)} ± {small(s.error_spread)}"),
    ("residual", lambda s: small(s.residual)),
    ("accepted", lambda s: f"{s.accepted:.2f}"),
    ("RJCP", lambda s: "–" if np.isnan(s.rjcp) else f"{s.rjcp:.2g}"),
    ("P", lambda s: f"{s.functions:.0f}"),
    ("J·", lambda s: f"{s.products:.0f}"),
    ("g", lambda s: f"{s.inverses:.0f}"),
)
LEGEND = "P, J·, g: evaluations of the simulator, products with its Jacobian, evaluations of the learned inverse."


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


def reported(experiment: Experiment, table: Table) -> list[tuple[Reported, str]]:
    """What the paper reports, each with the same quantities of this table, "" where it lacks them."""
    found = []
    for one in experiment.reported:
        try:
            found.append((one, one.ours(table)))
        except KeyError:  # a variant or method that was not run
            found.append((one, ""))
    return found


def as_text(plan: Plan, table: Table) -> str:
    """The table, the figures asked for and what the paper reports, in plain text."""
    experiment = plan.experiment
    head = ["variant", "method", *(name for name, _ in COLUMNS)]
    lines = [[variant, line.method, *(show(line) for _, show in COLUMNS)] for (variant, _), line in table.items()]
    widths = [max(len(row[i]) for row in [head, *lines]) for i in range(len(head))]
    seeds = f"{plan.seeds} training seeds, {plan.data_seeds} data seeds, {plan.instances} instances each"
    text = [f"{experiment.title}: {seeds}", ""]
    text += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *lines]
    ]
    text += ["", LEGEND, "", "Asked for:"]
    for figure, value, met in judged(experiment, table):
        text.append(f"  {'met    ' if met else 'NOT MET'}  {figure.words}: {value:.4g} ({asked(figure)})")
    if experiment.reported:
        text += ["", "Reported elsewhere:"]
    for one, ours in reported(experiment, table):
        text += [f"  {one.words} ({one.source})", f"    ours: {ours}. {one.why}" if ours else "    ours: not run"]
    return "\n".join(text)


def as_csv(table: Table) -> str:
    """One line per variant and method, every number in full."""
    names = [name for name in Summary._fields if name not in ("method", "quartiles", "statuses")]
    statuses = list(next(iter(table.values())).statuses)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["variant", "method", *names, "quartile_25", "median", "quartile_75", *statuses])
    for (variant, method), line in table.items():
        numbers = [getattr(line, name) for name in names]
        writer.writerow([variant, method, *numbers, *line.quartiles, *line.statuses.values()])
    return out.getvalue()


def as_json(plan: Plan, table: Table) -> str:
    """The table with all that is needed to run it again: settings, seeds, versions, device."""
    content = {
        "experiment": plan.experiment.slug,
        "seeds": {"training": plan.seeds, "data": plan.data_seeds, "instances": plan.instances, "steps": plan.steps},
        "made_with": backend.provenance(),
        "settings": {name: settings(plan.experiment.variant(name)) for name in plan.variants},
        "table": [{"variant": variant, **line._asdict()} for (variant, _), line in table.items()],
        "figures": [
            {"figure": figure.words, "value": value, "asked": asked(figure), "met": met}
            for figure, value, met in judged(plan.experiment, table)
        ],
        "reported": [
            {"reported": one.words, "source": one.source, "ours": ours, "why": one.why}
            for one, ours in reported(plan.experiment, table)
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)
