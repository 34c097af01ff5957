"""The loops over the iterations of walks, alone and side by side: that they agree, and what an iteration costs."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import setups, solve, toys
from core.linear import LinearMap
from core.methods import METHODS

LOOPS = (solve._alone, solve._in_step)


def bent(budget=15):
    """RotatedSine with an untrained g: steps are refused, relaxed and projected; some walks arrive, some do not."""
    setup = setups.toy(toys.RotatedSine())
    solver = dataclasses.replace(setup.solver, tolerance=1e-6, relaxation=0.8, budget=budget, armijo=0.1)
    return dataclasses.replace(setup, solver=solver), setup.build(jax.random.key(0))


def walks(loop, method, starts, budget=15):
    setup, model = bent(budget)
    _, y_stars, x0s = setup.sample(jax.random.key(1), starts)

    @eqx.filter_jit
    def one(y_star, x0):
        return solve._walked(loop, method, setup.problem, model, y_star, x0, setup.solver)

    found = [one(*parts) for parts in zip(y_stars, x0s, strict=True)]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *found)


@pytest.mark.parametrize("method", METHODS)
def test_a_walk_left_at_its_end_is_the_walk_that_stands_still_there(method):
    """The same numbers in every row, those after the end too."""
    left, standing = (walks(loop, method, 6) for loop in LOOPS)
    for one, other in zip(jax.tree.leaves(left), jax.tree.leaves(standing), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_is_the_same_walks_side_by_side_and_one_after_the_other(method, monkeypatch):
    setup, model = bent()
    _, y_stars, x0s = setup.sample(jax.random.key(1), 6)
    found = []
    for most in (0, 2):
        monkeypatch.setitem(METHODS, method, METHODS[method]._replace(side_by_side=most))

        @eqx.filter_jit  # a program of its own, whatever other tests have compiled
        def batch(instances):
            return solve._solve_batch.__wrapped__(instances, method, setup.problem, model, setup.solver)

        program = str(jax.make_jaxpr(lambda *instances: batch(instances))(y_stars, x0s))
        assert ("length=6" in program) is (most == 0)  # else both would be the same way
        with jax.numpy_rank_promotion("raise"):
            found.append(batch((y_stars, x0s)))
    for one, other in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


def test_no_walk_of_a_batch_gets_a_copy_of_the_simulators_matrix():
    """As it would where a choice between two branches, `cond`, is made for each of them: four times the time."""
    problem = LinearMap(np.triu(np.ones((5, 5))))
    setup = dataclasses.replace(setups.linear(5), problem=problem)

    def program(loop):
        return str(jax.make_jaxpr(loop)(jnp.ones((6, 5)), jnp.zeros((6, 5))))

    def copied(y_stars, x0s):
        return jax.vmap(lambda *walk: solve.solve_path("gradient_descent", problem, None, *walk, setup.solver))(
            y_stars, x0s
        )

    def batch(y_stars, x0s):
        return solve.solve_many("gradient_descent", setup, None, y_stars, x0s)

    assert "[6,5,5]" in program(copied) and "[6,5,5]" not in program(batch)


def test_the_walks_of_that_test_end_early_and_late():
    """Else it would compare little."""
    tried = {method: np.sum(~np.isnan(walks(LOOPS[0], method, 6).path.trials.eta), axis=1) for method in METHODS}
    assert min(np.min(count) for count in tried.values()) < 5 and np.max(tried["gradient_descent"]) == 15


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", ["x", "y", "residual"])
def test_a_walk_may_use_its_whole_budget(loop, name):
    """A budget of 1: the row of the start and the row of the only step, none of them standing still."""
    short, longer = (getattr(walks(loop, "gradient_descent", 3, budget).path, name) for budget in (1, 2))
    np.testing.assert_allclose(short, longer[:, :2], rtol=1e-12)
    assert np.all(short[:, 0] != short[:, 1])


@pytest.mark.parametrize(
    ("method", "decomposition"), [("gauss_newton", "cholesky"), ("levenberg_marquardt", "lu"), ("newton", "lu")]
)
@pytest.mark.parametrize("loop", LOOPS)
def test_an_iteration_decomposes_once_however_often_eta_is_halved(method, decomposition, loop):
    setup, _ = bent()
    program = jax.make_jaxpr(
        lambda y_star, x0: solve._walked(loop, method, setup.problem, None, y_star, x0, setup.solver)
    )(jnp.zeros(2), jnp.ones(2))
    assert sum(f" = {decomposition}{after}" in line for line in str(program).splitlines() for after in " [") == 1
