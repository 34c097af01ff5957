"""The page of the lesson "Steps in a latent space"."""

from pages.ui.page import show

show("latent-step")
