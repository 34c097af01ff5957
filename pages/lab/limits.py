"""The page of the lesson "Robustness and limits"."""

from pages.ui.page import show

show("limits")
