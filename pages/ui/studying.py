"""A study over seeds as a job: what the command line runs, row by row, kept in a folder so that it can be gone on with.

The rows come from `lessons.lab.runs.rows`, as they do for the command line: the numbers are the same.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from core.forecast import remaining
from core.study import Summary
from lessons.figures import METHODS
from lessons.lab import outlook, runs, shelf
from lessons.lab.outlook import Outlook, beginning, trained
from lessons.lab.runs import Doing, Plan, Rows
from pages.ui.jobs import Job, Snapshot
from pages.ui.sharing import Lock

FINE = 1000  # steps of the bar
POLITE = 0.1  # seconds between two looks at the folder's lock, or at the wish to stop

Table = dict[tuple[str, str], Summary]


class Stopped(Exception):
    """The student, or the clock, ends the run; its end is told already."""


@dataclass(frozen=True)
class StudySnapshot(Snapshot):
    """One look at a study. table: the lines so far.  rows: how many rows are there.  doing, left: for the reader.

    left: seconds, None where they are not known.
    """

    words: ClassVar[dict[str, str]] = Snapshot.words | {"done": "All rows are there", "running": "Running"}
    table: Table
    rows: int
    doing: str
    left: float | None

    def sentence(self) -> str:
        """What it is at, and how long it will take."""
        if self.state == "running":
            return f"{self.doing} · {remaining(self.left)}"
        if self.state == "queued":
            return super().sentence()
        return self.words.get(self.state, self.message)


@dataclass(kw_only=True, eq=False)
class StudyJob(Job):
    """One plan, in a folder of its own, or in none where nothing can be kept."""

    total: int = FINE
    plan: Plan
    folder: Path | None
    remark: str = ""  # why nothing can be kept, if so

    def begin(self) -> StudySnapshot:
        """What is kept already."""
        self._found: Rows = runs.kept(self.plan, self.folder)
        self._table = runs.tabulate(self.plan, self._found)
        return StudySnapshot("queued", 0, FINE, 0.0, 0, "", self._table, len(self._found), "", None)

    def latest(self) -> dict[str, Any]:
        """The table so far."""
        return {"table": self._table, "rows": len(self._found)}

    def work(self) -> None:
        """Run the plan; between two rows, and between two chunks of training, it can be stopped."""
        began = time.perf_counter()

        def look(step: int, doing: str, left: float | None) -> None:
            if not self.carry_on(time.perf_counter() - began):
                raise Stopped
            self.publish(state="running", step=step, doing=doing, left=left, place=0)

        # Two jobs on one folder, of this process or of another: one waits, then finds it done.
        lock = Lock(self.folder / ".lock") if self.folder else None
        try:
            while lock is not None and not lock.acquire():
                look(0, "Somebody runs this very plan; you will have its rows too", None)
                time.sleep(POLITE)
            try:
                self._run_plan(look)
            finally:
                if lock is not None:
                    lock.release()
        except Stopped:
            return
        self.end("done")

    def _run_plan(self, look: Callable[[int, str, float | None], None]) -> None:
        self._found |= runs.kept(self.plan, self.folder)
        view = beginning(self.plan, self.folder)

        def report(doing: Doing) -> None:
            share, left = view.look(doing)
            look(round(FINE * share), say(doing), left)

        try:
            for variant, key, row in runs.rows(self.plan, self.folder, report, mend=True):
                self._found[variant, key] = row
                self._table = runs.tabulate(self.plan, self._found)
            view.look(None)
        finally:
            view.keep()


def say(doing: Doing) -> str:
    """What a run is at, for a reader of the page."""
    if doing.method:
        return f"{doing.variant}: solving by {METHODS[doing.method].label}"
    return f"{doing.variant}: training, step {doing.done:,} of {doing.total:,}"


def key_of(plan: Plan) -> tuple:
    """What makes a job this plan's: the folder, and what of it is asked for."""
    return shelf.place(plan), plan.variants, plan.chosen


def start(plan: Plan, paint: Callable[[StudySnapshot], bytes] | None = None) -> StudyJob:
    """A job for this plan, begun."""
    folder, remark = shelf.claim(plan)
    return StudyJob(key=key_of(plan), plan=plan, folder=folder, remark=remark, paint=paint).start()


def kept(plan: Plan) -> tuple[Table, float | None]:
    """What is known of a plan without a job: its table so far, and the seconds that the rest would take.

    0 seconds: there is no rest; None: how long it would take is not known yet.
    """
    folder = shelf.place(plan)
    found = runs.kept(plan, folder) if folder.is_dir() else {}
    return runs.tabulate(plan, found), Outlook(plan, found, trained(plan, folder)).seconds()


def stamp(plan: Plan) -> tuple:
    """What changes whenever a row is added to the plan's folder, or more is known about times."""
    folder = shelf.place(plan)
    return folder.name, folder.stat().st_mtime_ns if folder.is_dir() else 0, *outlook.stamp()
