"""What comes with the lessons of this part: code that reproduces their figures, and notes for the instructor."""

from functools import partial

from lessons.lesson import Takeaway, Teaching

_SCORECARD_PROBLEMS = {
    "squared": "SquaredSecond()",
    "sine": "RotatedSine(2.0)",
    "sheared": "Sheared(target=(-1.0, 0.5))",
}


def _scorecard_code(steps, turned, shares, settings):
    """The row "other scales" for two methods."""
    return f"""\
import jax.numpy as jnp
from core import measures, toys, updates
from core.composition import Composed
from core.rollout import rollout
problem, alpha, eta = toys.{_SCORECARD_PROBLEMS[settings["problem"]]}, {settings["alpha"]!r}, {settings["eta"]!r}
def walk(rule, a):
    target = toys.Scaled(a, {turned}).forward(problem.target)
    other = Composed(problem, toys.Scaled(a, {turned}, target))
    return rollout(rule, other, problem.start, {steps}, eta=eta).x
def spread(rule):
    scales = [alpha**share for share in {shares.tolist()}]
    return measures.spread(jnp.stack([walk(rule, a) for a in scales]))
newton = spread(updates.newton)
inverse_gradient = spread(updates.inverse_gradient)"""


def _scorecard_numbers(result):
    return {name: result["defects"][name]["scale"] for name in ("newton", "inverse_gradient")}


def scorecard_takeaway(steps, turned, shares):
    """steps of every trajectory, the angle of the scaled direction, and the powers of the largest scale."""
    return Takeaway(partial(_scorecard_code, steps, turned, shares), _scorecard_numbers)


SCORECARD_TEACHING = Teaching(
    misconception="Newton is scale-invariant, so nothing is left to gain.",
    demo=(
        ("Read the rows from above: who has no defect?", {"alpha": 10.0}),
        ("Take the scaling out: no trajectory changes.", {"alpha": 1.0}),
        ("On a linear problem all three that invert agree.", {"problem": "sheared"}),
        ("On a curved one Newton falls out at the scale.", {"problem": "sine"}),
    ),
    room="Which row would you give up first in your own field, and which never? Listen for: units cost nothing "
    "to get right on paper; the last row decides what can be used at all.",
)

SPACES_TEACHING = Teaching(
    misconception="The best way is the one that looks straight where you draw it, in x-space.",
    demo=(
        ("One step, marked in three spaces. Play the others.", {"step": 1}),
        (
            "Gradient descent is at right angles to the isolines in x; look at it in y.",
            {"method": "gradient_descent", "step": 8},
        ),
        ("Let P fold instead: straight in y again.", {"problem": "squared", "start": (1.2, 1.4)}),
        ("A shear: straight in both.", {"problem": "sheared", "start": (1.2, 1.4)}),
    ),
    room="In which of the three spaces would you choose the direction of a step, and in which do you have to carry "
    "it out? Listen for: choose in y, where the loss is round; carry out in x; that needs the inverse.",
)
