"""The page of the lesson "How wrong may an inverse be?"."""

from pages.ui.page import show

show("convergence")
