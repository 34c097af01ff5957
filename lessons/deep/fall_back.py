"""Falling back: an inverse that is wrong is noticed, and the gradient takes that step (curriculum F6)."""

import jax.numpy as jnp
import numpy as np

from core.averages import Linearised
from core.fallback import Misled, checked_inverse_simulator, checked_step, checks
from core.problem import number
from core.rollout import rollout
from core.toys import RotatedSine, Sheared, SquaredSecond
from core.updates import inverse_simulator
from lessons.controls import Choice, Landmark, Legend, Point, Slider, Step
from lessons.deep.notes import FALL_BACK_TEACHING, fall_back_takeaway
from lessons.figures import FAR, METHODS, Axis, Drawing, Field, Line, Mark, Panel
from lessons.landscape import landscape
from lessons.lesson import Claim, Lesson
from lessons.prediction import Option, Prediction
from lessons.words import code, joined, number_word

STEPS = 14
ETA = 0.5
VIEW = 1.6
LANDSCAPE_GRID = 100  # no slider moves the loss
SOLUTION = (-0.7, -0.5)
LEVELS = tuple(float(level) for level in 3.0 ** np.arange(-6, 5))
LEAST = 1e-12
DONE = {"float64": 1e-20, "float32": 1e-11}  # a loss below is rounding: nothing is left to be right or wrong about
START = (1.2, 0.9)


def broken_problem(broken, turn, half, start):
    """A problem whose inverse fails in one of three ways. turn: in degrees."""
    if broken == "outside":
        return Misled(RotatedSine(conditioning=2.0, start=start), number(SOLUTION), number(half), jnp.radians(turn))
    if broken == "range":
        return SquaredSecond(target=(0.0, -1.0), start=start)
    return Linearised(SquaredSecond(target=(-0.5, 1.0), start=start))


def simulate(broken, turn, half, trust, start):
    """The trajectory with the check and without, and what the check found at every step."""
    problem = broken_problem(broken, turn, half, start)
    path = rollout(checked_inverse_simulator, problem, start, STEPS, eta=ETA, trust=trust)
    found = checks(problem, path.x[:-1], jnp.asarray(ETA), trust)
    corners = jnp.asarray(SOLUTION)[:, None] + half * jnp.array([-1.0, 1.0])
    return {
        "checked": path,
        "unchecked": rollout(inverse_simulator, problem, start, STEPS, eta=ETA),
        "fell_back": found.fell_back & (path.loss[:-1] > DONE[path.loss.dtype.name]),
        "miss": found.miss,
        "trust": trust,
        "corners": corners,
        "landscape": landscape(problem, VIEW, LANDSCAPE_GRID),
    }


def draw(result):
    settings, path, loose = result["settings"], result["checked"], result["unchecked"]
    fallen_x, fallen_y = _fallen(path.x, result["fell_back"])
    simulator, gradient = METHODS["inverse_simulator"], METHODS["gradient_descent"]
    checked = {"group": "checked", "label": "checked", "colour": simulator.colour, "width": simulator.width}
    checked |= {"opacity": simulator.opacity, "role": "path"}
    astray = {"group": "unchecked", "label": "unchecked", "colour": simulator.colour, "dash": "dot", "width": 2.0}
    fallen = {"group": "fallen", "label": "fallen back to the gradient", "colour": gradient.colour, "width": 3.0}
    steps = np.arange(STEPS + 1)
    trust = np.repeat(np.asarray(result["trust"])[..., None], 2, -1)
    axis = Axis("step", (0, STEPS))
    marks = [Mark("start-here", "x", "ring", path.x[..., 0, 0], path.x[..., 0, 1])]
    if settings["broken"] == "outside":
        corners = np.asarray(result["corners"])
        marks += [
            Mark("right", "x", "box", corners[..., 0, :], corners[..., 1, :], "right in here"),
            Mark("solution", "x", "cross", *SOLUTION, "solution"),
        ]
    elif settings["broken"] == "range":
        marks.append(Mark("solution", "x", "cross", 0.0, 0.0, "as near as one can get"))
    else:
        marks += [
            Mark("solution", "x", "cross", -0.5, 1.0, "solution"),
            Mark("mirror", "x", "cross", -0.5, -1.0, "and another"),
        ]
    return Drawing(
        panels=(
            Panel("x", "x-space", Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW)), big=True, equal=True),
            Panel("loss", "loss", axis, Axis("L", (1e-9, 1e2), log=True)),
            Panel("miss", "how far the proposal misses its aim", axis, Axis("miss / |Δy|", (1e-3, 1e2), log=True)),
        ),
        lines=(
            Line(
                "checked/x",
                "x",
                path.x[..., 0],
                path.x[..., 1],
                legend=True,
                dots=True,
                **checked,
            ),
            Line("fallen/x", "x", fallen_x, fallen_y, role="segment", legend=True, **fallen),
            Line("unchecked/x", "x", loose.x[..., 0], loose.x[..., 1], role="path", legend=True, **astray),
            Line("checked/loss", "loss", steps, np.maximum(path.loss, LEAST), **checked),
            Line("unchecked/loss", "loss", steps, np.maximum(loose.loss, LEAST), role="path", **astray),
            Line(
                "miss",
                "miss",
                steps[:-1],
                np.clip(result["miss"], LEAST, 1e9),
                colour="text",
                width=2.0,
                role="path",
                dots=True,
            ),
            Line("trust", "miss", np.array([0, STEPS]), trust, dash="dash", width=1.5),
        ),
        fields=(Field("loss-field", "x", result["landscape"], (-VIEW, VIEW) * 2, levels=LEVELS),),
        marks=(*marks, Mark("trust-here", "miss", "label", STEPS - 6.0, result["trust"], "trusted below", answer=True)),
        step=settings["step"],
    )


def _fallen(x, fell_back):
    """The steps that fell back, as pieces with gaps between: row k holds those up to step k; (..., 15, 42) each."""
    pieces = np.stack([x[..., :-1, :], x[..., 1:, :], np.full_like(x[..., 1:, :], np.nan)], axis=-2)
    pieces = np.where(fell_back[..., None, None], pieces, np.nan)
    rows = np.arange(STEPS + 1)[:, None] > np.arange(STEPS)[None, :]
    seen = np.where(rows[..., None, None], pieces[..., None, :, :, :], np.nan)
    flat = seen.reshape(*seen.shape[:-3], -1, 2)
    return flat[..., 0], flat[..., 1]


def _done(loss):
    """Whether a loss is that of rounding."""
    return loss <= DONE[np.asarray(loss).dtype.name]


def reading(result):
    path = result["checked"]
    if _done(path.loss[0]):
        return "You start at the solution, so there is nothing to do. Move the start."
    start, end = float(path.loss[0]), float(path.loss[-1])
    fate = (
        f"The loss falls to {number_word(end)}."
        if end < start
        else f"The loss does not fall: it ends at {number_word(end)}."
    )
    if np.any(np.diff(path.loss) > 1e-6 * path.loss[:-1] + 1e-12):
        fate = (
            f"On its way to {number_word(end)} the loss also rises: with so much trust, a step that passes may do that."
        )
    return joined(_which(result["fell_back"]), fate, _unchecked(result))


def _which(fell_back):
    """How many steps fell back, and which where that is short."""
    steps = np.flatnonzero(fell_back) + 1
    if len(steps) == 0:
        return "No step falls back: every proposal lands within the trusted distance of its aim."
    if len(steps) == 1:
        return f"Only step {steps[0]} falls back to the gradient."
    if len(steps) == steps[-1] - steps[0] + 1:
        return f"Steps {steps[0]} to {steps[-1]} fall back to the gradient."
    return f"{len(steps)} steps fall back to the gradient, the last of them is step {steps[-1]}."


def _unchecked(result):
    """What the run without the check comes to, beside the one with it."""
    if not np.any(result["fell_back"]):
        return "Without the check the run would be the same."
    end, loose = float(result["checked"].loss[-1]), float(result["unchecked"].loss[-1])
    if not loose < FAR:
        return "Without the check it diverges."
    least = np.sqrt(DONE[np.asarray(result["checked"].loss).dtype.name])
    if abs(loose - end) <= max(0.01 * end, least):
        return "Without the check it would end about as low."
    return f"Without the check it would end {'higher' if loose > end else 'lower'}."


def _never(result):
    return not np.any(result["fell_back"])


def _at_first(result):
    return bool(np.any(result["fell_back"])) and not result["fell_back"][-1]


def _to_the_end(result):
    return bool(result["fell_back"][-1])


def remark(result):
    broken = result["settings"]["broken"]
    if broken == "range":
        return "At x₂ = 0 the inverse delivers nothing of a step along −y₂: the miss is as long as that step."
    if broken == "linear":
        return "A linearised inverse is wrong only by how much J changes during a step: most beside the fold."
    return "The run does not know the box: it only checks where each proposal lands."


def _first_missed(result):
    """To who expected no step to fall back."""
    first = int(np.argmax(result["fell_back"]))
    return f"At step {first + 1} the proposal misses its aim by {number_word(result['miss'][first])} |Δy|."


def _last_missed(result):
    """To who expected another end."""
    if not np.any(result["fell_back"]):
        return "No proposal misses its aim by more than the trust allows."
    return f"At the last step the proposal still misses its aim by {number_word(result['miss'][-1])} |Δy|."


def _last_passed(result):
    """To who expected the last step to fall back."""
    return f"At the last step the proposal misses its aim by only {number_word(result['miss'][-1])} |Δy|."


def _at_the_solution(result):
    if _done(result["checked"].loss[0]):
        return "The run starts at the solution, so there is no step to check."
    return ""


def _taken_claim(lesson):
    """Taken and said so: outside the square every step falls back, inside none, and the words name them."""
    result = lesson.experiment()
    inside = np.all(np.abs(result["checked"].x[:-1] - np.asarray(SOLUTION)) <= result["settings"]["half"], axis=-1)
    said = "fall back to the gradient" in lesson.reading(result)
    return result["fell_back"], np.array_equal(result["fell_back"], ~inside) and inside.any() and said


def _finite_claim(lesson):
    """However broken the inverse is, every loss is finite and no step climbs."""
    worst = []
    for broken in ("outside", "range", "linear"):
        for start in (START, (-1.5, 1.5), (0.4, 0.0)):
            loss = lesson.experiment(broken=broken, turn=180.0, half=0.1, start=start)["checked"].loss
            worst.append(float(np.max(np.diff(loss))))
    return worst, bool(np.all(np.isfinite(worst))) and max(worst) <= 1e-12


def _better_claim(lesson):
    result = lesson.experiment()
    ends = float(result["checked"].loss[-1]), float(result["unchecked"].loss[-1])
    return ends, ends[0] < 1e-4 < 0.1 < ends[1]


def _right_claim(lesson):
    result = lesson.experiment(turn=0.0)
    same = float(np.max(np.abs(result["checked"].x - result["unchecked"].x)))
    return same, same == 0 and not result["fell_back"].any()


def _sheared_claim(_lesson):
    """A backward inverse on a sheared, linear problem: all steps fall back, and it still descends."""
    problem = Misled(Sheared(target=(1.0, -2.0)), number((0.0, 0.0)), number(0.0), number(np.pi))
    path = rollout(checked_inverse_simulator, problem, problem.start, STEPS, eta=ETA, trust=0.5)
    fell_back = checks(problem, path.x[:-1], jnp.asarray(ETA), 0.5).fell_back
    return float(path.loss[-1] / path.loss[0]), bool(jnp.all(fell_back)) and path.loss[-1] < 0.5 * path.loss[0]


def _share_claim(lesson):
    """A step that passes the check leaves at most 1 - eta (1 - trust) of the gap."""
    shares = []
    for turn in (10.0, 20.0, 40.0):
        result = lesson.experiment(turn=turn, half=0.1, trust=0.6)
        gap = np.sqrt(result["checked"].loss)
        shares += [float(share) for share in (gap[1:] / gap[:-1])[~result["fell_back"]]]
    return max(shares), len(shares) > 5 and max(shares) <= 1 - ETA * (1 - 0.6) + 1e-9


def _range_claim(lesson):
    """No x gives y2 = -1: the walk ends where y is nearest to it, finite, and says which steps fell back."""
    result = lesson.experiment(broken="range")
    end = result["checked"].y[-1]
    return end, result["fell_back"].any() and np.linalg.norm(end) < 0.1


def _fold_claim(lesson):
    """Beside the fold the linearised inverse proposes a leap; on it, nothing finite."""
    near, on = (lesson.experiment(broken="linear", start=(1.0, x2)) for x2 in (0.05, 0.0))
    found = float(near["miss"][0]), float(on["miss"][0]), float(near["checked"].loss[-1])
    return found, near["fell_back"][0] and on["fell_back"][0] and found[2] < 1e-4 and np.all(
        np.isfinite(on["checked"].x)
    )


LESSON = Lesson(
    slug="fall-back",
    title="Falling back",
    question="What if the inverse is wrong, and you don’t know where?",
    text=(
        "An inverse can be wrong: learned too narrowly, linearised, asked for what no x can give. But a wrong step is "
        "easy to notice. The inverse promises to land on $y + \\Delta y$; run the simulator forwards once and look,\n\n"
        "$$|P(x + \\Delta x) - (y + \\Delta y)| \\le \\text{trust} \\cdot |\\Delta y|\\,?$$\n\n"
        "If so, take the step. If not, take a gradient step instead, and say so. Each step asks for half of the gap. "
        "Three ways to be wrong: **outside a box** around the solution of a bent problem the inverse turns its step by "
        "an angle; **out of reach**, $P(x) = (x_1, x_2^2)$ is asked for $y^* = (0, -1)$, and the inverse gives "
        "$x_2 = 0$ where $y_2 < 0$; **linearised**, $J^{-1}\\Delta y$ stands in for the inverse of the same $P$, with "
        "$y^* = (-0.5, 1)$."
    ),
    minutes=7,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("turn", "inverse turned by", 0.0, 180.0, 80.0, unit="°", when=("broken", ("outside",))),
        Slider("half", "right within", 0.05, 2.5, 0.35, when=("broken", ("outside",))),
        Slider("trust", "trust", 0.05, 2.0, 0.5, landmarks=(Landmark("no promise beyond", 1.0),)),
        Choice(
            "broken",
            "what is wrong",
            {"outside": "wrong outside a box", "range": "target out of reach", "linear": "only linearised"},
            "outside",
        ),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), START),
        Legend("hide", ("checked", "fallen", "unchecked")),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "The run takes 14 steps with trust {trust:.2g}, and the inverse is broken as chosen below the figure. (Outside "
        "the box it is turned by {turn:.0f}°.) Which steps fall back to the gradient?",
        (
            Option("none", _never, _first_missed),
            Option("some, but not the last one", _at_first, _last_missed),
            Option("some or all, and the last one too", _to_the_end, _last_passed),
        ),
        remark=remark,
        unasked=_at_the_solution,
    ),
    why=(
        "The check costs one run of the simulator and needs no derivative:\n\n" + code(checked_step) + "\n\n"
        "A step that passes leaves at most $1 - \\eta\\,(1 - \\text{trust})$ of the gap, whatever is wrong with the "
        "inverse: below trust 1 the gap shrinks. The gradient step is the best of a series of ever halved ones. "
        "So below trust 1 the loss never rises: in the worst case the run is gradient descent, with its dependence on "
        "scale. The chapter says only that one can fall back to the gradient; the check is ours."
    ),
    limits=(
        "The check sees y, not x: an inverse that jumps to another branch ([Many causes](branches)) lands where it "
        "promised and passes. Beyond trust 1 it promises nothing: a step that passes may raise the loss. And falling "
        "back needs a gradient that points somewhere: on the fold of $x_2^2$ it has no component along $x_2$, so a run "
        "that starts there stays there. RJCP asks another question of a learned inverse: whether its Jacobian is the "
        "inverse of the simulator’s ([D-IPG over the trust map](dipg)). Newton’s method has its own reasons to fall "
        "back ([Newton’s method at a saddle](newton-breaks))."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Integrating a loss function” "
        "(falling back to the regular gradient).",
    ),
    claims=(
        Claim(
            "By default every step outside the box falls back, inside none, and the text says so.",
            _taken_claim,
            rows=("F6",),
        ),
        Claim(
            "However broken the inverse, at trust 0.5 the run stays finite and no step climbs.",
            _finite_claim,
            rows=("F6",),
        ),
        Claim("Checked, the default run arrives; unchecked it does not.", _better_claim, rows=("F6",)),
        Claim("With a right inverse the check changes nothing.", _right_claim, rows=("F6",)),
        Claim(
            "On a sheared problem a backward inverse is refused at every step, and the loss still falls.",
            _sheared_claim,
            rows=("F6",),
        ),
        Claim("A step that passes leaves at most 1 - eta (1 - trust) of the gap.", _share_claim, rows=("F6",)),
        Claim("A target out of reach ends at the nearest that can be reached.", _range_claim, rows=("F6",)),
        Claim("Beside the fold a linearised inverse is refused, on it too.", _fold_claim, rows=("F6",)),
    ),
    symbols=("inverse", "pg", "dy", "dx", "eta", "gd", "jacobian", "rjcp"),
    takeaway=fall_back_takeaway(STEPS, ETA, SOLUTION),
    teaching=FALL_BACK_TEACHING,
    alt="The trajectory with the check over the isolines of the loss, gradient steps in blue, beside the unchecked one;"
    " the loss by step; the miss of each proposal beside the trusted limit.",
)
