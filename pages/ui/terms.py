"""The symbols of a lesson, explained where they are used, and the glossary that holds them all."""

from html import escape

import streamlit as st

from lessons import introduced, lessons
from lessons.glossary import GLOSSARY, Entry
from lessons.lesson import Lesson
from pages.ui import navigation


def symbols(lesson: Lesson) -> None:
    """One line of symbols; each shows its meaning when it is pointed at, tapped or reached by the keyboard."""
    terms = []
    for name in lesson.symbols:
        entry, tip = GLOSSARY[name], f"term-{name}"
        terms.append(
            f'<button type="button" class="term" aria-describedby="{tip}">{escape(entry.symbol)}'
            f'<span role="tooltip" id="{tip}"><b>{escape(entry.name)}.</b> {escape(entry.meaning)}</span></button>'
        )
    st.html(f'<p class="terms"><span>Symbols</span> {" ".join(terms)}</p>')


def glossary() -> None:
    """Every entry, under the lesson that uses it first, in teaching order."""
    st.title("Glossary", anchor=False)
    st.markdown("Every symbol and term of the course, under the page that uses it first.")
    first = introduced()
    for slug in lessons():
        entries = [GLOSSARY[name] for name, where in first.items() if where == slug]
        if entries:
            navigation.link(slug)
            st.html(f'<dl class="glossary">{"".join(map(_row, entries))}</dl>')


def _row(entry: Entry) -> str:
    return f"<dt>{escape(entry.symbol)}</dt><dd><b>{escape(entry.name)}.</b> {escape(entry.meaning)}</dd>"
