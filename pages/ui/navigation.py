"""The pages of the course, from the syllabus, and links between them that keep the session.

A link written in Markdown would open a new tab, and with it a new session without the student's trained model.
"""

import copy
import functools
import re
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from lessons import SYLLABUS, lessons
from pages.ui import progress

GLOSSARY, PREDICTIONS = "glossary", "predictions"
BESIDE = {PREDICTIONS: "My predictions", GLOSSARY: "Glossary"}  # pages without a lesson, in the first part
PAGES = Path(__file__).parents[1]
_LINK = re.compile(r"\[([^\]]+)\]\(([\w-]+)\)")


def pages() -> dict[str, list[StreamlitPage]]:
    """What `st.navigation` takes: the pages of each part, in teaching order."""
    course = {part.menu: [page(lesson.slug) for lesson in part.lessons] for part in SYLLABUS}
    course[SYLLABUS[0].menu] += [page(slug) for slug in BESIDE]
    return course


def page(slug: str) -> StreamlitPage:
    """The page of a lesson, with its progress mark, or one without a lesson; the first lesson is the opening page."""
    # A copy, since Streamlit notes in it whether it is the page of this run.
    return copy.copy(_page(slug, slug in progress.done()))


@functools.cache  # to make it Streamlit asks the disk some ten times where the script lies, and a run needs all pages
def _page(slug: str, done: bool) -> StreamlitPage:
    if slug in BESIDE:
        return st.Page(PAGES / SYLLABUS[0].folder / f"{slug}.py", title=BESIDE[slug], url_path=slug)
    part = next(part for part in SYLLABUS if any(lesson.slug == slug for lesson in part.lessons))
    script = PAGES / part.folder / f"{slug.replace('-', '_')}.py"
    first = slug == SYLLABUS[0].lessons[0].slug
    # A mark in words: an icon would become the tab's, which Streamlit fetches from another host.
    mark = " ✓" if done else ""
    return st.Page(script, title=lessons()[slug].title + mark, url_path=slug, default=first)


def link(slug: str, label: str = "") -> None:
    """A link to a lesson or a page beside them, within the session."""
    target = page(slug)
    st.page_link(target, label=label or target.title)


def text(markdown: str) -> None:
    """A lesson's text; its links to lessons, such as [Four ways down](four-ways), are put below it."""
    st.markdown(_LINK.sub(r"\1", markdown))
    for _, slug in dict.fromkeys(_LINK.findall(markdown)):
        link(slug)
