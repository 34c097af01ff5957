"""Controls: what is written is read back, what is mangled is moved or dropped with a remark, what is wrong is named."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons import lessons
from lessons.controls import Choice, Legend, Point, Preset, Slider, Step, Ticks, read_permalink, write_permalink

KINDS = (
    Slider("alpha", "α", 0.25, 8.0, 4.0, "log"),
    Slider("offset", "offset", -1.0, 1.0, 0.0),
    Choice("axes", "axes", {"straight": "along the axes", "turned": "turned"}, "straight"),
    Point("start", "start", "x", (-4.0, -2.0), (4.0, 2.0), (3.0, 1.0)),
    Step("step", "step", 40, 10),
    Ticks("methods", "methods", {"newton": "Newton", "adam": "Adam", "ig": "IG"}, ("ig", "newton"), 1),
    Legend("hide", ("newton", "adam", "momentum"), ("adam",)),
)
CONTROLS = {control.name: control for control in KINDS}
LESSONS = lessons()


def values(control):
    """Every value that a control may take."""
    match control:
        case Slider(step=step) if step is not None:
            return st.integers(0, int((control.high - control.low) / step)).map(lambda k: control.low + k * step)
        case Slider():
            return st.floats(control.low, control.high)
        case Choice():
            return st.sampled_from(sorted(control.options))
        case Point():
            return st.tuples(*(st.floats(low, high) for low, high in zip(control.low, control.high, strict=True)))
        case Step():
            return st.integers(0, control.high)
        case Ticks(options=options, least=least):
            return st.lists(st.sampled_from(list(options)), unique=True, min_size=least).map(control.check)
        case Legend():
            return st.lists(st.sampled_from(control.groups), unique=True).map(control.check)


def settings_of(controls):
    return st.fixed_dictionaries({control.name: values(control) for control in controls if control.name})


def same(control, a, b):
    """Six digits of a slider and five of a point are kept."""
    return np.allclose(a, b, rtol=1e-4, atol=1e-9) if isinstance(control, Slider | Point) else a == b


def round_trip(controls, settings):
    found, remarks = read_permalink(controls, write_permalink(controls, settings))
    assert remarks == []
    for control in controls:
        if control.name:
            restored = found.get(control.name, control.default)
            assert same(control, restored, settings[control.name]), control.name
            assert control.check(restored) == restored


@given(settings_of(KINDS))
def test_what_is_written_is_read_back(settings):
    round_trip(KINDS, settings)


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
@given(st.data())
def test_every_lessons_settings_survive_the_address(lesson, data):
    round_trip(lesson.controls, data.draw(settings_of(lesson.controls)))


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_a_lesson_at_its_defaults_has_a_plain_address(lesson):
    assert lesson.complete({}) == lesson.defaults
    assert write_permalink(lesson.controls, lesson.complete({})) == {}


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_presets_round_trip(lesson):
    for preset in (control for control in lesson.controls if isinstance(control, Preset)):
        round_trip(lesson.controls, lesson.complete(preset.settings))


JUNK = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["nan", "inf", "-inf", "1e999", "-1e999", "1,2,3", "1,nan", ",", "", " ", "None", "9" * 5000]),
    st.from_regex(r"-?[0-9_]{1,20}(\.[0-9]*)?(e-?[0-9]{1,3})?(,-?[0-9.]{1,20})?", fullmatch=True),
    st.floats().map(str),
    st.integers().map(str),
)


@pytest.mark.parametrize("controls", [KINDS, *(lesson.controls for lesson in LESSONS.values())], ids=["all", *LESSONS])
@given(st.data())
def test_no_mangled_link_raises(controls, data):
    names = [control.name for control in controls if control.name]
    query = data.draw(st.dictionaries(st.sampled_from(names) | st.text(max_size=10), JUNK, max_size=5))
    settings, remarks = read_permalink(controls, query)
    named = {control.name: control for control in controls if control.name}
    for name, value in settings.items():
        assert named[name].check(value) == value
    for name in query:
        if name not in settings:
            assert any(name in remark for remark in remarks)
    assert all(len(remark) < 200 for remark in remarks)


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("alpha", "99", 8.0),
        ("alpha", "-1e300", 0.25),
        ("offset", "0.5", 0.5),
        ("start", "9,-9", (4.0, -2.0)),
        ("start", "1,-9", (1.0, -2.0)),
        ("step", "41", 40),
        ("step", "-3", 0),
        ("step", "9" * 400, 40),
    ],
)
def test_out_of_range_is_moved_to_the_nearest_end(name, text, kept):
    settings, remarks = read_permalink(KINDS, {name: text})
    assert settings == {name: kept}
    if text == "0.5":
        assert remarks == []
    else:
        assert len(remarks) == 1 and name in remarks[0] and "out of range" in remarks[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("alpha", "four"),
        ("alpha", "nan"),
        ("alpha", "inf"),
        ("alpha", ""),
        ("axes", "sideways"),
        ("start", "1"),
        ("start", "1,2,3"),
        ("start", "1,inf"),
        ("step", "1.5"),
        ("hide", "newton,bfgs"),
        ("alhpa", "4"),
    ],
)
def test_nonsense_is_dropped_with_one_line(name, text):
    settings, remarks = read_permalink(KINDS, {name: text, "offset": "0.25"})
    assert settings == {"offset": 0.25}
    assert len(remarks) == 1 and name in remarks[0]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("alpha", 9.0, "alpha must be a number from 0.25 to 8, got 9.0"),
        ("alpha", math.nan, "alpha must be a number from 0.25 to 8"),
        ("alpha", "4", "alpha must be a number"),
        ("alpha", None, "alpha must be a number"),
        ("axes", "sideways", "axes must be one of straight, turned, got 'sideways'"),
        ("axes", ["straight"], "axes must be one of"),
        ("start", (5.0, 0.0), r"start must be a point between \(-4.0, -2.0\) and \(4.0, 2.0\)"),
        ("start", (math.nan, 0.0), "start must be a point"),
        ("start", 3.0, "start must be a point"),
        ("start", None, "start must be a point"),
        ("step", 41, "step must be a whole number from 0 to 40, got 41"),
        ("step", 1.5, "step must be a whole number"),
        ("step", math.inf, "step must be a whole number"),
        ("step", math.nan, "step must be a whole number"),
        ("hide", ("bfgs",), "hide names .*bfgs.*only newton, adam, momentum"),
        ("hide", 3, "hide"),
        ("hide", None, "hide"),
    ],
)
def test_check_names_the_control_and_its_range(name, value, told):
    with pytest.raises(ValueError, match=told):
        CONTROLS[name].check(value)


@pytest.mark.parametrize(
    ("name", "given_value", "kept"),
    [
        ("alpha", 4, 4.0),
        ("start", [1, 2], (1.0, 2.0)),
        ("step", 3.0, 3),
        ("hide", ["momentum", "newton"], ("newton", "momentum")),
        ("hide", [], ()),
    ],
)
def test_check_takes_what_a_browser_sends(name, given_value, kept):
    found = CONTROLS[name].check(given_value)
    assert found == kept and type(found) is type(kept)


def test_nothing_hidden_is_not_the_default():
    assert write_permalink(KINDS, {**{c.name: c.default for c in KINDS}, "hide": ()}) == {"hide": "none"}
    assert read_permalink(KINDS, {"hide": "none"}) == ({"hide": ()}, [])


def test_a_sliders_places_are_even_on_its_own_scale():
    np.testing.assert_allclose(np.diff(np.log(CONTROLS["alpha"].places(61))), np.log(32) / 60)
    np.testing.assert_allclose(CONTROLS["offset"].places(5), [-1, -0.5, 0, 0.5, 1])
    for slider in (c for lesson in LESSONS.values() for c in lesson.controls if isinstance(c, Slider)):
        places = slider.places(61)
        np.testing.assert_allclose([places[0], places[-1]], [slider.low, slider.high])


@pytest.mark.parametrize("wrong", [{"scale": "log", "low": 0.0}, {"scale": "cubic"}, {"default": 9.0}])
def test_an_impossible_slider_is_refused(wrong):
    good = {"name": "a", "label": "a", "low": 1.0, "high": 2.0, "default": 1.5}
    Slider(**good)
    with pytest.raises(ValueError, match="a"):
        Slider(**good | wrong)
