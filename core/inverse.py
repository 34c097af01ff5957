"""A local inverse for any simulator: search near the guess for the x that P maps to y.

P^-1(y; x0) = the minimum of |P(x) - y|^2 that L-BFGS reaches from x0. The search starts at the guess, and for a small
y - P(x0) it usually ends at the solution nearest to it. Nothing guarantees that: a long step of the line search can
cross into the valley of another solution, as with P(x) = (x1, x2^2), where large steps in y may end on the other root.
Nor can it tell a point that solves P(x) = y from the lowest point of a valley that does not, so look at the residual if
y may be out of reach.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from core.problem import Problem, Wrapped

MEMORY = 10  # past gradients kept; the toys have two unknowns, heat problems a few dozen


def numerical_inverse(
    problem: Problem,
    y: Float[Array, " m"],
    x: Float[Array, " n"],
    tolerance: float = 1e-12,
    iterations: int = 60,
) -> Float[Array, " n"]:
    """P^-1(y; x) by L-BFGS on |P(x) - y|^2 from the guess x, until that falls below tolerance^2 (|y|^2 + 1)."""

    def mismatch(candidate):
        return jnp.sum((problem.forward(candidate) - y) ** 2)

    solver = optax.lbfgs(memory_size=MEMORY)
    value_and_grad = optax.value_and_grad_from_state(mismatch)
    enough = tolerance**2 * (jnp.sum(y**2) + 1.0)

    def unfinished(carry):
        _, _, value, count = carry
        return (value > enough) & (count < iterations)

    def improve(carry):
        x, state, _, count = carry
        value, gradient = value_and_grad(x, state=state)
        step, state = solver.update(gradient, state, x, value=value, grad=gradient, value_fn=mismatch)
        x = optax.apply_updates(x, step)
        return x, state, mismatch(x), count + 1

    found, *_ = jax.lax.while_loop(unfinished, improve, (x, solver.init(x), mismatch(x), 0))
    return found


class NumericalInverse(Wrapped):
    """The same problem, its local inverse found by search instead of a formula."""

    tolerance: float = eqx.field(static=True, default=1e-12)

    def inverse(self, y: Float[Array, " m"], x: Float[Array, " n"]) -> Float[Array, " n"]:
        return numerical_inverse(self.problem, y, x, self.tolerance)
