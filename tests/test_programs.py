"""Compiled programs are given back before they fill the process, and nothing is lost by it."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import programs
from lessons import lessons
from pages.ui import pictures

on_linux = pytest.mark.skipif(not programs.mappings(), reason="this system does not tell a process's mappings")


@on_linux
def test_programs_are_given_back_past_the_mark():
    double = jax.jit(lambda x: 2 * x)
    double(jnp.ones(3))
    held = programs.mappings()
    assert not programs.give_back(most=held + 1000)
    assert double._cache_size() == 1
    assert programs.give_back(most=0)
    assert double._cache_size() == 0 and programs.mappings() < held
    assert double(jnp.ones(3)).tolist() == [2, 2, 2]


@on_linux
def test_what_was_set_aside_is_searched_when_programs_are_given_back():
    class Ring:
        pass

    ring = Ring()
    ring.itself, gone = ring, weakref.ref(ring)
    programs.set_aside()
    try:
        del ring
        gc.collect()
        assert gone() is not None
        assert programs.give_back(most=0)
        assert gone() is None and gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


@on_linux
def test_the_programs_of_other_pages_are_given_back_and_their_sweeps_are_the_same_again(monkeypatch):
    lesson, other = lessons()["crux"], lessons()["four-ways"]
    first = pictures.sweep(lesson, lesson.defaults, "alpha")
    monkeypatch.setattr(programs.give_back, "__defaults__", (0,))
    monkeypatch.setattr(pictures, "_met", {("crux", "axes")})
    pictures.sweep(other, other.defaults, "eta")
    assert {slug for slug, *_ in pictures._met} == {other.slug}
    pictures._sweep.clear()
    assert pictures.sweep(lesson, lesson.defaults, "alpha") == first


def test_a_system_that_does_not_tell_keeps_its_programs(monkeypatch):
    monkeypatch.setattr(programs, "mappings", lambda: 0)
    assert not programs.give_back()


def test_what_is_computed_at_once_is_numbers_inside_a_trace_and_by_one_program(caplog):
    @jax.jit
    def counted(x):
        return x + jnp.arange(3, dtype=x.dtype) * jnp.linspace(1.0, 3.0, 3, dtype=x.dtype)

    @jax.jit
    def traced(y):
        with programs.at_once(), jax.log_compiles():
            known.append(np.asarray(counted(np.ones(3))))
        return y + known[-1]

    known = []
    assert traced(np.zeros(3)).tolist() == [1, 3, 7]
    assert known[0].tolist() == [1, 3, 7]
    compiled = [record.getMessage() for record in caplog.records if "XLA compilation" in record.getMessage()]
    assert len(compiled) == 1 and "counted" in compiled[0]
