"""The first picture: of every lesson from a warm server, of one from a cold server with warm compilation caches."""

import time
from collections.abc import Iterator

from benchmarks.lab import Lab
from benchmarks.report import Budget, Row, median
from benchmarks.servers import Server

PATIENCE = 60_000  # ms
FIRST_PICTURE = """(() => {
  const look = () => {
    const drawn = Object.values(window.__stages ?? {}).some((stage) => stage.state().framesDrawn > 0);
    if (drawn) window.__firstPicture = performance.timeOrigin + performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""


def first_picture(lab: Lab, server: Server, slug: str, since: float | None = None) -> float:
    """Seconds from `since` (else: from now) to the first picture, for a visitor whose browser has cached nothing."""
    with lab.visitor() as page:
        page.add_init_script(FIRST_PICTURE)
        begun = time.time() if since is None else since
        page.goto(f"{server.url}/{slug}")
        page.wait_for_function("window.__firstPicture !== undefined", timeout=PATIENCE)
        return page.evaluate("window.__firstPicture") / 1000 - begun


def measure(lab: Lab) -> Iterator[Row]:
    """Seconds; the floor is the same on the page without computation."""
    from lessons import lessons

    app, bare = lab.app, lab.floor
    slugs = list(lessons())
    addresses = {slug: "" if slug == slugs[0] else slug for slug in slugs}
    first_picture(lab, app, addresses[slugs[0]])  # the browser's own first start
    # In turn, so that a busy moment meets all of them.
    found = {slug: [] for slug in (*slugs, None)}
    for _ in range(lab.repeats(3, 2)):
        for slug in slugs:
            found[slug].append(first_picture(lab, app, addresses[slug]))
        found[None].append(first_picture(lab, bare, ""))
    floor = median(found.pop(None))
    for slug, times in found.items():
        row = f"first picture, server warm: {slug}"
        yield Row(
            row,
            "s",
            median(times),
            max(times),
            floor=floor,
            budget=Budget(1.5),
            note=f"floor {floor:.2f} s; p95: worst",
        )
    times = []
    for _ in range(lab.repeats(2, 1)):
        server = lab.server("app.py").wait()
        times.append(first_picture(lab, server, "crux", since=server.began))
        server.close()
    yield Row(
        "first picture, server cold: crux",
        "s",
        median(times),
        max(times),
        budget=Budget(6),
        note=f"from the start of the process, compilation cache warm; {len(times)} starts",
    )
