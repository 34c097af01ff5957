"""Fixtures of the browser tests: one server and one browser for all of them, a fresh page for each.

A test or module chooses its window by parametrizing `viewport` (see `driver.PHONE`) and its look by `scheme`.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import chromium, driver
from tests.browser.bench import Bench

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[driver.Server]:
    """The running app, with an empty shelf for its studies, and nobody else in the line of those who train."""
    own = {name: str(tmp_path_factory.mktemp(name.lower())) for name in ("INVERSION_STUDIES", "INVERSION_LINE")}
    with driver.running(**own) as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium. A missing one is a failure that names the remedy."""
    program = chromium.find()
    if program is None:
        pytest.fail(f"No browser for the tests. {chromium.REMEDY}", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS + chromium.AS_ROOT)
        yield browser
        browser.close()


@pytest.fixture
def viewport() -> tuple[int, int]:
    """Width and height of the window in CSS pixels."""
    return driver.DESKTOP


@pytest.fixture
def scheme() -> str:
    """What the system asks for: "light" or "dark"."""
    return "light"


@pytest.fixture
def page(browser: Browser, server: driver.Server, viewport: tuple[int, int], scheme: str) -> Iterator[Page]:
    """A fresh visitor's page, watched: the test fails if it complains or asks another host for anything."""
    context = browser.new_context(
        viewport={"width": viewport[0], "height": viewport[1]},
        color_scheme=scheme,
        has_touch=viewport[0] < 600,
    )
    page = context.new_page()
    page.watch = driver.Watch(page, server.url)
    mark = server.log_size()
    yield page
    context.close()
    problems = page.watch.problems(server.log(mark))
    assert not problems, "\n".join(problems)


@pytest.fixture
def watch(page: Page) -> driver.Watch:
    """What the page of this test has said and asked for so far."""
    return page.watch


@pytest.fixture
def visit(page: Page, server: driver.Server) -> Callable[..., Page]:
    """`visit(slug, **params)`: open a page of the app by its address and wait until it stands."""

    def visit(slug: str = "", **params: object) -> Page:
        driver.open_page(page, server.url, slug, **params)
        return page

    return visit


@pytest.fixture(scope="module")
def bench_page(browser: Browser) -> Iterator[Bench]:
    """The stage alone, one page for all tests of a file: most of its time goes into starting Plotly."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    yield Bench(context.new_page())
    context.close()


@pytest.fixture
def bench(bench_page: Bench) -> Iterator[Bench]:
    """The stage alone: the test fails if its page complains."""
    yield bench_page
    bench_page.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the end of the app's log under a failing test."""
    report = yield
    server = getattr(item, "funcargs", {}).get("server")
    if report.failed and server is not None:
        report.sections.append(("the app's log", server.log()[-6000:]))
    return report
