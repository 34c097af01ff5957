"""The page of the lesson "The scorecard"."""

from pages.ui.page import show

show("scorecard")
