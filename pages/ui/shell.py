"""Streamlit's own page, with two things told to it in advance.

Opened at a deep link such as /crux, Streamlit's frontend first looks for its server below /crux, gets two 404s (errors
in the console) and a round trip later tries the root. Here it is told the root at once. And what every lesson loads,
the stage and Plotly, is asked for before any script has run.
"""

from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from lessons import lessons
from pages.ui.navigation import GLOSSARY
from pages.ui.stage import ASSETS

_HINTS = f"""<head>
    <script>
      const root = location.origin + "/"
      window.__streamlit = {{ BACKEND_BASE_URL: root, MAIN_PAGE_BASE_URL: root }}
    </script>
    <link rel="preload" as="script" href=".{ASSETS["plotly.min.js"].url}" />
    <link rel="modulepreload" href=".{ASSETS["stage.js"].url}" />
"""


def _shell() -> str:
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    if page.count("<head>") != 1:
        raise RuntimeError("Streamlit's index.html has changed: expected one <head> to add hints to")
    return page.replace("<head>", _HINTS).replace("<title>Streamlit</title>", "<title>Inversion</title>")


def routes() -> list[Route]:
    """The same shell for the root and for every page's address."""
    shell = _shell()

    def serve(_request: Request) -> HTMLResponse:
        return HTMLResponse(shell, headers={"Cache-Control": "no-cache"})

    def to_the_root(request: Request) -> RedirectResponse:
        return RedirectResponse(str(request.url.replace(path="/")))

    opening, *others = lessons()
    paths = ("/", f"/{GLOSSARY}", *(f"/{slug}" for slug in others))
    pages = [Route(path, serve, methods=["GET", "HEAD"]) for path in paths]
    # Streamlit knows its opening page by the root alone.
    return [*pages, Route(f"/{opening}", to_the_root, methods=["GET", "HEAD"])]
