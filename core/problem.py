"""What every method works on: a simulator y = P(x), a target y*, and the loss L(y) = |y - y*|^2 between them.

Convention: no factor 1/2 in the loss. The book's toy problem and its worked example use |P|^2 while its text uses
1/2 |P(x) - y*|^2; the update rules here follow the example, so its numbers come out. One sample per call: x has shape
(n,), y has shape (m,); use `jax.vmap` for more.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.backend import default_float


class NoInverse(ValueError):
    """Raised where no local inverse is known; `core.inverse.NumericalInverse` supplies one for any problem."""


def number(value: float | Array) -> Array:
    """A leaf of the default float type, so that changing it never recompiles a program that uses it."""
    return jnp.asarray(value, dtype=default_float())


class Problem(eqx.Module):
    """A simulator with a target. Fields are array leaves (a reader may vary them); structure is static.

    target: y*, shape (m,).  start: where a walk begins, shape (n,).  domain: (lower, upper), each (n,): the part of
    x-space that is drawn and sampled, not a constraint.
    """

    target: eqx.AbstractVar[Float[Array, " m"]]
    start: eqx.AbstractVar[Float[Array, " n"]]
    domain: eqx.AbstractVar[tuple[Float[Array, " n"], Float[Array, " n"]]]

    def forward(self, x: Float[Array, " n"]) -> Float[Array, " m"]:
        """y = P(x)."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x) -> y")

    def inverse(self, y: Float[Array, " m"], x: Float[Array, " n"]) -> Float[Array, " n"]:
        """P^-1(y; x): of all points that P maps to y, the one nearest to the guess x."""
        raise NoInverse(
            f"{type(self).__name__} knows no inverse; wrap it: core.inverse.NumericalInverse(problem) inverts it "
            "locally"
        )

    def loss(self, y: Float[Array, " m"]) -> Float[Array, ""]:
        """L(y) = |y - y*|^2."""
        return jnp.sum((y - self.target) ** 2)

    def objective(self, x: Float[Array, " n"]) -> Float[Array, ""]:
        """L(P(x)), what gradient descent and Newton's method see."""
        return self.loss(self.forward(x))

    def jacobian(self, x: Float[Array, " n"]) -> Float[Array, "m n"]:
        """J = dy/dx, by forward-mode differentiation: entry [i, j] is dy_i / dx_j."""
        return jax.jacfwd(self.forward)(x)


class Wrapped(Problem):
    """Another problem with one thing changed: a subclass overrides that, everything else is the problem's own."""

    problem: Problem

    @property
    def target(self):  # type: ignore[override]
        return self.problem.target

    @property
    def start(self):  # type: ignore[override]
        return self.problem.start

    @property
    def domain(self):  # type: ignore[override]
        return self.problem.domain

    def forward(self, x: Float[Array, " n"]) -> Float[Array, " m"]:
        return self.problem.forward(x)

    def inverse(self, y: Float[Array, " m"], x: Float[Array, " n"]) -> Float[Array, " n"]:
        return self.problem.inverse(y, x)

    def loss(self, y: Float[Array, " m"]) -> Float[Array, ""]:
        return self.problem.loss(y)


class Aimed(Wrapped):
    """The same simulator with another target, and the squared distance from that as its loss."""

    aim: Float[Array, " m"]

    @property
    def target(self):  # type: ignore[override]
        return self.aim

    def loss(self, y: Float[Array, " m"]) -> Float[Array, ""]:
        return Problem.loss(self, y)


class InUnits(Wrapped):
    """The same problem with its unknowns measured in other units: P(unit * x), with one unit for all or one for each.

    unit: what 1 of the new unit is in the old one, scalar or (n,): 0.01 for an x that was in metres and is now in
    centimetres. A sensitive parameter is one with a large unit, so scaling the input by alpha is `InUnits(p, alpha)`.
    The state stays where it was: start and domain are the same points, written in the new units.
    """

    unit: Array = eqx.field(converter=number)

    @property
    def start(self):  # type: ignore[override]
        return self.problem.start / self.unit

    @property
    def domain(self):  # type: ignore[override]
        lower, upper = self.problem.domain
        return lower / self.unit, upper / self.unit

    def forward(self, x: Float[Array, " n"]) -> Float[Array, " m"]:
        return self.problem.forward(self.unit * x)

    def inverse(self, y: Float[Array, " m"], x: Float[Array, " n"]) -> Float[Array, " n"]:
        return self.problem.inverse(y, self.unit * x) / self.unit
