"""The files whose address names their content, the stage's and those of Streamlit's own frontend, from memory.

A page is made of more than a hundred of them. Streamlit reads each from the disk anew, in several turns of a thread,
for each browser, while the same process imports JAX or draws for a class; here an answer is a look into a dictionary.

They are packed for whoever is elsewhere: 4.1 MB instead of 7.2, thirty times over one room's network. To a browser on
the same machine nothing has to be carried, and packing Plotly would delay the first picture.
"""

import asyncio
from functools import cache
from pathlib import Path

import streamlit
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.ui.stage.assets import ASSETS, MIME, PREFIX, Asset

STATIC = Path(streamlit.__file__).parent / "static"
HERE = {"localhost", "127.0.0.1", "[::1]"}
_STAGES = {asset.url: asset for asset in ASSETS.values()}
_STREAMLITS = {
    f"/{path.relative_to(STATIC).as_posix()}": path
    for path in (STATIC / "static").rglob("*.*")
    if path.suffix in (*MIME, ".woff2")
}


class Files:
    """Middleware that answers for such a file, and leaves every other request to the app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        path = scope["path"].removeprefix(scope.get("root_path", "")) if asked else ""
        if asset := find(path):
            answer = await _answer(asset, Headers(scope=scope))
        elif path.startswith(f"{PREFIX}/"):  # from before an update; Streamlit would answer with its page
            answer = PlainTextResponse("There is no such file (any more); reload the page.", status_code=404)
        else:
            answer = self._app
        await answer(scope, receive, send)


def find(path: str) -> Asset | None:
    """The file at this path below the app's base."""
    return _STAGES.get(path) or (_streamlits(path) if path in _STREAMLITS else None)


@cache  # what some browser has asked for: 4 MB of 25
def _streamlits(path: str) -> Asset:
    file = _STREAMLITS[path]
    return Asset(file.name, path, file.read_bytes(), MIME.get(file.suffix, "font/woff2"))


async def _answer(asset: Asset, asked: Headers) -> Response:
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    body = asset.body
    if asset.mime in MIME.values():  # a font is packed already
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in asked.get("accept-encoding", "") and asked.get("host", "").rsplit(":", 1)[0] not in HERE:
            # Naming the encoding ourselves keeps the server's gzip middleware from compressing again.
            headers["Content-Encoding"] = "gzip"
            body = await asyncio.to_thread(lambda: asset.gzipped)
    return Response(body, media_type=asset.mime, headers=headers)
