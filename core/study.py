"""What an experiment's table is made of: a model per training seed, instances per data seed, a row per method.

One `Row` is one method with one model on one set of instances. Rows of several seeds are summed up as mean and spread
over all instances, and median with quartiles, since the counts of iterations have long tails.
"""

from collections.abc import Iterable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from core import least_squares
from core.backend import default_float
from core.deceptron import Deceptron, rjcp_field
from core.methods import METHODS
from core.networks import as_type
from core.problem import Aimed
from core.protocol import Status
from core.setup import Setup
from core.solve import solve_shared_out


class Row(NamedTuple):
    """One method on one set of instances; the arrays have one entry an instance.

    error: root mean square of x - truth over the components, in units of x.  rjcp: the exact defect of the model at
    the end of each walk, nan for a method without a model.  functions, products, inverses: see `core.methods.Work`.
    cosine, apart: the first step beside Gauss-Newton's full one, their cosine and |difference| / |Gauss-Newton's|; nan
    where one of them is zero, or no step was tried.
    """

    method: str
    iterations: np.ndarray
    status: np.ndarray
    residual: np.ndarray
    error: np.ndarray
    accepted: np.ndarray
    rjcp: np.ndarray
    functions: np.ndarray
    products: np.ndarray
    inverses: np.ndarray
    cosine: np.ndarray
    apart: np.ndarray


class Summary(NamedTuple):
    """Rows of one method put together.

    spread, error_spread: standard deviations over instances; quartiles: 25, 50 and 75 %, of the iterations.
    """

    method: str
    instances: int
    iterations: float
    spread: float
    quartiles: tuple[float, float, float]
    success: float
    error: float
    error_spread: float
    accepted: float
    residual: float
    rjcp: float
    statuses: dict[str, int]
    functions: float
    products: float
    inverses: float
    cosine: float
    apart: float


@eqx.filter_jit
def _beside_gauss_newton(problem, proposed, y_stars, x0s):
    """Cosine and relative difference of each proposed step and Gauss-Newton's."""

    def one(step, y_star, x0):
        full = least_squares.gauss_newton(Aimed(problem, y_star), x0, jnp.ones((), x0.dtype))
        size, other = jnp.linalg.norm(full), jnp.linalg.norm(step)
        some = (size > 0) & (other > 0)
        cosine = step @ full / jnp.where(some, size * other, 1.0)
        apart = jnp.linalg.norm(step - full) / jnp.where(some, size, 1.0)
        return jnp.where(some, cosine, jnp.nan), jnp.where(some, apart, jnp.nan)

    return jax.lax.map(lambda parts: one(*parts), (proposed, y_stars, x0s))


def row(method: str, setup: Setup, model: Deceptron | None, seed: int, count: int) -> Row:
    """Solve `count` fresh instances of the setup, drawn with the data seed, by one method."""
    truth, y_stars, x0s = setup.sample(jax.random.key(seed), count)
    solution = solve_shared_out(method, setup, model, y_stars, x0s)
    learned = METHODS[method].learned
    rjcp = rjcp_field(as_type(model, default_float()), solution.x) if learned else np.full(count, np.nan)
    error = jnp.sqrt(jnp.mean((solution.x - truth) ** 2, axis=-1))
    numbers = (solution.iterations, solution.status, solution.residual, error, solution.accepted, rjcp, *solution.work)
    proposed = solution.path.trials.pulled_back[:, 0] - x0s
    beside = _beside_gauss_newton(setup.problem, proposed, y_stars, x0s)
    return Row(method, *(np.asarray(number) for number in (*numbers, *beside)))


def _mean_of_numbers(values: np.ndarray) -> float:
    """The mean of what is a number, nan if nothing is."""
    numbers = values[~np.isnan(values)]
    return float(np.mean(numbers)) if numbers.size else float("nan")


def summary(rows: Iterable[Row]) -> Summary:
    """One line of the table from the rows of one method. Raises ValueError for none, or for several methods' rows."""
    rows = list(rows)
    names = {one.method for one in rows}
    if len(names) != 1:
        raise ValueError(f"a summary needs rows of one method, got {sorted(names) or 'none'}")
    every = {name: np.concatenate([getattr(one, name) for one in rows]) for name in Row._fields[1:]}
    counts = {status.name.lower(): int(np.sum(every["status"] == status)) for status in Status}
    means = {name: float(np.mean(every[name])) for name in ("error", "accepted", "residual", "rjcp")}
    work = {name: float(np.mean(every[name])) for name in ("functions", "products", "inverses")}
    # An instance that starts within the tolerance has no step to compare.
    steps = {name: _mean_of_numbers(every[name]) for name in ("cosine", "apart")}
    return Summary(
        method=names.pop(),
        instances=every["status"].size,
        iterations=float(np.mean(every["iterations"])),
        spread=float(np.std(every["iterations"])),
        quartiles=tuple(float(q) for q in np.percentile(every["iterations"], [25, 50, 75])),
        success=counts["converged"] / every["status"].size,
        statuses=counts,
        error_spread=float(np.std(every["error"])),
        **means,
        **work,
        **steps,
    )
