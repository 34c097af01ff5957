"""The page of the lesson "Studies over seeds"."""

from pages.ui.page import show

show("studies")
