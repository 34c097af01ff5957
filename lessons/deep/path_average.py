"""The average along the way: what an inverse simulator's step is made of, and when it is needed (curriculum F2, F3, F5)."""

import jax
import jax.numpy as jnp
import numpy as np

from core.averages import Linearised, gauss, pull_back, way
from core.toys import RotatedSine, Scaled, SquaredSecond

MOST = 12  # quadrature points
CURVE = 81  # points of the curve dx/dy
GAP_SIZES = np.geomspace(1e-5, 1, 31)  # shares of the way to the fold, for the gap against the step
LEAST = 1e-17
# A problem, the component of it that is looked at, and where the way would end: at a fold, or anywhere for the line.
PROBLEMS = {
    "square": (SquaredSecond(), 1, 0.0),
    "sine": (RotatedSine(conditioning=1.0, angle=0.0), 0, 1.0),
    "line": (Scaled(2.0), 1, 0.0),
}
FORMULAS = {"square": "x²", "sine": "sin x", "line": "2x"}
NODES, WEIGHTS = np.zeros((MOST + 1, MOST)), np.zeros((MOST + 1, MOST))
for _count in range(1, MOST + 1):
    NODES[_count, :_count], WEIGHTS[_count, :_count] = gauss(_count)
NODES[0, 0], WEIGHTS[0, 0] = 0.0, 1.0  # no point yet: the slope at the start, the inverse gradient's own


def simulate(problem, start, size):
    """The slopes along one step in y, their averages by ever more points, and the gap for ever smaller steps."""
    chosen, component, fold = PROBLEMS[problem]
    x0 = jnp.zeros(2).at[component].set(start)
    y0 = chosen.forward(x0)[component]
    dy = size * (fold - y0)
    unit = jnp.zeros(2).at[component].set(1.0)

    def slope(share):
        return pull_back(chosen, way(chosen, x0, dy * unit, share), unit)[component]

    def exact(step):
        """dx of the inverse simulator and of the linearised inverse, for any step in y."""
        local = chosen.inverse(chosen.forward(x0) + step * unit, x0) - x0
        linear = Linearised(chosen).inverse(chosen.forward(x0) + step * unit, x0) - x0
        return local[component], linear[component]

    shares = jnp.linspace(0, 1, CURVE)
    heights = jax.vmap(jax.vmap(slope))(jnp.asarray(NODES))
    means = jnp.sum(jnp.asarray(WEIGHTS) * heights, axis=-1)
    dx, linear = exact(dy)
    steps = jnp.asarray(GAP_SIZES) * (fold - y0)
    gaps = jax.vmap(lambda step: jnp.abs(jnp.subtract(*exact(step))))(steps)
    return {
        "y": y0 + shares * dy,
        "slope": jax.vmap(slope)(shares),
        "heights": heights,
        "means": means,
        "mean": dx / dy,
        "first": slope(0.0),
        "dx": dx,
        "linear": linear,
        "dy": dy,
        "ends": jnp.stack([y0, y0 + dy]),
        "gaps": gaps,
        "ratios": gaps / jnp.abs(steps),
        "start": start,
    }
