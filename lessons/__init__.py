"""The course: every lesson as data, in the order in which it is taught."""

from lessons.syllabus import SYLLABUS, Part, introduced, lessons

__all__ = ["SYLLABUS", "Part", "introduced", "lessons"]
