"""The page of the lesson "What heat forgets"."""

from pages.ui.page import show

show("heat")
