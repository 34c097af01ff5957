"""Measurements on the machine at hand, as a job: on a button, with progress and stop, drawn as they come in."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from pages.ui.jobs import Job, Snapshot


@dataclass(frozen=True)
class MeasuringSnapshot(Snapshot):
    """One look at a measurement. records: what has been measured, in order."""

    unit: ClassVar[str] = "sizes"
    words: ClassVar[dict[str, str]] = Snapshot.words | {"done": "Measured", "running": "Measuring"}
    records: tuple[Any, ...]


@dataclass(kw_only=True, eq=False)
class MeasuringJob(Job):
    """One series. `measure()` yields a record after each of `total` sizes; between two of them it can be stopped."""

    measure: Callable[[], Iterator[Any]]

    def begin(self) -> MeasuringSnapshot:
        """Nothing measured."""
        self._records: list[Any] = []
        return MeasuringSnapshot("queued", 0, self.total, 0.0, 0, "", ())

    def latest(self) -> dict[str, Any]:
        """The records so far."""
        return {"records": tuple(self._records)}

    def work(self) -> None:
        """Measure one size after the other. No rate is told: the last size takes longer than all before it."""
        began = time.perf_counter()
        series = self.measure()
        while self.carry_on(time.perf_counter() - began):
            record = next(series, None)
            if record is None:
                self.end("done")
                return
            self._records.append(record)
            self.publish(state="running", step=len(self._records))
