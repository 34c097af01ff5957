"""The page of the lesson "Quasi-Newton"."""

from pages.ui.page import show

show("quasi-newton")
