"""The four methods that every lesson of this part sets side by side, and in which order they are drawn."""

from core.updates import gradient_descent, inverse_gradient, inverse_simulator, newton

RULES = {
    "gradient_descent": gradient_descent,
    "newton": newton,
    "inverse_gradient": inverse_gradient,
    "inverse_simulator": inverse_simulator,
}
INVERSE = tuple(name for name in RULES if name != "gradient_descent")
SHOWN = tuple(reversed(RULES))  # in the legend and in rows, from below
