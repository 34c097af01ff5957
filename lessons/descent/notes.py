"""What comes with the lessons of this part: code that reproduces their figures, and notes for the instructor."""

from lessons.lesson import Teaching
from lessons.methods import FRACTION

MADE = {  # the same, as a reader would type it
    "bowl": ("core.scalar import Power", "Power(1, target=1.0, start=0.0)"),
    "incline": ("core.scalar import Incline", "Incline()"),
    "sheared": ("core.toys import Sheared", "Sheared()"),
    "sine": ("core.toys import RotatedSine", "RotatedSine()"),
}


def sensitivity_code(settings):
    where, made = MADE[settings["problem"]]
    return f"""\
from core.problem import InUnits
from {where}
from core.updates import gradient_descent, inverse_simulator

def change(rule, alpha, eta):  # of the loss, by one step
    problem = InUnits({made}, alpha)  # its input times alpha
    x = problem.start
    return problem.objective(x + rule(problem, x, eta)) - problem.objective(x)

alpha, eta = {settings["alpha"]!r}, {settings["eta"]!r}
descent = change(gradient_descent, alpha, eta)
ten_times = change(gradient_descent, 10 * alpha, eta) / descent
inverse = change(inverse_simulator, alpha, {FRACTION})
"""


SENSITIVITY_TEACHING = Teaching(
    misconception="A sensitive parameter deserves a big step.",
    demo=(
        ("One short gradient step, a fifth of a per cent of the gap. What if α were larger?", {}),
        (
            "Ten times as sensitive: about a hundred times the change (90: the bend already shows). Red is flat.",
            {"alpha": 10.0},
        ),
        ("Ten times more, and the step overshoots so far that the loss rises.", {"alpha": 100.0}),
        (
            "It needs no bowl: on the straight line the slope is 2 throughout. Newton has no curvature to invert.",
            {"problem": "incline"},
        ),
    ),
    room=(
        "You tuned η for an angle in degrees; a colleague rewrites the code in radians. What has to happen to η? "
        "Listen for 57² against 57, and for who says that the method should not care."
    ),
)

NEAR_MADE = {  # the same, as a reader would type it
    "fourth": ("core.scalar import Power", "Power(2)", "[1.0]"),
    "square": ("core.scalar import Power", "Power(1)", "[1.0]"),
    "toy": ("core.toys import Scaled", "Scaled(4.0)", "[0.5**0.5, 0.5**0.5]"),
    "tanh": ("core.scalar import Saturating", "Saturating()", "[1.0]"),
}


def near_code(steps, settings):
    where, made, along = NEAR_MADE[settings["problem"]]
    return f"""\
import jax.numpy as jnp
from {where}
from core.rollout import rollout
from core.updates import gradient_descent, inverse_simulator, newton

problem = {made}
x0 = {settings["distance"]!r} * jnp.array({along})
def errors(rule, eta):
    return jnp.linalg.norm(rollout(rule, problem, x0, {steps}, eta=eta).x, axis=-1)
descent = errors(gradient_descent, {settings["eta_gd"]!r})
simulator = errors(inverse_simulator, {settings["eta"]!r})
newton_factor = errors(newton, {settings["eta"]!r})[1] / {settings["distance"]!r}
"""


NEAR_TEACHING = Teaching(
    misconception="A small gradient means that one has nearly arrived.",
    demo=(
        ("x²: four flat lines. Every method keeps a constant share.", {"problem": "square"}),
        ("x⁴: the blue line approaches 1, the others stay flat.", {"problem": "fourth"}),
        (
            "tanh², from far: the gradient is small where the optimum is far. Newton moves away.",
            {"problem": "tanh", "distance": 2.0},
        ),
    ),
    room=(
        "The loss has not moved for a hundred steps. Name three places where one may be. Listen for: at the "
        "optimum, on a plateau far from it, near a flat optimum."
    ),
)
