"""The settings of a lesson live in the session and in the address bar, so that the address is a permalink.

Three things can change them: a control (the stage commits), the address (a permalink, Back or Forward), and coming back
to a lesson (Streamlit clears the query when the page changes; the session remembers). What came last wins: a control
over the address that it was moved at or that was written since, a link or Back over a control moved before.
"""

from typing import Any
from urllib.parse import parse_qsl

import streamlit as st

from lessons.controls import read_permalink, write_permalink
from lessons.lesson import Lesson


def _memory() -> dict[str, Any]:
    """By lesson: settings, query last written and the one before, remarks, commits taken. Then the slug of the lesson
    that is shown and of the one whose run has written an address and goes on, and what was committed where."""
    by_lesson = {name: {} for name in ("settings", "written", "before", "remarks", "answered")}
    return st.session_state.setdefault("address", by_lesson | {"shown": "", "unfinished": "", "committed": ("", {})})


def settings(lesson: Lesson, whole: bool = True) -> dict[str, Any]:
    """The settings in force in this run; `write` brings the address bar in line with them.

    whole: whether all of the page is drawn, as by Back, and not only what a moved control changes.
    """
    memory, slug = _memory(), lesson.slug
    query = st.query_params.to_dict()
    written = query == memory["written"].get(slug)
    (moved, there), memory["committed"] = memory["committed"], ("", {})
    # Since the control was let go, a link or Back may have been followed: that is the newer wish.
    committed = moved == slug and (written or there is None or query == there)
    arrived, memory["shown"] = memory["shown"] != slug, slug
    overtaken, memory["unfinished"] = memory["unfinished"] == slug and not arrived, ""
    known = slug in memory["settings"]
    # A control is moved by a browser that may not know yet what the run before wrote.
    stale = overtaken and not whole and query == memory["before"].get(slug)
    if known and (committed or stale or (arrived and not query) or written):
        chosen = memory["settings"][slug]
    else:
        found, memory["remarks"][slug] = read_permalink(lesson.controls, query)
        chosen = lesson.complete(found)
    memory["settings"][slug] = chosen
    return chosen


def write(lesson: Lesson) -> None:
    """Bring the address bar in line with the settings in force. For the end of a run: the browser draws all of the page
    again for a new address, and the picture should not wait for that."""
    memory = _memory()
    query, now = write_permalink(lesson.controls, memory["settings"][lesson.slug]), st.query_params.to_dict()
    memory["written"][lesson.slug] = query
    if now != query:
        memory["before"][lesson.slug], memory["unfinished"] = now, lesson.slug
        st.query_params.from_dict(query)


def commit(lesson: Lesson, changes: dict[str, Any]) -> None:
    """Take what the stage commits. What the lesson does not have is refused, in a line, and the rest taken.

    Beside settings, changes may have "commit", the number of this commit, and "address", the query at that time.
    """
    memory, refused, changes = _memory(), [], dict(changes)
    number = int(changes.pop("commit", memory["answered"].get(lesson.slug, 0) + 1))
    there = _parsed(changes.pop("address", None))
    if number <= memory["answered"].get(lesson.slug, 0):
        return  # Streamlit calls again when a run was overtaken: by then the address may say something newer
    memory["answered"][lesson.slug] = number
    now = memory["settings"].get(lesson.slug, lesson.defaults)
    for name, value in changes.items():
        try:
            now = lesson.complete(now | {name: value})
        except ValueError as error:
            refused.append(f"{error}; it stays as it was.")
    # A commit without news, as of a walk that has ended, must not win over Back in the same run.
    if now != memory["settings"].get(lesson.slug) or refused:
        memory["committed"] = (lesson.slug, there)
    memory["settings"][lesson.slug] = now
    memory["remarks"][lesson.slug] = refused


def _parsed(query: str | None) -> dict[str, str] | None:
    """A query as the browser writes it, as Streamlit hands it over."""
    return None if query is None else dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))


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
