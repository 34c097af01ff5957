"""The server: `streamlit run app.py`. Routes for what the stage loads, and what happens at the start and the end."""

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).parent
if str(ROOT) not in sys.path:  # Streamlit puts the folder of the main script there, not the root of the project
    sys.path.insert(0, str(ROOT))

from core import backend  # noqa: E402
from pages.ui import jobs, shell, stream  # noqa: E402
from pages.ui.stage import asset_routes  # noqa: E402
from pages.ui.warmup import Warmup  # noqa: E402


@asynccontextmanager
async def lifespan(_app):
    """Start with the user's cache of compiled programs; end by stopping and joining what still trains."""
    remark = backend.enable_compilation_cache()
    if remark:
        print(remark, file=sys.stderr)
    stream.end_with_the_server()
    warming = Warmup().start()
    yield {}
    warming.stop()
    jobs.stop_all()


app = st.App(
    ROOT / "pages" / "ui" / "site.py",
    lifespan=lifespan,
    routes=[*shell.routes(), *asset_routes(), *stream.routes()],
)
