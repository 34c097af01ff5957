"""The main script: one look, one navigation, one line about the device. No content."""

from pathlib import Path

import streamlit as st

from pages.ui import startup

st.set_page_config(page_title="Inversion", layout="wide")
st.html(Path(__file__).parent / "style.css")
startup.wait()

from pages.ui import asking, navigation  # noqa: E402
from pages.ui.device import device_line  # noqa: E402
from pages.ui.find import find  # noqa: E402

page = st.navigation(navigation.pages(), position="top")
asking.keep()
find()
page.run()
with st.container(key="foot"):
    st.caption(device_line())
