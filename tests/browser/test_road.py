"""The whole road in a real browser: every page opens, answers a prediction, follows the hand, keeps its address."""

import re

import pytest

from tests.browser import driver
from tests.browser.hands import DRAWN, LESSONS, drawn, predict, settled, stage, sweeps_are_here


@pytest.mark.parametrize("viewport", [driver.PHONE], ids=["phone"])
def test_every_page_is_reached_by_navigation(visit):
    """By the links at the end of each page, through the whole course; on a phone, where each page is built anew."""
    page = visit()
    for lesson in LESSONS[1:]:
        page.locator(".st-key-onward a", has_text=f"{lesson.title}").last.click()
        here = "title => document.querySelector('h1')?.innerText === title"
        page.wait_for_function(here, arg=lesson.question, timeout=driver.PATIENCE)
        driver.wait_until_idle(page)
        assert page.url.split("?")[0].endswith("/" + lesson.slug)
        driver.stage_state(page, lesson.slug)
        assert driver.horizontal_overflow(page) == []


def test_the_question_stands_before_the_server_has_said_anything(visit, page, server):
    visit()  # by now the server knows the lessons
    page.route_web_socket(re.compile("/_stcore/stream"), lambda socket: None)  # and falls silent
    page.goto(f"{server.url}/crux")
    asked = next(lesson.question for lesson in LESSONS if lesson.slug == "crux")
    assert page.locator("#sketch h1").inner_text() == asked
    assert page.evaluate("document.querySelector('#sketch').checkVisibility()")
    bars, figure = "#sketch div i", "#sketch > i"
    assert all(
        height < 20 for height in page.locator(bars).evaluate_all("all => all.map(({ offsetHeight }) => offsetHeight)")
    )
    assert page.locator(figure).evaluate("({ offsetHeight }) => offsetHeight") > 300


def test_a_committed_change_makes_a_permalink_that_a_fresh_session_and_a_cold_server_restore(visit, watch, server):
    page = visit("crux")
    predict(page)
    settled(page, "crux")
    slider = page.locator("[data-control=alpha] input[type=range]")
    slider.focus()
    with watch.rerun():
        page.keyboard.press("ArrowLeft")
    changed = settled(page, "crux")["alpha"]
    assert changed < 4
    page.wait_for_url(re.compile("alpha="))
    link = page.url
    with driver.running() as cold:
        for url in (server.url, cold.url):
            other = page.context.browser.new_page()
            other.goto(link.replace(server.url, url))
            driver.wait_until_idle(other)
            assert driver.stage_state(other, "crux")["settings"]["alpha"] == pytest.approx(changed, rel=1e-4)
            other.close()


def test_back_restores_the_settings_before(visit, watch):
    page = visit("crux")
    predict(page)
    settled(page, "crux")
    with watch.rerun():
        page.locator("[data-control=axes] label", has_text="turned").click()
    page.wait_for_url(re.compile("axes=turned"))
    page.go_back()
    page.wait_for_function("() => window.__stages.crux.state().settings.axes === 'straight'", timeout=driver.PATIENCE)


def test_a_mangled_link_is_mended_and_says_so(visit):
    page = visit("four-ways", problem="nonsense", eta="7", start="1,zwei", colour="red")
    remarks = page.locator(".st-key-stage").inner_text()
    for name in ("problem", "eta", "start", "colour"):
        assert f"{name}" in remarks
    now = driver.stage_state(page, "four-ways")["settings"]
    assert now["problem"] == "squared"
    assert now["eta"] == 1.0
    assert now["start"] == [3.0, 3.0]


def test_a_click_sets_the_start_and_the_paths_begin_there(visit, watch):
    page = visit("four-ways")
    predict(page)
    settled(page, "four-ways")
    area = page.locator("[data-panel=x] canvas").bounding_box()
    with watch.rerun():
        page.mouse.click(area["x"] + area["width"] * 0.25, area["y"] + area["height"] * 0.75)
    now = settled(page, "four-ways")["start"]
    assert now == pytest.approx([-2.0, -2.0], abs=0.15)


LINES = "() => [...document.querySelectorAll('.inv-stage .js-line')].map(e => e.getAttribute('d')).join()"


def places(lines):
    """Every number in paths; Plotly, once it is told, writes one more digit."""
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", lines)]


def grabbed(page):
    """Press on the start point; returns where."""
    box = page.locator(".inv-handle [data-hit]").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    return x, y


def test_the_paths_follow_a_point_while_it_is_dragged(visit, watch):
    page = visit("four-ways")
    predict(page)
    settled(page, "four-ways")
    before, said = page.evaluate(LINES), len(watch.sent)
    x, y = grabbed(page)
    for k in range(1, 6):
        page.mouse.move(x - 15 * k, y + 6 * k)
        page.wait_for_function("k => window.__stages['four-ways'].state().fetched >= k", arg=k, timeout=driver.PATIENCE)
    page.wait_for_timeout(200)
    dragged = page.evaluate(LINES)
    assert dragged != before and len(watch.sent) == said  # no run of the page
    assert page.locator(".inv-stale").count() == 0
    with watch.rerun():
        page.mouse.up()
    page.wait_for_timeout(300)
    assert places(page.evaluate(LINES)) == pytest.approx(places(dragged), abs=0.11)  # the run brings the very picture


def test_what_a_busy_server_has_not_sent_comes_with_the_hand(visit, page):
    asked = []
    page.route("**/sweep/*?quiet", lambda route: (asked.append(route.request.url), route.fulfill(status=204)))
    visit("crux")
    predict(page)
    settled(page, "crux")
    page.wait_for_timeout(2500)
    assert len(set(asked)) == 1  # the other sliders wait, too
    assert not stage(page, "crux", "follows('alpha')") and not stage(page, "crux", "follows('eta')")
    page.locator("[data-control=eta]").hover()
    sweeps_are_here(page, "crux", "eta")
    assert not stage(page, "crux", "follows('alpha')")


def test_where_no_picture_can_be_fetched_a_dragged_point_is_drawn_when_it_is_let_go(visit, watch):
    page = visit("four-ways")
    predict(page)
    settled(page, "four-ways")
    watch.expect("/picture/")
    page.route("**/picture/**", lambda route: route.abort("failed"))
    before = page.evaluate(LINES)
    x, y = grabbed(page)
    page.mouse.move(x - 60, y + 30, steps=4)
    with watch.rerun():
        page.mouse.up()
    assert driver.stage_state(page, "four-ways")["fetched"] == 0
    page.wait_for_function(f"before => ({LINES})() !== before", arg=before, timeout=driver.PATIENCE)


def test_a_picture_that_comes_late_does_not_undo_back(visit, watch):
    page = visit("four-ways")
    predict(page)
    start = settled(page, "four-ways")["start"]
    page.wait_for_timeout(500)
    before = page.evaluate(LINES)
    late = []
    page.route("**/picture/**", lambda route: late.append(route))
    page.locator(".inv-handle").focus()
    with watch.rerun():
        page.keyboard.press("ArrowLeft")
    with watch.rerun():
        page.go_back()
    assert settled(page, "four-ways")["start"] == pytest.approx(start)
    assert late
    for route in late:
        with page.expect_response("**/picture/**"):
            route.continue_()
    page.wait_for_timeout(500)
    state = driver.stage_state(page, "four-ways")
    assert state["fetched"] == 0 and state["settings"]["start"] == pytest.approx(start)
    assert places(page.evaluate(LINES)) == pytest.approx(places(before), abs=0.11)


def test_the_start_is_moved_by_the_keyboard_alone(visit, watch):
    page = visit("four-ways")
    predict(page)
    before = settled(page, "four-ways")["start"]
    page.locator(".inv-handle").focus()
    with watch.rerun():
        page.keyboard.press("ArrowLeft")
    assert settled(page, "four-ways")["start"][0] < before[0]


def test_dipg_plays_step_by_step_over_the_map(visit):
    page = visit("dipg")
    predict(page)
    settled(page, "dipg")
    stage(page, "dipg", "resetFrames()")
    stage(page, "dipg", "play()")
    page.wait_for_timeout(700)
    first = stage(page, "dipg", "state()")["step"]
    early = drawn(page)
    page.wait_for_timeout(700)
    assert stage(page, "dipg", "state()")["step"] > first
    assert drawn(page) != early
    settled(page, "dipg")
    assert len(stage(page, "dipg", "frames()")["work"]) > 20


def test_a_deceptron_trains_live_to_its_end_and_rjcp_falls(visit):
    page = visit("train")
    predict(page, 2)
    untrained = page.locator(".st-key-answer").inner_text()
    assert "Nothing is trained yet" in untrained
    page.get_by_role("button", name="Train").click()
    page.wait_for_selector(".inv-progress:has-text('steps/s')", timeout=driver.PATIENCE)
    page.wait_for_selector(".inv-progress:has-text('Trained')", timeout=driver.PATIENCE)
    page.wait_for_selector(".st-key-answer:has-text('After 2,000 steps')", timeout=driver.PATIENCE)
    assert stage(page, "train", "state()")["sseUpdates"] > 20
    assert "Right" in page.locator(".st-key-prediction").inner_text()
    # D-IPG can now walk with this very model, on its own page, in the same session.
    page.locator(".st-key-onward a", has_text="D-IPG").last.click()
    page.wait_for_function("() => window.__stages?.dipg", timeout=driver.PATIENCE)
    predict(page)
    page.locator(".inv-controls summary", has_text="More settings").click()
    page.locator("[data-control=model_from] label", has_text="I trained").click()
    page.wait_for_url(re.compile("model_from=mine"))
    driver.wait_until_idle(page)
    assert "trained no Deceptron" not in page.locator(".st-key-stage").inner_text()


def test_training_is_paused_goes_on_survives_other_pages_and_stops(visit):
    page = visit("train", steps=8000)
    predict(page)
    page.get_by_role("button", name="Train").click()
    page.get_by_role("button", name="Pause").click(timeout=driver.PATIENCE)
    page.wait_for_selector(".inv-progress:has-text('Paused')", timeout=driver.PATIENCE)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_selector(".inv-progress:has-text('steps/s')", timeout=driver.PATIENCE)
    # To a page that trains nothing itself: it would slow this training down.
    page.locator(".st-key-find input").fill("Falling back")
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.__stages?.['fall-back']", timeout=driver.PATIENCE)
    page.go_back()
    page.wait_for_selector(".inv-progress:has-text('steps/s')", timeout=driver.PATIENCE)
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".inv-progress:has-text('Stopped')", timeout=driver.PATIENCE)
    page.get_by_role("button", name="Train again").wait_for(timeout=driver.PATIENCE)


def test_the_laboratorys_deceptron_is_trained_before_the_eyes(visit):
    page = visit("heat-1d")
    predict(page)
    settled(page, "heat-1d")
    prepared = drawn(page)
    page.get_by_role("button", name="Train it live").click()
    page.wait_for_selector(".inv-progress:has-text('steps/s')", timeout=driver.PATIENCE)
    early = drawn(page)
    page.wait_for_function("early => early !== " + DRAWN, arg=early, timeout=driver.PATIENCE)
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".inv-progress:has-text('Stopped')", timeout=driver.PATIENCE)
    driver.wait_until_idle(page)
    page.wait_for_function("prepared => prepared !== " + DRAWN, arg=prepared)  # so young a model walks otherwise
    page.get_by_role("button", name="Back to the prepared one").click()
    page.wait_for_function("prepared => prepared === " + DRAWN, arg=prepared)


def test_a_weight_is_moved_during_training(visit, watch):
    page = visit("train", steps=8000)
    predict(page)
    page.get_by_role("button", name="Train").click()
    page.wait_for_selector(".inv-progress:has-text('steps/s')", timeout=driver.PATIENCE)
    page.locator("[data-control=w_jcp] input[type=range]").focus()
    with watch.rerun():
        page.keyboard.press("End")
    page.wait_for_url(re.compile("w_jcp=3"))
    page.wait_for_selector(".inv-progress:has-text('steps/s')", timeout=driver.PATIENCE)
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".inv-progress:has-text('Stopped')", timeout=driver.PATIENCE)


def test_divergence_is_explained_and_leaves_the_page_usable(visit):
    page = visit("train", rate=1, w_jcp=3, pace="full")
    predict(page)
    page.get_by_role("button", name="Train").click()
    page.wait_for_selector(".inv-progress:has-text('diverged'), .inv-progress:has-text('Trained')", timeout=60_000)
    page.get_by_role("button", name="Train again").wait_for(timeout=driver.PATIENCE)


def test_two_tabs_share_answers_and_two_browsers_nothing_but_caches(visit, server):
    page = visit("crux")
    predict(page)
    settled(page, "crux")
    other = page.context.new_page()
    driver.open_page(other, server.url, "crux", alpha=2)
    assert driver.stage_state(other, "crux")["settings"]["alpha"] == 2.0
    assert driver.stage_state(page, "crux")["settings"]["alpha"] == 4.0
    stranger = page.context.browser.new_page()
    driver.open_page(stranger, server.url, "crux")
    driver.stage_state(stranger, "crux")
    assert stranger.locator(".inv-veiled").count() == 1  # in another browser nothing has been predicted
    stranger.close()


def test_a_link_opens_in_the_middle_of_a_walk(visit):
    page = visit("crux", step=3)
    assert driver.stage_state(page, "crux")["settings"]["step"] == 3
    predict(page)
    assert settled(page, "crux")["step"] == 3  # as far as the address says it plays, and no farther
