"""Scrubbing on the stage: work per picture and pictures a second, while nothing is sent to the server."""

from collections.abc import Iterator

from benchmarks.lab import Lab
from benchmarks.report import Budget, Row, median, p95

SLUG, SLIDER = "crux", "alpha"
# The hand: one input event on the real slider before each animation frame, so one picture per frame. Our callback asks
# for its next frame before the stage does, hence runs first in each; `whole` is the time from there until a message
# posted in it arrives, after style, layout and paint: it also holds what the browser does with what the stage wrote.
SCRUB = """([slug, name, pictures, hand]) => new Promise((resolve) => {
  const stage = window.__stages[slug];
  const input = document.querySelector(`[data-control="${name}"] input`);
  const [starts, whole] = [[], []];
  let [sent, drawn, listening] = [0, 0, 0];
  const move = () => {
    if (!hand) return 0;
    const begun = performance.now();
    sent += 1;
    const at = (sent / 60) % 2; // from one end to the other in 60 pictures, and back
    input.value = Math.round((at < 1 ? at : 2 - at) * input.max);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    return performance.now() - begun;
  };
  if (hand) input.dispatchEvent(new PointerEvent("pointerdown"));
  stage.resetFrames();
  const tick = () => {
    const begun = performance.now();
    if (starts.length > pictures) {
      const intervals = starts.slice(1).map((start, i) => start - starts[i]);
      resolve({ whole, intervals, work: stage.frames().work });
      return;
    }
    requestAnimationFrame(tick);
    const { port1, port2 } = new MessageChannel();
    const listened = listening;
    port1.onmessage = () => {
      const { framesDrawn } = stage.state();
      if (!hand || framesDrawn > drawn) {
        starts.push(begun);
        whole.push(performance.now() - begun + listened);
      }
      drawn = framesDrawn;
      listening = move();
    };
    port2.postMessage(null);
  };
  requestAnimationFrame(tick);
})"""


def measure(lab: Lab) -> Iterator[Row]:
    """Work per picture (ms), pictures a second, websocket messages."""
    from benchmarks import visits
    from tests.browser import driver

    server, pictures = lab.app, lab.repeats(480, 320)
    with lab.visitor() as page:
        watch = driver.Watch(page, server.url)
        visits.open_lesson(page, server, SLUG)
        page.wait_for_function(f"window.__stages['{SLUG}'].follows('{SLIDER}')")
        sent = len(watch.sent)
        clock = page.context.new_cdp_session(page)
        # Processor time of the browser's main thread: what others take of this machine does not count.
        clock.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = _spent(clock)
        still = page.evaluate(SCRUB, [SLUG, SLIDER, pictures, False])
        between = _spent(clock)
        moving = page.evaluate(SCRUB, [SLUG, SLIDER, pictures, True])
        after = _spent(clock)
        messages = len(watch.sent) - sent
    work, limit = moving["work"], Budget(8, of="p95")
    yield Row("stage, script per picture", "ms", median(work), p95(work), budget=limit, note=f"{len(work)} pictures")
    yield Row(
        "stage, main thread per picture",
        "ms",
        median(moving["whole"]),
        p95(moving["whole"]),
        floor=median(still["whole"]),
        budget=limit,
        note="with style, layout and paint; floor: an empty frame",
    )
    parts = {name: 1000 * (after[name] - between[name]) / pictures for name in after}
    idle = 1000 * (between["Task"] - before["Task"]) / pictures
    split = ", ".join(f"{name.lower()} {parts[name]:.1f}" for name in ("Script", "RecalcStyle", "Layout"))
    note = f"mean, processor time: {split}, rest paint; an empty frame {idle:.1f}"
    yield Row("stage, main thread CPU per picture", "ms", parts["Task"], budget=Budget(8), note=note)
    rate, floor = (1000 / median(run["intervals"]) for run in (moving, still))
    note = f"software rendering; p95 {p95(moving['intervals']):.0f} ms, at rest {p95(still['intervals']):.0f} ms"
    # A timer that rounds to tenths of milliseconds makes 59.9 of 60.
    yield Row("stage, pictures a second", "/s", rate, floor=floor, budget=Budget(59.5, at_least=True), note=note)
    yield Row("stage, messages sent while scrubbing", "", messages, budget=Budget(0))


def _spent(clock) -> dict[str, float]:
    """Seconds that the page's main thread has worked so far: in all, and the parts that Chromium tells apart."""
    metrics = {metric["name"]: metric["value"] for metric in clock.send("Performance.getMetrics")["metrics"]}
    return {name: metrics[f"{name}Duration"] for name in ("Task", "Script", "RecalcStyle", "Layout")}
