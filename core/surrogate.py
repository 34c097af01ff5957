"""A network in place of a loss: smooth or piecewise linear, by its activation alone.

One hidden layer with random inner weights; the output weights are fitted by least squares to a loss on a grid of points
(an "extreme learning machine", Huang, Zhu and Siew, Neurocomputing 70, 489, 2006). Linear in what is fitted, so it can
be done anew for every picture. With tanh the network has all derivatives; with ReLU it consists of flat pieces, whose
second derivative is zero.
"""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from core.problem import Problem, number

WIDTH = 80  # hidden units: enough to imitate a double well to a few percent of its range
POINTS = 25  # along each side of the grid that is fitted
REACH = 2.2  # half the side of the square that is fitted
RIDGE = 1e-6  # keeps the output weights small; relative to the largest singular value of the features, squared
SEED = 3
ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu}


class LearnedLoss(Problem):
    """L(x) = w . s(W x + b) + c: the network's single output is the loss itself, so `loss` hands it on.

    weights: W, (width, n).  bias: b, (width,).  output: w and c, (width + 1,).  activation: "tanh" or "relu".
    """

    weights: Array
    bias: Array
    output: Array
    start: Array
    target: Array
    domain: tuple[Array, Array]
    activation: str = eqx.field(static=True)

    def forward(self, x: Float[Array, " n"]) -> Float[Array, "1"]:
        hidden = ACTIVATIONS[self.activation](self.weights @ x + self.bias)
        return (self.output[:-1] @ hidden + self.output[-1])[None]

    def loss(self, y: Float[Array, "1"]) -> Float[Array, ""]:
        return y[0]


def learned_loss(problem: Problem, activation: str) -> LearnedLoss:
    """A network that imitates the loss of a problem with two unknowns on [-REACH, REACH]^2."""
    weights, bias, points, inverse = (number(part) for part in _features(activation))
    output = inverse @ jax.vmap(problem.objective)(points)
    return LearnedLoss(weights, bias, output, problem.start, number([0.0]), problem.domain, activation)


@cache
def _features(activation: str) -> tuple[np.ndarray, ...]:
    """Inner weights, biases, the points to fit, and the matrix that turns values there into output weights."""
    draw = np.random.default_rng(SEED)
    direction = draw.uniform(0, 2 * np.pi, WIDTH)
    weights = np.stack([np.cos(direction), np.sin(direction)], axis=1)
    bias = draw.uniform(-1.3 * REACH, 1.3 * REACH, WIDTH)  # kinks everywhere in the square, and some beyond
    line = np.linspace(-REACH, REACH, POINTS)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    inner = points @ weights.T + bias
    hidden = np.tanh(inner) if activation == "tanh" else np.maximum(inner, 0.0)
    design = np.concatenate([hidden, np.ones((len(points), 1))], axis=1)
    u, s, vt = np.linalg.svd(design, full_matrices=False)
    return weights, bias, points, (vt.T * (s / (s**2 + RIDGE * s[0] ** 2))) @ u.T
