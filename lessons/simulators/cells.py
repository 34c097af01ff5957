"""The cells of the scorecard in words, each from its measurement, and the run behind each."""

import numpy as np

from core.problem import NoInverse
from core.toys import Beacons
from lessons.figures import METHODS
from lessons.lesson import Cell, Table
from lessons.words import number_word, power, share_word

METHOD_NAMES = ("gradient_descent", "newton", "inverse_gradient", "inverse_simulator")
PROPERTIES = ("units", "sensitivity", "optimum", "composition", "scale", "dependence")
HEADINGS = (
    "units 📏",
    "sensitivity 🔍",
    "near the optimum 💎",
    "function composition",
    "scale invariance",
    "dependence 🎩",
)
SAME = 1e-6  # a defect below this is rounding
EXPLODES = 50.0  # times the median step: a step that nobody would want


def defect(result, name, property_):
    """A measured defect as a float; what has left for infinity counts as infinite."""
    value = float(result["defects"][name][property_])
    return np.inf if np.isnan(value) else value


def invariant(result, property_):
    """The methods whose walks are the same, up to rounding."""
    return [name for name in METHOD_NAMES if defect(result, name, property_) < SAME]


def table(result):
    """Every cell from its measurement, and the run that shows it."""
    problem = result["settings"]["problem"]
    rows = tuple((METHODS[n].label, tuple(_cell(result, n, p, problem) for p in PROPERTIES)) for n in METHOD_NAMES)
    return Table("Four methods by six properties, measured on this problem", HEADINGS, rows)


def _cell(result, name, property_, problem):
    value = defect(result, name, property_)
    slug, settings = LINKS[property_](name, problem)
    return Cell(SAYINGS[property_](result, name, value), slug, settings)


def _walks(value):
    if value < SAME:
        return f"the same walk ({power(value)})"
    return "another walk: it diverges" if not np.isfinite(value) else f"another walk: {share_word(value)} apart"


def _changes(result, name, value):
    exponent = float(result["exponents"][name])
    if not np.isfinite(value):
        return "the loss has no such power"
    return "the same drop of L at any" if value < 0.01 else f"L changes like its power {exponent:.2f}"


def _closes(value):
    if value < SAME:
        return "no step more than planned"
    return f"{number_word(value)} times more steps" if value >= 1 else f"{share_word(value)} more steps than planned"


def _announces(result, name, value):
    order = float(result["orders"][name])
    if value < SAME * 1e-3:
        return f"known beforehand (off by {power(value)})"
    off = f"{number_word(value)} × the step" if value > 1 else f"{share_word(value)} of the step"
    return f"off by {off}, order {order:.1f}"


def _depends(result, name, value):
    lacks = "; needs P⁻¹, which not every P has" if name == "inverse_simulator" and not formula_for_all() else ""
    how = f"longest step {number_word(value)} × the median"
    return (f"explodes: {how}" if value > EXPLODES else how) + lacks


def formula_for_all():
    """Whether every toy knows its inverse: the masts do not."""
    masts = Beacons(2)
    try:
        masts.inverse(masts.target, masts.start)
    except NoInverse:
        return False
    return True


SAYINGS = {
    "units": lambda _, __, value: _walks(value),
    "sensitivity": _changes,
    "optimum": lambda _, __, value: _closes(value),
    "composition": _announces,
    "scale": lambda _, __, value: _walks(value),
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
