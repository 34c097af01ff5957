"""A pytest plugin, `-p tests.shown.single`: the lessons compute in float32, as on a backend without float64."""

from core import backend

backend._WITHOUT_FLOAT64.add("cpu")
backend.configure()
