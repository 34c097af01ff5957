"""The first picture: from `make run`, of every lesson from a warm server, and of the next lesson in the session."""

import time
from collections.abc import Iterator
from tempfile import TemporaryDirectory

from benchmarks.lab import Lab
from benchmarks.report import Budget, Row, median
from benchmarks.servers import Course, Process

PATIENCE = 60_000  # ms
# When the first words stood there, which may be the sketch's, and when the stage had drawn: ms since 1970.
MOMENTS = """(() => {
  window.__moments = {};
  const now = () => performance.timeOrigin + performance.now();
  const look = () => {
    if (document.querySelector("h1")) window.__moments.words ??= now();
    const drawn = Object.values(window.__stages ?? {}).some((stage) => stage.state().framesDrawn > 0);
    if (drawn) window.__moments.picture = now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""
DRAWN = "window.__moments.picture !== undefined"
# A link to another lesson is followed as the page's own links are: milliseconds until its stage has drawn.
SWITCH = """(slug) => new Promise((resolve) => {
  const begun = performance.now();
  history.pushState({}, "", `/${slug}`);
  dispatchEvent(new PopStateEvent("popstate"));
  const look = () => {
    if (window.__stages[slug]?.state().framesDrawn > 0) resolve(performance.now() - begun);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def visit(lab: Lab, server: Process, slug: str, since: float | None = None) -> tuple[float, float]:
    """Seconds from `since` (else: from now) to the first words and to the first picture, in an empty browser."""
    from tests.browser.driver import DESKTOP

    begun = time.time() if since is None else since
    moments = lab.plain.visit(f"{server.url}/{slug}", MOMENTS, f"({DRAWN}) ? window.__moments : null", DESKTOP)
    return moments["words"] / 1000 - begun, moments["picture"] / 1000 - begun


def measure(lab: Lab) -> Iterator[Row]:
    """Seconds; the floor is the same on the page without computation."""
    visit(lab, lab.floor, "")  # the browser's own first start
    yield from _from_nothing(lab, "warm", Budget(4), {})
    with TemporaryDirectory() as empty:
        yield from _from_nothing(lab, "cold", Budget(8), {"XDG_CACHE_HOME": empty})
    yield from _lessons(lab)
    yield from _next_lessons(lab)


def _from_nothing(lab: Lab, cache: str, budget: Budget, environment: dict[str, str]) -> Iterator[Row]:
    """What `make run` runs, with everything installed, and a browser that opens its address as soon as it answers."""
    words, pictures = [], []
    for _ in range(lab.repeats(3, 2) if cache == "warm" else 1):
        server = Course(**environment).wait()
        try:
            moments = visit(lab, server, "", server.began)
        finally:
            server.close()
        words.append(moments[0])
        pictures.append(moments[1])
    note = f"compilation cache {cache}; {len(words)} starts"
    yield Row(f"make run to the first words, {cache}", "s", median(words), max(words), budget=Budget(1.5), note=note)
    yield Row(f"make run to a picture, {cache}", "s", median(pictures), max(pictures), budget=budget, note=note)


def _lessons(lab: Lab) -> Iterator[Row]:
    """Every lesson in a browser that has seen nothing before. In turn, so that a busy moment meets all of them."""
    from lessons import lessons

    app, bare = lab.app, lab.floor
    slugs = list(lessons())
    found = {slug: [] for slug in (*slugs, None)}
    for _ in range(lab.repeats(3, 1)):
        for slug in slugs:
            found[slug].append(visit(lab, app, "" if slug == slugs[0] else slug))
        found[None].append(visit(lab, bare, ""))
    floor = median([picture for _, picture in found.pop(None)])
    words = [moment for moments in found.values() for moment, _ in moments]
    yield Row("first words, server warm: all lessons", "s", median(words), max(words), budget=Budget(1.5))
    for slug, moments in found.items():
        pictures = [picture for _, picture in moments]
        row, note = f"first picture, server warm: {slug}", f"floor {floor:.2f} s; p95: worst"
        yield Row(row, "s", median(pictures), max(pictures), floor=floor, budget=Budget(1.5), note=note)


def _next_lessons(lab: Lab) -> Iterator[Row]:
    """One student goes through the whole course by its links."""
    from lessons import lessons

    _opening, *slugs = lessons()
    with lab.visitor() as page:
        page.add_init_script(MOMENTS)
        page.goto(lab.app.url)
        page.wait_for_function(DRAWN, timeout=PATIENCE)
        took = {slug: page.evaluate(SWITCH, slug) / 1000 for slug in slugs}
        slowest = max(took, key=took.get)
    yield Row(
        "first picture, from the lesson before",
        "s",
        median(list(took.values())),
        took[slowest],
        budget=Budget(1.5),
        note=f"{len(took)} lessons; p95: the slowest, {slowest}",
    )
