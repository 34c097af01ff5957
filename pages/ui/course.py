"""The map of the course: every lesson with its question and its length, and the device that computes it."""

import streamlit as st

from lessons import SYLLABUS, lessons
from pages.ui import answers, navigation, progress
from pages.ui.device import device_line


def course_map() -> None:
    """One line a lesson, in teaching order."""
    total = sum(lesson.minutes for lesson in lessons().values())
    st.markdown(f"## The way, about {total} minutes")
    with st.container(key="map"):
        for part in SYLLABUS[1:]:
            with st.container(key=f"part-{part.folder}"):
                st.markdown(f"**{part.title}**")
                for lesson in part.lessons:
                    mark = "✓ " if lesson.slug in progress.done() else ""
                    navigation.link(lesson.slug, f"{mark}{lesson.title}, {lesson.minutes} min")
                    st.caption(lesson.question)
    st.markdown(
        "Each page asks you to predict before it shows; then drag, click and play. Point at a step of a path, and it "
        "is marked in every panel. The address bar always holds the state you see: copy it to share or keep it."
    )
    if progress.done():
        st.caption("A ✓ marks what you have worked through. The marks stay in this browser.")
        st.button("Forget my marks and answers", on_click=answers.forget, type="tertiary")
    navigation.link(navigation.PREDICTIONS, "My predictions: what you have answered so far")
    navigation.link(navigation.GLOSSARY, "Glossary: every symbol of the course")
    st.markdown(f"## Where it runs\n{device_line()}")
