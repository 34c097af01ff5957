"""Six properties of an update rule, each as one number that is 0 (or 1) if the rule is ideal.

They are the categories in which the chapter "Scale-Invariance and Inversion" compares its methods: units, function
sensitivity, convergence near the optimum, function composition, scale invariance, and what is paid for them. Every
measure takes the rule as it is and changes the problem around it.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core import measures
from core.composition import Composed, latent_step, miss
from core.problem import InUnits, Problem
from core.rollout import rollout
from core.toys import Scaled
from core.updates import Rule

Number = float | Array


def units_spread(rule: Rule, problem: Problem, eta: Number, units: Float[Array, " k"], steps: int) -> Float[Array, ""]:
    """How far walks lie apart, mapped back to the old unit, if x1 is counted in each of these units (0: one walk)."""

    def walk(unit):
        both = jnp.stack([unit, jnp.ones_like(unit)])
        other = InUnits(problem, both)
        return rollout(rule, other, other.start, steps, eta=eta).x * both

    return measures.spread(jax.vmap(walk)(units))


def sensitivity_exponent(rule: Rule, problem: Problem, eta: Number, alphas: Float[Array, " k"]) -> Float[Array, ""]:
    """The power of the sensitivity alpha with which one step changes the loss of P(alpha x), by a fit (0: none)."""

    def change(alpha):
        other = InUnits(problem, alpha)
        return measures.one_step(rule, other, other.start, eta).change

    return measures.loglog_slope(alphas, jax.vmap(change)(alphas))


def extra_steps(
    rule: Rule, problem: Problem, step: Number, eta: Number, near: float = 1e-3, steps: int = 5
) -> Float[Array, ""]:
    """Near the solution: how many more steps a gap in y takes than if each step closed the share eta of it (0: none).

    step: the rule's own step size.  near: the distance from the solution over that of the start. The slowest component
    of y counts, each in units of its own gap; one that does not shrink takes as good as for ever.
    """
    solution = problem.inverse(problem.target, problem.start)
    close = solution + near * (problem.start - solution)
    gaps = jnp.abs(rollout(rule, problem, close, steps, eta=step).y - problem.target)
    left = jnp.clip(jnp.max(gaps[-1] / gaps[0]) ** (1 / steps), 1e-12, 1 - 1e-15)
    return jnp.abs(jnp.log1p(-eta) / jnp.log(left) - 1.0)


def missed_announcements(
    rule: Rule, inner: Problem, outer: Problem, etas: Float[Array, " k"]
) -> tuple[Float[Array, " k"], Float[Array, " k"]]:
    """What a step in z = inner(x) misses of its announcement, in units of z and as a share of it, for each eta."""

    def missed(eta):
        step = latent_step(rule, Composed(inner, outer), inner.start, eta)
        return miss(step), miss(step) / jnp.linalg.norm(step.announced)

    return jax.vmap(missed)(etas)


def scale_spread(
    rule: Rule,
    problem: Problem,
    eta_of: Callable[[Problem], Number],
    scales: Float[Array, " k"],
    turned: float,
    steps: int,
) -> Float[Array, ""]:
    """How far walks lie apart if one direction of y, turned by `turned` radians, counts each of these times as much.

    eta_of: the rule's step size for the scaled problem. 0: the same walk at every scale.
    """

    def walk(alpha):
        aim = Scaled(alpha, turned).forward(problem.target)
        other = Composed(problem, Scaled(alpha, turned, aim))
        return rollout(rule, other, problem.start, steps, eta=eta_of(other)).x

    return measures.spread(jax.vmap(walk)(scales))


def longest_step(rule: Rule, problem: Problem, eta: Number, starts: Float[Array, "k n"]) -> Float[Array, ""]:
    """The longest first step over the median one, from a line of starts; inf where a singular matrix is met."""
    lengths = jax.vmap(lambda x: jnp.linalg.norm(rule(problem, x, eta)))(starts)
    lengths = jnp.where(jnp.isfinite(lengths), lengths, jnp.inf)
    return jnp.max(lengths) / jnp.median(lengths)
