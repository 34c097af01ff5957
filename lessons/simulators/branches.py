"""Many causes for one effect: a local inverse picks the nearest, a regression averages them (curriculum E6)."""

import jax
import jax.numpy as jnp
import numpy as np

from core.modes import causes_of, regression, square_of
from core.problem import Aimed
from core.rollout import rollout
from core.toys import RotatedSine, SquaredSecond, rotation
from core.updates import inverse_simulator
from lessons.controls import Choice, Landmark, Point, Slider
from lessons.figures import Axis, Drawing, Field, Line, Mark, Panel
from lessons.landscape import over_grid
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Aim
from lessons.words import code, count_word, joined, number_word, point_word

VIEW = 4.0
GRID = 160  # no slider moves the basins
STEPS = 12
ETA = 0.3
ANGLE = 0.6
BINS = 48
NEAR = 0.1  # an answer whose effect is this near to y* counts as a solution: the regression is as coarse as its data
MERGED = 1e-3  # causes nearer to each other than this are one: next to a fold float32 tells no more apart
CLOSE = 0.5  # of the student's guess
REACH = 8.0  # what of the branches' coordinate is shown
PROBLEMS = {"squared": lambda: SquaredSecond(), "sine": lambda: RotatedSine(1.0, ANGLE)}
ALONG = {"squared": (0.0, 1.0), "sine": (float(np.cos(ANGLE)), -float(np.sin(ANGLE)))}  # across the branches
NAMES = {"squared": "x₂", "sine": "u₁, across the branches"}
# How far apart two effects may be to count as one, in units of y: about as far as those of neighbouring samples.
WIDTHS = {"squared": 0.4, "sine": 0.2}
Y_VIEWS = {"squared": ((-4.4, 4.4), (-2.0, 12.0)), "sine": ((-1.6, 1.6), (-4.4, 4.4))}


def simulate(problem, reach, cause, start):
    """The effect of one cause, all its causes, the local inverse from the start, and what regression says."""
    chosen = PROBLEMS[problem]()
    along = jnp.asarray(ALONG[problem])
    y = chosen.forward(cause)
    samples = square_of(start, reach)
    weights = causes_of(chosen, y, samples, WIDTHS[problem])
    average = weights @ samples
    landing = chosen.inverse(y, start)
    aimed = Aimed(chosen, y)
    return {
        "target": y,
        "solutions": jax.vmap(lambda s: chosen.inverse(y, s * along + 1e-9))(jnp.linspace(-15.0, 15.0, 81)),
        "path": rollout(inverse_simulator, aimed, start, STEPS, eta=ETA),
        "landing": landing,
        "average": average,
        "of_landing": chosen.forward(landing),
        "of_average": chosen.forward(average),
        "off": jnp.linalg.norm(chosen.forward(average) - y),
        "missed": jnp.linalg.norm(chosen.forward(landing) - y),
        "box": jnp.stack([start - reach, start + reach]),
        "histogram": _histogram(samples @ along, weights),
        "across": average @ along,
        "basins": _basins(chosen, y),
    }


def _histogram(places, weights):
    """How much of the weight lies in each of BINS equal parts of [-REACH, REACH]."""
    bins = jnp.clip((places + REACH) / (2 * REACH) * BINS, 0, BINS - 1).astype(int)
    return jnp.zeros(BINS).at[bins].add(weights)


def _basins(problem, y):
    """1 where the local inverse lands on a branch with det J < 0, else 0: neighbouring branches differ in sign."""
    line = jnp.linspace(-VIEW, VIEW, GRID)

    def side(x):
        return (jnp.linalg.det(problem.jacobian(problem.inverse(y, x))) < 0).astype(float)

    return over_grid(side, line, line)


def causes(result):
    """All causes of the effect near the origin, each once, in the order of the branches' coordinate: (k, 2)."""
    solutions = result["solutions"]
    flat = np.asarray(solutions).reshape(-1, *solutions.shape[-2:])[0]
    across = flat @ np.asarray(ALONG[result["settings"]["problem"]])
    order = np.argsort(across)
    return flat[order][np.diff(across[order], prepend=-np.inf) > MERGED] + 0.0


def inside(result):
    """Those causes that lie in the training square."""
    found, (low, high) = causes(result), result["box"]
    return found[np.all((found > low) & (found < high), axis=1)]


def draw(result):
    problem = result["settings"]["problem"]
    average, target, path, box = result["average"], result["target"], result["path"], result["box"]
    of_average, along = result["of_average"], np.asarray(ALONG[problem])
    histogram, places = result["histogram"], (np.arange(BINS) + 0.5) / BINS * 2 * REACH - REACH
    across = np.stack([result["across"]] * 2, axis=-1)
    miss = np.stack([of_average, target], axis=-2)
    method = "inverse_simulator"
    lines = [
        Line(f"{method}/x", "x", path.x[..., 0], path.x[..., 1], method, method, legend=True),
        Line(f"{method}/y", "y", path.y[..., 0], path.y[..., 1], method, method),
        Line("miss", "y", miss[..., 0], miss[..., 1], label="what the average misses", dash="dash", width=1.5),
        Line("histogram", "across", places, histogram, label="weight of the samples", colour="text", width=2.0),
        Line("mean", "across", across, [0.0, 1.0], label="their average", dash="dash", width=1.5),
    ]
    y_view, hidden = Y_VIEWS[problem], result["settings"]["cause"]
    marks = []
    for k, cause in enumerate(causes(result)):
        said = "" if np.allclose(cause, hidden, atol=MERGED) else "also causes y*"
        marks.append(Mark(f"cause{k}", "x", "dot", *cause, said))
    marks.append(Mark("mean/label", "across", "label", result["across"], 0.58, "their average", answer=True))
    marks += [
        Mark("box", "x", "box", box[..., 0], box[..., 1], "training data"),
        Mark("average/x", "x", "ring", average[..., 0], average[..., 1], "regression’s answer", answer=True),
        Mark("average/y", "y", "ring", of_average[..., 0], of_average[..., 1], "P(answer)", answer=True),
        Mark("target", "y", "cross", target[..., 0], target[..., 1], "y*"),
    ]
    for k, cause in enumerate(causes(result)):
        marks.append(Mark(f"branch{k}", "across", "dot", float(cause @ along), 0.0))
    return Drawing(
        panels=(
            Panel(
                "x",
                "x-space: dots cause y*; shading: which is nearest",
                Axis("x₁", (-VIEW, VIEW)),
                Axis("x₂", (-VIEW, VIEW)),
                big=True,
                equal=True,
            ),
            Panel("y", "y-space: what comes of the answers", Axis("y₁", y_view[0]), Axis("y₂", y_view[1])),
            Panel(
                "across",
                "which causes of y* the data hold",
                Axis(NAMES[problem], (-REACH, REACH)),
                Axis("share", (-0.03, 0.65)),
            ),
        ),
        lines=tuple(lines),
        fields=(Field("basins", "x", result["basins"], (-VIEW, VIEW) * 2, "shade", low=0.0, high=3.0),),
        marks=tuple(marks),
    )


def answer_of(result):
    """Regression's answer, without the digits that rounding made."""
    return np.round(result["average"], 6) + 0.0


def reading(result):
    off, count = float(result["off"]), len(inside(result))
    landing = f"From the start the local inverse lands on {point_word(result['landing'])}, the nearest cause of y*."
    data = f"The training square holds {count_word(count, 'cause') if count else 'no cause'} of y*."
    if count == 0:
        answer = f"Regression answers from samples with other effects; P of its answer misses y* by {number_word(off)}."
    elif off < NEAR:
        answer = f"P of the regression’s answer is only {number_word(off)} away from y*."
    else:
        answer = f"P of the regression’s answer misses y* by {number_word(off)}: the average is no solution."
    return joined(landing, data, answer)


def gap_to_dots(result):
    """The distance from regression's answer to the mean of the causes in its data; None without any."""
    found = inside(result)
    return float(np.linalg.norm(result["average"] - found.mean(axis=0))) if len(found) else None


def unasked(result):
    """Where the square's edge decides, the dots do not tell the answer."""
    gap = gap_to_dots(result)
    if gap is None:
        return "No cause of y* lies in the square, so nothing in the figure tells what regression answers."
    if gap > CLOSE / 2:
        return (
            "The edge of the square cuts off samples around a cause of y*: the answer is "
            f"{number_word(gap)} away from the mean of the dots in it."
        )
    return ""


def remark(result):
    """How far the mean is from the causes that it averages."""
    found = inside(result)
    away = number_word(np.min(np.linalg.norm(found - result["average"], axis=1)))
    if len(found) == 1:
        return f"The square holds one cause of y*, and the mean of the samples around it is {away} away from it."
    return (
        f"Least squares answers with the mean of all samples whose effect is about y*. "
        f"The nearest of the {len(found)} causes in the square is {away} away from it."
    )


def feedback(said, result):
    """A dot is the tempting answer: it is what a local inverse would give."""
    if np.min(np.linalg.norm(causes(result) - np.asarray(said), axis=1)) < CLOSE:
        return (
            "Near there lies a cause of y*. Least squares does not choose one cause: it takes the mean over the square."
        )
    return "Only causes inside the square count: the answer is close to their mean."


def _oracle(problem, y):
    """All causes of y near the origin, on paper: both roots, or both arcsines and their periods."""
    if problem == "squared":
        return np.array([[y[0], sign * np.sqrt(y[1])] for sign in (1, -1)])
    first = np.arcsin(y[0])
    u1 = [base + 2 * np.pi * k for base in (first, np.pi - first) for k in range(-3, 4)]
    return np.array([np.asarray(rotation(-ANGLE)) @ [u, y[1]] for u in u1])


def _nearest_claim(lesson):
    worst = 0.0
    for problem in PROBLEMS:
        for start in ((-0.5, 0.9), (3.0, -1.0), (-3.5, 3.5), (0.2, -0.1)):
            result = lesson.experiment(problem=problem, start=start)
            every = _oracle(problem, result["target"])
            nearest = every[np.argmin(np.linalg.norm(every - start, axis=1))]
            worst = max(worst, float(np.abs(result["landing"] - nearest).max()), float(result["missed"]))
    return worst, worst < 1e-9


def _average_claim(lesson):
    off = {problem: float(lesson.experiment(problem=problem)["off"]) for problem in PROBLEMS}
    squared = lesson.experiment(reach=4.0, start=(0.5, 0.1))
    exact = causes(squared).mean(axis=0)
    return (off, squared["average"] - exact), min(off.values()) > 0.5 and np.allclose(
        squared["average"], exact, atol=0.05
    )


def _single_claim(lesson):
    off = {}
    for problem, start in (("squared", (1.4, 1.8)), ("sine", (1.1, 1.7))):
        result = lesson.experiment(problem=problem, start=start, reach=1.0)
        off[problem] = len(inside(result)), float(result["off"])
    return off, all(count == 1 and missed < NEAR for count, missed in off.values())


def _stays_claim(lesson):
    """The trajectory of the inverse simulator ends on the branch that the full step from its start lands on."""
    gaps = {p: lesson.experiment(problem=p) for p in PROBLEMS}
    left = {p: float(np.linalg.norm(r["path"].x[-1] - r["landing"])) for p, r in gaps.items()}
    return left, max(left.values()) < 0.1


CODE = {"squared": "toys.SquaredSecond()", "sine": f"toys.RotatedSine(1.0, {ANGLE})"}


def takeaway(settings):
    """The local inverse's answer and regression's, and what P makes of it."""
    return f"""\
import jax.numpy as jnp
from core import toys
from core.modes import regression, square_of

problem = {CODE[settings["problem"]]}
start = jnp.array({list(settings["start"])})
y = problem.forward(jnp.array({list(settings["cause"])}))
landing = problem.inverse(y, start)
samples = square_of(start, {settings["reach"]!r})
answer = regression(problem, y, samples, width={WIDTHS[settings["problem"]]})
off = jnp.linalg.norm(problem.forward(answer) - y)"""


def taken(result):
    return {"landing": result["landing"], "answer": result["average"], "off": result["off"]}


LESSON = Lesson(
    slug="branches",
    title="Many causes",
    question="If several causes have the same effect, what is the answer?",
    text=(
        "The height of a pendulum does not say on which side it hangs. $P(x) = (x_1, x_2^2)$ forgets the sign of "
        "$x_2$; a sine forgets more. A **local inverse** $P^{-1}(y; x)$ takes of all causes the one nearest to $x$. "
        "A network trained on many pairs $(y, x)$ to give $x$ from $y$ by least squares tends to their **average**, "
        "$E[x \\mid y]$."
    ),
    minutes=7,
    controls=(
        Slider("reach", "reach of the data", 0.5, 6.0, 4.0, landmarks=(Landmark("local: 1", 1.0),)),
        Choice("problem", "P", {"squared": "folds: (x₁, x₂²)", "sine": "a turned sine"}, "squared"),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-0.5, 0.9)),
        Point("cause", "true cause", "x", (-VIEW, -VIEW), (VIEW, VIEW), (1.5, 2.0)),
        Point("guess", "guess", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-3.0, -3.0), simulated=False),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Aim(
        "Least squares learns x from y on samples that fill the dashed square evenly, and is then asked for y*. Each "
        "dot is a cause of y*. Where in x-space is its answer? Drop the ring there.",
        "guess",
        answer_of,
        close=CLOSE,
        remark=remark,
        unasked=unasked,
        feedback=feedback,
    ),
    why=(
        "The $x$ that minimises $E|x - x_{data}|^2$ over all data with effect $y$ is their mean. Between the branches "
        "there is no branch, so $P$ of the mean is not $y^*$: **the average over solutions is not a solution**. A "
        "local inverse avoids the question by keeping $x$: it stays on the branch where it is, and each start has "
        "its own answer (the shaded and plain basins). Shrink the data to a neighbourhood of the start, so that it "
        "holds one branch, and regression comes close as well: local data make a local inverse.\n\n" + code(regression)
    ),
    limits=(
        "The nearest cause need not be the true one: where the information is gone, no inverse brings it back; it "
        "takes a good start. At a basin’s edge a small move of the start changes the answer altogether. Nor is there "
        "always one single nearest: on $x_2 = 0$ both roots are equally near, and here the positive one is taken. A "
        "network that gives *samples* of $x$ instead of one answer would keep the branches apart; that is not shown "
        "here. The regression of the figure is no network either, but the average that a network tends to: over 9,216 "
        "samples, each of which counts the less, the farther its effect is from $y^*$. A network that learns a local "
        "inverse only approximates this one, and may leave its branch: [D-IPG over the trust map](dipg)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, sections “Inverse simulators” and "
        "“Global and local inverse simulators” (P(x) = x²).",
    ),
    claims=(
        Claim(
            "The local inverse lands on the cause nearest to the start, out of all there are.",
            _nearest_claim,
            rows=("E6",),
        ),
        Claim(
            "Regression over several branches answers with their average, and P of it misses y* by more than 0.5.",
            _average_claim,
            rows=("E6",),
        ),
        Claim("With one branch in the data, regression is right too.", _single_claim, rows=("E6",)),
        Claim("A trajectory of the inverse simulator stays on the branch of its start.", _stays_claim),
    ),
    symbols=("x", "y", "target", "simulator", "inverse", "pg"),
    takeaway=Takeaway(takeaway, taken),
    teaching=Teaching(
        misconception="The average over solutions is a solution.",
        demo=(
            ("Two roots, one effect. Where does a network trained on both point?", {"reach": 4.0}),
            ("Between them, where P is far off. The local inverse takes the nearest.", {"start": (-0.5, -0.9)}),
            ("A sine has many causes; their average is none.", {"problem": "sine", "reach": 5.0}),
            ("Data from around one branch only: now regression is right.", {"start": (1.4, 1.8), "reach": 1.0}),
        ),
        room="Half of the class turns left at the tree, half turns right. What does the average do? Listen for: it "
        "hits the tree; and for what would have to be known to choose.",
    ),
    alt="x-space with all causes of one effect, the basins of the local inverse, its trajectory from the start and the "
    "answer of a regression; in y-space the target and what comes of that answer; the share of each cause in the data.",
)
