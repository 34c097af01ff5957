"""The page of the lesson "The average along the way"."""

from pages.ui.page import show

show("path-average")
