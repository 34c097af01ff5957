"""What the floor page shows: one finished picture of the crux, with its texts, left in a folder for its server."""

import json
from pathlib import Path

from lessons import lessons
from lessons.lesson import Lesson, Settings
from lessons.prediction import question_at
from lessons.scene import scene
from pages.ui.stage.pack import pack

FOLDER = "INVERSION_FLOOR"  # the environment variable that names the folder
SLUG, SLIDER = "crux", "alpha"
SETTINGS = {"alpha": 0.25}  # the lowest, so that there is room for many steps to the right


def picture(lesson: Lesson, settings: Settings) -> bytes:
    """The lesson's payload as a student gets it who has answered, without the addresses of sweeps."""
    return pack(*scene(lesson, lesson.experiment(**settings)))


def prepare(folder: str) -> None:
    """Write the picture and the texts that the floor's server will show."""
    lesson = lessons()[SLUG]
    result = lesson.experiment(**SETTINGS)
    texts = {
        "question": lesson.question,
        "text": lesson.text,
        "verdict": question_at(lesson.prediction, result["settings"]),
        "reading": lesson.reading(result),
        "why": lesson.why,
        "quiz": lesson.quiz.question,
        "options": [option.text for option in lesson.quiz.options],
        "limits": lesson.limits,
        "sources": " ".join(lesson.sources),
    }
    Path(folder, "picture").write_bytes(picture(lesson, SETTINGS))
    Path(folder, "texts.json").write_text(json.dumps(texts), encoding="utf-8")
