"""What one student has trained: the running job, and every model of this session by what it is about.

It lives in the session's state, which survives a lost connection; a session-scoped cache entry beside it tells when the
browser leaves and comes back.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import streamlit as st

from core.cost import ORDER, measurements, seconds_left
from core.deceptron import Deceptron
from lessons import lessons
from lessons.figures import Drawing
from lessons.lab.runs import Plan
from lessons.learned import setting, train
from lessons.lesson import Lesson, Result, Settings
from lessons.newton import cost
from lessons.scene import still
from pages.ui import studying
from pages.ui.jobs import Job, Snapshot, find
from pages.ui.measuring import MeasuringJob, MeasuringSnapshot
from pages.ui.stage import pack
from pages.ui.studying import StudyJob, StudySnapshot
from pages.ui.training_job import TrainingJob, TrainingSnapshot

AnyJob = TypeVar("AnyJob", bound=Job)
Actions = dict[str, tuple[tuple[str, str, bool], ...]]
TRAINING: Actions = {
    "": (("start", "Train", True),),
    "queued": (("stop", "Stop", False),),
    "running": (("pause", "Pause", False), ("stop", "Stop", False)),
    "paused": (("resume", "Go on", True), ("stop", "Stop", False)),
    "finished": (("start", "Train again", True), ("reset", "Reset", False)),
}
REHEARSING = TRAINING | {
    "": (("start", "Train it live", False),),
    "finished": (("start", "Train it again", False), ("reset", "Back to the prepared one", False)),
}
MEASURING: Actions = {
    "": (("start", "Measure", True),),
    "queued": (("stop", "Stop", False),),
    "running": (("stop", "Stop", False),),
    "finished": (("start", "Measure again", True), ("reset", "Reset", False)),
}

STUDYING = MEASURING | {"": (), "finished": ()}  # what starts a study says how long it takes, so the page makes it


class Key(NamedTuple):
    """What a model is about; changing anything else does not make it another one. page: where it is trained."""

    page: str
    problem: str
    variant: str
    seed: int = 0


def key_of(settings: Settings) -> Key:
    """The model that the page on training is about at these settings."""
    variant = f"{settings['architecture']}-{settings['width']}"
    return Key("train", settings["problem"], variant, round(settings["seed"]))


class Workshop:
    """One session's models and measurements. At most one training at a time; a new one stops the old one."""

    def __init__(self):
        self.job: TrainingJob | None = None
        self.measuring: MeasuringJob | None = None
        self.study: StudyJob | None = None
        self.kept: dict[Key, TrainingSnapshot] = {}

    def act(self, name: str, settings: Settings) -> None:
        """What a button of the page on training asks for."""
        self.train(name, key_of(settings), lambda: toy_job(settings))

    def train(self, name: str, key: Key, job: Callable[[], TrainingJob]) -> None:
        """What a button asks for that is about this model; `job` makes the one that is started."""
        if name == "start":
            self._put_away()
            self.job = job().start()
        elif name == "reset":
            self._put_away()
            self.kept.pop(key, None)
        else:
            self.job = _steered(self.job, name, TrainingJob)

    def look(self, settings: Settings) -> TrainingSnapshot | None:
        """The state of the model that these settings are about; a running job is told the weights in force."""
        snapshot = self.see(key_of(settings))
        if self.job is not None and self.job.key == key_of(settings):
            # The length was fixed at the start, and the learning rate's cosine with it.
            total = jnp.float32(self.job.total)
            self.job.set(dataclasses.replace(train.hyper(settings), total_steps=total))
        return snapshot

    def see(self, key: Key) -> TrainingSnapshot | None:
        """The state of a model; a job of the same page that is about another one is stopped."""
        if self.job is not None and self.job.key.page == key.page and self.job.key != key:
            self._put_away()
        if self.job is None or self.job.key != key:
            return self.kept.get(key)
        snapshot = self.job.snapshot()
        if snapshot.finished:
            self.kept[key] = snapshot
        return snapshot

    def latest(self, problem: str) -> TrainingSnapshot | None:
        """The most recent model of a problem that has been trained at all."""
        if self.job is not None and self.job.key[:2] == ("train", problem):
            return self.job.snapshot()
        found = [snapshot for key, snapshot in self.kept.items() if key[:2] == ("train", problem)]
        return found[-1] if found else None

    def measure(self, name: str, settings: Settings) -> None:
        """What a button of the page on Newton's cost asks for."""
        if name == "start":
            frozen = dict(settings)
            self.measuring = MeasuringJob(
                total=len(ORDER),
                measure=lambda: measurements(ORDER),
                forecast=lambda records, spent: seconds_left(records, spent, ORDER),
                paint=lambda snapshot: measured_frame(snapshot, frozen),
            ).start()
        elif name == "reset":
            self.measuring = None
        else:
            self.measuring = _steered(self.measuring, name, MeasuringJob)

    def run_study(self, name: str, plan: Plan | None) -> None:
        """What a button of the page on studies asks for; a study in hand is stopped before another begins."""
        if name == "start" and plan is not None:
            if self.study is not None:
                self.study.stop()
            self.study = studying.start(plan, study_frame)
        else:
            self.study = _steered(self.study, name, StudyJob)

    def stay(self) -> None:
        for job in (self.job, self.measuring, self.study):
            if job is not None:
                job.stay()

    def leave(self) -> None:
        for job in (self.job, self.measuring, self.study):
            if job is not None:
                job.leave()

    def _put_away(self) -> None:
        """Stop the job and keep what it has reached."""
        if self.job is not None:
            self.job.stop()
            self.job.join(2.0)
            self.kept.pop(self.job.key, None)
            self.kept[self.job.key] = self.job.snapshot()
        self.job = None


def _steered(job: AnyJob | None, name: str, kind: type[AnyJob]) -> AnyJob | None:
    """The job after a button that every job knows. A reloaded page is a new session, but its tab remembers the job."""
    if name.startswith("attach:"):
        found = find(name.removeprefix("attach:"))
        return found if job is None and isinstance(found, kind) else job
    wishes = {"pause": (Job.pause, "paused"), "resume": (Job.resume, "running"), "stop": (Job.stop,)}
    if job is not None and name in wishes:
        wish, *states = wishes[name]
        wish(job)
        job.reach(*states)
    return job


def toy_job(settings: Settings) -> TrainingJob:
    """Training from scratch with these settings."""
    frozen = dict(settings)
    return TrainingJob(
        setup=setting.setup(settings["problem"], settings["architecture"], int(settings["width"])),
        seed=round(settings["seed"]),
        key=key_of(settings),
        hyper=train.hyper(settings),
        total=round(settings["steps"]),
        paint=lambda snapshot: frame(snapshot, frozen),
        watchable=settings["pace"] == "slow",
    )


def workshop() -> Workshop:
    """This session's workshop; every script run says that the browser is here."""
    mine = st.session_state.setdefault("workshop", Workshop())
    _presence(mine).stay()
    return mine


@st.cache_resource(scope="session", on_release=lambda mine: mine.leave(), show_spinner=False)
def _presence(_mine: Workshop) -> Workshop:
    return _mine


def followed(job: Job | None, snapshot: Snapshot | None, actions: Actions) -> dict[str, Any]:
    """What the stage shows of a job beside its picture: buttons, progress, and the stream while it goes on."""
    streaming = job is not None and snapshot is not None and not snapshot.finished
    return {
        "actions": buttons(snapshot, actions),
        "progress": progress(snapshot),
        "events": f"job/{job.token}/events" if streaming else None,
    }


def buttons(snapshot: Snapshot | None, actions: Actions = TRAINING) -> list[dict[str, Any]]:
    """The buttons that make sense in this state."""
    state = "" if snapshot is None else "finished" if snapshot.finished else snapshot.state
    return [
        {"name": name, "label": label, "primary": primary, "disabled": False, "title": ""}
        for name, label, primary in actions[state]
    ]


def progress(snapshot: Snapshot | None) -> dict[str, Any] | None:
    if snapshot is None:
        return None
    tone = "warn" if snapshot.state in ("diverged", "failed") else "normal"
    text = snapshot.message or snapshot.sentence()
    return {"text": text, "fraction": snapshot.step / snapshot.total, "tone": tone}


def result_of(lesson: Lesson, snapshot: TrainingSnapshot | None, settings: Settings) -> Result:
    """The picture of a model at some point of its training."""
    if snapshot is None:
        return lesson.experiment(**settings)
    return lesson.experiment(snapshot.model, **settings) | {"history": snapshot.history}


def frame(snapshot: TrainingSnapshot, settings: Settings, slug: str = "train", actions: Actions = TRAINING) -> bytes:
    """What a watching browser is sent: the moving lines and the map, progress and buttons."""
    lesson = lessons()[slug]
    return _patch(lesson.draw(result_of(lesson, snapshot, settings)), snapshot, actions)


def measured_frame(snapshot: MeasuringSnapshot, settings: Settings) -> bytes:
    """What a browser is sent that watches a measurement."""
    lesson = lessons()["newton-cost"]
    return _patch(lesson.draw(lesson.experiment(cost.given_of(snapshot.records), **settings)), snapshot, MEASURING)


def study_frame(snapshot: StudySnapshot) -> bytes:
    """What a browser is sent that watches a study: progress, and that there are new rows, which it then asks for."""
    patch = {"state": snapshot.state, "still": {}, "numbers": {}, "news": snapshot.rows}
    return pack({"patch": patch | {"progress": progress(snapshot), "actions": buttons(snapshot, STUDYING)}}, {})


def _patch(drawing: Drawing, snapshot: Snapshot, actions: Actions) -> bytes:
    arrays: dict[str, Any] = {}
    patch = {
        "state": snapshot.state,
        "still": still(drawing, arrays),
        "numbers": {},
        "progress": progress(snapshot),
        "actions": buttons(snapshot, actions),
    }
    return pack({"patch": patch}, arrays)


def model_for_walking(settings: Settings) -> tuple[Deceptron, str, str]:
    """The model that D-IPG walks with, a name for it, and a remark if it is not the wished one."""
    mine = workshop().latest(settings["problem"]) if settings["model_from"] == "mine" else None
    if mine is not None and mine.step:
        return mine.model, f"mine:{fingerprint(mine.model)}", ""
    remark = ""
    if settings["model_from"] == "mine":
        remark = "You have trained no Deceptron on this problem in this session, so the standard one walks."
    return setting.standard_fit(settings["problem"]).model, f"standard:{settings['problem']}", remark


def fingerprint(model: Deceptron) -> str:
    """A name that no other model has: what was computed with it is kept under that name."""
    leaves = jax.tree.leaves(eqx.filter(model, eqx.is_array))
    return hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest()[:16]
