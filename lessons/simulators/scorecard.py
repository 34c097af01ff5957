"""The scorecard: four methods by six properties, each cell a measurement (curriculum E7, D1)."""

from dataclasses import replace
from functools import cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from core import measures, properties
from core.problem import Aimed
from core.rollout import rollout
from core.toys import RotatedSine, Sheared, SquaredSecond
from lessons.controls import Choice, Landmark, Legend, Slider
from lessons.figures import METHODS, Axis, Drawing, Line, Mark, Panel, drawable, path_lines
from lessons.lesson import Claim, Lesson
from lessons.methods import RULES
from lessons.prediction import Option, Prediction
from lessons.simulators.cells import EXPLODES, NAMES, PROPERTIES, SAME, defect, formula_for_all, invariant, same, table
from lessons.simulators.notes import SCORECARD_TEACHING, scorecard_takeaway
from lessons.words import code, joined, number_word, sentence

STEPS = 15
SHARES = np.linspace(0.0, 1.0, 5)  # powers of the scale at which trajectories are compared: from 1 to the scale itself
ALPHAS = np.geomspace(1e-3, 1e-1, 5)  # sensitivities small enough that no step overshoots
NOTICED = 1.001  # a scale nearer to 1 than this moves no trajectory by more than the eye sees
TURNED = 0.5  # the effects are scaled along directions that are none of P's own
ETAS = np.geomspace(1e-4, 1e-2, 5)  # where the order of what a latent step misses is fitted
SMALL = 2  # the one of them, 1e-3, at which it is held against its announcement
SHEAR = ((1.0, 1.0), (0.0, 1.0))  # what follows P in the chain of functions
SCANNED = 600  # even, so that no start lies exactly on a fold
FLOOR, CEILING = SAME["float64"], 1e6  # of the bars: below is rounding, above is far too much
STUB = 0.3  # of the floor: where the bars begin, so that one without a defect is seen
TICKS = ((FLOOR, "none"), (1e-4, "0.01 %"), (1e-2, "1 %"), (1.0, "1"), (1e2, "100"), (1e4, "10⁴"), (CEILING, "10⁶"))
PROBLEMS = {
    "squared": lambda: SquaredSecond(),
    "sine": lambda: RotatedSine(2.0),
    "sheared": lambda: Sheared(target=(-1.0, 0.5)),
}
# A line of starts across the places where H or J is singular, and the target that is aimed at from there.
SCANS = {
    "squared": ((1.0, -2.0), (1.0, 2.0), (0.0, 1.0)),
    "sine": ((-1.0, -1.0), (2.8, -0.4), None),
    "sheared": ((1.0, -2.0), (1.0, 2.0), None),
}
VIEWS = {
    "squared": ((-1.0, 3.5), (-1.0, 3.5), (-1.0, 3.5), (-2.0, 10.0)),
    "sine": ((-1.6, 1.6), (-1.6, 1.6), (-0.6, 0.6), (-2.6, 2.6)),
    "sheared": ((-4.0, 4.0), (-4.0, 4.0), (-4.0, 10.0), (-3.0, 10.0)),
}


def simulate(measured, problem, eta, alpha):
    """All properties of all methods, and the trajectories on the problem itself. GD gets half its largest stable step.

    measured: what no slider changes, from `prepare`.
    """
    chosen = PROBLEMS[problem]()
    eta_gd, fixed = measured
    scales = alpha ** jnp.asarray(SHARES)
    result = {"paths": {}, "defects": {}, "orders": {}, "exponents": {}}
    for name, rule in RULES.items():
        gd = name == "gradient_descent"
        step = eta_gd if gd else eta
        result["paths"][name] = rollout(rule, chosen, chosen.start, STEPS, eta=step)
        result["orders"][name], result["exponents"][name] = fixed[name]["order"], fixed[name]["exponent"]
        result["defects"][name] = {
            "units": properties.units_spread(rule, chosen, step, 1 / scales, STEPS),
            "sensitivity": jnp.abs(fixed[name]["exponent"]),
            "optimum": properties.extra_steps(rule, chosen, step, eta),
            "composition": fixed[name]["missed"],
            # Gradient descent's step shrinks as the scale asks for: else it would only diverge.
            "scale": properties.scale_spread(rule, chosen, half_limit if gd else lambda _: eta, scales, TURNED, STEPS),
            "dependence": fixed[name]["dependence"],
        }
    return result | {"target": chosen.target, "eta_gd": eta_gd}


def half_limit(problem):
    """Half of gradient descent's largest stable step at the start."""
    return 0.5 * measures.stable_limit(problem, problem.start)


@cache
def measured_once(problem):
    """What no slider changes, measured once for a problem: GD's step, and three of the properties by method."""
    return _fixed(problem)


@eqx.filter_jit
def _fixed(problem):
    chosen = PROBLEMS[problem]()
    after = Sheared(SHEAR, Sheared(SHEAR).forward(chosen.target))
    low, high, aim = SCANS[problem]
    aimed = chosen if aim is None else Aimed(chosen, jnp.asarray(aim))
    starts = jnp.linspace(jnp.asarray(low), jnp.asarray(high), SCANNED)
    eta_gd, fixed = half_limit(chosen), {}
    for name, rule in RULES.items():
        step = eta_gd if name == "gradient_descent" else 0.3
        lengths, shares = properties.missed_announcements(rule, chosen, after, jnp.asarray(ETAS))
        fixed[name] = {
            "exponent": properties.sensitivity_exponent(rule, chosen, step, jnp.asarray(ALPHAS)),
            "missed": shares[SMALL],
            "order": measures.loglog_slope(jnp.asarray(ETAS), lengths),
            "dependence": properties.longest_step(rule, aimed, step, starts),
        }
    return eta_gd, fixed


def draw(result):
    lines = []
    for k, name in enumerate(RULES):
        for row, property_ in enumerate(reversed(PROPERTIES)):
            value = np.nan_to_num(result["defects"][name][property_], nan=CEILING, posinf=CEILING)
            value = np.where(value < same(), FLOOR, np.minimum(value, CEILING))[..., None]
            reach = np.concatenate([np.full_like(value, STUB * FLOOR), value], axis=-1)
            style = METHODS[name]
            lines.append(
                Line(
                    f"{name}/{property_}",
                    "card",
                    reach,
                    np.full(2, row + 0.3 - 0.2 * k),
                    group=name,
                    label=style.label,
                    colour=style.colour,
                    width=7.5,
                )
            )
    for name in reversed(RULES):
        path = result["paths"][name]
        path = path._replace(x=drawable(path.x), y=drawable(path.y))
        lines += [replace(line, role="curve") for line in path_lines(name, path)]
    x1, x2, y1, y2 = VIEWS[result["settings"]["problem"]]
    target, start = result["target"], result["paths"]["newton"].x[..., 0, :]
    names = tuple((row, label) for row, label in enumerate(reversed(NAMES)))
    return Drawing(
        panels=(
            Panel(
                "card",
                "how far from ideal",
                Axis("defect; none: the same, up to rounding", (STUB * FLOOR, CEILING), log=True, ticks=TICKS),
                Axis("", (-0.6, 5.6), ticks=names),
                big=True,
            ),
            Panel("x", "the trajectories, in x-space", Axis("x₁", x1), Axis("x₂", x2)),
            Panel("y", "and in y-space", Axis("y₁", y1), Axis("y₂", y2)),
        ),
        lines=tuple(lines),
        marks=(
            Mark("start", "x", "dot", start[..., 0], start[..., 1], "start"),
            Mark("target", "y", "cross", target[..., 0], target[..., 1], "y*"),
        ),
    )


def reading(result):
    worst = max(RULES, key=lambda name: defect(result, name, "dependence"))
    longest = number_word(defect(result, worst, "dependence"))
    return joined(
        _kept(result),
        _clean(result),
        f"In the last row {_listed([worst])} is worst: its longest step is {longest} times its median one.",
    )


def _kept(result):
    """Whose trajectory no scale changes."""
    alpha, kept = result["settings"]["alpha"], invariant(result, "scale")
    if alpha < NOTICED:
        return "At this α next to nothing is rescaled, so no trajectory changes visibly."
    return (
        f"With scales up to {number_word(alpha, 3)} the trajectory stays the same for {_listed(kept) or 'no method'}."
    )


def _clean(result):
    """Who has the fewest defects in the rows above the last."""
    clean = {name: sum(defect(result, name, p) < same() for p in PROPERTIES[:5]) for name in RULES}
    most = max(clean.values())
    best = [name for name in RULES if clean[name] == most]
    who = f"{sentence(_listed(best))} {'has' if len(best) == 1 else 'have'}"
    if most == 5:
        return f"{who} no defect in the first five rows."
    return f"{who} the fewest defects in the first five rows, {5 - most}."


def _listed(names):
    """ "Newton, the inverse gradient and the inverse simulator"."""
    said = [("the " if name.startswith("inverse") else "") + METHODS[name].label for name in names]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def remark(result):
    """Why, on this problem."""
    if result["settings"]["problem"] != "sheared":
        return (
            "Newton’s method is scale-invariant where P is linear. On a curved P its Hessian weighs the curvature of P "
            "by the residual, and the residual is what has been scaled."
        )
    linear = "On a linear P the Hessian is 2 JᵀJ, so in exact arithmetic H⁻¹ takes the scale out as J⁻¹ does."
    if "newton" in invariant(result, "scale"):
        return linear
    return f"{linear} Here rounding shows, because the condition number of H grows like α²."


def _unscaled(result):
    """Without a scale there is nothing to be invariant to."""
    if result["settings"]["alpha"] < NOTICED:
        return "At this α next to nothing is rescaled, which no method could notice: raise α."
    return ""


def _only(*names):
    return lambda result: invariant(result, "scale") == list(names)


def _cards(lesson):
    return {problem: lesson.experiment(problem=problem) for problem in PROBLEMS}


def _inverse_claim(lesson):
    """IG and PG: units, sensitivity and scale are right on every problem; gradient descent's are wrong."""
    cards, exact = _cards(lesson), ("units", "sensitivity", "scale")
    inverse = [defect(r, n, p) for r in cards.values() for n in RULES if n.startswith("inverse") for p in exact]
    descent = [defect(r, "gradient_descent", p) for r in cards.values() for p in exact]
    powers = [float(r["exponents"]["gradient_descent"]) for r in cards.values()]
    return (max(inverse), min(descent), powers), max(inverse) < same() and min(descent) > 0.1 and np.allclose(
        powers, 2, atol=0.05
    )


def _newton_claim(lesson):
    found = {p: [defect(r, "newton", k) for k in ("units", "sensitivity", "scale")] for p, r in _cards(lesson).items()}
    curved = [found[p][2] for p in ("squared", "sine")]
    return found, max(max(f[:2]) for f in found.values()) < same() and found["sheared"][2] < same() and min(
        curved
    ) > 0.1


def _optimum_claim(lesson):
    found = {p: {n: defect(r, n, "optimum") for n in RULES} for p, r in _cards(lesson).items()}
    fourth = found["squared"]
    order = fourth["inverse_simulator"] < same() < fourth["inverse_gradient"] < fourth["newton"] < 1
    return found, order and fourth["gradient_descent"] > 1e3 and found["sine"]["gradient_descent"] > 1


def _composition_claim(lesson):
    orders = {p: {n: float(v) for n, v in r["orders"].items()} for p, r in _cards(lesson).items()}
    exact = [defect(r, "inverse_simulator", "composition") for r in _cards(lesson).values()]
    two = [orders[p]["inverse_gradient"] for p in ("squared", "sine")]
    one = [orders[p][n] for p in ("squared", "sine") for n in ("gradient_descent", "newton")]
    return orders, np.allclose(two, 2, atol=0.05) and np.allclose(one, 1, atol=0.15) and max(exact) < 1e-9


def _dependence_claim(lesson):
    found = {p: {n: defect(r, n, "dependence") for n in RULES} for p, r in _cards(lesson).items()}
    curved = [found[p][n] for p in ("squared", "sine") for n in ("newton", "inverse_gradient")]
    calm = [found[p]["inverse_simulator"] for p in found] + list(found["sheared"].values())
    return found, min(curved) > EXPLODES > max(calm) and not formula_for_all()


def _cells_claim(lesson):
    """Every cell opens a lesson of the course at settings that it has, and says another thing where the run differs."""
    from lessons import lessons  # the syllabus imports this lesson

    course, cards = lessons(), _cards(lesson)
    cells = {p: [cell for _, row in table(r).rows for cell in row] for p, r in cards.items()}
    for cell in (cell for row in cells.values() for cell in row):
        course[cell.slug].complete(cell.settings)
    still = [a.text == b.text for a, b in zip(cells["squared"], cells["sine"], strict=True)]
    return sum(still), len(cells["squared"]) == len(RULES) * len(PROPERTIES) and sum(still) < len(still) / 2


LESSON = Lesson(
    slug="scorecard",
    title="The scorecard",
    question="Which method gets which property right, and how do you know?",
    text=(
        "Four methods, six properties, each measured on the problem that you choose. Gradient descent multiplies the "
        "residual by $J^T$, the inverse gradient by $J^{-1}$; Newton multiplies the gradient by $H^{-1}$, and the "
        "inverse simulator uses $P^{-1}$. A bar tells how far from ideal "
        "the run was. In the table below each cell links to the lesson about it. $\\eta$ is the share of the "
        "gap in y that a step is to close; gradient descent gets half of its largest stable step."
    ),
    minutes=8,
    controls=(
        Slider("alpha", "α, largest scale", 1.0, 1e3, 100.0, "log", landmarks=(Landmark("none", 1.0),)),
        Slider("eta", "η, share of the gap", 0.05, 0.9, 0.3, landmarks=(Landmark("0.3", 0.3),)),
        Choice(
            "problem", "problem", {"squared": "(x₁, x₂²)", "sine": "bent and turned", "sheared": "sheared"}, "squared"
        ),
        Legend("hide", tuple(RULES)),
    ),
    simulate=simulate,
    prepare=lambda settings: measured_once(settings["problem"]),
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "The effects are rescaled: the loss becomes |S (P(x) − y*)|², where S stretches one direction by up to "
        "α = {alpha:.3g}. Of P, “sheared” is linear, the other two are curved. Whose trajectory in x stays the same?",
        (
            Option(
                "those of Newton, the inverse gradient and the inverse simulator",
                _only(*tuple(RULES)[1:]),
                "Newton inverts H, and H holds more than J where P is curved; rounding can part it, too.",
            ),
            Option(
                "only those of the inverse gradient and the inverse simulator",
                _only(*tuple(RULES)[2:]),
                "On a linear P, H is 2 JᵀSᵀS J and the gradient holds the same JᵀSᵀS, so H⁻¹ cancels S.",
            ),
            Option(
                "only that of the inverse simulator",
                _only("inverse_simulator"),
                "The inverse gradient cancels S as well: (S J)⁻¹ S = J⁻¹ at every step.",
            ),
            Option(
                "those of all four",
                _only(*RULES),
                "Gradient descent multiplies the scaled residual by (S J)ᵀ, so S enters twice.",
            ),
        ),
        remark=remark,
        unasked=_unscaled,
    ),
    why=(
        "The four differ in one matrix. The transpose $J^T$ carries units and scale twice over; $J^{-1}$ and "
        "$P^{-1}$ take them out, wherever they come in: before $P$, after it, or between two functions. Newton’s "
        "$H^{-1}$ takes out every scale of x. A scale of y it takes out as far as $H$ is $2 J^T J$, which is all of "
        "it only for a linear $P$. What is "
        "gained is paid for in the last row: whatever is inverted must be invertible, and known.\n\n "
        "" + code(*RULES.values())
    ),
    limits=(
        "A bar is one number from one start, with one rule for gradient descent’s step; move the sliders before you "
        "believe it. Cost is not in the table: a step of Newton’s method or of an inverse is dearer than a gradient. "
        "And the last column is an ideal: it presumes an inverse simulator. Where none is known, [search](four-ways) "
        "or [learn](train) one."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”: the four categories and its summary. "
        "The measurements are ours.",
    ),
    claims=(
        Claim(
            "Inverse gradient and inverse simulator: the same trajectory in other units and at any scale, and a loss "
            "change that does not depend on the sensitivity; gradient descent fails all three, with the sensitivity "
            "squared.",
            _inverse_claim,
            rows=("E7", "D1", "B2", "B3"),
        ),
        Claim(
            "Newton gets units and sensitivity right everywhere, but a turned scale of y only where P is linear.",
            _newton_claim,
            rows=("E7", "C1"),
        ),
        Claim(
            "Near an optimum like x^4 gradient descent needs thousands of times the steps; Newton and the inverse "
            "gradient need less than twice those planned, the inverse simulator none more.",
            _optimum_claim,
            rows=("E7", "D1"),
        ),
        Claim(
            "What a latent step misses is of first order for gradient descent and Newton, second for the inverse "
            "gradient on a curved P, nothing for the inverse simulator.",
            _composition_claim,
            rows=("E7", "D2"),
        ),
        Claim(
            "On a curved P Newton's and the inverse gradient’s steps explode somewhere; the inverse simulator's do "
            "not, but not every problem knows its inverse.",
            _dependence_claim,
            rows=("E7", "D3"),
        ),
        Claim("Every cell of the table opens a run, and no cell is typed in.", _cells_claim, rows=("E7",)),
    ),
    symbols=("x", "y", "eta", "alpha", "gd", "newton", "ig", "pg", "invariance", "jacobian", "hessian", "order"),
    table=table,
    takeaway=scorecard_takeaway(STEPS, TURNED, SHARES),
    teaching=SCORECARD_TEACHING,
    alt="For four methods and six properties a bar that tells how far from ideal the measurement is, on a logarithmic "
    "axis, and the trajectories of the four methods in x-space and y-space.",
)
