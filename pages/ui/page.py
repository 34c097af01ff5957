"""The one renderer: a lesson in, a page out. Question, prediction, stage, what happened, and what explains it."""

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lessons import lessons
from lessons.lesson import Lesson, Result
from lessons.prediction import Aim
from pages.ui import address, answers, asking, attendance, explanation, navigation, permalinks, pictures, terms
from pages.ui.models import SOURCES, NoModel
from pages.ui.stage import stage


def show(slug: str, beyond: Callable[[], None] | None = None) -> None:
    """Render the lesson with this slug, and what the page adds below it."""
    lesson = lessons()[slug]
    part = {"whole": True}
    play, more = st.container(key="play"), st.container(key="more")
    with more:
        why, code, notes = st.container(), st.empty(), st.container()
    with play.container(key="lesson"):  # not one in the other: a fragment copies all containers that are open around it
        with st.container(key="ask"):
            st.title(lesson.question, anchor=False)
            st.markdown(lesson.text)
            terms.symbols(lesson)
        _play(lesson, part, code)
    part["whole"] = False
    if part["free"]:  # before the prediction it would give the answer away
        with why:
            explanation.explain(lesson, lambda: _quiz(lesson))
    with notes:
        explanation.teach(lesson)
        if beyond:
            beyond()
        explanation.onward(lesson)
    address.finished(lesson)


@st.fragment
def _play(lesson: Lesson, part: dict[str, Any], code: DeltaGenerator) -> None:
    """What a moved control draws anew, the picture first; all else on the page stays as it is.

    code: where the code of the figure stands, in the midst of the explanation.
    part["whole"]: whether the rest of the page is still to come.
    part["answered"]: whether the prediction is.  part["free"]: or need not be, since nothing is asked here.
    """
    answered = answers.answered(lesson.slug)
    if not part["whole"] and answered != part["answered"]:
        st.rerun()  # the whole page: the explanation below may be read now, or not any more
    attendance.drawing()
    chosen = _with_guess(lesson, address.settings(lesson, part["whole"]))
    guess, figure, answer = (st.container(key=name) for name in ("prediction", "stage", "answer"))
    with figure:  # what takes seconds the first time says so where the figure will be; the text can be read meanwhile
        source = SOURCES.get(lesson.slug, NoModel)(lesson, chosen)
        result = source.result()
        free = answered or bool(lesson.prediction.unasked(result))
        if not part["whole"] and free != part["free"]:
            address.write(lesson)  # or the whole page would be drawn at the settings before
            st.rerun()
        part.update(answered=answered, free=free)
        for remark in [*address.remarks(lesson), *source.remarks]:
            st.caption(remark)
        _stage(lesson, result, source, free)
    with guess:
        asking.ask(lesson, "prediction", result)
    if free:
        with answer:
            navigation.text(f"**What the run shows.** {lesson.reading(result)}")
        _runs(lesson, result, source)
        explanation.take_away(lesson, chosen, code)
    address.write(lesson)
    if not part["whole"]:
        address.finished(lesson)


def _with_guess(lesson: Lesson, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, with the point that was answered where it is one: a link need not name it."""
    given = answers.answer("prediction", lesson.slug)
    if given is None or given.said is None or not isinstance(lesson.prediction, Aim):
        return settings
    return settings | {lesson.prediction.point: given.said}


def _stage(lesson: Lesson, result: Result, source: NoModel, free: bool) -> None:
    autoplay = st.session_state.pop("autoplay", "") == lesson.slug
    said = {
        "veiled": not free,
        "autoplay": autoplay,
        "answered": address.answered(lesson),
        "guess": _guess(lesson, free),
    }
    payload = pictures.payload(lesson, result, source, **said)
    key = f"stage-{lesson.slug}"

    def settings_changed() -> None:
        address.commit(lesson, st.session_state[key]["settings"])

    def action() -> None:
        source.act(st.session_state[key]["action"])

    stage(payload, key=key, on_settings=settings_changed, on_action=action)


def _guess(lesson: Lesson, free: bool) -> str:
    """Whether a point of the figure is asked for: "open" while it may be moved, "said", or "none"."""
    if not isinstance(lesson.prediction, Aim):
        return "none"
    if not free:
        return "open"
    given = answers.answer("prediction", lesson.slug)
    return "none" if given is None or given.said is None else "said"


def _runs(lesson: Lesson, result: Result, source: NoModel) -> None:
    """The tables of the figure's runs and what can be saved of them, where there is any."""
    tables, (files, command) = lesson.tables(result), source.files()
    if not tables and not files:
        return
    with st.container(key="runs"):
        for number, table in enumerate(tables):
            permalinks.table(table, f"table-{lesson.slug}-{number}")
        explanation.files(lesson, files, command)


def _quiz(lesson: Lesson) -> None:
    with st.container(key="quiz"):
        asking.ask(lesson, "quiz", pictures.result(lesson, lesson.defaults))
