"""Two more simulators with known inverses, curved enough to tell second-order methods from each other.

`Banana` makes the loss that Rosenbrock made to test optimisers with (Comput. J. 3, 175, 1960; his has scale 10).
`Curved` has a single unknown, so that first and second derivatives can be drawn over it.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem, number


class Banana(Problem):
    """P(x) = (x1, scale (x2 - x1^2)): with the target (1, 0), L = (1 - x1)^2 + scale^2 (x2 - x1^2)^2.

    Its valley follows the parabola x2 = x1^2. The Hessian is indefinite where x2 > x1^2 + 1 / (2 scale^2).
    """

    scale: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, scale=4.0, target=(1.0, 0.0), start=(-1.2, 1.0)):
        self.scale = number(scale)
        self.target = number(target)
        self.start = number(start)
        self.domain = number([-2.0, -1.0]), number([2.0, 3.0])

    def forward(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        return jnp.stack([x[0], self.scale * (x[1] - x[0] ** 2)])

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        return jnp.stack([y[0], y[1] / self.scale + y[0] ** 2])


class Curved(Problem):
    """P(x) = sinh(bend x) / bend with a single unknown, and a loss with a quartic part.

    L(y) = (y - y*)^2 + quartic (y - y*)^4. bend -> 0 is the straight line y = x (bend must not be 0); quartic = 0 is
    the usual loss. Moving `quartic` changes what comes *after* y and leaves the simulator as it is.
    """

    bend: Array
    quartic: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, bend=1.0, quartic=0.0, target=4.0, start=1.0):
        self.bend = number(bend)
        self.quartic = number(quartic)
        self.target = number(target).reshape(1)
        self.start = number(start).reshape(1)
        self.domain = number([-2.5]), number([2.5])

    def forward(self, x: Float[Array, "1"]) -> Float[Array, "1"]:
        return jnp.sinh(self.bend * x) / self.bend

    def inverse(self, y: Float[Array, "1"], x: Float[Array, "1"]) -> Float[Array, "1"]:
        return jnp.arcsinh(self.bend * y) / self.bend

    def loss(self, y: Float[Array, "1"]) -> Float[Array, ""]:
        gap = jnp.sum((y - self.target) ** 2)
        return gap + self.quartic * gap**2
