"""The page of the lesson "Two terms of a Hessian"."""

from pages.ui.page import show

show("hessian-terms")
