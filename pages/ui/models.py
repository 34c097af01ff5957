"""Where a lesson's model comes from: most need none, one trains it before your eyes, one walks with it."""

from typing import Any

import streamlit as st

from lessons.lesson import Lesson, Result, Settings
from lessons.newton import cost
from pages.ui import pictures
from pages.ui.workshop import MEASURING, TRAINING, followed, model_for_walking, result_of, workshop


class NoModel:
    """A lesson without a model: the result depends on the settings alone, so it is shared by everybody."""

    def __init__(self, lesson: Lesson, settings: Settings):
        self.lesson, self.settings = lesson, settings
        self.remarks: list[str] = []
        self.given, self.given_name = None, ""
        workshop()  # tells this session's training, wherever it was started, that the browser is still here

    def result(self) -> Result:
        return pictures.result(self.lesson, self.settings, self.given, self.given_name)

    def extra(self) -> dict[str, Any]:
        """What the stage shows beside the picture: buttons, progress, a stream."""
        return {}

    def act(self, name: str) -> None:
        """A button of the stage was pressed."""


class StandardOrMine(NoModel):
    """D-IPG walks with the standard Deceptron, or with the one that the student trained."""

    def __init__(self, lesson: Lesson, settings: Settings):
        super().__init__(lesson, settings)
        with st.spinner("Training the standard Deceptron, some seconds the first time …"):
            self.given, self.given_name, remark = model_for_walking(settings)
        self.remarks = [remark] if remark else []


class Prepared(NoModel):
    """What a lesson prepares takes a while the first time; then it is everybody's."""

    def __init__(self, lesson: Lesson, settings: Settings):
        super().__init__(lesson, settings)
        with st.spinner("Training what this page works with, some seconds the first time …"):
            lesson.prepare(settings)


class LiveTraining(NoModel):
    """The Deceptron of the settings in force, untrained, in training or trained."""

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


SOURCES = {
    "probes": Prepared,
    "train": LiveTraining,
    "dipg": StandardOrMine,
    "linear-check": Prepared,
    "heat-1d": Prepared,
    "oscillator": Prepared,
    "newton-cost": Measured,
}
