"""Inverses that no training gives, for what D-IPG's page says of runs that a trained one hardly makes."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from core.deceptron import Deceptron
from core.networks import Physics
from lessons.learned import setting


class OneBranch(eqx.Module):
    """The exact inverse around one point, its changes then multiplied by a matrix: a g that is right, or wrong."""

    problem: Any
    centre: Any
    matrix: Any

    def __call__(self, y):
        return self.centre + self.matrix @ (self.problem.inverse(y, self.centre) - self.centre)


def other_model(problem, matrix):
    chosen = setting.problem(problem)
    centre = jnp.array([-0.7, 0.7] if problem == "squared" else [-0.7, -0.5])
    return Deceptron(Physics(chosen), OneBranch(chosen, centre, jnp.asarray(matrix, centre.dtype)))


TURN = np.array([[0.5, -0.8], [0.8, 0.5]])
FLIP = np.array([[-np.cos(1.2), np.sin(1.2)], [np.sin(1.2), np.cos(1.2)]])  # right where the sine falls
OTHERS = (
    ("squared", np.eye(2), {"start": (0.85, 0.75), "eta": 0.6}),
    ("squared", 0.2 * np.eye(2), {"start": (0.85, 0.75), "eta": 0.5}),
    ("squared", 2000 * np.eye(2), {"start": (0.85, 0.75), "eta": 0.5}),
    ("sine", FLIP, {"start": (2.2, -2.4), "eta": 0.6}),
    *(
        ("sine", scale * turn, {"start": start, "eta": 1.0, "box": "trained"})
        for scale in (1.0, 10.0, 300.0)
        for turn in (TURN, TURN.T)
        for start in ((0.9, -0.9), (-0.9, 0.9), (-1.0, -0.5))
    ),
)
