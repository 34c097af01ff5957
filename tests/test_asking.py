"""What the page takes as an answer, keeps of it in a session, and believes of what a browser hands back."""

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from lessons import lessons
from lessons.lesson import Lesson
from lessons.prediction import Aim, Estimate, Prediction, plain
from pages.ui import answers, asking
from pages.ui.answers import checked, pieces, words

PATIENCE = 120
LESSONS = lessons()


def first(kind) -> Lesson:
    return next(lesson for lesson in LESSONS.values() if isinstance(lesson.prediction, kind))


@pytest.fixture
def told(monkeypatch):
    """What the component that asks is told, in each run of a page."""
    seen = []
    monkeypatch.setattr(asking, "_mount", lambda key, data, on_done_change: seen.append(data))
    return seen


def opened(slug, told, *, kept=None, messages=()):
    """The page of a lesson after a browser has told what it has kept, and after messages of its question."""

    def script(slug, kept, messages):
        from lessons import lessons
        from pages.ui import answers
        from pages.ui.page import show

        if kept is not None:
            answers.take_kept(kept)
        for message in messages:
            answers.take(lessons()[slug], "prediction", message)
        show(slug)

    at = AppTest.from_function(script, args=(slug, kept, list(messages)), default_timeout=PATIENCE).run()
    assert not at.exception
    return [data for data in told if data["kind"] == "prediction"][-1]


def crux(said, **changes):
    return {"id": "1", "kind": "prediction", "slug": "crux", "query": "alpha=2", "said": said} | changes


OPTIONS = [option.text for option in LESSONS["crux"].prediction.options]


def test_an_answer_is_judged_and_asked_again_on_wish(told):
    answer = {"act": "answer", "id": "7", "said": OPTIONS[0]}
    data = opened("crux", told, messages=[answer])
    right = LESSONS["crux"].prediction.right(LESSONS["crux"].experiment())
    assert data["mode"] == "said" and data["answer"]["note"]["right"] is (OPTIONS[0] in right)
    assert data["answer"]["note"]["query"] and data["answer"]["id"] == "7"
    again = {"act": "again", "id": "7"}
    data = opened("crux", told, messages=[answer, again])
    assert data["mode"] == "ask" and not data["awaited"] and data["options"] == OPTIONS
    assert opened("crux", told, messages=[answer, again, again | {"act": "answer", "said": None}])["mode"] == "said"


def test_what_was_answered_before_this_session_is_judged_anew_at_its_settings(told):
    lesson = LESSONS["crux"]
    at_two = lesson.experiment(alpha=2.0)
    lie = crux(OPTIONS[1], verdict="**Right**, of course", right=True)
    data = opened("crux", told, kept=[lie])
    shown = "".join(text for text, _bold in data["verdict"])
    assert shown == words(
        lesson.prediction.verdict(OPTIONS[1], at_two | {"settings": lesson.defaults | {"alpha": 2.0}})
    )
    assert data["question"].startswith("α = 2") and data["answer"]["note"]["query"] == "alpha=2"


def test_where_the_run_cannot_be_repeated_the_kept_verdict_is_shown_as_text(told):
    option = LESSONS["train"].prediction.options[0].text
    kept = crux(option, slug="train", query="steps=500", verdict="**Bold** [link](http://elsewhere)")
    data = opened("train", told, kept=[kept])
    assert data["verdict"] == [["**Bold** [link](http://elsewhere)", False]]
    assert opened("train", told, kept=[kept | {"verdict": ""}])["verdict"] in ([["", False]], [])


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "crux",
        {},
        crux("no such option"),
        crux({"a": 1}),
        crux([1, 2]),
        crux(OPTIONS[0], slug="nowhere"),
        crux(OPTIONS[0], slug=["crux"]),
        crux(OPTIONS[0], kind="session"),
        crux(OPTIONS[0], kind=["prediction"]),
        crux(None, slug="four-ways", kind="quiz"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_dropped(told, entry):
    assert opened("crux", told, kept=[entry])["mode"] == "ask"


@pytest.mark.parametrize("kept", [None, {"a": 1}, "text", 3, []])
def test_what_is_no_list_is_no_answer(told, kept):
    assert opened("crux", told, kept=kept)["mode"] == "ask"


def test_a_mangled_setting_falls_back_and_long_texts_are_cut(told):
    data = opened("crux", told, kept=[crux(OPTIONS[0], query="alpha=![x](http://h/p.png)&b=1", verdict="v" * 10**5)])
    assert data["mode"] == "said" and data["question"].startswith("α = 4")
    assert all(len(str(value)) < 2 * answers.LONGEST for value in data["answer"]["note"].values())


def test_what_can_be_said():
    choice, scale, aim = LESSONS["crux"], first(Estimate), first(Aim)
    assert checked(choice, choice.prediction, OPTIONS[2]) == OPTIONS[2]
    assert checked(scale, scale.prediction, scale.prediction.low) == scale.prediction.low
    assert all(checked(lesson, lesson.prediction, None) is None for lesson in LESSONS.values())
    default = next(control.default for control in aim.controls if control.name == aim.prediction.point)
    assert checked(aim, aim.prediction, list(default)) == default
    high = scale.prediction.high
    wrong = [(choice, "x"), (choice, 1), (scale, 2 * high), (scale, True), (scale, float("nan")), (scale, "1")]
    for lesson, said in [*wrong, (aim, [1e9, 0]), (aim, "here"), (aim, [1])]:
        with pytest.raises(ValueError):
            checked(lesson, lesson.prediction, said)


def test_nothing_is_asked_where_no_answer_is_right_and_the_figure_is_free(told, monkeypatch):
    prediction = LESSONS["crux"].prediction
    assert prediction.unasked(LESSONS["crux"].experiment()) == ""
    torn = dataclasses.replace(prediction, unasked=lambda result: "Here both diverge.")
    stages = []
    monkeypatch.setattr("pages.ui.page.stage", lambda payload, **_: stages.append(payload))
    held = vars(LESSONS["crux"])["prediction"]
    object.__setattr__(LESSONS["crux"], "prediction", torn)
    try:
        data = opened("crux", told)
    finally:
        object.__setattr__(LESSONS["crux"], "prediction", held)
    assert data["mode"] == "unasked" and data["reason"] == "Here both diverge."
    assert b'"veiled":false' in stages[-1]
    assert opened("crux", told)["mode"] == "ask" and b'"veiled":true' in stages[-1]


def test_a_verdict_is_cut_into_what_is_bold_and_what_is_not():
    assert pieces("**Not so.** y\\* is **2\\***, so.") == [
        ["Not so.", True],
        [" y* is ", False],
        ["2*", True],
        [", so.", False],
    ]
    assert pieces("") == [] and words("**a** b") == "a b"
    assert words(plain("2 ** 3 and y*")) == "2 ** 3 and y*"


@pytest.mark.parametrize("slug", LESSONS)
def test_no_question_or_option_needs_more_than_stars(slug):
    """They are shown as text: a formula or a link would be shown as it is written."""
    for prediction in (LESSONS[slug].prediction, LESSONS[slug].quiz):
        if prediction is None:
            continue
        texts = [prediction.question, *(option.text for option in getattr(prediction, "options", ()))]
        assert not [text for text in texts if "$" in text or "](" in text or ":blue[" in text or "**" in text]
        assert isinstance(prediction, Prediction | Estimate | Aim)
