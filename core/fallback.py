"""Trust, but verify: take the inverse simulator's step where it lands where it was meant to, else a gradient step.

The step is meant to land on y + dy. It is taken if it misses that by at most the share `trust` of |dy|:

    |P(x + dx) - (y + dy)| <= trust |dy|

Since dy covers the fraction eta of the gap, a step that is taken leaves at most 1 - eta (1 - trust) of it: for trust
below 1 the gap shrinks, whatever is wrong with the inverse. The check costs one run of the simulator. Else the step is
the one of a series of gradient steps, each half as long as the last, that lowers the loss most. So for trust below 1
the loss |y - y*|^2 never rises and stays finite. For trust above 1 neither holds: a step that passes may lengthen the
gap, up to 1 + eta (trust - 1) times at every step. The chapter says only that one can fall back to the gradient; the
check is ours.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from core.problem import Problem, Wrapped
from core.toys import rotation
from core.updates import inverse_simulator, output_step

HALVINGS = 30  # 2^-30: shorter steps change nothing that one could see


class Checked(NamedTuple):
    """A step and how it came about. miss: |P(x + dx) - (y + dy)| / |dy| of what the inverse proposed."""

    dx: Float[Array, " n"]
    fell_back: Bool[Array, ""]
    miss: Float[Array, ""]


def miss(problem: Problem, x: Float[Array, " n"], dx: Float[Array, " n"], eta: Float[Array, ""]) -> Float[Array, ""]:
    """How far the step lands from where it was meant to, over the length of what was meant; inf if not finite."""
    y = problem.forward(x)
    dy = output_step(problem, y, eta)
    away, length = jnp.linalg.norm(problem.forward(x + dx) - (y + dy)), jnp.linalg.norm(dy)
    # At the target nothing is meant to happen: a step that stays there misses by nothing.
    share = jnp.where(length > 0, away / jnp.where(length > 0, length, 1.0), jnp.where(away > 0, jnp.inf, 0.0))
    return jnp.where(jnp.all(jnp.isfinite(dx)) & jnp.isfinite(share), share, jnp.inf)


def safe_gradient(problem: Problem, x: Float[Array, " n"]) -> Float[Array, " n"]:
    """-t dL/dx with that t of 1, 1/2, 1/4, ... that lowers the loss most; 0 if none lowers it."""
    gradient = jax.grad(problem.objective)(x)
    lengths = 0.5 ** jnp.arange(HALVINGS, dtype=x.dtype)
    losses = jax.vmap(lambda t: problem.objective(x - t * gradient))(lengths)
    losses = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
    best = jnp.argmin(losses)
    return jnp.where(losses[best] < problem.objective(x), -lengths[best], 0.0) * gradient


def checked_step(problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""], trust: float | Array = 0.5) -> Checked:
    """The inverse simulator's step if it passes the check, else the gradient's, and which of the two it is."""
    proposed = inverse_simulator(problem, x, eta)
    missed = miss(problem, x, proposed, eta)
    fell_back = ~(missed <= trust)
    return Checked(jnp.where(fell_back, safe_gradient(problem, x), proposed), fell_back, missed)


def checked_inverse_simulator(
    problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""], trust: float | Array = 0.5
) -> Float[Array, " n"]:
    """`checked_step` as a rule for `rollout`; `checks` tells afterwards which steps of a path fell back."""
    return checked_step(problem, x, eta, trust).dx


def checks(
    problem: Problem, x: Float[Array, "steps_plus_1 n"], eta: Float[Array, ""], trust: float | Array = 0.5
) -> Checked:
    """For each point of a path the step that is taken from there, and whether it fell back."""
    return jax.vmap(lambda point: checked_step(problem, point, eta, trust))(x)


class Misled(Wrapped):
    """The same problem with an inverse that is right in a square around a centre and wrong outside: broken on purpose.

    Outside, what the right inverse proposes is turned by `turn` radians: 0 is right, pi/2 sideways, pi backwards.
    centre: (2,).  half: half the square's width. A stand-in for a learned inverse beyond what it was trained on.
    """

    centre: Float[Array, "2"]
    half: Float[Array, ""]
    turn: Float[Array, ""]

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        dx = self.problem.inverse(y, x) - x
        inside = jnp.all(jnp.abs(x - self.centre) <= self.half)
        return x + rotation(jnp.where(inside, 0.0, self.turn)) @ dx


class Astray(Wrapped):
    """The same problem with an inverse that finds x for another step than was asked for: everywhere, on purpose.

    It turns the step dy by `turn` radians and stretches it `stretch` times, so that its miss is |stretch R - I| dy.
    """

    turn: Float[Array, ""]
    stretch: Float[Array, ""]

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        here = self.problem.forward(x)
        return self.problem.inverse(here + self.stretch * rotation(self.turn) @ (y - here), x)
