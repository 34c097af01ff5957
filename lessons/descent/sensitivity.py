"""Sensitivity: gradient descent steps far where it should step short (curriculum B3, C1, D1)."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.backend import default_float
from core.problem import InUnits, Problem
from core.scalar import Incline, Power
from core.toys import RotatedSine, Sheared
from core.updates import gradient_descent, inverse_gradient
from lessons.controls import Choice, Landmark, Legend, Slider
from lessons.descent import notes
from lessons.figures import METHODS, Axis, Drawing, Line, Mark, Panel
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.methods import FRACTION, INVERSE, RULES, SHOWN
from lessons.prediction import Option, Prediction
from lessons.words import code, joined, number_word, share_word

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
LEFT, RIGHT = -0.35, 2.35  # what is shown of the way in y: an arrowhead stands where a step goes farther
NEAR = 0.1  # in log alpha: where |change| falls into the crevice of its zero
LITTLE = 1e-3  # a share of the gap below this is told as little
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
        "turning": _turning(over["gradient_descent"]["change"], noise(chosen.objective(chosen.start))),
        "loss": chosen.objective(chosen.start),
        "best_eta": measures.line_search_eta(scaled, scaled.start),
    }


def _turning(change, level):
    """The alpha at which a step first raises the loss by more than level, interpolated in ALPHAS; inf if none does."""
    rises = change > level
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
        Line("rises", "change", ALPHAS, rises, label=METHODS["gradient_descent"].label, **blue),
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
    now, turning = result["now"], float(result["turning"])
    far = float(now["gradient_descent"]["progress"])
    gets = (
        f"goes {number_word(far)} times the distance to y*"
        if far > 1.05
        else "goes about the distance to y*"
        if far > 0.95
        else f"covers {share_word(far)} of the gap to y*"
        if far >= LITTLE
        else "covers less than 0.1 % of the gap to y*"
    )
    rises = ", and the loss rises" if now["gradient_descent"]["change"] > noise(result["loss"]) else ""
    told = f"Here one step of gradient descent {gets}{rises}."
    if result["settings"]["problem"] not in CURVED:
        return f"{told} The two inverses cover 30 % at every α. Newton has no step: on a straight line H = 0."
    others = "Each of the other three methods covers 30 % at every α."
    limit = f"Above α = {number_word(turning)} gradient descent raises the loss." if np.isfinite(turning) else ""
    return joined(told, others, limit)


def noise(loss):
    """A change of the loss below this is rounding."""
    return 100 * np.finfo(default_float()).eps * abs(loss)


def ratio(result):
    """The change of the loss in a gradient step at ten times the alpha over that at alpha; inf where that is 0."""
    now, ten = float(result["now"]["gradient_descent"]["change"]), float(result["ten"]["change"])
    return ten / now if now else np.inf


def rises(result):
    """Does the step at ten times the alpha raise the loss?"""
    return float(result["ten"]["change"]) > 0


def _lowers(low, high):
    """Does the step at ten times the alpha lower the loss, and by this many times as much?"""
    return lambda result: not rises(result) and low <= ratio(result) < high


def _rounded(result):
    """Why there is no answer where the change is lost in rounding, as it may be in single precision."""
    least = min(abs(float(result["now"]["gradient_descent"]["change"])), abs(float(result["ten"]["change"])))
    if least > noise(result["loss"]):
        return ""
    return "At this α and η the change of the loss is lost in rounding, so there is nothing to compare."


def remark(result):
    """Why, at these settings."""
    told = "The gradient is ten times as long and each unit of x counts ten times as much, so αx moves 100 times as far"
    if rises(result):
        return f"{told}. That is too far: the loss rises."
    if result["settings"]["problem"] not in CURVED:
        return f"{told}. On a straight line the loss falls in proportion."
    times = number_word(ratio(result))
    return f"{told}. A short step lowers the loss in proportion; this one lowers it {times} times as much."


def _too_much(result):
    """What speaks against "more than 30 times as much"."""
    if rises(result):
        return (
            "That holds for short steps only. This one goes past the lowest point of the loss on its way, and up again."
        )
    return "To first order the factor is 100, but this step is too long for the first order."


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
        "Let a parameter $x$ matter $\\alpha$ times as much: $y = P(\\alpha x)$. At first the loss is "
        "$L = (\\alpha x - 1)^2$ and $x = 0$; other choices are a straight line $L = \\alpha x$, and losses of two "
        "unknowns that are both multiplied by α. State and target are kept the same; only the sensitivity $\\alpha$ "
        "changes. Every method takes **one** step: gradient descent $-\\eta\\,\\partial L/\\partial x$ with a fixed "
        "$\\eta$, the others 30 % of the gap to $y^*$."
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
            Option(
                "it lowers it by less than 3 times as much",
                _lowers(-np.inf, 3),
                "With α the step grows, and so does the effect of each unit of it.",
            ),
            Option(
                "it lowers it by 3 to 30 times as much",
                _lowers(3, 30),
                "A factor of ten would be right for a step of fixed length. This step is α times the slope at α = 1.",
            ),
            Option("it lowers it by more than 30 times as much", _lowers(30, np.inf), _too_much),
            Option("it raises it", rises, "At ten times this α the step is still short enough to lower the loss."),
        ),
        remark=remark,
        unasked=_rounded,
    ),
    why=(
        "A gradient step $\\Delta x = -\\eta\\,\\nabla L$ changes the loss, to first order, by "
        "$\\nabla L\\cdot\\Delta x = -\\eta\\,|\\nabla L|^2$. The gradient counts **twice**: it says how "
        "strongly the loss answers, and also how far to go. A sensitive parameter is moved far, where a short step "
        "is enough (gradients explode), an insensitive one hardly at all (gradients vanish). A factor "
        "$1/\\alpha^2$ is missing. Newton’s $H^{-1}$ supplies it; the two inverses divide by α in the first "
        "place.\n\n" + code(gradient_descent, inverse_gradient)
    ),
    limits=(
        "One α for everything can be compensated by hand: the best η falls like 1/α² (its landmark). No single η suits "
        "two unknowns of different sensitivity: see [the crux](crux). [Units](units) raise the same problem. For "
        "α → 0 inverse steps grow without limit, farther than a linearisation can be trusted. And Newton needs "
        "curvature: on the straight line it has no step at all."
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
    takeaway=Takeaway(notes.sensitivity_code, takeaway_numbers),
    teaching=notes.SENSITIVITY_TEACHING,
    alt=(
        "The change of the loss in one step against the sensitivity, on logarithmic axes, for four methods; the length "
        "of the step against the sensitivity; and how far each step gets in y."
    ),
)
