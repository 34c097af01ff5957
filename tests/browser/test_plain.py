"""The browser of benchmarks/plain.py: it looks, and disturbs nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import plain
from benchmarks.plain import PlainBrowser
from tests.browser import chromium

ROOT = Path(__file__).resolve().parents[2]
PHONE = (390, 844)
WATCH = "window.before = document.querySelector('h1') === null"
PAGE = "data:text/html,<h1>A page</h1><script>window.size = [innerWidth, innerHeight]</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[PlainBrowser]:
    browser = PlainBrowser(chromium.find())
    yield browser
    browser.close()


def test_a_visit_watches_from_before_the_page_until_it_is_done(browser: PlainBrowser) -> None:
    said = browser.visit(PAGE, WATCH, "window.size ? {size, before} : null", PHONE)
    assert said == {"size": list(PHONE), "before": True}


def test_the_page_is_not_listened_to(browser: PlainBrowser, monkeypatch) -> None:
    """Each domain that is switched on, but for the one that opens pages, makes Chromium do what it does for nobody."""
    asked, ask = [], browser._ask
    monkeypatch.setattr(browser, "_ask", lambda method, *a, **b: asked.append(method) or ask(method, *a, **b))
    browser.visit(PAGE, WATCH, "size[0]", PHONE)
    assert [method for method in asked if method.endswith(".enable")] == ["Page.enable"]


def test_a_page_that_is_never_done_is_an_error_that_names_it(browser: PlainBrowser, monkeypatch) -> None:
    monkeypatch.setattr(plain, "PATIENCE", 0.5)
    with pytest.raises(TimeoutError, match=r"A page.*window\.never"):
        browser.visit(PAGE, WATCH, "window.never", PHONE)
    assert browser.visit(PAGE, WATCH, "size[0]", PHONE) == PHONE[0]


def test_a_program_that_is_no_browser_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="/bin/true did not start"):
        PlainBrowser("/bin/true")


def test_a_measurement_that_breaks_leaves_no_browser_behind() -> None:
    code = f"""from benchmarks.plain import PlainBrowser
browser = PlainBrowser({chromium.find()!r})
print(browser.process.pid, flush=True)
raise SystemExit(3)"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 3, run.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(run.stdout), 0)
