"""Find a lesson by any word of its title, question or symbols, from every page."""

import streamlit as st

from lessons import introduced, lessons
from lessons.glossary import GLOSSARY
from pages.ui import navigation


def places() -> dict[str, str]:
    """What can be looked for, each with the lesson where it is: titles with their questions, then terms."""
    found = {f"{lesson.title} · {lesson.question}": slug for slug, lesson in lessons().items()}
    return found | {f"{GLOSSARY[name].symbol} · {GLOSSARY[name].name}": slug for name, slug in introduced().items()}


def find() -> None:
    """A field that opens a lesson. It is a new field after each find, so that it is empty again."""
    count = st.session_state.setdefault("finds", 0)
    with st.container(key="find"):
        place = st.selectbox(
            "Find a lesson or a symbol",
            list(places()),
            index=None,
            placeholder="Find a lesson or a symbol",
            key=f"find-{count}",
            label_visibility="collapsed",
        )
    if place:
        st.session_state["finds"] = count + 1
        st.switch_page(navigation.page(places()[place]))
