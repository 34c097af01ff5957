"""What comes with the lessons of this part: code that reproduces a figure, and notes for the instructor."""

from functools import partial

from lessons.lesson import Takeaway, Teaching

CODE = {
    "two": "toys.Beacons(2)",
    "three": "toys.Beacons(3, error={error})",
    "one": "toys.Beacons(1)",
    "sine": "toys.RotatedSine(1.5, solution=(-0.7, -0.5))",
}


def _singular_code(steps, error, settings):
    """The truncated path and the singular values at its start."""
    return f"""\
import jax.numpy as jnp
from core import toys
from core.least_squares import truncated_inverse_gradient
from core.rollout import rollout

problem = {CODE[settings["problem"]].format(error=error)}
start = jnp.array({list(settings["start"])})
singular = jnp.linalg.svd(problem.jacobian(start), compute_uv=False)
hyper = dict(eta={settings["eta"]!r}, truncation={settings["truncation"]!r})
path = rollout(truncated_inverse_gradient, problem, start, {steps}, **hyper)
end = path.x[-1]"""


def _singular_numbers(result):
    return {"singular": result["singular"], "end": result["paths"]["truncated_inverse_gradient"].x[-1]}


def singular_takeaway(steps, error):
    """steps of the path, and the error of three measured distances."""
    return Takeaway(partial(_singular_code, steps, error), _singular_numbers)


SINGULAR_TEACHING = Teaching(
    misconception="An inverse is always better than a gradient, because it knows more.",
    demo=(
        (
            "Beside the line of the two masts one step leaves the map, and never comes back.",
            {"truncation": 0.001, "step": 12},
        ),
        ("Drop the direction that J hardly answers to: no leap, but no way off the line either.", {"step": 12}),
        (
            "A little farther from the line the plain one does come back. That is luck.",
            {"start": (-0.9, -0.93), "step": 12},
        ),
        ("A third mast: the matrix is not square, and the plain inverse is refused.", {"problem": "three", "step": 12}),
    ),
    room="Where would you put a third mast, and what does it cost? Listen for: it removes the shaded line, and "
    "with it the exact solution.",
)
