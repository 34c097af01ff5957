"""The page of the lesson "Diagnosis"."""

from pages.ui.page import show

show("diagnosis")
