"""The page of the lesson "The damped oscillator"."""

from pages.ui.page import show

show("oscillator")
