"""What the lesson on limits measures: one disturbance at a time, over drawn instances, at every level of it.

Everything is one toy, the turned sine, with the g of the standard Deceptron trained on [-1, 1]^2, and one protocol. The
walk in the lesson's figure is an instance like those counted here.
"""

import dataclasses
from functools import cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from core import training
from core.backend import default_float
from core.deceptron import Deceptron, rjcp_field
from core.networks import as_type
from core.programs import at_once
from core.protocol import Status
from core.solve import solve_many
from core.toys import RotatedSine
from core.trust import best_threshold, outdated, rank_correlation
from lessons.learned import setting

ANGLE = 0.6  # of the toy as g has learned it
VIEW = 3.0  # what is drawn of x-space; the other solutions of most targets lie in it
ETA, TOLERANCE, BUDGET = 0.5, 1e-3, 30  # half of the gap a step: ten steps to arrive, so that one sees them walk
INSTANCES, POINTS = 100, 11
BATCHES = 4  # of as many truths, over the whole view
FOUND = 0.05  # an x that is as near as this to another one is the same
TRAINED_NOISE = {"clean": 0.0, "weak": 0.03, "noisy": 0.1, "strong": 0.3}  # on y, when g was trained
MEASURED = ("gauss_newton", "dipg_plain", "dipg_differenced")
FREE = 1e3  # where a box ends that cuts nothing
LEVELS = {
    "noise": np.geomspace(1e-3, 0.2, POINTS),
    "shared": np.linspace(0.0, 0.6, POINTS),
    "stale": np.linspace(0.0, 0.6, POINTS),
    "range": np.linspace(0.2, VIEW, POINTS),
    "box": np.linspace(0.1, 1.2, POINTS),
    "least": np.linspace(-1.2, 0.3, POINTS),
    "start": np.linspace(0.2, VIEW, POINTS),
}


class Curves(NamedTuple):
    """By level of one disturbance, (POINTS,): error of x by method, highest RJCP on the way, share accepted.

    Errors and RJCP are pairs (POINTS, 2), the median and the ninth decile of the instances; the last two are of
    differenced D-IPG. with_rjcp, with_accepted: rank correlation of the error with each over all instances and levels.
    """

    error: dict[str, Float[np.ndarray, "levels 2"]]
    rjcp: Float[np.ndarray, "levels 2"]
    accepted: Float[np.ndarray, " levels"]
    with_rjcp: Float[Array, ""]
    with_accepted: Float[Array, ""]


class Study(NamedTuple):
    """What the figure works with. g: the trained inverse.  acts: 1 for the disturbance that is on, by name.

    calm: the median RJCP without any disturbance.  boundary: see `validity`.  against: where the data are noisy, what
    training with noise does about it, see `noise_against_noise`.
    """

    g: Deceptron
    acts: dict[str, np.ndarray]
    levels: Float[np.ndarray, " levels"]
    curves: Curves
    calm: Float[np.ndarray, ""]
    boundary: Float[np.ndarray, ""]
    against: dict[str, Float[np.ndarray, "levels trainings"]]


def world(turn: float | Array = 0.0) -> RotatedSine:
    """The simulator, turned by so much."""
    return RotatedSine(angle=ANGLE + turn)


def solution(problem: RotatedSine, y_star: Float[Array, "2"], near: Float[Array, "2"]) -> Float[Array, "2"]:
    """The solution nearest to a point; nan where no x gives these data."""
    reached = jnp.abs(problem.conditioning * y_star[0]) <= 1
    return jnp.where(reached, problem.inverse(y_star, near), jnp.nan)


@cache
def model(trained: str, seed: int = 0) -> Deceptron:
    """The standard Deceptron in float64, trained with this noise on y. Seed 0 is the figure's."""
    if trained == "clean" and seed == 0:
        return as_type(setting.standard_fit("sine").model, default_float())
    setup = setting.setup("sine")
    hyper = eqx.tree_at(lambda h: h.noise, setup.hyper, jnp.asarray(TRAINED_NOISE[trained], jnp.float32))
    return as_type(training.fit(setup, jax.random.key(seed), hyper).model, default_float())


def solver(low: float | Array = -FREE, high: float | Array = FREE):
    """The toy's protocol with this study's step, tolerance and budget, and both unknowns held between low and high."""
    numbers = {"eta": ETA, "tolerance": TOLERANCE, "box": (jnp.full(2, low), jnp.full(2, high))}
    return dataclasses.replace(setting.setup("sine").solver, budget=BUDGET, **numbers)


@cache
def drawn(seed: int = 0) -> tuple[Array, Array, Array]:
    """Truths and starts uniform in [-1, 1]^2, and noise of standard deviation 1: each (INSTANCES, 2)."""
    with at_once():
        return _drawn(jax.random.key(seed))


@jax.jit
def _drawn(key):
    keys, shape = jax.random.split(key, 3), (INSTANCES, 2)
    truths, starts = (jax.random.uniform(key, shape, minval=-1.0, maxval=1.0) for key in keys[:2])
    return truths, starts, jax.random.normal(keys[2], shape)


def on_edge(points: Float[Array, "k 2"], reach: float) -> Float[np.ndarray, "k 2"]:
    """The same directions, on the edge of [-reach, reach]^2."""
    return reach * np.asarray(points) / np.max(np.abs(points), axis=-1, keepdims=True)


@jax.jit
def observed(truths: Float[Array, "k 2"], turn: float | Array) -> Float[Array, "k 2"]:
    """What the turned world makes of the truths."""
    return jax.vmap(world(turn).forward)(truths)


class Runs(NamedTuple):
    """One entry an instance: what is at stake, what was found, and the two gauges."""

    truth: Float[np.ndarray, "k 2"]
    start: Float[np.ndarray, "k 2"]
    x: Float[np.ndarray, "k 2"]
    error: Float[np.ndarray, " k"]
    rjcp: Float[np.ndarray, " k"]
    accepted: Float[np.ndarray, " k"]
    arrived: Bool[np.ndarray, " k"]


def runs(
    method: str,
    trained: str,
    truths: Array,
    starts: Array,
    noise=0.0,
    turn=0.0,
    known=0.0,
    low=-FREE,
    high=FREE,
    seed: int = 0,
) -> Runs:
    """Walk towards what the turned world makes of the truths, plus noise, with a simulator turned by `known`."""
    f, g = world(known), outdated(model(trained, seed), world(known))
    y_stars = np.asarray(observed(truths, turn)) + noise
    setup = dataclasses.replace(setting.setup("sine"), problem=f, solver=solver(low, high))
    truths, starts = np.asarray(truths), np.clip(starts, low, high)
    found = solve_many(method, setup, g, jnp.asarray(y_stars), jnp.asarray(starts))
    highest = np.max(rjcp_field(g, found.path.x), axis=-1)
    found = jax.tree.map(np.asarray, found)
    error = np.linalg.norm(found.x - truths, axis=-1)
    return Runs(truths, starts, found.x, error, highest, found.accepted, found.status == Status.CONVERGED)


def disturbed(disturb: str, level: float, method: str = "dipg_differenced", trained: str = "clean") -> Runs:
    """The drawn instances with one thing disturbed by so much."""
    truths, starts, noise = drawn()
    options = {
        "noise": {"noise": level * noise},
        "shared": {"turn": level},
        "stale": {"turn": level, "known": level},
        "box": {"low": -level, "high": level},
        "least": {"low": level},
    }
    if disturb == "range":
        truths = on_edge(truths, level)
    if disturb == "start":
        starts = on_edge(starts, level)
    return runs(method, trained, truths, starts, **options.get(disturb, {}))


@cache
def curves(disturb: str, trained: str) -> Curves:
    """Everything measured of one disturbance."""
    found = {
        method: [disturbed(disturb, float(level), method, trained) for level in LEVELS[disturb]] for method in MEASURED
    }
    learned = found["dipg_differenced"]

    def two(values):
        return np.quantile(values, (0.5, 0.9))

    error, rjcp, accepted = (
        np.concatenate([getattr(one, name) for one in learned]) for name in ("error", "rjcp", "accepted")
    )
    return Curves(
        {method: np.stack([two(one.error) for one in every]) for method, every in found.items()},
        np.stack([two(one.rjcp) for one in learned]),
        np.stack([np.mean(one.accepted) for one in learned]),
        rank_correlation(error, rjcp),
        rank_correlation(error, accepted),
    )


@cache
def noise_against_noise() -> dict[str, Float[np.ndarray, "levels trainings"]]:
    """By noise of the data and noise in training: median errors of plain and differenced D-IPG; and the calm RJCP."""
    every = [curves("noise", trained) for trained in TRAINED_NOISE]
    found = {name: np.stack([one.error[name][:, 0] for one in every], axis=1) for name in MEASURED[1:]}
    return found | {"calm": np.tile([calm(trained) for trained in TRAINED_NOISE], (POINTS, 1))}


@cache
def across_the_view(trained: str = "clean") -> tuple[Runs, Array]:
    """Truths drawn over the whole view, starts in the trained square; and RJCP at each truth."""
    found = []
    for seed in range(BATCHES):  # of one size, so that nothing is compiled anew
        truths, starts, _ = drawn(seed)
        found.append(runs("dipg_differenced", trained, VIEW * truths, starts))
    every = jax.tree.map(lambda *parts: np.concatenate(parts), *found)
    return every, rjcp_field(outdated(model(trained), world()), every.truth)


@cache
def validity(trained: str = "clean") -> tuple[float, float]:
    """The RJCP at the truth that best tells the truths which D-IPG finds from those it misses, and how often it does.

    Measured over the whole view, with starts in the trained square.
    """
    found, rjcp = across_the_view(trained)
    boundary, right = best_threshold(rjcp, found.error < FOUND)
    return float(boundary), float(right)


@cache
def calm(trained: str) -> float:
    """The median over the instances of the highest RJCP on the way, nothing being disturbed."""
    truths, starts, _ = drawn()
    return float(np.median(runs("dipg_differenced", trained, truths, starts).rjcp))


@cache
def study(disturb: str, trained: str) -> Study:
    """All that the figure needs, measured once per process."""
    with at_once():
        acts = {name: np.asarray(float(name == disturb)) for name in LEVELS}
        measured = curves(disturb, trained)
        return Study(
            model(trained).g, acts, LEVELS[disturb].astype(default_float()), measured, np.asarray(calm(trained)),
            np.asarray(validity(trained)[0]), noise_against_noise() if disturb == "noise" else {},
        )  # fmt: skip
