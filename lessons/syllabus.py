"""The order of the course. A new lesson is one file and one line here: pages, navigation and tests follow."""

from dataclasses import dataclass

from lessons.deep import convergence, fall_back, heat, loss_step, path_average, time_reversal
from lessons.descent import near_optimum, sensitivity, units
from lessons.inverse_gradients import latent_step, singular
from lessons.inversion import crux, four_ways
from lessons.lab import diagnosis, heat_1d, limits, linear_check, oscillator, studies
from lessons.learned import dipg, probes, speed, train
from lessons.lesson import Lesson
from lessons.newton import cost, hessian_terms, newton_breaks, noise, quasi_newton
from lessons.simulators import branches, many_targets, scorecard, three_spaces
from lessons.welcome import start


@dataclass(frozen=True)
class Part:
    """A chapter of the course: its title, the folder of its pages and lessons, the lessons, its name in the menu."""

    title: str
    folder: str
    lessons: tuple[Lesson, ...]
    short: str = ""

    @property
    def menu(self) -> str:
        """What the menu calls it: eight names share one line."""
        return self.short or self.title


SYLLABUS = (
    Part("Start", "welcome", (start.LESSON,)),
    Part("Why inversion", "inversion", (crux.LESSON, four_ways.LESSON)),
    Part(
        "Gradient descent and its four faults",
        "descent",
        (units.LESSON, sensitivity.LESSON, near_optimum.LESSON),
        "Gradient descent",
    ),
    Part(
        "Newton and quasi-Newton",
        "newton",
        (newton_breaks.LESSON, noise.LESSON, cost.LESSON, quasi_newton.LESSON, hessian_terms.LESSON),
        "Newton",
    ),
    Part("Inverse gradients", "inverse_gradients", (latent_step.LESSON, singular.LESSON)),
    Part(
        "Inverse simulators",
        "simulators",
        (three_spaces.LESSON, many_targets.LESSON, branches.LESSON, scorecard.LESSON),
    ),
    Part(
        "Deep dive",
        "deep",
        (
            heat.LESSON,
            time_reversal.LESSON,
            path_average.LESSON,
            loss_step.LESSON,
            convergence.LESSON,
            fall_back.LESSON,
        ),
    ),
    Part("Learning the inverse", "learned", (probes.LESSON, train.LESSON, dipg.LESSON, speed.LESSON), "Deceptron"),
    Part(
        "Laboratory",
        "lab",
        (linear_check.LESSON, heat_1d.LESSON, oscillator.LESSON, studies.LESSON, limits.LESSON, diagnosis.LESSON),
    ),
)


def introduced() -> dict[str, str]:
    """Where each entry of the glossary is used first: {its name: the lesson's slug}, in teaching order."""
    found: dict[str, str] = {}
    for lesson in lessons().values():
        for name in lesson.symbols:
            found.setdefault(name, lesson.slug)
    return found


def lessons() -> dict[str, Lesson]:
    """Every lesson by its slug, in teaching order."""
    return {lesson.slug: lesson for part in SYLLABUS for lesson in part.lessons}
