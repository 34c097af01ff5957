"""Training that streams: its states, its queue, what is kept when it diverges, and who is sent which frames."""

import asyncio
import base64
import dataclasses
import itertools
import threading
import time

import jax
import numpy as np
import pytest
from starlette.applications import Starlette

from core import setups, toys, training
from core.deceptron import rjcp_field
from core.setups import Hyper
from lessons.learned import train
from pages.ui import jobs, stream, workshop
from pages.ui.jobs import Job, Snapshot
from pages.ui.stage import unpack

SETUP = setups.toy(toys.Scaled(4.0))
PATIENCE = 120.0  # seconds until a test gives up waiting, on a machine busy with others
ENDLESS = 10**7


def hyper(**changes):
    return dataclasses.replace(SETUP.hyper, **changes)


@pytest.fixture
def job():
    """Make jobs that have all ended when the test has."""
    made = []

    def make(total=150, numbers=None, **more):
        made.append(Job(SETUP, 0, numbers or hyper(total_steps=total), total, **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()
    for one in made:
        one.join(PATIENCE)


def until(holds, what):
    """Wait for something that another thread brings about."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s in vain until {what}"
        time.sleep(0.005)


def reached(job, *states):
    until(lambda: job.snapshot().state in states, f"the job is {' or '.join(states)}: {job.snapshot().state}")
    return job.snapshot()


def ended(job):
    job.join(PATIENCE)
    return job.snapshot()


def finite(model):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(model) if hasattr(leaf, "dtype"))


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
    assert end.state == "failed" and end.message.startswith("Training broke off: ")
    assert broken not in jobs._line
    assert workshop.progress(end) == {"text": end.message, "fraction": 0.0, "tone": "warn"}


class Painter:
    """Keeps what it is asked to paint. takes: seconds for a frame."""

    def __init__(self, takes=0.01):
        self.seen: list[Snapshot] = []
        self.takes = takes

    def __call__(self, snapshot):
        self.seen.append(snapshot)
        time.sleep(self.takes)
        return f"{snapshot.state} {snapshot.step}".encode()


def test_nobody_watches_nothing_is_painted(job):
    paint = Painter()
    ended(job(paint=paint).start())
    assert paint.seen == []


def test_the_first_watcher_gets_a_frame_at_once_and_the_last_one_leaving_ends_it(job):
    paint = Painter()
    running = job(total=ENDLESS, paint=paint)
    running.watch(True)
    assert running.frame() == (1, b"queued 0")
    running.start()
    until(lambda: running.frame()[0] > 3, "frames come")
    running.watch(False)
    seen, now = len(paint.seen), running.snapshot().step
    until(lambda: running.snapshot().step > now + 300, "it trains on unwatched")
    assert len(paint.seen) <= seen + 1
    steps = [snapshot.step for snapshot in paint.seen]
    assert steps == sorted(steps)


def test_painting_holds_up_nobody_else(job, monkeypatch):
    monkeypatch.setattr(jobs, "CAPACITY", 1)
    first = job(total=ENDLESS).start()
    reached(first, "running")
    painting, go_on = threading.Event(), threading.Event()

    def stuck(_snapshot):
        painting.set()
        go_on.wait(PATIENCE)
        return b""

    second = job(total=50)
    second._watchers, second.paint = 1, stuck
    second.start()
    painting.wait(PATIENCE)
    try:
        first.stop()
        first.join(5.0)
        assert first.snapshot().state == "stopped"
    finally:
        go_on.set()


def test_watching_never_turns_the_clock_back(job):
    """A browser that joins while the job ends must not bring an older state back."""
    running = job(total=50)
    stale = running.snapshot()
    started = threading.Event()

    def slow(snapshot):
        started.set()
        time.sleep(0.2 if snapshot is stale else 0)
        return snapshot.state.encode()

    running.paint = slow
    watcher = threading.Thread(target=running.watch, args=(True,))
    watcher.start()
    started.wait(PATIENCE)
    running.start()
    end = ended(running)
    watcher.join(PATIENCE)
    assert end.state == "done" and running.snapshot().state == "done"
    assert running.frame()[1] == b"done"


class Answer:
    """What the stream's route sends to a browser that leaves after `most` frames."""

    def __init__(self, path, most=10**6):
        self.status, self.headers, self.body = 0, {}, b""
        self.most, self.gone = most, asyncio.Event()
        self.asked = False
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "root_path": ""}
        app = Starlette(routes=stream.routes())
        asyncio.run(asyncio.wait_for(app(scope, self.receive, self.send), PATIENCE))

    async def receive(self):
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")
            if len(self.frames()) >= self.most:
                self.gone.set()

    def frames(self):
        """The payloads of the events so far."""
        lines = self.body.decode().split("\n\n")
        return [base64.b64decode(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def test_an_unknown_token_is_404():
    answer = Answer("/job/unknown/events")
    assert answer.status == 404 and b"no longer exists" in answer.body


def test_a_finished_job_still_sends_its_picture(job):
    done = job(paint=Painter()).start()
    ended(done)
    answer = Answer(f"/job/{done.token}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.frames() == [b"done 150"]


def test_the_last_frame_of_a_stream_is_the_end(job):
    # Longer than the stream waits between two looks: it sees the job finished before the last frame is made.
    running = job(total=200, paint=Painter(takes=0.1)).start()
    sent = Answer(f"/job/{running.token}/events").frames()
    assert sent[-1] == b"done 200"
    steps = [int(frame.split()[1]) for frame in sent]
    assert steps == sorted(steps) and len(sent) > 2


def test_a_browser_that_leaves_is_painted_for_no_more(job):
    paint = Painter()
    running = job(total=ENDLESS, paint=paint).start()
    assert len(Answer(f"/job/{running.token}/events", most=3).frames()) >= 3
    seen, now = len(paint.seen), running.snapshot().step
    until(lambda: running.snapshot().step > now + 300, "it trains on unwatched")
    assert len(paint.seen) <= seen + 1


def test_what_is_streamed_is_a_patch_of_the_lessons_picture(job):
    settings = workshop_settings()
    running = job(paint=lambda snapshot: workshop.frame(snapshot, settings)).start()
    header, arrays = unpack(Answer(f"/job/{running.token}/events").frames()[-1])
    patch = header["patch"]
    assert patch["state"] == "done" and patch["progress"]["fraction"] == 1.0
    assert [button["name"] for button in patch["actions"]] == ["start", "reset"]
    named = {name for item in patch["still"].values() for name in item.values()}
    assert named == set(arrays)
    steps = arrays[patch["still"]["term/rjcp"]["x"]]
    np.testing.assert_array_equal(steps, [50, 100, 150])


def workshop_settings(**changes):
    return train.LESSON.complete({"problem": "scaled", **changes})


def test_a_workshop_keeps_what_was_trained(monkeypatch):
    mine = workshop.Workshop()
    settings = workshop_settings(steps=500.0, pace="full")
    try:
        assert mine.look(settings) is None
        mine.act("start", settings)
        mine.job.join(PATIENCE)
        trained = mine.look(settings)
        assert (trained.state, trained.step) == ("done", 500)
        # A weight is no other model; a seed is, and coming back finds the first one.
        assert mine.look(settings | {"w_jcp": 3.0}) is trained
        assert mine.look(settings | {"seed": 1.0}) is None
        assert mine.look(settings).step == 500
        assert mine.latest("scaled").step == 500 and mine.latest("sine") is None
        mine.act("reset", settings)
        assert mine.look(settings) is None
    finally:
        jobs.stop_all(PATIENCE)


def test_reset_ends_a_job_that_still_trains():
    """A stale page may still show Reset: the run it hides must not train on unseen."""
    mine = workshop.Workshop()
    settings = workshop_settings(steps=8000.0, pace="full")
    try:
        mine.act("start", settings)
        running = mine.job
        mine.act("pause", settings)
        reached(running, "paused")
        mine.act("reset", settings)
        assert ended(running).state == "stopped" and mine.look(settings) is None
    finally:
        jobs.stop_all(PATIENCE)


def test_a_reloaded_page_finds_its_job_by_the_token_alone(job):
    running = job(total=ENDLESS, key=workshop.key_of(workshop_settings())).start()
    mine = workshop.Workshop()
    for wrong in ("", "unknown", running.token[:-1]):
        mine.act(f"attach:{wrong}", workshop_settings())
        assert mine.job is None
    mine.act(f"attach:{running.token}", workshop_settings())
    assert mine.job is running
    mine.act("stop", workshop_settings())
    assert ended(running).state == "stopped"


def test_an_unknown_action_does_nothing():
    mine = workshop.Workshop()
    mine.act("stop", workshop_settings())
    mine.act("__init__", workshop_settings())
    assert mine.job is None


def test_progress_is_put_into_words():
    blank = Snapshot("running", 500, 2000, 250.0, 0, "", None, {})
    told = {
        "running": "500 of 2,000 steps · 250 steps/s · 6 s left",
        "paused": "Paused · 500 of 2,000 steps",
        "stopped": "Stopped · 500 of 2,000 steps",
        "done": "Trained · 500 of 2,000 steps",
        "queued": "Starting; the first time it is compiled.",
    }
    for state, sentence in told.items():
        assert dataclasses.replace(blank, state=state).sentence() == sentence
    assert dataclasses.replace(blank, rate=0.0).sentence() == "Training · 500 of 2,000 steps"
    assert dataclasses.replace(blank, state="diverged", message="why").sentence() == "why"
    for state, snapshot in itertools.product([*told, "diverged", "failed"], [blank]):
        buttons = workshop.buttons(dataclasses.replace(snapshot, state=state))
        assert buttons and all(button["label"] for button in buttons)


def test_hyper_numbers_are_what_the_settings_ask_for():
    numbers = train.hyper(workshop_settings(rate=0.05, w_jcp=0.7, noise=0.1, probes=5.0, warmup=200.0))
    assert isinstance(numbers, Hyper)
    found = (numbers.learning_rate, numbers.weights["jcp"], numbers.noise, numbers.probes, numbers.jcp_warmup)
    np.testing.assert_allclose(found, (0.05, 0.7, 0.1, 5, 200), rtol=1e-6)
