"""What both lessons on the Deceptron share: the toys with a target inside the trained region, and standard fits."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from core import training
from core.backend import default_float
from core.deceptron import Deceptron, rjcp_field
from core.networks import HIDDEN, as_type
from core.problem import Problem
from core.programs import at_once
from core.setup import Hyper, Setup
from core.setups import toy
from core.toys import RotatedSine, Scaled, Sheared, SquaredSecond
from lessons.figures import Field, Mark

VIEW = 1.6  # what is drawn of x-space; training sees only the box inside
START = (0.85, 0.75)
TRUST_GRID = 72
BOX_GRID = 9
TRUST_FLOOR, TRUST_TOP = 1e-6, 1e3  # RJCP is shown by its logarithm, cut off here
WIDTH = HIDDEN[0]
PROBLEM_LABELS = {
    "sine": "bent and turned",
    "scaled": "(x₁, 4x₂)",
    "sheared": "sheared",
    "squared": "(x₁, x₂²)",
}
ARCHITECTURE_LABELS = {
    "physics": "the simulator",
    "surrogate": "a learned network",
    "slabs": "two linear slabs",
}


@cache
def problem(name: str) -> Problem:
    """A toy by its name in PROBLEM_LABELS, with its target reached from inside the trained region."""
    # Cached across calls, some of them inside a trace: the numbers must be real ones, not tracers.
    with at_once():
        return {
            "sine": lambda: RotatedSine(start=START),
            "scaled": lambda: Scaled(4.0, target=(-0.7, -2.0), start=START),
            "sheared": lambda: Sheared(target=Sheared().forward(jnp.array([-0.7, -0.5])), start=START),
            "squared": lambda: SquaredSecond(target=(-0.7, 0.49), start=START),
        }[name]()


@cache
def setup(name: str, architecture: str = "physics", width: int = WIDTH) -> Setup:
    """The training and solving setup of a toy. width: of the networks' two hidden layers; slabs have none."""
    with at_once():
        chosen = toy(problem(name), architecture)
        return chosen if architecture == "slabs" or width == WIDTH else chosen.of_width(width)


@cache
def standard_fit(
    name: str, architecture: str = "physics", seed: int = 0, jcp: float | None = None, steps: int | None = None
) -> training.Fit:
    """The standard training run of a toy, once per process. jcp: another JCP weight.  steps: a shorter run."""
    chosen = setup(name, architecture)
    hyper = chosen.hyper if jcp is None else with_weight(chosen.hyper, "jcp", jcp)
    return training.fit(chosen, jax.random.key(seed), hyper, steps)


def with_weight(hyper: Hyper, term: str, weight: float) -> Hyper:
    """The same numbers with another weight on one loss term."""
    return eqx.tree_at(lambda h: h.weights[term], hyper, jnp.asarray(weight, jnp.float32))


def grid(count: int, view: float = VIEW) -> np.ndarray:
    """Points (count, count, 2) over the view, row 0 at the lowest x2, float32 like the models."""
    line = np.linspace(-view, view, count, dtype=np.float32)
    return np.stack(np.meshgrid(line, line), axis=-1)


def trust_map(model: Deceptron, view: float = VIEW) -> jax.Array:
    """RJCP (the exact defect, summed over components) over the view."""
    return rjcp_field(model, grid(TRUST_GRID, view))


def levels(rjcp: np.ndarray, name: str) -> dict[str, np.floating]:
    """How high the map's RJCP is inside the trained box and outside.

    With NumPy, when somebody reads it: a compiled median sorts, and takes longer than the map.
    """
    within, beyond = (rjcp[where] for where in _inside_and_outside(name))
    return {
        "inside_mean": np.mean(within, dtype=np.float64),
        "inside_median": _median(within),
        "outside_median": _median(beyond),
    }


def _median(values: np.ndarray) -> np.floating:
    """Of the values that are numbers; nan where none is."""
    numbers = values[~np.isnan(values)]
    return np.median(numbers) if len(numbers) else np.float64(np.nan)


@cache
def _inside_and_outside(name: str) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """The places of the trust map's grid in the trained box, and the others."""
    points = grid(TRUST_GRID)
    lower, upper = (np.asarray(side) for side in setup(name).solver.box)
    inside = np.all((points >= lower) & (points <= upper), axis=-1)
    return np.nonzero(inside), np.nonzero(~inside)


def box_rjcp(model: Deceptron, name: str) -> jax.Array:
    """Mean RJCP over BOX_GRID x BOX_GRID points of the trained box, in float64.

    The map's own numbers are float32, where RJCP, a small difference of Jacobians, has three sure digits or four.
    """
    lower, upper = setup(name).solver.box
    lines = [jnp.linspace(low, high, BOX_GRID) for low, high in zip(lower, upper, strict=True)]
    return jnp.mean(rjcp_field(as_type(model, default_float()), jnp.stack(jnp.meshgrid(*lines), axis=-1)))


def shade(rjcp: jax.Array) -> jax.Array:
    """log10 of RJCP as the map shows it: within bounds, and at the upper one where it is not a number."""
    return jnp.log10(jnp.clip(jnp.nan_to_num(rjcp, nan=TRUST_TOP), TRUST_FLOOR, TRUST_TOP))


def trust_field(level: np.ndarray, view: float = VIEW, answer: bool = True) -> Field:
    """The RJCP map from its `shade`: light where g undoes small changes of f, dark where it does not."""
    ticks = tuple((float(power), label) for power, label in ((-4, "10⁻⁴"), (-2, "10⁻²"), (0, "1")))
    return Field(
        "trust",
        "x",
        level,
        (-view, view) * 2,
        "shade",
        low=-4.0,
        high=1.0,
        label="RJCP",
        ticks=ticks,
        answer=answer,
    )


def trained_box(name: str) -> Mark:
    """The region that training drew from."""
    lower, upper = (np.asarray(side) for side in setup(name).solver.box)
    return Mark("box", "x", "box", np.stack([lower[0], upper[0]]), np.stack([lower[1], upper[1]]), "trained here")
