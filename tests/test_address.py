"""The address bar of a page, without a browser: permalinks restore, mangled ones are told, a control wins."""

import pytest
from streamlit.testing.v1 import AppTest

from lessons import lessons
from lessons.prediction import question_at
from pages.ui import asking

LESSONS = lessons()
PATIENCE = 60


def page(slug="crux"):
    """A page that shows the settings in force and what had to be moved or dropped."""

    def script(slug):
        import streamlit as st

        from lessons import lessons
        from pages.ui import address

        lesson = lessons()[st.session_state.get("slug", slug)]
        # What the stage does when a control is let go.
        changes = st.session_state.pop("changes", None)
        if changes:
            address.commit(lesson, changes)
        st.session_state["found"] = address.settings(lesson, st.session_state.pop("whole", True))
        for remark in address.remarks(lesson):
            st.caption(remark)
        address.write(lesson)
        if not st.session_state.pop("overtaken", False):
            address.finished(lesson)

    return AppTest.from_function(script, args=(slug,), default_timeout=PATIENCE)


def opened(slug="crux", **query):
    at = page(slug)
    for name, text in query.items():
        at.query_params[name] = text
    return run(at)


def run(at):
    at.run()
    assert not at.exception, at.exception
    return at


def remarks(at):
    return [caption.value for caption in at.caption]


def query(at):
    return {name: value[0] if isinstance(value, list) else value for name, value in dict(at.query_params).items()}


@pytest.mark.parametrize("slug", LESSONS)
def test_without_a_query_a_lesson_opens_at_its_defaults(slug):
    at = opened(slug)
    assert at.session_state["found"] == LESSONS[slug].defaults
    assert query(at) == {} and remarks(at) == []


def test_a_permalink_restores_every_setting_in_a_fresh_session():
    link = {"alpha": "2.5", "eta": "0.01", "axes": "turned", "start": "1.5,-2", "step": "7", "hide": "adam,newton"}
    at = opened(**link)
    numbers = {"alpha": 2.5, "eta": 0.01, "start": (1.5, -2.0), "step": 7}
    assert at.session_state["found"] == numbers | {"axes": "turned", "hide": ("adam", "newton")}
    assert query(at) == link and remarks(at) == []


@pytest.mark.parametrize("slug", [s for s, lesson in LESSONS.items() if any(c.kind == "step" for c in lesson.controls)])
def test_every_walk_can_be_opened_in_its_middle(slug):
    step = next(control.name for control in LESSONS[slug].controls if control.kind == "step")
    assert opened(slug, **{step: "3"}).session_state["found"] == LESSONS[slug].defaults | {step: 3}


def test_what_does_not_fit_is_moved_or_dropped_with_a_line_each():
    at = opened(alpha="99", eta="fast", start="1,2,3", step="12", colour="red")
    found = at.session_state["found"]
    assert found == LESSONS["crux"].defaults | {"alpha": 8.0, "step": 12}
    told = remarks(at)
    assert len(told) == 4
    for name in ("alpha", "eta", "start", "colour"):
        assert sum(name in line for line in told) == 1
    # The address is put right, so that it says what is shown.
    assert query(at) == {"alpha": "8", "step": "12"}


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "<script>", "%00", "é" * 300, "[1]", "None", ""])
@pytest.mark.parametrize("name", ["alpha", "start", "step", "axes", "hide", "unknown"])
def test_no_link_breaks_a_page(name, text):
    at = opened(**{name: text})
    assert set(at.session_state["found"]) == set(LESSONS["crux"].defaults)
    assert query(at) == {} or (name, text) == ("hide", "")


def test_a_remark_is_gone_once_a_control_has_moved():
    at = opened(alpha="99")
    assert remarks(at)
    at.session_state["changes"] = {"alpha": 2.0}
    run(at)
    assert remarks(at) == [] and at.session_state["found"]["alpha"] == 2.0


def test_a_remark_stays_while_nothing_moves():
    at = opened(alpha="99")
    told = remarks(at)
    assert remarks(run(at)) == told


def test_a_control_wins_over_the_address_of_the_run_before():
    at = opened(alpha="2.5")
    at.session_state["changes"] = {"step": 3, "start": [1.0, 2.0]}
    run(at)
    assert at.session_state["found"] == LESSONS["crux"].defaults | {"alpha": 2.5, "step": 3, "start": (1.0, 2.0)}
    assert query(at) == {"alpha": "2.5", "step": "3", "start": "1,2"}


def test_a_run_that_was_overtaken_is_not_undone_by_the_address_that_the_browser_had():
    at = opened(alpha="2.5")
    at.session_state["changes"] = {"alpha": 5.0}
    at.session_state["overtaken"] = True
    run(at)
    at.query_params["alpha"] = "2.5"
    at.session_state["overtaken"], at.session_state["whole"] = True, False
    assert run(at).session_state["found"]["alpha"] == 5.0 and query(at) == {"alpha": "5"}
    run(at)
    at.session_state["overtaken"] = True  # a run that wrote nothing, such as the one after a compilation
    run(at)
    at.query_params["alpha"] = "2.5"  # now it is Back
    assert run(at).session_state["found"]["alpha"] == 2.5


def test_back_is_followed_while_the_run_of_a_control_still_goes_on():
    at = opened(alpha="2.5")
    at.session_state["changes"] = {"alpha": 5.0}
    at.session_state["overtaken"], at.session_state["whole"] = True, False
    run(at)
    at.query_params["alpha"] = "2.5"
    assert run(at).session_state["found"]["alpha"] == 2.5  # the whole page is drawn, which no control asks for


def test_a_commit_without_news_does_not_undo_back():
    at = opened()
    at.session_state["changes"] = {"alpha": 2.0, "commit": 1}
    run(at)
    at.query_params.clear()
    at.session_state["changes"] = {"alpha": 2.0, "commit": 2}
    assert run(at).session_state["found"] == LESSONS["crux"].defaults


def test_a_control_that_was_moved_at_another_address_gives_way_to_a_link_or_back():
    """A walk ends, or a slider is let go, and before the server has seen it a link is followed."""
    at = opened(alpha="2.5")
    at.session_state["changes"] = {"step": 9, "commit": 1, "address": "?alpha=2.5"}
    at.query_params["alpha"], at.query_params["eta"] = "5", "0.01"
    assert run(at).session_state["found"] == LESSONS["crux"].defaults | {"alpha": 5.0, "eta": 0.01}


@pytest.mark.parametrize("there", ["?alpha=2.5", "?alpha=2.5&start=1%2C2", ""])
def test_a_control_that_was_moved_at_this_address_wins(there):
    query = {"alpha": "2.5", "start": "1,2"} if "start" in there else {"alpha": "2.5"} if there else {}
    at = opened(**query)
    at.session_state["changes"] = {"alpha": 3.0, "commit": 1, "address": there}
    assert run(at).session_state["found"]["alpha"] == 3.0


def test_a_control_wins_over_the_address_that_was_written_while_it_was_on_its_way():
    at = opened(alpha="99")
    assert query(at) == {"alpha": "8"}
    at.session_state["changes"] = {"eta": 0.01, "commit": 1, "address": "?alpha=99"}
    assert run(at).session_state["found"] == LESSONS["crux"].defaults | {"alpha": 8.0, "eta": 0.01}


def test_back_and_forward_change_the_settings():
    at = opened(alpha="2.5")
    at.query_params["alpha"] = "5"
    assert run(at).session_state["found"]["alpha"] == 5.0
    at.query_params.clear()
    assert run(at).session_state["found"]["alpha"] == LESSONS["crux"].defaults["alpha"]


def test_coming_back_to_a_lesson_finds_it_as_it_was():
    at = opened(alpha="2.5")
    at.session_state["slug"] = "four-ways"
    at.query_params.clear()
    run(at)
    assert at.session_state["found"] == LESSONS["four-ways"].defaults
    at.session_state["slug"] = "crux"
    at.query_params.clear()
    run(at)
    assert at.session_state["found"]["alpha"] == 2.5 and query(at) == {"alpha": "2.5"}


def test_coming_back_by_a_link_follows_the_link():
    at = opened(alpha="2.5")
    at.session_state["slug"] = "four-ways"
    at.query_params.clear()
    run(at)
    at.session_state["slug"] = "crux"
    at.query_params["alpha"] = "3"
    assert run(at).session_state["found"]["alpha"] == 3.0


@pytest.mark.parametrize("changes", [{"alpha": 99.0}, {"colour": "red"}, {"start": None}, {"step": 1.5}, {"hide": "x"}])
def test_what_a_control_cannot_send_is_refused_and_the_rest_taken(changes):
    at = opened()
    at.session_state["changes"] = {"eta": 0.01, **changes}
    run(at)
    told = remarks(at)
    assert len(told) == 1 and next(iter(changes)) in told[0]
    assert at.session_state["found"] == LESSONS["crux"].defaults | {"eta": 0.01}


def test_two_sessions_share_nothing():
    one, other = opened(alpha="2.5"), opened()
    assert one.session_state["found"]["alpha"] == 2.5
    assert run(other).session_state["found"] == LESSONS["crux"].defaults


def test_the_real_page_shows_the_remarks_and_what_was_kept(monkeypatch):
    put = []
    monkeypatch.setattr(asking, "_mount", lambda key, data, on_done_change: put.append(data))
    at = AppTest.from_string("from pages.ui.page import show\nshow('start')", default_timeout=PATIENCE)
    at.query_params["xi"] = "99"
    at.query_params["start"] = "here"
    run(at)
    most = next(control.high for control in LESSONS["start"].controls if control.name == "xi")
    told = remarks(at)
    assert sum("xi" in line and "out of range" in line for line in told) == 1
    assert sum("'here'" in line for line in told) == 1
    assert query(at) == {"xi": f"{most:g}"}
    prediction = LESSONS["start"].prediction
    assert put[-1]["question"] == question_at(prediction, LESSONS["start"].complete({"xi": most}))
