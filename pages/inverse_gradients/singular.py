"""The page of the lesson "Where the inverse explodes"."""

from pages.ui.page import show

show("singular")
