"""The page of the lesson "Many targets"."""

from pages.ui.page import show

show("many-targets")
