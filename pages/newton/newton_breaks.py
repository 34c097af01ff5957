"""The page of the lesson "Where Newton breaks"."""

from pages.ui.page import show

show("newton-breaks")
