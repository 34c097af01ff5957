"""Every sentence that a lesson says and every line that it draws, at settings over the whole range, in this precision.

What belongs to each lesson stands in tests/shown/<lesson>.py. tests/test_single.py runs this file in float32.
"""

import importlib
import re

import numpy as np
import pytest

from lessons import lessons
from lessons.controls import Slider
from lessons.figures import METHODS
from lessons.prediction import Prediction
from tests.shown import kit

LESSONS = lessons()
SHOWN = {slug: importlib.import_module(f"tests.shown.{name}") for slug, name in kit.files(LESSONS).items()}
every_lesson = pytest.mark.parametrize("slug", SHOWN)


def results(slug):
    """The runs that a lesson's sentences and lines are held against.

    What is drawn is looked at for some of them, by an odd stride: choices may alternate, and an even one would miss
    half.
    """
    return kit.runs(LESSONS[slug])


def at(result):
    """The settings of a result, for the message of a failure."""
    return ", ".join(f"{name}={value!r}" for name, value in result["settings"].items())


def said_of(lesson, result):
    """All sentences that the page may say of this run, each once; claims hold what a quiz says."""
    texts = [lesson.reading(result)]
    if lesson.prediction.ready(result):
        texts += kit.remarks(lesson.prediction, result)
    return list(dict.fromkeys(sentence for text in texts for sentence in kit.sentences(text)))


@every_lesson
def test_every_sentence_is_true_of_its_run(slug):
    lesson, says, met, wrong = LESSONS[slug], SHOWN[slug].SAYS, set(), []
    for result in results(slug):
        for sentence in said_of(lesson, result):
            matches = [(one, match) for one in says if (match := re.fullmatch(one.pattern, sentence))]
            if len(matches) != 1:
                wrong.append(f"{len(matches)} statements know this sentence: {sentence}  [{at(result)}]")
                continue
            ((one, match),) = matches
            met.add(one.pattern)
            if not one.holds(result, match):
                wrong.append(f"false: {sentence}  [{at(result)}]")
    assert not wrong, f"{len(wrong)} of the sentences, such as\n" + "\n".join(wrong[:12])
    assert [one.pattern for one in says if one.pattern not in met] == [], "never said at any of the settings"


@every_lesson
def test_a_reading_is_short_and_well_formed(slug):
    lesson, wrong = LESSONS[slug], []
    for result in results(slug):
        text = lesson.reading(result)
        parts, numbers = kit.sentences(text), kit.numerals(text)
        if len(parts) > kit.MOST_SENTENCES or len(numbers) > kit.MOST_NUMBERS:
            wrong.append(f"{len(parts)} sentences, {len(numbers)} numbers {numbers}: {text}  [{at(result)}]")
        texts = [text, *(kit.remarks(lesson.prediction, result) if lesson.prediction.ready(result) else [])]
        wrong += [f"{slip!r} in: {text}  [{at(result)}]" for text in texts for slip in kit.slips(text)]
    assert not wrong, f"{len(wrong)} slips, such as\n" + "\n".join(wrong[:12])


@every_lesson
def test_exactly_one_option_is_right_or_the_page_does_not_ask(slug):
    prediction, wrong = LESSONS[slug].prediction, []
    asked = 0
    for result in results(slug):
        if prediction.unasked(result) or not prediction.ready(result):  # the page asks for both before a run, too
            continue
        asked += 1
        if isinstance(prediction, Prediction):
            if len(right := prediction.right(result)) != 1:
                wrong.append(f"{right}  [{at(result)}]")
        elif not np.all(np.isfinite(prediction.truth(result))):
            wrong.append(f"{prediction.truth(result)}  [{at(result)}]")
    assert not wrong, f"{len(wrong)} settings, such as\n" + "\n".join(wrong[:12])
    assert asked >= len(results(slug)) / 4, "the page hardly ever asks"


def same(drawn, wanted, scale):
    """To a millionth of what the axis shows; where float32 computes, to what can be seen."""
    drawn, wanted = np.asarray(drawn, float), np.asarray(wanted, float)
    coarse = 1 if kit.precision() == "float64" else 300
    close = np.isclose(drawn, wanted, rtol=1e-5 * coarse, atol=1e-6 * coarse * scale, equal_nan=True)
    close |= np.abs(wanted) > 1e30
    return drawn.shape == wanted.shape and bool(np.all(close))


@every_lesson
def test_every_line_and_mark_is_the_number_that_it_stands_for(slug):
    lesson, shown, wrong = LESSONS[slug], SHOWN[slug], []
    for result in results(slug)[::9]:
        drawing = lesson.draw(result)
        panels = {panel.id: panel for panel in drawing.panels}
        for items, known in ((drawing.lines, shown.DRAWN), (drawing.marks, getattr(shown, "MARKS", {}))):
            assert {item.id for item in items} <= set(known), f"not known: { ({i.id for i in items} - set(known)) }"
            for item in items:
                wanted = known[item.id](result)
                for axis, values in zip("xy", wanted, strict=True):
                    values = np.asarray(values, float)
                    scale = np.max(np.abs(values[np.isfinite(values)]), initial=1e-300)
                    shown_axis = getattr(panels[item.panel], axis)
                    if shown_axis.range and not shown_axis.log:
                        scale = min(max(scale, np.ptp(shown_axis.range)), 1e3 * np.ptp(shown_axis.range))
                    if not same(np.broadcast_to(getattr(item, axis), values.shape), values, scale):
                        wrong.append(f"{item.id}.{axis}  [{at(result)}]")
    assert not wrong, f"{len(wrong)} lines or marks, such as\n" + "\n".join(wrong[:12])


@every_lesson
def test_every_field_has_its_values_where_they_belong(slug):
    """At the corners and at places inside: a map that is turned or mirrored differs from the function there."""
    known, rng = getattr(SHOWN[slug], "FIELDS", {}), np.random.default_rng(0)
    for result in results(slug)[::19]:
        for field in LESSONS[slug].draw(result).fields:
            rows, columns = field.z.shape[-2:]
            x0, x1, y0, y1 = field.extent
            rounding = 1e-5 * max(1.0, float(np.nanmax(np.abs(field.z))))
            inside = rng.integers((rows, columns), size=(9, 2))
            for row, column in [(0, 0), (0, columns - 1), (rows - 1, 0), *inside]:
                x, y = x0 + (x1 - x0) * column / (columns - 1), y0 + (y1 - y0) * row / (rows - 1)
                wanted = known[field.id](x, y, result)
                np.testing.assert_allclose(field.z[row, column], wanted, rtol=1e-4, atol=rounding, err_msg=at(result))


@every_lesson
def test_axes_and_marks_are_named_and_a_method_has_its_label_and_style_everywhere(slug):
    lesson, shown = LESSONS[slug], SHOWN[slug]
    for result in results(slug)[::39]:
        drawing = lesson.draw(result)
        assert {panel.id: (panel.x.label, panel.y.label) for panel in drawing.panels} == kit.here(shown.AXES, result)
        assert {m.id: m.label for m in drawing.marks if m.label} == kit.here(getattr(shown, "LABELS", {}), result)
        labels = {style.label for style in METHODS.values()}
        named = [p for p in drawing.panels if labels & {name for _, name in p.y.ticks}]  # a row for each method
        rows = {(p.id, tick): name for p in named for tick, name in p.y.ticks}
        groups = kit.groups(lesson)
        for line in drawing.lines:
            assert not line.method or line.id.split("/")[0] == line.method, line.id
            assert not line.group or not groups or line.group in groups, (line.id, line.group)
            if line.group in METHODS:
                style = METHODS[line.group]
                assert (line.style.label, line.style.colour) == (style.label, style.colour), line.id
            level = set(np.ravel(line.y).tolist())
            if line.group in METHODS and len(level) == 1 and (line.panel, *level) in rows:
                assert rows[line.panel, *level] == METHODS[line.group].label, line.id


@pytest.mark.parametrize("slug", [slug for slug in SHOWN if LESSONS[slug].table])
def test_every_cell_of_a_table_is_the_number_that_it_stands_for(slug):
    wrong = []
    for result in results(slug)[::9]:
        wrong += [f"{one}  [{at(result)}]" for one in SHOWN[slug].table_slips(LESSONS[slug].tables(result), result)]
    assert not wrong, "\n".join(wrong[:12])


@every_lesson
def test_a_landmark_lies_where_its_label_is_true(slug):
    lesson, wrong = LESSONS[slug], []
    known = getattr(SHOWN[slug], "LANDMARKS", {})
    marks = {f"{c.name}/{mark.label}": mark for c in lesson.controls if isinstance(c, Slider) for mark in c.landmarks}
    assert set(marks) == set(known)
    for name, mark in marks.items():
        for result in results(slug)[::9]:
            value = lesson.draw(result).numbers[mark.number] if mark.number else mark.value
            if not known[name](float(value), result):
                wrong.append(f"{name} at {value}  [{at(result)}]")
    assert not wrong, "\n".join(wrong[:12])
