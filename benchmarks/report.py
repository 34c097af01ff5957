"""The table: what was measured, its budget, and whether the budget is met. Nothing here takes a time."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HEADINGS = ("what", "median", "p95", "× floor", "budget", "verdict", "note")


@dataclass(frozen=True)
class Budget:
    """A limit on one of a row's numbers: its "median", its "p95" or its "ratio" to the floor."""

    limit: float
    of: str = "median"
    at_least: bool = False


@dataclass(frozen=True)
class Row:
    """One measured quantity. floor: the same without what is being judged, measured in the same run and unit."""

    what: str
    unit: str
    median: float
    p95: float | None = None
    floor: float | None = None
    budget: Budget | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the floor; None without one, inf over a floor of nothing."""
        if self.floor is None:
            return None
        return self.median / self.floor if self.floor else float("inf")

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; None where there is none. A number that is missing or nan meets nothing."""
        if self.budget is None:
            return None
        value = getattr(self, self.budget.of)
        if value is None:
            return False
        return value >= self.budget.limit if self.budget.at_least else value <= self.budget.limit

    def cells(self) -> tuple[str, ...]:
        verdict = {None: "", True: "met", False: "NOT MET"}[self.met]
        p95 = "" if self.p95 is None else quantity(self.p95, self.unit)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return self.what, quantity(self.median, self.unit), p95, ratio, self._limit(), verdict, self.note

    def _limit(self) -> str:
        if self.budget is None:
            return ""
        unit = "× floor" if self.budget.of == "ratio" else self.unit
        quantile = " (p95)" if self.budget.of == "p95" else ""
        return f"{'≥' if self.budget.at_least else '≤'} {quantity(self.budget.limit, unit)}{quantile}"


@dataclass(frozen=True)
class Remark:
    """A measurement that was not taken: it broke (failed), or this machine cannot take it (skipped)."""

    what: str
    why: str
    failed: bool = True

    def cells(self) -> tuple[str, ...]:
        state = "failed" if self.failed else "skipped"
        return self.what, f"{state}: {self.why}", "", "", "", state, ""


def quantity(value: float, unit: str) -> str:
    """A number with as many digits as matter, and its unit."""
    if not math.isfinite(value):
        return f"{value} {unit}".rstrip()
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The smallest value that at least 95 % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]


def table(rows: Sequence[Row | Remark]) -> str:
    """All rows under one heading, in columns. What a remark says may run over the columns of numbers."""
    grid = [HEADINGS, *(row.cells() for row in rows)]
    plain = [HEADINGS, *(row.cells() for row in rows if isinstance(row, Row))]
    widths = [max(len(cells[i]) for cells in plain) for i in range(len(HEADINGS))]
    widths[0] = max(len(cells[0]) for cells in grid)
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in plain]
    rule = "─" * max(len(line) for line in lines)
    ready = iter(lines[1:])
    body = [
        next(ready) if isinstance(row, Row) else f"{row.cells()[0].ljust(widths[0])}  {row.cells()[1]}" for row in rows
    ]
    return "\n".join(line.rstrip() for line in [lines[0], rule, *body])


def summary(rows: Sequence[Row | Remark]) -> str:
    """How many budgets are met, and how many measurements are missing."""
    verdicts = [row.met for row in rows if isinstance(row, Row) and row.met is not None]
    remarks = [row for row in rows if isinstance(row, Remark)]
    failed = sum(remark.failed for remark in remarks)
    return f"{sum(verdicts)} of {len(verdicts)} budgets met; {failed} failed, {len(remarks) - failed} skipped."
