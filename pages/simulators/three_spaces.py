"""The page of the lesson "Three spaces"."""

from pages.ui.page import show

show("three-spaces")
