"""How many programs are compiled when sliders and points move: in every lesson, and in the chunks of training."""

from collections.abc import Iterator

from benchmarks.lab import Lab
from benchmarks.report import Budget, Row

_COMPILED = "/jax/core/compile/backend_compile_duration"
_count = {"compilations": 0, "listening": 0}


def measure(_lab: Lab) -> Iterator[Row]:
    """Everything once at the defaults, which may compile; then each control at another place, which may not."""
    from lessons import lessons

    _listen()
    for lesson in lessons().values():
        moves = [settings for _, settings in _moves(lesson)]
        for settings in (lesson.defaults, lesson.defaults):  # twice: a first call may leave caches half filled
            _page(lesson, settings)
        before = _count["compilations"]
        for settings in moves:
            _page(lesson, settings)
        caused = _count["compilations"] - before
        yield Row(f"recompilations, {lesson.slug}", "", caused, budget=Budget(0), note=f"{len(moves)} controls moved")


def _listen() -> None:
    import jax

    def on_event(event: str, _seconds: float, **_: object) -> None:
        _count["compilations"] += event == _COMPILED

    if not _count["listening"]:
        jax.monitoring.register_event_duration_secs_listener(on_event)
    _count["listening"] = 1
    before = _count["compilations"]
    jax.jit(lambda x: x + len(_count))(1.0).block_until_ready()
    if _count["compilations"] == before:
        raise RuntimeError(f"this JAX does not report {_COMPILED}, so compilations cannot be counted")


def _moves(lesson) -> Iterator[tuple[str, dict]]:
    """The defaults with one slider or point somewhere else, for each of them."""
    from lessons.controls import Point, Slider

    for control in lesson.controls:
        if isinstance(control, Slider):
            places = control.places(7)[1:-1]
            value = next(float(place) for place in places if place != control.default)
            yield control.name, lesson.defaults | {control.name: round(value) if control.step else value}
        elif isinstance(control, Point):
            middle = tuple(0.3 * low + 0.7 * high for low, high in zip(control.low, control.high, strict=True))
            yield control.name, lesson.defaults | {control.name: middle}


def _drawn(lesson, name: str, settings: dict) -> tuple:
    """The values of a sweep, and its drawing."""
    values, swept = lesson.sweep(name, settings)
    return values, lesson.draw(swept)


def _page(lesson, settings: dict) -> None:
    """What the server computes for a page: result, sweeps, drawing, reading; for training also a chunk."""
    import jax

    from core import training
    from lessons.controls import Slider
    from lessons.learned import setting, train
    from lessons.scene import moving, scene

    settings = lesson.complete(settings)
    result = lesson.experiment(**settings)
    sliders = [control.name for control in lesson.controls if isinstance(control, Slider) and control.swept]
    scene(lesson, result)
    for name in sliders:
        moving(*_drawn(lesson, name, settings), {})
    lesson.reading(result)
    if lesson.slug == "train":
        setup = setting.setup(settings["problem"], settings["architecture"])
        training.advance(training.start(setup, jax.random.key(0)), setup, train.hyper(settings))
