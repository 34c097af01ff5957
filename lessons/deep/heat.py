"""What heat forgets: a simulator maps state to state, and loses information wave by wave (curriculum F1)."""

import jax
import jax.numpy as jnp
import numpy as np

from core.heat import (
    Heat1D,
    SteppedHeat,
    between_points,
    plateaus,
    points,
    sine_transform,
    stable_steps,
    truncated_inverse,
    wave_numbers,
)
from core.oscillator import OscillatorFlow
from lessons.controls import Landmark, Legend, Slider
from lessons.figures import METHODS, Axis, Drawing, Line, Mark, Panel
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Estimate
from lessons.words import code, count_word, joined, number_word

N = 20
STEPS = 64  # of Runge-Kutta 4: stable up to the longest time, where 43 are needed
TIMES = (1e-5, 0.03)
PLACES = np.linspace(0, 1, 161)  # where the profiles are drawn
NOISE = np.random.default_rng(2).standard_normal(N)  # one draw, scaled: dragging a slider changes nothing else
WAVES = np.arange(1, N + 1)
FAINTEST = 1e-10  # where the spectrum ends, below the least noise of the slider
DEFAULT = {"time": 0.0015, "noise": 0.01}


def simulate(time, noise, kept):
    """The rod after `time`, what is measured of it, what comes back, and the singular values of the simulator."""
    problem, x = Heat1D(N, time=time), plateaus(N)
    clean = problem.forward(x)
    measured = clean + noise * NOISE
    stepped = SteppedHeat(problem, STEPS, "rk4")

    def error(count):
        return jnp.sqrt(jnp.mean((truncated_inverse(problem, measured, count) - x) ** 2))

    errors = jax.vmap(error)(jnp.arange(N + 1))
    errors = jnp.where(jnp.isfinite(errors), errors, jnp.inf)  # in float32 the last factors may underflow
    kept = jnp.round(kept).astype(int)
    heights = problem.factors() * jnp.abs(sine_transform(x))
    return {
        "before": between_points(x, PLACES),
        "after": between_points(clean, PLACES),
        "clean": clean,
        "measured": measured,
        "recovered": between_points(truncated_inverse(problem, measured, kept), PLACES),
        "errors": errors,
        "error": errors[kept],
        "best": jnp.argmin(errors),
        "factors": problem.factors(),
        # Of the simulator as it stands, through all its time steps, by automatic differentiation.
        "singular": jnp.linalg.svd(stepped.jacobian(x), compute_uv=False),
        "heights": heights,
        "above": jnp.sum(problem.factors() > noise),
        "standing": jnp.max(jnp.where(heights > noise, jnp.asarray(WAVES), 0)),
        "drowned": -jnp.log(noise) / wave_numbers(N)[-1] ** 2,
        "noise": noise,
    }


def draw(result):
    noise = np.asarray(result["noise"])[..., None]
    ends = np.array([0.5, N + 0.5])
    place = np.asarray(points(N))
    counts = Axis("waves, the longest first", (0, N + 0.5))
    back = METHODS["inverse_simulator"].colour
    given = {"legend": True, "answer": False}
    return Drawing(
        panels=(
            Panel(
                "rod", "temperature along the rod", Axis("place", (0, 1)), Axis("temperature", (-0.7, 1.7)), big=True
            ),
            Panel("spectrum", "what is left of each wave", counts, Axis("", (FAINTEST, 5), log=True), cursor="kept"),
            Panel(
                "error",
                "error of what is recovered",
                Axis("waves kept", (0, N + 0.5)),
                Axis("", (0.005, 30), log=True),
                cursor="kept",
            ),
        ),
        lines=(
            Line("before", "rod", PLACES, result["before"], label="before", dash="dash", width=2.0, **given),
            Line("after", "rod", PLACES, result["after"], label="after t", colour="text", width=2.5, **given),
            Line("measured", "rod", place, result["measured"], label="measured", dash="dot", width=1.5, **given),
            Line(
                "recovered",
                "rod",
                PLACES,
                result["recovered"],
                label="recovered",
                colour=back,
                width=4.0,
                opacity=0.8,
                legend=True,
            ),
            Line("formula", "spectrum", WAVES, result["factors"], width=5.0, opacity=0.5, answer=False),
            Line("singular", "spectrum", WAVES, result["singular"], colour="text", width=2.0),
            Line("heights", "spectrum", *_bars(result["heights"]), colour=back, width=3.0, opacity=0.8, answer=False),
            Line("noise", "spectrum", ends, np.repeat(noise, 2, -1), dash="dash", width=1.2, answer=False),
            Line("errors", "error", np.arange(N + 1), result["errors"], colour="text", width=2.0),
        ),
        marks=(
            Mark("noise-here", "spectrum", "label", N, result["noise"], "noise ε"),
            Mark("best", "error", "ring", result["best"], np.min(result["errors"], axis=-1), "best", answer=True),
        ),
        numbers={name: result[name] for name in ("above", "standing", "drowned")},
    )


def _bars(heights):
    """One bar up to each height, as a line with gaps: (..., 3 n) each."""
    heights = np.maximum(heights, FAINTEST)
    bars = np.stack([np.full_like(heights, FAINTEST), heights, np.full_like(heights, np.nan)], axis=-1)
    return np.repeat(WAVES, 3), bars.reshape(*heights.shape[:-1], -1)


def reading(result):
    kept, best, last = round(result["settings"]["kept"]), int(result["best"]), int(result["standing"])
    error = result["error"]
    off = (
        f"The recovered profile is off by {number_word(error)}"
        if np.isfinite(error)
        else "The recovered profile leaves the range of numbers"
    )
    if best == last:
        least = f"The error is least with {count_word(best, 'wave')}: no finer one has a height above the noise."
    else:
        least = f"The error is least with {count_word(best, 'wave')}; the last whose height is above ε is wave {last}."
    return joined(f"{off}.", least, _advice(kept, best))


def _advice(kept, best):
    """What to try, and why: an added wave brings back its part of the profile, and its noise enlarged."""
    if kept > best:
        return "Keep fewer: together, the finer waves bring back more noise than profile."
    if kept < best:
        return "Keep more: together, the waves that are missing would bring back more of the profile than noise."
    return "No other number of waves does better."


def _counted(above):
    return f"all {N} have" if above == N else f"{above} of {N} {'has' if above == 1 else 'have'}"


def remark(result):
    above, last = int(result["above"]), int(result["standing"])
    if above == last:
        return f"Here the factors tell as much as the heights; {_counted(above)} a factor above ε."
    return (
        f"{_counted(above).capitalize()} a factor above ε, but what counts is the height, amplitude times factor: the "
        f"last wave whose height is above ε is wave {last}."
    )


def _decided_otherwise(result):
    """Where the bars do not tell the answer."""
    best, last = int(result["best"]), int(result["standing"])
    if abs(best - last) > 1:
        return (
            f"Here {best} is best, although the last bar above the line is wave {last}: this one draw of the noise, or "
            "rounding, decides."
        )
    return ""


def _feedback(said, result):
    return _advice(said, int(result["best"]))


def _stepped_claim(lesson):
    """Of the time-stepping simulator's own Jacobian, over the times where no factor is below rounding."""
    gaps = []
    for time in (1e-5, 3e-4, 1.5e-3, 5e-3):
        result = lesson.experiment(time=time)
        gaps.append(float(np.max(np.abs(result["singular"] - result["factors"]))))
    return gaps, max(gaps) < 1e-5


def _exact_claim(lesson):
    problem = Heat1D(N, time=DEFAULT["time"])
    singular = np.linalg.svd(problem.jacobian(plateaus(N)), compute_uv=False)
    gap = float(np.max(np.abs(singular / lesson.experiment()["factors"] - 1)))
    return gap, gap < 1e-10


def _slope_claim(lesson):
    """log of the singular values against k^2, by a fit: -nu t."""
    slopes = []
    for time in (3e-4, 1.5e-3):
        singular = lesson.experiment(time=time)["singular"]
        slopes.append(float(np.polyfit(np.asarray(wave_numbers(N)) ** 2, np.log(singular), 1)[0] / -time))
    return slopes, np.allclose(slopes, 1, rtol=1e-5)


def _square_claim(lesson):
    shapes, ranks = [], []
    for problem in (Heat1D(N, time=1e-4), SteppedHeat(Heat1D(N, time=1e-4), STEPS, "rk4"), OscillatorFlow(zeta=0.2)):
        jacobian = np.asarray(problem.jacobian(problem.start))
        shapes.append(jacobian.shape)
        ranks.append(np.linalg.matrix_rank(jacobian))
    return (shapes, ranks), all(rows == columns == rank for (rows, columns), rank in zip(shapes, ranks, strict=True))


def _drowned_claim(lesson):
    noise = 0.01
    time = float(lesson.experiment(noise=noise)["drowned"])
    counts = [int(lesson.experiment(noise=noise, time=factor * time)["above"]) for factor in (0.99, 1.01)]
    return counts, counts == [N, N - 1]


def _noise_claim(lesson):
    """In the finest wave, noise comes back divided by that wave's factor."""
    quiet, loud = (lesson.experiment(time=3e-3, noise=noise, kept=N)["error"] for noise in (1e-3, 1e-2))
    best = min(lesson.experiment(time=3e-3)["errors"])
    return (quiet, loud, best), np.isclose(loud / quiet, 10, rtol=0.05) and loud > 100 * best


def _forgotten_claim(lesson):
    """Nothing but rounding, and still the exact inverse fails, though no singular value is zero."""
    problem, x = Heat1D(N, time=0.03), plateaus(N)
    error = float(jnp.max(jnp.abs(problem.inverse(problem.forward(x), x) - x)))
    return (error, float(problem.factors()[-1])), error > 1 and problem.factors()[-1] > 0


def _standing_claim(lesson):
    """Cut where the waves' heights sink below the noise, over the best error possible; and cut by the factors."""
    heights, factors = [], []
    for time in (1e-4, 5e-4, 1.5e-3, 5e-3, 0.01, 0.03):
        for noise in (1e-8, 1e-3, 0.01, 0.1):
            result = lesson.experiment(time=time, noise=noise)
            best = result["errors"].min()
            heights.append(float(result["errors"][result["standing"]] / best))
            factors.append(float(result["errors"][result["above"]] / best))
    found = max(heights), float(np.median(heights)), max(factors)
    return found, found[0] < 1.5 and found[1] < 1.05 and found[2] > 3


def _stable_claim(lesson):
    needed = float(stable_steps(N, TIMES[1], 2.785))
    return needed, needed <= STEPS


def takeaway(settings):
    return f"""\
import jax.numpy as jnp
from core.heat import Heat1D, SteppedHeat, plateaus, sine_transform

problem = Heat1D({N}, time={settings["time"]!r})
x = plateaus({N})
after = problem.forward(x)  # the profile on the rod, blurred
factors = problem.factors()  # exp(-k^2 t), one for each wave
above_the_noise = jnp.sum(factors > {settings["noise"]!r})
heights = jnp.abs(sine_transform(after))  # what is left of each wave
standing = jnp.max(jnp.where(heights > {settings["noise"]!r}, jnp.arange(1, {N + 1}), 0))
jacobian = SteppedHeat(problem, {STEPS}, "rk4").jacobian(x)  # through all time steps
singular_values = jnp.linalg.svd(jacobian, compute_uv=False)
longest = singular_values[0]
"""


LESSON = Lesson(
    slug="heat",
    title="What heat forgets",
    question="A hot profile has blurred. How much of it can still be told from what is left?",
    text=(
        "This simulator takes a state to a later state, so its Jacobian is square, and as long as nothing is lost it "
        "has an inverse. Heat conduction loses detail gradually. A rod’s profile is a sum of sine waves with the "
        "wave numbers $k$; in a time $t$ each is multiplied by its factor $e^{-\\nu k^2 t}$, where $\\nu$ is the "
        "diffusivity. What is left of a wave is its **height**: amplitude times factor. To undo the loss, divide each "
        "wave by its factor. But what is measured carries noise of size $\\varepsilon$, which is divided, too."
    ),
    minutes=8,
    controls=(
        Slider(
            "time",
            "time t (ν = 1)",
            *TIMES,
            DEFAULT["time"],
            "log",
            landmarks=(Landmark("finest factor at ε", number="drowned"),),
        ),
        Slider(
            "kept",
            "waves kept",
            0,
            N,
            17,
            step=1,
            landmarks=(Landmark("height > ε", number="standing"), Landmark("factor > ε", number="above")),
        ),
        Slider("noise", "noise ε", 1e-8, 0.3, DEFAULT["noise"], "log", digits=2),
        Legend("hide", ("before", "after", "recovered", "measured")),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Estimate(
        "After t = {time:.2g} the bars are the waves’ heights; the dashed line is the noise in each wave, about "
        "ε = {noise:.2g}. How many waves, from the longest on, should be divided by their factors, so that the profile "
        "comes nearest to the one before?",
        0,
        N,
        lambda result: float(result["best"]),
        1.5,
        unit="waves",
        remark=remark,
        unasked=_decided_otherwise,
        feedback=_feedback,
    ),
    why=(
        "The sine waves are the singular vectors, and their factors the singular values. The thin line in the "
        "spectrum is no formula: it is the singular values of the Jacobian of a simulator that takes "
        f"{STEPS} time steps, differentiated through all of them; the grey band under it is "
        "$e^{-\\nu k^2 t}$. The bars are the waves’ heights: amplitude before, times that factor. A wave is "
        "worth bringing back as long as its height is above the noise, whatever its factor.\n\n"
        + code(Heat1D.forward, Heat1D.inverse)
        + "\n\n"
        "No factor is ever zero, so in principle nothing is destroyed: with exact numbers the inverse exists at every "
        "time. In practice a wave is gone once its height falls below the noise, and at the latest below the rounding "
        "of the computer. The finest wave has the smallest factor, because the exponent grows with $k^2$; which "
        "wave is gone first depends on the amplitudes as well."
    ),
    limits=(
        "Leaving waves out is the crudest cure. It needs to know which waves, and a problem that falls apart into "
        "waves; a truncated pseudo-inverse of the Jacobian does the same for any problem ([Where the inverse "
        "explodes](singular)). The noise here is one fixed draw, and a measurement does not show the heights without "
        "it. The plateaus “before” are wavy because that is the best that 20 waves can draw of an edge. What happens "
        "to a simulation that is run backwards step by step: [Time reversal](time-reversal)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Deep Dive into Inverse "
        "simulators”.",
    ),
    claims=(
        Claim(
            "The singular values of the time-stepping simulator's own Jacobian are exp(-nu k^2 t), to 1e-5.",
            _stepped_claim,
            rows=("F1",),
        ),
        Claim("Those of the exact simulator match to rounding.", _exact_claim, rows=("F1",)),
        Claim("A fit of their logarithm against k^2 has the slope -nu t.", _slope_claim, rows=("F1",)),
        Claim("Simulators from state to state have a square, regular Jacobian.", _square_claim, rows=("F1",)),
        Claim(
            "The finest wave's factor falls below the noise at t = ln(1/noise)/(nu k^2).", _drowned_claim, rows=("F1",)
        ),
        Claim("What is recovered with all waves carries the noise over, enlarged in proportion.", _noise_claim),
        Claim(
            "At t = 0.03 rounding alone makes the exact inverse useless, though no factor is zero.",
            _forgotten_claim,
            rows=("F1",),
        ),
        Claim(
            "Cut at the last wave whose height is above the noise, the error is near the least, where a cut at the "
            "last such factor may be far off.",
            _standing_claim,
        ),
        Claim("The simulator's steps are short enough at the longest time.", _stable_claim),
    ),
    symbols=("simulator", "jacobian", "singular-value", "time", "nu", "k", "mode", "noise", "inverse"),
    takeaway=Takeaway(
        takeaway,
        lambda result: {
            "after": result["clean"],
            "factors": result["factors"],
            "above_the_noise": result["above"],
            "standing": result["standing"],
            "longest": result["singular"][0],
        },
    ),
    teaching=Teaching(
        misconception="A process that can be computed forwards can be computed backwards: just apply the inverse.",
        demo=(
            ("A short time: all 20 waves come back.", {"time": 1e-4, "kept": float(N)}),
            ("Later, 17 waves still have a factor above ε, yet keeping them brings back noise.", {}),
            ("Leave out those whose height the noise has drowned.", {"kept": 11.0}),
            ("Late: even with hardly any noise only 7 waves are left.", {"time": 0.03, "noise": 1e-8, "kept": 7.0}),
        ),
        room=(
            "If no factor is ever exactly zero, is information destroyed? Listen for the difference between a matrix "
            "that is singular and one that is merely useless at a given precision."
        ),
    ),
    alt="Temperature along the rod before, after a time t and as recovered; the singular values and the heights "
    "of the waves with the noise level; the error against the number of waves kept.",
)
