"""The app as a process, a page under watch, and the few questions that every browser test asks."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Response, WebSocket
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROOT = Path(__file__).resolve().parents[2]
DESKTOP, PHONE, PROJECTOR = (1440, 900), (390, 844), (1280, 720)
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"][data-test-connection-state="CONNECTED"]'
PATIENCE = 60_000  # milliseconds: generous, since a first run compiles


class Server:
    """The app, started as its users start it, on a free port; with environment variables of its own."""

    def __init__(self, **environment: str) -> None:
        self.environment = environment
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start and wait until it answers. Raises RuntimeError with the log if it ends or stays silent."""
        options = {"server.port": str(self.port), "server.headless": "true"}
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *flags],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        give_up = time.monotonic() + 120
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise RuntimeError(f"The app did not start:\n{self.log()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it as `make run` is ended. Raises RuntimeError if it has to be killed or ends in error."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"The app did not stop within 30 s of SIGTERM:\n{self.log()}") from None
        self._process = None
        # uvicorn passes the signal on to itself once it has shut down.
        if code not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
            raise RuntimeError(f"The app ended with status {code}:\n{self.log()}")

    def restart(self) -> None:
        """A new server at the same address: what an open page meets."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it for good, its log included."""
        try:
            self.stop()
        finally:
            self._log.close()

    def kill(self) -> None:
        """End it and all its children at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def log(self, since: int = 0) -> str:
        """What it has written, from byte `since` on."""
        return os.pread(self._log.fileno(), 10_000_000, since).decode(errors="replace")

    def log_size(self) -> int:
        """Bytes written so far: a mark for `log(since)`."""
        return os.fstat(self._log.fileno()).st_size

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


@contextlib.contextmanager
def running(**environment: str) -> Iterator[Server]:
    """A server of the test's own: `with running(XDG_CACHE_HOME=str(tmp_path)) as server` is a cold one."""
    server = Server(**environment)
    server.start()
    try:
        yield server
    finally:
        server.close()


class Watch:
    """All that a page says and asks for while it is open.

    `console`, `page_errors`, `foreign`, `failed`: messages, empty on a good page. `sent`: one name for each
    websocket message to the server ("rerun_script", ...). `runs`: how often the script has run to its end.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.host = page, urlsplit(url).netloc
        self.console: list[str] = []
        self.page_errors: list[str] = []
        self.foreign: list[str] = []
        self.failed: list[str] = []
        self.sent: list[str] = []
        self.runs = 0
        self._expected: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        page.on("response", self._on_response)
        page.on("requestfailed", self._on_failure)
        page.on("websocket", self._on_websocket)
        # The context also sees workers and windows that the page opens.
        page.context.on("request", lambda request: self._on_address(request.url))

    def expect(self, *parts: str) -> None:
        """Do not count messages that contain one of `parts`: for tests that provoke an error."""
        self._expected.extend(parts)

    def problems(self, log: str = "") -> list[str]:
        """Everything that a good page does not do; `log` is what the server wrote meanwhile."""
        kinds = {
            "console error": self.console,
            "page error": self.page_errors,
            "request to another host": self.foreign,
            "failed request": self.failed,
        }
        found = [f"{kind}: {message}" for kind, messages in kinds.items() for message in messages]
        found += ["the server wrote a Traceback"] if "Traceback" in log else []
        return [one for one in found if not any(part in one for part in self._expected)]

    @contextlib.contextmanager
    def rerun(self) -> Iterator[None]:
        """`with watch.rerun(): page.click(...)` returns once the server has run the script again."""
        before = self.runs
        yield
        give_up = time.monotonic() + PATIENCE / 1000
        while self.runs == before:
            if time.monotonic() > give_up:
                raise AssertionError("the script did not run again")
            self.page.wait_for_timeout(20)
        wait_until_idle(self.page)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location.get('url', '')})")

    def _on_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self.host:
            self.foreign.append(url)

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.failed.append(f"{response.status} {response.url}")

    def _on_failure(self, request: Request) -> None:
        # A page that is left ends its streams: that is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.failed.append(f"{request.failure} {request.url}")

    def _on_websocket(self, socket: WebSocket) -> None:
        self._on_address(socket.url)
        socket.on("framesent", lambda frame: self.sent.append(_name(BackMsg, frame)))
        socket.on("framereceived", self._on_received)

    def _on_received(self, frame: bytes | str) -> None:
        # Only short frames are read: this one is short, and a sweep of a figure is a megabyte.
        if len(frame) < 1000 and _name(ForwardMsg, frame) == "script_finished":
            self.runs += 1


def _name(kind: type, frame: bytes | str) -> str:
    return (kind.FromString(frame).WhichOneof("type") or "") if isinstance(frame, bytes) else "text"


def open_page(page: Page, url: str, slug: str = "", **params: object) -> None:
    """Go to a page by its address, as a link does, and wait until it stands."""
    query = f"?{urlencode(params)}" if params else ""
    page.goto(f"{url}/{slug}{query}")
    wait_until_idle(page)


def resize(page: Page, size: tuple[int, int], scheme: str) -> None:
    """Make the window of an open page that of another device: its size, its colour scheme, and fingers on a phone."""
    touch = {"enabled": size[0] < 600}
    page.context.new_cdp_session(page).send("Emulation.setTouchEmulationEnabled", touch)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate(
        """() => { document.activeElement.blur(); document.querySelector("[data-testid=stMain]").scrollTop = 0 }"""
    )
    page.wait_for_timeout(500)  # the figure follows


def wait_until_idle(page: Page) -> None:
    """Until the page is connected and the server is not running its script."""
    page.wait_for_selector(IDLE, timeout=PATIENCE)


def stage_state(page: Page, slug: str) -> dict:
    """What the stage of lesson `slug` says of itself, as soon as there is one."""
    page.wait_for_function("slug => window.__stages?.[slug] !== undefined", arg=slug, timeout=PATIENCE)
    return page.evaluate("slug => window.__stages[slug].state()", slug)


def horizontal_overflow(page: Page) -> list[str]:
    """What is wider than the window, as "<tag.class> until 512 of 390 px"; empty on a page that fits.

    Streamlit clips its outer boxes, so a wide figure need not scroll the window: each element is measured.
    What lies in a box that scrolls by itself (a wide table) or is hidden does not count, nor what a picture cuts off
    at its edge: a path that leaves, the end of a root's sign.
    """
    return page.evaluate(
        """() => {
        const width = document.documentElement.clientWidth, found = [];
        const scrolls = e => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
        const clipped = e => getComputedStyle(e).clipPath !== "none";
        const hidden = e => getComputedStyle(e).overflowX === "hidden";
        const cuts = e => clipped(e) || e.matches(".hide-tail") || (e.tagName === "svg" && hidden(e));
        const frames = 'html, body, [data-testid="stMain"], [data-testid="stAppViewContainer"]';
        const frame = e => e.matches(frames);
        const above = e => e.parentElement ?? e.getRootNode().host;
        const excused = e => {
          if (clipped(e)) return true;
          for (let p = above(e); p && !frame(p); p = above(p))
            if (scrolls(p) || cuts(p)) return true;
          return false;
        };
        const shown = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true});
        const roots = [document];
        for (let root; (root = roots.pop()); )
          for (const e of root.querySelectorAll(root === document ? "body *" : "*")) {
            if (e.shadowRoot) roots.push(e.shadowRoot);
            const box = e.getBoundingClientRect();
            if (box.width > 1 && box.height > 1 && box.right > width + 1 && shown(e) && !excused(e))
              found.push(`<${e.tagName.toLowerCase()}.${e.getAttribute("class") ?? ""}>`
                         + ` until ${Math.round(box.right)} of ${width} px`);
          }
        for (const e of document.querySelectorAll('html, [data-testid="stMain"]'))
          if (e.scrollWidth > e.clientWidth + 1)
            found.push(`<${e.tagName.toLowerCase()}> scrolls to ${e.scrollWidth} of ${e.clientWidth} px`);
        return found;
      }"""
    )
