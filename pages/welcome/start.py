"""The opening page: its lesson, then the map of the course."""

from pages.ui.course import course_map
from pages.ui.page import show

show("start", beyond=course_map)
