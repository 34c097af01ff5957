"""The page of the lesson "Near the optimum"."""

from pages.ui.page import show

show("near-optimum")
