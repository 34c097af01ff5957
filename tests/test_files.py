"""The files that a page is made of: which are answered from memory, whole, and packed for whoever is elsewhere."""

import gzip

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pages.ui import files
from pages.ui.stage import ASSETS
from tests import asynchronous

STREAMLITS = sorted(files._STREAMLITS)
SCRIPT = next(path for path in STREAMLITS if path.startswith("/static/js/index."))
FONT = next(path for path in STREAMLITS if path.endswith(".woff2"))
ELSEWHERE, NEAR = "physics.example:8501", "localhost:8501"


def fetch(
    path: str, accept: str = "gzip, br", host: str = ELSEWHERE, **other: str
) -> tuple[int, dict[str, str], bytes]:
    """One request as a server would make it: status, headers, the body as it goes over the wire."""
    messages = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        messages.append(message)

    async def beyond(_request):
        return PlainTextResponse("the app itself")

    app = Starlette(routes=[Route("/{path:path}", beyond, methods=["GET", "HEAD", "POST"])])
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "root_path": ""} | other
    scope["headers"] = [(b"accept-encoding", accept.encode()), (b"host", host.encode())]
    asynchronous.run(files.Files(app)(scope, receive, send))
    start = messages[0]
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, b"".join(message.get("body", b"") for message in messages[1:])


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_an_asset_is_served_whole_typed_packed_and_for_good(name):
    asset = ASSETS[name]
    status, headers, body = fetch(asset.url)
    assert status == 200
    assert headers["content-encoding"] == "gzip" and headers["vary"] == "Accept-Encoding"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-type"].startswith("text/css" if name.endswith(".css") else "text/javascript")
    assert headers["content-length"] == str(len(body))
    assert gzip.decompress(body) == asset.body


@pytest.mark.parametrize("path", [SCRIPT, FONT, next(path for path in STREAMLITS if path.endswith(".css"))])
def test_streamlits_own_are_served_likewise(path):
    status, headers, body = fetch(path)
    assert status == 200 and headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-type"] == {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}.get(
        path.rsplit(".", 1)[1], "font/woff2"
    )
    packed = headers.get("content-encoding") == "gzip"
    assert packed is (path != FONT)  # a font is packed already
    assert (gzip.decompress(body) if packed else body) == (files.STATIC / path[1:]).read_bytes()


@pytest.mark.parametrize(
    ("accept", "host"), [("identity", ELSEWHERE), ("gzip", NEAR), ("gzip", "127.0.0.1:80"), ("gzip", "[::1]:8501")]
)
def test_who_cannot_unpack_and_who_is_on_this_machine_gets_plain_bytes(accept, host):
    status, headers, body = fetch(ASSETS["stage.js"].url, accept, host)
    assert status == 200 and "content-encoding" not in headers and body == ASSETS["stage.js"].body
    assert headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("host", ["localhost.example", "10.127.0.0.1", ""])
def test_another_machine_is_not_taken_for_this_one(host):
    assert fetch(ASSETS["stage.js"].url, host=host)[1]["content-encoding"] == "gzip"


def test_an_address_with_another_hash_is_not_answered_with_this_content():
    status, headers, body = fetch("/stage-assets/0123456789abcdef/stage.js")
    assert status == 404 and b"reload the page" in body and "cache-control" not in headers


@pytest.mark.parametrize(
    "path",
    ["/", "/crux", "/static/js/../../index.html", "/static/js/%2e%2e/index.html", "/static/js", "/static/js/none.js"],
)
def test_everything_else_is_left_to_the_app(path):
    assert fetch(path)[2] == b"the app itself"


def test_only_reading_is_answered():
    assert fetch(SCRIPT, method="HEAD")[0] == 200
    assert fetch(SCRIPT, method="POST")[2] == b"the app itself"


def test_below_a_base_path_the_files_are_found_too():
    assert fetch(f"/course{SCRIPT}", root_path="/course")[2] == fetch(SCRIPT)[2] != b"the app itself"


def test_the_course_is_served_so():
    from app import MIDDLEWARE

    assert [each.cls for each in MIDDLEWARE] == [files.Files]
