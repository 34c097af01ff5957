"""The stage in the long run and under load: memory over 10,000 pictures, busy processors, a sweep that arrives."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.lab import Lab
from benchmarks.report import Budget, Row, median, p95
from benchmarks.stage import SCRUB, SLIDER, SLUG

PICTURES = 10_000
# More than a hand draws in a minute, one after the other; rests in between let happen what waits for a rest.
DRAW = """async ([slug, name, pictures]) => {
  for (let drawn = 0; drawn < pictures; drawn += 1) {
    window.__stages[slug].scrub(name, drawn % 61);
    if (drawn % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 200));
  }
}"""
# From a picture whose sweeps are still to come until they are there, and a little longer: ms between frames.
ARRIVAL = """([slug, names]) => new Promise((resolve) => {
  const { follows } = window.__stages[slug];
  const times = [];
  let left = 10;
  const tick = (now) => {
    times.push(now);
    if (names.every(follows)) left -= 1;
    if (left) requestAnimationFrame(tick);
    else resolve(times.slice(1).map((time, i) => time - times[i]));
  };
  requestAnimationFrame(tick);
})"""


def measure(lab: Lab) -> Iterator[Row]:
    """Megabytes and elements that stay behind, pictures a second beside other work, ms of a stalled frame."""
    from benchmarks import visits

    with lab.visitor() as page:
        visits.open_lesson(page, lab.app, SLUG)
        page.wait_for_function(f"window.__stages['{SLUG}'].follows('{SLIDER}')")
        inside = page.context.new_cdp_session(page)
        page.evaluate(DRAW, [SLUG, SLIDER, 200])  # what is made once is there before it is counted
        held, nodes = _held(inside)
        count = lab.repeats(PICTURES, 2_000)
        page.evaluate(DRAW, [SLUG, SLIDER, count])
        later, more = _held(inside)
        note = f"{held:.1f} MB before; after a garbage collection"
        yield Row(f"stage, memory kept after {count:,} pictures", "MB", later - held, budget=Budget(1), note=note)
        yield Row(f"stage, elements kept after {count:,} pictures", "", more - nodes, budget=Budget(0))
        with busy(os.cpu_count() or 2):
            run = page.evaluate(SCRUB, [SLUG, SLIDER, lab.repeats(480, 160), True])
        rate, note = 1000 / median(run["intervals"]), f"p95 {p95(run['intervals']):.0f} ms between pictures"
        yield Row("stage, pictures a second, every CPU busy", "/s", rate, budget=Budget(30, at_least=True), note=note)
        stalls = [_arrival(page) for _ in range(lab.repeats(8, 3))]
    note = f"worst frame of {len(stalls)} arrivals; an undisturbed one takes 17 ms"
    yield Row("stage, longest frame while sweeps arrive", "ms", median(stalls), max(stalls), note=note)


@contextmanager
def busy(processes: int):
    """So many processes that do nothing but take processor time."""
    with ExitStack() as running:
        for _ in range(processes):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            running.callback(process.wait)
            running.callback(process.kill)
        yield


def _held(inside) -> tuple[float, int]:
    """Megabytes of the page's heap, and its elements, once all garbage is gone."""
    inside.send("HeapProfiler.collectGarbage")
    used = inside.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    return used, inside.send("Memory.getDOMCounters")["nodes"]


def _arrival(page) -> float:
    """A new start point, after which every sweep is another one; the longest frame from its picture to its sweeps."""
    revision = page.evaluate(f"window.__stages['{SLUG}'].state().revision")
    page.locator(".inv-handle").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"window.__stages['{SLUG}'].state().revision > {revision}")
    return max(page.evaluate(ARRIVAL, [SLUG, ["alpha", "eta"]]))
