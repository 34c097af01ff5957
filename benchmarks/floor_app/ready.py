"""The course's own server, except that one lesson's results and pictures lie ready: its page without computation."""

import sys
from pathlib import Path
from typing import Any

import streamlit as st

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # before this folder, which has an app of its own

from app import MIDDLEWARE, ROUTES, SITE, lifespan  # noqa: E402
from benchmarks.floor import SLIDER, SLUG  # noqa: E402
from lessons import lessons  # noqa: E402
from lessons.lesson import FRAMES, Lesson, Result, Settings  # noqa: E402
from pages.ui import pictures  # noqa: E402

LESSON = lessons()[SLUG]
PLACES = next(control for control in LESSON.controls if control.name == SLIDER).places(FRAMES)
computed, drawn = pictures.result, pictures.scene
results = {round(float(place), 4): LESSON.experiment(**{SLIDER: float(place)}) for place in PLACES}
scenes = {place: drawn(LESSON, result) for place, result in results.items()}


def result(lesson: Lesson, settings: Settings, *given: Any) -> Result:
    found = results.get(round(settings[SLIDER], 4)) if lesson is LESSON else None
    return computed(lesson, settings, *given) if found is None else found | {"settings": settings}


def scene(lesson: Lesson, result: Result, **extra: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    found = scenes.get(round(result["settings"][SLIDER], 4)) if lesson is LESSON else None
    if found is None:
        return drawn(lesson, result, **extra)
    header, arrays = found
    return header | extra | {"settings": result["settings"], "sweeps": {}}, dict(arrays)


pictures.result, pictures.scene = result, scene
app = st.App(SITE, lifespan=lifespan, routes=ROUTES, middleware=MIDDLEWARE)
