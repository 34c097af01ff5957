"""Where a lesson's model comes from: most need none, one trains it before your eyes, one walks with it."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from core.forecast import about
from lessons.lab import study_table, tables
from lessons.lab.experiments import EXPERIMENTS
from lessons.lab.runs import Plan
from lessons.lesson import Lesson, Result, Settings
from lessons.newton import cost
from pages.ui import pictures, studying
from pages.ui.training_job import TrainingJob, TrainingSnapshot
from pages.ui.workshop import (
    MEASURING,
    REHEARSING,
    STUDYING,
    TRAINING,
    Key,
    fingerprint,
    followed,
    frame,
    model_for_walking,
    progress,
    result_of,
    workshop,
)


class File(NamedTuple):
    """A file to take away: what the button says, the file's name, how its content is made when it is asked for."""

    label: str
    name: str
    content: Callable[[], str]


class NoModel:
    """A lesson without a model: the result depends on the settings alone, so it is shared by everybody."""

    elsewhere = True  # whether a picture at other places of the sliders and points needs nothing of this run

    def __init__(self, lesson: Lesson, settings: Settings):
        self.lesson, self.settings = lesson, settings
        self.remarks: list[str] = []
        self.given, self.given_name = None, ""
        self.watched = False  # while its model changes by the moment, no slider can be prepared for
        workshop()  # tells this session's training, wherever it was started, that the browser is still here

    def result(self) -> Result:
        return pictures.result(self.lesson, self.settings, self.given, self.given_name)

    def extra(self) -> dict[str, Any]:
        """What the stage shows beside the picture: buttons, progress, a stream."""
        return {}

    def act(self, name: str) -> None:
        """A button of the stage was pressed."""

    def files(self) -> tuple[list[File], str]:
        """What can be taken away beside the code, and the command line that makes the same."""
        return [], ""


class StandardOrMine(NoModel):
    """D-IPG walks with the standard Deceptron, or with the one that the student trained."""

    def __init__(self, lesson: Lesson, settings: Settings):
        super().__init__(lesson, settings)
        with st.spinner("Training the standard Deceptron: once, then it is kept …"):
            self.given, self.given_name, remark = model_for_walking(settings)
        self.remarks = [remark] if remark else []


class Prepared(NoModel):
    """What a lesson prepares takes a while the first time; then it is everybody's."""

    def __init__(self, lesson: Lesson, settings: Settings):
        super().__init__(lesson, settings)
        with st.spinner("Training what this page works with: once, then it is kept …"):
            lesson.prepare(settings)


class Rehearsed(Prepared):
    """A lesson that walks with a prepared model, or with one that is, or was, trained before your eyes."""

    def __init__(self, lesson: Lesson, settings: Settings):
        super().__init__(lesson, settings)
        experiment, variant = lesson.trains(settings)
        self.key = Key(lesson.slug, experiment, variant)
        self.snapshot = workshop().see(self.key)
        self.watched = self.snapshot is not None and not self.snapshot.finished
        if self.snapshot is not None:
            self.given, self.given_name = self.snapshot.model, f"mine:{fingerprint(self.snapshot.model)}"
        if self.watched:
            workshop().job.paint = self._frame  # of the settings in force

    def result(self) -> Result:
        return result_of(self.lesson, self.snapshot, self.settings) if self.watched else super().result()

    def extra(self) -> dict[str, Any]:
        return followed(workshop().job if self.watched else None, self.snapshot, REHEARSING)

    def act(self, name: str) -> None:
        workshop().train(name, self.key, self._job)

    def _job(self) -> TrainingJob:
        setup = EXPERIMENTS[self.key.problem].variant(self.key.variant)
        steps = int(setup.hyper.total_steps)
        return TrainingJob(
            setup=setup, seed=0, key=self.key, hyper=setup.hyper, total=steps, paint=self._frame, watchable=True
        )

    def _frame(self, snapshot: TrainingSnapshot) -> bytes:
        return frame(snapshot, self.settings, self.lesson.slug, REHEARSING)


class LiveTraining(NoModel):
    """The Deceptron of the settings in force, untrained, in training or trained."""

    elsewhere = False

    def __init__(self, lesson: Lesson, settings: Settings):
        super().__init__(lesson, settings)
        self.snapshot = workshop().look(settings)

    def result(self) -> Result:
        return result_of(self.lesson, self.snapshot, self.settings)

    def extra(self) -> dict[str, Any]:
        return followed(workshop().job, self.snapshot, TRAINING)

    def act(self, name: str) -> None:
        workshop().act(name, self.settings)


class Measured(NoModel):
    """What Newton's step costs on this machine, as far as this student has had it measured."""

    elsewhere = False

    def __init__(self, lesson: Lesson, settings: Settings):
        super().__init__(lesson, settings)
        job = workshop().measuring
        self.snapshot = None if job is None else job.snapshot()
        records = () if self.snapshot is None else self.snapshot.records
        self.given = cost.given_of(records)
        self.given_name = f"measured:{job.token}:{len(records)}" if records else ""

    def result(self) -> Result:
        return self.lesson.experiment(self.given, **self.settings)

    def extra(self) -> dict[str, Any]:
        return followed(workshop().measuring, self.snapshot, MEASURING)

    def act(self, name: str) -> None:
        workshop().measure(name, self.settings)


class Studied(NoModel):
    """The table of a study as far as it has been run: by this student's job, or by anybody before."""

    elsewhere = False

    def __init__(self, lesson: Lesson, settings: Settings):
        super().__init__(lesson, settings)
        self.plan = study_table.plan_of(settings)
        job = workshop().study
        self.snapshot = None if job is None else job.snapshot()
        mine = job is not None and self.plan is not None and job.key == studying.key_of(self.plan)
        if self.plan is None:
            self.table, self.left = {}, 0.0
        elif mine and not self.snapshot.finished:
            self.table, self.left = self.snapshot.table, 0.0
        else:
            self.table, self.left = _kept(studying.key_of(self.plan), studying.stamp(self.plan), self.plan)
        if mine and job.folder is None:  # what could not be kept is known to the job alone
            self.table = self.snapshot.table
            self.left = 0.0 if self.snapshot.state == "done" else self.left
        self.mine, running = mine, self.snapshot is not None and not self.snapshot.finished
        if running and not mine:
            self.remarks = ["A study at other settings is running; this one can be run after it."]
        elif mine and job.remark:
            self.remarks = [job.remark]
        self.given = study_table.given_of(self.table)

    def result(self) -> Result:
        return self.lesson.experiment(self.given, **self.settings)

    def extra(self) -> dict[str, Any]:
        if self.snapshot is not None and not self.snapshot.finished:
            return followed(workshop().study, self.snapshot, STUDYING)
        ended = self.mine and self.snapshot.state != "done"
        return {
            "actions": [run_button(self.left, bool(self.table))] if self.left != 0.0 else [],
            "progress": progress(self.snapshot) if ended else None,
            "events": None,
        }

    def act(self, name: str) -> None:
        workshop().run_study(name, self.plan)

    def files(self) -> tuple[list[File], str]:
        if not self.table:
            return [], ""
        name = f"study-{self.plan.experiment.slug}"
        return [
            File("CSV", f"{name}.csv", partial(tables.as_csv, self.table)),
            File(
                "JSON, with settings, seeds, versions and device",
                f"{name}.json",
                partial(tables.as_json, self.plan, self.table),
            ),
        ], study_table.command(self.plan)


def run_button(left: float | None, begun: bool) -> dict[str, Any]:
    """The button that runs what is missing of a study, with the time it takes, if that is known."""
    label = f"{'Go on' if begun else 'Run'}, {about(left)}"
    return {"name": "start", "label": label, "primary": True, "disabled": False, "title": ""}


@st.cache_resource(max_entries=64, show_spinner=False)
def _kept(key: tuple, stamp: tuple, _plan: Plan) -> tuple[dict, float | None]:
    return studying.kept(_plan)


SOURCES = {
    "probes": Prepared,
    "train": LiveTraining,
    "dipg": StandardOrMine,
    "speed": Prepared,
    "linear-check": Prepared,
    "heat-1d": Rehearsed,
    "oscillator": Rehearsed,
    "limits": Prepared,
    "diagnosis": Prepared,
    "newton-cost": Measured,
    "studies": Studied,
}
