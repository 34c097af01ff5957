"""The page of the lesson "How the loss enters"."""

from pages.ui.page import show

show("loss-step")
