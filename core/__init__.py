"""The mathematics of inversion: problems, update rules, learned inverses. Importing it chooses device and precision."""

from core import backend

backend.configure()
