"""Measurements on the machine at hand, as a job: on a button, with progress and stop, drawn as they come in."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from core.forecast import remaining
from pages.ui.jobs import Job, Snapshot


@dataclass(frozen=True)
class MeasuringSnapshot(Snapshot):
    """One look at a measurement. records: what has been measured, in order.  left: seconds, None: not known."""

    unit: ClassVar[str] = "sizes"
    words: ClassVar[dict[str, str]] = Snapshot.words | {"done": "Measured", "running": "Measuring"}
    records: tuple[Any, ...]
    left: float | None = None

    def sentence(self) -> str:
        """Progress in words; no rate, since the last size takes longer than all before it."""
        said = super().sentence()
        return f"{said} · {remaining(self.left)}" if self.state == "running" else said


@dataclass(kw_only=True, eq=False)
class MeasuringJob(Job):
    """One series. `measure()` yields a record after each of `total` sizes; between two of them it can be stopped.

    forecast: seconds left, from the records and the seconds that each of them took; None while that is not known.
    """

    measure: Callable[[], Iterator[Any]]
    forecast: Callable[[Sequence[Any], Sequence[float]], float | None] = lambda records, spent: None

    def begin(self) -> MeasuringSnapshot:
        """Nothing measured."""
        self._records: list[Any] = []
        return MeasuringSnapshot("queued", 0, self.total, 0.0, 0, "", ())

    def latest(self) -> dict[str, Any]:
        """The records so far."""
        return {"records": tuple(self._records)}

    def work(self) -> None:
        """Measure one size after the other."""
        began = last = time.perf_counter()
        spent: list[float] = []
        self.publish(state="running", place=0)
        series = self.measure()
        while self.carry_on(time.perf_counter() - began):
            record = next(series, None)
            if record is None:
                self.end("done")
                return
            self._records.append(record)
            now = time.perf_counter()
            spent.append(now - last)
            last = now
            self.publish(state="running", step=len(self._records), left=self.forecast(self._records, spent))
