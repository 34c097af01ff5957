"""The fair protocol: find x with P(x) = y*, relaxation, projection, Armijo and stopping the same for all.

With r = P(x) - y* and phi = |r|^2, one iteration is

    proposal      x_p, by one of `core.methods.METHODS`, with the step size eta
    relaxation    x_r = x + rho (x_p - x)
    projection    x+ = x_r, each component clipped to the box
    acceptance    phi(x+) < phi(x)  and  phi(x+) <= phi(x) + c grad phi . (x+ - x)

and on refusal eta is halved and the proposal made anew, at most `halvings` times. (With the usual phi = 1/2 |r|^2 the
acceptance is the same: the 1/2 cancels.) The decrease asked for is Armijo's along the projected step (Bertsekas,
Nonlinear Programming, section 2.3), which is what was really moved. A learned g need not propose a descent direction;
the predicted change is then positive, Armijo's condition asks for nothing, and the strict inequality keeps the
residual falling. So no walk can go up, and none can move forever without progress.

Nothing raises for what happens on the way: a walk ends with a `Status`.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from core.deceptron import Deceptron
from core.methods import Method
from core.problem import Problem
from core.setup import Solver


class Status(IntEnum):
    """Why a walk ended.

    BUDGET: iterations used up.  CONVERGED: residual within the tolerance.  STALLED: no step size lowered the
    residual enough (an active box, a floor, a local minimum).  DIVERGED: the start or the last proposal was
    not finite, as with a singular Jacobian.
    """

    BUDGET = 0
    CONVERGED = 1
    STALLED = 2
    DIVERGED = 3


class Trial(NamedTuple):
    """One proposal on its way to a new point. aim: in y-space, (m,); the rest (n,)."""

    eta: Float[Array, ""]
    halvings: Int[Array, ""]
    accepted: Bool[Array, ""]
    aim: Float[Array, " m"]
    pulled_back: Float[Array, " n"]
    relaxed: Float[Array, " n"]
    projected: Float[Array, " n"]


class Protocol(eqx.Module):
    """What one iteration does, for one method on one problem; the module's docstring has the equations."""

    method: Method = eqx.field(static=True)
    problem: Problem
    model: Deceptron | None
    solver: Solver

    def residual(self, x: Float[Array, " n"]) -> Float[Array, ""]:
        """|P(x) - y*| / scale."""
        return jnp.linalg.norm(self.problem.forward(x) - self.problem.target) / self.solver.scale

    def attempt(self, x: Float[Array, " n"], halvings: Int[Array, ""], memory: Any = None) -> Trial:
        """Propose with eta / 2^halvings, relax, project, and judge."""
        eta = self.solver.eta * 0.5 ** halvings.astype(x.dtype)
        y = self.problem.forward(x)
        remembered = () if self.method.memory is None else (memory,)
        aim, pulled_back = self.method.propose(self.problem, self.model, x, y, eta, self.solver, *remembered)
        relaxation = 1.0 if self.method.single else self.solver.relaxation
        relaxed = x + relaxation * (pulled_back - x)
        projected = jnp.clip(relaxed, *self.solver.box)
        # Clipping would turn an infinite proposal into an innocent corner of the box.
        usable = jnp.all(jnp.isfinite(pulled_back))
        accepted = usable if self.method.single else usable & self.accepts(x, projected)
        return Trial(eta, halvings, accepted, aim, pulled_back, relaxed, projected)

    def accepts(self, x: Float[Array, " n"], candidate: Float[Array, " n"]) -> Bool[Array, ""]:
        """phi falls, and at least by the demanded fraction of the predicted fall."""
        here, slope = jax.value_and_grad(self.problem.objective)(x)
        there = self.problem.objective(candidate)
        return (there < here) & (there <= here + self.solver.armijo * slope @ (candidate - x))

    def backtrack(self, x: Float[Array, " n"], status: Int[Array, ""], memory: Any = None) -> Trial:
        """The first accepted trial, or the last one."""

        def unsettled(trial):
            # Under vmap ended walks come along: without the status they would go on halving.
            return ~trial.accepted & (trial.halvings < self.solver.halvings) & (status == Status.BUDGET)

        first = self.attempt(x, jnp.zeros((), jnp.int32), memory)
        return jax.lax.while_loop(unsettled, lambda trial: self.attempt(x, trial.halvings + 1, memory), first)

    def begin(self, x: Float[Array, " n"]) -> Int[Array, ""]:
        """The status before the first iteration. BUDGET is also the status of a walk under way."""
        residual = self.residual(x)
        status = jnp.where(residual <= self.solver.tolerance, Status.CONVERGED, Status.BUDGET)
        return jnp.where(jnp.isfinite(residual), status, Status.DIVERGED).astype(jnp.int32)

    def remember(self, memory: Any, x: Float[Array, " n"], after: Float[Array, " n"]) -> Any:
        """The method's memory once the step from x to `after` is taken; None for a method without."""
        return None if self.method.memory is None else self.method.memory.remember(self.problem, memory, x, after)

    def step(
        self, x: Float[Array, " n"], status: Int[Array, ""], memory: Any = None
    ) -> tuple[Array, Array, Any, Trial]:
        """One iteration: the new point, the new status, the new memory, what was tried."""
        trial = self.backtrack(x, status, memory)
        memory = self.remember(memory, x, trial.projected)
        x = jnp.where(trial.accepted, trial.projected, x)
        refused = jnp.where(jnp.all(jnp.isfinite(trial.pulled_back)), Status.STALLED, Status.DIVERGED)
        status = jnp.where(trial.accepted & (not self.method.single), Status.BUDGET, refused)
        status = jnp.where(self.residual(x) <= self.solver.tolerance, Status.CONVERGED, status)
        return x, status.astype(jnp.int32), memory, trial

    def stay(
        self, x: Float[Array, " n"], status: Int[Array, ""], memory: Any = None
    ) -> tuple[Array, Array, Any, Trial]:
        """No iteration: the walk has ended."""
        shapes = jax.eval_shape(lambda: self.backtrack(x, status, memory))
        return x, status, memory, jax.tree.map(_nothing, shapes)


def _nothing(shape: jax.ShapeDtypeStruct) -> Array:
    """nan of a shape, or 0 or False where there is no nan."""
    blank = jnp.nan if jnp.issubdtype(shape.dtype, jnp.floating) else 0
    return jnp.full(shape.shape, blank, shape.dtype)
