"""How many bytes a committed change sends to the browser, lesson by lesson."""

from collections.abc import Iterator

from benchmarks.lab import Lab
from benchmarks.report import Budget, Row


def measure(_lab: Lab) -> Iterator[Row]:
    """Megabytes of each lesson's picture with all its sweeps, and kilobytes of one frame of a training run."""
    import jax

    from benchmarks.floor import picture
    from core import training
    from lessons import lessons
    from lessons.learned import setting
    from pages.ui import pictures, workshop
    from pages.ui.training_job import TrainingSnapshot

    def swept(lesson):
        return pictures.swept_sliders(lesson, lesson.defaults)

    for lesson in lessons().values():
        still = len(picture(lesson, lesson.defaults)) / 1e3
        sweeps = sum(len(pictures.sweep(lesson, lesson.defaults, slider.name)) for slider in swept(lesson)) / 1e3
        note = f"{still:.0f} kB of them at rest"
        yield Row(f"payload, {lesson.slug}", "MB", (still + sweeps) / 1e3, budget=Budget(1.5), note=note)
    model = training.start(setting.setup("sine"), jax.random.key(0)).model
    snapshot = TrainingSnapshot("running", 0, 2000, 0.0, 0, "", model, {})
    size = len(workshop.frame(snapshot, lessons()["train"].defaults)) / 1e3
    yield Row("payload, one frame of training", "kB", size, note="before base64")
