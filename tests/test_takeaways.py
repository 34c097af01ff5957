"""The code that a page gives away: short, plain, and it yields the very numbers of the figure, at any settings."""

import dataclasses

import numpy as np
import pytest

from lessons import lessons
from lessons.controls import Choice, Point, Slider, Step
from lessons.lab import runs, study_table
from lessons.lab.experiments import DIFFERENCED, FULL
from lessons.learned import setting

LESSONS = lessons()
every_lesson = pytest.mark.parametrize("slug", LESSONS)
MOST_LINES, WIDEST = 15, 88
# Where another number would only take longer: training is run to its end here.
ELSEWHERE = {
    "train": {"steps": 500.0, "rate": 0.02, "seed": 3.0},
    "studies": {"seeds": 1.0, "data_seeds": 1.0, "instances": 20.0, "training": 0.02},
}
# A lesson on training is also compared after it: the standard run, at its defaults.
TRAINED = {"train": lambda: setting.standard_fit("sine")}


def given(lesson, chosen):
    """What a job would have found; most lessons prepare what they need themselves."""
    if lesson.slug != "studies":
        return None
    plan = study_table.plan_of(lesson.complete(chosen))
    two = dataclasses.replace(plan, variants=(FULL,), methods=("gauss_newton", DIFFERENCED))
    return study_table.given_of(runs.run(two))


def elsewhere(lesson):
    """Every number somewhere else than at its default."""
    if lesson.slug in ELSEWHERE:
        return ELSEWHERE[lesson.slug]
    return {c.name: moved(c) for c in lesson.controls if isinstance(c, Slider | Step | Point)}


def moved(control):
    """A value about a third up the range of a number, on its own scale, as an address would write it."""
    match control:
        case Slider(step=None):
            return control.parse(f"{control.places(31)[11]:.3g}")
        case Slider():
            return control.parse(str(control.places(31)[11]))
        case Step(high=high):
            return high // 3
        case Point(low=low, high=high):
            x, y = (a + share * (b - a) for a, b, share in zip(low, high, (0.7, 0.65), strict=True))
            return control.parse(f"{x:.3g},{y:.3g}")


def places(lesson):
    """The settings to try: the defaults, and other numbers with every choice that the run is told at another option."""
    yield "defaults", {}
    chosen = {}
    for control in lesson.controls:
        if isinstance(control, Choice) and control.simulated:
            chosen[control.name] = next(option for option in reversed(control.options) if option != control.default)
    yield "elsewhere", elsewhere(lesson) | chosen


PLACES = [(slug, name, chosen) for slug, lesson in LESSONS.items() for name, chosen in places(lesson)]
every_place = pytest.mark.parametrize(
    ("slug", "chosen"),
    [(slug, chosen) for slug, _, chosen in PLACES],
    ids=[f"{slug}-{name}" for slug, name, _ in PLACES],
)


def run(lesson, settings):
    """What the code leaves behind, started with nothing."""
    left = {}
    exec(compile(lesson.takeaway.code(lesson.complete(settings)), f"<{lesson.slug}>", "exec"), left)
    return left


def compare(lesson, settings, result):
    numbers = lesson.takeaway.numbers(result)
    assert numbers, "no numbers to compare with"
    left = run(lesson, settings)
    for name, value in numbers.items():
        # What is 0 up to rounding is 0 up to another rounding in another program; in float32 that is 1e-7 of about 1.
        single = np.asarray(value).dtype == np.float32
        rtol, atol = (1e-5, 1e-6) if single else (1e-6, 1e-12)
        assert not single or left[name].dtype == np.float32, f"{name} is computed in another precision"
        np.testing.assert_allclose(left[name], value, rtol=rtol, atol=atol, err_msg=name)


@every_lesson
def test_a_lesson_says_what_it_uses_what_to_take_away_and_how_to_teach_it(slug):
    lesson = LESSONS[slug]
    assert lesson.symbols and len(set(lesson.symbols)) == len(lesson.symbols)
    assert lesson.takeaway is not None
    assert lesson.teaching.misconception and lesson.teaching.room
    assert 3 <= len(lesson.teaching.demo) <= 4 and all(said for said, _ in lesson.teaching.demo)


@every_place
def test_the_code_is_short_and_uses_nothing_but_the_mathematics(slug, chosen):
    lesson = LESSONS[slug]
    code = lesson.takeaway.code(lesson.complete(chosen))
    lines = code.strip().splitlines()
    assert len(lines) <= MOST_LINES and max(map(len, lines)) <= WIDEST, code
    sources = {line.split()[1].split(".")[0].rstrip(",") for line in lines if line.startswith(("import ", "from "))}
    assert sources <= {"core", "jax", "functools"}, sources


@every_place
def test_the_code_yields_the_numbers_of_the_figure(slug, chosen):
    lesson = LESSONS[slug]
    compare(lesson, chosen, lesson.experiment(given(lesson, chosen), **chosen))


@pytest.mark.parametrize("slug", TRAINED)
def test_the_code_yields_the_numbers_of_a_model_trained_to_the_end(slug):
    fit = TRAINED[slug]()
    compare(LESSONS[slug], {}, LESSONS[slug].experiment(fit.model) | {"history": fit.history})


@every_lesson
def test_other_settings_are_other_code(slug):
    lesson = LESSONS[slug]
    assert lesson.takeaway.code(lesson.complete(elsewhere(lesson))) != lesson.takeaway.code(lesson.defaults)
