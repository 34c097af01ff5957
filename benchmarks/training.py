"""Live training: what watching costs the thread that trains, and what a student sees of it after the click."""

import asyncio
import threading
import time
from collections.abc import Iterator

from benchmarks.lab import Lab
from benchmarks.report import Budget, Row, median, p95

STEPS = 3000
USABLE = 0.03  # mean RJCP in the trained box, as the lesson claims of every toy
WATCH = """() => {
  const seen = window.__seen = { click: null, first: null, step: null, counts: [], end: null };
  document.addEventListener("click", (event) => {
    if (event.target.closest('[data-action="start"]')) seen.click = performance.now();
  }, true);
  const look = () => {
    const { sseUpdates } = window.__stages.train.state();
    const now = performance.now();
    const text = document.querySelector(".inv-progress span")?.textContent ?? "";
    seen.before ??= sseUpdates;
    if (seen.click !== null && seen.end === null) {
      if (sseUpdates > seen.before) seen.first ??= now;
      if (/steps\\/s/.test(text)) seen.step ??= now;
      if (seen.step !== null && sseUpdates !== seen.counts.at(-1)?.[1]) seen.counts.push([now, sseUpdates]);
      if (/^Trained/.test(text) && seen.step !== null) seen.end = now;
    }
    if (seen.end === null) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def measure(lab: Lab) -> Iterator[Row]:
    """Steps a second with and without a watcher in this process, then the clicks in a real browser."""
    yield from _in_process(lab)
    yield from _in_browser(lab)


def _in_process(lab: Lab) -> Iterator[Row]:
    _train(watched=True)  # compiles what follows, the frames' map included
    unwatched, watched, rjcp = [], [], []
    for i in range(lab.repeats(4, 2)):
        for look in (True, False) if i % 2 else (False, True):
            rate, defect, _ = _train(watched=look)
            (watched if look else unwatched).append(rate)
            rjcp.append(defect)
    note = f"full speed, sine; mean RJCP in the box then {max(rjcp):.3g}"
    yield Row("training, unwatched", "steps/s", median(unwatched), note=note)
    yield Row("training, watched", "steps/s", median(watched), floor=median(unwatched), note="frames painted, streamed")
    costs = [100 * (1 - look / alone) for look, alone in zip(watched, unwatched, strict=True)]
    yield Row(
        "training, cost of watching", "%", median(costs), max(costs), budget=Budget(5), note="of neighbouring runs"
    )
    taken = [_train(watched=True, steps=2000) for _ in range(lab.repeats(3, 2))]
    good = sum(defect < USABLE for _, defect, _ in taken)
    seconds = [took for _, _, took in taken]
    note = f"2,000 steps, watched; RJCP below {USABLE} in {good} of {len(taken)} runs"
    yield Row("training, usable inverse at full speed", "s", median(seconds), budget=Budget(5), note=note)


def _train(watched: bool, steps: int = STEPS) -> tuple[float, float, float]:
    """One job at full speed: its steps a second, its mean RJCP at the end, and the seconds that it took."""
    from lessons import lessons
    from lessons.learned import setting, train
    from pages.ui import workshop
    from pages.ui.training_job import TrainingJob

    settings = lessons()["train"].complete({"steps": steps, "pace": "full"})
    job = TrainingJob(
        setup=setting.setup(settings["problem"]),
        seed=0,
        hyper=train.hyper(settings),
        total=steps,
        paint=lambda snapshot: workshop.frame(snapshot, settings),
    )
    watcher = threading.Thread(target=lambda: asyncio.run(_stream(job.token)), daemon=True)
    began = time.perf_counter()
    if watched:
        watcher.start()
    job.start().join()
    took = time.perf_counter() - began
    if watched:
        watcher.join(10)
    end = job.snapshot()
    if end.state != "done":
        raise RuntimeError(f"training ended as {end.state}: {end.message}")
    return steps / took, float(end.history["rjcp"][-1]), took


async def _stream(token: str) -> int:
    """Take in the job's events as the server sends them to a browser; how many bytes there were."""
    from starlette.requests import Request

    from pages.ui import stream

    answer = await stream.events(Request({"type": "http", "path_params": {"token": token}}))
    return sum([len(part) async for part in answer.body_iterator])


def _in_browser(lab: Lab) -> Iterator[Row]:
    from benchmarks import visits

    server, found = lab.app, []
    for _ in range(lab.repeats(2, 1)):
        with lab.visitor() as page:
            visits.open_lesson(page, server, "train")
            page.evaluate(WATCH)
            page.click('[data-action="start"]')
            page.wait_for_function("window.__seen.end !== null", timeout=60_000)
            found.append(page.evaluate("window.__seen"))
    first = [(one["first"] - one["click"]) / 1000 for one in found]
    step = [(one["step"] - one["click"]) / 1000 for one in found]
    done = [(one["end"] - one["click"]) / 1000 for one in found]
    rates = [_rate(one["counts"]) for one in found]
    gaps = [b[0] - a[0] for one in found for a, b in zip(one["counts"], one["counts"][1:], strict=False)]
    yield Row("training, click to first update", "s", median(first), max(first), budget=Budget(1), note="p95: worst")
    yield Row("training, click to first update with steps", "s", median(step), max(step), budget=Budget(1))
    note = f"watchable pace; gaps p95 {p95(gaps):.0f} ms"
    yield Row("training, updates seen a second", "/s", median(rates), budget=Budget(29.5, at_least=True), note=note)
    note = "2,000 steps at the watchable pace, in the browser"
    yield Row("training, click to trained", "s", median(done), max(done), budget=Budget(5), note=note)


def _rate(counts: list[list[float]]) -> float:
    """Updates a second from (ms, updates so far)."""
    (begun, first), (end, last) = counts[0], counts[-1]
    return 1000 * (last - first) / (end - begun)
