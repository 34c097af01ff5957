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
from lessons.figures import FAR, METHODS, Axis, Drawing, Field, Line, Mark, Panel, Readout, path_lines
from lessons.inversion import notes
from lessons.landscape import landscape
from lessons.lesson import Claim, Lesson
from lessons.methods import RULES
from lessons.prediction import Option, Prediction
from lessons.words import code, number_word, point_word, power

STEPS = 30
VIEW = 4.0
LANDSCAPE_GRID = 120  # no slider here moves the loss: it is sent once and may be fine
PROBLEMS = {
    "squared": lambda start: SquaredSecond(start=start),
    "scaled": lambda start: Scaled(4.0, start=start),
    "sheared": lambda start: Sheared(start=start),
    "sine": lambda start: RotatedSine(start=start),
}
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
SADDLE = 1e-3  # Newton rests where the gradient is this small beside the one at the start
STRAIGHT = 1e-9  # a bend below this is rounding: the exact steps reach 1e-15, the searched inverse 1e-12


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
    return {
        "paths": paths,
        "target": chosen.target,
        "y0": chosen.forward(start),
        "start": start,
        "landscape": landscape(chosen, VIEW, LANDSCAPE_GRID),
        "bends": {name: measures.bend(path.y, chosen.target) for name, path in paths.items()},
        "departures": {name: measures.departure(chosen, path) for name, path in paths.items()},
        "saddle": _at_saddle(chosen, paths["newton"].x),
        "stable_limit": measures.stable_limit(chosen, start),
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
    lines = [line for name in shown for line in path_lines(name, result["paths"][name], result["paths"][name].loss)]
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
            Panel("y", "the same steps in y-space, the effects", Axis("y₁", y_view[0]), Axis("y₂", y_view[1])),
            Panel("loss", "loss", Axis("step", (0, STEPS)), Axis("L", (1e-8, 1e3), log=True)),
        ),
        lines=tuple(lines),
        fields=(Field("loss-field", "x", result["landscape"], (-VIEW, VIEW, -VIEW, VIEW), levels=LEVELS),),
        marks=(
            Mark("minimum", "x", "cross", minimum[..., 0], minimum[..., 1], "nearest solution"),
            Mark("target", "y", "cross", target[..., 0], target[..., 1], "y*"),
        ),
        readouts=tuple(Readout(f"{name}/loss", "y", "L =", 2) for name in shown),
        numbers={"stable_limit": result["stable_limit"]},
        step=result["settings"]["step"],
    )


def reading(result):
    settings, paths = result["settings"], result["paths"]
    step = settings["step"]
    ends = [
        f"{METHODS[name].label} at {point_word(path.x[step])}"
        for name, path in paths.items()
        if np.all(np.abs(path.x[step]) < FAR)
    ]
    if result["paths"]["gradient_descent"].loss[0] == 0:
        return "You start at a solution: there is nothing to do. Move the start."
    sentences = [f"After {step} steps: {'; '.join(ends)}."] if ends else []
    bends = result["bends"]
    straight = [METHODS[name].label for name in RULES if bends[name] < STRAIGHT]
    if len(straight) == 1:
        sentences.append(
            f"Only the {straight[0]} walks straight in y-space (off the line by {power(bends['inverse_simulator'])}); "
            f"Newton strays by {number_word(bends['newton'])} of the line’s length, the inverse gradient by "
            f"{number_word(bends['inverse_gradient'])}."
        )
    elif straight:
        sentences.append(f"Straight in y-space here: {', '.join(straight)}.")
    if settings["inverse"] == "numerical":
        sentences.append(
            "Searching for the inverse instead of knowing it moves the inverse simulator by "
            f"{power(result['inverse_gap'])} "
            "on average."
        )
    return " ".join(sentences + [told for name in RULES if (told := departed(name, result))])


def departed(name, result):
    """Why a method's path stops or leads astray, in a sentence; "" if it does neither."""
    end = result["departures"][name]
    label = METHODS[name].label[0].upper() + METHODS[name].label[1:]
    step, loss = int(end.step), result["paths"][name].loss
    if step < 0:
        if name == "newton" and result["saddle"]:
            return "Newton has stopped at a saddle: the gradient is zero there, but one curvature is negative."
        return (
            f"{label} has climbed: its loss has grown {number_word(loss[-1] / loss[0])}-fold."
            if loss[-1] > 10 * loss[0]
            else ""
        )
    matrix, condition = {
        "newton": ("Hessian", end.hessian_condition),
        "inverse_gradient": ("Jacobian", end.jacobian_condition),
    }.get(name, ("", 0.0))
    if condition > 1e8:
        where = "cannot take a first step" if step == 1 else f"stops at step {step}"
        return f"{label} {where}: the {matrix} is singular there, so it cannot be inverted."
    return f"{label} leaves for infinity at step {step}: its step size is too large there."


def _only(name):
    def holds(result):
        return [n for n in RULES if result["bends"][n] < STRAIGHT] == [name]

    return holds


def _all_inverse(result):
    return all(result["bends"][name] < STRAIGHT for name in ("newton", "inverse_gradient", "inverse_simulator"))


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
        "A step is planned in y-space, where the goal is known: cover the fraction $\\eta$ of the gap, "
        "$\\Delta y = \\eta\\,(y^* - y)$. It has to be carried out in x-space. What comes out in y?"
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
            landmarks=(Landmark("the book", 0.01), Landmark("limit at the start", number="stable_limit")),
        ),
        Slider(
            "eta_newton",
            "η, Newton",
            0.02,
            1.0,
            1 / 3,
            landmarks=(Landmark("the book", 1 / 3), Landmark("full", 1.0)),
        ),
        Slider(
            "eta",
            "η, both inverses",
            0.02,
            1.0,
            0.3,
            landmarks=(Landmark("the book", 0.3), Landmark("full", 1.0)),
        ),
        Choice(
            "problem",
            "problem",
            {
                "squared": "(x₁, x₂²)",
                "scaled": "(x₁, 4x₂)",
                "sheared": "sheared",
                "sine": "bent and turned",
            },
            "squared",
        ),
        Choice("inverse", "inverse simulator", {"analytic": "by formula", "numerical": "by search"}, "analytic"),
        Preset("the book’s run", BOOK_RUN),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (3.0, 3.0)),
        Legend("hide", tuple(RULES)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "All four walk from the start towards y*. Whose walk is a straight line in y-space?",
        (
            Option("gradient descent’s: steepest is straightest", _only("gradient_descent")),
            Option("Newton’s: it knows the curvature", _only("newton")),
            Option("only the inverse simulator’s", _only("inverse_simulator")),
            Option("those of all three that invert something", _all_inverse),
        ),
        remark=(
            "Newton’s method and the inverse gradient replace P by its first terms, so they stray as soon as P is "
            "curved; "
            "on a linear P they too are straight."
        ),
    ),
    why=(
        "The four rules differ only in what they invert:\n\n" + code(*RULES.values()) + "\n\n"
        "The last one lands *exactly* on $y + \\Delta y$, however nonlinear the simulator is. A local inverse is "
        "enough: "
        "of all points that give this y it takes the one nearest to x. Where no formula is known, a search from x "
        "(L-BFGS on $|P(\\cdot) - y|^2$) does as well."
    ),
    limits=(
        "With the inverse at hand and a single target, $\\eta = 1$ solves the problem in one evaluation; the walk "
        "is for "
        "problems with many targets, or noise, or an inverse that holds only nearby. The inverse gradient needs a "
        "regular square Jacobian: put the start on the fold $x_2 = 0$. And nothing here says where an inverse "
        "should come "
        "from if neither formula nor search is affordable: [learn one](train)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion” and its “Simple Example comparing "
        "Different "
        "Optimizers” (start (3, 3), ten steps).",
    ),
    claims=(
        Claim("The book's run ends where the book says.", _book_claim, ("E2",)),
        Claim("A numerical local inverse is as good as the analytic one, on a shear too.", _numerical_claim, ("E4",)),
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
    alt="Paths of four methods over the isolines of the loss in x-space, the same paths in y-space, the loss by step.",
)
