"""The four methods that the lessons set side by side: their rules, their step, their order."""

from core.updates import gradient_descent, inverse_gradient, inverse_simulator, newton

RULES = {
    "gradient_descent": gradient_descent,
    "newton": newton,
    "inverse_gradient": inverse_gradient,
    "inverse_simulator": inverse_simulator,
}
FRACTION = 0.3  # the inverse methods take 30 % of the gap a step: short of the goal, so that one sees them walk
INVERSE = tuple(name for name in RULES if name != "gradient_descent")
SHOWN = tuple(reversed(RULES))  # in the legend and in rows, from below
