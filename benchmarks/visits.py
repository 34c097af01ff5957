"""What the browser measurements do on a page: open it, answer its prediction, wait until nothing moves."""

from playwright.sync_api import Page

from benchmarks.servers import Server
from tests.browser import driver, hands

# What the page is asked: press a key on an element, then the milliseconds until what `done` waits for is painted.
PRESSED = """([slug, selector, key, leave]) => {
  const stage = window.__stages[slug];
  const element = document.querySelector(selector);
  const before = stage.state();
  element.focus();
  const begun = performance.now();
  element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  if (leave) element.dispatchEvent(new FocusEvent("blur")); // a slider that is left commits at once, without more keys
  const wanted = stage.state().settings;
  const done = (now) => DONE;
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!done(stage.state())) {
        if (performance.now() - begun > 30000) reject(new Error("no picture within 30 s of a key"));
        else requestAnimationFrame(look);
        return;
      }
      // A message posted in a frame's callback is delivered once that frame has been laid out and painted.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve(performance.now() - begun);
      port2.postMessage(null);
    };
    requestAnimationFrame(look);
  });
}"""
ANSWERED = PRESSED.replace(
    "DONE", "now.revision !== before.revision && JSON.stringify(now.settings) === JSON.stringify(wanted)"
)
FETCHED = PRESSED.replace("DONE", "now.fetched !== before.fetched")


def open_lesson(page: Page, server: Server, slug: str, **settings: object) -> None:
    """Open a lesson by its address, answer its prediction, and let the picture come to rest."""
    driver.open_page(page, server.url, slug, **settings)
    driver.stage_state(page, slug)
    hands.predict(page, 1)
    rest(page, slug)


def open_floor(page: Page, server: Server, slug: str) -> None:
    """Open the floor's page, which has nothing to answer."""
    driver.open_page(page, server.url)
    driver.stage_state(page, slug)
    rest(page, slug)


def rest(page: Page, slug: str) -> None:
    """Until the script has ended, nothing plays, and Plotly has been told what is drawn."""
    driver.wait_until_idle(page)
    page.wait_for_function("slug => !window.__stages[slug].state().playing", arg=slug, timeout=driver.PATIENCE)
    page.wait_for_timeout(300)
    driver.wait_until_idle(page)


def commit(page: Page, slug: str, name: str, key: str = "ArrowRight") -> float:
    """Press a key on a slider and leave it: milliseconds from the key to the paint of the server's answer."""
    took = page.evaluate(ANSWERED, [slug, f'[data-control="{name}"] input', key, True])
    _rest_again(page)
    return took


def move_point(page: Page, slug: str, key: str = "ArrowLeft") -> float:
    """Press a key on the point of a figure: milliseconds from the key to the paint of the picture there."""
    took = page.evaluate(FETCHED, [slug, ".inv-handle", key, False])
    page.wait_for_timeout(400)  # by then the point has been let go
    _rest_again(page)
    return took


def _rest_again(page: Page) -> None:
    driver.wait_until_idle(page)
    page.wait_for_timeout(250)  # the stage tells Plotly 150 ms later: that belongs to no rerun
