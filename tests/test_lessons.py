"""Every lesson: what it claims, what it asks, and that no setting of its controls breaks picture or words."""

import dataclasses
import inspect
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import plotly.graph_objects as go
import pytest

from core import training
from lessons import lessons
from lessons.controls import Choice, Landmark, Legend, Point, Preset, Slider, Step
from lessons.inverse_gradients import singular
from lessons.lab.study_table import given_of
from lessons.learned import setting
from lessons.lesson import Lesson
from lessons.newton import cost
from lessons.prediction import Estimate, Option, Prediction, question_at
from lessons.scene import scene
from pages.ui.stage import pack, unpack
from tests.places import OTHERWISE
from tests.shown import kit
from tests.tables import made_up

LESSONS = lessons()
every_lesson = pytest.mark.parametrize("slug", LESSONS)
CLAIMS = {f"{slug}-{k}": (slug, claim) for slug, lesson in LESSONS.items() for k, claim in enumerate(lesson.claims)}


def trained(slug, chosen):
    """The model that a lesson works with, where it needs one, and the history that comes with it."""
    if slug == "newton-cost":
        return cost.given_of(cost.made_up()), {}
    if slug == "studies":
        return given_of(made_up(LESSONS[slug].complete(chosen))), {}
    if slug not in ("train", "dipg"):
        return None, {}
    fit = setting.standard_fit(chosen["problem"], chosen.get("architecture", "physics"))
    return fit.model, {"history": by_chunk(fit.history)} if slug == "train" else {}


def by_chunk(history):
    """A fit's history as a job records it: the mean of each chunk, and the steps done by then."""
    chunks = len(history["rjcp"])
    means = {name: values.reshape(chunks, -1).mean(1) for name, values in history.items()}
    return means | {"step": training.CHUNK * np.arange(1.0, chunks + 1)}


def at(slug, **chosen):
    """The lesson's result at these settings; a lesson on training is shown after it."""
    lesson = LESSONS[slug]
    model, history = trained(slug, lesson.complete(chosen))
    return lesson.experiment(model, **chosen) | history


@pytest.mark.parametrize("name", CLAIMS)
def test_claim(name):
    slug, claim = CLAIMS[name]
    value, holds = claim.check(LESSONS[slug])
    assert bool(holds), f"{claim.text} Measured: {value}"


@every_lesson
def test_every_lesson_claims_something_in_words(slug):
    lesson = LESSONS[slug]
    assert lesson.claims and all(claim.text.endswith(".") for claim in lesson.claims)
    texts = (lesson.title, lesson.question, lesson.text, lesson.why, lesson.limits, lesson.alt, *lesson.sources)
    assert all(texts) and lesson.sources and lesson.minutes > 0


def right(prediction, result):
    """What the run bears out: the right options, or the one number or point."""
    assert prediction.ready(result)
    if isinstance(prediction, Prediction):
        return prediction.right(result)
    return [np.round(np.atleast_1d(prediction.truth(result)).astype(float), 6).tolist()]


@every_lesson
def test_one_answer_is_right_at_the_defaults_and_another_elsewhere(slug):
    prediction = LESSONS[slug].prediction
    here, elsewhere = right(prediction, at(slug)), right(prediction, at(slug, **OTHERWISE[slug]))
    assert len(here) == 1, here
    assert elsewhere != here


def test_every_answer_about_the_crux_can_be_right():
    answers = [right(LESSONS["crux"].prediction, at("crux", alpha=alpha)) for alpha in (1.0, 1.6, 4.0)]
    assert [len(answer) for answer in answers] == [1, 1, 1] and len({answer[0] for answer in answers}) == 3


def test_every_answer_about_the_start_can_be_right():
    found = {answer for xi in (1.0, 1.4, 2.0, 4.0) for answer in right(LESSONS["start"].prediction, at("start", xi=xi))}
    assert found == {option.text for option in LESSONS["start"].prediction.options}


def test_every_answer_about_the_optimum_can_be_right():
    places = ({}, {"problem": "square"}, {"problem": "tanh", "distance": 2.0}, {"problem": "toy"})
    found = [right(LESSONS["near-optimum"].prediction, at("near-optimum", **place)) for place in places]
    assert {answer for one in found for answer in one} == {o.text for o in LESSONS["near-optimum"].prediction.options}


@pytest.mark.parametrize("start", [singular.ON_THE_LINE, (0.3, -1.0), (2.9, -1.0)])
def test_on_the_singular_line_there_is_no_step(start):
    lesson, result = LESSONS["singular"], at("singular", start=start)
    assert lesson.prediction.right(result) == ["there is no such step"]
    assert "the start is on the line itself" in lesson.prediction.verdict(None, result).lower()


STOPS = [
    (slug, number, settings)
    for slug, lesson in LESSONS.items()
    for number, (_words, settings) in enumerate(lesson.teaching.demo, start=1)
]


# On the fold the paths of gradient descent and the inverse simulator are straight; the others have none.
NONE_OF_THESE = [("four-ways", {"start": (3.0, 0.0)})]


@pytest.mark.parametrize(("slug", "settings"), [(s, c) for s, _, c in STOPS], ids=[f"{s}-{n}" for s, n, _ in STOPS])
def test_every_stop_of_a_demonstration_can_be_predicted_and_told(slug, settings):
    result = at(slug, **settings)
    assert tell(slug, result)
    if LESSONS[slug].prediction.ready(result) and (slug, settings) not in NONE_OF_THESE:
        assert "none of these" not in LESSONS[slug].prediction.verdict(None, result)


@pytest.mark.parametrize("slug", [slug for slug, lesson in LESSONS.items() if lesson.quiz])
def test_one_answer_to_a_quiz_is_right(slug):
    assert len(right(LESSONS[slug].quiz, at(slug))) == 1


def test_an_untrained_model_cannot_be_judged_yet():
    result = LESSONS["train"].experiment()
    assert not LESSONS["train"].prediction.ready(result)
    assert "Nothing is trained yet" in LESSONS["train"].reading(result)


def test_costs_are_told_as_far_as_they_are_measured():
    lesson, records = LESSONS["newton-cost"], cost.made_up()
    assert tell("newton-cost", lesson.experiment()) == "Nothing is measured yet. Press Measure."
    for done in range(1, len(records) + 1):
        result = lesson.experiment(cost.given_of(records[:done]))
        assert lesson.prediction.ready(result) == (done >= cost.LAST)
        said = tell("newton-cost", result)
        assert bool(lesson.tables(result)) == ("Newton step takes" in said) == (done >= cost.LAST)
        assert f"{done} of {len(records)}" in said or done >= cost.LAST
    assert [cells[1].text for _, cells in lesson.tables(result)[0].rows] == ["2.0", "3.0", "3.0"]


@pytest.mark.parametrize("bad", [0.0, np.inf, -1.0, 1e-300])
def test_a_strange_measurement_breaks_no_page(bad):
    records = [record._replace(solve=bad, gradient_work=np.nan) for record in cost.made_up()]
    tell("newton-cost", LESSONS["newton-cost"].experiment(cost.given_of(records)))


def judge(prediction, result):
    """Every kind of prediction has a verdict at any settings, whatever was said."""
    if isinstance(prediction, Prediction):
        assert all(option.holds(result) in (True, False) for option in prediction.options)
        said = prediction.options[0].text
    else:
        said = prediction.places()[0] if isinstance(prediction, Estimate) else (0.5, -0.5)
    assert prediction.verdict(said, result) and prediction.verdict(None, result)


STRAIGHT = re.compile(r"[\w’]'(\w| )")  # a typewriter's apostrophe
QUOTED = re.compile(r"\$[^$]*\$|```.*?```|`[^`]*`", re.DOTALL)  # a formula's prime and a program's quotes are right


def words_of(part, at=""):
    """Every text of a lesson and where it stands; claims are for readers of the code."""
    if isinstance(part, str):
        yield at, QUOTED.sub("", part)
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            if field.name != "claims":
                yield from words_of(getattr(part, field.name), f"{at}.{field.name}")
    elif isinstance(part, tuple | list):
        for number, one in enumerate(part):
            yield from words_of(one, f"{at}[{number}]")


@every_lesson
def test_an_apostrophe_is_one(slug):
    assert [at for at, text in words_of(LESSONS[slug]) if STRAIGHT.search(text)] == []


def tell(slug, result, exported=True):
    """Everything that a page makes of a result: words, verdict, what is sent to the browser, and the figure to export.

    exported: Plotly takes forty times as long over its figure as all the rest together.
    """
    lesson = LESSONS[slug]
    if exported:
        figure = lesson.figure(result)
        assert isinstance(figure, go.Figure) and len(figure.data) >= len(lesson.draw(result).lines)
    said = lesson.reading(result)
    assert isinstance(said, str) and said.strip()
    assert not re.search(r"\b([a-z]{2,}) \1\b", said), said  # a word written twice
    assert not STRAIGHT.search(said), said
    assert question_at(lesson.prediction, result["settings"])
    if lesson.prediction.ready(result):
        assert lesson.prediction.verdict(None, result)
        judge(lesson.prediction, result)
    header, arrays = unpack(pack(*scene(lesson, result)))
    assert header["slug"] == slug and arrays
    return said


@every_lesson
def test_no_settings_break_a_lesson(slug):
    for number, result in enumerate(kit.runs(LESSONS[slug])):
        tell(slug, result, exported=number % 20 == 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30], ids=["nan", "inf", "huge"])
@pytest.mark.parametrize("slug", ["train", "dipg"])
def test_a_broken_model_breaks_no_page(slug, bad):
    model = setting.setup("sine").build(jax.random.key(0))
    broken = jax.tree.map(lambda leaf: jnp.full_like(leaf, bad) if eqx.is_inexact_array(leaf) else leaf, model.g)
    model = dataclasses.replace(model, g=broken)
    result = LESSONS[slug].experiment(model)
    if slug == "train":
        names = ("step", "total", "rjcp", "jcp", "reconstruction", "task", "cycle")
        result |= {"history": {name: np.array([50.0, bad]) for name in names} | {"step": np.array([300.0, 600.0])}}
    tell(slug, result)


def test_divergence_is_put_into_words():
    said = tell("four-ways", at("four-ways", eta_gd=0.2, start=(3.0, 4.0), step=30))
    assert "Gradient descent diverges" in said
    assert "is above its stable limit" in tell("crux", at("crux", eta=1.0))


def test_a_singular_matrix_is_put_into_words():
    said = tell("four-ways", at("four-ways", start=(3.0, 0.0)))
    assert "Newton stops, as the Hessian is singular at the start" in said
    assert "the inverse gradient stops, as the Jacobian is singular at the start" in said
    assert "not a number" not in said


def test_the_start_at_the_solution_is_put_into_words():
    assert "no method moves" in tell("crux", at("crux", start=(0.0, 0.0)))
    assert "already within 0.02 of the nearest cause" in tell("start", at("start", start=(-0.7, -0.5)))


def test_walking_may_be_kept_in_the_trained_box():
    result = at("dipg", box="trained", start=(1.4, 1.4))
    assert np.abs(result["walks"]["dipg_differenced"].path.x[1:]).max() <= 1.0
    tell("dipg", result)


@every_lesson
def test_unknown_and_impossible_settings_are_named(slug):
    with pytest.raises(ValueError, match=r"no control .*colour"):
        LESSONS[slug].experiment(colour="red")
    slider = next(c for c in LESSONS[slug].controls if isinstance(c, Slider))
    with pytest.raises(ValueError, match=f"{slider.name} must be a number from"):
        LESSONS[slug].experiment(**{slider.name: slider.high + 1})


@every_lesson
def test_landmarks_lie_on_their_slider(slug):
    numbers = LESSONS[slug].draw(at(slug)).numbers
    for slider in (c for c in LESSONS[slug].controls if isinstance(c, Slider)):
        for landmark in slider.landmarks:
            assert landmark.number in numbers if landmark.number else slider.check(landmark.value) == landmark.value


def counting(lesson, simulate=None):
    """The same lesson, and a list that grows by one with every trace of its experiment."""
    traces = []
    real = simulate or lesson.simulate

    def counted(*given, **chosen):
        traces.append(1)
        return real(*given, **chosen)

    return dataclasses.replace(lesson, simulate=counted), traces


def moved(control, share):
    """Another value of a number: this share of the way from low to high."""
    if isinstance(control, Slider):
        return control.low + share * (control.high - control.low)
    return tuple(low + share * (high - low) for low, high in zip(control.low, control.high, strict=True))


@every_lesson
def test_no_moved_slider_or_point_is_traced_again(slug):
    """How a lesson runs its experiment, with a cheap one in its place: what is traced does not depend on it."""
    lesson, traces = counting(LESSONS[slug], lambda *given, **chosen: {"sum": sum_of(given, chosen)})
    model = jnp.ones(3) if lesson.prepare else None
    lesson.experiment(model)
    assert len(traces) == 1
    numbers = [c for c in lesson.controls if isinstance(c, Slider | Point)]
    for control in numbers:
        for share in (0.0, 0.3, 1.0):
            lesson.experiment(None if model is None else share * model, **{control.name: moved(control, share)})
    for step in (c for c in lesson.controls if isinstance(c, Step | Legend)):
        lesson.experiment(model, **{step.name: step.check(0 if isinstance(step, Step) else step.groups[:1])})
    assert len(traces) == 1
    for slider in (c for c in numbers if isinstance(c, Slider) and c.swept):
        before = len(traces)
        for control in numbers:
            lesson.sweep(slider.name, {control.name: moved(control, 0.6)}, model)
        assert len(traces) == before + 1
    # The counter does count: another choice is another program.
    choice = next((c for c in lesson.controls if isinstance(c, Choice) and c.simulated), None)
    if choice is not None:
        before = len(traces)
        lesson.experiment(model, **{choice.name: next(o for o in choice.options if o != choice.default)})
        assert len(traces) == before + 1


def sum_of(given, chosen):
    return sum(jnp.sum(value) for value in (*given, *chosen.values()) if not isinstance(value, str))


def test_a_model_that_has_been_trained_is_not_traced_again():
    lesson, traces = counting(LESSONS["train"])
    setup = setting.setup("sine")
    state = training.start(setup, jax.random.key(0))
    lesson.experiment(state.model)
    state, _ = training.advance(state, setup, setup.hyper)
    lesson.experiment(state.model, rate=0.1, w_jcp=1.0)
    lesson.experiment(setting.standard_fit("sine").model)
    assert len(traces) == 1


@every_lesson
def test_the_experiment_takes_just_what_the_controls_set(slug):
    lesson = LESSONS[slug]
    varied = {
        c.name for c in lesson.controls if isinstance(c, Slider | Point | Choice) and getattr(c, "simulated", True)
    }
    parameters = inspect.signature(lesson.simulate).parameters.values()
    named = [p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD][1 if lesson.prepare else 0 :]
    assert set(named) <= varied
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        assert set(named) == varied


def lesson_of(**changes):
    whole = dataclasses.asdict(LESSONS["start"]) | {
        field.name: getattr(LESSONS["start"], field.name) for field in dataclasses.fields(Lesson)
    }
    return Lesson(**whole | changes)


def test_a_lesson_that_cannot_work_is_refused():
    slider = Slider("a", "a", 0.0, 1.0, 0.5, landmarks=(Landmark("half", 0.5),))
    with pytest.raises(ValueError, match="two controls of one name"):
        lesson_of(controls=(slider, slider))
    with pytest.raises(ValueError, match="no control"):
        lesson_of(controls=(slider, Preset("all", {"b": 1.0})))
    with pytest.raises(ValueError, match="a must be a number"):
        lesson_of(controls=(slider, Preset("all", {"a": 2.0})))
    with pytest.raises(ValueError, match="two answers"):
        Prediction("?", (Option("yes", bool),))
