"""The page of the lesson "The crux"."""

from pages.ui.page import show

show("crux")
