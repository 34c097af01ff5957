"""The floor's one page: the same elements as a lesson's page, without experiment, sweep, scene or address."""

import streamlit as st

from benchmarks.floor_app.still import picture, texts
from pages.ui.stage import stage

KEY = "stage-crux"


def commit() -> None:
    st.session_state["settings"] = st.session_state[KEY]["settings"]


def show() -> None:
    words = texts()
    with st.container(key="lesson"):
        with st.container(key="ask"):
            st.title(words["question"], anchor=False)
            st.markdown(words["text"])
            with st.container(key="prediction"):
                st.markdown(words["verdict"])
        with st.container(key="stage"):
            stage(picture(st.session_state.get("settings")), key=KEY, on_settings=commit)
        with st.container(key="answer"):
            st.markdown(words["reading"])
    with st.container(key="more"):
        st.markdown(words["why"])
        with st.container(key="quiz"):
            st.markdown(words["quiz"])
            st.radio("quiz", words["options"], index=None, label_visibility="collapsed")
        st.markdown(words["limits"])
        st.caption(words["sources"])


st.set_page_config(page_title="Floor", layout="wide")
show()
