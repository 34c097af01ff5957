"""Results and stage payloads, cached for everybody: the only thing that two students share.

A result depends on the settings and the model alone, so a class computes each picture once.
"""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from core import programs
from lessons.controls import Choice, Legend, Slider, Step, Ticks
from lessons.lesson import FRAMES, Lesson, Result, Settings
from lessons.scene import moving, scene
from pages.ui import offers
from pages.ui.stage import pack


def result(lesson: Lesson, settings: Settings, given: Any = None, given_name: str = "") -> Result:
    """The experiment at these settings. given_name stands for the model in the cache's key."""
    return _result(lesson.slug, varied(lesson, settings), given_name, lesson, given) | {"settings": settings}


def payload(lesson: Lesson, result: Result, source: Any, **extra: Any) -> bytes:
    """What the stage is sent: the picture at rest, and where it finds each slider's sweep and pictures elsewhere."""
    settings = result["settings"]
    header, arrays = scene(lesson, result, **extra, **source.extra())
    if not extra.get("veiled") and not source.watched:
        for slider in swept_sliders(lesson, settings):
            url = offer(lesson, settings, slider.name, source.given, source.given_name)
            header["sweeps"][slider.name] = {"url": url, "values": f"{slider.name}/values"}
            arrays[f"{slider.name}/values"] = slider.places(FRAMES)
        if source.elsewhere:
            header["elsewhere"] = offer_elsewhere(lesson, settings, source.given, source.given_name)
    return pack(header, arrays)


def swept_sliders(lesson: Lesson, settings: Settings) -> list[Slider]:
    """The sliders that follow the hand without the server, of those that have an effect at these settings."""
    sliders = [control for control in lesson.controls if isinstance(control, Slider) and control.swept]
    return [slider for slider in sliders if slider.applies(settings)]


def offer(lesson: Lesson, settings: Settings, name: str, given: Any = None, given_name: str = "") -> str:
    """Where the sweep of slider `name` around these settings is fetched; the slider's own value does not matter."""
    key = lesson.slug, name, _others(lesson, settings, name), given_name
    return offers.offer("sweep", key, lambda _query: sweep(lesson, settings, name, given, given_name))


def offer_elsewhere(lesson: Lesson, settings: Settings, given: Any = None, given_name: str = "") -> str:
    """Where the picture at other places of the sliders and points is fetched; choices and model stay as they are."""
    choices = {c.name: settings[c.name] for c in lesson.controls if isinstance(c, Choice | Ticks)}

    def make(query: Mapping[str, str]) -> bytes:
        wanted = json.loads(query.get("settings", "{}"))
        if not isinstance(wanted, dict):
            raise ValueError(f"settings are {query['settings']!r}; expected an object of names and values")
        return elsewhere(lesson, wanted | choices, given, given_name, passing="passing" in query)

    return offers.offer("picture", (lesson.slug, tuple(choices.items()), given_name), make)


def elsewhere(lesson: Lesson, settings: Settings, given: Any, given_name: str, passing: bool) -> bytes:
    """The picture at these settings, packed. passing: under a hand that moves on, so that nobody will ask for it again.

    Raises ValueError for settings that the lesson does not have.
    """
    settings = lesson.complete(settings)
    if passing:
        drawn = lesson.experiment(given, **dict(varied(lesson, settings))) | {"settings": settings}
    else:
        drawn = result(lesson, settings, given, given_name)
    return pack(*scene(lesson, drawn))


def sweep(lesson: Lesson, settings: Settings, name: str, given: Any = None, given_name: str = "") -> bytes:
    """The frames of slider `name` around these settings, drawn and packed. The first of its choices is compiled."""
    choices = lesson.slug, *(settings[control.name] for control in lesson.controls if isinstance(control, Choice))
    if choices not in _met:
        if programs.give_back():
            _met.clear()
        _met.add(choices)
    return _sweep(lesson.slug, name, _others(lesson, settings, name), given_name, lesson, given)


def _others(lesson: Lesson, settings: Settings, name: str) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in varied(lesson, settings) if key != name)


_met: set[tuple] = set()


def varied(lesson: Lesson, settings: Settings) -> tuple[tuple[str, Any], ...]:
    """The settings that change a result; step and legend only choose how much of it is drawn."""
    shown = [control.name for control in lesson.controls if isinstance(control, Step | Legend)]
    return tuple((name, value) for name, value in settings.items() if name not in shown)


@st.cache_resource(max_entries=256, show_spinner=False)
def _result(slug: str, varied: tuple, given_name: str, _lesson: Lesson, _given: Any) -> Result:
    return _lesson.experiment(_given, **dict(varied))


@st.cache_resource(max_entries=128, show_spinner=False)
def _sweep(slug: str, name: str, others: tuple, given_name: str, _lesson: Lesson, _given: Any) -> bytes:
    values, swept = _lesson.sweep(name, dict(others), _given)
    arrays: dict[str, Any] = {}
    # Packed here and kept: finding out what moves takes longer than all else that a picture needs.
    return pack(moving(values, _lesson.draw(swept), arrays), arrays)
