"""What the browser measurements do on a page: open it, answer its prediction, wait until nothing moves."""

from playwright.sync_api import Page

from benchmarks.servers import Server
from tests.browser import driver

NEW_VALUE = """async ([slug, name, key]) => {
  const stage = window.__stages[slug];
  const input = document.querySelector(`[data-control="${name}"] input`);
  const before = stage.state().revision;
  input.focus();
  const begun = performance.now();
  input.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  input.dispatchEvent(new FocusEvent("blur")); // a slider that is left commits at once, without waiting for more keys
  const wanted = stage.state().settings[name];
  return await new Promise((resolve, reject) => {
    const look = () => {
      const { revision, settings } = stage.state();
      if (revision === before || settings[name] !== wanted) {
        if (performance.now() - begun > 30000) reject(new Error("no picture within 30 s of a commit"));
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


def open_lesson(page: Page, server: Server, slug: str, **settings: object) -> None:
    """Open a lesson by its address, answer its prediction, and let the picture come to rest."""
    driver.open_page(page, server.url, slug, **settings)
    driver.stage_state(page, slug)
    page.click(".st-key-prediction [data-testid=stRadio] label >> nth=1")
    page.wait_for_selector(".st-key-prediction [data-testid=stRadio]", state="detached", timeout=driver.PATIENCE)
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
    took = page.evaluate(NEW_VALUE, [slug, name, key])
    driver.wait_until_idle(page)
    page.wait_for_timeout(250)  # the stage tells Plotly 150 ms later: that belongs to no rerun
    return took
