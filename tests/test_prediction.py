"""What is said beside what the run shows: choices, numbers on a scale, points of the figure."""

import numpy as np
import pytest

from lessons.prediction import Aim, Estimate, Option, Prediction, plain

CHOICE = Prediction(
    "Is y* reached at {alpha:.2g}?",
    (Option("yes, y* is", lambda result: result["value"] > 1), Option("no", lambda result: result["value"] <= 1)),
    remark="It is y* that counts.",
)
RATIO = Estimate("How many times?", 1.0, 1000.0, lambda result: result["value"], 2.0, "log", "times")
ANGLE = Estimate("Which angle?", 0.0, 90.0, lambda result: result["value"], 5.0, unit="°")
POINT = Aim("Where?", "guess", lambda result: result["value"], 0.5)


def test_a_choice_is_judged_by_the_run():
    assert CHOICE.right({"value": 2}) == ["yes, y* is"] and CHOICE.right({"value": 0}) == ["no"]
    assert CHOICE.verdict("no", {"value": 0}) == "**Right**: no. It is y\\* that counts."
    wrong = CHOICE.verdict("no", {"value": 2})
    assert (
        wrong.startswith("**Not so.** You said “no”; the run shows: **yes, y\\* is**.") and "y\\* that counts" in wrong
    )
    assert CHOICE.verdict(None, {"value": 2}).startswith("The run shows: **yes, y\\* is**.")


def test_the_feedback_answers_the_choice_that_was_made():
    holds = [lambda result, n=n: result["value"] == n for n in range(3)]
    choice = Prediction(
        "?",
        (
            Option("a", holds[0], "A is tempting."),
            Option("b", holds[1], lambda result: f"B would need a {result['value'] - 1}."),
            Option("c", holds[2]),
        ),
        remark="That is why.",
    )
    said = {option.text: choice.verdict(option.text, {"value": 2}) for option in choice.options}
    assert "A is tempting" in said["a"] and "B would need a 1" in said["b"]
    assert (
        "tempting" not in said["b"] and "tempting" not in said["c"] and all("That is why." in s for s in said.values())
    )
    assert "tempting" not in choice.verdict("a", {"value": 0})  # it was right


def test_where_the_question_has_no_single_answer_it_is_not_asked():
    torn = Prediction(
        "?",
        (Option("a", lambda result: False), Option("b", lambda result: False)),
        unasked=lambda result: "Both diverge." if result["value"] > 1 else "",
    )
    assert torn.unasked({"value": 2}) == torn.verdict("a", {"value": 2}) == "Both diverge."
    scale = Estimate("Which?", 0.0, 1.0, lambda result: 0.5, 0.1, unasked=torn.unasked)
    assert scale.verdict(0.5, {"value": 2}) == "Both diverge." and scale.verdict(0.5, {"value": 0}) != "Both diverge."


def test_a_number_that_is_off_is_told_on_which_side():
    assert "too high" in RATIO.verdict(100.0, {"value": 10.0}) and "too low" in RATIO.verdict(1.0, {"value": 10.0})
    near = RATIO.verdict(10.0, {"value": 11.0})
    assert near.startswith("**Close.**") and "too" not in near
    hint = Estimate("Which?", 0.0, 1.0, lambda result: 0.5, 0.1, feedback=lambda said, result: f"{said} is too much.")
    assert "0.9 is too much." in hint.verdict(0.9, {}) and "much" not in hint.verdict(0.5, {})


@pytest.mark.parametrize(("said", "right"), [(10.0, True), (19.0, True), (21.0, False), (5.1, True), (4.9, False)])
def test_on_a_logarithmic_scale_a_factor_is_close(said, right):
    assert RATIO.hits(said, {"value": 10.0}) is right
    assert RATIO.verdict(said, {"value": 10.0}).startswith("**Close.**") is right


@pytest.mark.parametrize(("said", "right"), [(40.0, True), (45.0, True), (45.1, False), (34.9, False)])
def test_on_a_linear_scale_a_distance_is_close(said, right):
    assert ANGLE.hits(said, {"value": 40.0}) is right


@pytest.mark.parametrize("truth", [np.nan, np.inf, -np.inf])
def test_a_truth_that_is_no_number_is_hit_by_nobody_and_put_into_words(truth):
    for estimate in (RATIO, ANGLE):
        assert not estimate.hits(10.0, {"value": truth})
        assert ("infinity" in estimate.verdict(10.0, {"value": truth})) is bool(np.isinf(truth))


def test_zero_on_a_logarithmic_scale_is_hit_by_nobody():
    assert not RATIO.hits(1.0, {"value": 0.0})


def test_the_places_of_a_scale_are_different_and_reach_both_ends():
    for estimate in (RATIO, ANGLE):
        places = estimate.places()
        assert (places[0], places[-1]) == (estimate.low, estimate.high)
        assert len(set(places)) == len(places) and sorted(places) == places


def test_a_point_is_judged_by_its_distance():
    assert POINT.hits((1.0, 2.4), {"value": np.array([1.0, 2.0])})
    assert not POINT.hits((1.0, 2.6), {"value": np.array([1.0, 2.0])})
    assert "0.6 away" in POINT.verdict((1.0, 2.6), {"value": np.array([1.0, 2.0])})
    assert POINT.verdict(None, {"value": np.array([1.0, 2.0])}).startswith("The run shows: **(1, 2)**.")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 8e39, -1e5])
def test_a_point_that_no_figure_shows_is_put_into_words(value):
    result = {"value": np.array([value, 0.0])}
    assert not POINT.hits((0.0, 0.0), result)
    assert POINT.verdict(None, result).startswith("The run shows: **farther away than any figure shows**.")
    said = POINT.verdict((1.0, 2.0), result)
    assert said.startswith(
        "**Not close.** You pointed at (1, 2); the run shows **farther away than any figure shows**."
    )


def test_impossible_scales_are_refused():
    for low, high, scale, close in ((1, 1, "linear", 1), (0, 1, "log", 2), (0, 1, "linear", 0), (1, 2, "log", 1)):
        with pytest.raises(ValueError, match="Which"):
            Estimate("Which?", low, high, float, close, scale)
    with pytest.raises(ValueError, match="sqrt"):
        Estimate("Which?", 1, 2, float, 2, "sqrt")


def test_a_star_is_a_star():
    assert plain("y* and *y*") == "y\\* and \\*y\\*"
