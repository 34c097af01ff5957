"""The pages of the course, from the syllabus, and links between them that keep the session.

A link written in Markdown would open a new tab, and with it a new session without the student's trained model.
"""

import re
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from lessons import SYLLABUS, lessons

PAGES = Path(__file__).parents[1]
_LINK = re.compile(r"\[([^\]]+)\]\(([\w-]+)\)")


def pages() -> dict[str, list[StreamlitPage]]:
    """What `st.navigation` takes: the pages of each part, in teaching order."""
    return {part.title: [page(lesson.slug) for lesson in part.lessons] for part in SYLLABUS}


def page(slug: str) -> StreamlitPage:
    """The page of a lesson; the first lesson is the opening page."""
    part = next(part for part in SYLLABUS if any(lesson.slug == slug for lesson in part.lessons))
    script = PAGES / part.folder / f"{slug.replace('-', '_')}.py"
    first = slug == SYLLABUS[0].lessons[0].slug
    return st.Page(script, title=lessons()[slug].title, url_path=slug, default=first)


def link(slug: str, label: str = "") -> None:
    """A link to a lesson, within the session."""
    st.page_link(page(slug), label=label or lessons()[slug].title)


def text(markdown: str) -> None:
    """A lesson's text; its links to lessons, such as [Four ways down](four-ways), are put below it."""
    st.markdown(_LINK.sub(r"\1", markdown))
    for _, slug in dict.fromkeys(_LINK.findall(markdown)):
        link(slug)
