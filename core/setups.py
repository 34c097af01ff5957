"""The experiments, each a function that returns its `core.setup.Setup`: every number of an experiment stands here.

A further experiment is one more function (and a `draw` of its own if x is not uniform in a box).
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from core.architectures import ARCHITECTURES
from core.backend import default_float
from core.heat import Heat1D, sine_matrix, time_for
from core.linear import LinearMap, conditioned
from core.oscillator import DampedOscillator
from core.problem import Problem, number
from core.setup import CALIBRATION, Box, Hyper, Setup, Solver, UniformBox
from core.toys import SquaredSecond


@eqx.filter_jit
def _numbers(problem: Problem, draw: Callable[[PRNGKeyArray, int], Array], count: int):
    """The spread of y over the inputs, its root mean square, and 1 / the largest squared singular value of J."""
    x = draw(jax.random.key(0), count)
    y = jax.vmap(problem.forward)(x)
    stiffest = jax.vmap(lambda point: jnp.linalg.norm(problem.jacobian(point), ord=2))(x)
    spread, size = jnp.sqrt(jnp.sum(jnp.var(y, axis=0))), jnp.sqrt(jnp.mean(jnp.sum(y**2, axis=-1)))
    return spread, size, 1.0 / jnp.max(stiffest) ** 2


TOY_WEIGHTS = {
    "physics": {"reconstruction": 1.0, "jcp": 0.3},
    "surrogate": {"task": 1.0, "reconstruction": 1.0, "jcp": 0.3},
    "slabs": {
        "task": 1.0,
        "reconstruction": 1.0,
        "cycle": 0.25,
        "bias_tie": 0.01,
        "composition": 0.01,
        "jcp": 0.3,
    },
}


def toy_box(problem: Problem) -> Box:
    """Where a toy is trained and solved: [-1, 1]^2, but for SquaredSecond [-1, 1] x [0.5, 1.5].

    x2 and -x2 give SquaredSecond the same y: trained across both signs, g learns their mean, which solves
    nothing. And at x2 = 0 its Jacobian is singular, so no inverse exists there. One sign, away from 0, is
    what can be learned.
    """
    if isinstance(problem, SquaredSecond):
        return number([-1.0, 0.5]), number([1.0, 1.5])
    return number([-1.0, -1.0]), number([1.0, 1.0])


def toy(problem: Problem, architecture: str = "physics") -> Setup:
    """A two-dimensional toy: x uniform in `toy_box`, noise-free data, starts anywhere in the box.

    2,000 steps of Adam at 1e-2 (cosine), batch 128 drawn on line, JCP weight 0.3 with 2 probes, no cycle
    term. The slabs also carry small bias-tie and composition weights; their spectral weight is 0, since |W^T
    W - I| asks for a rotation and no toy is one.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"no architecture {architecture!r}; choose one of {', '.join(ARCHITECTURES)}")
    box = toy_box(problem)
    inputs = UniformBox(box)
    scale, _, gradient_step = _numbers(problem, inputs, CALIBRATION)
    return Setup(
        problem=problem,
        draw=inputs,
        start=inputs,
        noise=jnp.zeros((), default_float()),
        hyper=Hyper(weights=TOY_WEIGHTS[architecture], jcp_warmup=0 if architecture == "physics" else 300),
        solver=Solver(tolerance=0.005, scale=scale, box=box, gradient_step=gradient_step),
        architecture=architecture,
        batch=128,
        jcp_samples=128,
    )


class StandardNormal(eqx.Module):
    """x with independent N(0, 1) components: (key, count) -> (count, n)."""

    like: Float[Array, " n"]

    def __call__(self, key: PRNGKeyArray, count: int) -> Float[Array, "count n"]:
        return jax.random.normal(key, (count, self.like.size), self.like.dtype)


class Profiles(eqx.Module):
    """Smooth random profiles: sums of sine waves k with amplitudes N(0, 1) k^-decay, each stretched to fill `range`."""

    decay: Float[Array, ""]
    range: tuple[Float[Array, ""], Float[Array, ""]]
    n: int = eqx.field(static=True)

    def __call__(self, key: PRNGKeyArray, count: int) -> Float[Array, "count n"]:
        dtype = self.decay.dtype
        amplitudes = jnp.arange(1, self.n + 1, dtype=dtype) ** -self.decay
        waves = jax.random.normal(key, (count, self.n), dtype) * amplitudes @ sine_matrix(self.n).astype(dtype)
        lowest, highest = (jnp.min(waves, -1, keepdims=True), jnp.max(waves, -1, keepdims=True))
        low, high = self.range
        return low + (high - low) * (waves - lowest) / (highest - lowest)


class Always(eqx.Module):
    """The same point for every instance: (key, count) -> (count, n)."""

    point: Float[Array, " n"]

    def __call__(self, key: PRNGKeyArray, count: int) -> Float[Array, "count n"]:
        return jnp.tile(self.point, (count, 1))


def linear(n: int = 8, condition: float = 10.0, m: int | None = None, seed: int = 0) -> Setup:
    """y = A x with A (m, n) of that condition number, singular values from 1 down; m = n unless given.

    g(y) = V y learns by JCP alone: Adam at 3e-2 (cosine), 3,000 steps, batch 64, 1 probe. x is N(0, 1), data without
    noise. Up to condition 10 that brings the defect to float32's rounding; at a rate of 1e-2 it stops at 1e-4.
    """
    problem = LinearMap(conditioned(jax.random.key(seed), n, condition, m))
    inputs = StandardNormal(problem.start)
    _, scale, gradient_step = _numbers(problem, inputs, CALIBRATION)
    wide = (number(np.full(n, -1e3)), number(np.full(n, 1e3)))
    return Setup(
        problem=problem,
        draw=inputs,
        start=Always(problem.start),
        noise=jnp.zeros((), default_float()),
        hyper=Hyper(learning_rate=3e-2, weights={"jcp": 1.0}, total_steps=3000, probes=1),
        solver=Solver(tolerance=1e-5, scale=scale, box=wide, gradient_step=gradient_step),
        architecture="linear",
        batch=64,
        jcp_samples=64,
    )


# The task's weight keeps two learned slabs honest: at weight 1 they agree with each other (RJCP 3e-5) on an f whose
# finest waves are not the physics', and plain D-IPG stops at three times the tolerance.
SLAB_WEIGHTS = {"task": 100.0, "reconstruction": 1.0, "cycle": 0.25, "jcp": 1.0}
PHYSICS_WEIGHTS = {"reconstruction": 1.0, "cycle": 0.25, "jcp": 1.0}


def heat_easy(architecture: str = "slabs", n: int = 32) -> Setup:
    """Heat on n points at condition 10, linear; f and g are single linear slabs, both learned."""
    hyper = Hyper(learning_rate=1e-2, total_steps=4000, jcp_warmup=500, noise=0.005, weights=SLAB_WEIGHTS)
    return _heat(Heat1D(n, time=time_for(n, 10.0), unit_gain=True), architecture, hyper)


def heat_hard(n: int = 32) -> Setup:
    """Heat on n points at condition 50, read by a sensor that answers z + 0.3 z^3; f is the physics."""
    hyper = Hyper(learning_rate=3e-3, total_steps=4000, jcp_warmup=500, noise=0.02, weights=PHYSICS_WEIGHTS)
    return _heat(Heat1D(n, time=time_for(n, 50.0), cubic=0.3, unit_gain=True), "wide", hyper)


def _heat(problem: Heat1D, architecture: str, hyper: Hyper) -> Setup:
    """Profiles within [0.15, 0.85], box [0, 1], start 0.5, noise 0.001; batch 64, JCP on 16 of them.

    The residual's unit is the root mean square of |y|, so the tolerance of 0.005 is relative.
    """
    n = problem.n
    inputs = Profiles(number(0.75), (number(0.15), number(0.85)), n)
    _, scale, gradient_step = _numbers(problem, inputs, 256)
    return Setup(
        problem=problem,
        draw=inputs,
        start=Always(problem.start),
        noise=number(0.001),
        hyper=hyper,
        solver=Solver(tolerance=0.005, scale=scale, box=problem.domain, gradient_step=gradient_step, relaxation=0.75),
        architecture=architecture,
        batch=64,
        jcp_samples=16,
    )


def oscillator() -> Setup:
    """Frequency, damping, first position and velocity from 32 positions; noise 0.01, relative tolerance 0.06.

    Parameters uniform in [0, 1]^4, box [-0.2, 1.2], start 0.5. g is a network with two hidden layers of 64, f the
    physics. Gradient descent's first step is 0.05: at 1 / L it is refused more often than taken.
    """
    problem = DampedOscillator()
    inputs = UniformBox((number(np.zeros(4)), number(np.ones(4))))
    _, scale, _ = _numbers(problem, inputs, 256)
    return Setup(
        problem=problem,
        draw=inputs,
        start=Always(problem.start),
        noise=number(0.01),
        hyper=Hyper(learning_rate=3e-3, total_steps=4000, jcp_warmup=500, noise=0.02, weights=PHYSICS_WEIGHTS),
        solver=Solver(
            tolerance=0.06,
            scale=scale,
            box=problem.domain,
            gradient_step=0.05,
            relaxation=0.4,
            halvings=12,
        ),
        architecture="mlp",
        batch=64,
        jcp_samples=16,
    )
