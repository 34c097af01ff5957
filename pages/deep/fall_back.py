"""The page of the lesson "Falling back"."""

from pages.ui.page import show

show("fall-back")
