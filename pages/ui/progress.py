"""Which lessons this student has worked through: answered is done. The marks outlive the session in a cookie.

A session is lost with a reload, so the stage writes the marks into the browser, and a new session reads them there.
Nothing is kept on the server.
"""

import streamlit as st

from lessons import lessons

COOKIE = "inversion_done"


def done() -> set[str]:
    """The slugs of the lessons that have been answered, in this session or before it."""
    kept = st.session_state.setdefault("done", None)
    if kept is None:
        kept = st.session_state["done"] = read(st.context.cookies.get(COOKIE, ""))
    return kept | set(st.session_state.get("prediction", {}))


def read(cookie: str) -> set[str]:
    """The slugs in a cookie; what is no lesson is dropped, whatever somebody has written there."""
    return set(cookie.split(".")) & set(lessons())


def forget() -> None:
    """Start afresh: no marks, no answers."""
    for kind in ("prediction", "quiz"):
        st.session_state.pop(kind, None)
    st.session_state["done"] = set()
    st.session_state["forgotten"] = True


def for_the_browser() -> dict[str, object]:
    """What the stage is told: the cookie, the marks to put there, and whether they replace those of other tabs."""
    return {"cookie": COOKIE, "done": sorted(done()), "replace": bool(st.session_state.pop("forgotten", False))}
