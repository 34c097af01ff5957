"""A browser that nobody inspects, as a student's is.

Playwright listens to every page's console, and for that Chromium notes of each error where in the source it was
thrown. Plotly throws some on purpose while it starts, in one function of 4.8 MB, which is read anew for each: that
alone delayed a first picture by a fifth. So how a page starts is told by this browser, which is spoken to over its own
protocol (https://chromedevtools.github.io/devtools-protocol) and asked for nothing but whether the page is done.
"""

import json
import subprocess
import tempfile
import time
import weakref
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.browser.chromium import AS_ROOT

PATIENCE = 60.0  # seconds
ASKING = 0.2  # seconds between two looks at whether a page is done
_FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--mute-audio",
)


class PlainBrowser:
    """Chromium, headless, with an empty profile. Close it: it owns a process."""

    def __init__(self, program: str) -> None:
        self._open, self._number = ExitStack(), 0
        weakref.finalize(self, self._open.close)  # a measurement that breaks must not leave it running
        profile = self._open.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        self.process = subprocess.Popen(
            [program, *_FLAGS, *AS_ROOT, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._open.callback(self.process.wait)
        self._open.callback(self.process.terminate)
        try:
            address = _address(Path(profile), self.process)
            self._socket = self._open.enter_context(connect(address, max_size=None, proxy=None))
        except BaseException:
            self.close()
            raise

    def visit(self, url: str, watch: str, done: str, size: tuple[int, int]) -> Any:
        """Open url in a window that has seen nothing before, and return what `done` is once it is no longer null.

        watch: a script that runs before the page's own.  done: an expression whose value can be written as JSON.
        size: of the window, CSS pixels.  Raises TimeoutError where it stays null for PATIENCE seconds.
        """
        window = self._ask("Target.createBrowserContext")["browserContextId"]
        try:
            target = self._ask("Target.createTarget", url="about:blank", browserContextId=window)["targetId"]
            page = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            shape = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
            self._ask("Emulation.setDeviceMetricsOverride", page, **shape)
            self._ask("Page.enable", page)  # and never Runtime.enable
            self._ask("Page.addScriptToEvaluateOnNewDocument", page, source=watch)
            self._ask("Page.navigate", page, url=url)
            give_up = time.monotonic() + PATIENCE
            while time.monotonic() < give_up:
                time.sleep(ASKING)
                said = self._ask("Runtime.evaluate", page, expression=f"JSON.stringify({done} ?? null)")["result"]
                if (value := json.loads(said.get("value", "null"))) is not None:
                    return value
            raise TimeoutError(f"{url}: {done} was null for {PATIENCE:.0f} s")
        finally:
            self._ask("Target.disposeBrowserContext", browserContextId=window)

    def close(self) -> None:
        self._open.close()

    def _ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """One command and its answer; what the browser tells unasked is passed over. Raises RuntimeError."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while (answer := json.loads(self._socket.recv(PATIENCE))).get("id") != self._number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]


def _address(profile: Path, process: subprocess.Popen) -> str:
    """Where the browser listens: it writes its port and path into its profile. Raises RuntimeError if it never does."""
    told, give_up = profile / "DevToolsActivePort", time.monotonic() + PATIENCE
    while time.monotonic() < give_up and process.poll() is None:
        if told.is_file() and len(lines := told.read_text().split()) == 2:
            return f"ws://localhost:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise RuntimeError(f"{process.args[0]} did not start: give CHROMIUM=/path/to/another")
