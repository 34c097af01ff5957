"""The page of the lesson "Noise"."""

from pages.ui.page import show

show("noise")
