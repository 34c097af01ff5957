"""The page of the lesson "What Newton costs"."""

from pages.ui.page import show

show("newton-cost")
