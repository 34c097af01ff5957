"""What an experiment consists of: problem, data, architecture, loss weights, solver options.

A Setup is a PyTree: every number in it may move without recompiling; names and counts are static. The experiments
themselves are in `core.setups`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from core.architectures import ARCHITECTURES
from core.deceptron import TERMS, Deceptron
from core.networks import Start, as_type
from core.problem import Problem, number

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
    beginning: how slabs begin.  hidden: the sizes of the networks' hidden layers, where the architecture lets one
    choose and they are not the usual ones.
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
    beginning: Start = eqx.field(default_factory=Start)
    hidden: tuple[int, ...] | None = eqx.field(static=True, default=None)

    def sample(
        self, key: PRNGKeyArray, count: int
    ) -> tuple[Float[Array, "count n"], Float[Array, "count m"], Float[Array, "count n"]]:
        """Fresh test instances: the true x, their noisy data y_star, and where the solvers start, x0."""
        return _sample(self, key, count)

    def of_width(self, width: int) -> "Setup":
        """The same experiment with two hidden layers of this width; for the architectures "physics" and "surrogate"."""
        if self.architecture not in ("physics", "surrogate") or width < 1:
            raise ValueError(f"{self.architecture!r} has no hidden layers of a width to choose, such as {width}")
        return dataclasses.replace(self, hidden=(width, width))

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
    chosen = {} if setup.hidden is None else {"hidden": setup.hidden}
    return ARCHITECTURES[setup.architecture](key_model, problem, draw(key_data, CALIBRATION), setup.beginning, **chosen)
