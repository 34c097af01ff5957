"""Which lessons this student has worked through: answered is done. The marks outlive the session in a cookie.

A session is lost with a reload, so the page writes the marks into the browser (pages/ui/stage/keeping.js), and a new
session reads them there, before anything is drawn. Nothing is kept on the server.
"""

import secrets

import streamlit as st

from lessons import lessons

COOKIE = "inversion_done"


def done() -> set[str]:
    """The slugs of the lessons that have been answered, in this session or before it."""
    kept = st.session_state.setdefault("done", None)
    if kept is None:
        kept = st.session_state["done"] = read(st.context.cookies.get(COOKIE, ""))
    return kept


def read(cookie: str) -> set[str]:
    """The slugs in a cookie; what is no lesson is dropped, whatever somebody has written there."""
    return set(cookie.split(".")) & set(lessons())


def mark(slug: str) -> None:
    """This lesson has been answered."""
    st.session_state["done"] = done() | {slug}


def forget() -> None:
    """No marks."""
    st.session_state["done"] = set()
    st.session_state["forgotten"] = secrets.token_hex(8)


def for_the_browser() -> dict[str, object]:
    """What the page is told: the cookie, the marks to put there, and a name for the last wish to forget, or "".

    It is told in each run, since a run may be overtaken; the browser follows each wish once.
    """
    return {"cookie": COOKIE, "done": sorted(done()), "forgotten": st.session_state.get("forgotten", "")}
