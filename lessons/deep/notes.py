"""What comes with the lessons of this part: code that reproduces their figures, and notes for the instructor."""

from functools import partial

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


def _fall_back_code(steps, share, solution, settings):
    start, trust = tuple(settings["start"]), settings["trust"]
    toy, extra, problem = {
        "outside": (
            "RotatedSine",
            "\nfrom core.fallback import Misled",
            f"Misled(RotatedSine(2.0, start={start!r}),\n    jnp.array({solution}), jnp.array({settings['half']!r}), "
            f"jnp.radians({settings['turn']!r}))",
        ),
        "range": ("SquaredSecond", "", f"SquaredSecond((0.0, -1.0), {start!r})"),
        "linear": (
            "SquaredSecond",
            "\nfrom core.averages import Linearised",
            f"Linearised(SquaredSecond((-0.5, 1.0), {start!r}))",
        ),
    }[settings["broken"]]
    return f"""\
import jax.numpy as jnp
from core.fallback import checked_inverse_simulator, checks
from core.rollout import rollout
from core.toys import {toy}{extra}

problem = {problem}
rule, eta, trust = checked_inverse_simulator, {share}, {trust!r}
path = rollout(rule, problem, problem.start, {steps}, eta=eta, trust=trust)
miss = checks(problem, path.x[:1], eta, trust).miss[0]  # of the first proposal
first, end = path.x[1], path.x[-1]
"""


def _fall_back_numbers(result):
    return {"miss": result["miss"][0], "first": result["checked"].x[1], "end": result["checked"].x[-1]}


def fall_back_takeaway(steps, share, solution):
    """steps of the run, the share of the gap that each asks for, and the solution that the box is around."""
    return Takeaway(partial(_fall_back_code, steps, share, solution), _fall_back_numbers)


FALL_BACK_TEACHING = Teaching(
    misconception="A method that uses an inverse is only as safe as that inverse.",
    demo=(
        ("Wrong outside the box: blue steps until it is reached, then red.", {}),
        ("Turned by 30° only: two steps pass the check, the next three fall back.", {"turn": 30.0}),
        ("A target that no x gives: the run ends as near as it can get.", {"broken": "range"}),
        (
            "A linearised inverse beside the fold: unchecked it leaps away, checked it falls back twice.",
            {"broken": "linear", "start": (1.0, 0.1)},
        ),
    ),
    room=(
        "What would you check if a run of the simulator were too expensive? Listen for the Jacobian of g after f, "
        "and for “compare with what it was trained on”."
    ),
)


def _average_code(most, problems, settings):
    name = settings["problem"]
    make = {"square": "SquaredSecond()", "sine": "RotatedSine(conditioning=1.0, angle=0.0)", "line": "Scaled(2.0)"}[
        name
    ]
    _, component, fold = problems[name]
    return f"""\
import jax.numpy as jnp
from core.averages import averaged_step, gauss, pull_back
from core.toys import {make.split("(")[0]}

problem, component, end = {make}, {component}, {fold}
x0 = jnp.zeros(2).at[component].set({settings["start"]!r})
y0 = problem.forward(x0)
gap = {settings["size"]!r} * (end - y0[component])
dy = jnp.zeros(2).at[component].set(gap)
nodes, weights = map(jnp.array, gauss({most}))
averaged = averaged_step(problem, x0, dy, nodes, weights)[component]
inverse_simulator = (problem.inverse(y0 + dy, x0) - x0)[component]
inverse_gradient = pull_back(problem, x0, dy)[component]
"""


def _average_numbers(result):
    return {
        "averaged": result["means"][-1] * result["dy"],
        "inverse_simulator": result["dx"],
        "inverse_gradient": result["linear"],
    }


def average_takeaway(most, problems):
    """most: how many points of quadrature; problems: of each name the problem, its component and where it ends."""
    return Takeaway(partial(_average_code, most, problems), _average_numbers)


AVERAGE_TEACHING = Teaching(
    misconception="The derivative at the present point is the best slope for a step from there.",
    demo=(
        ("No point yet: one bar as high as the inverse gradient’s slope.", {"step": 0}),
        ("Four points: the stairs follow the curve, and their average is 0.1 % off.", {"step": 4}),
        ("A step of 1 %: the two meet, and the gap over Δy falls like Δy.", {"size": 0.01}),
        ("All the way to the fold: infinite slope, finite average.", {"size": 1.0, "step": 12}),
    ),
    room=(
        "A car’s speedometer at the start, or its average speed: which tells you when it arrives? Listen for "
        "“average over what?”, over y here, not over x."
    ),
)


def _convergence_code(steps, target, settings):
    """The run, its distances and its misses."""
    exact = f"Wavy(target={target})"
    astray = f"Astray({exact}, jnp.radians({settings['turn']!r}), jnp.array({settings['stretch']!r}))"
    rule, problem = {
        "astray": ("inverse_simulator", astray),
        "first": ("inverse_gradient", exact),
    }[settings["inverse"]]
    return f"""\
import jax, jax.numpy as jnp
from core.fallback import Astray, miss
from core.rollout import rollout
from core.toys import Wavy
from core.updates import {rule}

problem = {problem}
eta, start = jnp.array({settings["eta"]!r}), jnp.array({list(settings["start"])})
path = rollout({rule}, problem, Wavy().inverse(start, start), {steps}, eta=eta)
distance = jnp.linalg.norm(path.y - problem.target, axis=-1)
first = miss(problem, path.x[0], path.x[1] - path.x[0], eta)
"""


def _convergence_numbers(result):
    return {"distance": result["distance"], "first": result["miss"][0]}


def convergence_takeaway(steps, target):
    """steps of the run, and where it is to go."""
    return Takeaway(partial(_convergence_code, steps, target), _convergence_numbers)


CONVERGENCE_TEACHING = Teaching(
    misconception="An inverse that misses by more than it steps cannot converge.",
    demo=(
        ("Turned by 30°: a spiral, and faster than promised.", {"turn": 30.0}),
        ("At 65° the theorem is silent; the run arrives.", {"turn": 65.0}),
        ("The same inverse with full steps leaves.", {"turn": 65.0, "eta": 1.0}),
        ("Only first order: the first full step leads farther, the second arrives.", {"inverse": "first", "eta": 1.0}),
    ),
    room=(
        "Your compass is 50° off, always to the same side. You walk, look where the mast is, walk again. Do you reach "
        "it? Listen for: a spiral; and for what a compass that is 100° off would do."
    ),
)
