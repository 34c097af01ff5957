"""When it counts as a class that is at work."""

import time
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import attendance
from tests.runs import PATIENCE


@pytest.fixture
def clock(monkeypatch):
    """`clock(when)`: it is so many seconds later."""
    now = [1000.0]
    monkeypatch.setattr(attendance, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(attendance, "_drawn", type(attendance._drawn)(maxlen=attendance.CLASS))

    def later(seconds):
        now[0] += seconds

    return later


def test_one_hand_is_no_class(clock):
    assert not attendance.crowded()
    for _ in range(100):
        attendance.drawing()
        clock(1.01 * attendance.WINDOW / (attendance.CLASS - 1))
        assert not attendance.crowded()


def test_many_hands_are_a_class_until_they_rest(clock):
    for _ in range(attendance.CLASS):
        attendance.drawing()
        clock(0.9 * attendance.WINDOW / attendance.CLASS)
    assert attendance.crowded()
    clock(attendance.WINDOW)
    assert not attendance.crowded()


def test_a_page_that_is_drawn_is_counted():
    before = time.monotonic()
    at = AppTest.from_string("from pages.ui.page import show\nshow('start')", default_timeout=PATIENCE)
    at.run()
    assert not at.exception and attendance.latest() > before
