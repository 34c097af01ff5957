"""The settings of a lesson live in the session and in the address bar, so that the address is a permalink.

Three things can change them: a control (the stage commits), the address (a permalink, Back or Forward), and coming back
to a lesson (Streamlit clears the query when the page changes; the session remembers). A control wins over the address
of the same run, since the browser may not have taken in the address of the run before.
"""

from typing import Any

import streamlit as st

from lessons.controls import read_permalink, write_permalink
from lessons.lesson import Lesson


def _memory() -> dict[str, Any]:
    """By lesson: settings, query last written and the one before, remarks, commits taken, the last that was a link.
    Then four slugs: the lesson that is shown, that has committed, that a link leads to, whose run has written an
    address and goes on."""
    by_lesson = {name: {} for name in ("settings", "written", "before", "remarks", "answered", "linked")}
    slugs = dict.fromkeys(("shown", "committed", "wanted", "unfinished"), "")
    return st.session_state.setdefault("address", by_lesson | slugs)


def settings(lesson: Lesson) -> dict[str, Any]:
    """The settings in force in this run; the address bar is brought in line with them."""
    memory, slug = _memory(), lesson.slug
    query = st.query_params.to_dict()
    committed, memory["committed"] = memory["committed"] == slug, ""
    arrived, memory["shown"] = memory["shown"] != slug, slug
    overtaken, memory["unfinished"] = memory["unfinished"] == slug and not arrived, ""
    known = slug in memory["settings"]
    # What overtakes a run was asked for by a browser that may not know yet what that run wrote.
    stale = overtaken and query == memory["before"].get(slug)
    if known and (committed or stale or (arrived and not query) or query == memory["written"].get(slug)):
        chosen = memory["settings"][slug]
    else:
        found, memory["remarks"][slug] = read_permalink(lesson.controls, query)
        chosen = lesson.complete(found)
    _keep(lesson, chosen)
    return chosen


def commit(lesson: Lesson, changes: dict[str, Any]) -> None:
    """Take what the stage commits. What the lesson does not have is refused, in a line, and the rest taken."""
    memory, refused, changes = _memory(), [], dict(changes)
    number = int(changes.pop("commit", memory["answered"].get(lesson.slug, 0) + 1))
    if number <= memory["answered"].get(lesson.slug, 0):
        # Streamlit calls again when a run was overtaken: by then the address may say something newer. But what crossed
        # with a link comes from a browser that does not know the link's address yet.
        if memory["linked"].pop(lesson.slug, None) == number:
            memory["committed"] = lesson.slug
        return
    memory["answered"][lesson.slug] = number
    now = memory["settings"].get(lesson.slug, lesson.defaults)
    for name, value in changes.items():
        try:
            now = lesson.complete(now | {name: value})
        except ValueError as error:
            refused.append(f"{error}; it stays as it was.")
    # A commit without news, as of a walk that has ended, must not win over Back in the same run.
    if now != memory["settings"].get(lesson.slug) or refused:
        memory["committed"] = lesson.slug
    memory["settings"][lesson.slug] = now
    memory["remarks"][lesson.slug] = refused


def jump(lesson: Lesson, changes: dict[str, Any]) -> None:
    """Put a permalink's settings in force, as if it had been opened: what it does not name is at its default.

    It counts as a commit, so that what the stage sent without knowing of it (a walk that has just ended) is refused.
    """
    memory = _memory()
    memory["answered"][lesson.slug] = memory["linked"][lesson.slug] = answered(lesson) + 1
    memory["settings"][lesson.slug] = lesson.complete(changes)
    memory["remarks"][lesson.slug] = []
    memory["committed"] = memory["wanted"] = lesson.slug


def elsewhere(slug: str) -> str:
    """The slug of the lesson that a link on this page leads to, until that page is reached; "" if none.

    It is remembered, since the run in which the link was clicked may be overtaken by another.
    """
    memory = _memory()
    if memory["shown"] != slug or memory["wanted"] == slug:
        memory["wanted"] = ""  # arrived, or gone another way
    return memory["wanted"]


def finished(lesson: Lesson) -> None:
    """The run has come to its end: the browser knows what it wrote."""
    if _memory()["unfinished"] == lesson.slug:
        _memory()["unfinished"] = ""


def settings_now(lesson: Lesson) -> dict[str, Any]:
    """The settings in force, for a callback: it runs before the page has read the address."""
    return _memory()["settings"].get(lesson.slug, lesson.defaults)


def answered(lesson: Lesson) -> int:
    """The number of the last commit that has been taken: the stage tells an old picture from a new one by it."""
    return _memory()["answered"].get(lesson.slug, 0)


def remarks(lesson: Lesson) -> list[str]:
    """What had to be moved or dropped in the permalink, a line each."""
    return _memory()["remarks"].get(lesson.slug, [])


def _keep(lesson: Lesson, chosen: dict[str, Any]) -> None:
    memory, query = _memory(), write_permalink(lesson.controls, chosen)
    memory["settings"][lesson.slug] = chosen
    memory["written"][lesson.slug] = query
    now = st.query_params.to_dict()
    if now != query:
        memory["before"][lesson.slug], memory["unfinished"] = now, lesson.slug
        st.query_params.from_dict(query)
