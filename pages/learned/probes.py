"""The page of the lesson "Probing a Jacobian"."""

from pages.ui.page import show

show("probes")
