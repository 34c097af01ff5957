"""Drawings as Plotly figures: what is not finite ends a path and is a gap in a curve."""

from itertools import pairwise

import numpy as np
import pytest

from lessons.figures import Axis, Drawing, Line, Panel, figure

VALUES = np.array([1.0, np.inf, 3.0])


def drawn(role):
    line = Line("line", "panel", np.arange(3.0), VALUES, role=role)
    panel = Panel("panel", "title", Axis("x", (0, 1)), Axis("y", (0, 1)), big=True)
    return np.asarray(figure(Drawing((panel,), (line,))).data[0].y)


@pytest.mark.parametrize(("role", "shown"), [("path", [1.0]), ("curve", [1.0, np.nan, 3.0])])
def test_what_is_not_finite(role, shown):
    np.testing.assert_array_equal(drawn(role), shown)


def test_the_rows_of_a_segment_may_share_one_coordinate():
    rows = np.array([[1.0, 2.0], [3.0, 4.0]])
    panel = Panel("panel", "title", Axis("x", (0, 1)), Axis("y", (0, 1)), big=True)
    lines = (Line("shared", "panel", np.arange(2.0), rows, role="segment"),)
    shown = figure(Drawing((panel,), lines, step=1)).data[0]
    np.testing.assert_array_equal([shown.x, shown.y], [[0, 1], [3, 4]])


def test_no_two_panels_lie_on_each_other():
    panels = [
        Panel(name, name, Axis("x", (0, 1)), Axis("y", (0, 1)), big) for name, big in zip("abc", (1, 1, 0), strict=True)
    ]
    lines = tuple(Line(name, name, [0.0, 1.0], [0.0, 1.0]) for name in "abc")
    shown = figure(Drawing(tuple(panels), lines))
    spans = sorted(tuple(shown.layout[trace.xaxis.replace("x", "xaxis")].domain) for trace in shown.data)
    assert all(left[1] < right[0] for left, right in pairwise(spans))
