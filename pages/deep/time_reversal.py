"""The page of the lesson "Time reversal"."""

from pages.ui.page import show

show("time-reversal")
