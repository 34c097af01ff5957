"""What comes with the lessons of this part: code that reproduces their figures, and notes for the instructor."""

from core.integrators import STEPPERS
from lessons.lesson import Takeaway, Teaching


def _reversal_code(settings):
    kind = settings["precision"]
    return f"""\
import jax
import jax.numpy as jnp
from core.oscillator import OscillatorFlow

start = jnp.array([1.0, 0.0], jnp.{kind})
time = 2 * jnp.pi * {settings["periods"]!r}
distance = {{}}
for scheme in ("explicit_euler", "symplectic_euler", "leapfrog", "rk4"):
    flow = OscillatorFlow(1.0, {settings["zeta"]!r}, time, {round(settings["steps"])}, scheme)
    flow = jax.tree.map(lambda leaf: leaf.astype(jnp.{kind}), flow)
    back = flow.inverse(flow.forward(start), start)  # the same steps with -dt
    distance[scheme] = jnp.linalg.norm(back - start)
explicit, symplectic, leapfrog, runge_kutta = distance.values()
"""


def _reversal_numbers(result):
    names = ("explicit", "symplectic", "leapfrog", "runge_kutta")
    return {name: result["now"][scheme] for name, scheme in zip(names, STEPPERS, strict=True)}


def reversal_takeaway():
    return Takeaway(_reversal_code, _reversal_numbers)


REVERSAL_TEACHING = Teaching(
    misconception="A more accurate scheme is always the better time machine, and every simulation can be rewound.",
    demo=(
        ("8 coarse steps: explicit Euler leaves, Runge–Kutta nearly returns, leapfrog does.", {}),
        (
            "64 steps: Runge–Kutta, too, is back as far as one can see; explicit Euler still spirals out.",
            {"steps": 64.0},
        ),
        ("A little friction, and the winner changes.", {"zeta": 0.1}),
        ("Single precision: leapfrog’s floor is higher, and heat explodes earlier.", {"precision": "float32"}),
    ),
    room=(
        "Friction: is it the physics or the scheme that cannot be undone? Listen for the exact flow, which has an "
        "inverse at any damping, against the numbers that have to carry it."
    ),
)
