"""The page of the lesson "D-IPG over the trust map"."""

from pages.ui.page import show

show("dipg")
