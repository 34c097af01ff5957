"""The stage alone in a page, fed by Python: no server, no Streamlit and no prediction between a number and its picture.

What the app's own routes answer, pictures and sweeps, is answered here from the same `lessons.scene`; what the stage
commits is noted, and answered when the test says so. `look` reads off what is drawn, in the pixels of each plot.
"""

import base64
import json
import zlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from playwright.sync_api import Page, Route

from lessons.controls import Slider
from lessons.lesson import FRAMES
from lessons.scene import moving, scene
from pages.ui.stage import ASSETS, pack
from tests.browser import driver

HOST = "http://bench.test"
URLS = {name: HOST + ASSETS[name].url for name in ("stage.js", "stage.css", "plotly.min.js")}

# Makes `window.look`, `window.ink` and `window.calm` in any page that has a stage.
LOOK = """
const box = (element) => {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { left, top, width, height };
};
const attributes = (element) => Object.fromEntries([...element.attributes].map(({ name, value }) => [name, value]));
const shapes = (panel, layer) => [...panel.querySelectorAll(`[data-layer=${layer}] > *`)].map((item) => ({
  ...attributes(item), shown: item.getAttribute("display") !== "none", text: item.textContent,
  parts: [...item.children].map((part) => ({ tag: part.tagName, ...attributes(part) })),
}));
const axis = ({ type, range, _length, _offset, title }) =>
  ({ type, range: range.map(Number), length: _length, offset: _offset, title: title?.text });
window.look = () => ({
  panels: Object.fromEntries([...document.querySelectorAll(".inv-panel")].map((panel) => {
    const graph = panel.querySelector(".inv-plotly");
    return [panel.dataset.panel, {
      title: panel.querySelector(".inv-title").textContent, keys: panel.querySelector(".inv-keys").textContent,
      x: axis(graph._fullLayout.xaxis), y: axis(graph._fullLayout.yaxis),
      plot: box(graph.querySelector(".nsewdrag")), canvas: box(panel.querySelector("canvas")),
      overlay: box(panel.querySelector(".inv-overlay")),
      lines: graph.data.map((trace, i) => {
        const group = graph.querySelector(`.scatterlayer .traces${i}`);
        const path = group.querySelector(".js-line");
        const { stroke, strokeWidth, strokeDasharray } = path.style;
        return {
          label: trace.name, d: path.getAttribute("d"), stroke, width: strokeWidth, dash: strokeDasharray,
          opacity: getComputedStyle(group).opacity, x: [...trace.x], y: [...trace.y], says: trace.hovertemplate,
        };
      }),
      ...Object.fromEntries(["cursor", "dots", "rings", "marks", "handle"].map((name) => [name, shapes(panel, name)])),
    }];
  })),
  legend: [...document.querySelectorAll(".inv-legend button")].map((button) => ({
    label: button.children[1].textContent, value: button.querySelector(".inv-value").textContent, title: button.title,
    pressed: button.getAttribute("aria-pressed"), ...attributes(button.querySelector("line")),
  })),
  note: document.querySelector(".inv-note .inv-reading")?.textContent,
  count: document.querySelector(".inv-stepcount")?.textContent,
  sliders: Object.fromEntries([...document.querySelectorAll(".inv-slider")].map((row) => [row.dataset.control, {
    label: row.querySelector("label").textContent, output: row.querySelector("output").textContent,
    share: row.querySelector("input").value / 1000, track: box(row.querySelector(".inv-landmarks")),
    landmarks: [...row.querySelectorAll(".inv-landmark")].map((button, i) => ({
      label: button.textContent, shown: button.style.visibility !== "hidden", button: box(button),
      tick: parseFloat(row.querySelectorAll(".inv-landmarks i")[i].style.left),
    })),
  }])),
  state: Object.values(window.__stages)[0].state(),
});
window.ink = (id) => {
  const canvas = document.querySelector(`[data-panel="${id}"] canvas`);
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  let text = "";
  for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i], data[i + 3]);
  return { width, height, text: btoa(text) };
};
window.calm = async (quiet = 260) => {
  const drawn = () => Object.values(window.__stages)[0].state().framesDrawn;
  for (let before = -1; before !== drawn(); ) {
    before = drawn();
    await new Promise((done) => setTimeout(done, quiet));
  }
};
"""
HTML = (
    """<!doctype html><meta charset="utf-8"><style>body { margin: 8px; font-family: sans-serif }</style><body></body>
<script>
window.mount = async (text, fresh, theme, urls) => {
  const { render } = await import(urls.module);
  if (fresh) {
    document.querySelector("#place")?.remove();
    window.leave?.();
    const place = document.createElement("div");
    place.id = "place";
    document.body.append(place);
    window.sent = [];
  }
  const place = document.querySelector("#place");
  place.style.cssText = theme;
  // In the buffer of a websocket a payload begins anywhere.
  const bytes = new Uint8Array(text.length + 3).subarray(3, 3 + atob(text).length);
  bytes.set(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
  window.leave = render({
    parentElement: place, data: bytes,
    setStateValue: (name, value) => window.sent.push([name, structuredClone(value)]),
    setTriggerValue: (name, value) => window.sent.push([name, value]),
  }, urls);
};
</script><script>"""
    + LOOK
    + "</script>"
)


class Bench:
    """One page with a stage in it. `open` mounts a lesson; `settings` are those in force at the last answer."""

    def __init__(self, page: Page) -> None:
        self.page, self.errors, self.asked, self.stream = page, [], [], ""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.route(f"{HOST}/**", self._answer)
        page.goto(HOST)

    def open(self, lesson: Any, given: Any = None, *, theme: str = "", extra: dict | None = None, **settings: Any):
        """Show the lesson at these settings, and wait until the figure is at rest. Returns the drawing of Python."""
        self.lesson, self.given, self.theme, self.extra = lesson, given, theme, extra or {}
        self.answered, self.errors[:], self.asked[:] = 0, [], []
        self.page.mouse.move(1, 1)
        return self._show(lesson.complete(settings), fresh=True)

    def answer(self):
        """What the server would say to the last commit: the picture of the settings it asked for."""
        name, told = self.page.evaluate("window.sent.findLast(([name]) => name === 'settings')")
        assert name == "settings"
        self.answered = told.pop("commit")
        told.pop("address")
        return self._show(self.lesson.complete(self.settings | told))

    def send(self, settings: dict[str, Any], answered: int):
        """A picture of these settings that knows the commits up to `answered`."""
        self.answered = answered
        return self._show(self.lesson.complete(self.settings | settings))

    def sent(self) -> list:
        """What the stage has reported: [name, value], the last one last."""
        return self.page.evaluate("window.sent")

    def look(self) -> dict[str, Any]:
        """What is drawn and written now."""
        return self.page.evaluate("window.look()")

    def ink(self, panel: str) -> tuple[np.ndarray, np.ndarray]:
        """The canvas of a panel: how light its colour is, 0 to 255, and how opaque; row 0 at the top."""
        found = self.page.evaluate("id => window.ink(id)", panel)
        both = np.frombuffer(base64.b64decode(found["text"]), np.uint8).reshape(found["height"], found["width"], 2)
        return both[..., 0].astype(int), both[..., 1].astype(int)

    def calm(self) -> None:
        """Wait until nothing is drawn any more and Plotly knows what is."""
        self.page.evaluate("window.calm()")

    def call(self, what: str) -> Any:
        """Something of the stage's hooks for tests, at once followed by a look: what the hand sees in this moment."""
        return self.page.evaluate(f"(window.__stages[{self.lesson.slug!r}].{what}, window.look())")

    def nears(self, name: str) -> None:
        """A hand comes near a slider; returns when its sweep has come."""
        row = self.page.locator(f"[data-control={name}]")
        row.evaluate("row => row.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))")
        follows = f"() => window.__stages[{self.lesson.slug!r}].follows({name!r})"
        self.page.wait_for_function(follows, timeout=driver.PATIENCE)

    def slide(self, name: str, share: float, *, let_go: bool = False) -> dict[str, Any]:
        """Move a slider's thumb to this share of its track, as a hand that holds it does; returns a look."""
        moved = f"""([share, letGo]) => {{
          const input = document.querySelector("[data-control={name}] input[type=range]");
          input.value = Math.round(share * input.max);
          input.dispatchEvent(new Event("input"));
          if (letGo) input.dispatchEvent(new Event("change"));
          return new Promise((done) => requestAnimationFrame(() => done(window.look()))); // after the stage's own frame
        }}"""
        return self.page.evaluate(moved, [share, let_go])

    def close(self) -> None:
        """Complain of what went wrong in the page."""
        assert not self.errors, self.errors

    def _show(self, settings: dict[str, Any], fresh: bool = False):
        self.settings = settings
        result = self.lesson.experiment(self.given, **settings) | {"settings": settings}
        header, arrays = scene(self.lesson, result, answered=self.answered, **self.extra)
        for slider in self._swept():
            # As in the app, what does not depend on the slider's own value has one address.
            others = json.dumps({key: value for key, value in settings.items() if key != slider.name})
            url = f"sweep/{self.lesson.slug}/{slider.name}/{zlib.crc32(others.encode())}"
            header["sweeps"][slider.name] = {"url": url, "values": f"{slider.name}/values"}
            arrays[f"{slider.name}/values"] = slider.places(FRAMES)
        header["elsewhere"] = "picture/here"
        before = self.page.evaluate("Object.values(window.__stages ?? {})[0]?.state().revision ?? 0")
        text = base64.b64encode(pack(header, arrays)).decode()
        urls = {
            "base": f"{HOST}/",
            "module": URLS["stage.js"],
            "css": URLS["stage.css"],
            "plotly": URLS["plotly.min.js"],
        }
        call = "([text, fresh, theme, urls]) => window.mount(text, fresh, theme, urls)"
        self.page.evaluate(call, [text, fresh, self.theme, urls])
        ready = "([slug, least]) => window.__stages?.[slug]?.state().revision > least"
        self.page.wait_for_function(ready, arg=[self.lesson.slug, 0 if fresh else before], timeout=driver.PATIENCE)
        self.calm()
        return self.lesson.draw(result)

    def _swept(self) -> list[Slider]:
        return [c for c in self.lesson.controls if isinstance(c, Slider) and c.swept and c.applies(self.settings)]

    def _answer(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        kind, _, name = address.path.strip("/").partition("/")
        if kind == "stage-assets":
            asset = next(asset for asset in ASSETS.values() if asset.url == address.path)
            route.fulfill(body=asset.body, content_type=asset.mime)
        elif kind == "sweep" and name.startswith(f"{self.lesson.slug}/"):  # of the lesson before nobody waits for any
            values, swept = self.lesson.sweep(name.split("/")[1], self.settings, self.given)
            arrays: dict[str, np.ndarray] = {}
            header = moving(values, self.lesson.draw(swept), arrays)
            route.fulfill(body=pack(header, arrays), content_type="application/octet-stream")
        elif kind == "picture":
            wanted = json.loads(parse_qs(address.query)["settings"][0])
            self.asked.append(wanted)
            settings = self.lesson.complete(wanted)
            drawn = self.lesson.experiment(self.given, **settings) | {"settings": settings}
            route.fulfill(body=pack(*scene(self.lesson, drawn)), content_type="application/octet-stream")
        elif kind == "job":
            route.fulfill(body=self.stream, content_type="text/event-stream")
        elif address.path in ("", "/"):
            route.fulfill(body=HTML, content_type="text/html")
        else:
            route.fulfill(status=204)
