"""Problems with one unknown, on which a step can be done on paper: lines, powers, and a curve that flattens.

Source: the chapter "Scale-Invariance and Inversion" (Physics-based Deep Learning): `Incline` is its example L = alpha x
of function sensitivity (put it into `core.problem.InUnits` for the alpha), `Power` makes the x^2 and x^4 on which
methods differ near the optimum, `Saturating` is a case of its remark that a gradient can shrink as the distance grows.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem, number


def interval(half_width: float) -> tuple[Array, Array]:
    """The domain [-half_width, half_width]."""
    return number([-half_width]), number([half_width])


class Incline(Problem):
    """y = x and L = y: a loss without a bottom, whose Hessian is 0. target: the height that one asks for."""

    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, target=-1.0, start=0.0):
        self.target = jnp.atleast_1d(number(target))
        self.start = jnp.atleast_1d(number(start))
        self.domain = interval(4.0)

    def forward(self, x: Float[Array, "1"]) -> Float[Array, "1"]:
        return x

    def loss(self, y: Float[Array, "1"]) -> Float[Array, ""]:
        """L = y, not the squared distance from the target."""
        return y[0]

    def inverse(self, y: Float[Array, "1"], x: Float[Array, "1"]) -> Float[Array, "1"]:
        return y


class Power(Problem):
    """P(x) = x^power, so that L = x^(2 power) for the target 0: 1 gives the quadratic bowl, 2 the flat x^4.

    The local inverse of an even power keeps the sign of the guess; no x reaches y < 0 then, and x = 0 is nearest.
    """

    power: int = eqx.field(static=True)
    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, power=1, target=0.0, start=1.0):
        if not (isinstance(power, int) and power >= 1):
            raise ValueError(f"Power needs a whole number of at least 1 as its power, got {power!r}")
        self.power = power
        self.target = jnp.atleast_1d(number(target))
        self.start = jnp.atleast_1d(number(start))
        self.domain = interval(4.0)

    def forward(self, x: Float[Array, "1"]) -> Float[Array, "1"]:
        return x**self.power

    def inverse(self, y: Float[Array, "1"], x: Float[Array, "1"]) -> Float[Array, "1"]:
        if self.power % 2:
            return jnp.sign(y) * jnp.abs(y) ** (1.0 / self.power)
        root = jnp.maximum(y, 0.0) ** (1.0 / self.power)
        return jnp.where(x < 0, -root, root)


class Saturating(Problem):
    """P(x) = tanh(x): beyond |x| = 0.66 the gradient of L = |P|^2 falls as the distance from the optimum grows.

    No x reaches |y| >= 1; the inverse then is infinite.
    """

    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, target=0.0, start=1.0):
        self.target = jnp.atleast_1d(number(target))
        self.start = jnp.atleast_1d(number(start))
        self.domain = interval(4.0)

    def forward(self, x: Float[Array, "1"]) -> Float[Array, "1"]:
        return jnp.tanh(x)

    def inverse(self, y: Float[Array, "1"], x: Float[Array, "1"]) -> Float[Array, "1"]:
        return jnp.arctanh(jnp.clip(y, -1.0, 1.0))


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
