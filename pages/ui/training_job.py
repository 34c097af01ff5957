"""Training as a job: jitted chunks, with the weights in force when a chunk begins, and a halt at divergence."""

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np

from core import training
from core.deceptron import Deceptron
from core.forecast import Forecast
from core.setup import Hyper, Setup
from pages.ui import attendance
from pages.ui.jobs import PICTURES, Job, Snapshot

SLOW_CHUNK = 20  # steps between two frames of a run that is slowed down to be watched: 600 steps a second
CLASS_PICTURES = 10.0  # a second, while a class is at work: a training run must not starve the pages
EXPLOSION = 100.0  # a chunk whose loss is this many times the best so far has diverged


@dataclass(frozen=True)
class TrainingSnapshot(Snapshot):
    """One look at a training run. history: arrays by name, one value per chunk."""

    words: ClassVar[dict[str, str]] = Snapshot.words | {"done": "Trained", "running": "Training"}
    model: Deceptron
    history: dict[str, np.ndarray]


@dataclass(kw_only=True, eq=False)
class TrainingJob(Job):
    """One training run.

    watchable: no faster than PICTURES chunks of SLOW_CHUNK steps a second. At full speed a toy is trained within a
    second, before a student has seen, let alone changed, anything.
    """

    setup: Setup
    seed: int
    hyper: Hyper
    watchable: bool = False

    def begin(self) -> TrainingSnapshot:
        """An untrained model."""
        self._state = training.start(self.setup, jax.random.key(self.seed))
        self._history: dict[str, list[float]] = {"step": []}
        return TrainingSnapshot("queued", 0, self.total, 0.0, 0, "", self._state.model, {})

    def set(self, hyper: Hyper) -> None:
        """Move weights, rate, noise or probes; the next chunk follows them."""
        with self._lock:
            self.hyper = hyper

    def latest(self) -> dict[str, Any]:
        """The model and its history so far."""
        history = {name: np.asarray(values) for name, values in self._history.items()}
        return {"model": self._state.model, "history": history}

    def work(self) -> None:
        """Train, chunk by chunk; a chunk that diverges ends the run with the last good state."""
        steps, best, good = 0, np.inf, self._state
        spent = rate = last_frame = due = 0.0
        size = SLOW_CHUNK if self.watchable else training.CHUNK
        asked = _asked(self.hyper)
        view = Forecast({"step": self.total}, ["compilation"])
        while steps < self.total:
            if not self.carry_on(spent):
                return
            began = time.perf_counter()
            chunk, hyper = min(size, self.total - steps), self.hyper
            if _asked(hyper) != asked:
                asked, best = _asked(hyper), np.inf
            self._state, metrics = training.advance(self._state, self.setup, hyper, chunk)
            metrics = jax.device_get(metrics)  # all at once; NumPy's mean of an array of JAX's is a call of JAX each
            total = float(np.mean(metrics.total))
            if self.watchable:
                # Against a deadline, not from now: what lies between two chunks must not slow the pictures down.
                due = max(due + 1 / PICTURES, began)
                time.sleep(max(0.0, due - time.perf_counter()))
            took = time.perf_counter() - began
            if steps:  # the first chunk's time is mostly compilation
                spent += took
            steps += chunk
            self._record(steps, metrics, hyper)
            if trouble := diagnose(metrics, total, best, hyper):
                self._state = good
                self.end("diverged", trouble)
                return
            if total <= 2 * best:
                best, good = min(best, total), self._state
            now = time.perf_counter()
            pictures = CLASS_PICTURES if attendance.crowded() else PICTURES
            if now - last_frame > 0.9 / pictures or steps >= self.total:
                last_frame = now
                self.publish(state="running", step=steps, rate=rate, place=0)
            # All that lies between two chunks takes its time, too.
            view.did("step", chunk, time.perf_counter() - began, "compilation")
            rate = 1 / seconds if (seconds := view.rate("step")) else 0.0
        self.end("done")

    def _record(self, steps: int, metrics: training.Metrics, hyper: Hyper) -> None:
        values = {name: float(np.mean(term)) for name, term in metrics.terms.items()}
        values["jcp_weight"] = float(hyper.weights["jcp"])  # in force: by the end the slider may stand elsewhere
        values |= {"step": steps, "total": float(np.mean(metrics.total)), "rjcp": float(metrics.rjcp)}
        for name, value in values.items():
            self._history.setdefault(name, []).append(value)


def _asked(hyper: Hyper) -> tuple[float, ...]:
    """The numbers that decide what the loss measures: where they move, it jumps without having diverged."""
    return (*map(float, hyper.weights.values()), float(hyper.noise), float(hyper.jcp_warmup))


def diagnose(metrics: training.Metrics, total: float, best: float, hyper: Hyper) -> str:
    """Why this chunk means that training has diverged, and what to try; "" while it goes well."""
    skipped = np.asarray(metrics.skipped)
    if skipped.mean() > 0.5:
        culprit = training.CULPRITS[int(np.asarray(metrics.culprit)[skipped][0])]
        return (
            f"Training diverged: {culprit.replace('_', ' ')} was no longer finite. "
            "The last good state is kept. Try a smaller learning rate, or less weight on that term."
        )
    if np.isfinite(best) and total > EXPLOSION * max(best, 1e-6):
        shares = {name: float(hyper.weights[name]) * float(np.mean(term)) for name, term in metrics.terms.items()}
        worst = max(shares, key=shares.__getitem__)
        return (
            f"Training diverged: the loss grew {total / best:,.0f}-fold, most of it {worst.replace('_', ' ')}. "
            "The last good state is kept. Try a tenth of the learning rate."
        )
    return ""
