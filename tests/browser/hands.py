"""What a student's hands and eyes do on a lesson's page: answer, scrub, wait, compare pictures."""

from lessons import lessons
from lessons.prediction import Aim
from tests.browser import driver

LESSONS = list(lessons().values())
CONFIRM, UNSURE = "That is my prediction", "I don’t know; show me"
ASKED = ".st-key-prediction .inv-ask"
OPEN = ".inv-stage:not(.inv-veiled)"


def address(slug):
    """The opening page lives at the root."""
    return "" if slug == LESSONS[0].slug else slug


def predict(page, choice=0):
    """Choose, where there is a choice, and confirm; the stage is then free."""
    confirm = page.locator(ASKED).get_by_role("button", name=CONFIRM)
    confirm.wait_for(timeout=driver.PATIENCE)
    if confirm.is_disabled():
        page.locator(f"{ASKED} label").nth(choice).click()
    page.wait_for_selector(".inv-stage", timeout=driver.PATIENCE)  # an answer may be a point of the figure
    confirm.click()
    page.wait_for_selector(OPEN, timeout=driver.PATIENCE)
    page.locator(f"{ASKED} a").wait_for(timeout=driver.PATIENCE)
    driver.wait_until_idle(page)


def verdict_is_given(lesson, said):
    """Whether the page has set the answer beside what the run shows."""
    opening = "You pointed at" if isinstance(lesson.prediction, Aim) else "You said"
    return said.count("Right") == 1 or (opening in said and "the run shows" in said)


def stage(page, slug, call):
    """Call something of a stage's hooks for tests: stage(page, "crux", "pause()")."""
    return page.evaluate(f"window.__stages[{slug!r}].{call}")


# Everything that is drawn, as text: two pictures differ if these do.
DRAWN = """(() => {
  const stage = document.querySelector(".inv-stage");
  const lines = [...stage.querySelectorAll(".js-line")].map(e => e.getAttribute("d"));
  const over = [...stage.querySelectorAll(".inv-overlay")].map(e => e.innerHTML);
  const fields = [...stage.querySelectorAll("canvas")].filter(e => e.width && e.height).map(e => e.toDataURL());
  return [...lines, ...over, ...fields].join();
})()"""


def drawn(page):
    """The picture on the page, as text."""
    return page.evaluate(DRAWN)


def settled(page, slug):
    """The settings in force, once nothing plays."""
    page.wait_for_function("slug => !window.__stages[slug].state().playing", arg=slug, timeout=driver.PATIENCE)
    return driver.stage_state(page, slug)["settings"]


def sweeps_are_here(page, slug, name):
    """Wait until slider `name` follows the hand: the first time that takes a compilation."""
    page.wait_for_function(
        "([slug, name]) => window.__stages[slug].follows(name)", arg=[slug, name], timeout=2 * driver.PATIENCE
    )
    driver.wait_until_idle(page)
