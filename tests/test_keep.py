"""Saved models: read back they are the same, and what is not one of them is refused with the reason."""

import json
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import keep, setups
from core.keep import NotThisFit


@pytest.fixture(scope="module")
def setup():
    return setups.linear(3)


@pytest.fixture
def saved(setup, tmp_path):
    model = setup.build(jax.random.key(7))
    path = tmp_path / "fit.model"
    keep.save(path, model, "linear/full", seed=7)
    return path, model


def test_a_model_comes_back_as_it_was(setup, saved):
    path, model = saved
    again = keep.load(path, setup, "linear/full")
    assert jax.tree.structure(again) == jax.tree.structure(model)
    for before, after in zip(jax.tree.leaves(model), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(before, after)
        assert before.dtype == after.dtype
    assert keep.read_header(path)["seed"] == 7


def test_nothing_of_a_save_that_was_interrupted_is_left_under_its_name(setup, tmp_path, monkeypatch):
    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(eqx, "tree_serialise_leaves", broken)
    with pytest.raises(OSError, match="disk full"):
        keep.save(tmp_path / "fit.model", setup.build(jax.random.key(0)), "linear/full")
    assert not (tmp_path / "fit.model").exists()


def test_a_model_of_another_experiment_is_refused(setup, saved):
    with pytest.raises(NotThisFit, match="was trained for 'linear/full', not for 'heat-easy/full'"):
        keep.load(saved[0], setup, "heat-easy/full")


def test_a_model_of_other_shapes_is_refused(saved):
    with pytest.raises(NotThisFit, match="other shapes"):
        keep.load(saved[0], setups.linear(4), "linear/full")


@pytest.mark.parametrize("cut", [0, 10, 300, -1])
def test_a_file_that_is_cut_short_is_refused(setup, saved, cut):
    path, _ = saved
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(NotThisFit):
        keep.load(path, setup, "linear/full")


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 500, b"{}\n", b"[1]\n", json.dumps({"format": "other"}).encode() + b"\n", pickle.dumps([1])],
    ids=["empty", "zeros", "no format", "a list", "another format", "a pickle"],
)
def test_what_is_no_model_is_refused(setup, tmp_path, content):
    path = tmp_path / "fit.model"
    path.write_bytes(content)
    with pytest.raises(NotThisFit, match="no model saved by this course"):
        keep.load(path, setup, "linear/full")


def test_a_pickle_behind_a_good_header_is_never_run(setup, saved, tmp_path):
    """NumPy would unpickle an object array if it were allowed to."""
    path, _ = saved
    header = path.read_bytes().split(b"\n", 1)[0]
    with path.open("wb") as file:
        file.write(header + b"\n")
        np.save(file, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(NotThisFit, match="damaged"):
        keep.load(path, setup, "linear/full")


def test_numbers_that_are_not_finite_are_refused(setup, tmp_path):
    model = eqx.tree_at(lambda m: m.g.bias, setup.build(jax.random.key(0)), jnp.full(3, jnp.nan, jnp.float32))
    keep.save(tmp_path / "fit.model", model, "linear/full")
    with pytest.raises(NotThisFit, match="not finite"):
        keep.load(tmp_path / "fit.model", setup, "linear/full")
