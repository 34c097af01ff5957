"""What comes with the lessons of this part: code that reproduces their figures, and notes for the instructor."""

from functools import partial

import numpy as np

from lessons.figures import FAR
from lessons.lesson import Takeaway, Teaching


def breaks_takeaway(steps, start_x1, longest):
    """steps of both runs, where they begin along x1, and the longest step of the guarded one."""
    return Takeaway(partial(_breaks_code, steps, start_x1, longest), _breaks_numbers)


def _breaks_code(steps, start_x1, longest, settings):
    loss = settings["loss"]
    learned = ["from core.surrogate import learned_loss"] if loss != "exact" else []
    made = [f'problem = learned_loss(problem, "{loss}")'] if learned else []
    return "\n".join(
        [
            "from core.rollout import rollout",
            "from core.safeguard import guarded",
            *learned,
            "from core.toys import SquaredSecond",
            "from core.updates import newton",
            "",
            f"problem = SquaredSecond(target=(0.0, {settings['level']!r}))",
            *made,
            f"start = ({start_x1}, {settings['start_x2']!r})",
            "landing = rollout(newton, problem, start, 1, eta=1.0).x[1]",
            f"run = guarded(problem, start, {steps}, fallback={settings['fallback']!r}, longest={longest})",
            "first, reasons = run.path.x[1], run.reason",
        ]
    )


def _breaks_numbers(result):
    numbers = {"first": result["paths"]["safe_newton"].x[1], "reasons": result["reason"]}
    landed = result["paths"]["newton"].x[1]
    # Divided by next to nothing, the same step need not round the same way twice.
    return numbers | ({"landing": landed} if np.max(np.abs(landed)) < FAR else {})


BREAKS_TEACHING = Teaching(
    misconception="Newton’s method always goes downhill, only faster than the gradient.",
    demo=(
        ("Between the valleys Newton’s method converges to the saddle.", {"start_x2": 0.4, "step": 14}),
        ("Where the curvature is nearly zero, its step is 400,000 long.", {"start_x2": 0.57735}),
        ("In a valley it does what one hopes for: it goes down, and fast.", {"start_x2": 1.5, "step": 14}),
        ("The same loss learned by a ReLU network: no curvature, so no step of Newton’s.",
         {"loss": "relu", "step": 14}),
    ),
    room=(
        "Gradient descent can stop at a saddle too. Why is it so rare there? Listen for: it is pushed away from it "
        "along the falling direction, while Newton is drawn to it."
    ),
)  # fmt: skip
