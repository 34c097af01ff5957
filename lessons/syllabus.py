"""The order of the course. A new lesson is one file and one line here: pages, navigation and tests follow."""

from dataclasses import dataclass

from lessons.inversion import crux, four_ways
from lessons.learned import dipg, train
from lessons.lesson import Lesson
from lessons.newton import cost, hessian_terms, newton_breaks, noise, quasi_newton
from lessons.welcome import start


@dataclass(frozen=True)
class Part:
    """A chapter of the course: its title, the folder of its pages and lessons, and the lessons."""

    title: str
    folder: str
    lessons: tuple[Lesson, ...]


SYLLABUS = (
    Part("Start", "welcome", (start.LESSON,)),
    Part("Why inversion", "inversion", (crux.LESSON, four_ways.LESSON)),
    Part(
        "Newton and quasi-Newton",
        "newton",
        (quasi_newton.LESSON, hessian_terms.LESSON, newton_breaks.LESSON, noise.LESSON, cost.LESSON),
    ),
    Part("Learning the inverse", "learned", (train.LESSON, dipg.LESSON)),
)


def lessons() -> dict[str, Lesson]:
    """Every lesson by its slug, in teaching order."""
    return {lesson.slug: lesson for part in SYLLABUS for lesson in part.lessons}
