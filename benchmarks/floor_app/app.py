"""The floor's server. What it shows lies in the folder that the environment names (see benchmarks/floor.py)."""

import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pages.ui.files import Files  # noqa: E402

app = st.App(Path(__file__).parent / "site.py", middleware=[Middleware(Files)])
