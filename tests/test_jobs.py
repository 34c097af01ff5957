"""Training that streams: its states, its queue, and what is kept when it diverges."""

import dataclasses
import threading
import time

import jax
import numpy as np

from core import training
from core.deceptron import rjcp_field
from pages.ui import jobs, training_job, workshop
from tests.runs import ENDLESS, PATIENCE, SETUP, ended, finite, hyper, reached, until


def test_a_job_trains_to_its_end_and_rjcp_falls(job):
    end = ended(job(total=400).start())
    assert (end.state, end.step, end.total, end.message) == ("done", 400, 400, "")
    rjcp = end.history["rjcp"]
    assert rjcp[-1] < 0.2 * rjcp[0]
    np.testing.assert_array_equal(end.history["step"], range(50, 401, 50))
    assert all(len(values) == 8 for values in end.history.values())
    assert end.finished and end.sentence() == "Trained · 400 of 400 steps"


def test_the_job_is_training_fit_in_a_thread(job):
    end = ended(job(total=100).start())
    fit = training.fit(SETUP, jax.random.key(0), hyper(total_steps=100))
    for mine, theirs in zip(jax.tree.leaves(end.model), jax.tree.leaves(fit.model), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(end.history["rjcp"], fit.history["rjcp"])


def test_a_run_to_be_watched_goes_in_smaller_chunks(job):
    end = ended(job(total=60, watchable=True).start())
    np.testing.assert_array_equal(end.history["step"], [20, 40, 60])


def test_a_class_goes_before_a_trainings_pictures(job, monkeypatch):
    alone = job(total=200, watchable=True).start()
    whole = ended(alone)
    monkeypatch.setattr(training_job.attendance, "crowded", lambda: True)
    monkeypatch.setattr(training_job, "CLASS_PICTURES", 1e-9)
    amid = job(total=200, watchable=True).start()
    np.testing.assert_array_equal(ended(amid).history["step"], whole.history["step"])
    assert amid.version <= 4 < 8 < alone.version  # of ten chunks only the end is shown


def test_stop_keeps_what_was_reached(job):
    running = job(total=ENDLESS).start()
    until(lambda: running.snapshot().step > 0, "some steps are done")
    running.stop()
    end = ended(running)
    assert end.state == "stopped" and 0 < end.step < ENDLESS and finite(end.model)
    assert end.history["step"][-1] >= end.step


def test_pause_and_go_on(job):
    running = job(total=ENDLESS).start()
    until(lambda: running.snapshot().step > 0, "some steps are done")
    running.pause()
    paused = reached(running, "paused")
    assert paused.sentence().startswith("Paused · ")
    time.sleep(0.1)
    assert running.snapshot() is paused
    running.resume()
    until(lambda: running.snapshot().step > paused.step, "it goes on")
    running.pause()
    reached(running, "paused")
    running.stop()
    assert ended(running).state == "stopped"
    running.resume()
    assert ended(running).state == "stopped"


def test_one_waits_for_the_other(job, monkeypatch):
    monkeypatch.setattr(jobs, "CAPACITY", 1)
    first, second, third = (job(total=total) for total in (ENDLESS, 50, 50))
    first.start()
    reached(first, "running")
    second.start()
    until(lambda: second.snapshot().place == 1, "the second knows its place")
    third.start()
    until(lambda: third.snapshot().place == 2, "the third knows its place")
    assert second.snapshot().state == "queued" and second.snapshot().step == 0
    assert second.snapshot().sentence() == "In line: 1 before you."
    second.stop()
    assert ended(second).state == "stopped" and ended(second).step == 0
    until(lambda: third.snapshot().place == 1, "the line moves up")
    first.stop()
    assert ended(third).state == "done"


def test_a_huge_learning_rate_diverges_and_the_last_good_model_is_kept(job):
    end = ended(job(total=2000, numbers=hyper(total_steps=2000, learning_rate=1e4)).start())
    assert end.state == "diverged", f"{end.state}, total loss {end.history['total'][:10]}"
    assert end.message.startswith("Training diverged: ") and "Try " in end.message
    assert any(term.replace("_", " ") in end.message for term in (*training.CULPRITS,))
    assert finite(end.model) and end.finished


def test_a_run_that_goes_wrong_midway_keeps_the_good_part(job):
    running = job(total=ENDLESS).start()
    until(lambda: running.snapshot().step >= 300, "it has learned something")
    running.set(hyper(total_steps=ENDLESS, learning_rate=100.0))
    end = ended(running)
    rjcp = end.history["rjcp"]
    assert end.state == "diverged" and end.message
    # The model is that of the best chunk, not of the last one.
    points = SETUP.draw(jax.random.key(0), training.WATCHED).astype("float32")
    assert np.mean(rjcp_field(end.model, points)) <= 10 * rjcp.min() < rjcp[-1]


def test_a_weight_that_is_not_a_number_is_named(job):
    end = ended(job(numbers=hyper(learning_rate=np.nan)).start())
    assert end.state in ("diverged", "done") and finite(end.model)
    end = ended(job(numbers=hyper(weights={"jcp": np.inf, "reconstruction": 1.0})).start())
    assert end.state == "diverged" and finite(end.model)
    assert "gradient was no longer finite" in end.message


def test_moving_a_weight_while_it_trains_takes_effect_and_traces_nothing(job):
    numbers = hyper(total_steps=ENDLESS, weights={"reconstruction": 1.0})
    running = job(total=ENDLESS, numbers=numbers).start()
    until(lambda: running.snapshot().step >= 200, "it has trained without the Jacobian penalty")
    running.pause()
    before, traces = reached(running, "paused"), training.TRACES["advance"]
    running.set(dataclasses.replace(numbers, weights={"reconstruction": 1.0, "jcp": 3.0}, noise=0.1, probes=7))
    running.resume()
    until(lambda: running.snapshot().step >= before.step + 200 or running.snapshot().finished, "it goes on")
    after = running.snapshot()
    assert after.state == "running", after.message
    assert training.TRACES["advance"] == traces
    total, jcp, reconstruction = (after.history[name] for name in ("total", "jcp", "reconstruction"))
    split = len(before.history["step"])
    assert len(total) > split
    np.testing.assert_allclose(total[:split], reconstruction[:split], rtol=1e-5)
    np.testing.assert_allclose(total[split:], (reconstruction + 3 * jcp)[split:], rtol=1e-5)


def test_a_higher_weight_is_no_divergence(job):
    """The loss may jump a thousandfold because the student asks for more: nothing has gone wrong then."""
    numbers = hyper(total_steps=ENDLESS, weights={"reconstruction": 1e-4})
    running = job(total=ENDLESS, numbers=numbers).start()
    until(lambda: running.snapshot().step >= 300, "it has learned something")
    running.set(dataclasses.replace(numbers, weights={"reconstruction": 3.0, "jcp": 3.0}, noise=0.5))
    now = running.snapshot().step
    until(lambda: running.snapshot().step >= now + 300 or running.snapshot().finished, "it goes on")
    assert running.snapshot().state == "running", running.snapshot().message
    assert running.snapshot().history["total"][-1] > 100 * running.snapshot().history["total"].min()


def test_a_closed_tab_ends_its_job_after_a_grace(job, monkeypatch):
    monkeypatch.setattr(jobs, "GRACE", 0.05)
    running = job(total=ENDLESS).start()
    reached(running, "running")
    running.leave()
    assert ended(running).state == "stopped"


def test_a_browser_that_comes_back_in_time_keeps_it(job, monkeypatch):
    monkeypatch.setattr(jobs, "GRACE", 0.3)
    running = job(total=ENDLESS).start()
    reached(running, "running")
    running.leave()
    running.leave()
    running.stay()
    time.sleep(0.5)
    assert running.snapshot().state == "running"


def test_the_longest_run_ends_by_itself_and_says_so(job, monkeypatch):
    monkeypatch.setattr(jobs, "LONGEST", 0.01)
    end = ended(job(total=ENDLESS).start())
    assert end.state == "stopped" and end.message.startswith("Stopped after 0 s")


def test_stop_all_leaves_no_thread_behind(job, monkeypatch):
    monkeypatch.setattr(jobs, "CAPACITY", 1)
    running, waiting, paused = (job(total=ENDLESS).start() for _ in range(3))
    paused.pause()
    jobs.stop_all(PATIENCE)
    for one in (running, waiting, paused):
        assert one.snapshot().state == "stopped"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("training-")]


def test_find_needs_the_whole_token(job):
    mine, other = job(), job()
    assert jobs.find(mine.token) is mine and mine.token != other.token
    for wrong in ("", mine.token[:-1], mine.token + "x", "*"):
        assert jobs.find(wrong) is None
    assert len(mine.token) >= 24


def test_a_failure_is_told_and_frees_the_place(job, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    broken = job()
    monkeypatch.setattr(broken, "setup", None)
    end = ended(broken.start())
    assert end.state == "failed" and end.message.startswith("It broke off: ")
    assert broken not in jobs._line
    assert workshop.progress(end) == {"text": end.message, "fraction": 0.0, "tone": "warn"}
