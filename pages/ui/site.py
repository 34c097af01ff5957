"""The main script: one look, one navigation built from the syllabus, one line about the device. No content."""

from pathlib import Path

import streamlit as st

from lessons import SYLLABUS
from pages.ui.device import device_line

HERE = Path(__file__).parent


def _navigation():
    return {
        part.title: [
            st.Page(
                HERE.parent / part.folder / f"{lesson.slug.replace('-', '_')}.py",
                title=lesson.title,
                url_path=lesson.slug,
                default=lesson is SYLLABUS[0].lessons[0],
            )
            for lesson in part.lessons
        ]
        for part in SYLLABUS
    }


st.set_page_config(page_title="Inversion", layout="wide")
st.html(HERE / "style.css")
page = st.navigation(_navigation(), position="top")
page.run()
with st.container(key="foot"):
    st.caption(device_line())
