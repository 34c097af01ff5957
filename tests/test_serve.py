"""What `make run` runs: its port, the address that others are told, and a browser that opens once it answers."""

import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import serve

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as other:
        other.bind(("localhost", 0))
        other.listen(1)
        yield other.getsockname()[1]


@pytest.mark.parametrize("wanted", ["http", "0", "65536", "-1", "8501.0"])
def test_what_is_no_port_is_refused_by_its_name(wanted: str) -> None:
    with pytest.raises(SystemExit, match=f"PORT={wanted} is no port: give a number from 1 to 65535"):
        serve.choose_port("localhost", wanted)


def test_a_port_that_is_taken_is_refused_with_a_remedy(taken: int) -> None:
    with pytest.raises(SystemExit, match=f"Port {taken} is taken.*PORT=8600 make run"):
        serve.choose_port("localhost", str(taken))


def test_without_a_wish_the_next_free_port_is_used_and_said(taken: int, monkeypatch, capsys) -> None:
    monkeypatch.setattr(serve, "FIRST_PORT", taken)
    port = serve.choose_port("localhost", "")
    assert taken < port < taken + serve.TRIES and serve.is_free("localhost", port)
    assert f"Port {taken} is taken" in capsys.readouterr().out


def test_no_free_port_at_all_is_an_error(taken: int, monkeypatch) -> None:
    monkeypatch.setattr(serve, "FIRST_PORT", taken)
    monkeypatch.setattr(serve, "TRIES", 1)
    with pytest.raises(SystemExit, match="all taken"):
        serve.choose_port("localhost", "")


def test_others_are_told_an_address_and_never_every_interface() -> None:
    assert serve.shown_host("localhost") == "localhost"
    assert serve.shown_host("0.0.0.0") not in serve.WILDCARDS


def test_the_browser_opens_once_the_server_answers_and_not_before(monkeypatch) -> None:
    opened, healthy = [], threading.Event()
    monkeypatch.setattr(serve.webbrowser, "open", opened.append)

    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if healthy.is_set() and self.path == "/_stcore/health" else 503)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    with http.server.HTTPServer(("localhost", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://localhost:{server.server_port}"
        waiting = threading.Thread(target=serve.open_when_ready, args=(url,), daemon=True)
        waiting.start()
        time.sleep(4 * serve.ASKING)
        assert opened == []
        healthy.set()
        waiting.join(10)
        server.shutdown()
    assert opened == [url]


def test_a_server_that_never_answers_opens_nothing(taken: int, monkeypatch) -> None:
    opened = []
    monkeypatch.setattr(serve.webbrowser, "open", opened.append)
    monkeypatch.setattr(serve, "PATIENCE", 0.0)
    serve.open_when_ready(f"http://localhost:{taken}")
    assert opened == []


def test_the_process_that_opens_the_browser_does_not_import_the_server() -> None:
    """It would take a second on the processors that the server itself starts on, and look for its answer only then."""
    code = "import sys; from tools import serve; print(sorted({'streamlit', 'click'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_no_garbage_is_looked_for_until_all_is_imported() -> None:
    """What this begins, pages/ui/startup.py ends; tests/test_shell.py holds that end."""
    code = """import gc
from streamlit.web import cli
from tools import serve
cli.main = lambda arguments, **_: print(gc.isenabled(), *arguments)
serve.serve(["--server.port", "1"])"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={**os.environ})
    assert run.stdout.split() == ["False", "run", "app.py", "--server.port", "1"], run.stderr
