"""The Deceptron: a forward map f, a reverse map g, and how far g is from being f's local inverse.

The measure is the Jacobian composition C(x) = J_g(f(x)) J_f(x), which is I where g undoes small changes of f:

    composition defect   |C(x) - I|_F^2                         exact, n Jacobian-vector products JCP, RJCP
    mean over probes v of |C(x) v - v|^2   its unbiased estimate (Hutchinson), v of signs +-1

RJCP is the defect at run time, JCP its mean over training samples, used as a loss. Source: Kachhadiya,
"Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion", arXiv 2511.21076, where sums
over components are written; the code of the author's second paper (arXiv 2605.13068) takes means. Here the defect and
RJCP are sums; the loss terms that compare vectors, and `jcp`, are means over components (the sum divided by n or m),
so that a weight means the same for every size.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from core.networks import Physics, Slab

MAX_PROBES = 8  # the variance falls like 1 / probes and the paper uses 2 to 4
TERMS = ("task", "reconstruction", "cycle", "spectral", "bias_tie", "composition", "jcp")


class Deceptron(eqx.Module):
    """f: x (n,) -> y (m,), the physics or a learned surrogate.  g: y (m,) -> x (n,), its local inverse."""

    f: Callable[[Array], Array]
    g: Callable[[Array], Array]


def composition(model: Deceptron, x: Float[Array, " n"]) -> Float[Array, "n n"]:
    """C(x) = J_g(f(x)) J_f(x)."""
    return jax.jacfwd(model.g)(model.f(x)) @ jax.jacfwd(model.f)(x)


def composition_defect(model: Deceptron, x: Float[Array, " n"]) -> Float[Array, ""]:
    """|J_g(f(x)) J_f(x) - I|_F^2, exact. 0: g undoes f around x. n: g ignores its input. No upper limit."""
    matrix = composition(model, x)
    return jnp.sum((matrix - jnp.eye(x.size, dtype=matrix.dtype)) ** 2)


def probe_errors(model: Deceptron, x: Float[Array, " n"], probes: Float[Array, "k n"]) -> Float[Array, " k"]:
    """|C(x) v - v|^2 for each row v of probes, by Jacobian-vector products, f and g linearised once."""
    y, push_f = jax.linearize(model.f, x)
    _, push_g = jax.linearize(model.g, y)
    push = jax.vmap(lambda vector: push_g(push_f(vector)))
    # C is linear: pushing its n axes and combining them is cheaper than pushing more than n probes.
    by_axes = len(probes) > x.size
    pushed = probes @ push(jnp.eye(x.size, dtype=x.dtype)) if by_axes else push(probes)
    return jnp.sum((pushed - probes) ** 2, axis=-1)


def rjcp(model: Deceptron, x: Float[Array, " n"], key: PRNGKeyArray, probes: int | Int[Array, ""]) -> Float[Array, ""]:
    """Mean of |C(x) v - v|^2 over `probes` random sign vectors v, unbiased for `composition_defect`.

    A Python int draws that many. A traced integer (a slider) recompiles nothing: MAX_PROBES are drawn and the
    first `probes` count, 1 to MAX_PROBES.
    """
    fixed = isinstance(probes, int)
    if fixed and probes < 1:
        raise ValueError(f"rjcp needs at least 1 probe, got {probes}")
    count = probes if fixed else MAX_PROBES
    errors = probe_errors(model, x, jax.random.rademacher(key, (count, x.size), x.dtype))
    return jnp.mean(errors) if fixed else masked_mean(errors, probes)


def masked_mean(values: Float[Array, " k"], count: Int[Array, ""]) -> Float[Array, ""]:
    """Mean of the first `count` values, count clipped to 1..k."""
    count = jnp.clip(count, 1, values.size)
    return jnp.sum(jnp.where(jnp.arange(values.size) < count, values, 0)) / count.astype(values.dtype)


@eqx.filter_jit
def rjcp_field(model: Deceptron, xs: Float[Array, "*grid n"]) -> Float[Array, "*grid"]:
    """The exact composition defect at every point of a grid of any shape: the trust map."""
    points = xs.reshape(-1, xs.shape[-1])
    return jax.vmap(lambda x: composition_defect(model, x))(points).reshape(xs.shape[:-1])


def loss_terms(
    model: Deceptron,
    x: Float[Array, "batch n"],
    clean: Float[Array, "batch m"],
    key: PRNGKeyArray,
    probes: Int[Array, ""],
    noise: Float[Array, "batch m"] | float = 0.0,
    jcp_samples: int | None = None,
) -> dict[str, Float[Array, ""]]:
    """The terms of the training loss by name, unweighted, for clean = P(x) and data y = clean + noise: batch means.

    task            |f(x) - y|^2 / m               f learns the simulator; fixed where f is the physics
    reconstruction  |g(f(x) + noise) - x|^2 / n    with y's noise: g would never meet any otherwise
    cycle           |f(g(y)) - y|^2 / m
    spectral        |W^T W - I|_F^2                slabs only, as are the next two
    bias_tie        |b + c|^2                      where b and c have one size
    composition     |V W - I|_F^2                  in the slabs' scaled units
    jcp             RJCP / n                       on the first `jcp_samples` of the batch, default all
    """
    n, y = x.shape[-1], clean + noise
    undone = jax.vmap(model.g)(y)
    # Where f is the physics, its answer is known and with noise it is the data: neither f nor g is applied twice.
    known = isinstance(model.f, Physics)
    predicted = clean if known else jax.vmap(model.f)(x)
    terms = {
        "task": jnp.mean((predicted - y) ** 2),
        "reconstruction": jnp.mean(((undone if known else jax.vmap(model.g)(predicted + noise)) - x) ** 2),
        "cycle": jnp.mean((jax.vmap(model.f)(undone) - y) ** 2),
    }
    if isinstance(model.f, Slab) and isinstance(model.g, Slab):
        w, v = model.f.weight, model.g.weight
        identity = jnp.eye(n, dtype=x.dtype)
        terms["spectral"] = jnp.sum((w.T @ w - identity) ** 2)
        if w.shape[0] == w.shape[1]:
            terms["bias_tie"] = jnp.sum((model.f.bias + model.g.bias) ** 2)
        terms["composition"] = jnp.sum((v @ w - identity) ** 2)
    probed = x[:jcp_samples]
    signs = jax.random.rademacher(key, (len(probed), MAX_PROBES, n), x.dtype)
    errors = jax.vmap(lambda sample, vectors: masked_mean(probe_errors(model, sample, vectors), probes))
    terms["jcp"] = jnp.mean(errors(probed, signs)) / n
    return terms
