"""Quasi-Newton: BFGS's guess of the inverse Hessian grows into the true one, ellipse by ellipse (curriculum C4)."""

import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.problem import Aimed
from core.quasi_newton import CAPACITY, bfgs, bfgs_update, lbfgs, steepest
from core.toys import Banana, RotatedSine, Scaled, Sheared
from lessons.controls import Choice, Landmark, Legend, Point, Slider, Step
from lessons.figures import Axis, Drawing, Field, Line, Mark, Panel, Readout, path_lines
from lessons.landscape import landscape
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Option, Prediction
from lessons.words import brief, code, count_word, joined

STEPS = 16
VIEW = 2.5
GRID = 40  # alpha moves the loss and two ellipses a step: finer would not fit into the budget of a picture's bytes
ANGLE = np.radians(30.0)
RADIUS = 1.0  # of the circle that stands for B = I
POINTS = 37  # of an ellipse
CLOSE = 0.01  # a matrix this near to the true one is called the same
HERE = 1e-12  # a loss below this share of the first one counts as zero
SAME = 1e-4  # smaller errors of a matrix are drawn there
SOLUTION = (1.0, 1.0)  # of both problems
SEARCH = {"bowl": "exact", "rough": "wolfe", "banana": "wolfe"}
SHOWN = ("bfgs", "lbfgs", "gradient_descent")
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-1, 5))


def problem_of(problem, alpha, start):
    """A turned bowl with its minimum at SOLUTION, or Rosenbrock's valley, which has it there too."""
    if problem == "banana":
        return Banana(alpha, start=start)
    bowl = Scaled(alpha, ANGLE, start=start)
    return Aimed(bowl, bowl.forward(jnp.ones_like(start)))


def simulate(problem, alpha, memory, start):
    """BFGS, L-BFGS and gradient descent with one line search, and what BFGS believes of H^-1 at every step."""
    chosen, search = problem_of(problem, alpha, start), SEARCH[problem]
    runs = {
        "bfgs": bfgs(chosen, start, STEPS, search),
        "lbfgs": lbfgs(chosen, start, STEPS, memory, search),
        "gradient_descent": steepest(chosen, start, STEPS, search),
    }
    off, matrices = {}, {}
    for name in ("bfgs", "lbfgs"):
        true = jnp.linalg.inv(jax.vmap(jax.hessian(chosen.objective))(runs[name].path.x))
        off[name] = jnp.linalg.norm(runs[name].inverse_hessian - true, axis=(1, 2)) / jnp.linalg.norm(true, axis=(1, 2))
        matrices[name] = true
    centre = runs["bfgs"].path.x
    return {
        "paths": {name: run.path for name, run in runs.items()},
        "believed": runs["bfgs"].inverse_hessian,
        "off": off,
        "known": measures.steps_to(off["bfgs"], CLOSE),
        "ellipse": {
            "believed": ellipse(runs["bfgs"].inverse_hessian, centre),
            "true": ellipse(matrices["bfgs"], centre),
        },
        "landscape": landscape(chosen, VIEW, GRID),
        "start": start,
    }


def ellipse(inverse, centre):
    """{centre + v: v^T B^-1 v = RADIUS^2} for each B, (steps + 1, POINTS, 2); nan where B is not positive definite.

    It is the image of a circle under the square root of B: an isoline of the bowl that B stands for.
    """
    turn = jnp.linspace(0, 2 * jnp.pi, POINTS)
    circle = RADIUS * jnp.stack([jnp.cos(turn), jnp.sin(turn)])

    def one(matrix, at):
        values, vectors = jnp.linalg.eigh((matrix + matrix.T) / 2)
        root = (vectors * jnp.where(values > 0, jnp.sqrt(jnp.abs(values)), jnp.nan)) @ vectors.T
        return at + (root @ circle).T

    return jax.vmap(one)(inverse, centre)


def draw(result):
    paths, shapes = result["paths"], result["ellipse"]
    lines = [line for name in SHOWN for line in path_lines(name, paths[name], paths[name].loss) if line.panel != "y"]
    for name, values in result["off"].items():
        steps = np.broadcast_to(np.arange(STEPS + 1), values.shape)
        lines.append(Line(f"{name}/off", "off", steps, np.maximum(values, SAME), name, name, role="path"))
    lines.append(Line("close", "off", [0, STEPS], [CLOSE] * 2, label="1 %", dash="dash", width=0.8, answer=False))
    style = {"role": "segment", "legend": True, "colour": "text"}
    believed, true = shapes["believed"], shapes["true"]
    lines += [
        Line("believed", "x", believed[..., 0], believed[..., 1], label="ellipse of B", width=5.0,
             opacity=0.35, **style),
        Line("true", "x", true[..., 0], true[..., 1], label="ellipse of H⁻¹", dash="dot", width=2.0, **style),
    ]  # fmt: skip
    steps = Axis("step", (0, STEPS))
    return Drawing(
        panels=(
            Panel("x", "x-space", Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW)), big=True, equal=True),
            Panel("off", "error of B: |B − H⁻¹| / |H⁻¹|", steps,
                  Axis("", (SAME / 2, 30.0), log=True, ticks=((SAME, "≤ 10⁻⁴"), (CLOSE, "1 %"), (1.0, "1")))),
            Panel("loss", "loss", steps, Axis("", (1e-8, 300.0), log=True)),
        ),
        lines=tuple(lines),
        fields=(Field("loss-field", "x", result["landscape"], (-VIEW, VIEW) * 2, levels=LEVELS),),
        marks=(Mark("minimum", "x", "cross", *SOLUTION, "minimum"),),
        readouts=tuple(Readout(f"{name}/loss", "y", "L =", 2) for name in SHOWN),
        step=result["settings"]["step"],
    )  # fmt: skip


def reading(result):
    step, paths = result["settings"]["step"], result["paths"]
    if paths["bfgs"].loss[0] < 1e-20:
        return "The start is the minimum, so no method moves. Move the start."
    if step == 0:
        return "BFGS begins with B = I, whose ellipse is a circle. Take a step."
    after = f"After {count_word(step, 'iteration')}"
    if np.all(np.isfinite(result["ellipse"]["true"][step])):
        seen = f"{after} BFGS’s matrix B is off by {brief(100 * float(result['off']['bfgs'][step]))} %."
    else:
        seen = f"{after} H is not positive definite at BFGS’s point, so it has no ellipse; B has one."
    return joined(seen, _known(result, step), _rank(paths, step))


def _known(result, step):
    """Whether B has been close to the inverse Hessian, up to the step on screen."""
    known = float(result["known"])
    if known <= step:
        return f"It first came within one per cent of the inverse Hessian at iteration {int(known)}."
    if arrived(result) <= step:
        return "BFGS has converged, so B will not come within one per cent of the inverse Hessian any more."
    return "B has not been within one per cent of the inverse Hessian yet."


def _rank(paths, step):
    """BFGS's loss beside gradient descent's, at the step on screen."""
    own, other = (float(paths[name].loss[step]) for name in ("bfgs", "gradient_descent"))
    if abs(own - other) <= 1e-3 * max(own, other):
        return "Its loss equals gradient descent’s."
    return f"Its loss is {'lower' if own < other else 'higher'} than gradient descent’s."


def arrived(result):
    """The first iteration from which on BFGS does not move any more; inf if there is none."""
    x = result["paths"]["bfgs"].x
    still = np.all(x == x[-1], axis=-1)
    return int(np.argmax(still)) if still[-2] else np.inf


def remark(result):
    """What decides it at these settings."""
    if result["settings"]["problem"] != "bowl":
        return "BFGS corrects B so that B q = s holds for its latest step."
    if result["known"] <= 2:
        return "On a quadratic with exact searches, each iteration settles one more direction, and there are two."
    return "BFGS learns only directions along which it has moved, and here it moved along one."


def _too_few(result):
    """What speaks against two iterations, where it took more."""
    if result["settings"]["problem"] == "bowl":
        return "The first search has already reached the minimum, so no second direction is tried."
    return "The promise of one iteration for each unknown holds for a quadratic loss and an exact line search."


def _known_in(low, high):
    return lambda result: low <= float(result["known"]) <= high


def _exact_claim(lesson):
    off = [float(lesson.experiment(alpha=alpha, start=s)["off"]["bfgs"][2]) for alpha in (2.0, 5.0, 10.0)
           for s in ((-1.2, 1.0), (0.5, -2.0))]  # fmt: skip
    problem = Sheared(target=(1.0, -2.0))
    run = bfgs(problem, problem.start, 2, "exact")
    true = jnp.linalg.inv(jax.hessian(problem.objective)(problem.start))
    off.append(float(jnp.linalg.norm(run.inverse_hessian[2] - true) / jnp.linalg.norm(true)))
    return off, max(off) < 1e-9


def _reached(loss):
    """The first iteration at which a loss is as good as zero."""
    return int(np.argmax(loss < HERE * loss[0]))


def _unwalked_claim(lesson):
    round_bowl = lesson.experiment(alpha=1.0)
    found = [(_reached(round_bowl["paths"]["bfgs"].loss), float(round_bowl["off"]["bfgs"][-1]))]
    sheared = Sheared()  # from a start along one of the bowl's own axes the first step arrives, too
    hessian = jax.hessian(sheared.objective)(sheared.start)
    run = bfgs(sheared, jnp.linalg.eigh(hessian)[1][:, 1], 2, "exact")
    true = jnp.linalg.inv(hessian)
    found.append(
        (_reached(run.path.loss), float(jnp.linalg.norm(run.inverse_hessian[2] - true) / jnp.linalg.norm(true)))
    )
    return found, all(steps == 1 and off > 0.1 for steps, off in found)


def _rough_claim(lesson):
    off = [float(lesson.experiment(problem="rough", alpha=alpha)["off"]["bfgs"][-1]) for alpha in (3.0, 5.0, 7.0)]
    return off, all(1e-9 < value < 0.1 for value in off)


def _memory_claim(lesson):
    one = lesson.experiment(memory=1.0)
    gap = float(np.abs(one["paths"]["lbfgs"].x - one["paths"]["bfgs"].x).max())
    return (gap, float(one["off"]["lbfgs"][-1])), gap < 1e-9 and one["off"]["lbfgs"][-1] > 0.1


def _banana_claim(lesson):
    ends = {
        name: float(path.loss[-1]) for name, path in lesson.experiment(problem="banana", alpha=2.0)["paths"].items()
    }
    sine = RotatedSine()
    curved = [float(walk(sine, sine.start, STEPS).path.loss[-1]) for walk in (bfgs, steepest)]
    return (ends, curved), ends["bfgs"] < 1e-6 * ends["gradient_descent"] and curved[0] < 1e-6 * curved[1]


def _take(settings):
    alpha, start = settings["alpha"], settings["start"]
    if settings["problem"] == "banana":
        made = [f"problem = Banana({alpha!r}, start={start})"]
        imported = "from core.toys import Banana"
    else:
        made = [
            f"bowl = Scaled({alpha!r}, jnp.pi / 6, start={start})",
            "problem = Aimed(bowl, bowl.forward(jnp.ones(2)))",
        ]
        imported = "from core.problem import Aimed\nfrom core.toys import Scaled"
    return "\n".join(
        [
            "import jax",
            "import jax.numpy as jnp",
            imported,
            "from core.quasi_newton import bfgs",
            "",
            *made,
            f'run = bfgs(problem, problem.start, {STEPS}, "{SEARCH[settings["problem"]]}")',
            f"end, believed = run.path.x[{settings['step']}], run.inverse_hessian[{settings['step']}]",
            "true = jnp.linalg.inv(jax.hessian(problem.objective)(end))",
        ]
    )


def _taken(result):
    step = result["settings"]["step"]
    return {"end": result["paths"]["bfgs"].x[step], "believed": result["believed"][step]}


LESSON = Lesson(
    slug="quasi-newton",
    title="Quasi-Newton",
    question="Can the curvature be learned from the slopes alone?",
    text=(
        "Newton’s method needs $H^{-1}$, the inverse Hessian. **BFGS** guesses it: it begins with $B = I$ and moves "
        "along $-B\\,\\nabla L$ as far as a line search says. A step $s$ has changed the gradient by $q$, so $H s "
        "\\approx q$. BFGS corrects its guess so that $B\\,q = s$. The loss is a bowl with curvatures 2 and "
        "$2\\alpha^2$, or the valley $(1 - x_1)^2 + \\alpha^2 (x_2 - x_1^2)^2$. An exact line search finds the lowest "
        "point along the line, a rough one stops sooner. The ellipse is an isoline of the bowl whose inverse Hessian "
        "is $B$."
    ),
    minutes=8,
    controls=(
        Step("step", "step", STEPS, 2),
        Slider("alpha", "α, how narrow", 1.0, 10.0, 5.0, "log", landmarks=(Landmark("α = 1", 1.0),)),
        Slider(
            "memory",
            "pairs that L-BFGS keeps",
            1,
            CAPACITY,
            2,
            step=1,
            landmarks=(Landmark("one for each unknown", 2.0),),
        ),
        Choice(
            "problem",
            "problem",
            {
                "bowl": "a bowl, exact line search",
                "rough": "a bowl, rough line search",
                "banana": "a bent valley",
            },
            "bowl",
        ),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-1.2, 1.0)),
        Legend("hide", (*SHOWN, "believed", "true")),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "With the problem and the line search that are set, and α = {alpha:.3g}: after how many iterations does B "
        "first agree with the inverse Hessian to 1 %?",
        (
            Option("at most 2, one for each unknown", _known_in(0, 2), _too_few),
            Option(
                "more than 2, or never",
                _known_in(3, np.inf),
                "Every step adds one equation B q = s, and two of them determine a symmetric 2 × 2 matrix.",
            ),
        ),
        remark=remark,
    ),
    why=(
        "A step tells how the slope changes along one direction, so it can settle that direction of $B$ and should "
        "leave the others alone. BFGS makes the smallest such change, in a suitably weighted norm, and one that keeps "
        "$B$ positive definite: $-B\\,\\nabla L$ leads downhill as long as $q \\cdot s > 0$, which the line search "
        "sees to.\n\n" + code(bfgs_update) + "\n\n"
        "On a quadratic with $n$ unknowns and an exact line search $n$ steps give $B = H^{-1}$, if the path needs them "
        "all: $B$ learns only directions along which it has moved. **L-BFGS** never writes $B$ down; it keeps the last "
        "few pairs $(s, q)$ and works out $B\\,\\nabla L$ from them: $2n$ numbers a pair instead of $n^2$."
    ),
    limits=(
        "The promise of $n$ steps holds for an *exact* line search on a *quadratic*. With a rough search BFGS "
        "still converges, but the matrix stays a little wrong: where no step is left, there is nothing to learn from. "
        "L-BFGS with a single pair takes the very same exact steps as BFGS on a bowl (those of conjugate gradients), "
        "though its matrix is far from $H^{-1}$. What $H^{-1}$ costs where it is computed: "
        "[What Newton costs](newton-cost); where it misleads: [Newton’s method at a saddle](newton-breaks)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Quasi-Newton methods”.",
        "Nocedal and Wright, Numerical Optimization, chapters 3, 6 and 7.",
    ),
    claims=(
        Claim(
            "With exact line searches BFGS’s matrix is the inverse Hessian of a quadratic after n = 2 steps.",
            _exact_claim,
            rows=("C4",),
        ),
        Claim(
            "If BFGS converges in fewer than n steps, the matrix stays wrong in directions along which it never moved.",
            _unwalked_claim,
        ),
        Claim("With a rough line search the matrix comes close to it and stays a little wrong.", _rough_claim),
        Claim(
            "On a bowl, L-BFGS with one pair takes BFGS’s exact steps with a matrix that is far from the true one.",
            _memory_claim,
        ),
        Claim(
            "In bent valleys BFGS ends a million times lower than gradient descent with the same line search.",
            _banana_claim,
            rows=("C4",),
        ),
    ),
    symbols=("x", "loss", "gradient", "hessian", "bfgs", "guess", "pair", "line-search", "definite", "alpha"),
    takeaway=Takeaway(_take, _taken),
    teaching=Teaching(
        misconception="Second-order information needs second derivatives.",
        demo=(
            ("Two unknowns, two steps: the circle becomes the true ellipse.", {"step": 2}),
            ("A round bowl: BFGS converges at once, and the matrix stays wrong.", {"alpha": 1.0, "step": 2}),
            ("A rough line search: the ellipse comes close, and stays a little off.", {"problem": "rough", "step": 8}),
            ("Where the curvature changes, the ellipse follows.", {"problem": "banana", "alpha": 2.0, "step": 14}),
        ),
        room=(
            "A problem has a million unknowns. What do BFGS and L-BFGS with ten pairs have to store? Listen for 10¹² "
            "against 2·10⁷ numbers, and for: then L-BFGS cannot know the whole Hessian, and need not."
        ),
    ),
    alt=(
        "Paths of BFGS, L-BFGS and gradient descent over isolines, with the ellipse of BFGS’s matrix and the true one "
        "at the current point; how far the matrix is off, and the loss, by step."
    ),
)
