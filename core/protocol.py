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


class Standing(NamedTuple):
    """Where a walk stands between two iterations: x, y = P(x), its status, and what the method remembers."""

    x: Float[Array, " n"]
    y: Float[Array, " m"]
    status: Int[Array, ""]
    memory: Any


class Protocol(eqx.Module):
    """What one iteration does, for one method on one problem; the module's docstring has the equations."""

    method: Method = eqx.field(static=True)
    problem: Problem
    model: Deceptron | None
    solver: Solver

    def residual(self, y: Float[Array, " m"]) -> Float[Array, ""]:
        """|y - y*| / scale."""
        return jnp.linalg.norm(y - self.problem.target) / self.solver.scale

    def backtrack(
        self, x: Float[Array, " n"], y: Float[Array, " m"], status: Int[Array, ""], memory: Any = None
    ) -> tuple[Trial, Float[Array, " m"]]:
        """The first accepted trial, or the last one, and P where it leads; y = P(x)."""
        # Once, and not in `attempt`: the compiler would take what does not depend on eta, a decomposition of J above
        # all, out of the loop below and do it beside the first attempt's, though nothing is ever refused.
        remembered = () if self.method.memory is None else (memory,)
        propose = self.method.propose(self.problem, self.model, x, y, self.solver, *remembered)
        here, slope = self.problem.loss(y), jax.grad(self.problem.objective)(x)

        def attempt(halvings):
            """Propose with eta / 2^halvings, relax, project, and judge."""
            eta = self.solver.eta * 0.5 ** halvings.astype(x.dtype)
            aim, pulled_back = propose(eta)
            relaxation = 1.0 if self.method.single else self.solver.relaxation
            relaxed = x + relaxation * (pulled_back - x)
            projected = jnp.clip(relaxed, *self.solver.box)
            reached = self.problem.forward(projected)
            there = self.problem.loss(reached)
            # phi falls, and at least by the demanded fraction of the predicted fall.
            fell = (there < here) & (there <= here + self.solver.armijo * slope @ (projected - x))
            # Clipping would turn an infinite proposal into an innocent corner of the box.
            usable = jnp.all(jnp.isfinite(pulled_back))
            accepted = usable if self.method.single else usable & fell
            return Trial(eta, halvings, accepted, aim, pulled_back, relaxed, projected), reached

        def unsettled(attempted):
            # Under vmap ended walks come along: without the status they would go on halving.
            trial, _ = attempted
            return ~trial.accepted & (trial.halvings < self.solver.halvings) & (status == Status.BUDGET)

        first = attempt(jnp.zeros((), jnp.int32))
        return jax.lax.while_loop(unsettled, lambda attempted: attempt(attempted[0].halvings + 1), first)

    def begin(self, x: Float[Array, " n"]) -> Standing:
        """Before the first iteration. BUDGET is also the status of a walk under way."""
        y = self.problem.forward(x)
        residual = self.residual(y)
        status = jnp.where(residual <= self.solver.tolerance, Status.CONVERGED, Status.BUDGET)
        status = jnp.where(jnp.isfinite(residual), status, Status.DIVERGED).astype(jnp.int32)
        return Standing(x, y, status, None if self.method.memory is None else self.method.memory.begin(x))

    def remember(self, memory: Any, x: Float[Array, " n"], after: Float[Array, " n"]) -> Any:
        """The method's memory once the step from x to `after` is taken; None for a method without."""
        return None if self.method.memory is None else self.method.memory.remember(self.problem, memory, x, after)

    def step(self, now: Standing) -> tuple[Standing, Trial]:
        """One iteration: where it leads, and what was tried."""
        trial, reached = self.backtrack(*now)
        memory = self.remember(now.memory, now.x, trial.projected)
        x, y = jnp.where(trial.accepted, trial.projected, now.x), jnp.where(trial.accepted, reached, now.y)
        refused = jnp.where(jnp.all(jnp.isfinite(trial.pulled_back)), Status.STALLED, Status.DIVERGED)
        status = jnp.where(trial.accepted & (not self.method.single), Status.BUDGET, refused)
        status = jnp.where(self.residual(y) <= self.solver.tolerance, Status.CONVERGED, status)
        return Standing(x, y, status.astype(jnp.int32), memory), trial

    def stay(self, now: Standing) -> tuple[Standing, Trial]:
        """No iteration: the walk has ended."""
        _, shapes = jax.eval_shape(lambda: self.step(now))
        return now, jax.tree.map(_nothing, shapes)


def _nothing(shape: jax.ShapeDtypeStruct) -> Array:
    """nan of a shape, or 0 or False where there is no nan."""
    blank = jnp.nan if jnp.issubdtype(shape.dtype, jnp.floating) else 0
    return jnp.full(shape.shape, blank, shape.dtype)


def exact_iterations(residual: Float[Array, "*runs"], solver: Solver) -> Float[Array, "*runs"]:
    """The iterations from this residual to the tolerance if every proposal were exact: what the relaxation alone asks.

    For a linear P, a proposal with P(x_p) = y* leaves |1 - rho| of the residual in each iteration, so that the count is
    log(tolerance / residual) / log |1 - rho|, rounded up. It depends on no Jacobian and no learned inverse: a method
    that needs as many iterations has shown no more than that its proposals are near enough to exact ones. For a curved
    P it holds near the solution only. 0 within the tolerance, inf where the residual does not shrink.
    """
    left = jnp.abs(1.0 - solver.relaxation)
    count = jnp.log(solver.tolerance / residual) / jnp.where(left < 1, jnp.log(left), jnp.nan)
    count = jnp.where(left < 1, jnp.ceil(count - 1e-6), jnp.inf)  # 2.0000001 is a 2 that was rounded
    return jnp.where(residual <= solver.tolerance, 0.0, jnp.maximum(count, 1.0))
