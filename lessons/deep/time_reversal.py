"""Time reversal: run a simulation forwards, flip the sign of time, and see what comes back (curriculum F4)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from core import integrators, measures
from core.backend import default_float
from core.heat import flow, plateaus, wave_numbers
from core.integrators import STEPPERS
from core.oscillator import closed_form, rate
from core.programs import at_once
from lessons.controls import Choice, Landmark, Legend, Slider, Step
from lessons.deep.notes import REVERSAL_TEACHING, reversal_takeaway
from lessons.figures import FAR, Axis, Drawing, Line, Mark, Panel
from lessons.lesson import Claim, Lesson
from lessons.prediction import Option, Prediction
from lessons.words import code, number_word

OMEGA = 1.0  # velocities are then in the same units as positions, and a period lasts 2 pi
START = (1.0, 0.0)
FRAMES = 30  # of the way there, and as many of the way back
MOST = 128  # steps one way
COUNTS = 2 ** np.arange(2, 8)  # 4 to 128 steps, for the curves of the return error
WAVES = 8  # of the rod
HEAT_STEPS = 450
HEAT_STEP = 0.1  # nu k^2 dt of the finest wave: far inside what Runge-Kutta 4 bears, 2.785
PRECISIONS = {"float64": jnp.float64, "float32": jnp.float32}
LABELS = dict(zip(STEPPERS, ("explicit Euler", "symplectic Euler", "leapfrog", "Runge–Kutta 4"), strict=True))
SCHEMES = LABELS | {"rk4": "Runge–Kutta"}  # in a sentence
LOOKS = {
    "explicit_euler": ("#B58900", "dash", 2.5),
    "symplectic_euler": ("#009E8E", "solid", 2.0),
    "leapfrog": ("text", "solid", 4.5),
    "rk4": ("#D0459A", "dot", 3.0),
}
VIEW = 3.2
CORNER, HALF, TIMES = np.array([2.2, 2.2]), 0.8, 100.0  # where the start is enlarged, half that width, how much
LEAST = 1e-17  # where a logarithmic axis puts an exact return


def simulate(precision, steps, zeta, periods):
    """There and back for the four schemes at one number of steps and at many, and for heat at many times."""
    kind = jax.dtypes.canonicalize_dtype(PRECISIONS[precision])  # float32 where the backend has no more
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
        "last": {name: jnp.stack([back[-1, steps - 1, k], back[-1, steps, k]]) for k, name in enumerate(STEPPERS)},
        "limit": time * omega / 2,  # in steps: above it omega dt < 2
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
    """The rod's return error after 0, 1, 2, ... Runge-Kutta steps each way, and those times; no slider moves it."""
    kind = jax.dtypes.canonicalize_dtype(PRECISIONS[precision])  # float32 where the backend has no more
    with at_once():
        return _heat_returns(plateaus(WAVES).astype(kind), jnp.asarray(HEAT_STEP / wave_numbers(WAVES)[-1] ** 2, kind))


@jax.jit
def _heat_returns(u, dt):
    move, counts = flow(jnp.ones_like(dt)), jnp.arange(HEAT_STEPS + 1)
    back = jax.vmap(lambda count: integrators.returned(integrators.rk4, move, u, dt, count, HEAT_STEPS))(counts)
    return {"times": counts * dt, "errors": jnp.linalg.norm(back - u, axis=-1)}


def draw(result):
    settings = result["settings"]
    lines = []
    for name in STEPPERS:
        colour, dash, width = LOOKS[name]
        look = {"group": name, "label": LABELS[name], "colour": colour, "dash": dash, "width": width}
        road = result["roads"][name]
        there, back = _ways(road)
        faint = look | {"width": 1.2, "dash": "solid", "opacity": 0.6}
        lines.append(Line(f"{name}/there", "phase", there[..., 0], there[..., 1], role="path", **faint))
        lines.append(Line(f"{name}/back", "phase", back[..., 0], back[..., 1], role="path", legend=True, **look))
        end = _enlarged(result["last"][name])
        lines.append(Line(f"{name}/end", "phase", end[..., 0], end[..., 1], **look))
        lines.append(Line(f"{name}/errors", "errors", COUNTS, np.maximum(result["errors"][name], LEAST), **look))
    orbit, heat = result["orbit"], result["heat"]
    k2 = float(wave_numbers(WAVES)[-1]) ** 2
    times = np.linspace(0, HEAT_STEPS * HEAT_STEP / k2, 2)
    seen = rounding(result) * np.exp(k2 * times)
    told = np.log(1e-8 / seen[0]) / k2 if seen[0] < 1e-8 else times[1] / 12
    lines += [
        Line("orbit", "phase", orbit[..., 0], orbit[..., 1], label="exact", width=8.0, opacity=0.2, answer=False),
        Line("heat", "heat", heat["times"], np.maximum(heat["errors"], LEAST), label="heat", colour="text", width=2.5),
        Line("growth", "heat", times, seen, label="rounding, grown like exp(νk²t)", width=7.0, opacity=0.3),
    ]
    off = Axis("", (1e-17, 1e3), log=True)
    whole = Axis("position", (-VIEW, VIEW)), Axis("velocity", (-VIEW, VIEW))
    heated = Axis("νt, one way", (0.0, float(times[1]))), Axis("", (1e-10, 1e3), log=True)
    counts = Axis("time steps each way", (4, 128), log=True, ticks=tuple((float(n), f"{n}") for n in COUNTS))
    return Drawing(
        panels=(
            Panel("phase", "the oscillator, there (thin) and back", *whole, big=True, equal=True),
            Panel("errors", "distance from the start after the return", counts, off, cursor="steps"),
            Panel("heat", "the same for heat, against time", *heated),
        ),
        lines=tuple(lines),
        marks=(
            Mark("start", "phase", "cross", *START, "start"),
            Mark("start-large", "phase", "cross", *CORNER),
            Mark("enlarged", "phase", "box", *(c + HALF * np.array([-1, 1]) for c in CORNER), f"start × {TIMES:.0f}"),
            Mark(
                "growth-here", "heat", "label", told, seen[0] * np.exp(k2 * told), "rounding × exp(νk²t)", answer=True
            ),
        ),
        numbers={"limit": result["limit"]},
        step=settings["step"],
    )


def _ways(road):
    """The way there, which then waits at its end, and the way back, which waits there before: (..., 61, 2) each."""
    turn = np.repeat(road[..., FRAMES : FRAMES + 1, :], FRAMES, axis=-2)
    return np.concatenate([road[..., : FRAMES + 1, :], turn], -2), np.concatenate([turn, road[..., FRAMES:, :]], -2)


def _enlarged(last):
    """The last step back within the enlarged frame, (..., 2, 2); nan where it does not end in there."""
    came, end = (TIMES * (last[..., k, :] - np.asarray(START)) for k in (0, 1))
    away = came - end
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.nanmin((HALF - np.sign(away) * end) / np.abs(away), axis=-1, initial=1.0, keepdims=True)
        pieces = CORNER + np.stack([end + share * away, end], axis=-2)
    return np.where((np.abs(end) <= HALF).all(-1)[..., None, None], pieces, np.nan)


def rounding(result):
    """Half of the smallest relative step between two numbers of the run, in the precision that the backend has."""
    least = np.dtype(default_float()) if result["settings"]["precision"] == "float64" else np.dtype(np.float32)
    return float(np.finfo(least).eps) / 2


def _distances(result):
    """Of every scheme from the start after the return; infinite where it is no number."""
    return {name: float(np.nan_to_num(value, nan=np.inf)) for name, value in result["now"].items()}


def reading(result):
    away = _distances(result)
    first, last = min(away, key=away.get), max(away, key=away.get)
    return (
        f"After {round(result['settings']['steps'])} time steps there and as many back, {SCHEMES[first]} is nearest to "
        f"the start, {number_word(away[first])} away. Farthest is {SCHEMES[last]}, {number_word(away[last])} away. "
        "Heat, stepped with Runge–Kutta, comes back from the longest time with an error larger than its profile."
    )


def _nearest(name):
    """Whether this scheme comes back closest, or as close: what is all rounding is not told apart."""

    def holds(result):
        away = _distances(result)
        return away[name] <= max(min(away.values()), 10 * rounding(result))

    return holds


def _closest(result):
    return [name for name in STEPPERS if _nearest(name)(result)]


def _undecided(result):
    """Where no property of a scheme decides who is closest."""
    closest, damped = _closest(result), result["settings"]["zeta"] > 0
    if len(closest) > 1:
        return "Here more than one scheme returns to within rounding, so none of them is the closest."
    if damped and closest != ["rk4"]:
        return (
            "With friction no scheme is symmetric. "
            f"Here {LABELS[closest[0]]} ends closest, but no property of the schemes tells so beforehand."
        )
    if not damped and closest != ["leapfrog"]:
        return f"Here rounding errors grow on the way, and they decide that {LABELS[closest[0]]} ends closest."
    return ""


def remark(result):
    if result["settings"]["zeta"] > 0:
        return "With friction leapfrog is no longer symmetric; now the small error of Runge–Kutta counts."
    return (
        "What counts here is neither the order of a scheme nor what it conserves, but symmetry: is a step with −Δt the "
        "exact inverse of a step with Δt?"
    )


FEEDBACK = {
    "explicit_euler": (
        "An explicit Euler step with −Δt does not undo one with Δt: it uses the slope at the other end of the step."
    ),
    "symplectic_euler": (
        "Symplectic Euler conserves areas in phase space, but to undo a kick and a drift, the drift would have to be "
        "undone first."
    ),
    "leapfrog": "Leapfrog undoes itself only if the forces do not depend on the velocity; friction does.",
    "rk4": "Runge–Kutta 4 is more accurate, but a small error is not an exact inverse.",
}
UNDAMPED = {"zeta": 0.0}


def _ordered_claim(lesson):
    result = lesson.experiment(**UNDAMPED)
    found = [
        float(v) for v in (result["now"]["leapfrog"], result["now"]["explicit_euler"], result["heat"]["errors"][-1])
    ]
    return found, found[0] < 1e-13 and 0.1 < found[1] < 10 and found[2] > 100


def _slopes(lesson, **settings):
    """The exponent of each scheme's return error in the number of steps, where it is not rounding; nan if it all is."""
    errors, slopes = lesson.experiment(**settings)["errors"], {}
    for name in STEPPERS:
        some = (COUNTS >= 16) & (errors[name] > 1e-11) & (errors[name] < 0.5)
        slopes[name] = float(measures.loglog_slope(COUNTS[some], errors[name][some])) if some.sum() > 1 else np.nan
    return slopes


def _order_claim(lesson):
    slopes = _slopes(lesson, periods=0.6, **UNDAMPED)
    rounding = lesson.experiment(periods=0.6, **UNDAMPED)["errors"]["leapfrog"].max()
    expected = {"explicit_euler": -1, "symplectic_euler": -1, "rk4": -5}
    return (slopes, rounding), rounding < 1e-14 and all(abs(slopes[name] - p) < 0.2 for name, p in expected.items())


def _symmetric_claim(lesson):
    """Symplectic Euler conserves as leapfrog does, yet time reversal does not undo it."""
    now = lesson.experiment(**UNDAMPED)["now"]
    return now, now["leapfrog"] < 1e-13 and now["symplectic_euler"] > 1e-3


def _damped_claim(lesson):
    errors = [float(lesson.experiment(zeta=zeta)["now"]["leapfrog"]) for zeta in (0.0, 0.1, 0.3)]
    slope = _slopes(lesson, zeta=0.2, periods=0.6)["leapfrog"]
    return (errors, slope), errors[0] < 1e-13 and 1e-6 < errors[1] < errors[2] and -1.2 < slope < -0.8


def _bounded_claim(lesson):
    """Over many periods: just inside omega dt = 2 symplectic Euler stays near, just outside it leaves."""
    ends = []
    for steps in (14.0, 11.0):
        result = lesson.experiment(periods=4.0, steps=steps, **UNDAMPED)
        ends.append(float(np.max(np.abs(result["roads"]["symplectic_euler"]))))
    limit = float(result["limit"])
    return (ends, limit), 11 < limit < 14 and ends[0] < 20 and not ends[1] < FAR


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


LESSON = Lesson(
    slug="time-reversal",
    title="Time reversal",
    question="Can a simulation be undone by running it backwards in time?",
    text=(
        "An inverse simulator need cost no more than a forward run: let time run backwards in the same program, "
        "$\\Delta t \\to -\\Delta t$. An oscillator $\\dot x = v$, $\\dot v = -x - 2\\zeta v$ with the damping "
        "$\\zeta$ starts at the cross, takes its steps forwards, then as many backwards, and should return. Explicit "
        "Euler uses the slope at the start of a step. Symplectic Euler changes $v$ first (a kick), then $x$ with the "
        "new $v$ (a drift). Leapfrog does half a kick, a drift, half a kick. Runge–Kutta 4 averages four slopes, to "
        "fourth order."
    ),
    minutes=8,
    controls=(
        Step("step", "frame", 2 * FRAMES, 2 * FRAMES),
        Slider("steps", "time steps each way", 4, MOST, 8, "log", 1, landmarks=(Landmark("ωΔt = 2", number="limit"),)),
        Slider("zeta", "damping ζ", 0.0, 0.5, 0.0, digits=2, landmarks=(Landmark("none", 0.0),)),
        Slider("periods", "time, in periods", 0.25, 4.0, 0.75, "log"),
        Choice("precision", "numbers", {"float64": "float64", "float32": "float32"}, "float64"),
        Legend("hide", tuple(STEPPERS)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "Damping ζ = {zeta:.2g}, {steps:.0f} time steps over {periods:.3g} periods there, and as many back. Which "
        "scheme returns closest to the start?",
        tuple(Option(label, _nearest(name), FEEDBACK[name]) for name, label in LABELS.items()),
        remark=remark,
        unasked=_undecided,
    ),
    why=(
        "Leapfrog is built symmetrically, half a kick, a drift, half a kick, so the step with $-\\Delta t$ undoes it "
        "in exact arithmetic; what remains is rounding.\n\n"
        + code(integrators.explicit_euler, integrators.symplectic_euler, integrators.leapfrog)
        + "\n\n"
        "Symplectic Euler keeps phase-space area as faithfully, but backwards it would have to drift first and then "
        "kick: it returns with an error of first order, like explicit Euler, though it stays bounded while "
        "$\\omega\\,\\Delta t < 2$ ($\\omega = 1$ is the frequency). Runge–Kutta is not symmetric either. Its error is "
        "of fourth order, and on the way back the leading terms cancel: what is left falls with the fifth power of "
        "the step.\n\n"
        "Heat is another matter (its panel moves with the precision alone). Backwards the equation itself multiplies a "
        "wave by $e^{+\\nu k^2 t}$, and what rounding has left in the finest wave grows at that rate; the flat part "
        "before is what the scheme itself gets wrong. No scheme helps: more digits buy a little time."
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
        Claim("Symplectic Euler stays bounded while omega dt < 2, and leaves beyond.", _bounded_claim),
        Claim("In float32 leapfrog returns to that precision's rounding.", _precision_claim, rows=("F4",)),
        Claim(
            "The return error of heat grows like exp(nu k^2 t) of the finest wave, in both precisions.",
            _growth_claim,
            rows=("F4",),
        ),
    ),
    symbols=("simulator", "inverse", "time", "zeta", "omega", "symplectic", "order", "nu", "k"),
    takeaway=reversal_takeaway(),
    teaching=REVERSAL_TEACHING,
    alt="Paths of an oscillator in phase space, forwards and back, for four schemes, and the start enlarged; the "
    "distance from the start after the return against the number of steps; the same for heat against time.",
)
