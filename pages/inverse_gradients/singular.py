"""The page of the lesson "Near a singular Jacobian"."""

from pages.ui.page import show

show("singular")
