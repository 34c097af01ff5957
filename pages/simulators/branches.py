"""The page of the lesson "Many causes"."""

from pages.ui.page import show

show("branches")
