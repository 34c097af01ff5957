"""Why a run ended, in a sentence: what the status alone does not say.

A sentence states what was tested and no more. Which cause lies behind it (a minimum, a floor, a singular matrix) takes
further numbers: `core.diagnosis` has them.
"""

import numpy as np

from core.protocol import Status
from core.setup import Solver
from core.solve import Solution

FALLING = 0.9  # a residual that lost more than a tenth over the last RECENT steps is on its way
RECENT = 5


def why(solution: Solution, solver: Solver) -> str:
    """One sentence on one run (not on a batch), from its own numbers: box, refusals, budget, what was not finite."""
    status, residual = Status(int(solution.status)), np.asarray(solution.path.residual)
    taken, trials, tolerance = int(solution.iterations), solution.path.trials, short(solver.tolerance)
    if status == Status.CONVERGED:
        if not taken:
            return "The start was within the tolerance already."
        return f"The residual, {short(residual[-1])}, is within the tolerance of {tolerance}."
    if status == Status.BUDGET:
        return _out_of_budget(residual[: taken + 1], solver.budget)
    if status == Status.DIVERGED:
        if not np.isfinite(residual[0]):
            return "There is no finite residual at the start: look at the data, and at the start itself."
        return (
            "The last proposal was not finite, as can happen where a matrix to be inverted is singular; "
            "the run keeps the point before it."
        )
    last = int(np.sum(~np.isnan(np.asarray(trials.eta)))) - 1
    if trials.accepted[last]:  # no run stalls after an accepted step but one that takes no second
        if not np.isfinite(residual[-1]):
            return "Its one step is taken, and the residual is not finite there."
        return f"Its one step is taken, and the residual, {short(residual[-1])}, is above the tolerance of {tolerance}."
    tried = int(trials.halvings[last]) + 1
    sizes = f"of the {tried} step sizes tried" if tried > 1 else "the one step size tried"
    relaxed, projected = np.asarray(trials.relaxed[last]), np.asarray(trials.projected[last])
    held = np.flatnonzero(relaxed != projected)
    if held.size:
        which = "one component" if held.size == 1 else f"{held.size} components"
        lowered = f"none {sizes} lowered" if tried > 1 else f"{sizes} did not lower"
        return f"The box cut {which} of the last step proposed, and {lowered} the residual enough for Armijo’s rule."
    lowered = f"None {sizes} lowered" if tried > 1 else f"{sizes[0].upper()}{sizes[1:]} did not lower"
    return (
        f"{lowered} the residual of {short(residual[-1])} enough for Armijo’s rule. A local minimum can do that, an "
        "inverse that is not exact, or a step that is still too long."
    )


def _out_of_budget(residual: np.ndarray, budget: int) -> str:
    """residual: from the start to the last point."""
    used = f"All {budget} iterations are" if budget > 1 else "The one iteration is"
    steps = min(RECENT, residual.size - 1)
    over = f"the last {steps} iterations" if steps > 1 else "the last iteration"
    fell = residual[-1] < FALLING * residual[-1 - steps]
    much = "more than a tenth, so more iterations may do" if fell else "a tenth or less"
    return f"{used} used up, and the residual is {short(residual[-1])}: over {over} it fell by {much}."


def short(value: float) -> str:
    """Two digits, without an exponent where six figures do: 120 and not 1.2e+02."""
    return f"{float(f'{float(value):.2g}'):g}"
