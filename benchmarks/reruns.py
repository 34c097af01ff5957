"""A change by hand: from the key to the paint, and what a commit costs the server.

Measured in turn: the lesson's page, the same page with all results and pictures computed beforehand (the floor), and a
bare page of Streamlit that shows one picture and never another.
"""

from collections.abc import Iterator

from benchmarks import visits
from benchmarks.floor import SETTINGS, SLIDER, SLUG
from benchmarks.lab import Lab
from benchmarks.report import Budget, Remark, Row, median, p95

RATIO, CPU = Budget(1.15, of="ratio"), Budget(15)


def measure(lab: Lab) -> Iterator[Row | Remark]:
    """New values, which the server has to compute, and values seen before, which it has in its cache."""
    servers = {"lesson": lab.app, "ready": lab.ready, "bare": lab.floor}
    count = lab.repeats(20, 8)
    with lab.visitor() as lesson, lab.visitor() as ready, lab.visitor() as bare:
        # A learning rate that nobody has asked for, so that no picture is in the cache yet.
        visits.open_lesson(lesson, lab.app, SLUG, eta=0.0613, **SETTINGS)
        visits.open_lesson(ready, lab.ready, SLUG, **SETTINGS)
        visits.open_floor(bare, lab.floor, SLUG)
        pages = {"lesson": lesson, "ready": ready, "bare": bare}
        for page in pages.values():
            visits.commit(page, SLUG, SLIDER)
        for kind, key in (("new value", "ArrowRight"), ("value seen before", "ArrowLeft")):
            paint = {name: [] for name in pages}
            spent = dict.fromkeys(pages, 0.0)
            for i in range(count):
                # Each goes first every third time.
                for name in [*pages, *pages][i % 3 : i % 3 + 3]:
                    before = servers[name].cpu()
                    paint[name].append(visits.commit(pages[name], SLUG, SLIDER, key))
                    if before is not None:
                        spent[name] += servers[name].cpu() - before
            yield _paint(kind, paint)
            yield _cpu(kind, spent, count, lab.app.cpu() is not None)
        moved = [visits.move_point(lesson, SLUG) for _ in range(count)]
        yield Row("point moved, key to its picture", "ms", median(moved), p95(moved))


def _paint(kind: str, paint: dict[str, list[float]]) -> Row:
    lesson, ready, bare = (paint[name] for name in ("lesson", "ready", "bare"))
    note = f"same page, all ready: {median(ready):.0f} ms, p95 {p95(ready):.0f}; bare page: {median(bare):.0f} ms"
    return Row(
        f"commit to paint, {kind}", "ms", median(lesson), p95(lesson), floor=median(ready), budget=RATIO, note=note
    )


def _cpu(kind: str, spent: dict[str, float], count: int, readable: bool) -> Row | Remark:
    what = f"server CPU of a rerun, {kind}"
    if not readable:
        return Remark(what, "this system has no /proc", failed=False)
    mean, ready, bare = (1000 * spent[name] / count for name in ("lesson", "ready", "bare"))
    note = f"mean of {count}; same page, all ready: {ready:.0f} ms; bare page: {bare:.0f} ms"
    return Row(what, "ms", mean, floor=ready, budget=CPU, note=note)
