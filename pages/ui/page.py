"""The one renderer: a lesson in, a page out. Question, prediction, stage, what happened, and what explains it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lessons import lessons
from lessons.lesson import Lesson, Result
from lessons.prediction import Aim, AnyPrediction, Estimate, Prediction, plain, question_at
from pages.ui import address, attendance, explanation, navigation, permalinks, pictures, progress, terms
from pages.ui.models import SOURCES, NoModel
from pages.ui.stage import stage

UNSURE = "I don’t know; show me"


def show(slug: str, beyond: Callable[[], None] | None = None) -> None:
    """Render the lesson with this slug, and what the page adds below it."""
    lesson = lessons()[slug]
    explained = slug in st.session_state.setdefault("prediction", {})
    part = {"whole": True}
    play, more = st.container(key="play"), st.container(key="more")
    with more:
        why, code, notes = st.container(), st.empty(), st.container()
    with play.container(key="lesson"):  # not one in the other: a fragment copies all containers that are open around it
        with st.container(key="ask"):
            st.title(lesson.question, anchor=False)
            st.markdown(lesson.text)
            terms.symbols(lesson)
        _play(lesson, explained, part, code)
    part["whole"] = False
    if explained:  # before the prediction it would give the answer away
        with why:
            explanation.explain(lesson, lambda: _quiz(lesson))
    with notes:
        explanation.teach(lesson)
        if beyond:
            beyond()
        explanation.onward(lesson)
    address.finished(lesson)


@st.fragment
def _play(lesson: Lesson, explained: bool, part: dict[str, Any], code: DeltaGenerator) -> None:
    """What a moved control draws anew, the picture first; all else on the page stays as it is.

    code: where the code of the figure stands, in the midst of the explanation.
    part["whole"]: whether the rest of the page is still to come.
    """
    if not explained and lesson.slug in st.session_state["prediction"]:
        st.rerun()  # the whole page: the explanation below may be read now
    attendance.drawing()
    chosen = address.settings(lesson, part["whole"])
    guess, figure, answer = (st.container(key=name) for name in ("prediction", "stage", "answer"))
    with figure:  # what takes seconds the first time says so where the figure will be; the text can be read meanwhile
        source = SOURCES.get(lesson.slug, NoModel)(lesson, chosen)
        result = source.result()
        for remark in [*address.remarks(lesson), *source.remarks]:
            st.caption(remark)
        _stage(lesson, result, source, explained)
    with guess:
        _predict(lesson, lesson.prediction, result, "prediction")
    if explained:
        with answer:
            navigation.text(f"**What the run shows.** {lesson.reading(result)}")
        _runs(lesson, result, source)
        explanation.take_away(lesson, chosen, code)
    address.write(lesson)
    if not part["whole"]:
        address.finished(lesson)


def _predict(lesson: Lesson, prediction: AnyPrediction, result: Result, kind: str) -> None:
    """Ask; once the student has committed, show what the run says beside it."""
    answers = st.session_state.setdefault(kind, {})
    if lesson.slug not in answers:
        _ask(lesson, prediction, result, kind, answers)
        return
    answer = answers[lesson.slug]
    if not answer["verdict"] and prediction.ready(result):
        answer["verdict"] = prediction.verdict(answer["said"], result)
    said = UNSURE if answer["said"] is None else prediction.say(answer["said"])
    waiting = f"You said “{said}”. Press the button; the run will tell."
    with st.container(key=f"{kind}-said"):
        st.markdown(f"{answer['question']}\n\n{answer['verdict'] or waiting}")


def _ask(lesson: Lesson, prediction: AnyPrediction, result: Result, kind: str, answers: dict) -> None:
    question = plain(question_at(prediction, result["settings"]))
    widget = f"{kind}:{lesson.slug}"

    def take(said: Callable[[], Any]) -> None:
        answers[lesson.slug] = {"question": question, "said": said(), "verdict": ""}
        if kind == "prediction":
            st.session_state["autoplay"] = lesson.slug

    st.markdown(f"**{'Predict.' if kind == 'prediction' else 'And this?'}** {question}")
    if isinstance(prediction, Prediction):
        _choices(prediction, question, widget, take)
        return
    if isinstance(prediction, Estimate):
        said = _scale(prediction, question, widget)
    else:
        st.caption("Drag the ring in the figure, or move it with the arrow keys.")
        said = partial(_pointed_at, lesson, prediction)
    with st.container(horizontal=True, key=f"commit-{kind}"):
        st.button("That is my guess", key=f"{widget}:commit", on_click=take, args=(said,))
        st.button(UNSURE, key=f"{widget}:unsure", on_click=take, args=(lambda: None,), type="tertiary")


def _choices(prediction: Prediction, question: str, widget: str, take: Callable[[Callable[[], Any]], None]) -> None:
    """The answers to choose from; choosing is committing."""

    def said() -> str | None:
        chosen = st.session_state[widget]
        return None if chosen == UNSURE else chosen

    # The labels are shown as Markdown; what is said is the option's own text.
    chosen = st.radio(
        question,
        [*(option.text for option in prediction.options), UNSURE],
        index=None,
        format_func=plain,
        key=widget,
        on_change=take,
        args=(said,),
        label_visibility="collapsed",
    )
    if chosen is not None:  # while the server was away: to a new session it is no change
        take(said)
        st.rerun()


def _scale(prediction: Estimate, question: str, widget: str) -> Callable[[], float]:
    """A scale to put a number on; returns how to read it when it is committed."""
    places = prediction.places()
    st.select_slider(
        question,
        places,
        value=places[len(places) // 2],
        format_func=prediction.say,
        key=widget,
        label_visibility="collapsed",
    )
    return lambda: st.session_state[widget]


def _pointed_at(lesson: Lesson, prediction: Aim) -> Any:
    """Where the ring in the figure is when the guess is committed."""
    return address.settings_now(lesson)[prediction.point]


def _stage(lesson: Lesson, result: Result, source: NoModel, predicted: bool) -> None:
    autoplay = st.session_state.pop("autoplay", "") == lesson.slug
    said = {
        "veiled": not predicted,
        "autoplay": autoplay,
        "answered": address.answered(lesson),
        "guess": _guess(lesson),
        "kept": progress.for_the_browser(),
    }
    payload = pictures.payload(lesson, result, source, **said)
    key = f"stage-{lesson.slug}"

    def settings_changed() -> None:
        address.commit(lesson, st.session_state[key]["settings"])

    def action() -> None:
        source.act(st.session_state[key]["action"])

    stage(payload, key=key, on_settings=settings_changed, on_action=action)


def _guess(lesson: Lesson) -> str:
    """Whether a point of the figure is asked for: "open" while it may be moved, "said", or "none"."""
    if not isinstance(lesson.prediction, Aim):
        return "none"
    answer = st.session_state["prediction"].get(lesson.slug)
    return "open" if answer is None else "none" if answer["said"] is None else "said"


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
        _predict(lesson, lesson.quiz, pictures.result(lesson, lesson.defaults), "quiz")
