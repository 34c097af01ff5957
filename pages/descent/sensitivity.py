"""The page of the lesson "Sensitivity"."""

from pages.ui.page import show

show("sensitivity")
