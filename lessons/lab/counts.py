"""Counts of iterations in words and cells: those of the solved runs, and what became of the others."""

import numpy as np

from core.study import Quartiles, Summary

QUANTILES = {  # of a Summary, with the names of their columns in a CSV
    "quartiles": "solved_{}",
    "needed": "needed_{}",
    "given_up": "given_up_{}",
    "exact": "exact_{}",
}
NO_BOUNDS = (False, False, False)


def quartiles(values: Quartiles, at_least: tuple[bool, bool, bool] = NO_BOUNDS) -> str:
    """Median [quartiles]: "–" of nothing, ≥ before a lower bound, ∞ for what never happens."""
    if np.isnan(values[1]):
        return "–"
    low, middle, high = (
        f"{'≥ ' if bound else ''}{'∞' if np.isinf(value) else f'{value:g}'}"
        for value, bound in zip(values, at_least, strict=True)
    )
    return f"{middle} [{low}, {high}]"


def unsolved(line: Summary) -> str:
    """How many runs stalled, were out of budget, diverged: the counts, in this order."""
    return ", ".join(str(line.statuses[name]) for name in ("stalled", "budget", "diverged"))


def counted(line: Summary) -> str:
    """The iterations of the solved runs, and what became of the others, in words."""
    share = {name: count / line.instances for name, count in line.statuses.items()}
    parts = []
    if share["converged"]:
        whole = "all solved" if share["converged"] == 1 else f"{percent(share['converged'])} solved"
        parts.append(f"{quartiles(line.quartiles)} iterations, {whole}")
    else:
        parts.append("none solved")
    if share["stalled"]:
        parts.append(f"{percent(share['stalled'])} stalled after {quartiles(line.given_up)}")
    if share["budget"]:
        parts.append(f"{percent(share['budget'])} out of budget")
    if share["diverged"]:
        parts.append(f"{percent(share['diverged'])} diverged")
    return ", ".join(parts)


def percent(share: float) -> str:
    """A share of runs; neither none nor all of them is rounded to 0 or 100 %."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    return "over 99.9 %" if 0.999 < share < 1 else f"{100 * share:.{0 if share in (0, 1) else 1}f} %"
