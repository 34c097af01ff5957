"""The page of all that a student has answered. The browser has it all, and draws it; the server knows the course."""

import streamlit as st

from lessons import lessons
from lessons.controls import Legend, Preset, Step
from lessons.lesson import Lesson
from pages.ui import answers
from pages.ui.stage import component

_mount = component("predictions")


def predictions() -> None:
    """Every answer, with the question as it was asked and what the run showed."""
    st.title("My predictions", anchor=False)
    course = [{"slug": slug, "title": lesson.title, "names": _names(lesson)} for slug, lesson in lessons().items()]
    _mount(key="predictions", data={"lessons": course}, on_forget_change=answers.forget)


def _names(lesson: Lesson) -> dict[str, dict]:
    """What the page calls its settings and their options; how much of a run is drawn is not what was asked."""
    told = [control for control in lesson.controls if not isinstance(control, Step | Legend | Preset)]
    return {c.name: {"label": c.label, "options": dict(getattr(c, "options", {}))} for c in told}
