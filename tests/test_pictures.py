"""What a page asks the mathematics for."""

import json
from collections import OrderedDict
from urllib.parse import quote

import numpy as np
import pytest
from starlette.applications import Starlette

from lessons import lesson, lessons
from pages.ui import offers, pictures
from pages.ui.models import SOURCES, NoModel, Rehearsed
from pages.ui.stage import unpack
from tests import asynchronous

LESSON = lessons()["limits"]


@pytest.mark.parametrize(
    ("disturb", "names"),
    [("noise", ["noise"]), ("stale", ["turn"]), ("shared", ["turn"]), ("box", ["half_width"]), ("range", [])],
)
def test_only_sliders_that_have_an_effect_are_swept(disturb, names):
    assert [s.name for s in pictures.swept_sliders(LESSON, LESSON.complete({"disturb": disturb}))] == names


class Still:
    """A lesson without a model, whose model does not change either."""

    given, given_name, watched, elsewhere = None, "", False, True

    def extra(self):
        return {}


def sent(**changes):
    """Header and size of what the crux's page sends at these settings, and the addresses of its sweeps."""
    lesson = lessons()["crux"]
    payload = pictures.payload(lesson, pictures.result(lesson, lesson.complete(changes)), Still())
    header, arrays = unpack(payload)
    return header, arrays, len(payload), {name: sweep["url"] for name, sweep in header["sweeps"].items()}


def test_a_commit_sends_a_picture_and_not_its_sweeps():
    header, arrays, size, urls = sent()
    assert urls.keys() == {"alpha", "eta"} and size < 100_000
    assert set(arrays) == {f"still/{key}" for key in still_of(header)} | {"alpha/values", "eta/values"}


def still_of(header):
    return [key.removeprefix("still/") for item in header["still"].values() for key in item.values()]


def test_a_moved_slider_leaves_its_own_sweep_where_it_was():
    before, after = sent()[3], sent(alpha=2.0)[3]
    assert before["alpha"] == after["alpha"] and before["eta"] != after["eta"]
    assert sent(alpha=2.0)[3] == after


def test_the_address_of_a_sweep_answers_with_its_frames():
    lesson = lessons()["crux"]
    url = sent()[3]["alpha"]
    status, body, headers = ask(f"/{url}")
    assert status == 200 and body == pictures.sweep(lesson, lesson.defaults, "alpha")
    assert headers["content-encoding"] == "identity"  # else the server would compress it each time, for a tenth less
    header, arrays = unpack(body)
    assert len(arrays[header["values"]]) == 61


@pytest.mark.parametrize("crowded", [True, False])
def test_a_class_goes_before_sweeps_that_no_hand_came_near(crowded, monkeypatch):
    monkeypatch.setattr(offers.attendance, "crowded", lambda: crowded)
    url = sent()[3]["alpha"]
    status, body, _ = ask(f"/{url}")
    assert status == 200 and body
    assert ask(f"/{url}", "quiet")[:2] == ((204, b"") if crowded else (200, body))


def test_an_address_from_before_a_restart_says_so():
    status, body, _ = ask("/sweep/00")
    assert status == 404 and b"move a control" in body


def test_the_oldest_addresses_are_forgotten(monkeypatch):
    monkeypatch.setattr(offers, "MOST", 2)
    monkeypatch.setattr(offers, "_offered", OrderedDict())
    first, second, again, third = (offers.offer("sweep", (k,), lambda _, k=k: bytes([k])) for k in (0, 1, 0, 2))
    assert first == again
    assert [ask(f"/{url}")[0] for url in (first, second, third)] == [200, 404, 200]


def offered(source=None, **said):
    """The header of the crux's page at its defaults."""
    lesson = lessons()["crux"]
    return unpack(pictures.payload(lesson, pictures.result(lesson, lesson.defaults), source or Still(), **said))[0]


def test_a_veiled_picture_offers_no_sweeps():
    """They would show what the prediction asks."""
    header = offered(veiled=True)
    assert header["sweeps"] == {} and header["elsewhere"] is None


def test_while_a_model_changes_by_the_moment_no_sweeps_are_offered():
    source = Still()
    source.watched = True
    header = offered(source)
    assert header["sweeps"] == {} and header["elsewhere"] is None


def test_a_source_that_needs_its_run_offers_no_pictures_elsewhere():
    source = Still()
    source.elsewhere = False
    header = offered(source)
    assert header["elsewhere"] is None and header["sweeps"]
    own = [name for name, source in SOURCES.items() if source.result not in (NoModel.result, Rehearsed.result)]
    assert {name for name, source in SOURCES.items() if not source.elsewhere} == set(own)


@pytest.mark.parametrize("passing", ["", "&passing=1"])
def test_a_picture_elsewhere_is_what_the_page_shows_there(passing):
    lesson, moved = lessons()["crux"], {"start": [1.0, -2.0], "eta": 0.03}
    url = sent(axes="turned")[0]["elsewhere"]
    status, body, _ = ask(f"/{url}", f"settings={quote(json.dumps(moved))}{passing}")
    header, arrays = unpack(body)
    there = lesson.complete(moved | {"axes": "turned", "start": (1.0, -2.0)})
    shown, values = unpack(pictures.payload(lesson, pictures.result(lesson, there), Still()))
    assert status == 200 and header["still"] == shown["still"] and header["settings"] == shown["settings"]
    for name in still_of(header):
        np.testing.assert_array_equal(arrays[f"still/{name}"], values[f"still/{name}"])


def test_the_address_of_pictures_elsewhere_changes_with_the_choices_alone():
    here, moved, turned = (sent(**changes)[0]["elsewhere"] for changes in ({}, {"alpha": 2.0}, {"axes": "turned"}))
    assert here == moved != turned


@pytest.mark.parametrize(
    "settings", ['{"alpha": 99}', '{"colour": 1}', '{"start": null}', "[]", "{", "NaN", '{"alpha": NaN}']
)
def test_a_picture_that_the_lesson_does_not_have_is_refused_with_the_reason(settings):
    status, body, _ = ask(f"/{sent()[0]['elsewhere']}", f"settings={quote(settings)}")
    assert status == 400 and len(body) > 10


def test_a_picture_under_a_moving_hand_takes_no_place_in_the_cache(monkeypatch):
    asked = []
    monkeypatch.setattr(pictures, "result", lambda *args: asked.append(args))
    lesson = lessons()["crux"]
    url = pictures.offer_elsewhere(lesson, lesson.defaults)
    status, _, _ = ask(f"/{url}", f"settings={quote(json.dumps({'alpha': 3.0}))}&passing=1")
    assert status == 200 and asked == []


def ask(path, query=""):
    """Status, body and headers of the server's answer."""
    sent, headers = [], {}

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    offers._turns.clear()  # of another test's loop
    asynchronous.run(Starlette(routes=offers.routes())(scope, receive, send))
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]), headers


def test_a_live_picture_is_made_by_the_fast_program_and_others_by_the_small_one(monkeypatch):
    used = []
    for name in ("_run", "_run_fast"):
        program = getattr(lesson, name)
        monkeypatch.setattr(lesson, name, lambda *call, name=name, run=program: used.append(name) or run(*call))
    for slug in ("train", "sensitivity"):
        lessons()[slug].experiment()
    assert used == ["_run_fast", "_run"] and lessons()["train"].live
