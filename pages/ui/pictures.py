"""Results and stage payloads, cached for everybody: the only thing that two students share.

A result depends on the settings and the model alone, so a class computes each picture once.
"""

from typing import Any

import streamlit as st

from core import programs
from lessons.controls import Choice, Legend, Slider, Step
from lessons.lesson import Lesson, Result, Settings
from lessons.scene import moving, scene
from pages.ui.stage import pack


def result(lesson: Lesson, settings: Settings, given: Any = None, given_name: str = "") -> Result:
    """The experiment at these settings. given_name stands for the model in the cache's key."""
    return _result(lesson.slug, _varied(lesson, settings), given_name, lesson, given) | {"settings": settings}


def payload(lesson: Lesson, result: Result, source: Any, **extra: Any) -> bytes:
    """What the stage is sent: the picture at rest and, once they are compiled, a sweep for each slider."""
    settings = result["settings"]
    header, arrays = scene(lesson, result, {}, **extra, **source.extra())
    if not extra.get("veiled") and not source.watched and compiled(lesson, settings):
        for name in swept_sliders(lesson, settings):
            header["sweeps"][name], frames = sweep(lesson, settings, name, source.given, source.given_name)
            arrays |= frames
    return pack(header, arrays)


def swept_sliders(lesson: Lesson, settings: Settings) -> list[str]:
    """The sliders that follow the hand without the server, of those that have an effect at these settings."""
    sliders = [control for control in lesson.controls if isinstance(control, Slider) and control.swept]
    return [slider.name for slider in sliders if slider.applies(settings)]


def compiled(lesson: Lesson, settings: Settings) -> bool:
    """Whether the sweeps of these choices have been computed before: then they take milliseconds, else seconds."""
    return not swept_sliders(lesson, settings) or _choices(lesson, settings) in _compiled


def compile_sweeps(lesson: Lesson, settings: Settings, given: Any = None, given_name: str = "") -> None:
    """Compute every sweep once, so that `payload` may include them."""
    if programs.give_back():
        _compiled.clear()
    for name in swept_sliders(lesson, settings):
        sweep(lesson, settings, name, given, given_name)
    _compiled.add(_choices(lesson, settings))


_compiled: set[tuple] = set()


def _choices(lesson: Lesson, settings: Settings) -> tuple:
    chosen = [settings[control.name] for control in lesson.controls if isinstance(control, Choice)]
    return lesson.slug, *chosen


def sweep(lesson: Lesson, settings: Settings, name: str, given: Any = None, given_name: str = "") -> Any:
    """The frames of slider `name` around these settings, drawn; the slider's own value does not matter to them."""
    others = tuple((key, value) for key, value in _varied(lesson, settings) if key != name)
    return _sweep(lesson.slug, name, others, given_name, lesson, given)


def _varied(lesson: Lesson, settings: Settings) -> tuple[tuple[str, Any], ...]:
    """The settings that change a result; step and legend only choose how much of it is drawn."""
    shown = [control.name for control in lesson.controls if isinstance(control, Step | Legend)]
    return tuple((name, value) for name, value in settings.items() if name not in shown)


@st.cache_resource(max_entries=256, show_spinner=False)
def _result(slug: str, varied: tuple, given_name: str, _lesson: Lesson, _given: Any) -> Result:
    return _lesson.experiment(_given, **dict(varied))


@st.cache_resource(max_entries=64, show_spinner=False)
def _sweep(slug: str, name: str, others: tuple, given_name: str, _lesson: Lesson, _given: Any) -> Any:
    values, swept = _lesson.sweep(name, dict(others), _given)
    arrays: dict[str, Any] = {}
    # Drawn here and kept: finding out what moves takes longer than all else that a picture needs.
    return moving(name, values, _lesson.draw(swept), arrays), arrays
