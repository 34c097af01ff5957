"""The page of the lesson "Train a Deceptron"."""

from pages.ui.page import show

show("train")
