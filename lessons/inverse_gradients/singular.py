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
from lessons.inverse_gradients import notes
from lessons.landscape import landscape, over_grid
from lessons.lesson import Claim, Lesson
from lessons.prediction import Option, Prediction
from lessons.words import brief, code, count_word, joined

STEPS = 12
VIEW = 3.0
SIDE = (-VIEW, VIEW)
GRID = 80  # no slider moves the landscapes: they are sent once
SCAN = np.linspace(-VIEW, VIEW, 201)
REACH = (1.4 * VIEW, 1e4)  # the least and the most that is shown from farther away
LEAST = 0.8  # half the length at which the weakest direction is drawn
ERROR = 0.3  # of all measured distances where there are three: no point fits them exactly
PROBLEMS = {
    "two": lambda start: Beacons(2, start=start),
    "three": lambda start: Beacons(3, error=ERROR, start=start),
    "one": lambda start: Beacons(1, start=start),
    "sine": lambda start: RotatedSine(1.5, solution=(-0.7, -0.5), start=start),
}
RULES = {"inverse_gradient": inverse_gradient, "truncated_inverse_gradient": truncated_inverse_gradient}
ON_THE_LINE = (-0.9, -1.0)
AT = 1e-6  # a gap in y this small is none
NO_STEP = "Here the plain inverse gradient has no step, neither at the start nor nearer to the line."
SMALLER = "One singular value of J is smaller there, and the inverse divides by it."
NEAR = "The step grows like 1 / distance only close to the line, and as long as the gap in y stays the same."
LAW = "Close to the line J⁻¹ grows like 1 / distance, not like its square."
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
        Line("least", "x", least[..., 0], least[..., 1], label="weakest direction of J", **grey),
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
            Panel("far", "the same paths from farther away", Axis("x₁", wide), Axis("x₂", wide), equal=True),
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
    step = result["settings"]["step"]
    if step == 0:
        least, threshold = float(result["singular"][-1]), float(result["settings"]["truncation"])
        side = "above" if least > threshold else "not above"
        return f"At the start the smallest singular value of J is {brief(least)}, {side} the threshold τ. Take a step."
    return joined(_plain(result, step), _truncated(result), _falls(result, step))


def _plain(result, step):
    """What the plain inverse gradient did, up to the step on screen."""
    if "inverse_gradient" not in result["paths"]:
        return "J is not square, so it has no inverse and the plain inverse gradient no step."
    path = result["paths"]["inverse_gradient"]
    first = _length(path)
    if not np.isfinite(first):
        return "J is singular at the start, so the inverse gradient has no first step."
    x, begun = path.x[step], f"The inverse gradient’s first step is {brief(first)} long"
    if not np.all(np.isfinite(x)):
        return f"{begun}, and its path has left the map."
    after = f"after {count_word(step, 'iteration')}"
    if np.max(np.abs(x)) > VIEW:
        return f"{begun}, and {after} it is outside the map."
    return (
        f"{begun}, and {after} its loss is {'lower' if path.loss[step] < path.loss[0] else 'not lower'} than at first."
    )


def _length(path):
    """The length of a path's first step, without squares that overflow."""
    dx = path.x[1] - path.x[0]
    largest = float(np.max(np.abs(dx)))
    return largest * float(np.linalg.norm(dx / largest)) if 0 < largest < np.inf else largest


def _truncated(result):
    """What the truncated inverse gradient leaves out at the start, and how far it goes."""
    count, dropped = len(result["singular"]), int(result["dropped"])
    kept = (
        "keeps every direction"
        if not dropped
        else "drops every direction"
        if dropped == count
        else "drops one direction"
    )
    length = brief(_length(result["paths"]["truncated_inverse_gradient"]))
    return f"The truncated one {kept} at the start, and its first step is {length} long."


def _falls(result, step):
    """What became of the truncated one's loss."""
    loss = result["paths"]["truncated_inverse_gradient"].loss
    if loss[0] == 0:
        return ""
    return f"Its loss has {'fallen' if loss[step] < loss[0] else 'not fallen'} since the start."


def _grows(low, high):
    return lambda result: low <= float(result.get("growth", np.nan)) < high


def _none(result):
    return not np.isfinite(result.get("growth", np.nan))


def unasked(result):
    """At a solution there is no step to compare with."""
    return "The start is a solution, so the first step is zero." if float(result["gap"]) < AT else ""


def _or_no_step(told):
    """What speaks against an answer, unless there is no step at all."""
    return lambda result: NO_STEP if _none(result) else told


def remark(result):
    """Why the first step grows as it does, here."""
    if "growth" not in result:
        return refusal(result["jacobian"])
    if _none(result):
        return "The start is on the line itself: there is no step, and none nearer to it."
    return f"Here it becomes {brief(float(result['growth']))} times as long."


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
    told = {p: refusal(lesson.experiment(problem=p)["jacobian"]) for p in ("one", "three")}
    losses = {p: lesson.experiment(problem=p)["paths"]["truncated_inverse_gradient"].loss for p in told}
    named = "1 × 2" in told["one"] and "3 × 2" in told["three"] and "only a square matrix" in told["three"]
    return told, named and all(np.isfinite(loss).all() and loss[-1] < 0.3 * loss[0] for loss in losses.values())


def _compromise_claim(lesson):
    """With three masts the walk ends where the gradient of the sum of squares is 0, and the loss is not."""
    path = lesson.experiment(problem="three", eta=1.0)["paths"]["truncated_inverse_gradient"]
    problem = PROBLEMS["three"](jnp.asarray(path.x[0]))
    slope = float(jnp.linalg.norm(jax.grad(problem.objective)(jnp.asarray(path.x[-1]))))
    return (slope, path.loss[-1]), slope < 1e-6 and path.loss[-1] > 1e-3


LESSON = Lesson(
    slug="singular",
    title="Near a singular Jacobian",
    question="What does an inverse do where there is nothing to invert?",
    text=(
        "You stand at $x$ and measure your distances to the tops of some masts, of height $h$ at the places $b_i$: "
        "$y_i = \\sqrt{|x - b_i|^2 + h^2}$. From the distances $y^*$ you want your place. The inverse gradient steps "
        "by $\\Delta x = J^{-1}\\,\\eta\\,(y^* - y)$, with the Jacobian $J = dy/dx$ and a share $\\eta$ of the gap in "
        "$y$. With one mast or three, $J$ is not square. With two, a step across the line through both changes "
        "neither distance, to first order. There $\\det J = 0$, and beside the line $\\det J$ is proportional to the "
        "distance from it."
    ),
    minutes=7,
    controls=(
        Step("step", "step", STEPS, 1),
        Slider(
            "truncation",
            "τ, threshold",
            1e-3,
            1.0,
            0.1,
            "log",
            landmarks=(Landmark("0.001", 1e-3), Landmark("0.1", 0.1)),
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
        "From x = ({start[0]:.2g}, {start[1]:.2g}) you go nine tenths of the way to the nearest point with det J = 0 "
        "and start there. How long is the plain inverse gradient’s first step then, compared with the one from x?",
        (
            Option("less than 3 times as long", _grows(0.0, 3.0), _or_no_step(SMALLER)),
            Option("3 to 30 times as long", _grows(3.0, 30.0), _or_no_step(NEAR)),
            Option("more than 30 times as long", _grows(30.0, np.inf), _or_no_step(LAW)),
            Option(
                "there is no such step",
                _none,
                "J is singular only on the line itself; beside it J⁻¹ exists.",
            ),
        ),
        remark=remark,
        unasked=unasked,
    ),
    why=(
        "Write $J = U S V^T$. Inverting divides by the singular values in $S$. Next to the shaded line one of them "
        "goes to 0: along that direction $y$ hardly changes, so the inverse asks for a long step in $x$. The "
        "**truncated pseudo-inverse** leaves out each direction whose singular value is not above a threshold τ "
        "(`truncation` in the code). Then no step is longer than $|\\Delta y| / \\tau$, and $x$ does not move along a "
        "direction about which $y$ says little. It needs no square matrix either: with more outputs than unknowns it "
        "takes the least-squares step, with fewer the shortest one.\n\n" + code(only_square, truncated_inverse_gradient)
    ),
    limits=(
        "Truncation bounds the step, it does not find what was lost: on the shaded line the truncated path never "
        "leaves it, although the solution lies off it. Where the plain method has left the map and comes back, this "
        "is luck: nothing bounds its step. The threshold has the units of $y / x$ and has to be chosen. Where it takes "
        "effect, the step no longer ends at $y + \\Delta y$. With three masts whose distances do not agree there is no "
        "exact solution, only the best fit. An [inverse simulator](three-spaces) needs no derivative, but on the line "
        "it must choose between two mirrored solutions: [many causes](branches)."
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
    takeaway=notes.singular_takeaway(STEPS, ERROR),
    teaching=notes.SINGULAR_TEACHING,
    alt="Walks of the plain and the truncated inverse gradient over a map of how singular the Jacobian is, the same "
    "walks from farther away, and the length of a first step against the height x2.",
)
