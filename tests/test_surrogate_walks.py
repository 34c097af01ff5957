"""Gauss-Newton and Levenberg-Marquardt under the protocol against optimistix, on simulators that were learned."""

import dataclasses
from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
import pytest

from core import networks, setups, training
from core.backend import default_float
from core.problem import Wrapped
from core.protocol import Status
from core.solve import solve_many


class Learned(Wrapped):
    """The same problem with the learned f in place of P."""

    f: eqx.Module

    def forward(self, x):
        return self.f(x)


@cache
def surrogate(name):
    """A setup whose simulator is a shortly trained f, free of box and relaxation, with targets that f reaches."""
    if name == "heat":
        setup = setups.heat_easy(n=8)
        f = training.fit(setup, jax.random.key(0), steps=100).model.f
    else:  # the oscillator's own f is the physics: a network of g's kind learns it from pairs
        setup = setups.oscillator()
        f = regression(setup)
    f = networks.as_type(f, default_float())
    learned = Learned(setup.problem, f)
    everywhere = (jnp.full(setup.problem.start.size, -1e6), jnp.full(setup.problem.start.size, 1e6))
    solver = dataclasses.replace(setup.solver, tolerance=1e-10, relaxation=1.0, box=everywhere, budget=60)
    truths, _, x0s = setup.sample(jax.random.key(1), 6)
    x0s = truths + 0.1 * (x0s - truths)  # near enough that all arrive at the same of several solutions
    return dataclasses.replace(setup, problem=learned, solver=solver), jax.vmap(f)(truths), x0s


def regression(setup, steps=150):
    """A network x -> y, fitted to the physics by gradient descent with momentum."""
    x = setup.draw(jax.random.key(2), 256).astype(jnp.float32)
    y = jax.vmap(networks.Physics(networks.as_type(setup.problem, jnp.float32)))(x)
    units = networks.Affine.standard(x), networks.Affine.standard(y)
    model = networks.mlp(jax.random.key(3), *units, (32,))
    moving, fixed = eqx.partition(model, networks.trainable(model))

    def loss(moving):
        return jnp.mean((jax.vmap(eqx.combine(moving, fixed))(x) - y) ** 2)

    def step(carry, _):
        moving, velocity = carry
        velocity = jax.tree.map(lambda v, g: 0.9 * v - 0.05 * g, velocity, jax.grad(loss)(moving))
        return (jax.tree.map(jnp.add, moving, velocity), velocity), None

    begun = moving, jax.tree.map(jnp.zeros_like, moving)
    (moving, _), _ = jax.jit(lambda begun: jax.lax.scan(step, begun, length=steps))(begun)
    return eqx.combine(moving, fixed)


@pytest.mark.parametrize("name", ["heat", "oscillator"])
@pytest.mark.parametrize("method", ["gauss_newton", "levenberg_marquardt"])
def test_both_come_to_optimistixs_fixed_point(name, method):
    """Oracle: optimistix on the same residuals, from the same starts; both solve them to 1e-10."""
    setup, y_stars, x0s = surrogate(name)
    ours = solve_many(method, setup, None, y_stars, x0s)
    kind = optimistix.GaussNewton if method == "gauss_newton" else optimistix.LevenbergMarquardt
    oracle = kind(rtol=1e-12, atol=1e-12)

    @jax.jit
    def theirs(y_stars, x0s):
        def one(parts):
            y_star, x0 = parts
            return optimistix.least_squares(lambda x, _: setup.problem.forward(x) - y_star, oracle, x0).value

        return jax.lax.map(one, (y_stars, x0s))

    assert np.all(np.asarray(ours.status) == Status.CONVERGED)
    assert np.all(np.linalg.norm(ours.x - x0s, axis=1) > 1e-3)  # a way to go
    np.testing.assert_allclose(ours.x, theirs(y_stars, x0s), atol=1e-7)
