"""What a whole run shows, and which failure signature that is: `core.reasons` says why it ended, this what is wrong.

A run is one walk under the protocol of `core.protocol`. From it a few numbers (`Signs`), and from those one signature:

    healthy       it arrived, and its proposals were mostly accepted; a high RJCP has then done no harm
    not_finite    it met a residual or a proposal that is not finite
    overfit       its residual is well below the noise of the data
    minimum       no small step, by whatever method, would lower the residual; or a descent from there, the box left
                  aside, comes to such a point above the tolerance, as it does with data out of reach
    untrusted     it did not arrive, and RJCP is high where it ended: there g is no local inverse of f
    box           it stands at the edge of the box, the box holds it, and beyond the box is a solution; RJCP is low
    bold          half of its proposals or more were refused
    slow          the iterations were used up while the residual still fell
    floor         it stands still, free and with a slope to follow: its own steps are not exact enough

The signatures are those of the paper's summary (high RJCP, low acceptance, a stall with low RJCP), told apart further.
The thresholds are justified by tests/test_diagnosis.py, which provokes each and draws healthy runs.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from core.problem import Problem
from core.protocol import Status
from core.reasons import FALLING
from core.setup import Solver
from core.solve import Solution

SIGNATURES = ("healthy", "not_finite", "overfit", "minimum", "untrusted", "box", "bold", "slow", "floor")
UNTRUSTED = 0.15  # RJCP a component: a g that ignores y has 1; heat hard, half trained, has 0.1, and arrives
REFUSED = 0.5  # accepted proposals over all: that little is a halving a step; twice the gap, and a walk goes to and fro
FITTED = 0.5  # of the noise's size: a residual below that has fitted three quarters of the noise's energy
FLAT = 1e-3  # |J^T r| / (|J| |r|): residuals that a method can still lower leave 1 / cond(J) or more
RECENT = 5  # steps over which a residual falls or does not
PROBED = 80  # steps of the descent that looks for a minimum: with data out of reach the last ones creep
PACE = 0.25  # of what the steps aim at, in the logarithm of the residual: at a floor next to nothing is left of it


class Signs(NamedTuple):
    """The numbers that a diagnosis goes by.

    residual: at the end, in units of the solver's scale.  falling: it lost a tenth or more over the last RECENT steps,
    or PACE of what they aimed at.
    accepted: steps over proposals, without the refusals that ended the walk; 1 if nothing was tried.  rjcp: the defect
    at the end, a component; nan without a learned inverse.  slope: |J^T r| / (|J| |r|) of the components that the box
    leaves free.  held: how many it does not.  noise: the residual that the noise alone would leave, nan where it is
    not known.  fitted: the first step at which the residual was below the noise, -1 if none was.  lowest: the residual
    of the minimum that a descent from the end comes to, see `descend`; nan where the run arrived, or none is found.
    """

    residual: float
    falling: bool
    accepted: float
    rjcp: float
    slope: float
    held: int
    noise: float
    fitted: int
    lowest: float = float("nan")


class Diagnosis(NamedTuple):
    """signature: one of SIGNATURES.  signs: what it follows from."""

    signature: str
    signs: Signs


def diagnose(
    problem: Problem, solution: Solution, solver: Solver, rjcp: float | None = None, noise: float | None = None
) -> Diagnosis:
    """The signature of one walk (not of a batch) towards `problem.target`.

    rjcp: the composition defect at the walk's end, a sum over components.  noise: the residual that the noise of the
    data alone would leave, in units of the solver's scale.
    """
    signs = read(problem, solution, solver, rjcp, noise)
    return Diagnosis(_signature(Status(int(solution.status)), signs, solver), signs)


def _signature(status: Status, signs: Signs, solver: Solver) -> str:
    """The first that fits: what cannot be mended by another step comes before what can."""
    arrived = status == Status.CONVERGED
    still = not arrived and not (status == Status.BUDGET and signs.falling)
    # A method that does not depend on a learned inverse has no floor: while it may go on, it crawls.
    stands = still and not (status == Status.BUDGET and np.isnan(signs.rjcp))
    if status == Status.DIVERGED or not np.isfinite(signs.residual):
        return "not_finite"
    if signs.noise > float(solver.tolerance) and signs.residual < FITTED * signs.noise:
        return "overfit"
    if still and signs.slope < FLAT and not signs.held:
        return "minimum"
    if not arrived and signs.lowest > float(solver.tolerance):
        return "minimum"
    if not arrived and signs.rjcp > UNTRUSTED:
        return "untrusted"
    if still and signs.held:
        return "box"
    if signs.accepted <= REFUSED:
        return "bold"
    if arrived:
        return "healthy"
    return "floor" if stands else "slow"


def read(
    problem: Problem, solution: Solution, solver: Solver, rjcp: float | None = None, noise: float | None = None
) -> Signs:
    """The numbers of one walk."""
    residual, trials = np.asarray(solution.path.residual, float), solution.path.trials
    taken, n = int(solution.iterations), solution.x.size
    tried = ~np.isnan(np.asarray(trials.eta))
    kept = np.asarray(trials.accepted)
    proposals = int(np.sum(np.asarray(trials.halvings)[kept] + 1))
    held = _held(trials, int(np.sum(tried)) - 1, n)
    lowest = np.nan
    if Status(int(solution.status)) in (Status.STALLED, Status.BUDGET) and np.isfinite(residual[-1]):
        reached, flat = descend(problem, jnp.asarray(solution.x))
        lowest = float(reached) / float(solver.scale) if float(flat) < FLAT else np.nan
    below = np.flatnonzero(residual[: taken + 1] < (noise or 0.0))
    return Signs(
        residual=float(residual[-1]),
        falling=_falling(residual[: taken + 1], np.asarray(trials.eta)[:taken], float(solver.relaxation)),
        accepted=taken / proposals if proposals else 1.0,
        rjcp=np.nan if rjcp is None else float(rjcp) / n,
        slope=slope(problem, solution.x, jnp.asarray(~held)),
        held=int(np.sum(held)),
        noise=np.nan if noise is None else float(noise),
        fitted=int(below[0]) if below.size else -1,
        lowest=lowest,
    )


def _falling(residual: np.ndarray, eta: np.ndarray, relaxation: float) -> bool:
    """Whether the residual was on its way, however short its steps: (steps + 1,) and the step sizes accepted."""
    before = residual[-1 - RECENT :][0]
    if not np.isfinite(before) or not residual[-1] > 0:
        return False
    lost = residual[-1] / before
    aimed = np.prod(1 - PACE * relaxation * np.minimum(eta[-RECENT:], 1.0))  # a share of the gap a step, at most all
    return bool(lost < FALLING or (eta.size > 0 and lost <= aimed))


def _held(trials, last: int, n: int) -> np.ndarray:
    """Which components the box cut in the last trial: (n,)."""
    if last < 0:
        return np.zeros(n, bool)
    return np.asarray(trials.relaxed[last]) != np.asarray(trials.projected[last])


def slope(problem: Problem, x, free) -> float:
    """|J^T r| / (|J| |r|) over the free components of x; 0 where r or J is 0, so at a solution and on a plateau."""
    return float(_slope(problem, x, free))


@jax.jit
def descend(problem: Problem, x):
    """|r| and |J^T r| / (|J| |r|) where Levenberg-Marquardt comes from x, without a box, in PROBED steps.

    Its damping is relative to |J|^2 and adapts: a third after a step that lowers |r|, else four times as much, and the
    step is not taken. Data that no x gives make it end where the gradient is 0 and the residual is not.
    """

    def loss(x):
        return problem.forward(x) - problem.target

    def step(now, _):
        x, residual, damping = now
        jacobian = problem.jacobian(x)
        normal = jacobian.T @ jacobian
        unit = jnp.maximum(jnp.max(jnp.diagonal(normal)), jnp.finfo(x.dtype).tiny)
        moved = x - jnp.linalg.solve(normal + damping * unit * jnp.eye(x.size, dtype=x.dtype), residual @ jacobian)
        after = loss(moved)
        lower = jnp.linalg.norm(after) < jnp.linalg.norm(residual)
        keep = jax.tree.map(lambda new, old: jnp.where(lower, new, old), (moved, after), (x, residual))
        return (*keep, jnp.clip(damping * jnp.where(lower, 1 / 3, 4.0), 1e-10, 1e10)), None

    begin = (x, loss(x), jnp.asarray(1e-2, x.dtype))
    (x, residual, _), _ = jax.lax.scan(step, begin, length=PROBED)
    return jnp.linalg.norm(residual), _slope(problem, x, jnp.ones(x.shape, bool))


@jax.jit
def _slope(problem, x, free):
    residual = problem.forward(x) - problem.target
    jacobian = problem.jacobian(x)
    size = jnp.linalg.norm(jacobian, ord=2) * jnp.linalg.norm(residual)
    down = jnp.linalg.norm(jnp.where(free, residual @ jacobian, 0.0))
    return jnp.where(size > 0, down / jnp.where(size > 0, size, 1.0), 0.0)
