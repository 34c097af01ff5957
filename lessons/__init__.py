"""The course: every lesson as data, in the order in which it is taught."""

from lessons.syllabus import SYLLABUS, Part, lessons

__all__ = ["SYLLABUS", "Part", "lessons"]
