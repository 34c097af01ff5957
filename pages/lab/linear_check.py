"""The page of the lesson "The linear check"."""

from pages.ui.page import show

show("linear-check")
