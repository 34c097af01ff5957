"""What is drawn is what Python computed: lines, landscapes and marks, at the pixels where the numbers belong."""

import numpy as np
import pytest

from lessons.figures import METHODS
from tests.browser import expected
from tests.specimen import GROUPS, LEVELS, STEPS, Specimen

SPECIMEN = Specimen()


def test_every_line_lies_where_its_numbers_are_at_every_step(bench):
    drawing = bench.open(SPECIMEN)
    look = bench.look()
    expected.axes_agree(look, drawing.panels)
    assert expected.lines_agree(look, drawing) == len(drawing.lines)
    for step in (0, 1, 5, 7, 8, 10, 11, STEPS):
        assert expected.lines_agree(bench.call(f"scrub('step', {step})"), drawing, step) >= 7
    for step in (0.25, 6.5, 7.75, 9.5):
        expected.lines_agree(bench.call(f"scrub('step', {step})"), drawing, step)
