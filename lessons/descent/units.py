"""Units: the same walk with a length in m or cm, a temperature in K or another degree (curriculum B1, B2, C1, D1)."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.chain_rule import factors
from core.problem import InUnits
from core.rollout import rollout
from core.toys import RotatedSine, Sheared, SquaredSecond
from lessons.controls import Choice, Landmark, Legend, Point, Slider, Step
from lessons.descent import units_words as words
from lessons.descent.units_words import CLOSE, FAHRENHEIT, VIEW
from lessons.figures import Axis, Drawing, Field, Line, Mark, Panel, arrow, drawable, path_lines
from lessons.landscape import landscape
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.methods import FRACTION, INVERSE, RULES, SHOWN
from lessons.prediction import Aim
from lessons.words import code

STEPS = 40
LANDSCAPE_GRID = 120  # no slider moves the loss over metres: it is sent once and may be fine
UNITS = np.geomspace(1e-3, 10, 41)
FLOOR = 1e-9  # in m: where the logarithmic plot puts an exact zero
START = (2.0, 3.0)
PROBLEMS = {"sheared": Sheared, "squared": SquaredSecond, "sine": RotatedSine}
PROBLEM_LABELS = {"sheared": "(x₁ + 2x₂, 3x₂)", "squared": "(x₁, x₂²)", "sine": "bent and turned"}
STEP_TICKS = ((1e-6, "1 µm"), (1e-3, "1 mm"), (1.0, "1 m"), (100.0, "100 m"))
LANDMARKS = (Landmark("mm", 1e-3), Landmark("cm", 0.01), Landmark("dm", 0.1), Landmark("m", 1.0))
DEGREES = (Landmark("mK", 1e-3), Landmark("°F", FAHRENHEIT), Landmark("K", 1.0))
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-2, 6))


def walks(name, problem, units, eta, steps=STEPS):
    """A method's walks with x counted in each of these units, (k, 2) in metres and kelvin, mapped back to those."""
    chosen = eta if name == "gradient_descent" else FRACTION

    def walk(unit):
        counted = InUnits(problem, unit)
        path = rollout(RULES[name], counted, counted.start, steps, eta=chosen)
        return path._replace(x=counted.unit * path.x)

    return jax.vmap(walk)(units)


def simulate(problem, unit, degree, eta, start):
    """All walks in these units, gradient descent's in metres and kelvin, and first steps along x1 for many units."""
    chosen = PROBLEMS[problem](start=start)
    units = jnp.stack([unit, degree])
    pairs = {name: walks(name, chosen, jnp.stack([jnp.ones_like(units), units]), eta) for name in RULES}
    paths = {name: jax.tree.map(lambda leaf: leaf[1], pair) for name, pair in pairs.items()}

    def first(name):
        lengths = jnp.asarray(UNITS, unit.dtype)
        x = walks(name, chosen, jnp.stack([lengths, jnp.full_like(lengths, degree)], axis=1), eta, steps=1).x[..., 0]
        return jnp.abs(x[:, 1] - x[:, 0])

    counted = InUnits(chosen, units)
    return {
        "paths": paths,
        "metres": jax.tree.map(lambda leaf: leaf[0], pairs["gradient_descent"]),
        "stray": {name: measures.spread(pair.x) for name, pair in pairs.items()},
        "first": {name: first(name) for name in RULES},
        "factors": jax.vmap(partial(factors, counted))(paths["gradient_descent"].x / counted.unit)._asdict(),
        "unit": counted.unit,
        "stable_limit": measures.stable_limit(counted, counted.start),
        "landscape": landscape(chosen, VIEW, LANDSCAPE_GRID),
        "target": chosen.target,
        "minimum": jax.lax.stop_gradient(chosen.inverse(chosen.target, start)),
    }


def draw(result):
    settings, paths, metres = result["settings"], result["paths"], result["metres"]
    y_view = _around(metres.y, result["target"])
    lines = [line for name in SHOWN for line in path_lines(name, paths[name])]
    grey = {"label": "GD in m and K", "group": "metres", "dash": "dash", "width": 1.5, "role": "path", "answer": False}
    lines.insert(0, Line("metres", "x", metres.x[..., 0], metres.x[..., 1], legend=True, **grey))
    black = {"label": "−½(∂L/∂y)ᵀ", "group": "factors", "colour": "text", "width": 2.0, "role": "segment"}
    descent = paths["gradient_descent"]
    lines.append(
        Line("down", "y", *_arrows(drawable(descent.y), -result["factors"]["loss"] / 2, y_view), legend=True, **black)
    )
    for name in SHOWN:
        first = np.maximum(result["first"][name], FLOOR)
        lines.append(Line(f"{name}/first", "first", UNITS, first, name, name))
        # A path of one point: the stage rings its end.
        here = np.abs(paths[name].x[..., 1:2, 0] - paths[name].x[..., :1, 0])
        now = result["unit"][..., :1], np.maximum(here, FLOOR)
        lines.append(Line(f"{name}/first/now", "first", *now, name, name, role="path"))
    minimum, target = result["minimum"], result["target"]
    descending, level = (result["first"][name][..., 22] for name in ("gradient_descent", "inverse_simulator"))
    ticks = ((1e-3, "mm"), (1e-2, "cm"), (0.1, "dm"), (1.0, "m"), (10.0, "10 m"))
    side = (-VIEW, VIEW)
    return Drawing(
        panels=(
            Panel("x", "x-space, drawn in m and K", Axis("x₁ in m", side), Axis("x₂ in K", side), True, True),
            Panel("y", "the same in y-space", Axis("y₁", y_view[0]), Axis("y₂", y_view[1])),
            Panel(
                "first",
                "first step along x₁",
                Axis("unit of x₁", (1e-3, 10), log=True, ticks=ticks),
                Axis("|Δx₁| in m", (1e-6, 1e2), log=True, ticks=tuple((v, t) for v, t in STEP_TICKS)),
                cursor="unit",
            ),
        ),
        lines=tuple(lines),
        fields=(Field("loss-field", "x", result["landscape"], side * 2, levels=LEVELS),),
        marks=(
            Mark("minimum", "x", "cross", minimum[..., 0], minimum[..., 1], "solution"),
            Mark("target", "y", "cross", target[..., 0], target[..., 1], "y*"),
            Mark("square", "first", "label", UNITS[22], descending / 40, "grows like u²", True),
            Mark("level", "first", "label", UNITS[12], level * 3, "the same in every unit", True),
        ),
        numbers={"stable_limit": result["stable_limit"]},
        step=settings["step"],
    )


def _around(walk, target):
    """The part of y-space with a walk from its start to the target, and a margin: ((low, high), (low, high))."""
    walk, target = walk.reshape(-1, *walk.shape[-2:])[0], target.reshape(-1, target.shape[-1])[0]
    gap = np.abs(walk[0] - target)
    reach = np.maximum(np.maximum(gap, 0.05 * gap.max()), 1e-3)
    near = np.all(np.abs(walk - target) <= 1.5 * reach, axis=-1)  # a nan is not
    points = np.concatenate([walk[near], walk[:1], target[None]])
    return tuple(zip(points.min(0) - 0.25 * reach, points.max(0) + 0.25 * reach, strict=True))


def _arrows(tails, directions, view):
    """One arrow a step, its barbs of one length on the panel: two arrays (..., steps + 1, 5)."""
    width, height = (high - low for low, high in view)
    with np.errstate(all="ignore"):  # of a diverged walk nothing is drawn
        parts = tails[..., 0] / width, tails[..., 1] / height, directions[..., 0] / width, directions[..., 1] / height
        x, y = arrow(*parts, 0.035)
        return width * x, height * y


def takeaway_code(settings):
    problem = {"sheared": "Sheared", "squared": "SquaredSecond", "sine": "RotatedSine"}[settings["problem"]]
    return f"""\
import jax.numpy as jnp
from core.measures import spread
from core.problem import InUnits
from core.rollout import rollout
from core.toys import {problem}
from core.updates import gradient_descent, newton

plain = {problem}(start={settings["start"]!r})
unit = jnp.array([{settings["unit"]!r}, {settings["degree"]!r}])  # metres and kelvin in 1 of x1 and of x2
counted = InUnits(plain, unit)
def both(rule, eta):  # in metres and kelvin, and in these units; mapped to m and K
    walks = [rollout(rule, p, p.start, {STEPS}, eta=eta).x for p in (plain, counted)]
    return jnp.stack([walks[0], unit * walks[1]])
descent, curved = both(gradient_descent, {settings["eta"]!r}), both(newton, {FRACTION})
end, strays, newton_end = descent[1, {settings["step"]}], spread(descent), curved[1, {settings["step"]}]
"""


def takeaway_numbers(result):
    step, paths = result["settings"]["step"], result["paths"]
    return {
        "end": paths["gradient_descent"].x[step],
        "newton_end": paths["newton"].x[step],
        "strays": result["stray"]["gradient_descent"],
    }


def _factors_claim(lesson):
    worst = {}
    for problem in PROBLEMS:
        two = lesson.experiment(problem=problem)["factors"]
        product = np.einsum("knm,km->kn", two["simulator"], two["loss"])
        worst[problem] = float(np.abs(product - two["gradient"]).max() / np.abs(two["gradient"]).max())
    return worst, max(worst.values()) < 1e-12


def _square_claim(lesson):
    """The first step along x1, in metres, against the unit."""
    units = np.array([1e-3, 0.01, 0.1, 1.0, 10.0])
    found = {}
    for problem in PROBLEMS:
        walks = [lesson.experiment(problem=problem, unit=unit)["paths"] for unit in units]
        for name in ("gradient_descent", "newton", "inverse_gradient", "inverse_simulator"):
            steps = np.array([w[name].x[1, 0] - w[name].x[0, 0] for w in walks])
            found[problem, name] = float(measures.loglog_slope(units, steps))
    wanted = [2.0 if name == "gradient_descent" else 0.0 for _, name in found]
    return found, np.allclose(list(found.values()), wanted, atol=1e-6)


def _walks_claim(lesson):
    found = {}
    for problem in PROBLEMS:
        strays = [lesson.experiment(problem=problem, unit=unit)["stray"] for unit in (1e-3, 0.01, 0.1, 10.0)]
        found[problem] = {name: max(float(stray[name]) for stray in strays) for name in RULES}
    same = max(found[problem][name] for problem in PROBLEMS for name in INVERSE)
    return found, same < 1e-6 and all(found[problem]["gradient_descent"] > 0.1 for problem in PROBLEMS)


def _target_claim(lesson):
    """In y-space -(dL/dy)^T / 2 is y* - y, in every unit and on every problem."""
    misses = {}
    for problem in PROBLEMS:
        result = lesson.experiment(problem=problem)
        y, down = result["paths"]["gradient_descent"].y, -result["factors"]["loss"] / 2
        misses[problem] = float(np.abs(y + down - result["target"]).max())
    return misses, max(misses.values()) < 1e-12


def _both_claim(lesson):
    """One number for both units is undone by eta; two numbers by no eta of 200."""
    one, worst, least = lesson.experiment(eta=0.05), 0.0, np.inf
    for c in (0.5, 2.0):
        same = lesson.experiment(unit=c, degree=c, eta=0.05 / c**2)["paths"]["gradient_descent"]
        worst = max(worst, float(np.abs(same.x - one["metres"].x).max()))
    for eta in np.geomspace(1e-4, 0.3, 200):
        other = lesson.experiment(unit=1.0, degree=0.3, eta=float(eta))["paths"]["gradient_descent"]
        least = min(least, float(np.abs(other.x - one["metres"].x).max()))
    return (worst, least), worst < 1e-9 and least > 0.5


def _limit_claim(lesson):
    """Where x1's unit is large it decides the stable step; where it is small, x2 does."""
    limits = [float(lesson.experiment(unit=unit)["stable_limit"]) for unit in (10.0, 5.0, 0.01, 1e-3)]
    return limits, limits[0] < limits[1] / 3 and abs(limits[3] / limits[2] - 1) < 0.01


LESSON = Lesson(
    slug="units",
    title="Units",
    question="Does it matter whether you count in metres or in centimetres?",
    text=(
        "The gradient of $L = |P(x) - y^*|^2$ is "
        "$\\left(\\frac{\\partial L}{\\partial x}\\right)^T = \\left(\\frac{\\partial P}{\\partial x}\\right)^T "
        "\\left(\\frac{\\partial L}{\\partial P}\\right)^T$. It carries the units of $L$ over those of $x$, and "
        "yet gradient descent adds $-\\eta$ times it to $x$. Here $x_1$ is a length and $x_2$ a temperature. In metres "
        "and kelvin at first $P(x) = (x_1 + 2x_2,\\ 3x_2)$ and $y^* = 0$. We count $x_1$ in another unit, $u$ metres, "
        "and $x_2$ in another, $v$ kelvin, run each method in these numbers, and convert its path back."
    ),
    minutes=6,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("unit", "u, unit of x₁", 1e-3, 10.0, 0.01, "log", unit="m", landmarks=LANDMARKS),
        Slider("degree", "v, unit of x₂", 1e-3, 10.0, 1.0, "log", unit="K", landmarks=DEGREES),
        Slider(
            "eta", "η, gradient descent", 1e-4, 0.3, 0.05, "log", landmarks=(Landmark("limit", number="stable_limit"),)
        ),
        Choice("problem", "simulator P", PROBLEM_LABELS, "sheared"),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), START),
        Point("guess", "your guess", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-2.5, 2.5), simulated=False),
        Legend("hide", (*SHOWN, "factors", "metres")),
    ),
    simulate=simulate,
    draw=draw,
    reading=words.reading,
    prediction=Aim(
        "The grey path is gradient descent’s in metres and kelvin. Now x₁ is counted in units of u = {unit:.3g} m and "
        "x₂ in units of v = {degree:.3g} K; the simulator, η = {eta:.3g} and the start stay the same. At which point "
        "of the figure is gradient descent after {step} iterations?",
        point="guess",
        truth=lambda result: result["paths"]["gradient_descent"].x[result["settings"]["step"]],
        close=CLOSE,
        remark=words.remark,
        unasked=words.left,
        feedback=words.feedback,
    ),
    why=(
        "$\\partial L/\\partial x_1$ carries 1 over the unit of $x_1$, yet it is added to $x_1$. So a unit $u$ enters "
        "twice, and counted in metres the first step along $x_1$ is $u^2$ times as long; along $x_2$ it is $v^2$ times "
        "as long. η would have to carry $[x]^2/[L]$: where $u = v = c$, dividing η by $c^2$ brings the old path back. "
        "But a length and a temperature have no unit in common, and where $u \\ne v$ no single η does. The arrow in "
        "y-space is the factor that knows no units of x: half of $-(\\partial L/\\partial y)^T$ leads from y exactly "
        "to $y^*$. The other factor, the transposed Jacobian, turns it, and how far depends on the units. With "
        "$H^{-1}$, $J^{-1}$ or $P^{-1}$ the units of x come out right, and η is a plain number.\n\n" + code(factors)
    ),
    limits=(
        "A wise choice of units helps gradient descent; that is what normalising the input does. But the right units "
        "need to be known beforehand, and fixed units do not help where sensitivities change along the path "
        "([Sensitivity](sensitivity)). Shear and rotation cannot be undone by units at all "
        "([The crux](crux), turned by 30°)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”: “Units” under each method, and the "
        "composite gradient under “Traditional optimization methods” (there with a factor ½ in the loss).",
    ),
    claims=(
        Claim("The gradient is the product of its two factors, at every step of the walk.", _factors_claim, ("B1",)),
        Claim("In y-space half the loss's own gradient leads back exactly to the target.", _target_claim, ("B1",)),
        Claim(
            "In metres gradient descent's step along x1 grows with the square of the unit, the others' not at all.",
            _square_claim,
            ("B2", "C1", "D1"),
        ),
        Claim(
            "Mapped back to metres, gradient descent's walk depends on the unit, the other three walks do not.",
            _walks_claim,
            ("B2", "C1", "D1"),
        ),
        Claim(
            "With u = v = c and eta over c^2 the path is that of metres and kelvin; with u != v at no eta.", _both_claim
        ),
        Claim("A large unit of x1 shrinks the stable step; a small one leaves it to x2 alone.", _limit_claim),
    ),
    symbols=("x", "y", "target", "loss", "gradient", "jacobian", "eta", "invariance", "newton", "ig", "pg"),
    takeaway=Takeaway(takeaway_code, takeaway_numbers),
    teaching=Teaching(
        misconception="Units are a matter of taste; the algorithm only sees numbers.",
        demo=(
            ("In metres gradient descent converges, if slowly: grey and blue are one.", {"unit": 1.0}),
            ("Centimetres: x₁ is frozen. Nothing about the simulator has changed.", {"unit": 0.01}),
            ("Centimetres and hundredths of a kelvin: now both are frozen.", {"unit": 0.01, "degree": 0.01}),
            ("Ten metres: the same η, and gradient descent diverges. See where the limit of η is now.", {"unit": 10.0}),
        ),
        room=(
            "x₁ is in metres, x₂ in kelvin. In which unit is η? Listen for “it has none”, then ask for the unit of "
            "∂L/∂x₁ and of ∂L/∂x₂."
        ),
    ),
    alt=(
        "Walks of four methods over the isolines of the loss, in metres and kelvin, beside gradient descent’s walk in "
        "those units; the same walks in y-space with the gradient of the loss; and the first step along x₁ against its "
        "unit."
    ),
)
