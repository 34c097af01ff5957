"""The warm-up gives way to whoever uses the course, and ends when it is told to."""

import gc
import threading

import pytest

from lessons import lessons
from pages.ui import pictures, warmup

LESSONS = lessons()


def run(tasks, monkeypatch, **constants):
    for name, value in constants.items():
        monkeypatch.setattr(warmup, name, value)
    monkeypatch.setattr(warmup, "_tasks", lambda: iter(tasks))
    return warmup.Warmup().start()


def test_everything_is_computed_in_order(monkeypatch):
    done = []
    running = run([lambda k=k: done.append(k) for k in range(5)], monkeypatch, CALM=0.0)
    running._thread.join(10)
    assert done == [0, 1, 2, 3, 4]


def test_no_search_for_garbage_goes_through_what_it_has_made(monkeypatch):
    made = []
    running = run([lambda: made.append([[] for _ in range(10)])], monkeypatch, CALM=0.0)
    running._thread.join(10)
    try:
        assert not any(thing is made[0] for thing in gc.get_objects())
    finally:
        gc.unfreeze()
    assert any(thing is made[0] for thing in gc.get_objects())


def test_after_the_opening_picture_it_waits_for_the_browser_and_while_pages_are_drawn(monkeypatch):
    opening, began = threading.Event(), threading.Event()
    running = run([opening.set, began.set], monkeypatch, CALM=3600.0, PATIENCE=3600.0)
    assert opening.wait(10) and not began.wait(0.2)
    running.stop()  # at once, though the calm is far away
    assert not running._thread.is_alive() and not began.is_set()


def test_a_class_that_is_never_calm_is_not_waited_for(monkeypatch):
    began = threading.Event()
    warmup.attendance.drawing()
    running = run([lambda: None, began.set], monkeypatch, CALM=3600.0, PATIENCE=0.05)
    assert began.wait(10)
    running.stop()


@pytest.mark.parametrize("slug", ["start", "newton-cost", "dipg"])
def test_what_it_computes_is_what_a_page_opens_with(slug, monkeypatch):
    """One lesson of each kind: without a model, with measurements, with a trained one."""
    asked = []
    monkeypatch.setattr(warmup, "lessons", lambda: {slug: LESSONS[slug]})
    monkeypatch.setattr(warmup.pictures, "result", lambda lesson, *given: asked.append((lesson.slug, *given)))
    monkeypatch.setattr(
        warmup.pictures, "sweep", lambda lesson, settings, slider, *given: asked.append((slider, settings, *given))
    )
    monkeypatch.setattr(warmup.outlook, "measure", lambda: None)
    for task in list(warmup._tasks())[:-1]:
        task()
    (_, settings, given, name), *swept = asked
    sliders = pictures.swept_sliders(LESSONS[slug], settings)
    assert swept == [(slider.name, settings, given, name) for slider in sliders]
    assert settings == LESSONS[slug].defaults
    assert (given is None) is (LESSONS[slug].prepare is None)
    assert name == ("standard:sine" if slug == "dipg" else "")
