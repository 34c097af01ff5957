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


def _noise_code(settings):
    if settings["problem"] == "banana":
        made = ["smooth = Banana(2.0)"]
        imported = ["from core.toys import Banana"]
    else:
        made = ["bowl = Sheared(((1.0, 1.0), (0.0, 2.0)))", "smooth = Aimed(bowl, bowl.forward(jnp.ones(2)))"]
        imported = ["from core.problem import Aimed", "from core.toys import Sheared"]
    return "\n".join(
        [
            "import jax.numpy as jnp",
            *imported,
            "from core.ripple import Rippled, one_period, roughness",
            "from core.rollout import rollout",
            "from core.updates import newton",
            "",
            *made,
            f"size, k = jnp.array({settings['size']!r}), jnp.array({settings['wave_number']!r})",
            "noise = roughness(Rippled(smooth, size, jnp.round(k)), one_period())",
            f"path = rollout(newton, Rippled(smooth, size, k), {settings['start']}, 1, eta=1.0)",
            "gradient, hessian, first = noise.gradient, noise.hessian, path.x[1]",
        ]
    )


def _noise_numbers(result):
    return {
        "gradient": result["here"]["gradient"],
        "hessian": result["here"]["hessian"],
        "first": result["paths"]["noisy"]["newton"].x[1],
    }


NOISE_TAKEAWAY = Takeaway(_noise_code, _noise_numbers)
NOISE_TEACHING = Teaching(
    misconception="An error too small to be seen in the loss is too small to matter.",
    demo=(
        ("A slow ripple: Newton’s method converges.", {"wave_number": 2.0}),
        ("The same size, twenty times finer: Newton’s method fails, gradient descent hardly moves.", {}),
        ("A hundred times smaller: Newton’s method converges again.", {"size": 1e-5}),
        ("A hundred times larger than at first: now both are moved.", {"size": 0.1}),
    ),
    room=(
        "Your simulator computes in single precision, with relative errors of 10⁻⁷ that change from point to "
        "point. Would you difference it twice? Listen for: errors from point to point are a ripple with a very "
        "large k."
    ),
)
