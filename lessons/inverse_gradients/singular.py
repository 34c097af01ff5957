"""Where the Jacobian cannot be inverted, the inverse gradient explodes; a truncated one does not (curriculum D3)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.least_squares import truncated_inverse_gradient
from core.rollout import rollout
from core.toys import Beacons, RotatedSine, SquaredSecond
from core.updates import NotSquare, inverse_gradient, only_square, output_step
from lessons.controls import Choice, Landmark, Legend, Point, Preset, Slider, Step
from lessons.figures import Axis, Drawing, Field, Line, Mark, Panel
from lessons.landscape import landscape, over_grid
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Option, Prediction
from lessons.words import code, count_word, number_word, power

STEPS = 12
VIEW = 3.0
SIDE = (-VIEW, VIEW)
GRID = 80  # no slider moves the landscapes: they are sent once
SCAN = np.linspace(-VIEW, VIEW, 201)
FAR = 10 * VIEW  # a step longer than this is a leap
REACH = (1.4 * VIEW, 1e4)  # the least and the most that is shown from farther away
OFF = 2 * VIEW  # a walk that has been out there was off the map
LEAST = 0.8  # half the length at which the least felt direction is drawn
ERROR = 0.3  # of all measured distances where there are three: no point fits them exactly
PROBLEMS = {
    "two": lambda start: Beacons(2, start=start),
    "three": lambda start: Beacons(3, error=ERROR, start=start),
    "one": lambda start: Beacons(1, start=start),
    "sine": lambda start: RotatedSine(1.5, solution=(-0.7, -0.5), start=start),
}
RULES = {"inverse_gradient": inverse_gradient, "truncated_inverse_gradient": truncated_inverse_gradient}
ON_THE_LINE = (-0.9, -1.0)
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-4, 4))


def simulate(problem, eta, truncation, start):
    """Both walks from the start, the first step from every height above and below it, and how singular J is."""
    chosen = PROBLEMS[problem](start)
    jacobian = chosen.jacobian(start)
    plain = is_square(chosen)
    hypers = {"inverse_gradient": {"eta": eta}} if plain else {}
    hypers["truncated_inverse_gradient"] = {"eta": eta, "truncation": truncation}
    column = jnp.stack([jnp.full(SCAN.size, start[0]), jnp.asarray(SCAN)], axis=-1)
    result = {
        "paths": {name: rollout(RULES[name], chosen, start, STEPS, **hyper) for name, hyper in hypers.items()},
        "lengths": {name: _lengths(RULES[name], chosen, column, hyper) for name, hyper in hypers.items()},
        "jacobian": jacobian,
        "singular": jnp.linalg.svd(jacobian, compute_uv=False),
        "weakest": jnp.linalg.svd(jacobian, full_matrices=True)[2][-1],
        "bound": jax.vmap(lambda x: jnp.linalg.norm(output_step(chosen, chosen.forward(x), eta)))(column) / truncation,
        "field": _smallest_on_grid(chosen),
        "landscape": landscape(chosen, VIEW, GRID),
        "gap": jnp.linalg.norm(chosen.target - chosen.forward(start)),
        "dropped": jnp.sum(jnp.linalg.svd(jacobian, compute_uv=False) <= truncation),
        "masts": jnp.zeros((0, 2)) if problem == "sine" else chosen.masts,
        "solution": chosen.solution,
    }
    return result | (_near_the_fold(chosen, start, eta) | {"crossed": _crossed(chosen, column)} if plain else {})


def is_square(problem):
    """Whether the plain inverse exists at all; asking for it where it does not is refused with this error."""
    try:
        only_square(jax.eval_shape(problem.jacobian, problem.start))
    except NotSquare:
        return False
    return True


def refusal(jacobian):
    """What one is told who asks for the plain inverse of this Jacobian; "" if nothing stands against it."""
    try:
        only_square(jacobian)
    except NotSquare as error:
        return str(error).split(" Use ")[0]
    return ""


def smallest(problem, x):
    """The smallest singular value of J at x."""
    return jnp.linalg.svd(problem.jacobian(x), compute_uv=False)[-1]


def _smallest_on_grid(problem):
    line = jnp.linspace(-VIEW, VIEW, GRID)
    return over_grid(lambda x: smallest(problem, x), line, line)


@eqx.filter_jit
def _lengths(rule, problem, points, hyper):
    return jax.vmap(lambda x: jnp.linalg.norm(rule(problem, x, **hyper)))(points)


def _near_the_fold(problem, x, eta):
    """How the first step grows when x goes nine tenths of the way to the nearest place where det J = 0."""
    fold = problem.fold_near(x)
    here, there = _lengths(inverse_gradient, problem, jnp.stack([x, fold + (x - fold) / 10]), {"eta": eta})
    return {"growth": there / here, "distance": jnp.linalg.norm(x - fold)}


def _crossed(problem, points):
    """Whether det J changes its sign beside each of these points: there the step is infinite in between."""
    sign = jnp.sign(jax.vmap(lambda x: jnp.linalg.det(problem.jacobian(x)))(points))
    changes = jnp.concatenate([jnp.zeros(1, bool), sign[1:] != sign[:-1], jnp.zeros(1, bool)])
    return changes[1:] | changes[:-1]


def draw(result):
    paths, lengths, start = result["paths"], result["lengths"], np.asarray(result["settings"]["start"])
    reach = _reach(paths)
    lines = []
    for name, path in paths.items():
        x = np.where(np.isfinite(path.x), path.x, np.nan)
        lines.append(Line(f"{name}/x", "x", x[..., 0], x[..., 1], name, name, role="path", legend=True, dots=True))
        lines.append(Line(f"{name}/far", "far", x[..., 0], x[..., 1], name, name, role="path", dots=True))
        length = np.clip(lengths[name], 1e-3, 1e6)
        if name == "inverse_gradient":
            length = np.where(result["crossed"], np.nan, length)
        lines.append(Line(f"{name}/length", "length", SCAN, length, name, name))
    least = start + LEAST * np.stack([-result["weakest"], result["weakest"]], axis=-2)
    grey = {"dash": "dot", "colour": "text", "width": 2.0, "legend": True, "answer": False}
    bound = {"label": "bound |Δy|/τ", "dash": "dash", "width": 1.2, "legend": True}
    lines += [
        Line("least", "x", least[..., 0], least[..., 1], label="least felt direction", **grey),
        Line("bound", "length", SCAN, result["bound"], **bound),
    ]
    masts, solution = result["masts"], result["solution"]
    marks = [Mark(f"mast{k}", "x", "dot", masts[..., k, 0], masts[..., k, 1], "mast") for k in range(masts.shape[-2])]
    marks += [
        Mark("solution", "x", "cross", solution[..., 0], solution[..., 1], "solution"),
        Mark("map", "far", "box", np.array(SIDE), np.array(SIDE), "the map"),
    ]
    darkness = -np.log10(np.maximum(result["field"], 1e-6))
    wide = (-reach, reach)
    return Drawing(
        panels=(
            Panel("x", "x-space; shaded: J is nearly singular", Axis("x₁", SIDE), Axis("x₂", SIDE), True, True),
            Panel("far", "the same walks from farther away", Axis("x₁", wide), Axis("x₂", wide), equal=True),
            Panel("length", "length of a first step from x₂", Axis("x₂", SIDE), Axis("|Δx|", (0.1, 100.0), log=True)),
        ),
        lines=tuple(lines),
        fields=(
            Field("fold", "x", darkness, SIDE * 2, "shade", low=0.3, high=2.0),
            Field("loss", "x", result["landscape"], SIDE * 2, levels=LEVELS),
        ),
        marks=tuple(marks),
        step=result["settings"]["step"],
    )


def _reach(paths):
    """How far out the walks go, as far as that can be drawn."""
    out = np.concatenate([np.abs(path.x).ravel() for path in paths.values()])
    return float(np.clip(1.15 * out[out < REACH[1]].max(initial=0.0), *REACH))


def reading(result):
    dropped = int(result["dropped"])
    length = float(np.linalg.norm(result["paths"]["truncated_inverse_gradient"].x[1] - result["settings"]["start"]))
    kept = "keeps every direction" if dropped == 0 else f"drops {count_word(dropped, 'direction')}"
    plain = refusal(result["jacobian"]) or _plain(result)
    return f"{plain} The truncated one {kept} and first goes {number_word(length)}: {_truncated(result)}"


def _plain(result):
    """What the plain inverse gradient did, from its path."""
    path = result["paths"]["inverse_gradient"]
    first = float(np.max(np.abs(path.x[1] - path.x[0])))
    if not np.isfinite(first):
        return "J is singular at the start: the plain inverse gradient has no first step."
    length = float(np.linalg.norm(path.x[1] - path.x[0])) if first < 1e100 else first
    near = f"{number_word(result['distance'])} from where det J = 0"
    went = f"leaps {number_word(length)}" if length > FAR else f"first goes {number_word(length)}"
    told = f"Starting {near}, the inverse gradient {went} for a gap of {number_word(result['gap'])} in y"
    loss, before = float(path.loss[-1]), float(path.loss[0])
    if not loss < before:
        return f"{told}, and it does not come back: after {STEPS} steps its loss is {number_word(loss)}."
    if np.abs(path.x).max() > OFF:
        return (
            f"{told}, off the map. It came back by luck, since nothing bounds its step: its loss ends at {power(loss)}."
        )
    return f"{told}. After {STEPS} steps its loss is {number_word(loss)}."


def _truncated(result):
    loss = result["paths"]["truncated_inverse_gradient"].loss
    first, last = float(loss[0]), float(loss[-1])
    if first == 0:
        return "it starts at a solution."
    if not last < first:
        return f"after {STEPS} steps its loss has not fallen."
    fits = "; no x fits all three" if result["jacobian"].shape[0] > 2 else ""
    return f"its loss falls from {number_word(first)} to {number_word(last)}{fits}."


def _grows(low, high):
    return lambda result: low <= float(result.get("growth", np.nan)) < high


def remark(result):
    """Why the first step grows as it does, here."""
    if "growth" not in result:
        return refusal(result["jacobian"])
    growth = float(result["growth"])
    if not np.isfinite(growth):
        return "The start is on the line itself: there is no step, and none nearer to it."
    told = f"Here it becomes {number_word(growth)} times as long"
    if 8 < growth < 12:
        return f"{told}: the gap in y stays, and J⁻¹ grows like 1 / distance."
    return f"{told}. That J⁻¹ grows like 1 / distance holds near the line, and this start is far from it."


def _explosion_claim(lesson):
    """Slopes of the first step's length against the distance from the fold, for two curved problems."""
    away, eta = np.geomspace(1e-6, 1e-3, 7), jnp.asarray(0.5)
    cosine = np.cos(0.6), -np.sin(0.6)  # along u1, across the sine's crest
    lines = {
        "squared": (SquaredSecond(target=(0.0, 1.0)), np.array([2.0, 0.0]), np.array([0.0, 1.0])),
        "masts": (Beacons(2), np.array([-0.9, -1.0]), np.array([0.0, 1.0])),
        "sine": (RotatedSine(1.5), np.pi / 2 * np.array(cosine), -np.array(cosine)),
    }
    slopes = {}
    for name, (problem, fold, direction) in lines.items():
        points = jnp.asarray(fold + away[:, None] * direction)
        slopes[name] = float(measures.loglog_slope(away, _lengths(inverse_gradient, problem, points, {"eta": eta})))
    return slopes, all(abs(slope + 1) < 0.02 for slope in slopes.values())


def _tame_claim(lesson):
    worst = {}
    for problem in ("two", "sine"):
        for start in ((-0.9, -1.0), (-0.9, -0.999), (2.0, 2.5)):
            result = lesson.experiment(problem=problem, start=start, truncation=0.1, eta=0.5)
            path = result["paths"]["truncated_inverse_gradient"]
            bound = 0.5 * float(result["gap"]) / 0.1
            worst[problem, start] = float(np.linalg.norm(path.x[1] - path.x[0])) / bound, np.isfinite(path.x).all()
    stuck = lesson.experiment(start=ON_THE_LINE)["paths"]["truncated_inverse_gradient"].x[:, 1]
    return (worst, stuck), np.allclose(stuck, -1.0, atol=1e-12) and all(
        share <= 1 + 1e-9 and finite for share, finite in worst.values()
    )


def _refusal_claim(lesson):
    told = {p: lesson.reading(lesson.experiment(problem=p)) for p in ("one", "three")}
    losses = {p: lesson.experiment(problem=p)["paths"]["truncated_inverse_gradient"].loss for p in told}
    named = "1 × 2" in told["one"] and "3 × 2" in told["three"] and "only a square matrix" in told["three"]
    return told, named and all(np.isfinite(loss).all() and loss[-1] < 0.3 * loss[0] for loss in losses.values())


def _compromise_claim(lesson):
    """With three masts the walk ends where the gradient of the sum of squares is 0, and the loss is not."""
    path = lesson.experiment(problem="three", eta=1.0)["paths"]["truncated_inverse_gradient"]
    problem = PROBLEMS["three"](jnp.asarray(path.x[0]))
    slope = float(jnp.linalg.norm(jax.grad(problem.objective)(jnp.asarray(path.x[-1]))))
    return (slope, path.loss[-1]), slope < 1e-6 and path.loss[-1] > 1e-3


CODE = {
    "two": "toys.Beacons(2)",
    "three": f"toys.Beacons(3, error={ERROR})",
    "one": "toys.Beacons(1)",
    "sine": "toys.RotatedSine(1.5, solution=(-0.7, -0.5))",
}


def takeaway(settings):
    """The truncated walk and the singular values at its start."""
    return f"""\
import jax.numpy as jnp
from core import toys
from core.least_squares import truncated_inverse_gradient
from core.rollout import rollout

problem = {CODE[settings["problem"]]}
start = jnp.array({list(settings["start"])})
singular = jnp.linalg.svd(problem.jacobian(start), compute_uv=False)
hyper = dict(eta={settings["eta"]!r}, truncation={settings["truncation"]!r})
path = rollout(truncated_inverse_gradient, problem, start, {STEPS}, **hyper)
end = path.x[-1]"""


def taken(result):
    return {"singular": result["singular"], "end": result["paths"]["truncated_inverse_gradient"].x[-1]}


LESSON = Lesson(
    slug="singular",
    title="Where the inverse explodes",
    question="What does an inverse do where there is nothing to invert?",
    text=(
        "You stand at $x$ and measure your distances to the tops of some masts, of height $h$ at the places $b_i$: "
        "$y_i = \\sqrt{|x - b_i|^2 + h^2}$. From the distances $y^*$ you want your place. The inverse gradient walks "
        "by $\\Delta x = J^{-1}\\,\\Delta y$. On the line through two masts a step across it changes neither distance, "
        "to first order: $\\det J = 0$."
    ),
    minutes=7,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider(
            "truncation",
            "τ, threshold",
            1e-3,
            1.0,
            0.1,
            "log",
            landmarks=(Landmark("hardly any", 1e-3), Landmark("0.1", 0.1)),
        ),
        Slider("eta", "η, share of the gap", 0.1, 1.0, 1.0, landmarks=(Landmark("half", 0.5), Landmark("full", 1.0))),
        Choice(
            "problem",
            "outputs",
            {"two": "2 masts", "three": "3 masts", "one": "1 mast", "sine": "a turned sine"},
            "two",
        ),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-0.9, -0.97)),
        Preset("on the line", {"start": ON_THE_LINE}),
        Legend("hide", tuple(RULES)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "Start ten times nearer to the shaded line. The plain inverse gradient’s first step becomes …",
        (
            Option("hardly longer: the gap in y is the same", _grows(0.0, 3.0)),
            Option("about ten times as long", _grows(3.0, 30.0)),
            Option("about a hundred times as long", _grows(30.0, np.inf)),
            Option("there is no such step", lambda result: not np.isfinite(result.get("growth", np.nan))),
        ),
        remark=remark,
    ),
    why=(
        "Write $J = U S V^T$. Inverting divides by the singular values in $S$, and next to the shaded line one of "
        "them goes to 0: along that direction $y$ hardly answers, so a great deal of $x$ is asked for. The "
        "**truncated pseudo-inverse** leaves out each direction whose singular value is below a threshold τ "
        "(`truncation` in the code). Then no step is longer than $|\\Delta y| / \\tau$, and nothing is moved along a "
        "direction about which $y$ says nothing. It needs no square matrix either: with more outputs than unknowns it "
        "takes the least-squares step, with fewer the shortest one.\n\n" + code(only_square, truncated_inverse_gradient)
    ),
    limits=(
        "Truncation stops the explosion, it does not find what was lost: on the shaded line the truncated walk never "
        "leaves it, although the solution lies off it. The threshold has the units of $y / x$ and has to be chosen. "
        "Where it takes effect, the step no longer lands on $y + \\Delta y$. With three masts whose distances do not "
        "agree there is no exact solution, only the best fit. An [inverse simulator](three-spaces) needs no derivative "
        "and has no such place, but it must choose between the mirrored solutions: [many causes](branches)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Inverse gradients”, "
        "“Dependence on the inverse Jacobian”. The masts are ours.",
    ),
    claims=(
        Claim(
            "Towards det J = 0 the inverse gradient’s step grows like 1 / distance, by a fit, on three problems.",
            _explosion_claim,
            rows=("D3",),
        ),
        Claim(
            "Truncated, it is finite on the fold and next to it, no longer than |dy| / truncation, and stays on the "
            "fold.",
            _tame_claim,
            rows=("D3",),
        ),
        Claim(
            "For a Jacobian that is not square the plain inverse is refused in words, and the pseudo-inverse walks on.",
            _refusal_claim,
            rows=("D3",),
        ),
        Claim("With more outputs than unknowns the walk ends at a least-squares fit.", _compromise_claim),
    ),
    symbols=("x", "y", "target", "jacobian", "ig", "pseudo-inverse", "singular-value", "threshold", "dx", "dy", "eta"),
    takeaway=Takeaway(takeaway, taken),
    teaching=Teaching(
        misconception="An inverse is always better than a gradient, because it knows more.",
        demo=(
            (
                "Beside the line of the two masts one step leaps off the map, and never comes back.",
                {"truncation": 0.001},
            ),
            ("Drop the direction that J hardly answers to: no leap, but no way off the line either.", {}),
            ("A little farther from the line the plain one does come back. That is luck.", {"start": (-0.9, -0.93)}),
            ("A third mast: the matrix is not square, and the plain inverse is refused.", {"problem": "three"}),
        ),
        room="Where would you put a third mast, and what does it cost? Listen for: it removes the shaded line, and "
        "with it the exact solution.",
    ),
    alt="Walks of the plain and the truncated inverse gradient over a map of how singular the Jacobian is, the same "
    "walks from farther away, and the length of a first step against the height x2.",
)
