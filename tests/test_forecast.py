"""How long work will still take, on clocks that are made up: no test here takes a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.forecast import Forecast

OFF = 1.5  # a forecast of the whole may be so many times too long or too short, from a tenth of the time on


def made_up(seed):
    """A run: [(kind, pieces, start)] in stretches of a kind as studies have them, seconds by kind, by start, pieces."""
    draw = np.random.default_rng(seed)
    kinds = int(draw.integers(1, 6))
    order = []
    for _ in range(draw.integers(1, 7)):
        for kind in range(kinds):
            order += [(kind, float(draw.choice([1, 1, 2])), ("start", kind))] * int(draw.integers(2, 13))
    seconds = {kind: 10 ** draw.uniform(-2, 0) for kind in range(kinds)}
    starts = {("start", kind): draw.uniform(0, 30) * seconds[kind] for kind in range(kinds)}
    left = {kind: sum(pieces for one, pieces, _ in order if one == kind) for kind in range(kinds)}
    return draw, order, seconds, starts, left


def played(order, seconds_of, starts_of, view, slower_from, slower):
    """(time, what the forecast then says of the whole) after each piece, and the true whole."""
    now, met, seen = 0.0, set(), []
    for kind, pieces, start in order:
        took = pieces * seconds_of[kind] + (0.0 if start in met else starts_of[start])
        took *= slower if now > slower_from else 1.0
        met.add(start)
        now += took
        view.did(kind, pieces, took, start)
        left = view.seconds()
        seen.append((now, None if left is None else now + left))
    return seen, now


def from_a_tenth_on(seen, whole):
    """What is shown from a tenth of the time on: the last forecast made before, then those made after."""
    before = [said for when, said in seen if when <= 0.1 * whole]
    return [*before[-1:], *[said for when, said in seen if when > 0.1 * whole]]


SEEDS = given(st.integers(0, 2**32 - 1))
MANY = settings(deadline=None, max_examples=300)


@MANY
@SEEDS
def test_a_machine_that_was_measured_and_then_slows_down(seed):
    """Kinds whose costs differ a hundredfold, slow starts, measured within 15 %; later all takes 1.3 times as long."""
    draw, order, seconds, starts, left = made_up(seed)
    rates = {kind: s * draw.uniform(0.87, 1.15) for kind, s in seconds.items()}
    firsts = {start: s * draw.uniform(0.87, 1.15) for start, s in starts.items()}
    end = sum(pieces * seconds[kind] for kind, pieces, _ in order) + sum(starts.values())
    view = Forecast(left, starts, rates, firsts)
    seen, whole = played(order, seconds, starts, view, draw.uniform(0, end), 1.3)
    for said in from_a_tenth_on(seen, whole):
        assert whole / OFF <= said <= whole * OFF
    assert view.seconds() == 0.0


@MANY
@SEEDS
def test_a_machine_that_was_busy_when_it_was_measured(seed):
    """All of a sort is off by the same factor: once a start and two pieces have been timed, nothing is off."""
    draw, order, seconds, starts, left = made_up(seed)
    pace, opening = draw.uniform(0.2, 5), draw.uniform(0.1, 8)
    rates = {kind: s / pace for kind, s in seconds.items()}
    firsts = {start: s / opening for start, s in starts.items()}
    view = Forecast(left, starts, rates, firsts)
    seen, whole = played(order, seconds, starts, view, np.inf, 1.0)
    assert [said for _, said in seen[1:]] == pytest.approx([whole] * (len(seen) - 1))


@MANY
@SEEDS
def test_nothing_is_invented_before_everything_was_timed(seed):
    """Without a measurement there is no forecast until each kind has come twice; from then on it holds."""
    draw, order, seconds, starts, left = made_up(seed)
    looks = [piece for kind in seconds for piece in [(kind, 1.0, ("start", kind))] * 2]
    left = {kind: pieces + 2 for kind, pieces in left.items()}
    view, now, met, said = Forecast(left, starts), 0.0, set(), []
    assert view.seconds() is None
    for kind, pieces, start in (*looks, *order):
        took = pieces * seconds[kind] * draw.uniform(0.8, 1.25) + (0.0 if start in met else starts[start])
        met.add(start)
        now += took
        view.did(kind, pieces, took, start)
        left_over = view.seconds()
        said.append(None if left_over is None else now + left_over)
    known = len(looks) - 1
    assert said[:known] == [None] * known
    assert all(now / OFF <= one <= now * OFF for one in said[known:])


def test_a_start_is_told_from_the_pieces_behind_it():
    view = Forecast({"row": 10}, ["program"])
    view.did("row", 1, 5.0, "program")
    assert view.seconds() is None  # how much of it was the start nobody knows yet
    view.did("row", 1, 0.5, "program")
    assert view.seconds() == pytest.approx(8 * 0.5)
    assert view.firsts() == {"program": pytest.approx(4.5)} and view.rates() == {"row": 0.5}


def test_the_newest_timings_weigh_most():
    view = Forecast({"step": 1000})
    for seconds in [1.0] * 100 + [2.0] * 100:
        view.did("step", 1, seconds)
    assert 1.9 * 800 < view.seconds() < 2.0 * 800
    assert view.rates()["step"] == pytest.approx(1.5)


def test_what_is_not_needed_after_all_costs_nothing():
    view = Forecast({"step": 10, "row": 2}, rates={"step": 1.0, "row": 5.0})
    view.skip("step", 10)
    assert view.seconds() == 10.0
    view.did("row", 2, 1.0)
    assert view.seconds() == 0.0
