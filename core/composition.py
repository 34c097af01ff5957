"""Functions of functions, y = P2(P1(x)), and what a method does to the space in between, z = P1(x).

While gradients are passed back from L towards x, the later function P2 comes first. A method knows its step in z
beforehand if that step follows from P2 alone, whatever P1 turns out to be. Source: the remarks on function composition
in the chapter "Scale-Invariance and Inversion".
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem
from core.updates import Rule


class Composed(Problem):
    """P(x) = outer(inner(x)): where a walk begins is the inner problem's, the target and the loss are the outer's."""

    inner: Problem
    outer: Problem

    @property
    def target(self):  # type: ignore[override]
        return self.outer.target

    @property
    def start(self):  # type: ignore[override]
        return self.inner.start

    @property
    def domain(self):  # type: ignore[override]
        return self.inner.domain

    def forward(self, x: Float[Array, " n"]) -> Float[Array, " m"]:
        return self.outer.forward(self.inner.forward(x))

    def loss(self, y: Float[Array, " m"]) -> Float[Array, ""]:
        return self.outer.loss(y)

    def inverse(self, y: Float[Array, " m"], x: Float[Array, " n"]) -> Float[Array, " n"]:
        """P1^-1(P2^-1(y; z); x) with z = P1(x): the later function is undone first."""
        return self.inner.inverse(self.outer.inverse(y, self.inner.forward(x)), x)


class LatentStep(NamedTuple):
    """A step dx, (n,), and what it means in z, (k,): what the later function announces, and what becomes of z."""

    dx: Float[Array, " n"]
    announced: Float[Array, " k"]
    actual: Float[Array, " k"]


def latent_step(rule: Rule, problem: Composed, x: Float[Array, " n"], eta: float | Array) -> LatentStep:
    """dz as the rule would choose it if z were the unknown, beside the dz that its step in x brings about.

    What is announced comes from P2 and the rule. `core.chain_rule.promised_and_actual` compares something else: what J
    says that a given step dx does with what it does.

    gradient descent  -eta dL/dz against J1 J1^T times that: wrong by a factor, unless J1 is orthogonal.
    Newton            equal for a linear P1 (any eta); else the term dL/dz d2z/dx2 of the Hessian spoils the factor.
    inverse gradient  equal to first order in eta; equal for a linear P1.
    inverse simulator equal.
    """
    z = problem.inner.forward(x)
    dx = rule(problem, x, eta)
    return LatentStep(dx, rule(problem.outer, z, eta), problem.inner.forward(x + dx) - z)


def miss(step: LatentStep) -> Float[Array, ""]:
    """|actual - announced|, in units of z."""
    return jnp.linalg.norm(step.actual - step.announced)
