"""Training in chunks: compiled scans of a few dozen steps, between which a page can draw, pause, adjust.

`fit` runs the same chunks to the end. Everything is float32. An update whose loss or gradient is not finite
is skipped, counted, and blamed on the first term that was not finite; so the parameters always stay finite.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from core.deceptron import TERMS, Deceptron, composition_defect, loss_terms
from core.devices import padded, shared_out
from core.networks import Physics, as_type, trainable
from core.setup import Hyper, Setup

CHUNK = 50  # steps between two pictures: enough to hide the overhead, few enough for 25 pictures a second
WATCHED = 256  # points of the training region at which RJCP is followed
CULPRITS = (*TERMS, "gradient")
TRACES: Counter[str] = Counter()  # how often `advance` was traced; tests hold it still while numbers move

# XLA's own default, stated so that it holds where a process compiles everything else in haste, as the tests do: this
# program runs thousands of times.
_OPTIMISED = {"xla_backend_optimization_level": 3}

# Flattened: one vector instead of a dozen arrays halves the compilation time.
_ADAM = optax.flatten(optax.scale_by_adam())
_begin = eqx.filter_jit(_ADAM.init)


class State(eqx.Module):
    """Everything that training carries from chunk to chunk. skipped: updates refused so far."""

    model: Deceptron
    optimiser: PyTree
    key: PRNGKeyArray
    step: Int[Array, ""]
    skipped: Int[Array, ""]


class Metrics(NamedTuple):
    """What a chunk of N steps reports.

    terms: unweighted loss terms by name, each (N,).  total: the weighted sum.  culprit: index in CULPRITS of
    what was not finite at a skipped step, else -1.  rjcp: mean exact composition defect (a sum over
    components; the term `jcp` is its estimate divided by n) over WATCHED points of the training region, after
    the chunk.
    """

    terms: dict[str, Float[Array, " N"]]
    total: Float[Array, " N"]
    skipped: Bool[Array, " N"]
    culprit: Int[Array, " N"]
    rjcp: Float[Array, ""]


class Fit(NamedTuple):
    """model: trained, float32.  history: NumPy arrays by name, described at `fit`."""

    model: Deceptron
    history: dict[str, np.ndarray]


def start(setup: Setup, key: PRNGKeyArray) -> State:
    """An untrained model and its optimiser; the key decides weights and data."""
    key_model, key_data = jax.random.split(key)
    model = setup.build(key_model)
    moving, _ = eqx.partition(model, trainable(model))
    zero = jnp.zeros((), jnp.int32)
    return State(model, _begin(moving), key_data, zero, zero)


def model_of(state: State) -> Deceptron:
    """The model as trained so far."""
    return state.model


def advance(state: State, setup: Setup, hyper: Hyper | None = None, steps: int = CHUNK) -> tuple[State, Metrics]:
    """Train `steps` steps further. Only a new kind of problem or model, or another `steps`, compiles anew."""
    if steps < 1:
        raise ValueError(f"a chunk needs at least 1 step, got {steps}")
    return _chunk(state, setup, setup.hyper if hyper is None else hyper, steps)


@partial(eqx.filter_jit, compiler_options=_OPTIMISED)
def _chunk(state: State, setup: Setup, hyper: Hyper, steps: int) -> tuple[State, Metrics]:
    TRACES["advance"] += 1
    carry, fixed, setup = opened(state, setup)
    carry, reported = jax.lax.scan(lambda carry, _: one_step(carry, fixed, setup, hyper), carry, length=steps)
    moving, optimiser, key, step = carry
    model = eqx.combine(moving, fixed)
    skipped = state.skipped + jnp.sum(reported[2], dtype=jnp.int32)
    return State(model, optimiser, key, step, skipped), Metrics(*reported, watched(model, setup))


def opened(state: State, setup: Setup) -> tuple[tuple, PyTree, Setup]:
    """What `one_step` works on: its carry, the part of the model that is not trained, and the setup in float32."""
    setup = as_type(setup, jnp.float32)
    model = state.model
    if isinstance(model.f, Physics):
        # The problem's numbers may have moved since the last chunk.
        model = eqx.tree_at(lambda m: m.f.problem, model, setup.problem)
    moving, fixed = eqx.partition(model, trainable(model))
    return (moving, state.optimiser, state.key, state.step), fixed, setup


def one_step(carry: tuple, fixed: PyTree, setup: Setup, hyper: Hyper) -> tuple[tuple, tuple]:
    """One update of carry = (trained part, optimiser, key, step), and the step's entries of `Metrics`."""
    moving, optimiser, key, step = carry
    key, now = jax.random.split(key)

    def loss(moving):
        return _loss(eqx.combine(moving, fixed), setup, hyper, now, step)

    (total, terms), gradient = jax.value_and_grad(loss, has_aux=True)(moving)
    norm = optax.tree.norm(gradient)
    culprit = _culprit(terms, norm)
    good = culprit < 0
    # Zeros keep inf and nan out of Adam's arithmetic; its memory of a bad step is dropped below.
    shrink = jnp.where(good, jnp.minimum(1.0, hyper.clip / jnp.maximum(norm, 1e-12)), 0.0)
    safe = jax.tree.map(lambda leaf: jnp.where(good, shrink * leaf, 0.0), gradient)
    direction, after = _ADAM.update(safe, optimiser)
    rate = jnp.where(good, learning_rate(hyper, step), 0.0)
    moving = jax.tree.map(lambda leaf, d: leaf - rate * d, moving, direction)
    optimiser = jax.tree.map(lambda new, old: jnp.where(good, new, old), after, optimiser)
    return (moving, optimiser, key, step + 1), (terms, total, ~good, culprit)


def watched(model: Deceptron, setup: Setup) -> Float[Array, ""]:
    """Mean RJCP over WATCHED points of the training region."""
    # The same points every time, so that the curve moves because the model does.
    points = setup.draw(jax.random.key(0), WATCHED)
    return jnp.mean(jax.vmap(lambda x: composition_defect(model, x))(points))


def _loss(model, setup, hyper, key, step):
    """The weighted sum of the loss terms on fresh data, and the terms."""
    key_x, key_noise, key_probes = jax.random.split(key, 3)
    x = setup.draw(key_x, setup.batch)
    clean = jax.vmap(Physics(setup.problem))(x)
    noise = hyper.noise * jax.random.normal(key_noise, clean.shape, clean.dtype)
    terms = loss_terms(model, x, clean, key_probes, hyper.probes, noise, setup.jcp_samples)
    weights = dict(hyper.weights)
    weights["jcp"] = weights["jcp"] * jcp_ramp(hyper, step)
    return sum(weights[name] * term for name, term in terms.items()), terms


def learning_rate(hyper: Hyper, step: Int[Array, ""]) -> Float[Array, ""]:
    """learning_rate (1 + cos(pi step / total_steps)) / 2, and 0 from total_steps on."""
    progress = jnp.clip(step / hyper.total_steps, 0.0, 1.0)
    return hyper.learning_rate * 0.5 * (1.0 + jnp.cos(jnp.pi * progress))


def jcp_ramp(hyper: Hyper, step: Int[Array, ""]) -> Float[Array, ""]:
    """The JCP weight's factor: from 0 to 1 over jcp_warmup steps, so that f can settle first."""
    return jnp.where(hyper.jcp_warmup > 0, jnp.clip(step / jnp.maximum(hyper.jcp_warmup, 1.0), 0.0, 1.0), 1.0)


def _culprit(terms, gradient_norm) -> Int[Array, ""]:
    """Index in CULPRITS of the first quantity that is not finite, -1 if all are."""
    finite = jnp.stack([jnp.isfinite(terms.get(name, 0.0)) for name in TERMS] + [jnp.isfinite(gradient_norm)])
    return jnp.where(jnp.all(finite), -1, jnp.argmin(finite)).astype(jnp.int32)


def chunks(setup: Setup, key: PRNGKeyArray, hyper: Hyper, steps: int) -> Iterator[tuple[State, Metrics]]:
    """States and metrics after every chunk, `steps` steps in all (the last chunk may be shorter)."""
    state = start(setup, key)
    while (done := int(state.step)) < steps:
        state, metrics = advance(state, setup, hyper, min(CHUNK, steps - done))
        yield state, metrics


def fit_many(
    setup: Setup,
    keys: PRNGKeyArray,
    hyper: Hyper | None = None,
    steps: int | None = None,
    report: Callable[[int, int], None] = lambda done, steps: None,
) -> list[Fit]:
    """`fit` for every key at once, as one batch on every device: two seeds take little longer than one.

    report: called after every chunk with the steps done and the steps asked for; what it raises ends the training.
    """
    hyper, steps = _schedule(setup, hyper, steps)
    states = shared_out(_starts, padded(keys), setup)
    taken_at, reports = [], []
    for done in range(0, steps, CHUNK):
        states, metrics = shared_out(_chunks, states, setup, hyper, min(CHUNK, steps - done))
        taken_at.append(np.asarray(states.step[0]))
        reports.append(metrics)
        report(int(taken_at[-1]), steps)
    reports = jax.device_get(reports)  # all at once: cut up as arrays of JAX's they take seconds
    return [
        Fit(
            jax.tree.map(lambda leaf: leaf[i] if eqx.is_array(leaf) else leaf, states.model),  # noqa: B023
            _history(taken_at, jax.tree.map(lambda leaf: leaf[i], reports)),  # noqa: B023
        )
        for i in range(len(keys))
    ]


def _starts(keys: PRNGKeyArray, setup: Setup) -> State:
    return eqx.filter_vmap(lambda key: start(setup, key))(keys)


def _chunks(states: State, setup: Setup, hyper: Hyper, steps: int) -> tuple[State, Metrics]:
    one = _chunk.__wrapped__  # a program inside another has no options of its own
    return eqx.filter_vmap(lambda state: one(state, setup, hyper, steps))(states)


def fit(setup: Setup, key: PRNGKeyArray, hyper: Hyper | None = None, steps: int | None = None) -> Fit:
    """Train to the end. `steps` replaces hyper.total_steps, so that the learning rate still ends at 0.

    history: every loss term by name, "total", "skipped" and "culprit" have one number per step; "rjcp" has
    one per chunk, taken at the steps in "step".
    """
    hyper, steps = _schedule(setup, hyper, steps)
    taken_at, reports = [], []
    for state, metrics in chunks(setup, key, hyper, steps):
        taken_at.append(state.step)
        reports.append(metrics)
    return Fit(model_of(state), _history(taken_at, reports))


def _schedule(setup: Setup, hyper: Hyper | None, steps: int | None) -> tuple[Hyper, int]:
    """The numbers and the steps of a run to the end."""
    hyper = setup.hyper if hyper is None else hyper
    if steps is None:
        steps = int(hyper.total_steps)
    else:
        hyper = eqx.tree_at(lambda h: h.total_steps, hyper, jnp.asarray(steps, jnp.float32))
    if steps < 1:
        raise ValueError(f"fit needs at least 1 step, got {steps}; leave `steps` out to use the setup's number")
    return hyper, steps


def _history(taken_at: list[Array], reports: list[Metrics]) -> dict[str, np.ndarray]:
    """The chunks' reports as one array a quantity."""
    per_step = [
        {**report.terms, "total": report.total, "skipped": report.skipped, "culprit": report.culprit}
        for report in reports
    ]
    history = jax.tree.map(lambda *parts: np.concatenate(parts), *per_step)
    history["rjcp"] = np.stack([report.rjcp for report in reports])
    history["step"] = np.stack(taken_at)
    return history
