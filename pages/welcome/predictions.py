"""The page of all predictions."""

from pages.ui.predictions import predictions

predictions()
