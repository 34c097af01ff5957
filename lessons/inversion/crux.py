"""The crux: one stretched direction is enough to point the gradient away from the minimum (curriculum A1 to A4)."""

import jax
import jax.numpy as jnp
import numpy as np

from core import measures
from core.problem import InUnits
from core.rollout import adam, momentum, rollout
from core.scalar import Incline
from core.toys import Scaled
from core.updates import gradient_descent, inverse_gradient, inverse_simulator, newton
from lessons.controls import Choice, Landmark, Legend, Point, Slider, Step
from lessons.figures import METHODS, Axis, Drawing, Field, Line, Mark, Panel, arrow, path_lines
from lessons.inversion import notes
from lessons.landscape import landscape
from lessons.lesson import Claim, Lesson
from lessons.prediction import Option, Prediction
from lessons.words import code, count_word, joined, number_word, sentence, share_word

STEPS = 40
INVERSE_ETA = 0.3  # the three inverse methods take 30 % of the gap a step: slow enough to see them walk
SAME = 1e-3  # paths that differ by less than this share of their length are called the same
TOLERANCE = 1e-3  # "arrived": a thousandth of the starting distance
ALPHAS = np.geomspace(0.25, 8, 31)  # for the step counts
METER_ALPHAS = np.geomspace(0.1, 100, 25)  # for the scale-invariance meter
METER_STEPS = 20
MOST_STEPS = 400  # GD at alpha = 8 needs 222 from the default start
VIEW = 4.0
ANGLES = {"straight": 0.0, "turned": np.radians(30.0)}
RULES = {"newton": newton, "inverse_gradient": inverse_gradient, "inverse_simulator": inverse_simulator}
METERED = ("gradient_descent", "momentum", "adam", "newton", "inverse_gradient", "inverse_simulator")
FLOOR = 1e-17  # where the logarithmic meter puts an exact zero


def simulate(axes, alpha, eta, start):
    """Everything on the page, for one alpha and eta from one start."""
    angle = ANGLES[axes]
    problem = Scaled(alpha, angle, start=start)
    downhill = -jax.grad(problem.objective)(start)
    return {
        "paths": {
            "gradient_descent": rollout(gradient_descent, problem, start, STEPS, eta=eta),
            **{name: rollout(rule, problem, start, STEPS, eta=INVERSE_ETA) for name, rule in RULES.items()},
        },
        "start": start,
        "downhill": downhill,
        "miss": measures.angle_between(downhill, -start),
        "landscape": landscape(problem, VIEW),
        "stable_limit": measures.stable_limit(problem, start),
        "best_eta": measures.best_fixed_eta(problem, start),
        "condition": measures.condition_number(jax.hessian(problem.objective)(start)),
        "counts": step_counts(start, angle),
        "meter": scale_invariance(start, angle),
    }


def step_counts(start, angle):
    """Steps until a method is within TOLERANCE of the minimum, for each of ALPHAS: {method: (31,)}; inf if never."""

    def count(rule, eta, steps):
        def one(alpha):
            problem = Scaled(alpha, angle, start=start)
            step = measures.best_fixed_eta(problem, start) if eta is None else eta
            path = rollout(rule, problem, start, steps, eta=step)
            distance = jnp.linalg.norm(path.x, axis=-1)
            return measures.steps_to(distance, TOLERANCE * distance[0])

        return jax.vmap(one)(jnp.asarray(ALPHAS))

    counts = {name: count(rule, INVERSE_ETA, STEPS) for name, rule in RULES.items()}
    return counts | {"gradient_descent": count(gradient_descent, None, MOST_STEPS)}


def scale_invariance(start, angle):
    """The scale-invariance meter of each method over METER_ALPHAS. GD and momentum get the best step for each alpha."""

    def meter(rule, eta):
        def walk(alpha):
            problem = Scaled(alpha, angle, start=start)
            step = measures.best_fixed_eta(problem, start) if eta is None else eta
            return rollout(rule, problem, start, METER_STEPS, eta=step).x

        return measures.spread(jax.vmap(walk)(jnp.asarray(METER_ALPHAS)))

    inverse = {name: meter(rule, INVERSE_ETA) for name, rule in RULES.items()}
    return inverse | {
        "gradient_descent": meter(gradient_descent, None),
        # Heavy-ball momentum 0.9 stays stable for any step below plain descent's limit, so the same step serves.
        "momentum": meter(momentum, None),
        "adam": meter(adam, INVERSE_ETA),
    }


def draw(result):
    paths, start, downhill = result["paths"], result["start"], result["downhill"]
    length = np.linalg.norm(downhill, axis=-1, keepdims=True)
    unit = downhill / np.where(length > 0, length, 1)
    arrow_x, arrow_y = arrow(start[..., 0], start[..., 1], 1.6 * unit[..., 0], 1.6 * unit[..., 1], 0.25)
    to_minimum = np.stack([start, np.zeros_like(start)], axis=-2)
    shown = ("inverse_simulator", "inverse_gradient", "newton", "gradient_descent")
    lines = [line for name in shown for line in path_lines(name, paths[name]) if line.panel == "x"]
    lines += [
        Line(
            "to-minimum",
            "x",
            to_minimum[..., 0],
            to_minimum[..., 1],
            label="to the minimum",
            dash="dash",
            width=1.2,
            legend=True,
        ),
        Line("downhill", "x", arrow_x, arrow_y, label="−∇L", colour="text", width=3.0, legend=True),
    ]
    for name in shown:
        lines.append(Line(f"{name}/count", "count", ALPHAS, result["counts"][name], name, name))
    for row, name in enumerate(reversed(METERED)):
        value = np.clip(result["meter"][name], FLOOR, 10)[..., None]
        reach = np.concatenate([np.full_like(value, FLOOR), value], axis=-1)
        style = METHODS[name]
        lines.append(
            Line(
                f"{name}/meter",
                "meter",
                reach,
                np.full(2, row),
                group=name,
                label=style.label,
                colour=style.colour,
                width=6,
            )
        )
    names = tuple((row, METHODS[name].label) for row, name in enumerate(reversed(METERED)))
    return Drawing(
        panels=(
            Panel("x", "x-space", Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW)), big=True, equal=True),
            Panel(
                "count",
                "steps to 1/1000 of the distance",
                Axis("α", (0.25, 8), log=True, ticks=tuple((v, f"{v:g}") for v in (0.25, 0.5, 1, 2, 4, 8))),
                Axis("steps", (3, 400), log=True, ticks=tuple((v, f"{v:g}") for v in (3, 10, 30, 100, 300))),
                cursor="alpha",
            ),
            Panel(
                "meter",
                "spread of the paths over α",
                Axis("spread / length of the path", (1e-17, 10), log=True),
                Axis("", (-0.6, 5.6), ticks=names),
            ),
        ),
        lines=tuple(lines),
        fields=(
            Field(
                "loss",
                "x",
                result["landscape"],
                (-VIEW, VIEW, -VIEW, VIEW),
                levels=tuple(float(level) for level in 4.0 ** np.arange(-2, 6)),
            ),
        ),
        marks=(Mark("minimum", "x", "cross", 0.0, 0.0, "minimum"),),
        numbers={"stable_limit": result["stable_limit"]},
        step=result["settings"]["step"],
    )


def reading(result):
    if np.linalg.norm(result["start"]) < 1e-9:
        return "The start is the minimum, so no method moves. Move the start."
    miss, settings = float(result["miss"]), result["settings"]
    aim = (
        "The arrow −∇L points at the minimum."
        if miss < 0.5
        else f"The arrow −∇L points {miss:.0f}° beside the minimum."
    )
    meter = result["meter"]
    same = "The paths of the three inverse methods are the same for every α; gradient descent’s are not."
    invariant = max(float(meter[name]) for name in RULES) < SAME < float(meter["gradient_descent"])
    return joined(aim, _descent(result) if settings["step"] else "", same if invariant else "")


def _descent(result):
    """How far gradient descent's path got, beside the others', judged by the paths."""
    step, beyond = result["settings"]["step"], result["settings"]["eta"] > float(result["stable_limit"])
    after = f"after {count_word(step, 'iteration')}"
    share = _share(result, "gradient_descent")
    if not share < 1e3:
        return f"Gradient descent diverges: η is above its stable limit of {number_word(result['stable_limit'])}."
    if share > 1:
        return f"{sentence(after)} gradient descent is {share_word(share)} as far away as at the start: it diverges."
    if beyond:
        return (
            f"{sentence(after)} gradient descent is still at {share_word(share)} of its initial distance, although η "
            "is above its stable limit."
        )
    others = [_share(result, name) for name in RULES]
    rank = "farther than" if share > max(others) else "closer than" if share < min(others) else "as close as"
    distance = f"at {share_word(share)} of its initial distance"
    return f"{sentence(after)} gradient descent is {distance}, {rank} the inverse methods."


def _share(result, name):
    """A method's distance from the minimum at the current step, over that at the start."""
    x = result["paths"][name].x
    return float(np.linalg.norm(x[result["settings"]["step"]]) / np.linalg.norm(x[0]))


def _misses(low, high):
    """Does the arrow miss the minimum by an angle in this range of degrees?"""
    return lambda result: low <= float(result["miss"]) < high


def _aside(result):
    """Why the arrow points where it does, from this start at this α."""
    if float(result["miss"]) < 0.5:
        return "From here ∇L is parallel to the line to the minimum."
    return "The arrow is perpendicular to the isoline through the start, and a stretched isoline is no circle."


def _no_arrow(result):
    """At the minimum there is no downhill direction to ask about."""
    return (
        "" if np.linalg.norm(result["start"]) > 1e-9 else "At the minimum the gradient is zero, so there is no arrow."
    )


prediction = Prediction(
    "α = {alpha:.3g}. You start at x₁ = {start[0]:.2g}, x₂ = {start[1]:.2g}; the minimum is at 0. By which angle does "
    "the arrow −∇L miss it?",
    (
        Option(
            "at most 10°: it points at the minimum",
            _misses(0, 10),
            "The steepest direction is that of a small step; the minimum may lie elsewhere.",
        ),
        Option(
            "10° to 35°",
            _misses(10, 35),
            "Compare the two directions: the gradient is (2x₁, 2α²x₂), the minimum lies along (−x₁, −x₂).",
        ),
        Option(
            "more than 35°",
            _misses(35, 181),
            "The gradient is (2x₁, 2α²x₂): it turns far only where α² differs much from 1 and both x₁ and x₂ count.",
        ),
    ),
    remark=_aside,
    unasked=_no_arrow,
)


def _gd_limit(lesson):
    ends = []
    for factor in (0.98, 1.02):
        path = lesson.experiment(alpha=4.0, eta=factor / 16)["paths"]["gradient_descent"].x
        ends.append(abs(path[-1, 1]) / abs(path[0, 1]))
    return ends, ends[0] < 1 < ends[1]


def _count_slope(lesson):
    counts = lesson.experiment()["counts"]["gradient_descent"]
    tail = ALPHAS >= 2
    slope = float(measures.loglog_slope(ALPHAS[tail], counts[tail]))
    return slope, 1.85 < slope < 2.15


def _meter_claim(lesson):
    meter = lesson.experiment()["meter"]
    inverse = max(float(meter[name]) for name in RULES)
    return meter, inverse < 1e-6 and meter["gradient_descent"] > 0.1 and meter["momentum"] > 0.1


def _adam_claim(lesson):
    straight, turned = (float(lesson.experiment(axes=axes)["meter"]["adam"]) for axes in ("straight", "turned"))
    return (straight, turned), straight < 1e-4 and turned > 0.1


def _arrow_claim(lesson):
    misses = [float(lesson.experiment(alpha=alpha)["miss"]) for alpha in (1.0, 2.0, 4.0, 8.0)]
    return misses, misses[0] < 1e-6 and misses[1] > 25 and sorted(misses) == misses


def _hessian_claim(lesson):
    found = [float(lesson.experiment(alpha=alpha)["condition"]) for alpha in (2.0, 4.0)]
    return found, np.allclose(found, [4.0, 16.0])


def _negation_claim(_lesson):
    """On L = alpha x, with alpha = 4 and a drop by 1 to be had: the quiz's two answers, carried out."""
    line = InUnits(Incline(target=-1.0), 4.0)
    drops = [
        float(measures.one_step(rule, line, line.start, 1.0).change) for rule in (inverse_gradient, gradient_descent)
    ]
    return drops, np.allclose(drops, [-1.0, -16.0])


LESSON = Lesson(
    slug="crux",
    title="The crux",
    question="Why does the steepest way down lead past the minimum?",
    text=(
        "A simulator turns two causes into two effects and scales the second one: $y = (x_1,\\ \\alpha\\,x_2)$. "
        "You want "
        "$y = 0$, so the loss is $L = |y|^2$. The steepest way down is the arrow $-\\nabla L$, and gradient "
        "descent goes "
        "$\\eta$ times that arrow at each step."
    ),
    minutes=7,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("alpha", "α, scale of x₂", 0.25, 8.0, 4.0, "log", landmarks=(Landmark("round: α = 1", 1.0),)),
        Slider(
            "eta",
            "η of gradient descent",
            1e-3,
            2.0,
            0.05,
            "log",
            landmarks=(Landmark("stable limit", number="stable_limit"),),
        ),
        Choice("axes", "stretched", {"straight": "along the axes", "turned": "turned by 30°"}, "straight"),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (3.0, 3.0)),
        Legend("hide", (*METERED, "downhill", "to-minimum")),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=prediction,
    quiz=Prediction(
        "Take L = αx with α = 4, and ask for a drop of the loss by Δ. Which update gives just that?",
        (
            Option("negate: dx = −α Δ", lambda result: np.isclose(4 * (-4 * 1.0), -1.0)),
            Option("invert: dx = −Δ / α", lambda result: np.isclose(4 * (-1.0 / 4), -1.0)),
            Option("square: dx = −α² Δ", lambda result: np.isclose(4 * (-16 * 1.0), -1.0)),
        ),
        remark=(
            "Inverting is not negating: the minus sign only says downhill, dividing by α takes the scale out. Negating "
            "drops the loss by α² = 16 times what was asked."
        ),
    ),
    why=(
        "The gradient is $(2x_1,\\ 2\\alpha^2 x_2)$: the scale enters **squared**. One step "
        "size has to serve both directions: the steep one allows at most $\\eta < 1/\\alpha^2$ (for $\\alpha > "
        "1$), and "
        "with that the flat one needs about $\\alpha^2$ times as many steps. A smaller learning rate cures the "
        "divergence, not the scaling. Methods that **invert** (the Hessian, the Jacobian, the simulator) divide the "
        "scale out: their walk is the same for every α.\n\n" + code(gradient_descent)
    ),
    limits=(
        "The problem is linear, so all inverse methods coincide; on curved problems they part "
        "([Four ways down](four-ways)). Adam divides each gradient by its own size, so it is immune to a stretch "
        "*along "
        "the axes*; turn the stretch by 30° and that is gone. Newton’s method needs second derivatives, the other "
        "two an "
        "invertible Jacobian or simulator."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “The crux of the matter”.",
    ),
    claims=(
        Claim(
            "The arrow points at the minimum only for alpha = 1, and misses it more the larger.", _arrow_claim, ("A1",)
        ),
        Claim("The Hessian's condition number is alpha squared.", _hessian_claim, ("A1",)),
        Claim("Gradient descent is stable below eta = 1/alpha^2 and diverges above.", _gd_limit, ("A2",)),
        Claim("At its best fixed eta, gradient descent's step count grows like alpha^2.", _count_slope, ("A2",)),
        Claim(
            "Newton, inverse gradient and inverse simulator are scale-invariant, GD and momentum are not.",
            _meter_claim,
            rows=("A3", "D1"),
        ),
        Claim("Adam is invariant to a stretch along the axes and not to a turned one.", _adam_claim, ("A3",)),
        Claim(
            "Inverting changes the loss by what was asked, negating by alpha^2 times that.", _negation_claim, ("A4",)
        ),
    ),
    symbols=("alpha", "eta", "loss", "gradient", "hessian", "invariance", "newton", "ig", "pg"),
    takeaway=notes.crux_takeaway(STEPS, INVERSE_ETA, ANGLES),
    teaching=notes.CRUX_TEACHING,
    alt="Isolines of the loss with the downhill arrow, the paths of four methods, step counts against alpha, and the "
    "scale-invariance meter.",
)
