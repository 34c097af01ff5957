"""Sensitivity: gradient descent steps far where it should step short (curriculum B3, C1, D1)."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.problem import InUnits, Problem
from core.scalar import Incline, Power
from core.toys import RotatedSine, Sheared
from core.updates import gradient_descent, inverse_gradient
from lessons.controls import Choice, Landmark, Legend, Slider
from lessons.figures import METHODS, Axis, Drawing, Line, Mark, Panel
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.methods import FRACTION, INVERSE, RULES, SHOWN
from lessons.prediction import Option, Prediction
from lessons.words import code, number_word, share_word

ALPHAS = np.geomspace(1e-3, 1e3, 241)  # 40 a decade: a tenfold alpha is 40 places further
DECADE = 40
MARGIN = 0.1  # of the turning alpha: up to there the first-order term rules to a per cent
PROBLEMS = {  # each is put into InUnits(problem, alpha), which multiplies its input by alpha
    "bowl": lambda: Power(1, target=1.0, start=0.0),
    "incline": Incline,
    "sheared": Sheared,
    "sine": RotatedSine,
}
PROBLEM_LABELS = {"bowl": "(αx − 1)²", "incline": "αx", "sheared": "two, sheared", "sine": "two, bent"}
ALPHA_MARKS = (Landmark("1", 1.0), Landmark("the loss rises", number="turning"))
ETA_MARKS = (Landmark("best for this α", number="best_eta"),)
MADE = {  # the same, as a reader would type it
    "bowl": ("core.scalar import Power", "Power(1, target=1.0, start=0.0)"),
    "incline": ("core.scalar import Incline", "Incline()"),
    "sheared": ("core.toys import Sheared", "Sheared()"),
    "sine": ("core.toys import RotatedSine", "RotatedSine()"),
}
LEFT, RIGHT = -0.35, 2.35  # what is shown of the way in y: an arrowhead stands where a step goes farther
NEAR = 0.1  # in log alpha: where |change| falls into the crevice of its zero
CURVED = ("bowl", "sheared", "sine")  # where Newton has a Hessian to invert


def step(name, problem, alpha, eta):
    """One step of a method from the start, where the input counts alpha times as much."""
    scaled = InUnits(problem, alpha)
    chosen = eta if name == "gradient_descent" else jnp.asarray(FRACTION)
    return measures.one_step(RULES[name], scaled, scaled.start, chosen)._asdict()


def simulate(problem, alpha, eta):
    """One step of every method at this alpha and over six decades of it, from the same state each time."""
    chosen: Problem = PROBLEMS[problem]()
    grid = jnp.asarray(ALPHAS)

    def promise(scale):
        scaled = InUnits(chosen, scale)
        return eta * jnp.sum(jax.grad(scaled.objective)(scaled.start) ** 2)

    over = {name: jax.vmap(partial(step, name, chosen, eta=eta))(grid) for name in RULES}
    scaled = InUnits(chosen, alpha)
    return {
        "alpha": alpha,
        "now": {name: step(name, chosen, alpha, eta) for name in RULES},
        "ten": step("gradient_descent", chosen, 10 * alpha, eta),
        "over": over,
        "promise": jax.vmap(promise)(grid),
        "turning": _turning(over["gradient_descent"]["change"]),
        "loss": chosen.objective(chosen.start),
        "best_eta": measures.line_search_eta(scaled, scaled.start),
    }


def _turning(change):
    """The alpha at which a step first raises the loss, interpolated between two of ALPHAS; inf where none does."""
    rises = change > 0
    k = jnp.argmax(rises)
    before, after = jnp.abs(change[k - 1]), change[k]
    share = before / jnp.where(before + after > 0, before + after, 1.0)
    return jnp.where(jnp.any(rises), ALPHAS[0] * 10 ** ((k - 1 + share) / DECADE), jnp.inf)


def draw(result):
    over, now, alpha, turning = result["over"], result["now"], result["alpha"], result["turning"]
    promise = {"label": "promised by the slope, η|∇L|²", "dash": "dash", "width": 1.2, "legend": True}
    falls, rises = _parts(over["gradient_descent"]["change"], turning)
    changes = {name: np.abs(over[name]["change"]) for name in INVERSE} | {"gradient_descent": falls}
    blue = {"group": "gradient_descent", "colour": METHODS["gradient_descent"].colour, "dash": "dot", "width": 2.5}
    lines = [
        Line("promise", "change", ALPHAS, result["promise"], group="promise", **promise),
        Line("rises", "change", ALPHAS, rises, label="gradient descent: the loss rises", **blue),
        Line(
            "turning-line",
            "change",
            np.stack([turning, turning], -1),
            [1e-9, 1e9],
            label="turning",
            dash="dot",
            width=1.0,
        ),
        Line("goal", "progress", [1.0, 1.0], [-0.6, 3.6], label="y*", dash="dash", width=1.0, answer=False),
    ]
    for row, name in enumerate(RULES):
        for panel, curve in (("change", changes[name]), ("length", over[name]["length"])):
            lines.append(Line(f"{name}/{panel}", panel, ALPHAS, curve, name, name, legend=panel == "change"))
            # A path of one point: the stage rings its end. What the first step does is given.
            ring = alpha[..., None], np.abs(now[name][panel])[..., None]
            given = name == "gradient_descent"
            lines.append(Line(f"{name}/{panel}/now", panel, *ring, name, name, role="path", answer=not given))
        bar = {"group": name, "label": METHODS[name].label, "colour": METHODS[name].colour}
        lines += _bars(name, row, now[name]["progress"], bar)
    rows = tuple((row, METHODS[name].label) for row, name in enumerate(RULES))
    decades, gap = Axis("α", (1e-3, 1e3), log=True), Axis("", (LEFT, RIGHT), ticks=((0.0, "start"), (1.0, "y*")))
    return Drawing(
        panels=(
            Panel(
                "change",
                "how much one step changes the loss",
                decades,
                Axis("|ΔL|", (1e-9, 1e9), True),
                True,
                False,
                "alpha",
            ),
            Panel("length", "how long the step is", decades, Axis("|Δx|", (1e-6, 1e4), log=True), cursor="alpha"),
            Panel("progress", "how far it gets in y", gap, Axis("", (-0.6, 3.6), ticks=rows)),
        ),
        lines=tuple(lines),
        marks=(
            Mark("turning", "change", "label", turning, np.full_like(turning, 1e-8), "the loss rises", answer=True),
        ),
        numbers={"turning": _or_none(turning), "best_eta": _or_none(result["best_eta"])},
    )


def _bars(name, row, progress, style):
    """A bar from the start to where one step gets in y, with a ring, or an arrowhead if that is off the panel."""
    inside = (progress > LEFT) & (progress < RIGHT)
    end = np.clip(progress, LEFT, RIGHT)  # nan stays
    reach = np.stack([np.zeros_like(end), end], axis=-1)
    barb = end - 0.12 * np.sign(end)
    head = np.where(inside[..., None], np.nan, np.stack([barb, end, barb], axis=-1))
    ring = np.where(inside, end, np.nan)[..., None]
    return [
        Line(f"{name}/progress", "progress", reach, np.full(2, row), width=6, **style),
        Line(f"{name}/beyond", "progress", head, row + np.array([0.25, 0.0, -0.25]), width=2.5, **style),
        Line(f"{name}/progress/now", "progress", ring, np.full(1, row), name, name, role="path"),
    ]


def _parts(change, turning):
    """|change| where the loss falls, and where it rises: nan elsewhere, and close to the turning alpha.

    There the change is zero: on a logarithmic axis a crevice, whose depth would depend on the places of ALPHAS.
    """
    near = np.abs(np.log(ALPHAS) - np.log(turning)[..., None]) < NEAR
    size = np.where(near, np.nan, np.abs(change))
    return np.where(change > 0, np.nan, size), np.where(change > 0, size, np.nan)


def _or_none(number):
    """0 for infinity: JSON has none, and no slider goes there."""
    return np.where(np.isfinite(number), number, 0.0)


def slope(result, name, quantity="change", chosen=None):
    """The exponent of alpha in one of the curves, fitted over all of ALPHAS or over those chosen."""
    return float(measures.loglog_slope(ALPHAS, result["over"][name][quantity], chosen))


def below(result):
    """The alphas at which gradient descent's step is still so short that the first-order term rules."""
    return result["turning"] * MARGIN >= ALPHAS


def above(result):
    """The alphas at which gradient descent's step has long overshot."""
    return result["turning"] / MARGIN <= ALPHAS


def reading(result):
    now, turning, alpha = result["now"], float(result["turning"]), result["settings"]["alpha"]
    far, rises = float(now["gradient_descent"]["progress"]), now["gradient_descent"]["change"] > 0
    gets = f"goes {number_word(far)} times as far as y*" if far > 1 else f"covers {share_word(far)} of the way to y*"
    steps = f"At α = {alpha:.3g} one step of gradient descent {gets}{', and the loss rises' if rises else ''}"
    growth = f"What it changes grows with slope {slope(result, 'gradient_descent', chosen=below(result)):.2f}"
    grown = f"{growth}; from α = {turning:.3g} on it raises the loss." if np.isfinite(turning) else f"{growth}."
    if np.isfinite(now["newton"]["length"]):
        return f"{steps}; the other three cover 30 % at every α. {grown}"
    flat = "Newton cannot step: a straight line has no curvature, H = 0, and 0 cannot be inverted."
    return f"{steps}; both inverses cover 30 % at every α. {grown} {flat}"


def ratio(result):
    """The change of the loss in a gradient step at ten times the alpha over that at alpha; inf where that is 0."""
    now, ten = float(result["now"]["gradient_descent"]["change"]), float(result["ten"]["change"])
    return ten / now if now else np.inf


def _lowers(low, high):
    """Does the step at ten times the alpha lower the loss, and by this many times as much?"""
    return lambda result: float(result["ten"]["change"]) < 0 and low <= ratio(result) < high


def remark(result):
    """Why, at these settings."""
    turning, then = float(result["turning"]), 10 * result["settings"]["alpha"]
    told = "The loss answers ten times as strongly, and the step is ten times as long on top"
    if float(result["ten"]["change"]) > 0:
        return (
            f"{told}. From α = {number_word(turning)} on that is too far: at {number_word(then)} the step overshoots, "
            "and second-order terms take over."
        )
    if result["settings"]["problem"] == "incline":
        return f"{told}: {ratio(result):.3g} times. It takes no bowl for that: this loss is a straight line."
    if ratio(result) < 30:
        return (
            f"{told}: to first order 100 times. But at {number_word(then)} it already overshoots: {ratio(result):.2g}."
        )
    return (
        f"{told}: {ratio(result):.3g} times here, 100 to first order. Not because this loss bends: on the line αx it "
        "is exactly 100."
    )


def takeaway_code(settings):
    where, made = MADE[settings["problem"]]
    return f"""\
from core.problem import InUnits
from {where}
from core.updates import gradient_descent, inverse_simulator

def change(rule, alpha, eta):  # of the loss, by one step
    problem = InUnits({made}, alpha)  # its input times alpha
    x = problem.start
    return problem.objective(x + rule(problem, x, eta)) - problem.objective(x)

alpha, eta = {settings["alpha"]!r}, {settings["eta"]!r}
descent = change(gradient_descent, alpha, eta)
ten_times = change(gradient_descent, 10 * alpha, eta) / descent
inverse = change(inverse_simulator, alpha, {FRACTION})
"""


def takeaway_numbers(result):
    now = result["now"]
    return {
        "descent": now["gradient_descent"]["change"],
        "inverse": now["inverse_simulator"]["change"],
        "ten_times": ratio(result),
    }


def _square_claim(lesson):
    found = {}
    for problem in PROBLEMS:
        result = lesson.experiment(problem=problem)
        promised = float(measures.loglog_slope(ALPHAS, result["promise"]))
        found[problem] = promised, slope(result, "gradient_descent", chosen=below(result))
    exact = max(abs(promised - 2) for promised, _ in found.values())
    return found, exact < 1e-9 and all(abs(measured - 2) < 0.01 for _, measured in found.values())


def _line_claim(lesson):
    result = lesson.experiment(problem="incline")
    found = slope(result, "gradient_descent"), ratio(result), float(result["now"]["newton"]["length"])
    return found, np.allclose(found[:2], [2.0, 100.0], rtol=1e-9) and not np.isfinite(found[2])


def _flat_claim(lesson):
    found = {}
    for problem in PROBLEMS:
        result = lesson.experiment(problem=problem)
        for name in INVERSE if problem in CURVED else INVERSE[1:]:
            covered = float(np.abs(result["over"][name]["progress"] - FRACTION).max())
            found[problem, name] = slope(result, name), slope(result, name, "length"), covered
    return found, np.allclose(list(found.values()), [0.0, -1.0, 0.0], atol=1e-4)


def _step_claim(lesson):
    found = {}
    for problem in CURVED:
        result = lesson.experiment(problem=problem)
        lengths = {name: result["over"][name]["length"] for name in RULES}
        missing = measures.loglog_slope(ALPHAS, lengths["newton"] / lengths["gradient_descent"])
        found[problem] = slope(result, "gradient_descent", "length"), float(missing)
    return found, np.allclose(list(found.values()), [1.0, -2.0], atol=1e-6)


def _extremes_claim(lesson):
    found = {}
    for problem in CURVED:
        result = lesson.experiment(problem=problem)
        share = result["over"]["gradient_descent"]["change"] / result["loss"]
        found[problem] = float(share[0]), float(share[-1]), slope(result, "gradient_descent", chosen=above(result))
    return found, all(-1e-6 < low < 0 and high > 1e5 and abs(steep - 4) < 0.1 for low, high, steep in found.values())


def _best_claim(lesson):
    found = {}
    for problem in CURVED:
        etas = [float(lesson.experiment(problem=problem, alpha=alpha)["best_eta"]) for alpha in (1e-3, 1.0, 1e3)]
        found[problem] = float(measures.loglog_slope(np.array([1e-3, 1.0, 1e3]), np.array(etas)))
    return found, np.allclose(list(found.values()), -2.0, atol=1e-6)


LESSON = Lesson(
    slug="sensitivity",
    title="Sensitivity",
    question="Does a sensitive parameter deserve a big step?",
    text=(
        "Let a parameter matter $\\alpha$ times as much: $y = P(\\alpha x)$. Below, the loss is a bowl, "
        "$(\\alpha x - 1)^2$ at $x = 0$, a straight line, or one of two unknowns that both count α times. State and "
        "target stay, only the sensitivity changes. Every method takes **one** step: gradient descent with a fixed "
        "$\\eta$, the others 30 % of the way to $y^*$."
    ),
    minutes=5,
    controls=(
        Slider("alpha", "α, sensitivity", 1e-3, 1e3, 1.0, "log", landmarks=ALPHA_MARKS),
        Slider("eta", "η, gradient descent", 1e-6, 1.0, 1e-3, "log", landmarks=ETA_MARKS),
        Choice("problem", "loss", PROBLEM_LABELS, "bowl"),
        Legend("hide", (*SHOWN, "promise")),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "Gradient descent takes one step with η = {eta:.3g} at α = {alpha:.3g}. Then the parameter becomes ten times "
        "as sensitive, and η stays. What does the step do to the loss now?",
        (
            Option("it lowers it about as much as before", _lowers(0, 3)),
            Option("it lowers it about ten times as much", _lowers(3, 30)),
            Option("it lowers it about a hundred times as much", _lowers(30, np.inf)),
            Option("it raises it", lambda result: float(result["ten"]["change"]) > 0),
        ),
        remark=remark,
    ),
    why=(
        "A gradient step $\\Delta x = -\\eta\\,\\nabla L$ changes the loss, to first order, by "
        "$\\nabla L\\cdot\\Delta x = -\\eta\\,|\\nabla L|^2$. The gradient counts **twice**: it says how "
        "strongly the loss answers, and also how far to go. A sensitive parameter is moved far, where a short step "
        "would do (gradients explode), an insensitive one hardly at all (gradients vanish). What is missing is a "
        "factor $1/\\alpha^2$. Newton’s $H^{-1}$ brings just that; the two inverses divide by α in the first "
        "place.\n\n" + code(gradient_descent, inverse_gradient)
    ),
    limits=(
        "One α for everything can be put right by hand: the best η falls like 1/α² (its landmark). Two unknowns of "
        "different sensitivity cannot share an η: that is [the crux](crux), and [units](units) are the same trouble "
        "in another dress. For α → 0 inverse steps grow without limit, farther than a linearisation can be trusted. "
        "And Newton needs curvature: on the straight line it has no step at all."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”: “Function sensitivity” under "
        "gradient descent and inverse gradients, “Units and Sensitivity” under quasi-Newton methods.",
    ),
    claims=(
        Claim(
            "To first order gradient descent changes the loss like alpha^2, on every problem.", _square_claim, ("B3",)
        ),
        Claim("On the line L = alpha x it does so over all six decades, and Newton has no step.", _line_claim, ("B3",)),
        Claim(
            "The others' change does not depend on alpha: 30 % of the way in y. Their step goes like 1/alpha.",
            _flat_claim,
            ("C1", "D1"),
        ),
        Claim("Gradient descent's step grows like alpha; Newton's is 1/alpha^2 times it.", _step_claim, ("B3", "C1")),
        Claim(
            "A gradient step does nothing for small alpha; for large it climbs like alpha^4.", _extremes_claim, ("B3",)
        ),
        Claim("The best eta for one step falls like 1/alpha^2.", _best_claim),
    ),
    symbols=("alpha", "eta", "loss", "gradient", "dx", "target", "loglog", "hessian", "newton", "ig", "pg"),
    takeaway=Takeaway(takeaway_code, takeaway_numbers),
    teaching=Teaching(
        misconception="A sensitive parameter deserves a big step.",
        demo=(
            ("One timid gradient step, a fifth of a per cent of the way. Who would raise α?", {}),
            (
                "Ten times as sensitive: about a hundred times the change (90: the bend already shows). Red is flat.",
                {"alpha": 10.0},
            ),
            ("Ten times more, and the step overshoots so far that the loss rises.", {"alpha": 100.0}),
            (
                "It needs no bowl: on the straight line the slope is 2 throughout. Newton has no curvature to invert.",
                {"problem": "incline"},
            ),
        ),
        room=(
            "You tuned η for an angle in degrees; a colleague rewrites the code in radians. What has to happen to η? "
            "Listen for 57² against 57, and for who says that the method should not care."
        ),
    ),
    alt=(
        "The change of the loss in one step against the sensitivity, on logarithmic axes, for four methods; the length "
        "of the step against the sensitivity; and how far each step gets in y."
    ),
)
