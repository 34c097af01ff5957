"""Time reversal: run a simulation forwards, flip the sign of time, and see what comes back (curriculum F4)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from core import integrators
from core.heat import flow, plateaus, wave_numbers
from core.integrators import STEPPERS
from core.oscillator import closed_form, rate
from lessons.controls import Choice, Landmark, Legend, Slider, Step
from lessons.figures import Axis, Drawing, Line, Mark, Panel
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Option, Prediction
from lessons.words import code, number_word

OMEGA = 1.0  # velocities are then in the same units as positions, and a period lasts 2 pi
START = (1.0, 0.0)
FRAMES = 40  # of the way there, and as many of the way back
MOST = 128  # steps one way
COUNTS = 2 ** np.arange(2, 8)  # 4 to 128 steps, for the curves of the return error
WAVES = 8  # of the rod
HEAT_STEPS = 450
HEAT_STEP = 0.1  # of nu k^2 dt for the finest wave: far inside what Runge-Kutta 4 bears, 2.785
PRECISIONS = {"float64": jnp.float64, "float32": jnp.float32}
ROUNDING = {"float64": 1.1e-16, "float32": 6e-8}
LABELS = {
    "explicit_euler": "explicit Euler",
    "symplectic_euler": "symplectic Euler",
    "leapfrog": "leapfrog",
    "rk4": "Runge–Kutta 4",
}
LOOKS = {
    "explicit_euler": ("muted", "dash", 2.5),
    "symplectic_euler": ("muted", "solid", 1.8),
    "leapfrog": ("text", "solid", 4.0),
    "rk4": ("text", "dot", 2.5),
}
VIEW = 2.8
LEAST = 1e-17  # where a logarithmic axis puts an exact return
FAR = 1e3


def simulate(precision, steps, zeta, periods):
    """There and back for the four schemes at one number of steps and at many, and for heat at many times."""
    kind = PRECISIONS[precision]
    omega, zeta, time = (jnp.asarray(v, kind) for v in (OMEGA, zeta, 2 * np.pi * periods))
    start = jnp.asarray(START, kind)
    steps = jnp.round(steps).astype(int)

    def moved(state):
        return rate(omega, zeta, state)

    def road(count):
        """All four schemes at once: every state on the way there, and on the way back."""
        dt = time / count.astype(kind)
        there = integrators.trajectory(_together, moved, jnp.tile(start, (len(STEPPERS), 1)), dt, MOST)
        return there, integrators.trajectory(_together, moved, there[count], -dt, MOST)

    counts = jnp.append(jnp.asarray(COUNTS), steps)
    there, back = jax.vmap(road)(counts)
    away = jnp.linalg.norm(back[jnp.arange(len(COUNTS) + 1), counts] - start, axis=-1)
    frames = jnp.round(jnp.linspace(0, 1, FRAMES + 1) * steps).astype(int)
    roads = jnp.concatenate([there[-1, frames], back[-1, frames[1:]]])
    return {
        "roads": {name: roads[:, k] for k, name in enumerate(STEPPERS)},
        "now": {name: away[-1, k] for k, name in enumerate(STEPPERS)},
        "errors": {name: away[:-1, k] for k, name in enumerate(STEPPERS)},
        "orbit": jax.vmap(lambda share: closed_form(omega, zeta, start, share * time))(
            jnp.linspace(0, 1, 97).astype(kind)
        ),
        "heat": heat_returns(precision),
    }


def _together(moved, states, dt):
    """One step of each scheme, each from its own state: compiled once instead of four times."""
    return jnp.stack([step(moved, state, dt) for step, state in zip(STEPPERS.values(), states, strict=True)])


@functools.cache
def heat_returns(precision):
    """The rod's return error after 0, 1, 2, ... Runge-Kutta steps each way, and those times.

    Nothing on the page moves it but the precision, so it is computed once.
    """
    kind = PRECISIONS[precision]
    with jax.ensure_compile_time_eval():
        u, dt = plateaus(WAVES).astype(kind), (HEAT_STEP / wave_numbers(WAVES)[-1] ** 2).astype(kind)
        move = flow(jnp.ones((), kind))
        there = integrators.trajectory(integrators.rk4, move, u, dt, HEAT_STEPS)
        counts = jnp.arange(HEAT_STEPS + 1)

        def miss(state, count):
            return jnp.linalg.norm(integrators.end(integrators.rk4, move, state, -dt, count, HEAT_STEPS) - u)

        return {"times": counts * dt, "errors": jax.vmap(miss)(there, counts)}


def draw(result):
    settings = result["settings"]
    lines = []
    for name in STEPPERS:
        colour, dash, width = LOOKS[name]
        look = {"group": name, "label": LABELS[name], "colour": colour, "dash": dash, "width": width}
        road = result["roads"][name]
        lines.append(Line(f"{name}/road", "phase", road[..., 0], road[..., 1], role="path", legend=True, **look))
        lines.append(Line(f"{name}/errors", "errors", COUNTS, np.maximum(result["errors"][name], LEAST), **look))
    orbit, heat = result["orbit"], result["heat"]
    k2 = float(wave_numbers(WAVES)[-1]) ** 2
    times = np.linspace(0, HEAT_STEPS * HEAT_STEP / k2, 2)
    seen = ROUNDING[settings["precision"]] * np.exp(k2 * times)
    lines += [
        Line("orbit", "phase", orbit[..., 0], orbit[..., 1], label="exact", width=8.0, opacity=0.2, answer=False),
        Line("heat", "heat", heat["times"], np.maximum(heat["errors"], LEAST), label="heat", colour="text", width=2.5),
        Line("growth", "heat", times, seen, label="rounding, grown like exp(νk²t)", width=7.0, opacity=0.3),
    ]
    ticks = tuple((float(n), f"{n}") for n in COUNTS)
    return Drawing(
        panels=(
            Panel(
                "phase",
                "the oscillator, there and back",
                Axis("position", (-VIEW, VIEW)),
                Axis("velocity", (-VIEW, VIEW)),
                big=True,
                equal=True,
            ),
            Panel(
                "errors",
                "distance from the start after the return",
                Axis("steps, one way", (4, 128), log=True, ticks=ticks),
                Axis("", (1e-17, 1e3), log=True),
                cursor="steps",
            ),
            Panel(
                "heat",
                "the same for heat, against time",
                Axis("νt, one way", (0.0, float(times[1]))),
                Axis("", (1e-17, 1e3), log=True),
            ),
        ),
        lines=tuple(lines),
        marks=(
            Mark("start", "phase", "cross", *START, "start"),
            Mark("growth-here", "heat", "dot", times[1] / 4, seen[0] ** 0.75 * seen[1] ** 0.25, "rounding × exp(νk²t)"),
        ),
        step=settings["step"],
    )


def reading(result):
    settings, now = result["settings"], result["now"]
    ends = [f"{LABELS[name]} {_away(now[name])}" for name in STEPPERS]
    heat = result["heat"]["errors"]
    sentences = [
        f"After {round(settings['steps'])} steps there and as many back, {'; '.join(ends)}.",
        f"Heat is off by {number_word(heat[len(heat) // 2])} halfway along the axis and by {number_word(heat[-1])} at "
        "its end, with the most accurate of the four schemes.",
    ]
    if settings["zeta"] > 0:
        sentences.insert(1, "With friction in play the leapfrog step is no longer symmetric.")
    return " ".join(sentences)


def _away(distance):
    if not distance < FAR:
        return "has left for far away"
    return f"misses the start by {number_word(distance)}"


def _nearest(name):
    def holds(result):
        now = {other: float(np.nan_to_num(value, nan=np.inf)) for other, value in result["now"].items()}
        return min(now, key=now.get) == name

    return holds


UNDAMPED = {"zeta": 0.0}


def _ordered_claim(lesson):
    result = lesson.experiment(**UNDAMPED)
    found = [
        float(result["now"]["leapfrog"]),
        float(result["now"]["explicit_euler"]),
        float(result["heat"]["errors"][-1]),
    ]
    return found, found[0] < 1e-13 and 0.1 < found[1] < 10 and found[2] > 100


def _slopes(lesson, **settings):
    """The exponent of each scheme's return error in the number of steps, fitted where rounding plays no part."""
    errors, slopes = lesson.experiment(**settings)["errors"], {}
    for name in STEPPERS:
        some = (COUNTS >= 16) & (errors[name] > 1e-11) & (errors[name] < 0.5)
        slopes[name] = (
            float(np.polyfit(np.log(COUNTS[some]), np.log(errors[name][some]), 1)[0]) if some.sum() > 1 else 0
        )
    return slopes


def _order_claim(lesson):
    slopes = _slopes(lesson, periods=0.6, **UNDAMPED)
    rounding = lesson.experiment(periods=0.6, **UNDAMPED)["errors"]["leapfrog"].max()
    expected = {"explicit_euler": -1, "symplectic_euler": -1, "leapfrog": 0, "rk4": -5}
    return (slopes, rounding), rounding < 1e-14 and all(abs(slopes[name] - expected[name]) < 0.2 for name in STEPPERS)


def _symmetric_claim(lesson):
    """Symplectic Euler conserves as leapfrog does, yet time reversal does not undo it."""
    now = lesson.experiment(**UNDAMPED)["now"]
    return now, now["leapfrog"] < 1e-13 and now["symplectic_euler"] > 1e-3


def _damped_claim(lesson):
    errors = [float(lesson.experiment(zeta=zeta)["now"]["leapfrog"]) for zeta in (0.0, 0.1, 0.3)]
    slope = _slopes(lesson, zeta=0.2, periods=0.6)["leapfrog"]
    return (errors, slope), errors[0] < 1e-13 and 1e-6 < errors[1] < errors[2] and -1.2 < slope < -0.8


def _precision_claim(lesson):
    single, double = (
        lesson.experiment(precision=precision, **UNDAMPED)["now"]["leapfrog"] for precision in ("float32", "float64")
    )
    return (single, double), 1e-8 < single < 1e-4 and double < 1e-13


def _growth_claim(lesson):
    """The slope of log(return error) against time, over nu k^2 of the finest wave, in both precisions."""
    rates = {}
    for precision in PRECISIONS:
        heat = lesson.experiment(precision=precision)["heat"]
        some = heat["errors"] > 0.01  # below, the scheme's own small error still plays a part
        rate_found = np.polyfit(heat["times"][some].astype(float), np.log(heat["errors"][some]), 1)[0]
        rates[precision] = float(rate_found / wave_numbers(WAVES)[-1] ** 2)
    return rates, all(abs(found - 1) < 0.05 for found in rates.values())


def takeaway(settings):
    kind = settings["precision"]
    last = {
        "float64": "explicit, symplectic, runge_kutta = distance.values()",
        "float32": "explicit, symplectic, _ = (round(float(d), 3) for d in distance.values())",
    }[kind]
    return f"""\
import jax
import jax.numpy as jnp
from core.oscillator import OscillatorFlow

start = jnp.array([1.0, 0.0], jnp.{kind})
time = 2 * jnp.pi * {settings["periods"]!r}
distance = {{}}
for scheme in ("explicit_euler", "symplectic_euler", "rk4"):
    flow = OscillatorFlow(1.0, {settings["zeta"]!r}, time, {round(settings["steps"])}, scheme)
    flow = jax.tree.map(lambda leaf: leaf.astype(jnp.{kind}), flow)
    back = flow.inverse(flow.forward(start), start)  # the same steps with -dt
    distance[scheme] = jnp.linalg.norm(back - start)
{last}
"""


def takeaway_numbers(result):
    """Another program of float32 rounds differently: there, three digits of what is not all rounding."""
    now = result["now"]
    if result["settings"]["precision"] == "float32":
        return {name: round(float(now[f"{name}_euler"]), 3) for name in ("explicit", "symplectic")}
    names = {"explicit": "explicit_euler", "symplectic": "symplectic_euler", "runge_kutta": "rk4"}
    return {name: now[scheme] for name, scheme in names.items()}


LESSON = Lesson(
    slug="time-reversal",
    title="Time reversal",
    question="Can a simulation be undone by running it backwards in time?",
    text=(
        "An inverse simulator often costs nothing: take the same program and let time run backwards, "
        "$\\Delta t \\to -\\Delta t$. An oscillator with the damping $\\zeta$ starts at the cross, takes its steps "
        "forwards, then as many backwards, and ought to be back. Four schemes try, "
        "$s \\leftarrow s + \\Delta t\\, \\dot s$ being the simplest."
    ),
    minutes=8,
    controls=(
        Step("step", "there, then back", 2 * FRAMES, 2 * FRAMES),
        Slider("steps", "steps, one way", 4, MOST, 64, "log", digits=2),
        Slider("zeta", "damping ζ", 0.0, 0.5, 0.0, digits=2, landmarks=(Landmark("none", 0.0),)),
        Slider("periods", "time, in periods", 0.25, 4.0, 1.25, "log"),
        Choice("precision", "numbers", {"float64": "float64", "float32": "float32"}, "float64"),
        Legend("hide", tuple(STEPPERS)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "Damping {zeta:.2g}, {steps:.0f} steps over {periods:.3g} periods there, and back. Who returns closest to the "
        "start?",
        tuple(Option(label, _nearest(name)) for name, label in LABELS.items()),
        remark=(
            "It is not the order that counts without friction, nor conservation alone, but symmetry: is a step with "
            "−Δt the exact inverse of a step with Δt?"
        ),
    ),
    why=(
        "Leapfrog is built symmetrically, half a kick, a drift, half a kick, so the step with $-\\Delta t$ undoes it "
        "in exact arithmetic; what remains is rounding.\n\n"
        + code(integrators.explicit_euler, integrators.symplectic_euler, integrators.leapfrog)
        + "\n\n"
        "Symplectic Euler keeps phase-space area as faithfully, but backwards it would have to drift first and then "
        "kick: it returns with an error of first order, like explicit Euler, though it never runs away. Runge–Kutta is "
        "not symmetric either; its error is so small, and the leading parts of both ways cancel, that it falls with "
        "the fifth power of the step.\n\n"
        "Heat is another matter. Backwards the equation itself multiplies a wave by $e^{+\\nu k^2 t}$, and what "
        "rounding has left in the finest wave grows at that rate. (The flat part before is what the "
        "scheme itself gets wrong.) No scheme helps: more digits buy a little time."
    ),
    limits=(
        "With friction the forces depend on the velocity; leapfrog as written here loses its symmetry and one order. "
        "The energy that is lost must be pumped back in, so that errors grow on the way back. Chaotic systems multiply "
        "rounding in the same way, forwards and backwards. Where time reversal fails one can search for the inverse, "
        "[fall back to the gradient](fall-back), or [learn it](train). What remains of heat at all: "
        "[What heat forgets](heat)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Time reversal”.",
        "Hairer, Lubich and Wanner, Geometric Numerical Integration, chapter V (symmetric schemes).",
    ),
    claims=(
        Claim(
            "Without damping leapfrog returns to rounding, explicit Euler poorly, and heat explodes.",
            _ordered_claim,
            rows=("F4",),
        ),
        Claim(
            "The return error falls with the first power of the step for both Euler schemes, with the fifth for "
            "Runge-Kutta 4, and leapfrog's is rounding.",
            _order_claim,
            rows=("F4",),
        ),
        Claim(
            "Symplectic is not enough: symplectic Euler returns with an error, leapfrog does not.",
            _symmetric_claim,
            rows=("F4",),
        ),
        Claim(
            "Damping ends leapfrog's exact return; the error is then of first order in the step.",
            _damped_claim,
            rows=("F4",),
        ),
        Claim("In float32 leapfrog returns to that precision's rounding.", _precision_claim, rows=("F4",)),
        Claim(
            "The return error of heat grows like exp(nu k^2 t) of the finest wave, in both precisions.",
            _growth_claim,
            rows=("F4",),
        ),
    ),
    symbols=("simulator", "inverse", "zeta", "omega", "symplectic", "order", "nu", "k"),
    takeaway=Takeaway(takeaway, takeaway_numbers),
    teaching=Teaching(
        misconception="A more accurate scheme is always the better time machine, and every simulation can be rewound.",
        demo=(
            ("64 steps: watch the spiral go out twice.", {}),
            ("Hide nothing, halve the steps: who suffers?", {"steps": 16.0}),
            ("A little friction, and the winner changes.", {"zeta": 0.1}),
            (
                "Single precision: see the floor of leapfrog and the head start of heat's explosion.",
                {"precision": "float32"},
            ),
        ),
        room=(
            "Friction: is it the physics or the scheme that cannot be undone? Listen for the exact flow, which has an "
            "inverse at any damping, against the numbers that have to carry it."
        ),
    ),
    alt="Paths of an oscillator in phase space, forwards and back, for four schemes; the distance from the start after "
    "the return against the number of steps; the same for heat against time.",
)
