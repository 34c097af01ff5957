"""Compile and compute, in the background and in teaching order, what the first students will open.

Everything lands in the shared caches, so it is a matter of when and not of what: a page opened before its turn computes
for itself. Whoever is using the course goes first: the warm-up waits until no page has been drawn for a moment.
"""

import threading
import time

import jax

from core import programs, training
from lessons import lessons
from lessons.lab import outlook
from lessons.learned import setting
from pages.ui import attendance, pictures
from pages.ui.training_job import SLOW_CHUNK

CALM = 2.0  # seconds without a drawn page after which the warm-up goes on
PATIENCE = 20.0  # seconds that it waits for that at most: a class is never calm


class Warmup:
    """A background thread that can be asked to stop between two computations."""

    def __init__(self):
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="warm-up", daemon=True)

    def start(self) -> "Warmup":
        self._thread.start()
        return self

    def stop(self, timeout: float = 20.0) -> None:
        """Stop after the computation in hand: a thread inside a compiler must not outlive the interpreter."""
        self._stopping.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        attendance.drawing()  # a browser is being opened: it gets the opening picture, then the processors
        for number, task in enumerate(_tasks()):
            if number > 0:
                self._wait_for_calm()
            if self._stopping.is_set():
                return
            task()
            programs.set_aside()

    def _wait_for_calm(self) -> None:
        until = time.monotonic() + PATIENCE
        while (left := min(attendance.latest() + CALM, until) - time.monotonic()) > 0 and not self._stopping.wait(left):
            pass


def _tasks():
    """One call after the other, each some tenths of a second to some seconds when it compiles."""
    for lesson in lessons().values():
        if lesson.slug == "train":
            yield lesson.experiment
            continue
        given, name = None, ""
        if lesson.slug == "dipg":
            problem = lesson.defaults["problem"]
            given, name = setting.standard_fit(problem).model, f"standard:{problem}"
        elif lesson.prepare is not None:
            given = lesson.prepare(lesson.defaults)
        yield lambda lesson=lesson, given=given, name=name: pictures.result(lesson, lesson.defaults, given, name)
        for slider in pictures.swept_sliders(lesson, lesson.defaults):
            yield lambda lesson=lesson, slider=slider.name, given=given, name=name: pictures.sweep(
                lesson, lesson.defaults, slider, given, name
            )
    yield outlook.measure  # so that a study's button can say how long it takes
    yield _first_slow_chunk


def _first_slow_chunk() -> None:
    setup = setting.setup("sine")
    training.advance(training.start(setup, jax.random.key(0)), setup, setup.hyper, SLOW_CHUNK)
