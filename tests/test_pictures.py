"""What a page asks the mathematics for."""

import pytest

from lessons import lessons
from pages.ui import pictures

LESSON = lessons()["limits"]


@pytest.mark.parametrize(
    ("disturb", "names"),
    [("noise", ["noise"]), ("stale", ["turn"]), ("shared", ["turn"]), ("box", ["half_width"]), ("range", [])],
)
def test_only_sliders_that_have_an_effect_are_swept(disturb, names):
    assert pictures.swept_sliders(LESSON, LESSON.complete({"disturb": disturb})) == names


def test_where_nothing_is_swept_nothing_is_left_to_compile():
    assert pictures.compiled(LESSON, LESSON.complete({"disturb": "range"}))
