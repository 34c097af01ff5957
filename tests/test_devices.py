"""Sharing out among devices: four that XLA simulates give what one gives, and none waits for ever."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import devices
from tests.test_backend import run

CODE = """
import json, sys
import jax, jax.numpy as jnp, numpy as np
from core import backend, setups, study, training
from core.devices import shared_out
from core.methods import METHODS
backend.enable_compilation_cache()
keys = jax.vmap(jax.random.key)(np.arange(3))
linear = setups.linear(3)
before = training.TRACES["advance"]
fits = training.fit_many(linear, keys, steps=100)
found = {
    "devices": jax.device_count(),
    "traces": training.TRACES["advance"] - before,
    "where": len(shared_out(lambda x: 2 * x, np.arange(8.0)).sharding.device_set),
    "weights": [fit.model.g.weight.tolist() for fit in fits],
    "total": [fit.history["total"].tolist() for fit in fits],
}
# LAPACK's kernels, many matrices at once on every device: with XLA's pool of threads that can stand still for ever.
matrices = np.random.default_rng(0).normal(size=(64, 8, 8))
for _ in range(20):
    solved = shared_out(jnp.linalg.inv, matrices)
found["solved"] = float(np.max(np.abs(matrices @ np.asarray(solved) - np.eye(8))))
# On each device one instance after the other, side by side, and with the learned g.
METHODS["gauss_newton"] = METHODS["gauss_newton"]._replace(side_by_side=0)
for method in ("gauss_newton", "gradient_descent", "dipg_plain"):
    row = study.row(method, linear, fits[0].model, 11, 7)
    found[method] = [row.iterations.tolist(), row.status.tolist(), row.error.tolist()]
print(json.dumps(found))
"""
FOUR = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"


@pytest.fixture(scope="module")
def found():
    """The same on four simulated devices and on one, each in a process of its own."""
    return {count: json.loads(said(flags)) for count, flags in ((4, FOUR), (1, FOUR.replace("=4", "=1")))}


def said(flags):
    done = run(CODE, JAX_PLATFORMS="cpu", XLA_FLAGS=flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_four_and_all_of_them_work(found):
    assert [found[count]["devices"] for count in (4, 1)] == [4, 1]
    assert [found[count]["where"] for count in (4, 1)] == [4, 1]


def test_three_seeds_on_four_devices_are_the_three_of_one(found):
    """To float32 rounding after 100 steps: a share of one seed is another program than a batch of three."""
    four, one = found[4], found[1]
    assert np.shape(four["weights"]) == np.shape(one["weights"]) == (3, 3, 3)
    np.testing.assert_allclose(four["weights"], one["weights"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(four["total"], one["total"], rtol=1e-3, atol=1e-6)


def test_batches_of_matrices_on_four_devices_do_not_wait_for_each_other(found):
    assert found[4]["solved"] < 1e-12 and found[1]["solved"] < 1e-12


def test_chunks_of_many_devices_are_traced_once(found):
    assert found[4]["traces"] == found[1]["traces"] == 1


@pytest.mark.parametrize("method", ["gauss_newton", "gradient_descent"])
def test_seven_instances_on_four_devices_are_the_seven_of_one(found, method):
    (iterations, status, error), (*same, error_of_one) = found[4][method], found[1][method]
    assert [iterations, status] == same and len(iterations) == 7
    np.testing.assert_allclose(error, error_of_one, rtol=1e-9, atol=1e-12)


def test_a_learned_inverse_walks_on_four_devices_as_far_as_its_model_is_the_same(found):
    assert found[4]["dipg_plain"][1] == found[1]["dipg_plain"][1]
    np.testing.assert_allclose(found[4]["dipg_plain"][2], found[1]["dipg_plain"][2], rtol=1e-3)


@pytest.mark.parametrize(("members", "devices_there", "expected"), [(3, 4, 4), (4, 4, 4), (5, 4, 8), (7, 1, 7)])
def test_members_are_filled_up_with_the_last_one(monkeypatch, members, devices_there, expected):
    monkeypatch.setattr(jax, "device_count", lambda: devices_there)
    filled = devices.padded({"a": jnp.arange(members), "keys": jax.random.split(jax.random.key(0), members)})
    np.testing.assert_array_equal(filled["a"], [*range(members), *[members - 1] * (expected - members)])
    assert len(filled["keys"]) == expected


def test_names_and_numbers_that_are_common_reach_every_share():
    def scaled(share, factor, name, times):
        return {name: share * factor * times}

    got = devices.shared_out(scaled, jnp.arange(5.0), jnp.asarray(2.0), "b", 3)
    np.testing.assert_array_equal(got["b"], 6 * np.arange(5.0))
