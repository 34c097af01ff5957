"""What the lesson on units says of its walks."""

import numpy as np

from lessons.figures import FAR
from lessons.methods import INVERSE
from lessons.words import joined, matrix_word, number_word, point_word

VIEW = 4.0
SAME = 1e-3  # paths nearer than this share of their length are the same up to rounding, in float32 too
CLOSE = 0.5  # a guess within this distance is right
FAHRENHEIT = 5 / 9  # of a kelvin is one degree
ARTICLED = {
    "newton": "Newton",
    "inverse_gradient": "the inverse gradient",
    "inverse_simulator": "the inverse simulator",
}


def reading(result):
    step = result["settings"]["step"]
    told = joined(_told_of_descent(result), _told_of_others(result))
    simulator, loss, gradient = (result["factors"][key][step] for key in ("simulator", "loss", "gradient"))
    if not (_near(result["paths"]["gradient_descent"].x[step]) and np.all(np.isfinite(gradient))):
        return told
    product = f"{matrix_word(simulator)}{matrix_word(loss)} = {matrix_word(gradient)}"
    return f"{told}\n\n$J^T (\\partial L/\\partial y)^T = {product} = (\\partial L/\\partial x)^T$"


def _told_of_descent(result):
    """Where gradient descent is at the current iteration in the chosen units and in metres and kelvin."""
    step = result["settings"]["step"]
    here, there = result["paths"]["gradient_descent"].x[step], result["metres"].x[step]
    if not _near(here) and not _near(there):
        return "Gradient descent diverges, in these units as in metres and kelvin."
    if not _near(here):
        return f"In these units gradient descent diverges; in metres and kelvin it is at {point_word(there)}."
    if not _near(there):
        return f"In these units gradient descent is at {point_word(here)}; in metres and kelvin it diverges."
    if np.linalg.norm(here - there) < SAME:
        return f"In these units gradient descent is at {point_word(here)}, as in metres and kelvin."
    return f"In these units gradient descent is at {point_word(here)}, in metres and kelvin at {point_word(there)}."


def _told_of_others(result):
    """Whether the unit matters to the other three methods."""
    if max(float(result["stray"][other]) for other in INVERSE) < SAME:
        return "The other three methods take the same path in all these units."
    ended = [name for name in INVERSE if not np.all(np.isfinite(result["paths"][name].x))]
    if not ended or result["paths"]["newton"].loss[0] == 0:
        return ""
    return f"No step of {' or '.join(ARTICLED[name] for name in ended)} exists where its matrix is singular."


def _near(x):
    return bool(np.all(np.abs(x) < FAR))


def remark(result):
    """Why gradient descent ends where it does, in these units."""
    unit, degree = result["settings"]["unit"], result["settings"]["degree"]
    if unit == 1 and degree == 1:
        return "With u = 1 and v = 1 nothing has changed. Another unit enters twice."
    changed = [("₁", "u", unit)] if degree == 1 else [("₂", "v", degree)] if unit == 1 else []
    for index, letter, size in changed:
        return (
            f"The unit {letter} enters twice: in the derivative by x{index}, and again when the step is counted in it. "
            f"So the first step along x{index} gets the factor {letter}² = {number_word(size**2)}."
        )
    return (
        "Each unit enters twice: in the derivative, and again when the step is counted in it. So the first step gets "
        f"the factor u² = {number_word(unit**2)} along x₁ and v² = {number_word(degree**2)} along x₂."
    )


def feedback(said, result):
    """What speaks against the place that was pointed at."""
    there = result["metres"].x[result["settings"]["step"]]
    if np.linalg.norm(there - np.asarray(said)) <= CLOSE:
        return "That is where gradient descent is in metres and kelvin."
    if result["settings"]["degree"] != 1:
        return "Along x₁ the steps are scaled by u², along x₂ by v²."
    if result["settings"]["unit"] < 0.3:
        return "Along x₁ the steps shrink with u², so x₁ hardly moves and only x₂ is adapted to it."
    return "Along x₁ the steps are scaled by u²; along x₂ they follow the same rule as before."


def left(result):
    """Why nothing can be pointed at, if nothing can."""
    x = result["paths"]["gradient_descent"].x[result["settings"]["step"]]
    if np.all(np.abs(x) <= VIEW):
        return ""
    return "At this iteration gradient descent is outside the panel, so there is no place to point at."
