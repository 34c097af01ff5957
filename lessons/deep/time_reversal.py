"""Time reversal: run a simulation forwards, flip the sign of time, and see what comes back (curriculum F4)."""

import jax
import jax.numpy as jnp
import numpy as np

from core import integrators
from core.heat import flow, plateaus, wave_numbers
from core.integrators import STEPPERS
from core.oscillator import OscillatorFlow, closed_form, rate
from lessons.controls import Choice, Landmark, Legend, Slider, Step
from lessons.figures import Axis, Drawing, Line, Mark, Panel, Readout
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Option, Prediction
from lessons.words import code, number_word, power

OMEGA = 2 * np.pi  # one period is the unit of time
START = (1.0, 0.0)
FRAMES = 40  # of the way there, and as many of the way back
MOST = 256  # steps one way
COUNTS = 2 ** np.arange(3, 9)  # 8 to 256 steps, for the curves of the return error
WAVES = 8  # of the rod
HEAT_STEPS = 150
HEAT_STEP = 0.25  # of nu k^2 dt for the finest wave: far inside what Runge-Kutta 4 bears, 2.785
PRECISIONS = {"float64": jnp.float64, "float32": jnp.float32}
ROUNDING = {"float64": 2.2e-16, "float32": 1.2e-7}
LABELS = {
    "explicit_euler": "explicit Euler",
    "symplectic_euler": "symplectic Euler",
    "leapfrog": "leapfrog",
    "rk4": "Runge–Kutta 4",
}
LOOKS = {
    "explicit_euler": ("muted", "dash", 2.0),
    "symplectic_euler": ("muted", "dot", 2.5),
    "leapfrog": ("text", "solid", 3.0),
    "rk4": ("text", "dashdot", 1.8),
}
FAR = 1e3


def simulate(precision, steps, zeta, periods):
    """There and back for the four schemes at one number of steps and at many, and for heat at many times."""
    kind = PRECISIONS[precision]
    omega, zeta, time = (jnp.asarray(v, kind) for v in (OMEGA, zeta, periods))
    start = jnp.asarray(START, kind)
    steps = jnp.round(steps).astype(int)

    def moved(state):
        return rate(omega, zeta, state)

    def miss(name, count):
        came_back = integrators.returned(STEPPERS[name], moved, start, time / count, count, MOST)
        return jnp.linalg.norm(came_back - start)

    def roads(name):
        dt = time / steps
        there = integrators.trajectory(STEPPERS[name], moved, start, dt, MOST)
        back = integrators.trajectory(STEPPERS[name], moved, there[steps], -dt, MOST)
        frames = jnp.round(jnp.linspace(0, 1, FRAMES + 1) * steps).astype(int)
        return jnp.concatenate([there[frames], back[frames[1:]]])

    errors = {name: jax.vmap(lambda count, name=name: miss(name, count))(jnp.asarray(COUNTS)) for name in STEPPERS}
    now = {name: miss(name, steps) for name in STEPPERS}
    return {
        "errors": errors,
        "now": now,
        "roads": {name: roads(name) for name in STEPPERS},
        "steps": steps,
        "orbit": jax.vmap(lambda t: closed_form(omega, zeta, start, t))(jnp.linspace(0, 1, 97).astype(kind) * time),
        "heat": heat_returns(kind),
    }


def heat_returns(kind):
    """The rod's return error after 1, 2, ... Runge-Kutta steps each way, and the times: a curve against time.

    Nothing on the page moves it but the precision, so it is computed once.
    """
    with jax.ensure_compile_time_eval():
        u, dt = plateaus(WAVES).astype(kind), HEAT_STEP / wave_numbers(WAVES)[-1] ** 2
        move, dt = flow(jnp.ones((), kind)), dt.astype(kind)
        there = integrators.trajectory(integrators.rk4, move, u, dt, HEAT_STEPS)
        counts = jnp.arange(HEAT_STEPS + 1)

        def miss(state, count):
            return jnp.linalg.norm(integrators.end(integrators.rk4, move, state, -dt, count, HEAT_STEPS) - u)

        return {"times": counts * dt, "errors": jax.vmap(miss)(there, counts)}


def draw(result):
    settings = result["settings"]
    rounding = ROUNDING[settings["precision"]]
    lines, marks = [], []
    for name in STEPPERS:
        colour, dash, width = LOOKS[name]
        look = {"group": name, "label": LABELS[name], "colour": colour, "dash": dash, "width": width}
        road = result["roads"][name]
        lines.append(Line(f"{name}/road", "phase", road[..., 0], road[..., 1], role="path", legend=True, **look))
        lines.append(Line(f"{name}/errors", "errors", COUNTS, _drawn(result["errors"][name]), **look))
        lines.append(Line(f"{name}/away", "away", *_away(road), role="path", **look))
    orbit, heat = result["orbit"], result["heat"]
    k2 = float(wave_numbers(WAVES)[-1]) ** 2
    times = np.linspace(0, HEAT_STEPS * HEAT_STEP / k2, 2)
    lines += [
        Line("orbit", "phase", orbit[..., 0], orbit[..., 1], label="exact", width=6.0, opacity=0.25),
        Line("heat", "heat", heat["times"], _drawn(heat["errors"]), label="heat", colour="text", width=2.5),
        Line("growth", "heat", times, rounding * np.exp(k2 * times), label="rounding", width=5.0, opacity=0.4),
    ]
    marks.append(Mark("start", "phase", "cross", *START, "start"))
    return Drawing(
        panels=(
            Panel(
                "phase",
                "the oscillator, there and back",
                Axis("position", (-2.2, 2.2)),
                Axis("velocity / ω", (-2.2, 2.2)),
                big=True,
                equal=True,
            ),
            Panel(
                "errors",
                "distance from the start after the return",
                Axis("steps, one way", (8, 256), log=True, ticks=tuple((n, f"{n}") for n in (8, 16, 32, 64, 128, 256))),
                Axis("", (1e-16, 1e3), log=True),
                cursor="steps",
            ),
            Panel(
                "heat",
                "the same for heat, against time",
                Axis("νt, one way", (0.0, float(times[1]))),
                Axis("", (1e-17, 1e2), log=True),
            ),
        ),
        lines=tuple(line for line in lines if line.panel != "away"),
        marks=tuple(marks),
        readouts=(),
        step=settings["step"],
    )
