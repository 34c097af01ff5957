"""Linear problems y = A x with a chosen condition number: where every claim can be checked against the exact answer."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from core.problem import NoInverse, Problem, number


class LinearMap(Problem):
    """P(x) = A x for a matrix A (m, n). The inverse is known where A is square."""

    matrix: Float[Array, "m n"]
    target: Float[Array, " m"]
    start: Float[Array, " n"]
    domain: tuple[Float[Array, " n"], Float[Array, " n"]]

    def __init__(self, matrix, target=None, start=None):
        self.matrix = number(matrix)
        m, n = self.matrix.shape
        self.target = number(np.zeros(m)) if target is None else number(target)
        self.start = number(np.zeros(n)) if start is None else number(start)
        self.domain = (number(-np.ones(n)), number(np.ones(n)))

    def forward(self, x: Float[Array, " n"]) -> Float[Array, " m"]:
        return self.matrix @ x

    def inverse(self, y: Float[Array, " m"], x: Float[Array, " n"]) -> Float[Array, " n"]:
        m, n = self.matrix.shape
        if m != n:
            raise NoInverse(f"a LinearMap with {m} outputs of {n} unknowns has no inverse; gauss_newton uses A^+")
        return jnp.linalg.solve(self.matrix, y)


@partial(jax.jit, static_argnums=(1, 2, 3))
def conditioned(key: PRNGKeyArray, n: int, condition: float, m: int | None = None) -> Float[Array, "m n"]:
    """A random matrix whose singular values fall evenly, by a constant factor, from 1 to 1 / condition.

    Its singular vectors are uniformly distributed. Raises ValueError for fewer rows than columns, which no left
    inverse undoes, and for a condition below 1.
    """
    m = n if m is None else m
    if not 1 <= n <= m:
        raise ValueError(f"a linear problem needs 1 <= n <= m unknowns, got n = {n} and m = {m}")
    if not condition >= 1:
        raise ValueError(f"a condition number is at least 1, got {condition}")
    key_u, key_v = jax.random.split(key)
    u, v = (jnp.linalg.qr(jax.random.normal(k, (d, n)))[0] for k, d in ((key_u, m), (key_v, n)))
    return u @ jnp.diag(jnp.geomspace(1.0, 1.0 / condition, n)) @ v.T


def across(matrix: Float[Array, "m n"]) -> Float[Array, "m m_minus_n"]:
    """U with U^T A = 0: an orthonormal basis of all that no A x reaches; without columns where A is square.

    A has n independent columns. There a left inverse (V A = I) may do what it likes; the pseudo-inverse has A^+ U = 0.
    """
    return jnp.linalg.qr(matrix, mode="complete")[0][:, matrix.shape[1] :]
