"""The failure signatures of `core.diagnosis` in words: what each is called, what shows it, what to try."""

import numpy as np

from core.diagnosis import FLAT, Diagnosis, Signs, diagnose
from core.problem import Problem
from core.reasons import why
from core.setup import Solver
from core.solve import Solution
from lessons.words import number_word, share_word

NAMES = {
    "healthy": "healthy",
    "not_finite": "not finite",
    "overfit": "over-fitting",
    "minimum": "a minimum that is no solution",
    "box": "held by the box",
    "untrusted": "the inverse is not to be trusted here",
    "bold": "steps too bold",
    "slow": "too slow",
    "floor": "a floor",
}
ADVICE = {
    "healthy": "Nothing to do.",
    "not_finite": (
        "Look for gaps in the data, and for a start or a step at which the simulator or its Jacobian has no value."
    ),
    "overfit": "Stop there: set the tolerance to the size of the noise.",
    "minimum": "Another start, if there may be a better branch; if not, no x explains these data.",
    "box": "Widen the box if it is not physics; if it is, look for the best answer on its edge.",
    "untrusted": (
        "Start elsewhere, or train g for this place: a wider range, longer, more weight on JCP; and on the simulator "
        "in use."
    ),
    "bold": "A smaller η, a smaller relaxation ρ, or damping: the evaluations of the refused proposals are wasted.",
    "slow": "More iterations, a larger η, or a method that inverts more.",
    "floor": "The differenced step in place of the plain one, a better g, or Gauss–Newton for the last steps.",
}


def shown_by(diagnosis: Diagnosis) -> str:
    """The numbers that say so, beyond what `core.reasons.why` tells of how the walk ended; "" where it tells all."""
    signs = diagnosis.signs
    return {
        "overfit": f"The noise alone is a residual of {number_word(signs.noise)}; the walk was below that at step "
        f"{signs.fitted}.",
        "minimum": _minimum(signs),
        "untrusted": f"RJCP is {number_word(signs.rjcp)} a component where it ended.",
        "bold": f"Of its proposals {share_word(signs.accepted)} were accepted.",
        "box": f"RJCP is {number_word(signs.rjcp)} a component: it is not the inverse that fails."
        if np.isfinite(signs.rjcp)
        else "",
        "floor": f"|Jᵀr| is {number_word(signs.slope)} of |J| |r|: there is a way down, it does not find it.",
    }.get(diagnosis.signature, "")


def _minimum(signs: Signs) -> str:
    if signs.slope < FLAT and not signs.held:
        return f"|Jᵀr| is {number_word(signs.slope)} of |J| |r|: to first order nothing is to be gained."
    return (
        f"From there Levenberg–Marquardt, without the box, comes to a minimum with a residual of "
        f"{number_word(signs.lowest)}, above the tolerance."
    )


def told(diagnosis: Diagnosis, solution: Solution, solver: Solver) -> str:
    """The signature, why the walk ended, the numbers that show it, and what to try."""
    name = NAMES[diagnosis.signature]
    parts = (f"**{name[0].upper()}{name[1:]}.**", why(solution, solver), shown_by(diagnosis))
    return " ".join([*(part for part in parts if part), f"*What to try:* {ADVICE[diagnosis.signature]}"])


def remark(
    problem: Problem, solution: Solution, solver: Solver, rjcp: float | None = None, noise: float | None = None
) -> str:
    """One sentence on a run that is not healthy, with the way to the page that explains it; "" on one that is."""
    signature = diagnose(problem, solution, solver, rjcp, noise).signature
    if signature == "healthy":
        return ""
    return f" The run of D-IPG shows a signature: {NAMES[signature]}; see [Diagnosis](diagnosis)."
