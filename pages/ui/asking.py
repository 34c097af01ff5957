"""The box that asks: a prediction or a quiz, the answer beside what the run says, or why nothing is asked here."""

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from lessons.lesson import Lesson, Result
from lessons.prediction import Aim, AnyPrediction, Estimate
from pages.ui import answers, permalinks
from pages.ui.stage import component

LEADS = {"prediction": "Predict.", "quiz": "And this?"}
_mount = component("asking")
_keeper = component("keeper")


def keep() -> None:
    """On every page, before anything else: the browser keeps the marks and hands over what was answered before."""

    def told() -> None:
        answers.take_kept(st.session_state["keeper"]["kept"])

    _keeper(key="keeper", data=answers.for_the_keeper(), on_kept_change=told)


def ask(lesson: Lesson, kind: str, result: Result) -> None:
    """Ask; once the student has confirmed an answer, show what the run says beside it, and offer another try."""
    prediction, key = answers.asked(lesson, kind), f"{kind}:{lesson.slug}"

    def done() -> None:
        message = st.session_state[key]["done"]
        if isinstance(message, dict):
            answers.take(lesson, kind, message)

    given = answers.answer(kind, lesson.slug)
    if given is not None:
        answers.judge(lesson, prediction, given, result)
        state = _said(lesson, prediction, given)
    elif reason := prediction.unasked(result):
        state = {"mode": "unasked", "reason": reason}
    else:
        state = _open(lesson, prediction, result)
    about = {"slug": lesson.slug, "kind": kind, "lead": LEADS[kind]} | answers.standing(kind, lesson.slug)
    _mount(key=key, data=about | state, on_done_change=done)


def _open(lesson: Lesson, prediction: AnyPrediction, result: Result) -> dict[str, Any]:
    settings = result["settings"]
    state = {
        "mode": "ask",
        "form": prediction.kind,
        "question": answers.put(prediction, settings),
        "query": urlencode(permalinks.query(lesson, settings)),
    }
    if isinstance(prediction, Aim):
        return state | {"point": prediction.point}
    if isinstance(prediction, Estimate):
        return state | {"options": [[place, prediction.say(place)] for place in prediction.places()]}
    return state | {"options": [option.text for option in prediction.options]}


def _said(lesson: Lesson, prediction: AnyPrediction, given: answers.Answer) -> dict[str, Any]:
    """note: what the browser adds to what it has kept of this answer."""
    words = "" if given.said is None else answers.say(prediction, given.said)
    note = {
        "question": given.question,
        "query": urlencode(permalinks.query(lesson, given.settings)),
        "words": words,
        "verdict": answers.words(given.verdict) or given.kept,
        "right": given.right,
    }
    return {
        "mode": "said",
        "question": given.question,
        "words": words,
        "verdict": answers.pieces(given.verdict) or [[given.kept, False]],
        "answer": {"id": given.id, "note": note},
    }
