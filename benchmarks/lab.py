"""What the measurements share: the app, the floor page and a browser, each started when first asked for."""

import tempfile
from contextlib import ExitStack, contextmanager
from functools import cached_property

from benchmarks.servers import ROOT, Server


class Lab:
    """quick: as few repeats as make any sense. Close it: it owns processes."""

    def __init__(self, quick: bool = False) -> None:
        self.quick = quick
        self._open = ExitStack()

    def repeats(self, many: int, few: int) -> int:
        return few if self.quick else many

    @cached_property
    def app(self) -> Server:
        """The course itself, warmed up."""
        return self.server("app.py").wait().settle()

    @cached_property
    def ready(self) -> Server:
        """The course, with one lesson's results and pictures computed beforehand."""
        return self.server("benchmarks/floor_app/ready.py").wait().settle()

    @cached_property
    def floor(self) -> Server:
        """A bare page of Streamlit with the stage, one fixed picture and the lesson's texts."""
        from benchmarks import floor

        folder = self._open.enter_context(tempfile.TemporaryDirectory())
        floor.prepare(folder)
        return self.server("benchmarks/floor_app/app.py", **{floor.FOLDER: folder}).wait().settle()

    @cached_property
    def browser(self):
        """The system's Chromium, headless. Raises RuntimeError where there is none."""
        from playwright.sync_api import sync_playwright

        from tests.browser.chromium import AS_ROOT

        program = _chromium()
        playwright = self._open.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=program, args=["--disable-background-networking", *AS_ROOT]
        )
        self._open.callback(browser.close)
        return browser

    @cached_property
    def plain(self):
        """The same without an inspector, in which a page starts as it does for a student. Raises as `browser` does."""
        from benchmarks.plain import PlainBrowser

        browser = PlainBrowser(_chromium())
        self._open.callback(browser.close)
        return browser

    @contextmanager
    def visitor(self):
        """A page of a browser that has seen nothing before."""
        from tests.browser.driver import DESKTOP

        context = self.browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
        try:
            yield context.new_page()
        finally:
            context.close()

    def server(self, script: str, **environment: str) -> Server:
        """A further server, which ends with the lab at the latest."""
        server = Server(script, **environment)
        self._open.callback(server.close)
        return server

    def close(self) -> None:
        self._open.close()


def _chromium() -> str:
    from tests.browser import chromium

    program = chromium.find()
    if program is None:
        raise RuntimeError(f"no browser. {chromium.REMEDY}")
    return program


__all__ = ["ROOT", "Lab"]
