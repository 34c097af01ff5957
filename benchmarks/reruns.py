"""A committed change: from the key to the paint, and what it costs the server, against the floor page in turn."""

from collections.abc import Iterator

from benchmarks.floor import SETTINGS, SLUG
from benchmarks.lab import Lab
from benchmarks.report import Budget, Remark, Row, median, p95

SLIDER = "alpha"
RATIO, CPU = Budget(1.15, of="ratio"), Budget(15)


def measure(lab: Lab) -> Iterator[Row | Remark]:
    """New values, which the server has to compute, and values seen before, which it has in its cache."""
    from benchmarks import visits

    app, floor = lab.app, lab.floor
    count = lab.repeats(20, 8)
    with lab.visitor() as lesson, lab.visitor() as bare:
        # A learning rate that nobody has asked for, so that no picture is in the cache yet.
        visits.open_lesson(lesson, app, SLUG, eta=0.0613, **SETTINGS)
        visits.open_floor(bare, floor, SLUG)
        for page in (lesson, bare):
            visits.commit(page, SLUG, SLIDER)
        for kind, key in (("new value", "ArrowRight"), ("value seen before", "ArrowLeft")):
            measured = {lesson: [], bare: []}
            spent = {lesson: 0.0, bare: 0.0}
            for i in range(count):
                # Each goes first every other time.
                for page in (lesson, bare) if i % 2 else (bare, lesson):
                    server = app if page is lesson else floor
                    before = server.cpu()
                    measured[page].append(visits.commit(page, SLUG, SLIDER, key))
                    if before is not None:
                        spent[page] += server.cpu() - before
            yield _paint(f"commit to paint, {kind}", measured[lesson], measured[bare])
            yield _cpu(f"server CPU of a rerun, {kind}", spent[lesson], spent[bare], count, app.cpu() is not None)


def _paint(what: str, lesson: list[float], bare: list[float]) -> Row:
    note = f"floor {median(bare):.0f} ms, its p95 {p95(bare):.0f}"
    return Row(what, "ms", median(lesson), p95(lesson), floor=median(bare), budget=RATIO, note=note)


def _cpu(what: str, lesson: float, bare: float, count: int, readable: bool) -> Row | Remark:
    if not readable:
        return Remark(what, "this system has no /proc", failed=False)
    mean, floor = 1000 * lesson / count, 1000 * bare / count
    return Row(what, "ms", mean, floor=floor, budget=CPU, note=f"mean of {count}; floor {floor:.0f} ms")
