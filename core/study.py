"""What an experiment's table is made of: a model per training seed, instances per data seed, a row per method.

One `Row` is one method with one model on one set of instances. Rows of several seeds are summed up. A count of
iterations to a solution exists for the runs that were solved alone: a run that stalled has none, and of one that used
up its budget only a lower bound is known (it is censored). So the counts of the solved runs, how many runs ended in
which way, and quantiles over all runs with the bounds in them are kept apart; no mean mixes them.
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
from core.protocol import Status, exact_iterations
from core.setup import Setup
from core.solve import solve_shared_out

Quartiles = tuple[float, float, float]
SHARES = (0.25, 0.5, 0.75)


class Row(NamedTuple):
    """One method on one set of instances; the arrays have one entry an instance.

    error: root mean square of x - truth over the components, in units of x.  rjcp: the exact defect of the model at
    the end of each walk, nan for a method without a model.  functions, products, inverses: see `core.methods.Work`.
    exact: the iterations that exact steps would take under the same relaxation, see `core.protocol.exact_iterations`.
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
    exact: np.ndarray
    cosine: np.ndarray
    apart: np.ndarray


class Summary(NamedTuple):
    """Rows of one method put together.

    iterations, spread, quartiles: mean, standard deviation and the 25, 50 and 75 % quantiles over the *solved* runs,
    nan where none is. needed: the same quantiles over all runs; one out of budget counts with its budget, which is a
    lower bound ("at least"), and one that stalled or diverged with infinity. given_up: the quantiles of the iterations
    after which those stalled or diverged, nan where none did. exact: the quantiles of the iterations
    that exact steps would take. All other means, and error_spread, are over all runs, solved or not.
    """

    method: str
    instances: int
    iterations: float
    spread: float
    quartiles: Quartiles
    needed: Quartiles
    given_up: Quartiles
    exact: Quartiles
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

    @property
    def censored(self) -> tuple[bool, bool, bool]:
        """Which of `needed` is a lower bound: the run at that quantile was out of budget."""
        solved = self.statuses["converged"]
        ranks = [np.ceil(share * self.instances) for share in SHARES]
        return tuple(bool(solved < rank <= solved + self.statuses["budget"]) for rank in ranks)


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
    exact = exact_iterations(solution.path.residual[:, 0], setup.solver)
    numbers = (solution.iterations, solution.status, solution.residual, error, solution.accepted, rjcp, *solution.work)
    proposed = solution.path.trials.pulled_back[:, 0] - x0s
    beside = _beside_gauss_newton(setup.problem, proposed, y_stars, x0s)
    return Row(method, *(np.asarray(number) for number in (*numbers, exact, *beside)))


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
    solved = every["iterations"][every["status"] == Status.CONVERGED]
    known = np.isin(every["status"], (Status.CONVERGED, Status.BUDGET))
    return Summary(
        method=names.pop(),
        instances=every["status"].size,
        iterations=float(np.mean(solved)) if solved.size else float("nan"),
        spread=float(np.std(solved)) if solved.size else float("nan"),
        quartiles=_quartiles(solved),
        needed=_quartiles(np.where(known, every["iterations"], np.inf)),
        given_up=_quartiles(every["iterations"][~known]),
        exact=_quartiles(every["exact"]),
        success=counts["converged"] / every["status"].size,
        statuses=counts,
        error_spread=float(np.std(every["error"])),
        **means,
        **work,
        **steps,
    )


def _quartiles(counts: np.ndarray) -> Quartiles:
    """The quantiles at SHARES, each the count of some run (nothing lies between a count and infinity); nan of none."""
    if not counts.size:
        return (float("nan"),) * 3
    return tuple(float(q) for q in np.quantile(counts, SHARES, method="inverted_cdf"))
