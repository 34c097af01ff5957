"""The page of the lesson "RJCP and speed"."""

from pages.ui.page import show

show("speed")
