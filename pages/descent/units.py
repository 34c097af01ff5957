"""The page of the lesson "Units"."""

from pages.ui.page import show

show("units")
