"""Every page in a real browser: by a cold deep link, light and dark, wide and narrow, for hands, keys and readers."""

import pytest
from axe_playwright_python.sync_playwright import DEFAULT_OPTIONS, Axe

from lessons.controls import Slider, Step
from tests.browser import driver
from tests.browser.hands import (
    ASKED,
    CONFIRM,
    LESSONS,
    OPEN,
    address,
    drawn,
    settled,
    stage,
    sweeps_are_here,
    verdict_is_given,
)

AXE = Axe().axe_script
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)

# What Streamlit's own frame violates and no setting mends, by the part of its frame: on a phone the navigation's list
# items lie in a <div> inside their <ul>. (Its captions were too faint as well; style.css mends that.)
STREAMLIT = {'[data-testid="stSidebarNav"]': {"list", "listitem"}}

# Where the run that tells is begun by a button.
AFTER_A_BUTTON = ("train", "newton-cost", "studies")


def barriers(page, **options):
    """Serious and critical violations that axe finds on the page as it stands; options: axe's own, such as runOnly."""
    if page.evaluate("() => !window.axe"):  # read once a page: it is half a megabyte
        page.evaluate(AXE)
    return [
        f"{found['id']} ({found['impact']}): {node['html'][:200]} {[check['message'] for check in node['any']]}"
        for found in page.evaluate("options => axe.run(options)", DEFAULT_OPTIONS | options)["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
        if not any(found["id"] in rules and lies_in(page, node, part) for part, rules in STREAMLIT.items())
    ]


def lies_in(page, node, part):
    """Whether what axe found lies in a part of Streamlit's own frame."""
    return page.evaluate(
        "([found, part]) => Boolean(document.querySelector(found)?.closest(part))", [node["target"][0], part]
    )


# Every text that the box of the prediction has shown, picture by picture: a box that vanishes moves all below it.
SEEN = """() => {
  window.__seen = [];
  const look = () => {
    if (!window.__seen) return;
    const text = document.querySelector(".st-key-prediction")?.innerText ?? "";
    if (window.__seen.at(-1) !== text) window.__seen.push(text);
    requestAnimationFrame(look);
  };
  look();
}"""
SEEN_EMPTY = """() => {
  const empty = window.__seen.filter((text) => !text.trim());
  window.__seen = null;  // to look at every picture costs as much as to draw it
  return empty;
}"""


@every_lesson
def test_a_page_opens_is_answered_on_a_phone_and_follows_the_hand(visit, watch, lesson):
    """One visit, since to load a page costs most: opened wide and light, then narrow and dark, then wide again."""
    page = visit(address(lesson.slug))
    assert page.locator("h1").inner_text() == lesson.question  # the only one: the sketch has gone
    assert driver.stage_state(page, lesson.slug)["framesDrawn"] > 0
    assert page.locator(".inv-veiled").count() == 1
    assert banner_lies_off_the_figure(page)
    assert cut_titles(page) == []
    assert barriers(page) == []
    driver.resize(page, driver.PHONE, scheme="dark")
    answers_on_a_phone_by_keyboard_alone(page, lesson)
    driver.resize(page, driver.DESKTOP, scheme="light")
    is_seen_at_once_and_follows_the_hand(page, watch, lesson)
    page.get_by_text("For the instructor").click()
    page.wait_for_timeout(300)
    assert barriers(page) == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    assert barriers(page, runOnly=["color-contrast", "link-in-text-block"]) == []  # all that another scheme changes


def answers_on_a_phone_by_keyboard_alone(page, lesson):
    """Nothing is wider than the phone, and everything is reached and answered without a pointer."""
    assert driver.horizontal_overflow(page) == []
    assert cut_titles(page) == []
    assert banner_lies_off_the_figure(page)
    before = drawn(page)
    page.evaluate(SEEN)
    answered_by_keyboard(page, lesson)
    asked = page.locator(ASKED)
    asked.get_by_role("link").wait_for(timeout=driver.PATIENCE)
    said = asked.inner_text()
    if lesson.slug not in AFTER_A_BUTTON:
        assert verdict_is_given(lesson, said)
        assert drawn(page) != before
    assert "What the run shows" in page.locator(".st-key-answer").inner_text()
    assert page.evaluate(SEEN_EMPTY) == []  # at no moment was it gone
    assert "Computed by JAX" in page.locator(".st-key-foot").inner_text()
    settled(page, lesson.slug)
    reached = {name for name in walk_by_tab(page) if name}
    named = {c.name for c in lesson.controls if isinstance(c, Slider | Step) and shown_at_first(c, lesson)}
    assert named <= reached, named - reached
    assert driver.horizontal_overflow(page) == []
    assert barriers(page) == []


def is_seen_at_once_and_follows_the_hand(page, watch, lesson):
    """Question, figure and controls are seen together, without scrolling, and no scrubbed slider asks the server."""
    bottom = page.evaluate("() => document.querySelector('.inv-controls').getBoundingClientRect().bottom")
    assert bottom <= driver.DESKTOP[1]
    assert page.evaluate("() => document.querySelector('h1').getBoundingClientRect().top") >= 0
    assert cut_titles(page) == []
    for slider in (c for c in lesson.controls if isinstance(c, Slider) and c.swept):
        if not slider.applies(lesson.defaults):
            continue
        sweeps_are_here(page, lesson.slug, slider.name)
        sent, first = len(watch.sent), drawn(page)
        pictures = {first}
        for frame in (3, 40):
            stage(page, lesson.slug, f"scrub({slider.name!r}, {frame})")
            pictures.add(drawn(page))
        assert len(pictures) >= 2, f"{slider.name} changes nothing"
        assert len(watch.sent) == sent, f"{slider.name} asked the server"


def banner_lies_off_the_figure(page):
    """Whether "Predict first" is to be seen, and covers no panel."""
    return page.evaluate(
        """() => {
        const banner = document.querySelector(".inv-veil").getBoundingClientRect();
        const covers = (box) => box.left < banner.right && banner.left < box.right
          && box.top < banner.bottom && banner.top < box.bottom;
        const panels = [...document.querySelectorAll(".inv-panel")].map((panel) => panel.getBoundingClientRect());
        return panels.length > 0 && banner.width > 60 && banner.right <= innerWidth && !panels.some(covers);
      }"""
    )


def cut_titles(page):
    """Titles of panels that end in three dots."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".inv-title")].filter((e) => e.scrollWidth > e.clientWidth + 1)
        .map((e) => e.textContent)"""
    )


def shown_at_first(control, lesson):
    """Whether a control stands open on the page: the others are folded away under a heading that Tab reaches."""
    return getattr(control, "group", "main") == "main" and (
        not isinstance(control, Slider) or control.applies(lesson.defaults)
    )


def answered_by_keyboard(page, lesson):
    """Tab to the prediction, choose with a key where there is a choice, and confirm with another."""
    for _ in range(80):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => { const e = document.activeElement, box = e.closest('.st-key-prediction');
            return !box ? "" : e.type === "radio" ? "radio" : e.tagName === "BUTTON" ? e.innerText : "" }"""
        )
        if at == "radio":
            page.keyboard.press("Space")
        if at == CONFIRM:
            page.keyboard.press("Enter")
            break
    assert page.evaluate("document.activeElement.getAttribute('role')") == "status"  # where the verdict is read aloud
    page.wait_for_selector(OPEN, timeout=driver.PATIENCE)
    driver.wait_until_idle(page)


def walk_by_tab(page):
    """The names of the controls that Tab passes, from the top of the page to its end."""
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0) }")
    found = []
    for _ in range(120):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => { const e = document.activeElement;
            return e === document.body ? null : e.closest('[data-control]')?.dataset.control ?? "" }"""
        )
        if at is None and found:
            break
        found.append(at)
    return found
