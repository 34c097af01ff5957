"""Many targets, one cause: a compromise, and why averaging comes before inverting (curriculum E5)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.rollout import rollout
from core.targets import average_then_invert, compromise, distortion, invert_then_average
from core.toys import RotatedSine, Sheared, SquaredSecond
from lessons.controls import Choice, Landmark, Legend, Point, Slider, Step
from lessons.figures import Axis, Drawing, Field, Line, Mark, Panel
from lessons.landscape import over_grid
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Option, Prediction
from lessons.words import code, joined, number_word, point_word

STEPS = 20
REST = 200  # steps until a walk rests: (1 - 0.05)^200 is 4e-5, at the smallest eta of the slider
X_VIEWS = {"squared": 2.6, "sine": 4.6, "sheared": 3.6}  # holds all that the targets of the y panel ask for
START = (1.7, 1.5)  # a start no farther out begins inside the y panel, for each problem
Y_VIEW = 2.5
GRID = 90
ETAS = np.geomspace(0.05, 1.0, 13)
REACHED = 1e-3  # a walk that rests within this distance of the compromise has arrived: it stops after REST steps
PROBLEMS = {
    "squared": lambda: SquaredSecond(),
    "sine": lambda: RotatedSine(1.0),
    "sheared": lambda: Sheared(((1.0, 0.5), (0.0, 1.2))),
}
RULES = {"average": average_then_invert, "invert": invert_then_average}
FIRST = {"average": "averaging first", "invert": "inverting first"}
LOOK = {
    "average": {"label": "average the pulls, then invert", "colour": "#D62728", "width": 4.0},
    "invert": {"label": "invert for each, then average", "colour": "text", "dash": "dash", "width": 2.0},
}
TARGETS = {"one": (-1.2, 0.1), "two": (0.2, 2.3), "three": (1.6, 0.6)}


def simulate(problem, eta, start, **targets):
    """Both walks at this eta, the compromise found without any inverse, and where the walks rest for every eta."""
    chosen = PROBLEMS[problem]()
    aims = jnp.stack([targets[name] for name in TARGETS])
    y_best = chosen.forward(compromise(chosen, aims))
    paths = {name: rollout(rule, chosen, start, STEPS, eta=eta, targets=aims) for name, rule in RULES.items()}
    column = jnp.linspace(-Y_VIEW, Y_VIEW, GRID)
    return {
        "paths": paths,
        "targets": aims,
        "mean": jnp.mean(aims, axis=0),
        "best": chosen.inverse(y_best, paths["average"].x[-1]),  # of the causes of the best y, the one walked to
        "y_best": y_best,
        "least": distortion(y_best, aims),
        "spread": distortion(jnp.mean(aims, axis=0), aims),
        "rest": {name: rested(rule, chosen, start, aims, eta) for name, rule in RULES.items()},
        "away": {name: _aways(rule, chosen, start, aims, y_best) for name, rule in RULES.items()},
        "each": jax.vmap(lambda aim: chosen.inverse(aim, start))(aims),
        "unreachable": over_grid(lambda y: _missed(chosen, y), column, column),
        "bowl": over_grid(lambda y: distortion(y, aims), column, column),
    }


@eqx.filter_jit
def rested(rule, problem, start, targets, eta):
    """Where in y a walk rests."""
    return rollout(rule, problem, start, REST, eta=eta, targets=targets).y[-1]


def _aways(rule, problem, start, targets, y_best):
    """How far in y from the compromise a walk rests, for each of ETAS."""
    ends = jax.vmap(lambda eta: rested(rule, problem, start, targets, eta))(jnp.asarray(ETAS))
    return jnp.linalg.norm(ends - y_best, axis=-1)


def _missed(problem, y):
    """How far from y the nearest effect that exists is."""
    return jnp.linalg.norm(problem.forward(problem.inverse(y, jnp.ones(2))) - y)


def draw(result):
    paths, targets, mean = result["paths"], result["targets"], result["mean"]
    lines = []
    for name in ("average", "invert"):
        path = paths[name]
        for space, points in (("y", path.y), ("x", path.x)):
            lines.append(
                Line(
                    f"{name}/{space}",
                    space,
                    points[..., 0],
                    points[..., 1],
                    group=name,
                    role="path",
                    legend=space == "y",
                    dots=space == "y",
                    **LOOK[name],
                )
            )
        away = np.maximum(result["away"][name], REACHED)
        lines.append(Line(f"{name}/away", "away", ETAS, away, group=name, **LOOK[name]))
    for k, name in enumerate(TARGETS):
        pull = np.stack([result["y_best"], targets[..., k, :]], axis=-2)
        lines.append(Line(f"pull/{name}", "y", pull[..., 0], pull[..., 1], label=f"pull of target {name}", width=1.0))
    best, y_best, each, y0 = result["best"], result["y_best"], result["each"], paths["average"].y[..., 0, :]
    view = X_VIEWS[result["settings"]["problem"]]
    middle = each.mean(axis=-2)
    apart = float(np.max(np.abs(mean - y_best))) > 0.2  # else the two labels would lie on each other
    marks = [
        Mark("mean", "y", "dot", mean[..., 0], mean[..., 1], "mean of the targets" if apart else "", answer=True),
        Mark("best/y", "y", "cross", y_best[..., 0], y_best[..., 1], "least squares", answer=True),
        Mark("best/x", "x", "cross", best[..., 0], best[..., 1], "", answer=True),
        Mark("middle", "x", "ring", middle[..., 0], middle[..., 1], "their mean", answer=True),
        Mark("from", "y", "dot", y0[..., 0], y0[..., 1], "y of the start"),
    ]
    marks += [Mark(f"each{k}", "x", "dot", each[..., k, 0], each[..., k, 1], f"{k + 1}") for k in range(3)]
    wide = (-Y_VIEW, Y_VIEW) * 2
    return Drawing(
        panels=(
            Panel(
                "y",
                "y-space: drag the targets; grey: no x leads there",
                Axis("y₁", (-Y_VIEW, Y_VIEW)),
                Axis("y₂", (-Y_VIEW, Y_VIEW)),
                big=True,
                equal=True,
            ),
            Panel(
                "x",
                "x-space: what each target asks for",
                Axis("x₁", (-view, view)),
                Axis("x₂", (-view, view)),
                equal=True,
            ),
            Panel(
                "away",
                "distance from the compromise at the end",
                Axis(
                    "step size η", (0.05, 1.0), log=True, ticks=tuple((v, f"{v:g}") for v in (0.05, 0.1, 0.2, 0.5, 1.0))
                ),
                Axis(
                    "|y − best|",
                    (REACHED / 1.5, 2.0),
                    log=True,
                    ticks=((REACHED, "none"), (0.01, "0.01"), (0.1, "0.1"), (1.0, "1")),
                ),
                cursor="eta",
            ),
        ),
        lines=tuple(lines),
        fields=(
            Field("unreachable", "y", (result["unreachable"] > 1e-6).astype(float), wide, "shade", low=0.0, high=2.5),
            Field(
                "distortion",
                "y",
                result["bowl"],
                wide,
                levels=tuple(float(level) for level in np.arange(2, 40, 3)),
                answer=True,
            ),
        ),
        marks=tuple(marks),
        step=result["settings"]["step"],
    )


def away_at_rest(result, name):
    """How far in y from the compromise the walk rests at this eta."""
    return float(np.linalg.norm(result["rest"][name] - result["y_best"]))


def reading(result):
    mean, y_best = result["mean"], result["y_best"]
    short = float(np.linalg.norm(mean - y_best))
    if short < REACHED:
        best = f"The mean of the targets, {point_word(mean)}, can be reached, so it is the compromise."
    else:
        best = f"No x leads to the mean of the targets; the compromise is {number_word(short)} away from it."
    told = [_end_word(name, away_at_rest(result, name)) for name in RULES]
    return joined(best, f"At η = {number_word(result['settings']['eta'])} {', '.join(told)}.")


def _end_word(name, distance):
    """Where a path ends, after REST iterations."""
    if not np.isfinite(distance):
        return f"{FIRST[name]} diverges"
    where = "at the compromise" if distance < REACHED else f"{number_word(distance)} away from it"
    return f"{FIRST[name]} ends {where}"


def _ahead(result):
    """The difference of the distances at the end, less than REACHED counts as none; positive: averaging first wins."""
    gap = away_at_rest(result, "invert") - away_at_rest(result, "average")
    return 0.0 if abs(gap) < REACHED else gap


def remark(result):
    """Why, at these settings."""
    if result["settings"]["problem"] == "sheared":
        return "P is linear, so the average of the inverses is the inverse of the average."
    if _ahead(result) == 0:
        return "Here both paths end at effects that differ by less than 0.001, although P is not linear."
    if _ahead(result) > 0:
        return "The loss is a distance in y, so average in y. The average of three causes has no special meaning."
    return "Here averaging first has not reached the compromise within 200 iterations, or ends at another one."


def _diverged(result):
    """Why there is no answer, where a path has no end."""
    if all(np.isfinite(away_at_rest(result, name)) for name in RULES):
        return ""
    return "At these settings a path diverges, so it has no end."


def _compromise_claim(lesson):
    ends = {}
    for problem in PROBLEMS:
        for eta in (0.2, 1.0):
            ends[problem, eta] = away_at_rest(lesson.experiment(problem=problem, eta=eta), "average")
    low = {"one": (-1.2, -1.6), "two": (0.2, -0.9), "three": (1.6, 0.3)}
    aside = {"one": (1.4, 0.1), "two": (0.9, 1.3), "three": (2.2, -0.6)}
    ends["squared", "out of reach"] = away_at_rest(lesson.experiment(**low), "average")
    ends["sine", "out of reach"] = away_at_rest(lesson.experiment(problem="sine", **aside), "average")
    return ends, max(ends.values()) < 1e-4


def _order_claim(lesson):
    slopes, away = {}, {}
    for problem in ("squared", "sine"):
        found = lesson.experiment(problem=problem)["away"]["invert"][:7]
        slopes[problem], away[problem] = float(measures.loglog_slope(ETAS[:7], found)), float(found[-1])
    return (slopes, away), all(0.8 < slope < 1.2 for slope in slopes.values()) and min(away.values()) > 1e-3


def _linear_claim(lesson):
    result = lesson.experiment(problem="sheared")
    gap = float(np.abs(result["paths"]["average"].x - result["paths"]["invert"].x).max())
    return gap, gap < 1e-12


def _floor_claim(lesson):
    found = {}
    for problem in PROBLEMS:
        result = lesson.experiment(problem=problem)
        paths = result["paths"].values()
        sums = [np.sum((path.y[:, None] - result["targets"]) ** 2, axis=(1, 2)) for path in paths]
        found[problem] = float(np.min(sums) - result["least"])
    return found, min(found.values()) > -1e-9


CODE = {
    "squared": "toys.SquaredSecond()",
    "sine": "toys.RotatedSine(1.0)",
    "sheared": "toys.Sheared(((1.0, 0.5), (0.0, 1.2)))",
}


def takeaway(settings):
    """Both walks, and the effects at which they rest."""
    targets = ", ".join(str(settings[name]) for name in TARGETS)
    return f"""\
import jax.numpy as jnp
from core import toys
from core.rollout import rollout
from core.targets import average_then_invert, compromise, invert_then_average

problem = {CODE[settings["problem"]]}
targets = jnp.array([{targets}])
start = jnp.array({list(settings["start"])})
hyper = dict(eta={settings["eta"]!r}, targets=targets)
averaged = rollout(average_then_invert, problem, start, {REST}, **hyper).y[-1]
inverted = rollout(invert_then_average, problem, start, {REST}, **hyper).y[-1]
best = problem.forward(compromise(problem, targets))"""


def taken(result):
    return {"averaged": result["rest"]["average"], "inverted": result["rest"]["invert"], "best": result["y_best"]}


def _point(name, number):
    return Point(name, f"target {number}", "y", (-Y_VIEW, -Y_VIEW), (Y_VIEW, Y_VIEW), TARGETS[name])


LESSON = Lesson(
    slug="many-targets",
    title="Many targets",
    question="With an inverse at hand, is there anything left to optimise?",
    text=(
        "For one target, $P^{-1}(y^*; x)$ is the answer: one evaluation. Now three targets want the same $x$, and no "
        "$x$ serves them all. At first $P(x) = (x_1, x_2^2)$. We want the least distortion, "
        "$\\min_x \\sum_i |P(x) - y_i|^2$. At each iteration you may **average** the three pulls $\\eta\\,(y_i - y)$ "
        "in y and invert once, or **invert** for each target and average the three $\\Delta x$."
    ),
    minutes=7,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("eta", "η, share of each pull", 0.05, 1.0, 0.6, "log", landmarks=(Landmark("full step", 1.0),)),
        Choice(
            "problem", "P", {"squared": "folds: (x₁, x₂²)", "sine": "turns and bends", "sheared": "shears"}, "squared"
        ),
        _point("one", 1),
        _point("two", 2),
        _point("three", 3),
        Point("start", "start", "x", (-START[0], -START[1]), START, (-1.7, 1.0)),
        Legend("hide", tuple(RULES)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "Both methods run for 200 iterations at η = {eta:.2g}. Which of them ends nearer to the least distortion?",
        (
            Option(
                "averaging the pulls first, then inverting",
                lambda result: _ahead(result) > 0,
                "The order matters only if P is curved along the steps.",
            ),
            Option(
                "inverting for each target first, then averaging",
                lambda result: _ahead(result) < 0,
                "Three exact solutions look better than one, but the distortion is measured in y, not in x.",
            ),
            Option(
                "neither: they end at the same y, within 0.001",
                lambda result: _ahead(result) == 0,
                "That holds for a linear P. For a curved P the average of the causes is not the cause of the average.",
            ),
        ),
        remark=remark,
        unasked=_diverged,
    ),
    why=(
        "With $\\bar y$ the mean of the three, $\\sum_i |y - y_i|^2 = 3\\,|y - \\bar y|^2 + \\sum_i |y_i - \\bar y|^2$."
        " The second term is there whatever you do, so the compromise is the $x$ whose effect is nearest to "
        "$\\bar y$. Averaging first goes straight to it, at any $\\eta$. Inverting first ends where three *bent* "
        "steps cancel, which is elsewhere; as $\\eta \\to 0$ the steps become straight and it gets there too, in "
        "more and more iterations.\n\n" + code(average_then_invert, invert_then_average)
    ),
    limits=(
        "For one simulator, many targets are equivalent to their mean. So with $\\eta = 1$ a single "
        "inversion solves this problem as well; the iteration is needed if the inverse holds only nearby, and if "
        "each target has its *own* simulator: their effects cannot be averaged, and one minimises the sum over $x$ "
        "itself ([Four ways down](four-ways)). If $\\bar y$ is out of reach (shaded), it matters what the inverse does "
        "there: these return the nearest effect that exists, so the compromise is still found. And least squares is "
        "a choice: one far target pulls as much as many near ones."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Inverse simulators”: an x "
        "that yields multiple targets with minimal distortion, in the sense of least squares.",
    ),
    claims=(
        Claim(
            "Averaging first rests at the least-squares compromise, found without an inverse, at small and full steps, "
            "also where the mean target is out of reach.",
            _compromise_claim,
            rows=("E5",),
        ),
        Claim(
            "On a curved P inverting first rests beside it, off by eta to the first power, by a fit.",
            _order_claim,
            rows=("E5",),
        ),
        Claim("On a linear P both walks are the same.", _linear_claim, rows=("E5",)),
        Claim("No step of any walk gets below the least distortion.", _floor_claim),
    ),
    symbols=("x", "y", "target", "simulator", "inverse", "pg", "eta", "dx"),
    takeaway=Takeaway(takeaway, taken),
    teaching=Teaching(
        misconception="With an inverse there is nothing to optimise; for several targets, average their solutions.",
        demo=(
            ("Three targets, two ways to average. Play them.", {"eta": 0.6, "step": 0}),
            ("At full steps inverting first averages three solutions, and misses by most.", {"eta": 1.0}),
            ("At small steps it gets close, slowly.", {"eta": 0.05}),
            ("On a linear P there is no difference.", {"problem": "sheared"}),
        ),
        room="Where would you average two measurements of one thing: before or after the inversion? Listen for: where "
        "the error is measured; and that both agree only if P is linear.",
    ),
    alt="Three targets in y-space with two walks towards a compromise, the same walks in x-space with the solution for "
    "each target, and how far from the compromise each walk rests against the step size.",
)
