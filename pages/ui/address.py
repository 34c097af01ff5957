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
    """By lesson: settings, query last written, remarks, commits taken. Then: which lesson is shown, which committed."""
    return st.session_state.setdefault(
        "address", {"settings": {}, "written": {}, "remarks": {}, "answered": {}, "shown": "", "committed": ""}
    )


def settings(lesson: Lesson) -> dict[str, Any]:
    """The settings in force in this run; the address bar is brought in line with them."""
    memory, slug = _memory(), lesson.slug
    query = st.query_params.to_dict()
    committed, memory["committed"] = memory["committed"] == slug, ""
    arrived, memory["shown"] = memory["shown"] != slug, slug
    known = slug in memory["settings"]
    if known and (committed or (arrived and not query) or query == memory["written"].get(slug)):
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
        return  # Streamlit calls again when a run was overtaken: by then the address may say something newer
    memory["answered"][lesson.slug] = number
    now = memory["settings"].get(lesson.slug, lesson.defaults)
    for name, value in changes.items():
        try:
            now = lesson.complete(now | {name: value})
        except ValueError as error:
            refused.append(f"{error}; it stays as it was.")
    memory["settings"][lesson.slug] = now
    memory["remarks"][lesson.slug] = refused
    memory["committed"] = lesson.slug


def jump(lesson: Lesson, changes: dict[str, Any]) -> None:
    """Put a permalink's settings in force, as if it had been opened: what it does not name is at its default."""
    memory = _memory()
    memory["settings"][lesson.slug] = lesson.complete(changes)
    memory["remarks"][lesson.slug] = []
    memory["committed"] = lesson.slug


def shown() -> str:
    """The slug of the lesson on the page."""
    return _memory()["shown"]


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
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
