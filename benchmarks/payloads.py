"""How many bytes a committed change sends to the browser, lesson by lesson."""

from collections.abc import Iterator

from benchmarks.lab import Lab
from benchmarks.report import Budget, Row


def measure(_lab: Lab) -> Iterator[Row]:
    """Megabytes of the stage's payload with all sweeps, and kilobytes of one frame of a training run."""
    import jax

    from benchmarks.floor import picture
    from core import training
    from lessons import lessons
    from lessons.learned import setting
    from pages.ui import workshop
    from pages.ui.training_job import TrainingSnapshot

    for lesson in lessons().values():
        size = len(picture(lesson, lesson.defaults)) / 1e6
        yield Row(f"payload, {lesson.slug}", "MB", size, budget=Budget(1.5))
    model = training.start(setting.setup("sine"), jax.random.key(0)).model
    snapshot = TrainingSnapshot("running", 0, 2000, 0.0, 0, "", model, {})
    size = len(workshop.frame(snapshot, lessons()["train"].defaults)) / 1e3
    yield Row("payload, one frame of training", "kB", size, note="before base64")
