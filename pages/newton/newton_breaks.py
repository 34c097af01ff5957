"""The page of the lesson "Newton’s method at a saddle"."""

from pages.ui.page import show

show("newton-breaks")
