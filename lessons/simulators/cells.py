"""The cells of the scorecard in words, each from its measurement, and the run behind each."""

import jax
import numpy as np

from core.backend import default_float
from core.problem import NoInverse
from core.toys import Beacons
from lessons.figures import METHODS
from lessons.lesson import Cell, Table
from lessons.words import number_word

METHOD_NAMES = ("gradient_descent", "newton", "inverse_gradient", "inverse_simulator")
PROPERTIES = ("units", "sensitivity", "optimum", "composition", "scale", "dependence")
NAMES = ("other units", "sensitivity", "optimum", "composition", "other scales", "dependence")
SAME = {"float64": 1e-6, "float32": 1e-3}  # a defect below this may be rounding
EXACT = {"float64": 1e-9, "float32": 1e-4}  # the same of a single step
EXPLODES = 50.0  # times the median step: a step that nobody would want


def defect(result, name, property_):
    """A measured defect as a float; what has left for infinity counts as infinite."""
    value = float(result["defects"][name][property_])
    return np.inf if np.isnan(value) else value


def same():
    """Below which defect two trajectories are the same, up to rounding in the precision at hand."""
    return SAME[np.dtype(default_float()).name]


def invariant(result, property_):
    """The methods whose trajectories are the same, up to rounding."""
    return [name for name in METHOD_NAMES if defect(result, name, property_) < same()]


def table(result):
    """Every cell from its measurement, and the run that shows it: a row for each property, as in the figure."""
    problem, methods = result["settings"]["problem"], tuple(METHODS[name].label for name in METHOD_NAMES)
    rows = tuple(
        (said, tuple(_cell(result, name, property_, problem) for name in METHOD_NAMES))
        for said, property_ in zip(NAMES, PROPERTIES, strict=True)
    )
    return Table("Six properties of four methods, measured on this problem", methods, rows)


def _cell(result, name, property_, problem):
    value = defect(result, name, property_)
    slug, settings = LINKS[property_](name, problem)
    return Cell(SAYINGS[property_](result, name, value), slug, settings)


def _part(value):
    """ "0.013 %", "72 %", "29 times"."""
    return f"{number_word(100 * value)} %" if value < 10 else f"{number_word(value)} times"


def _spreads(value):
    if value < same():
        return "same trajectory"
    return f"{_part(value)} apart" if np.isfinite(value) else "diverges"


def _changes(result, name, value):
    exponent = float(result["exponents"][name])
    if not np.isfinite(value):
        return "no such power"
    return "same drop of L" if value < 0.01 else f"drop of L: power {exponent:.2f}"


def _closes(value):
    return "steps as planned" if value < same() else f"{_part(value)} more steps"


def _announces(result, name, value):
    if value < EXACT[np.dtype(default_float()).name]:
        return "lands as planned"
    return f"misses by {_part(value)} of the plan, order {float(result['orders'][name]):.1f}"


def _depends(result, name, value):
    lacks = ", needs P⁻¹" if name == "inverse_simulator" and not formula_for_all() else ""
    how = f"{number_word(value)} × median"
    return (f"explodes: {how}" if value > EXPLODES else f"at most {how}") + lacks


def formula_for_all():
    """Whether every toy knows its inverse: the masts do not."""
    masts = Beacons(2)
    try:
        jax.eval_shape(lambda: masts.inverse(masts.target, masts.start))
    except NoInverse:
        return False
    return True


SAYINGS = {
    "units": lambda _, __, value: _spreads(value),
    "sensitivity": _changes,
    "optimum": lambda _, __, value: _closes(value),
    "composition": _announces,
    "scale": lambda _, __, value: _spreads(value),
    "dependence": _depends,
}
BREAKS = {
    "gradient_descent": ("crux", {"alpha": 8.0}),
    "newton": ("newton-breaks", {"start_x2": 0.577}),
    "inverse_gradient": ("singular", {}),
    "inverse_simulator": ("branches", {}),
}
LINKS = {
    "units": lambda name, problem: ("units", {"problem": problem}),
    "sensitivity": lambda name, problem: ("sensitivity", {"problem": "bowl" if problem == "squared" else problem}),
    "optimum": lambda name, problem: ("near-optimum", {"problem": "fourth" if problem == "squared" else "toy"}),
    "composition": lambda name, problem: (
        "latent-step",
        {"problem": "linear" if problem == "sheared" else problem, "eta": 1e-3},
    ),
    "scale": lambda name, problem: ("crux", {"axes": "turned"}),
    "dependence": lambda name, problem: BREAKS[name],
}
