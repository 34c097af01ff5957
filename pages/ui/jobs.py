"""Training that streams: a thread runs jitted chunks and publishes frames; pages and browsers only look.

A job belongs to the session that started it. It goes on while the student reads another page, it stops when the tab is
closed (after GRACE seconds, so that a Wi-Fi blip does not kill it). Across the machine at most CAPACITY jobs train at a
time; the others wait in line and know their place. A frame is made once for all watchers, and not at all for none.
"""

import os
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from core import training
from core.deceptron import Deceptron
from core.setups import Hyper, Setup

CAPACITY = max(1, int(os.environ.get("INVERSION_JOBS", (os.cpu_count() or 2) // 2)))
GRACE = 30.0  # seconds between the loss of a browser and the end of its job
LONGEST = 300.0  # seconds of training after which a job ends by itself
PICTURES = 30.0  # frames a second at most
SLOW_CHUNK = 20  # steps between two frames of a run that is slowed down to be watched: 600 steps a second
EXPLOSION = 100.0  # a chunk whose loss is this many times the best so far has diverged
FINISHED = ("done", "stopped", "diverged", "failed")

_line: list["Job"] = []  # who trains (the first CAPACITY) and who waits, in order
_line_moved = threading.Condition()
_by_token: "weakref.WeakValueDictionary[str, Job]" = weakref.WeakValueDictionary()


@dataclass(frozen=True)
class Snapshot:
    """One look at a job. state: queued, running, paused or one of FINISHED.  history: arrays by name, one per chunk."""

    state: str
    step: int
    total: int
    rate: float
    place: int
    message: str
    model: Deceptron
    history: dict[str, np.ndarray]

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    def sentence(self) -> str:
        """Progress in words, with what a student wants to know: how far, how fast, how long."""
        steps = f"{self.step:,} of {self.total:,} steps"
        if self.state == "queued":
            return f"In line: {self.place} before you." if self.place else "Starting; the first time it is compiled."
        if self.state == "running" and self.rate:
            left = (self.total - self.step) / self.rate
            return f"{steps} · {self.rate:,.0f} steps/s · {left:.0f} s left"
        word = {"paused": "Paused", "done": "Trained", "stopped": "Stopped", "running": "Training"}.get(self.state, "")
        return f"{word} · {steps}" if word else self.message


@dataclass
class Job:
    """One training run. `paint(snapshot) -> bytes` makes a frame for the browsers that watch; `key` says which model.

    watchable: no faster than PICTURES chunks of SLOW_CHUNK steps a second. At full speed a toy is trained within a
    second, before a student has seen, let alone changed, anything.
    """

    setup: Setup
    seed: int
    hyper: Hyper
    total: int
    paint: Callable[[Snapshot], bytes] | None = None
    watchable: bool = False
    key: Hashable = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(18))

    def __post_init__(self):
        self._lock = threading.Condition()
        self._painting = threading.Lock()  # a frame is painted once, however many ask for it
        self._wish = "run"
        self._version = 1
        self._frame: tuple[int, bytes] = (0, b"")
        self._farewell: threading.Timer | None = None
        state = training.start(self.setup, jax.random.key(self.seed))
        self._state = state
        self._history: dict[str, list[float]] = {"step": []}
        self._snapshot = Snapshot("queued", 0, self.total, 0.0, 0, "", state.model, {})
        self._thread = threading.Thread(target=self._run, name=f"training-{self.token[:6]}", daemon=True)
        _by_token[self.token] = self

    def start(self) -> "Job":
        self._thread.start()
        return self

    def snapshot(self) -> Snapshot:
        with self._lock:
            return self._snapshot

    def set(self, hyper: Hyper) -> None:
        """Move weights, rate, noise or probes; the next chunk follows them."""
        with self._lock:
            self.hyper = hyper

    def pause(self) -> None:
        self._ask("pause")

    def resume(self) -> None:
        self._ask("run")

    def stop(self) -> None:
        self._ask("stop")

    def reach(self, *states: str, timeout: float = 2.0) -> None:
        """Wait until the job is in one of these states or has ended: a wish is followed after the chunk in hand.

        A page drawn before that would overwrite, with the state before, what the browser has just been streamed.
        """
        with self._lock:
            self._lock.wait_for(lambda: self._snapshot.state in states or self._snapshot.finished, timeout)

    def join(self, timeout: float | None = None) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout)

    def leave(self) -> None:
        """The browser is gone: stop soon, unless it comes back."""
        self.stay()
        self._farewell = threading.Timer(GRACE, self.stop)
        self._farewell.daemon = True
        self._farewell.start()

    def stay(self) -> None:
        """The browser is here (again)."""
        if self._farewell is not None:
            self._farewell.cancel()
            self._farewell = None

    @property
    def version(self) -> int:
        """The number of the latest state: a browser that has seen a smaller one asks for a frame."""
        return self._version

    def frame(self) -> tuple[int, bytes]:
        """The latest state's number and its picture, painted once for all who watch, in the watcher's own thread."""
        with self._painting:
            with self._lock:
                version, snapshot = self._version, self._snapshot
            if version != self._frame[0]:
                self._frame = version, self.paint(snapshot) if self.paint else b""
            return self._frame

    def _ask(self, wish: str) -> None:
        with self._lock:
            if self._wish != "stop":
                self._wish = wish
            self._lock.notify_all()
        with _line_moved:
            _line_moved.notify_all()

    def _publish(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._snapshot = snapshot
            self._version += 1
            self._lock.notify_all()

    def _run(self) -> None:
        try:
            if self._wait_in_line():
                self._train()
            else:
                self._end("stopped")
        except Exception as error:
            self._end("failed", f"Training broke off: {type(error).__name__}: {error}")
            raise
        finally:
            with _line_moved:
                if self in _line:
                    _line.remove(self)
                _line_moved.notify_all()

    def _wait_in_line(self) -> bool:
        """True once it is our turn, False if the student gave up."""
        with _line_moved:
            _line.append(self)
        while (place := self._place()) > 0 and self._wish != "stop":
            self._publish(self._with(state="queued", place=place))
            with _line_moved:
                _line_moved.wait_for(lambda now=place: self._place() != now or self._wish == "stop")
        self._publish(self._with(state="queued", place=0))
        return self._wish != "stop"

    def _place(self) -> int:
        """How many have to end before this one may train."""
        with _line_moved:
            return max(0, _line.index(self) - CAPACITY + 1)

    def _train(self) -> None:
        steps, best, good = 0, np.inf, self._state
        spent = rate = last_frame = due = 0.0
        size = SLOW_CHUNK if self.watchable else training.CHUNK
        asked = _asked(self.hyper)
        while steps < self.total:
            wish = self._wait_while_paused()
            if wish == "stop" or spent > LONGEST:
                self._end(
                    "stopped",
                    f"Stopped after {LONGEST:.0f} s, the most a run may take." if wish != "stop" else "",
                )
                return
            began = time.perf_counter()
            chunk, hyper = min(size, self.total - steps), self.hyper
            if _asked(hyper) != asked:
                asked, best = _asked(hyper), np.inf
            self._state, metrics = training.advance(self._state, self.setup, hyper, chunk)
            total = float(np.mean(metrics.total))
            if self.watchable:
                # Against a deadline, not from now: what lies between two chunks must not slow the pictures down.
                due = max(due + 1 / PICTURES, began)
                time.sleep(max(0.0, due - time.perf_counter()))
            took = time.perf_counter() - began
            if steps:  # the first chunk's time is mostly compilation
                spent += took
                rate = steps / spent if rate == 0 else 0.8 * rate + 0.2 * chunk / took
            steps += chunk
            self._record(steps, metrics)
            if trouble := diagnose(metrics, total, best, hyper):
                self._state = good
                self._end("diverged", trouble)
                return
            if total <= 2 * best:
                best, good = min(best, total), self._state
            now = time.perf_counter()
            if now - last_frame > 0.9 / PICTURES or steps >= self.total:
                last_frame = now
                self._publish(self._with(state="running", step=steps, rate=rate, place=0))
        self._end("done")

    def _wait_while_paused(self) -> str:
        with self._lock:
            paused = self._wish == "pause"
        if paused:
            self._publish(self._with(state="paused"))
        with self._lock:
            while self._wish == "pause":
                self._lock.wait()
            return self._wish

    def _record(self, steps: int, metrics: training.Metrics) -> None:
        values = {name: float(np.mean(term)) for name, term in metrics.terms.items()}
        values |= {"step": steps, "total": float(np.mean(metrics.total)), "rjcp": float(metrics.rjcp)}
        for name, value in values.items():
            self._history.setdefault(name, []).append(value)

    def _with(self, **changes: Any) -> Snapshot:
        now = self._snapshot
        history = {name: np.asarray(values) for name, values in self._history.items()}
        return Snapshot(**(vars(now) | {"model": self._state.model, "history": history} | changes))

    def _end(self, state: str, message: str = "") -> None:
        self._publish(self._with(state=state, message=message))


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


def find(token: str) -> Job | None:
    """The job with this token, which only its session was told."""
    return _by_token.get(token)


def stop_all(timeout: float = 10.0) -> None:
    """Stop and join every job: a thread inside a compiled program must not outlive the interpreter."""
    running = list(_by_token.values())
    for job in running:
        job.stop()
    for job in running:
        job.join(timeout)
