"""What the benchmarks count and compare; how long anything takes is measured by `make bench`, never by a test."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks import arithmetic, setups
from core import training
from core.methods import METHODS


def test_the_work_of_a_step_is_the_matrix_products_counted_by_hand():
    """Heat: S is n x n and used twice in f; g = y + MLP(n, 2n, n). A product of (k, a) and (a, b) takes 2 k a b.

    Per n^2 and row of the batch: 2 to draw, 4 for P(x), 8 for g, 4 for f(g), 4 back through it, 8 for the weights'
    gradient, 4 back to the hidden layer. Per probe: 4 through f, 8 through g, 4 back, 8 for the weights. Per sample
    that is probed: 4 + 8 to linearise, 4 for the first weights. Biases, units and random numbers come on top.
    """
    n, batch = 64, 128
    setup = setups.wide(n, batch)
    state = training.start(setup, jax.random.key(0))
    products = n**2 * (34 * batch + 24 * 16 * 8 + 16 * 16)
    counted = jax.jit(arithmetic.one_step).lower(state, setup, setup.hyper).compile().cost_analysis()["flops"]
    assert products < counted < 1.12 * products


def test_a_chunk_goes_on_with_the_same_program():
    chunk = arithmetic.Chunk(setups.SETUPS["linear"]())
    before = training.TRACES["advance"]
    first = chunk().total
    assert chunk().total[-1] < first[0]  # it trains on
    assert training.TRACES["advance"] == before


def test_the_matrix_product_is_one():
    product = arithmetic.matrix_product()()
    assert product.shape == (arithmetic.SIZE, arithmetic.SIZE) and product.dtype == jnp.float32


@pytest.mark.parametrize("name", setups.SETUPS)
def test_every_experiment_is_measured(name):
    setup = setups.SETUPS[name]()
    wide = name == setups.WIDE
    assert setup.batch == (128 if wide or name == "toy" else 64)
    assert not wide or (setup.problem.n, setup.jcp_samples, int(setup.hyper.probes)) == (64, 16, 2)


def test_budgets_are_for_methods_that_there_are():
    from benchmarks import solving

    assert set(solving.TABLES) <= set(METHODS)


def test_the_picture_of_growth_has_a_panel_for_each_thing_that_grows():
    from benchmarks import growth

    solves = {method: [9.0, 8.0] for method in growth.SOLVERS}
    panels = {axis: ((1, 10), {growth.STEP: [2.0, 20.0]}) for axis in ("n", "batch", "probes")}
    figure = growth.drawn(panels | {"instances": ((1, 10), solves)})
    assert {figure.layout[f"xaxis{k}"].title.text for k in ("", 2, 3, 4)} == {"n", "batch", "probes", "instances"}
    assert [trace.showlegend for trace in figure.data] == [True, False, False, True, True, True]  # each name once
    assert list(figure.data[0].y) == [2.0, 20.0] and figure.layout.xaxis.type == "log"
