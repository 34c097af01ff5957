"""What a student has answered, to predictions and quizzes: in the session, and beyond it in the browser alone.

The browser notes each answer as it is confirmed (pages/ui/stage/keeping.js) and hands the latest ones to a new session.
What comes back is foreign text: it is checked against the lesson, and the verdict is computed anew where the run can be
repeated. Nothing is kept on the server.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import streamlit as st

from lessons import lessons
from lessons.controls import read_permalink
from lessons.lesson import Lesson, Result, Settings
from lessons.prediction import Aim, AnyPrediction, Estimate, Prediction, question_at
from pages.ui import address, pictures, progress
from pages.ui.models import SOURCES

KINDS = ("prediction", "quiz")
LONGEST = 800  # characters of a text that is read back
MOST = 200  # entries that are read back


@dataclass
class Answer:
    """One confirmed answer. said is None for "I don't know".

    id: made by the browser, to find its note again.  settings: those in force when it was asked.
    verdict: what the run says, in Markdown, once it is known.  right: None while it is not, or where nothing was said.
    kept: the verdict as the browser has kept it, which is shown as text where the run cannot be repeated.
    """

    id: str
    question: str
    settings: Settings
    said: Any
    verdict: str = ""
    right: bool | None = None
    kept: str = ""
    restored: bool = False


@dataclass
class _Memory:
    """told: the browser has said what it has kept.  seen: by (kind, slug), the last answer or wish that was taken."""

    token: str = field(default_factory=lambda: secrets.token_hex(8))
    told: bool = False
    seen: dict[tuple[str, str], str] = field(default_factory=dict)


def memory() -> _Memory:
    """This session's."""
    return st.session_state.setdefault("answers", _Memory())


def answer(kind: str, slug: str) -> Answer | None:
    """The answer that stands on the page of this lesson."""
    return st.session_state.setdefault(kind, {}).get(slug)


def awaited(kind: str, slug: str) -> bool:
    """Whether the browser may have an answer that it has not told yet: the session is new."""
    return not memory().told and not memory().seen.get((kind, slug))


def standing(kind: str, slug: str) -> dict[str, Any]:
    """What the page is told of the session beside the question or the answer."""
    return {
        "session": memory().token,
        "awaited": awaited(kind, slug),
        "seen": memory().seen.get((kind, slug), ""),
    }


def for_the_keeper() -> dict[str, Any]:
    """What every page is told."""
    return {"session": memory().token, "told": memory().told, "marks": progress.for_the_browser()}


def answered(slug: str) -> bool:
    """Whether the lesson's prediction is answered, or is known by its mark to be: what was said then follows."""
    return answer("prediction", slug) is not None or (awaited("prediction", slug) and slug in progress.done())


def asked(lesson: Lesson, kind: str) -> AnyPrediction | None:
    """What the lesson asks."""
    return lesson.prediction if kind == "prediction" else lesson.quiz


def put(prediction: AnyPrediction, settings: Mapping[str, Any]) -> str:
    """The question as it is asked at these settings."""
    return question_at(prediction, settings)


def say(prediction: AnyPrediction, said: Any) -> str:
    """An answer in words, as text."""
    return said if isinstance(prediction, Prediction) else prediction.say(said)


def checked(lesson: Lesson, prediction: AnyPrediction, said: Any) -> Any:
    """What was said, as the prediction takes it. Raises ValueError for what cannot be said there."""
    if said is None:
        return None
    if isinstance(prediction, Prediction):
        if said not in [option.text for option in prediction.options]:
            raise ValueError(f"{str(said)[:40]!r} is none of the answers to {prediction.question!r}")
        return said
    if isinstance(prediction, Estimate):
        if isinstance(said, bool) or not isinstance(said, int | float) or not prediction.low <= said <= prediction.high:
            raise ValueError(f"{str(said)[:40]!r} does not lie on the scale of {prediction.question!r}")
        return float(said)
    return next(control for control in lesson.controls if control.name == prediction.point).check(said)


def take(lesson: Lesson, kind: str, message: Mapping[str, Any]) -> None:
    """A confirmed answer, or the wish to be asked again, as the page sends it; the same one may come twice."""
    prediction, number = asked(lesson, kind), str(message.get("id", ""))[:40]
    wish = f"{message.get('act')} {number}"
    if prediction is None or memory().seen.get((kind, lesson.slug)) == wish:
        return
    memory().seen[kind, lesson.slug] = wish
    stands = st.session_state.setdefault(kind, {})
    if message.get("act") == "again":
        stands.pop(lesson.slug, None)
        return
    try:
        said = checked(lesson, prediction, message.get("said"))
    except ValueError:
        return
    settings = address.settings_now(lesson) if kind == "prediction" else lesson.defaults
    if isinstance(prediction, Aim) and said is not None:
        settings = settings | {prediction.point: said}
    stands[lesson.slug] = Answer(number, put(prediction, settings), settings, said)
    if kind == "prediction":
        progress.mark(lesson.slug)
        st.session_state["autoplay"] = lesson.slug


def take_kept(entries: Any) -> None:
    """What the browser has kept of earlier sessions. What makes no sense here is dropped."""
    memory().told = True
    for entry in entries[-MOST:] if isinstance(entries, list) else []:
        found = _restored(entry) if isinstance(entry, dict) else None
        if found is None:
            continue
        kind, slug, kept = found
        if not memory().seen.get((kind, slug)):
            st.session_state.setdefault(kind, {}).setdefault(slug, kept)
            progress.mark(slug)


def _restored(entry: dict[str, Any]) -> tuple[str, str, Answer] | None:
    kind, slug = entry.get("kind"), entry.get("slug")
    lesson = lessons().get(slug) if isinstance(slug, str) else None
    prediction = asked(lesson, kind) if lesson and kind in KINDS else None
    if prediction is None:
        return None
    query = dict(parse_qsl(str(entry.get("query", ""))[:LONGEST], keep_blank_values=True))
    try:
        settings = lesson.complete(read_permalink(lesson.controls, query)[0])
        said = checked(lesson, prediction, entry.get("said"))
    except ValueError:
        return None
    right = entry.get("right") if isinstance(entry.get("right"), bool) else None
    text = str(entry.get("verdict") or "")[:LONGEST]
    number = str(entry.get("id", ""))[:40]
    return kind, slug, Answer(number, put(prediction, settings), settings, said, "", right, text, restored=True)


def judge(lesson: Lesson, prediction: AnyPrediction, given: Answer, result: Result) -> None:
    """Set the answer beside what the run says, once there is a run that tells."""
    if given.verdict:
        return
    if given.restored and not _repeats(lesson, given, result):
        if lesson.slug in SOURCES:  # of a model or a measurement that went with its session
            if given.kept:
                return
        else:
            result = pictures.result(lesson, given.settings)
    if not prediction.ready(result):
        return
    given.verdict = prediction.verdict(given.said, result)
    judged = given.said is not None and not prediction.unasked(result)
    given.right = bool(prediction.hits(given.said, result)) if judged else None


def _repeats(lesson: Lesson, given: Answer, result: Result) -> bool:
    """Whether the run on the page is at the settings of this answer."""
    return pictures.varied(lesson, given.settings) == pictures.varied(lesson, result["settings"])


def pieces(markdown: str) -> list[list[Any]]:
    """A verdict as [[text, whether it is bold]]: with `lessons.prediction.plain`, stars are all that it marks up."""
    parts = re.split(r"(?<!\\)\*\*", markdown)
    return [[part.replace("\\*", "*"), bool(number % 2)] for number, part in enumerate(parts) if part]


def words(markdown: str) -> str:
    """A verdict as text."""
    return "".join(text for text, _bold in pieces(markdown))


def forget() -> None:
    """No answers, in this session; the browser is told by `progress.for_the_browser`."""
    for kind in KINDS:
        st.session_state.pop(kind, None)
    memory().told = True  # what it has kept so far is not wanted back
    progress.forget()
