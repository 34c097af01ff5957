"""The page of the lesson "The step in between"."""

from pages.ui.page import show

show("latent-step")
