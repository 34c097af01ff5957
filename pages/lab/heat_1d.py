"""The page of the lesson "Heat-1D with a learned inverse"."""

from pages.ui.page import show

show("heat-1d")
