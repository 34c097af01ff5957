"""What a class has to survive: a server that restarts, a network that drops, hidden tabs, a student with twenty."""

import asyncio
import re

import pytest

from benchmarks.tab import Tab
from pages.ui import jobs
from tests import asynchronous
from tests.browser import driver
from tests.browser.hands import OPEN, predict, settled, stage
from tests.browser.wire import Wire

# What a browser and the page say of a server that is gone.
LOST = ("ERR_", "WebSocket", "_stcore", "Failed to load", "404", "Is Streamlit still running")


@pytest.fixture
def wire(server):
    """A network that this test may cut."""
    wire = Wire(server.port)
    yield wire
    wire.close()


@pytest.fixture
def wired(page, wire):
    """A visitor's page behind that network."""
    page.watch.host = wire.url.removeprefix("http://")
    page.watch.expect(*LOST)
    return page


def disconnected(page):
    page.wait_for_selector('[data-testid="stApp"]:not([data-test-connection-state="CONNECTED"])', state="attached")


def test_training_goes_on_while_the_network_is_down_and_the_page_finds_it_again(wired, wire):
    assert jobs.GRACE >= 60  # the network may be gone for 20 s, and a browser waits up to 15 s before it tries again
    driver.open_page(wired, wire.url, "train", steps=8000)
    predict(wired)
    wired.get_by_role("button", name="Train").click()
    wired.wait_for_selector(".inv-progress:has-text('steps/s')", timeout=driver.PATIENCE)
    seen = stage(wired, "train", "state()")["sseUpdates"]
    before = steps(wired)
    wire.cut()
    disconnected(wired)
    wired.wait_for_timeout(1000)
    wire.mend()
    driver.wait_until_idle(wired)
    wired.wait_for_function(
        "seen => window.__stages.train.state().sseUpdates > seen + 5", arg=seen, timeout=driver.PATIENCE
    )
    assert steps(wired) > before
    assert wired.locator(".inv-veiled").count() == 0  # the same session: what was answered stays answered
    wired.get_by_role("button", name="Stop").click()
    wired.wait_for_selector(".inv-progress:has-text('Stopped')", timeout=driver.PATIENCE)


def steps(page):
    """How far the run on the page is."""
    page.wait_for_selector(".inv-progress:has-text(' of ')", timeout=driver.PATIENCE)
    return int(re.search(r"([\d,]+) of", page.locator(".inv-progress").inner_text())[1].replace(",", ""))


def test_a_hidden_tab_lets_go_of_its_stream_and_catches_up_when_it_is_looked_at(visit):
    page = visit("train", steps=8000)
    predict(page)
    page.get_by_role("button", name="Train").click()
    page.wait_for_selector(".inv-progress:has-text('steps/s')", timeout=driver.PATIENCE)
    look(page, hidden=True)
    seen, before = stage(page, "train", "state()")["sseUpdates"], steps(page)
    page.wait_for_timeout(500)
    assert stage(page, "train", "state()")["sseUpdates"] == seen
    look(page, hidden=False)
    page.wait_for_function("seen => window.__stages.train.state().sseUpdates > seen", arg=seen, timeout=driver.PATIENCE)
    page.wait_for_function("() => /steps/.test(document.querySelector('.inv-progress').innerText)")
    assert steps(page) > before
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".inv-progress:has-text('Stopped')", timeout=driver.PATIENCE)


def look(page, hidden):
    """Put the tab into the background, or bring it back, as the page is told of it."""
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_twenty_tabs_of_one_student_all_work(server):
    async def visit():
        tabs = [Tab(server.url) for _ in range(20)]
        await asyncio.gather(*(tab.open("crux") for tab in tabs))
        await asyncio.gather(*(tab.answer() for tab in tabs))
        for value in (0.5, 2.0):
            await asyncio.gather(*(tab.commit({"alpha": value}) for tab in tabs))
        found = [(tab.query, tab.exceptions, tab.header()["settings"]["alpha"]) for tab in tabs]
        await asyncio.gather(*(tab.close() for tab in tabs))
        return found, {tab.session for tab in tabs}

    found, sessions = asynchronous.run(visit())
    assert found == [("alpha=2", [], 2.0)] * 20
    assert len(sessions) == 20


def test_open_pages_outlive_a_restart_of_their_server(visit, watch, server):
    """One that was left as it was opened, whose server has then run none of its parts, and one that was played with."""
    watch.expect(*LOST)
    page = visit("crux", alpha=0.5, axes="turned")
    other = page.context.new_page()
    driver.open_page(other, server.url, "four-ways", eta=0.2)
    predict(other)
    settled(other, "four-ways")
    with watch.rerun(), driver.Watch(other, server.url).rerun():
        server.restart()
    other.bring_to_front()
    other.locator(OPEN).wait_for(timeout=driver.PATIENCE)  # a new session, but the browser knows the answer
    page.bring_to_front()
    predict(page)
    now = settled(page, "crux")
    assert (now["alpha"], now["axes"]) == (0.5, "turned") and "alpha=0.5&axes=turned" in page.url
    assert settled(other, "four-ways")["eta"] == 0.2
    page.locator("[data-control=alpha] input[type=range]").focus()
    page.keyboard.press("End")
    page.wait_for_url(re.compile("alpha=8"), timeout=driver.PATIENCE)
