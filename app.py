"""The server: `streamlit run app.py`. What it answers beside Streamlit, and what happens at the start and the end."""

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

ROOT = Path(__file__).parent
if str(ROOT) not in sys.path:  # Streamlit puts the folder of the main script there, not the root of the project
    sys.path.insert(0, str(ROOT))

from pages.ui import jobs, offers, shell, stream, theme  # noqa: E402
from pages.ui.files import Files  # noqa: E402
from pages.ui.startup import Startup  # noqa: E402


@asynccontextmanager
async def lifespan(_app):
    """Start with the imports and the warm-up; end by stopping and joining what still trains."""
    stream.end_with_the_server()
    theme.make_once()
    startup = Startup().start()
    yield {}
    startup.stop()
    jobs.stop_all()


SITE = ROOT / "pages" / "ui" / "site.py"
ROUTES = [*shell.routes(), *stream.routes(), *offers.routes()]
MIDDLEWARE = [Middleware(Files)]
app = st.App(SITE, lifespan=lifespan, routes=ROUTES, middleware=MIDDLEWARE)
