"""Frames on their way to browsers, and what a session's workshop keeps."""

import asyncio
import base64
import dataclasses
import itertools
import threading
import time

import jax
import numpy as np
from starlette.applications import Starlette

from core.setup import Hyper
from lessons.learned import setting, train
from pages.ui import jobs, stream, workshop
from pages.ui.stage import unpack
from pages.ui.training_job import TrainingSnapshot
from tests import asynchronous
from tests.runs import ENDLESS, PATIENCE, ended, reached, until


class Painter:
    """Keeps what it is asked to paint. takes: seconds for a frame."""

    def __init__(self, takes=0.01):
        self.seen: list[TrainingSnapshot] = []
        self.takes = takes

    def __call__(self, snapshot):
        self.seen.append(snapshot)
        time.sleep(self.takes)
        return f"{snapshot.state} {snapshot.step}".encode()


def test_nobody_watches_nothing_is_painted(job):
    paint = Painter()
    ended(job(paint=paint).start())
    assert paint.seen == []


def test_a_state_is_painted_once_for_all_who_watch(job):
    paint = Painter()
    running = job(paint=paint)
    assert running.frame() == running.frame() == (1, b"queued 0")
    assert len(paint.seen) == 1
    end = ended(running.start())
    assert running.frame() == (running.version, b"done 150") and end.finished


def test_painting_holds_up_no_training(job):
    """A browser whose picture takes forever: its job trains to the end, and so do others."""
    painting, go_on = threading.Event(), threading.Event()

    def stuck(_snapshot):
        painting.set()
        go_on.wait(PATIENCE)
        return b""

    watched, other = job(paint=stuck), job()
    watcher = threading.Thread(target=watched.frame)
    watcher.start()
    assert painting.wait(PATIENCE)
    try:
        assert ended(watched.start()).state == "done"
        assert ended(other.start()).state == "done"
    finally:
        go_on.set()
        watcher.join(PATIENCE)


class Answer:
    """What the stream's route sends to a browser that leaves after `most` frames."""

    def __init__(self, path, most=10**6):
        self.status, self.headers, self.body = 0, {}, b""
        self.most, self.gone = most, asyncio.Event()
        self.asked = False
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "root_path": ""}
        app = Starlette(routes=stream.routes())
        asynchronous.run(asyncio.wait_for(app(scope, self.receive, self.send), PATIENCE))

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
    # A frame takes as long as three chunks: the end comes while the one before is still being painted.
    running = job(total=200, paint=Painter(takes=0.1), watchable=True).start()
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


def test_a_model_of_another_page_is_left_alone(job):
    """Looking at a page must not end what another page trains; another model of the same page does."""
    running = job(total=ENDLESS, key=workshop.key_of(workshop_settings())).start()
    mine = workshop.Workshop()
    mine.job = running
    assert mine.see(workshop.Key("heat-1d", "heat-easy", "full")) is None
    assert mine.job is running and not running.snapshot().finished
    assert mine.latest(workshop_settings()["problem"]) is not None
    assert mine.see(workshop.key_of(workshop_settings(seed=1.0))) is None
    assert mine.job is None and ended(running).state == "stopped"


def test_a_model_is_named_after_its_weights():
    build = setting.setup("scaled").build
    one, same, other = (build(jax.random.key(seed)) for seed in (0, 0, 1))
    assert workshop.fingerprint(one) == workshop.fingerprint(same) != workshop.fingerprint(other)


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
    blank = TrainingSnapshot("running", 500, 2000, 250.0, 0, "", None, {})
    told = {
        "running": "500 of 2,000 steps · 250 steps/s · about 6 s left",
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
