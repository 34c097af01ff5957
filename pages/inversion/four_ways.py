"""The page of the lesson "Four ways down"."""

from pages.ui.page import show

show("four-ways")
