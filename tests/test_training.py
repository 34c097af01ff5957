"""Training in chunks: what may move without recompiling, what is guarded, the optimiser against optax."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from core import networks, setups, toys, training
from core.deceptron import TERMS, rjcp_field
from core.setup import Hyper

KEY = jax.random.key(3)
STEPS = 10  # one small chunk size for the whole file, so that it compiles once


def short(architecture="physics", problem=None):
    return setups.toy(problem or toys.Scaled(4.0), architecture)


def advance(state, setup, hyper=None):
    return training.advance(state, setup, hyper, steps=STEPS)


def weights_of(model):
    return jax.tree.leaves(eqx.filter(model, networks.trainable(model)))


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(weights_of(a), weights_of(b), strict=True))


def test_no_number_that_moves_is_traced_again():
    setup = short()
    state, _ = advance(training.start(setup, KEY), setup)
    before = training.TRACES["advance"]
    for hyper in (
        Hyper(learning_rate=3e-3, total_steps=777, jcp_warmup=100, noise=0.1, probes=5, clip=1.0),
        Hyper(probes=8, weights={term: 0.5 for term in TERMS}),
    ):
        state, _ = advance(state, setup, hyper)
    for alpha in (0.5, 7.0):
        state, _ = advance(state, short(problem=toys.Scaled(alpha, angle=0.3)))
    narrower = dataclasses.replace(setup.solver, eta=0.3, tolerance=0.1, box=([-2, -2], [2, 2]))
    advance(state, dataclasses.replace(setup, solver=narrower))
    assert training.TRACES["advance"] == before


def test_the_counter_does_see_a_new_kind_of_problem():
    before = training.TRACES["advance"]
    setup = short(problem=toys.Sheared())
    advance(training.start(setup, KEY), setup)
    assert training.TRACES["advance"] == before + 1


def test_same_key_same_model_another_key_another_model():
    setup = short()
    first, again, other = (
        training.model_of(advance(training.start(setup, key), setup)[0]) for key in (KEY, KEY, jax.random.key(4))
    )
    assert same(first, again)
    assert not same(first, other)


def test_chunks_only_cut_the_same_run():
    setup = short()
    begun = training.start(setup, KEY)
    halves, first = advance(begun, setup)
    halves, second = advance(halves, setup)
    whole, both = training.advance(begun, setup, steps=2 * STEPS)
    for a, b in zip(weights_of(whole.model), weights_of(halves.model), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(both.total, np.concatenate([first.total, second.total]), rtol=1e-4)
    assert int(whole.step) == int(halves.step) == 2 * STEPS


def test_the_optimiser_is_clipped_adam_on_a_cosine():
    """Oracle: optax's own chain, on the same loss, data and keys."""
    setup, steps = short("surrogate"), STEPS
    # A clip below the gradient's norm, so that clipping acts; short, so that the cosine falls.
    hyper = Hyper(total_steps=14, clip=0.02, probes=3, jcp_warmup=6, weights=setup.hyper.weights)
    state = training.start(setup, KEY)
    got, _ = advance(state, setup, hyper)
    oracle = optax.chain(optax.clip_by_global_norm(0.02), optax.adam(optax.cosine_decay_schedule(1e-2, decay_steps=14)))
    moving, fixed = eqx.partition(state.model, networks.trainable(state.model))
    data = networks.as_type(setup, jnp.float32)

    @jax.jit
    def gradient(moving, key, step):
        return jax.grad(lambda m: training._loss(eqx.combine(m, fixed), data, hyper, key, step)[0])(moving)

    memory, key, norms = oracle.init(moving), state.key, []
    for step in range(steps):
        key, now = jax.random.split(key)
        slope = gradient(moving, now, jnp.asarray(step, jnp.int32))
        norms.append(float(optax.tree.norm(slope)))
        updates, memory = oracle.update(slope, memory, moving)
        moving = optax.apply_updates(moving, updates)
    assert min(norms) > 0.02
    for a, b in zip(weights_of(got.model), jax.tree.leaves(moving), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6)


def test_the_total_is_the_weighted_sum_with_the_warmed_up_jcp():
    setup = short("slabs")
    weights = dict(zip(TERMS, (1.0, 0.5, 0.25, 0.125, 2.0, 3.0, 0.7), strict=True))
    hyper = Hyper(jcp_warmup=2 * STEPS, weights=weights)
    state, _ = advance(training.start(setup, KEY), setup, hyper)
    _, metrics = advance(state, setup, hyper)
    ramp = np.arange(STEPS, 2 * STEPS) / (2 * STEPS)
    expected = sum(weights[name] * np.asarray(metrics.terms[name]) * (ramp if name == "jcp" else 1.0) for name in TERMS)
    np.testing.assert_allclose(metrics.total, expected, rtol=1e-5)


def test_cosine_and_ramp():
    hyper = Hyper(learning_rate=2.0, total_steps=100, jcp_warmup=10)
    rates = [float(training.learning_rate(hyper, jnp.asarray(step))) for step in (0, 25, 50, 100, 500)]
    np.testing.assert_allclose(rates, [2.0, 1.0 + np.sqrt(0.5), 1.0, 0.0, 0.0], atol=1e-6)
    ramp = [float(training.jcp_ramp(hyper, jnp.asarray(step))) for step in (0, 5, 10, 50)]
    np.testing.assert_allclose(ramp, [0.0, 0.5, 1.0, 1.0])
    assert float(training.jcp_ramp(Hyper(jcp_warmup=0), jnp.asarray(0))) == 1.0


@pytest.mark.parametrize(
    ("hyper", "blamed"),
    [
        (Hyper(noise=jnp.nan, weights={"reconstruction": 1.0}), "task"),
        (Hyper(weights={"reconstruction": jnp.inf}), "gradient"),
    ],
)
def test_a_bad_step_is_skipped_counted_and_explained(hyper, blamed):
    setup = short()
    begun, _ = advance(training.start(setup, KEY), setup)
    state, metrics = advance(begun, setup, hyper)
    assert same(state.model, begun.model)
    assert eqx.tree_equal(state.optimiser, begun.optimiser)
    assert np.all(metrics.skipped)
    assert int(state.skipped) == STEPS
    assert {training.CULPRITS[index] for index in np.asarray(metrics.culprit)} == {blamed}
    # It recovers as soon as the numbers are good again.
    state, metrics = advance(state, setup)
    assert not np.any(metrics.skipped)
    assert np.all(np.asarray(metrics.culprit) == -1)
    assert int(state.skipped) == STEPS
    assert np.all([np.isfinite(leaf).all() for leaf in weights_of(state.model)])
    assert not same(state.model, begun.model)


def test_one_bad_term_is_told_from_the_others():
    """g(y*) of a slab with an infinite weight: f is fine, everything that passes through g is not."""
    setup = short("slabs")
    state = training.start(setup, KEY)
    broken = eqx.tree_at(lambda s: s.model.g.weight, state, jnp.full((2, 2), jnp.inf, jnp.float32))
    _, metrics = advance(broken, setup)
    assert {training.CULPRITS[index] for index in np.asarray(metrics.culprit)} == {"reconstruction"}


def test_training_leaves_scalings_alone_and_follows_the_physics():
    setup = short()
    begun = training.start(setup, KEY)
    moved = short(problem=toys.Scaled(2.0))
    state, _ = advance(begun, moved)
    assert float(state.model.f.problem.alpha) == 2.0
    for side in ("inner", "outer"):
        before, after = (getattr(s.model.g, side) for s in (begun, state))
        assert eqx.tree_equal(before, after)


def test_noise_reaches_a_model_whose_f_is_the_physics():
    setup = short()
    state = training.start(setup, KEY)
    _, quiet = advance(state, setup)
    _, noisy = advance(state, setup, Hyper(noise=0.5, weights=setup.hyper.weights))
    assert float(quiet.terms["task"][0]) == 0.0
    np.testing.assert_allclose(noisy.terms["task"], 0.25, rtol=0.3)
    assert float(noisy.terms["reconstruction"][0]) > 1.5 * float(quiet.terms["reconstruction"][0])


@pytest.mark.parametrize(
    "make",
    [lambda: setups.linear(4), lambda: setups.toy(toys.Sheared()), setups.heat_hard],
    ids=["linear", "toy", "heat"],
)
def test_the_noise_of_a_batch_has_nothing_to_do_with_its_inputs(make, monkeypatch):
    """Drawn from one key, a normal number is a rising function of the uniform one, or that very number."""
    seen = []
    monkeypatch.setattr(
        training, "loss_terms", lambda _, x, y, key, probes, noise, *rest: seen.append((x, noise)) or {}
    )
    setup = make()
    carry, fixed, setup = training.opened(training.start(setup, jax.random.key(2)), setup)
    model = eqx.combine(carry[0], fixed)
    hyper = Hyper(noise=0.3, weights=setup.hyper.weights)
    for step in range(4):
        training._loss(model, setup, hyper, jax.random.key(50 + step), step)
    x, noise = (np.concatenate([np.asarray(pair[k]) for pair in seen]) for k in (0, 1))
    assert np.std(noise) == pytest.approx(0.3, rel=0.15)
    related = np.corrcoef(x.T, noise.T)[: x.shape[1], x.shape[1] :]
    assert np.max(np.abs(related)) < 5 / np.sqrt(len(x))  # the largest of at most 1,024 chance correlations
    assert len({tuple(pair[1][0].tolist()) for pair in seen}) == 4  # new noise in every step


def test_everything_trained_is_float32():
    state, metrics = advance(training.start(short(), KEY), short())
    for leaf in jax.tree.leaves(eqx.filter((state.model, state.optimiser, metrics), eqx.is_inexact_array)):
        assert leaf.dtype == jnp.float32


def test_fit_is_the_chunks_run_to_the_end():
    setup = short()
    fit = training.fit(setup, KEY, steps=120)
    assert {"reconstruction", "cycle", "task", "jcp", "total", "skipped", "culprit"} <= set(fit.history)
    assert {fit.history[name].shape for name in ("jcp", "total", "skipped", "culprit")} == {(120,)}
    assert list(fit.history["step"]) == [50, 100, 120]
    assert fit.history["rjcp"].shape == (3,)
    hyper = dataclasses.replace(setup.hyper, total_steps=120)
    *_, (state, metrics) = training.chunks(setup, KEY, hyper, 120)
    assert same(state.model, fit.model)
    np.testing.assert_array_equal(fit.history["total"][-20:], metrics.total)
    # The watched RJCP is the mean exact defect where the model was trained.
    x = setup.sample(jax.random.key(5), 2000)[0]
    exact = np.mean(rjcp_field(fit.model, x))
    np.testing.assert_allclose(fit.history["rjcp"][-1], exact, rtol=0.3)


def test_the_hyper_in_hand_decides_and_not_the_setups():
    setup = short()
    still = dataclasses.replace(setup.hyper, learning_rate=0.0)
    state, _ = advance(training.start(setup, KEY), setup, still)
    assert same(state.model, training.start(setup, KEY).model)


def test_bad_requests_name_the_remedy():
    with pytest.raises(ValueError, match=r"no loss term is called \['jpc'\]; the terms are task"):
        Hyper(weights={"jpc": 1.0})
    with pytest.raises(ValueError, match="no architecture 'cnn'; choose one of physics, surrogate, slabs"):
        setups.toy(toys.Scaled(4.0), "cnn")
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        training.fit(short(), KEY, steps=0)
    with pytest.raises(ValueError, match="at least 1 step, got -1"):
        training.advance(training.start(short(), KEY), short(), steps=-1)


def test_samples_are_consistent_and_inside_the_box():
    setup = short(problem=toys.RotatedSine())
    x, y_star, x0 = setup.sample(KEY, 500)
    assert x.shape == y_star.shape == x0.shape == (500, 2)
    np.testing.assert_allclose(y_star, jax.vmap(setup.problem.forward)(x), rtol=1e-12)
    lower, upper = setup.solver.box
    for points in (x, x0):
        assert np.all((points >= lower) & (points <= upper))
        # Uniform on [-1, 1]: standard deviation 1 / sqrt(3), and not the same points twice.
        np.testing.assert_allclose(np.std(points, axis=0), 3**-0.5, rtol=0.06)
    assert abs(np.corrcoef(x[:, 0], x0[:, 0])[0, 1]) < 0.15
    noisy = dataclasses.replace(setup, noise=jnp.asarray(0.1))
    x, y_star, _ = noisy.sample(KEY, 500)
    np.testing.assert_allclose(np.std(y_star - jax.vmap(setup.problem.forward)(x)), 0.1, rtol=0.1)


def test_the_toys_numbers():
    """Scaled(4) on [-1, 1]^2: variances 1/3 and 16/3, largest singular value 4. SquaredSecond: off x2 = 0."""
    solver = short().solver
    np.testing.assert_allclose(solver.scale, np.sqrt(17 / 3), rtol=0.03)
    np.testing.assert_allclose(solver.gradient_step, 1 / 16, rtol=1e-6)
    lower, upper = setups.toy(toys.SquaredSecond()).solver.box
    assert lower[1] > 0 and upper[1] > lower[1]
