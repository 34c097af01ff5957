"""Work that streams: a thread computes piece by piece and publishes frames; pages and browsers only look.

A job belongs to the session that started it. It goes on while the student reads another page, it stops when the tab is
closed (after GRACE seconds, so that a Wi-Fi blip does not kill it). Across the machine, however many server processes
there are, at most CAPACITY jobs work at a time; the others wait in line and know their place. One that is paused lets
the next one work. A frame is made once for all watchers, and not at all for none.
What the work is, subclasses say: `training_job.TrainingJob`, `measuring.MeasuringJob`.
"""

import os
import secrets
import threading
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pages.ui import sharing

CAPACITY = max(1, int(os.environ.get("INVERSION_JOBS", (os.cpu_count() or 2) // 2)))
GRACE = 60.0  # seconds between the loss of a browser and the end of its job; a browser tries again every 15 s or sooner
LONGEST = 300.0  # seconds of work after which a job ends by itself
PICTURES = 30.0  # frames a second at most
LOOK = 0.25  # seconds between two looks at the line while other server processes may stand in it
FINISHED = ("done", "stopped", "diverged", "failed")

_line: list["Job"] = []  # who of this process works (the first CAPACITY) and who waits, in order
_line_moved = threading.Condition()
_by_token: "weakref.WeakValueDictionary[str, Job]" = weakref.WeakValueDictionary()


@dataclass(frozen=True)
class Snapshot:
    """One look at a job. state: queued, running, paused or one of FINISHED.  rate: in units a second."""

    unit: ClassVar[str] = "steps"
    words: ClassVar[dict[str, str]] = {"paused": "Paused", "done": "Done", "stopped": "Stopped", "running": "Working"}

    state: str
    step: int
    total: int
    rate: float
    place: int
    message: str

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    def sentence(self) -> str:
        """Progress in words, with what a student wants to know: how far, how fast, how long."""
        steps = f"{self.step:,} of {self.total:,} {self.unit}"
        if self.state == "queued":
            return f"In line: {self.place} before you." if self.place else "Starting; the first time it is compiled."
        if self.state == "running" and self.rate:
            from core.forecast import remaining  # here: the server opens its port before it has imported JAX

            left = (self.total - self.step) / self.rate
            return f"{steps} · {self.rate:,.0f} {self.unit}/s · {remaining(left)}"
        word = self.words.get(self.state, "")
        return f"{word} · {steps}" if word else self.message


@dataclass(eq=False)
class Job:
    """One run. `paint(snapshot) -> bytes` makes a frame for the browsers that watch; `key` says what it is about.

    A subclass makes its first snapshot in `begin` and does its work in `work`, which asks `carry_on` between pieces,
    publishes what it has and ends with `end`.
    """

    total: int
    paint: Callable[[Snapshot], bytes] | None = None
    key: Hashable = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(18))

    def __post_init__(self):
        self._lock = threading.Condition()
        self._painting = threading.Lock()  # a frame is painted once, however many ask for it
        self._wish = "run"
        self._version = 1
        self._frame: tuple[int, bytes] = (0, b"")
        self._farewell: threading.Timer | None = None
        self._ticket: sharing.Ticket | None = None
        self._snapshot = self.begin()
        self._thread = threading.Thread(target=self._run, name=f"job-{self.token[:6]}", daemon=True)
        _by_token[self.token] = self

    def begin(self) -> Snapshot:
        """The snapshot before any work."""
        return Snapshot("queued", 0, self.total, 0.0, 0, "")

    def work(self) -> None:
        """Do it."""
        raise NotImplementedError(f"{type(self).__name__} must define work()")

    def start(self) -> "Job":
        self._thread.start()
        return self

    def snapshot(self) -> Snapshot:
        with self._lock:
            return self._snapshot

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

    def publish(self, **changes: Any) -> None:
        """Let pages and browsers see a new state: the snapshot with these changes."""
        with self._lock:
            self._snapshot = replace(self._snapshot, **self.latest(), **changes)
            self._version += 1
            self._lock.notify_all()

    def latest(self) -> dict[str, Any]:
        """What a subclass's snapshot carries beyond its progress."""
        return {}

    def end(self, state: str, message: str = "") -> None:
        """The last that is published."""
        self.publish(state=state, message=message)

    def _run(self) -> None:
        try:
            if self._wait_in_line():
                self.work()
            else:
                self.end("stopped")
        except Exception as error:
            self.end("failed", f"It broke off: {type(error).__name__}: {error}")
            raise
        finally:
            self._step_aside()

    def _wait_in_line(self) -> bool:
        """True once it is our turn, False if the student gave up."""
        with _line_moved:
            self._ticket = sharing.Ticket()
            _line.append(self)
        while (place := self._place()) > 0 and self._wish != "stop":
            self.publish(state="queued", place=place)
            with _line_moved:
                _line_moved.wait_for(
                    lambda now=place: self._place() != now or self._wish == "stop",
                    LOOK if sharing.shared() else None,
                )
        self.publish(state="queued", place=0)
        return self._wish != "stop"

    def _place(self) -> int:
        """How many have to end before this one may work."""
        with _line_moved:
            return max(0, _line.index(self) + self._ticket.before() - CAPACITY + 1)

    def _step_aside(self) -> None:
        """Leave the line, so that the next one moves up."""
        with _line_moved:
            if self in _line:
                _line.remove(self)
                self._ticket.give_back()
            _line_moved.notify_all()

    def carry_on(self, spent: float) -> bool:
        """Between two pieces of work: waits while paused; False, with the end told, once it is to stop.

        spent: seconds of work so far.
        """
        wish = self._wait_while_paused()
        if wish != "stop" and spent <= LONGEST:
            return True
        self.end("stopped", f"Stopped after {LONGEST:.0f} s, the most a run may take." if wish != "stop" else "")
        return False

    def _wait_while_paused(self) -> str:
        with self._lock:
            if self._wish != "pause":
                return self._wish
        self.publish(state="paused")
        self._step_aside()
        with self._lock:
            self._lock.wait_for(lambda: self._wish != "pause")
        return "run" if self._wish == "run" and self._wait_in_line() else "stop"


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
