"""From a lesson's settings to a plan, from a plan's table to arrays and back; and what is read off the table."""

import shlex
from collections.abc import Mapping
from functools import cache

import numpy as np

from core.protocol import Status
from core.study import Summary
from lessons.lab.counts import QUANTILES
from lessons.lab.experiments import CLASSICAL, DIFFERENCED, EXPERIMENTS, FULL, LEARNED, PROBES, TIED, Table
from lessons.lab.runs import Plan
from lessons.lesson import Settings

NO_JCP = "no JCP"
TICKED = {
    "no-jcp": NO_JCP,
    "no-reconstruction": "no reconstruction",
    "no-cycle": "no cycle",
    "no-warm-up": "no warm-up",
    "centred": "y centred",
    "random-start": "random start",
    "tied": TIED,
}
PROBED = {str(count): name for name, count in PROBES.items()}
EVERY = (FULL, *TICKED.values(), *PROBES)
ALL = (*CLASSICAL, *LEARNED)
STATUSES = tuple(status.name.lower() for status in Status)
MEASURED = tuple(name for name in Summary._fields if name not in ("method", "statuses", *QUANTILES))
QUARTILES = tuple(f"{name}.{k}" for name in QUANTILES for k in range(3))
QUANTITIES = (*MEASURED, *QUARTILES, *STATUSES)
MUCH_SLOWER, BLURRED = 1.5, 1.25  # iterations, and errors in x, that are so many times as large are told as larger
SOLVED = 0.5  # below this share of solved runs the iterations of those few say little


def plan_of(settings: Settings) -> Plan | None:
    """What these settings ask for; None where no method is ticked that this experiment has."""
    experiment = EXPERIMENTS[settings["experiment"]]
    names = [TICKED[key] for key in settings["variants"]] + [PROBED[key] for key in settings["probes"]]
    methods = tuple(name for name in experiment.methods if name in settings["methods"])
    if not methods:
        return None
    share = settings["training"]
    return Plan(
        experiment,
        round(settings["seeds"]),
        round(settings["data_seeds"]),
        round(settings["instances"]),
        None if share == 1 else max(1, round(share * whole_training(experiment.slug))),
        (FULL, *(name for name in names if name in experiment.variants)),
        methods,
    )


@cache
def whole_training(slug: str) -> int:
    """The training steps of an experiment."""
    return int(EXPERIMENTS[slug].setup().hyper.total_steps)


def given_of(table: Table) -> np.ndarray:
    """The table as one array, (variants, methods, quantities), nan where nothing is known: what `simulate` takes."""
    numbers = np.full((len(EVERY), len(ALL), len(QUANTITIES)), np.nan)
    for (variant, method), line in table.items():
        parts = [getattr(line, name) for name in MEASURED]
        parts += [value for name in QUANTILES for value in getattr(line, name)]
        parts += [line.statuses[name] for name in STATUSES]
        numbers[EVERY.index(variant), ALL.index(method)] = parts
    return numbers


def table_of(result: Mapping) -> Table:
    """The table of a result, in the order of the plan."""
    plan = plan_of(result["settings"])
    found = {}
    for variant in () if plan is None else plan.variants:
        for method in plan.chosen:
            numbers = dict(zip(QUANTITIES, result["numbers"][EVERY.index(variant), ALL.index(method)], strict=True))
            if np.isfinite(numbers["instances"]) and numbers["instances"] > 0:
                found[variant, method] = Summary(
                    method=method,
                    **{name: tuple(float(numbers[f"{name}.{k}"]) for k in range(3)) for name in QUANTILES},
                    statuses={name: int(np.nan_to_num(numbers[name])) for name in STATUSES},
                    **{name: float(numbers[name]) for name in MEASURED if name != "instances"},
                    instances=int(numbers["instances"]),
                )
    return found


def named(variant: str) -> str:
    """A variant as a reader is told it."""
    return "full training" if variant == FULL else variant


def nothing_run(_settings: Settings) -> np.ndarray:
    """The table before the button is pressed."""
    return given_of({})


def ready(result):
    """Whether the table can judge the prediction: D-IPG, differenced, with JCP and without."""
    table = table_of(result)
    return (FULL, DIFFERENCED) in table and (NO_JCP, DIFFERENCED) in table


def ratios(result, variant=NO_JCP, method=DIFFERENCED):
    """Iterations, error in x and RJCP of a variant over those of the full training; nan where one is missing.

    The iterations are the mean of the solved runs. Where less than half are solved, the ratio is infinite for the
    variant and 0 for the full training: few iterations of the few that are solved are no merit.
    """
    table = table_of(result)
    if (FULL, method) not in table or (variant, method) not in table:
        return (float("nan"),) * 3
    full, other = table[FULL, method], table[variant, method]
    count = over(other.iterations, full.iterations) if full.success >= SOLVED else 0.0
    count = count if other.success >= SOLVED else float("inf")
    return (count, *(over(getattr(other, name), getattr(full, name)) for name in ("error", "rjcp")))


def over(value, other):
    if other > 0:
        return value / other
    return float("inf") if value > 0 else 1.0


def complete(plan, table):
    """Whether every line has all its instances."""
    return all(
        (variant, key[0]) in table and table[variant, key[0]].instances == instances_of(plan, key[0])
        for variant in plan.variants
        for key in plan.keys(variant)
    )


def instances_of(plan, method):
    """How many instances a whole line sums up."""
    return plan.instances * plan.data_seeds * (plan.seeds if method in LEARNED else 1)


def command(plan: Plan) -> str:
    """The command line that gives the same numbers."""
    words = [plan.experiment.slug, "--seeds", str(plan.seeds), "--data-seeds", str(plan.data_seeds)]
    words += ["--instances", str(plan.instances)]
    words += [] if plan.steps is None else ["--steps", str(plan.steps)]
    words += ["--first-seed", str(plan.first_seed)] if plan.first_seed else []
    words += ["--variants", ",".join(plan.variants), "--methods", ",".join(plan.chosen), "--out", "results"]
    return f"python -m lessons.lab {shlex.join(words)}"
