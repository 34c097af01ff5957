"""What can be said of a Jacobian that is never formed: its products with vectors, and what random probes tell of it.

A Jacobian–vector product J v takes one run of the function with v carried along (forward mode), a vector–Jacobian
product J^T u one run and one sweep back (reverse mode); neither holds J. For a matrix E and signs v (independent, +-1
with equal chance) |E v|^2 = v^T M v with M = E^T E has

    mean      tr M = |E|_F^2
    variance  2 sum_{i != j} M_ij^2          (zero where M is diagonal, however large it is)

so the mean of k such probes is an unbiased estimate whose variance is the k-th part. Source: Hutchinson, "A stochastic
estimator of the trace of the influence matrix for Laplacian smoothing splines", 1990, which estimates tr M for any M.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.deceptron import Deceptron, composition
from core.networks import Affine, Physics, Slab
from core.problem import Problem

Map = Callable[[Array], Array]


def jvp(function: Map, x: Float[Array, " n"], v: Float[Array, " n"]) -> Float[Array, " m"]:
    """J v: how the output answers to a small change v of x."""
    return jax.jvp(function, (x,), (v,))[1]


def vjp(function: Map, x: Float[Array, " n"], u: Float[Array, " m"]) -> Float[Array, " n"]:
    """J^T u: how u . output depends on each component of x. With u = dL/dy it is the gradient of L."""
    _, pull_back = jax.vjp(function, x)
    return pull_back(u)[0]


def composition_error(model: Deceptron, x: Float[Array, " n"]) -> Float[Array, "n n"]:
    """E = J_g(f(x)) J_f(x) - I, dense: |E|_F^2 is the composition defect."""
    return composition(model, x) - jnp.eye(x.size, dtype=x.dtype)


def probe_variance(error: Float[Array, "m n"]) -> Float[Array, ""]:
    """2 sum_{i != j} M_ij^2 with M = E^T E: the variance of |E v|^2 over sign vectors v."""
    gram = error.T @ error
    return 2 * jnp.sum((gram - jnp.diag(jnp.diagonal(gram))) ** 2)


def probes_for(error: Float[Array, "m n"], share: float) -> Float[Array, ""]:
    """How many probes bring the standard deviation of their mean down to this share of |E|_F^2; 0 for E = 0.

    Never more than 2 / share^2, whatever n: sum_ij M_ij^2 <= (tr M)^2, since M has no negative eigenvalue.
    """
    size = jnp.sum(error**2)
    return jnp.where(size > 0, probe_variance(error) / jnp.where(size > 0, share * size, 1.0) ** 2, 0.0)


def scatter(errors: Float[Array, " count"], probes: int) -> Float[Array, ""]:
    """The standard deviation of the means of `probes` errors each, taken one group after the other."""
    groups = len(errors) // probes
    return jnp.std(jnp.mean(errors[: groups * probes].reshape(groups, probes), axis=1))


def tangent_pair(problem: Problem, at: Float[Array, " n"]) -> Deceptron:
    """f is the simulator, g(y) = a + J(a)^-1 (y - P(a)) its inverse linearised at a: exact there only. Needs m = n."""
    y = problem.forward(at)
    inverse = jnp.linalg.inv(problem.jacobian(at))
    inner, outer = Affine(y, jnp.ones_like(y)), Affine(at, jnp.ones_like(at))
    return Deceptron(Physics(problem), Slab(inverse, jnp.zeros_like(at), inner, outer))
