"""A prediction in a student's hands: chosen, confirmed, judged, tried again, and kept by the browser."""

import csv
import io
import json
import re

import pytest

from lessons import lessons
from tests.browser import driver
from tests.browser.hands import ASKED, CONFIRM, OPEN, UNSURE, predict, settled
from tests.browser.wire import Wire

CRUX = lessons()["crux"]
OPTIONS = [option.text for option in CRUX.prediction.options]
RIGHT = OPTIONS.index(CRUX.prediction.right(CRUX.experiment())[0])
LOST = ("ERR_", "WebSocket", "_stcore", "Failed to load")
KEPT = "() => JSON.parse(localStorage['inversion.answers'] ?? '[]')"

# From the first moment of a page on: whether it asks, or bids to predict first.
ASKS_EVER = """
  window.__asked = [];
  const look = () => {
    if (document.querySelector(".inv-veiled")) window.__asked.push("veiled");
    if (document.querySelector(".st-key-prediction fieldset")) window.__asked.push("question");
    requestAnimationFrame(look);
  };
  look();
"""
DENIED = """
  const denied = { configurable: true, get() { throw new DOMException("denied", "SecurityError"); } };
  for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, denied);
"""


def confirm(page):
    return page.locator(ASKED).get_by_role("button", name=CONFIRM)


def judged(page):
    """The verdict on the page, once there is one."""
    page.locator(f"{ASKED} a").wait_for(timeout=driver.PATIENCE)
    return page.locator(f"{ASKED} .inv-verdict").inner_text()


def active(page, what):
    return page.evaluate(f"document.activeElement.{what}")


def test_the_keys_choose_any_answer_and_only_the_button_confirms_it(visit, watch):
    page = visit("crux")
    driver.stage_state(page, "crux")
    sent = len(watch.sent)
    assert confirm(page).is_disabled()
    page.locator(f"{ASKED} input").first.focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    assert page.locator(f"{ASKED} input").nth(2).is_checked() and active(page, "type") == "radio"
    assert len(watch.sent) == sent and page.locator(".inv-veiled").count() == 1  # nothing is committed
    page.keyboard.press("Tab")
    assert active(page, "innerText") == CONFIRM
    page.keyboard.press("Space")
    assert active(page, "getAttribute('aria-live')") == "polite"  # the verdict comes where the focus is
    said = judged(page)
    assert OPTIONS[2] in said and active(page, "innerText") == said
    page.keyboard.press("Tab")
    assert active(page, "innerText") in ("Try again", "Ask me again")


def test_the_mouse_may_change_its_mind_and_the_figure_ends_at_the_step_of_the_question(visit):
    lesson = lessons()["four-ways"]
    step = lesson.defaults["step"]
    page = visit("four-ways")
    assert driver.stage_state(page, "four-ways")["step"] == step
    for choice in (1, 0, 2):
        page.locator(f"{ASKED} label").nth(choice).click()
    assert page.locator(".inv-veiled").count() == 1
    confirm(page).click()
    assert lesson.prediction.options[2].text in judged(page)
    settled(page, "four-ways")
    driver.wait_until_idle(page)
    state = driver.stage_state(page, "four-ways")
    last = next(control.high for control in lesson.controls if control.kind == "step")
    assert state["step"] == state["settings"]["step"] == step < last and "step=" not in page.url


@pytest.mark.parametrize("viewport", [driver.PHONE], ids=["phone"])
@pytest.mark.parametrize("slug", ["crux", "heat", "units"])
def test_a_finger_answers_each_kind_of_question(visit, slug):
    page = visit(slug)
    driver.stage_state(page, slug)
    if slug == "crux":
        page.locator(f"{ASKED} label").nth(1).tap()
    if slug == "heat":
        scale = page.locator(f"{ASKED} input[type=range]").bounding_box()
        page.touchscreen.tap(scale["x"] + 0.8 * scale["width"], scale["y"] + scale["height"] / 2)
    if slug == "units":
        area = page.locator("[data-panel=x] .inv-overlay")
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        page.touchscreen.tap(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
        driver.wait_until_idle(page)
    assert all(
        box["height"] >= 44 for box in (one.bounding_box() for one in page.locator(f"{ASKED} :is(button, label)").all())
    )
    before = page.locator(f"{ASKED} output").inner_text() if slug == "heat" else ""
    confirm(page).tap()
    said = judged(page)
    assert page.locator(OPEN).count() == 1
    places = lessons()["heat"].prediction.places()
    middle = lessons()["heat"].prediction.say(places[len(places) // 2])
    assert {"crux": OPTIONS[1], "heat": before, "units": "You pointed at"}[slug] in said and before != middle


@pytest.mark.parametrize("slug", ["heat", "units"])
def test_who_does_not_know_is_told(visit, slug):
    page = visit(slug)
    page.locator(ASKED).get_by_role("button", name=UNSURE).click()
    assert "The run shows" in judged(page) and "You said" not in judged(page)


def test_another_try_is_asked_at_the_settings_in_force_and_both_answers_are_listed(visit):
    page = visit("crux", alpha=2)
    predict(page, (RIGHT + 1) % 3)
    settled(page, "crux")
    page.locator("[data-control=alpha] input[type=range]").focus()
    page.keyboard.press("Home")
    page.wait_for_url(re.compile(r"alpha=0\.25"), timeout=driver.PATIENCE)  # a run of before may end meanwhile
    driver.wait_until_idle(page)
    page.get_by_role("button", name="Try again").click()
    page.locator(".inv-veiled").wait_for(timeout=driver.PATIENCE)
    page.locator(f"{ASKED} legend", has_text="α = 0.25").wait_for(timeout=driver.PATIENCE)
    assert active(page, "type") == "radio"
    driver.wait_until_idle(page)
    right = CRUX.prediction.right(CRUX.experiment(alpha=0.25))[0]
    predict(page, OPTIONS.index(right))
    assert "Right" in judged(page)
    page.get_by_role("button", name="Ask me again").wait_for(timeout=driver.PATIENCE)
    page.get_by_role("link", name="All my predictions").click()
    page.locator(".inv-said li").nth(1).wait_for(timeout=driver.PATIENCE)
    first, second = page.locator(".inv-said li").all_inner_texts()
    assert "α = 2" in first and "α = 0.25" in second and "Right" in second
    assert page.locator(".inv-count").inner_text().startswith("2 answers on 1 of")


def test_a_reload_and_a_new_session_find_the_page_answered_at_once(visit, page, server):
    visit("crux")
    predict(page, 1)
    said = judged(page)
    page.add_init_script(ASKS_EVER)
    page.reload()
    driver.wait_until_idle(page)
    assert judged(page) == said and page.evaluate("window.__asked") == []
    page.get_by_role("heading", name="Why", exact=True).wait_for(timeout=driver.PATIENCE)
    settled(page, "crux")
    # What the browser has kept is all that a later day needs.
    later = page.context.browser.new_context(storage_state=page.context.storage_state())
    other = later.new_page()
    other.add_init_script(ASKS_EVER)
    driver.open_page(other, server.url, "crux", alpha=2)
    assert judged(other) == said and other.evaluate("window.__asked") == []
    assert driver.stage_state(other, "crux")["settings"]["alpha"] == 2.0
    driver.open_page(other, server.url, "predictions")
    assert OPTIONS[1] in other.locator(".inv-said li").inner_text()
    later.close()


def test_an_answer_without_network_is_kept_and_counts_when_it_is_back(page, server):
    wire = Wire(server.port)
    page.watch.host = wire.url.removeprefix("http://")
    page.watch.expect(*LOST)
    try:
        driver.open_page(page, wire.url, "crux")
        driver.stage_state(page, "crux")
        wire.cut()
        page.wait_for_selector('[data-testid="stApp"]:not([data-test-connection-state="CONNECTED"])', state="attached")
        page.locator(f"{ASKED} label").nth(1).click()
        confirm(page).click()
        assert "kept in this browser" in page.locator(f"{ASKED} .inv-verdict").inner_text()
        assert [one["said"] for one in page.evaluate(KEPT)] == [OPTIONS[1]]
        wire.mend()
        assert OPTIONS[1] in judged(page)
        page.wait_for_selector(OPEN, timeout=driver.PATIENCE)
        driver.wait_until_idle(page)
        kept = page.evaluate(KEPT)
        assert len(kept) == 1 and OPTIONS[1] in kept[0]["verdict"] and isinstance(kept[0]["right"], bool)
    finally:
        wire.close()


def test_a_browser_that_denies_storage_answers_and_says_that_it_keeps_nothing(visit, page):
    page.add_init_script(DENIED)
    visit("train")
    predict(page)
    page.get_by_role("button", name="Train").wait_for(timeout=driver.PATIENCE)
    page.get_by_role("link", name="All my predictions").click()
    page.locator(".inv-said li").wait_for(timeout=driver.PATIENCE)
    assert "keeps nothing" in page.locator(".inv-said").inner_text()


FOREIGN = '![x](http://elsewhere.example/p.png) <img src="http://elsewhere.example/q.png"> **b** $x$'


def test_what_somebody_has_written_into_the_storage_is_text_and_bounded(visit, page):
    visit("glossary")
    own = {"slug": "crux", "kind": "prediction", "question": FOREIGN, "query": "alpha=2", "words": FOREIGN}
    own |= {"verdict": FOREIGN, "right": True, "when": FOREIGN}
    entries = [{**own, "id": f"n{k}", "said": OPTIONS[0], "question": "q" * 5000} for k in range(500)]
    entries += [None, 3, {**own, "id": "p", "said": {"a": 1}}, {**own, "id": "s", "slug": "//elsewhere.example/"}]
    entries += [{**own, "id": "t", "slug": "train", "said": lessons()["train"].prediction.options[0].text, "query": ""}]
    page.evaluate("all => { localStorage['inversion.answers'] = JSON.stringify(all) }", entries)
    visit("predictions")
    page.locator(".inv-said li").first.wait_for(timeout=driver.PATIENCE)
    items = page.locator(".inv-said li")
    assert items.count() <= 200 and FOREIGN in items.last.inner_text()
    assert all(len(text) < 5000 for text in items.all_inner_texts())
    assert page.locator(".inv-said img").count() == 0
    assert not page.locator(".inv-said a[href*=elsewhere]").count()
    visit("train")  # its run cannot be repeated: what was kept is shown
    assert FOREIGN in judged(page) and page.locator(".st-key-prediction img").count() == 0
    page.evaluate("localStorage['inversion.answers'] = '{not json'")
    visit("crux")
    confirm(page).wait_for(timeout=driver.PATIENCE)


def test_the_list_opens_its_runs_is_saved_and_forgotten(visit, page):
    visit("crux", alpha=2)
    predict(page, 1)
    page.get_by_role("link", name="All my predictions").click()
    link = page.get_by_role("link", name="Open the page at these settings")
    link.wait_for(timeout=driver.PATIENCE)
    driver.wait_until_idle(page)
    assert link.get_attribute("href").startswith("crux?") and "alpha=2" in link.get_attribute("href")
    saved = {}
    for kind in ("JSON", "CSV"):
        with page.expect_download() as begun:
            page.get_by_role("button", name=f"Save as {kind}").click()
        saved[kind] = begun.value.path().read_text(encoding="utf-8-sig")
    (row,) = json.loads(saved["JSON"])
    assert (row["answer"], row["settings"], row["page"]) == (OPTIONS[1], "alpha=2", CRUX.title)
    (line,) = csv.DictReader(io.StringIO(saved["CSV"]))
    assert line["answer"] == OPTIONS[1] and line["run"] == row["run"] and line["question"] == row["question"]
    link.click()
    driver.stage_state(page, "crux")
    assert driver.stage_state(page, "crux")["settings"]["alpha"] == 2.0 and page.locator(OPEN).count() == 1
    page.go_back()
    page.get_by_role("button", name="Forget all my answers").click()
    assert active(page, "innerText") == "Keep them"  # the safe one first
    page.keyboard.press("Enter")
    assert len(page.evaluate(KEPT)) == 1 and active(page, "innerText") == "Forget all my answers"
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Forget them").click()
    page.locator(".inv-count", has_text="nothing yet").wait_for(timeout=driver.PATIENCE)
    assert page.evaluate(KEPT) == []
    page.wait_for_function("() => !document.cookie.includes('crux')", timeout=driver.PATIENCE)
    driver.wait_until_idle(page)
    visit("crux")
    confirm(page).wait_for(timeout=driver.PATIENCE)
    assert page.locator(".inv-veiled").count() == 1
