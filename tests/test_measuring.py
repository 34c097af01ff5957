"""Measurements as a job: progress, stop between two sizes, a failure in words."""

import threading

import pytest

from pages.ui.measuring import MeasuringJob
from tests.runs import ended, until


@pytest.fixture
def measuring():
    made = []

    def make(measure, total=3):
        made.append(MeasuringJob(total=total, measure=measure).start())
        return made[-1]

    yield make
    for job in made:
        job.stop()
        job.join(10)


def test_what_is_measured_is_kept_in_order(measuring):
    end = ended(measuring(lambda: iter("abc")))
    assert (end.state, end.step, end.records) == ("done", 3, ("a", "b", "c"))
    assert end.sentence() == "Measured · 3 of 3 sizes"


def test_it_stops_between_two_sizes_and_keeps_what_it_has(measuring):
    go_on = threading.Semaphore(1)

    def slowly():
        for k in range(3):
            go_on.acquire()
            yield k

    job = measuring(slowly)
    until(lambda: job.snapshot().step == 1, "the first size is measured")
    assert job.snapshot().sentence() == "Measuring · 1 of 3 sizes · time not known yet"
    job.stop()
    go_on.release()
    end = ended(job)
    assert end.state == "stopped" and end.records in ((0,), (0, 1))


def test_a_measurement_that_fails_says_so(measuring, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)

    def broken():
        yield 1
        raise MemoryError("no room for 2048 x 2048")

    end = ended(measuring(broken))
    assert end.state == "failed" and "no room" in end.message and end.records == (1,)


def test_the_forecast_is_told_with_every_size():
    go = threading.Semaphore(0)

    def slowly():
        yield "a"
        go.acquire()

    other = MeasuringJob(total=2, measure=slowly, forecast=lambda records, spent: 40.0 * len(spent)).start()
    until(lambda: other.snapshot().step == 1, "the first size is measured")
    assert other.snapshot().sentence() == "Measuring · 1 of 2 sizes · about 40 s left"
    go.release()
    assert "left" not in ended(other).sentence()
