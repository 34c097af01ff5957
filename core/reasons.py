"""Why a walk ended, in a sentence: what the status alone does not say."""

import numpy as np

from core.protocol import Status
from core.setup import Solver
from core.solve import Solution

FALLING = 0.9  # a residual that lost a tenth over the last five steps is on its way


def why(solution: Solution, solver: Solver) -> str:
    """One sentence on one walk (not on a batch), from its own numbers: box, floor, budget, or what was not finite."""
    status, residual = Status(int(solution.status)), np.asarray(solution.path.residual)
    taken, trials = int(solution.iterations), solution.path.trials
    if status == Status.CONVERGED:
        if not taken:
            return "The start was within the tolerance already."
        return f"The residual, {residual[-1]:.2g}, is within the tolerance of {float(solver.tolerance):.2g}."
    if status == Status.BUDGET:
        on_its_way = residual[taken] < FALLING * residual[max(0, taken - 5)]
        return f"All {solver.budget} iterations are used up, and the residual is {residual[-1]:.2g}: " + (
            "it was still falling, so more iterations may do." if on_its_way else "it hardly falls any more."
        )
    if status == Status.DIVERGED:
        if not np.isfinite(residual[0]):
            return "There is no finite residual at the start: look at the data, and at the start itself."
        return "The last proposal was not finite, as it is where a Jacobian is singular; the walk stands where it was."
    last = int(np.sum(~np.isnan(trials.eta))) - 1
    if trials.accepted[last]:  # no walk stalls after an accepted step but one that takes no second
        return f"Its one step is taken, and the residual is {residual[-1]:.2g}."
    relaxed, projected = np.asarray(trials.relaxed[last]), np.asarray(trials.projected[last])
    held = np.flatnonzero(relaxed != projected)
    if held.size:
        which = "one component" if held.size == 1 else f"{held.size} components"
        return f"The box holds it: {which} would leave it, and no step within it lowers the residual enough."
    return (
        f"Of {int(trials.halvings[last]) + 1} step sizes none lowered the residual enough, {residual[-1]:.2g}: a "
        "local minimum, or the floor of an inverse that is not exact."
    )
