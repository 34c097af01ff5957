"""Every experiment's settings in one place: problem, data, architecture, loss weights, solver options.

A Setup is a PyTree: every number in it may move without recompiling; names and counts are static. A further
experiment is one more function here that returns a Setup (and a `draw` of its own if x is not uniform in a
box).
"""

from collections.abc import Callable, Mapping
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from core.backend import default_float
from core.deceptron import ARCHITECTURES, TERMS, Deceptron
from core.networks import as_type
from core.problem import Problem, number
from core.toys import SquaredSecond

Box = tuple[Float[Array, " n"], Float[Array, " n"]]
CALIBRATION = 4096  # samples for scalings: their standard deviations are then known to about 1 %


def _float32(value: float | Array) -> Array:
    return jnp.asarray(value, jnp.float32)


def _weights(weights: Mapping[str, float | Array]) -> dict[str, Array]:
    unknown = set(weights) - set(TERMS)
    if unknown:
        raise ValueError(f"no loss term is called {sorted(unknown)}; the terms are {', '.join(TERMS)}")
    return {term: _float32(weights.get(term, 0.0)) for term in TERMS}


class Hyper(eqx.Module):
    """The numbers that training follows, all traced: moving one during training recompiles nothing.

    learning_rate: Adam's, at the start of a cosine to 0 over total_steps.  jcp_warmup: steps over which the
    JCP weight rises linearly from 0.  noise: standard deviation of what is added to y, in units of y.
    probes: 1 to MAX_PROBES. clip: largest gradient norm.  weights: one per name in TERMS, 0 where absent.
    """

    learning_rate: Float[Array, ""] = eqx.field(converter=_float32, default=1e-2)
    total_steps: Float[Array, ""] = eqx.field(converter=_float32, default=2000)
    jcp_warmup: Float[Array, ""] = eqx.field(converter=_float32, default=0)
    noise: Float[Array, ""] = eqx.field(converter=_float32, default=0.0)
    probes: Int[Array, ""] = eqx.field(converter=partial(jnp.asarray, dtype=jnp.int32), default=2)
    clip: Float[Array, ""] = eqx.field(converter=_float32, default=5.0)
    weights: dict[str, Float[Array, ""]] = eqx.field(converter=_weights, default_factory=dict)


class Solver(eqx.Module):
    """The rules that every solving method obeys alike. Numbers are traced; budget and halvings are static.

    tolerance: converged where |P(x) - y*| <= tolerance * scale.  scale: the unit of the residual, in units of
    y. relaxation: rho in x + rho (proposal - x).  box: (lower, upper), each (n,), what iterates are projected
    to. armijo: the demanded fraction of the predicted decrease.  eta: the first step size tried, halved on
    refusal. gradient_step: gradient descent's step at eta = 1, in units of x^2 / y^2.  damping:
    Levenberg-Marquardt's.
    """

    tolerance: Float[Array, ""] = eqx.field(converter=number)
    scale: Float[Array, ""] = eqx.field(converter=number)
    box: Box = eqx.field(converter=lambda box: (number(box[0]), number(box[1])))
    gradient_step: Float[Array, ""] = eqx.field(converter=number)
    relaxation: Float[Array, ""] = eqx.field(converter=number, default=1.0)
    armijo: Float[Array, ""] = eqx.field(converter=number, default=1e-4)
    eta: Float[Array, ""] = eqx.field(converter=number, default=1.0)
    damping: Float[Array, ""] = eqx.field(converter=number, default=1e-4)
    budget: int = eqx.field(static=True, default=80)
    halvings: int = eqx.field(static=True, default=8)


class UniformBox(eqx.Module):
    """x uniform in a box: (key, count) -> (count, n)."""

    box: Box

    def __call__(self, key: PRNGKeyArray, count: int) -> Float[Array, "count n"]:
        lower, upper = self.box
        return jax.random.uniform(key, (count, lower.size), lower.dtype, lower, upper)


class Setup(eqx.Module):
    """One experiment. problem: the physics.  draw: training and test inputs.  start: test starting points.

    noise: standard deviation of the measurement noise of test instances, in units of y.  batch: samples per
    training step.  jcp_samples: how many of them JCP looks at.  architecture: a name in ARCHITECTURES.
    """

    problem: Problem
    draw: Callable[[PRNGKeyArray, int], Array]
    start: Callable[[PRNGKeyArray, int], Array]
    noise: Float[Array, ""]
    hyper: Hyper
    solver: Solver
    architecture: str = eqx.field(static=True)
    batch: int = eqx.field(static=True)
    jcp_samples: int = eqx.field(static=True)

    def sample(
        self, key: PRNGKeyArray, count: int
    ) -> tuple[Float[Array, "count n"], Float[Array, "count m"], Float[Array, "count n"]]:
        """Fresh test instances: the true x, their noisy data y_star, and where the solvers start, x0."""
        return _sample(self, key, count)

    def build(self, key: PRNGKeyArray) -> Deceptron:
        """An untrained float32 model, its scalings taken from CALIBRATION training inputs."""
        key_data, key_model = jax.random.split(key)
        return _build(self, key_data, key_model)


@eqx.filter_jit
def _sample(setup, key, count):
    key_x, key_noise, key_start = jax.random.split(key, 3)
    x = setup.draw(key_x, count)
    y = jax.vmap(setup.problem.forward)(x)
    return x, y + setup.noise * jax.random.normal(key_noise, y.shape, y.dtype), setup.start(key_start, count)


@eqx.filter_jit
def _build(setup, key_data, key_model):
    problem, draw = as_type((setup.problem, setup.draw), jnp.float32)
    return ARCHITECTURES[setup.architecture](key_model, problem, draw(key_data, CALIBRATION))


@eqx.filter_jit
def _toy_numbers(problem: Problem, box: Box):
    """The spread of y over the box (the residual's unit), and 1 / the largest squared singular value of J."""
    x = UniformBox(box)(jax.random.key(0), CALIBRATION)
    y = jax.vmap(problem.forward)(x)
    stiffest = jax.vmap(lambda point: jnp.linalg.norm(problem.jacobian(point), ord=2))(x)
    return jnp.sqrt(jnp.sum(jnp.var(y, axis=0))), 1.0 / jnp.max(stiffest) ** 2


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
    scale, gradient_step = _toy_numbers(problem, box)
    inputs = UniformBox(box)
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
