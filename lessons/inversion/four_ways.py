"""Four ways down, side by side in x-space and y-space on each toy problem (curriculum D1, E1, E2, E4)."""

import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.inverse import NumericalInverse
from core.rollout import rollout
from core.toys import RotatedSine, Scaled, Sheared, SquaredSecond
from core.updates import inverse_simulator
from lessons.controls import Choice, Landmark, Legend, Point, Preset, Slider, Step
from lessons.figures import METHODS, Axis, Drawing, Field, Line, Mark, Panel, Readout, over_steps, path_lines
from lessons.inversion import notes
from lessons.landscape import landscape
from lessons.lesson import Claim, Lesson
from lessons.methods import INVERSE, RULES
from lessons.prediction import Option, Prediction
from lessons.words import code, joined, number_word, sentence, share_word

STEPS = 30
VIEW = 4.0
LANDSCAPE_GRID = 120  # no slider here moves the loss: it is sent once and may be fine
PROBLEMS = {
    "squared": lambda start: SquaredSecond(start=start),
    "scaled": lambda start: Scaled(4.0, start=start),
    "sheared": lambda start: Sheared(start=start),
    "sine": lambda start: RotatedSine(start=start),
}
LINEAR = ("scaled", "sheared")
# What of y-space is shown, ((y1), (y2)): where the square of the x-space view lands, with a margin.
Y_VIEWS = {
    "squared": ((-4.4, 4.4), (-1.5, 17.0)),
    "scaled": ((-4.4, 4.4), (-17.5, 17.5)),
    "sheared": ((-13.0, 13.0), (-13.0, 13.0)),
    "sine": ((-0.3, 0.3), (-24.0, 24.0)),
}
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-2, 6))
BOOK = {"problem": "squared", "inverse": "analytic", "eta_gd": 0.01, "eta_newton": 1 / 3, "eta": 0.3}
BOOK_RUN = BOOK | {"start": (3.0, 3.0), "step": 10}
SADDLE = 1e-3  # Newton has converged where the gradient is this small beside the one at the start
STRAIGHT = 1e-4  # of the line's length: above rounding in float32 (4e-5), below what a curved P does (1e-3)
SINGULAR = 1e5  # a condition number above this, where a path ends in inf or nan, is a singular matrix's in float32 too
ANOTHER = 0.01  # two points farther apart than this are not the same one, found less exactly
FLOOR = 1e-17  # where the logarithmic axis of the deviation puts an exact zero


def simulate(problem, inverse, eta_gd, eta_newton, eta, start):
    """The four paths on one problem, with each method's own step size."""
    chosen = PROBLEMS[problem](start)
    solved = NumericalInverse(chosen) if inverse == "numerical" else chosen
    etas = {
        "gradient_descent": eta_gd,
        "newton": eta_newton,
        "inverse_gradient": eta,
        "inverse_simulator": eta,
    }
    paths = {name: rollout(rule, solved, start, STEPS, eta=etas[name]) for name, rule in RULES.items()}
    analytic = rollout(inverse_simulator, chosen, start, STEPS, eta=eta)
    deviations = {name: measures.deviation(path.y, chosen.target) for name, path in paths.items()}
    return {
        "paths": paths,
        "target": chosen.target,
        "y0": chosen.forward(start),
        "start": start,
        "landscape": landscape(chosen, VIEW, LANDSCAPE_GRID),
        "deviations": deviations,
        "bends": {name: jnp.max(deviation) for name, deviation in deviations.items()},
        "departures": {name: measures.departure(chosen, path) for name, path in paths.items()},
        "saddle": _at_saddle(chosen, paths["newton"].x),
        "stable_limit": measures.stable_limit(chosen, start),
        "formula": analytic,
        "inverse_gap": jnp.mean(jnp.abs(paths["inverse_simulator"].x - analytic.x)),
        "minimum": jax.lax.stop_gradient(chosen.inverse(chosen.target, start)),
    }


def _at_saddle(problem, x):
    """Whether a path has come to rest where the gradient vanishes and the Hessian has a negative eigenvalue."""
    slope = jax.vmap(lambda point: jnp.linalg.norm(jax.grad(problem.objective)(point)))(x)
    curvature = jnp.linalg.eigvalsh(jax.hessian(problem.objective)(x[-1]))
    return (slope[-1] < SADDLE * slope[0]) & (curvature[0] < -SADDLE * curvature[-1])


def draw(result):
    problem = result["settings"]["problem"]
    y_view = Y_VIEWS[problem]
    shown = ("inverse_simulator", "inverse_gradient", "newton", "gradient_descent")
    target, y0 = result["target"], result["y0"]
    lines = [line for name in shown for line in path_lines(name, result["paths"][name])]
    lines += [over_steps(name, "deviation", result["deviations"][name], FLOOR) for name in shown]
    straight = np.stack([y0, np.broadcast_to(target, y0.shape)], axis=-2)
    lines.insert(0, Line("straight", "y", straight[..., 0], straight[..., 1], label="the straight line", width=1.0))
    minimum = result["minimum"]
    return Drawing(
        panels=(
            Panel(
                "x",
                "x-space, the causes",
                Axis("x₁", (-VIEW, VIEW)),
                Axis("x₂", (-VIEW, VIEW)),
                big=True,
                equal=True,
            ),
            Panel("y", "y-space, the effects", Axis("y₁", y_view[0]), Axis("y₂", y_view[1])),
            Panel(
                "deviation",
                "deviation in y from the straight line",
                Axis("iteration", (0, STEPS)),
                Axis("share of its length", (FLOOR, 10), log=True),
            ),
        ),
        lines=tuple(lines),
        fields=(Field("loss-field", "x", result["landscape"], (-VIEW, VIEW, -VIEW, VIEW), levels=LEVELS),),
        marks=(
            Mark("minimum", "x", "cross", minimum[..., 0], minimum[..., 1], "nearest solution"),
            Mark("target", "y", "cross", target[..., 0], target[..., 1], "y*"),
        ),
        readouts=tuple(Readout(f"{name}/deviation", "y", "deviation =", 2) for name in shown),
        numbers={"stable_limit": result["stable_limit"]},
        step=result["settings"]["step"],
    )


def reading(result):
    if result["paths"]["gradient_descent"].loss[0] == 0:
        return "You start at a solution, so there is nothing to do. Move the start."
    return joined(_told_in_y(result), _told_of_ends(result), _told_of_search(result))


def straight_ones(result):
    """The methods whose path in y is straight."""
    return [name for name in RULES if result["bends"][name] < STRAIGHT]


def _told_in_y(result):
    """Which paths in y are straight, and how far the two with derivatives deviate."""
    straight = straight_ones(result)
    told = ["All four paths in y are straight" if len(straight) == len(RULES) else _straight_word(straight)]
    others = [name for name in ("newton", "inverse_gradient") if name not in straight]
    told += [
        f"{_label(name)} deviates by up to {share_word(float(result['bends'][name]))} of the line"
        for name in others
        if np.isfinite(result["bends"][name])
    ]
    return "; ".join(told) + "."


def _straight_word(names):
    if not names:
        return "No path in y is straight"
    if len(names) == 1:
        return f"Only the path of {_label(names[0])} is straight in y"
    return f"The paths of {_and(names)} are straight in y"


def _label(name):
    """The method as it stands within a sentence."""
    return METHODS[name].label if name in ("newton", "gradient_descent") else f"the {METHODS[name].label}"


def _and(names):
    labels = [_label(name) for name in names]
    return " and ".join([", ".join(labels[:-1]), labels[-1]]) if len(labels) > 1 else labels[0]


def _told_of_ends(result):
    """Which methods cannot step, diverge, or converge to a saddle; the figure shows when."""
    told, matrices = [], {"newton": "Hessian", "inverse_gradient": "Jacobian"}
    for name in RULES:
        end, loss = result["departures"][name], result["paths"][name].loss
        conditions = {"newton": end.hessian_condition, "inverse_gradient": end.jacobian_condition}
        if end.step > 0 and conditions.get(name, 0.0) > SINGULAR:
            where = "at the start" if end.step == 1 else "on its path"
            told.append(f"{_label(name)} stops, as the {matrices[name]} is singular {where}")
        elif end.step > 0 or loss[-1] > 10 * loss[0]:
            told.append(f"{_label(name)} diverges")
        elif name == "newton" and result["saddle"]:
            told.append("Newton converges to a saddle, where one curvature is negative")
    return sentence("; ".join(told)) + "." if told else ""


def _told_of_search(result):
    """How the path by search differs from that by formula."""
    if result["settings"]["inverse"] == "analytic":
        return ""
    found, exact = result["paths"]["inverse_simulator"], result["formula"]
    if np.max(np.abs(found.x - exact.x)) < ANOTHER:
        gap = number_word(result["inverse_gap"])
        return f"By search, the inverse simulator’s coordinates differ by {gap} on average from those by formula."
    if np.max(np.abs(found.y - exact.y)) < ANOTHER:
        return "At least one search lands on another solution of P(x) = y + Δy, so the path differs in x, not in y."
    return "At least one search does not find an x with P(x) = y + Δy."


def _just(*names):
    """Are exactly these paths straight in y?"""
    return lambda result: straight_ones(result) == list(names)


def _no_set(result):
    """Why there is no right answer at these settings, if there is none."""
    if result["paths"]["gradient_descent"].loss[0] == 0:
        return "The start is a solution, so there is no path to ask about."
    if any(option.holds(result) for option in OPTIONS):
        return ""
    told = _straight_word(straight_ones(result))
    return f"These settings are a special case: {told[0].lower()}{told[1:]}."


def _all_but_one_feedback(result):
    """What speaks against "all three inverse methods"."""
    if result["bends"]["gradient_descent"] < STRAIGHT:
        return "From this start gradient descent changes y along the gap only, so its path is straight too."
    return "J and H hold at the current x only, and P is curved, so a step by J⁻¹ or H⁻¹ misses y + Δy."


def remark(result):
    """Why the right answer is right."""
    straight = straight_ones(result)
    if len(straight) == len(RULES):
        return "From this start every method changes y along the gap y* − y only."
    if len(straight) == 1:
        return "The inverse simulator lands on y + Δy itself; the others use derivatives, which change along a step."
    if result["settings"]["problem"] in LINEAR:
        return "P is linear, so J is the same everywhere and a step by J⁻¹ or H⁻¹ is exact."
    return "From this start the inverse methods change y along the gap y* − y only."


OPTIONS = (
    Option(
        "only gradient descent’s: the steepest way is the straight way",
        _just("gradient_descent"),
        "To first order its change of y is −2η J Jᵀ (y − y*). That points at y* only where J Jᵀ keeps the direction.",
    ),
    Option(
        "only Newton’s: it knows the curvature",
        _just("newton"),
        "Newton’s step is exact for a quadratic loss. If P is curved L is not quadratic; if P is linear, the other "
        "two inverse methods are exact as well.",
    ),
    Option(
        "only the inverse simulator’s",
        _just("inverse_simulator"),
        "Where P is linear along the path, a step by J⁻¹ lands on y + Δy as well.",
    ),
    Option("those of the three inverse methods, not gradient descent’s", _just(*INVERSE), _all_but_one_feedback),
    Option("all four", _just(*RULES), "J Jᵀ turns the gap y* − y, so gradient descent leaves the straight line."),
)
prediction = Prediction(
    "P is the simulator chosen below and the start is x = ({start[0]:.2g}, {start[1]:.2g}). Whose path in y is "
    "straight, within 1/10,000 of its length?",
    OPTIONS,
    remark=remark,
    unasked=_no_set,
)


def _book_claim(lesson):
    paths = lesson.experiment(**BOOK_RUN)["paths"]
    expected = {
        "gradient_descent": (2.4512184, 0.96171147),
        "newton": (0.05202458, 0.92383826),
        "inverse_simulator": (0.08474258, 0.50421000),
    }
    found = {name: paths[name].x[10] for name in expected}
    # The book prints float32 numbers: seven significant digits.
    return found, all(np.allclose(found[name], expected[name], rtol=3e-7) for name in expected)


def _numerical_claim(lesson):
    gap = float(lesson.experiment(**BOOK_RUN | {"inverse": "numerical"})["inverse_gap"])
    sheared = Sheared()
    searched, exact = (
        rollout(inverse_simulator, p, p.start, 10, eta=0.3).x for p in (NumericalInverse(sheared), sheared)
    )
    aside = float(np.mean(np.abs(searched - exact)))
    return (gap, aside), max(gap, aside) < 1e-5


def _another_claim(lesson):
    result = lesson.experiment(inverse="numerical", eta=0.6)
    found, exact = result["paths"]["inverse_simulator"], result["formula"]
    apart = {space: float(np.abs(getattr(found, space) - getattr(exact, space)).max()) for space in "xy"}
    return apart, apart["x"] > 0.1 and apart["y"] < 1e-6


def _straight_claim(lesson):
    bends = {p: {n: float(b) for n, b in lesson.experiment(problem=p)["bends"].items()} for p in PROBLEMS}
    curved = bends["squared"]
    others = min(curved[name] for name in RULES if name != "inverse_simulator")
    return bends, max(b["inverse_simulator"] for b in bends.values()) < STRAIGHT and others > 0.01


def _linear_claim(lesson):
    paths = lesson.experiment(problem="sheared", eta_newton=0.3, eta=0.3)["paths"]
    gap = max(float(np.abs(paths[n].x - paths["newton"].x).max()) for n in ("inverse_gradient", "inverse_simulator"))
    return gap, gap < 1e-12


LESSON = Lesson(
    slug="four-ways",
    title="Four ways down",
    question="Four methods, one goal: whose steps go where they were meant to go?",
    text=(
        "A simulator turns causes $x$ into effects $y = P(x)$, at first $P(x) = (x_1, x_2^2)$, and the loss is "
        "$L = |y - y^*|^2$. Two methods plan a step in y-space, where the goal is known: "
        "$\\Delta y = \\eta\\,(y^* - y)$. The inverse simulator takes $\\Delta x = P^{-1}(y + \\Delta y) - x$, the "
        "inverse gradient $\\Delta x = J^{-1} \\Delta y$ with the Jacobian $J = \\partial P/\\partial x$. Gradient "
        "descent, $-\\eta\\,\\nabla L$, and Newton, $-\\eta H^{-1} \\nabla L$ with the Hessian $H$ of $L$, step in x "
        "without such a plan. What change of y results?"
    ),
    minutes=8,
    controls=(
        Step("step", "step", STEPS, 10),
        Slider(
            "eta_gd",
            "η, gradient descent",
            1e-3,
            0.2,
            0.01,
            "log",
            landmarks=(Landmark("textbook", 0.01), Landmark("limit at the start", number="stable_limit")),
        ),
        Slider(
            "eta_newton",
            "η, Newton",
            0.02,
            1.0,
            1 / 3,
            landmarks=(Landmark("textbook", 1 / 3), Landmark("full step", 1.0)),
        ),
        Slider(
            "eta",
            "η, both inverses",
            0.02,
            1.0,
            0.3,
            landmarks=(Landmark("textbook", 0.3), Landmark("full step", 1.0)),
        ),
        Choice(
            "problem",
            "simulator P",
            {
                "squared": "(x₁, x₂²)",
                "scaled": "(x₁, 4x₂)",
                "sheared": "(x₁ + 2x₂, 3x₂)",
                "sine": "bent and turned",
            },
            "squared",
        ),
        Choice("inverse", "inverse simulator", {"analytic": "by formula", "numerical": "by search"}, "analytic"),
        Preset("the textbook’s run", BOOK_RUN),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (3.0, 3.0)),
        Legend("hide", tuple(RULES)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=prediction,
    why=(
        "The four rules differ only in what they invert:\n\n" + code(*RULES.values()) + "\n\n"
        "The inverse gradient uses P’s first derivative, Newton’s method the loss to second order; both deviate where "
        "P is curved. The inverse simulator lands *exactly* on $y + \\Delta y$, however nonlinear the simulator is. A "
        "local inverse is enough: of all points that give this y it takes the one nearest to x. Where no formula is "
        "known, a search from x (L-BFGS on $|P(\\cdot) - y|^2$) usually finds it; large steps may land on another "
        "solution."
    ),
    limits=(
        "With the inverse at hand and a single target, $\\eta = 1$ solves the problem in one evaluation. Smaller steps "
        "are for problems with many targets, or noise, or an inverse that holds only nearby. The inverse gradient "
        "needs a regular square Jacobian: put the start on the fold $x_2 = 0$. And nothing here says where an inverse "
        "should come from if neither formula nor search is affordable: [learn one](train). The simulator “bent and "
        "turned” is $(\\sin(u_1)/4,\\ 4u_2)$, with $u$ the vector $x$ turned by 0.6."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion” and its “Simple Example comparing "
        "Different "
        "Optimizers” (start (3, 3), ten steps).",
    ),
    claims=(
        Claim("The book's run ends where the book says.", _book_claim, ("E2",)),
        Claim("At small steps a search finds the analytic local inverse, on a shear too.", _numerical_claim, ("E4",)),
        Claim("At a large step the search may land on another solution: other x, same y.", _another_claim, ("E4",)),
        Claim(
            "The inverse simulator's y-path is straight on every problem; the others stray on a curved one.",
            _straight_claim,
            rows=("E1",),
        ),
        Claim("On a linear problem, with one eta, all three inverse methods take the same steps.", _linear_claim),
    ),
    symbols=("x", "y", "target", "loss", "eta", "dy", "jacobian", "hessian", "newton", "ig", "pg", "inverse"),
    takeaway=notes.four_takeaway(STEPS),
    teaching=notes.FOUR_TEACHING,
    alt="Paths of four methods over the isolines of the loss in x-space, the same paths in y-space, and their "
    "deviation from the straight line there by iteration.",
)
