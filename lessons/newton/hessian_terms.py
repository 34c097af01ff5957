"""The Hessian of a composition has two terms, and both know what comes after y (curriculum C3)."""

import jax
import jax.numpy as jnp
import numpy as np

from core.chain_rule import hessian_terms, promised_and_actual
from core.losses import LogCoshLoss, output_newton
from core.measures import loglog_slope
from core.scalar import Curved
from core.toys import Banana, RotatedSine, Sheared
from core.updates import newton
from lessons.controls import Landmark, Legend, Slider
from lessons.figures import METHODS, Axis, Drawing, Line, Mark, Panel
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Option, Prediction
from lessons.words import brief, code

LOW, HIGH = -1.5, 2.3
GRID = np.linspace(LOW, HIGH, 121)
POLE = 30.0  # beyond this a step is off the panel: a gap, not a line from pole to pole
CLOSE = 0.1  # a change within this share of the intended one is called the same
CANCEL = 0.1  # of the first term: what is left where the two nearly cancel
AT = 1e-4  # nearer to the target than an address can write
ORANGE, GREEN = METHODS["newton"].colour, METHODS["inverse_gradient"].colour
GROUPS = ("wished", "newton", "tangent", "outer", "inner", "hessian")


def simulate(x, target, quartic, eta):
    """Both terms and the steps in y at x, and the same for every x of GRID."""
    problem = Curved(1.0, quartic, target)

    def at(x):
        x = x[None]
        y, jacobian = problem.forward(x), problem.jacobian(x)
        outer, inner = hessian_terms(problem, x)
        dx = newton(problem, x, eta)
        promised, actual = promised_and_actual(problem, x, dx)
        wished = output_newton(problem, y, eta)
        found = {
            "y": y,
            "outer": outer,
            "inner": inner,
            "autodiff": jax.hessian(problem.objective)(x),
            "later": jax.hessian(problem.loss)(y),
            "dx": dx,
            "promised": promised,
            "actual": actual,
            "wished": wished,
            "reached": problem.forward(x + jnp.linalg.solve(jacobian, wished)) - y,
        }
        return {name: value.reshape(()) for name, value in found.items()}

    over = jax.vmap(at)(jnp.asarray(GRID, x.dtype))
    return {
        "here": at(x),
        "over": over,
        "x": x,
        "target": target,
        "solution": problem.inverse(problem.target, x[None])[0],
        "gap": jnp.max(jnp.abs(over["outer"] + over["inner"] - over["autodiff"]) / (1 + jnp.abs(over["autodiff"]))),
    }


def draw(result):
    over, here, x = result["over"], result["here"], result["x"]
    # In units of d2L/dy2, which is positive: so the first term is the simulator's alone.
    terms = {name: over[name] / over["later"] for name in ("outer", "inner")}
    whole = (here["outer"] + here["inner"]) / here["later"]
    steps = {name: np.where(np.abs(over[name]) < POLE, over[name], np.nan) for name in ("promised", "actual")}
    end = x + here["dx"]
    way = x[..., None] + np.linspace(0, 1, 41) * here["dx"][..., None]
    way = np.where((way > LOW - 1) & (way < HIGH + 1), way, np.nan)
    tangent_x, tangent_y = np.stack([x, end], -1), np.stack([here["y"], here["y"] + here["promised"]], -1)
    wish_x, wish_y = np.stack([x, x], -1), np.stack([here["y"], here["y"] + here["wished"]], -1)
    target_y = np.stack([result["target"]] * 2, -1)
    newton_style = {"group": "newton", "colour": ORANGE, "width": 4.5}
    dotted = {"group": "tangent", "colour": ORANGE, "dash": "dot", "width": 2.5}
    wish = {"group": "wished", "colour": GREEN, "dash": "dash", "width": 3.5, "answer": False}
    grey = {"legend": True, "colour": "text"}
    lines = [
        Line("simulator", "y", GRID, over["y"], label="y = sinh x", width=1.5, answer=False),
        Line("target", "y", [LOW, HIGH], target_y, label="y*", dash="dash", width=1.0, answer=False),
        Line("wish", "y", wish_x, wish_y, label="intended", legend=True, **wish),
        Line("tangent", "y", tangent_x, tangent_y, label="Newton, tangent", legend=True, **dotted),
        Line("way", "y", way, np.sinh(way), label=METHODS["newton"].label, legend=True, **newton_style),
        Line("hessian", "terms", GRID, sum(terms.values()), label="their sum", width=3.0, **grey),
        Line("outer", "terms", GRID, terms["outer"], label="first term", dash="dash", **grey),
        Line("inner", "terms", GRID, terms["inner"], label="second term", dash="dot", **grey),
        Line("zero", "terms", [LOW, HIGH], [0.0, 0.0], label="0", width=0.8, answer=False),
        Line("wished", "step", GRID, over["wished"], label="intended", **wish),
        Line("promised", "step", GRID, steps["promised"], label="Newton, tangent", **dotted),
        Line("actual", "step", GRID, steps["actual"], label=METHODS["newton"].label, **newton_style),
    ]
    across = Axis("x", (LOW, HIGH))
    return Drawing(
        panels=(
            Panel("y", "y over x, and a step", across, Axis("y", (-3.0, 6.0)), big=True, cursor="x"),
            Panel("terms", "both terms over d²L/dy²", across, Axis("", (-8.0, 32.0)), cursor="x"),
            Panel("step", "step in y, from each x", across, Axis("Δy", (-6.0, 6.0)), cursor="x"),
        ),
        lines=tuple(lines),
        marks=(
            Mark("here", "y", "dot", x, here["y"], "here"),
            Mark("landing", "y", "ring", end, here["y"] + here["actual"], "lands", answer=True),
            Mark("sum-here", "terms", "ring", x, whole, "", answer=True),
            Mark("step-here", "step", "ring", x, here["actual"], "", answer=True),
        ),
        numbers={"solution": result["solution"]},
    )


def at_target(result):
    """Whether y is where it should be."""
    return abs(float(result["target"] - result["here"]["y"])) < AT


def share(result):
    """Newton's change of y over the intended one: negative is away from the target, nan is at the target."""
    here = result["here"]
    if at_target(result):
        return np.nan
    return float(here["actual"]) / float(here["wished"])


def second_over_first(result):
    """The second term of the Hessian over the first, which is positive."""
    return float(result["here"]["inner"]) / float(result["here"]["outer"])


def reading(result):
    here = {name: float(value) for name, value in result["here"].items()}
    if np.isnan(share(result)):
        return "You are at the target, so the intended change of y is zero. Move x."
    ratio = second_over_first(result)
    terms = f"The second term divided by the first is {brief(ratio)}"
    if abs(1 + ratio) < CANCEL:
        return f"{terms}: the two nearly cancel. So Newton’s step is over ten times as long as without the second term."
    moved = f"Newton’s step changes y by {brief(here['actual'])}, the intended change is {brief(here['wished'])}."
    if ratio < -1:
        return f"{moved} {terms}, so their sum is negative and y moves away from its target."
    effect = "shortens" if ratio > 0 else "lengthens"
    return f"{moved} {terms}. Along the tangent the second term {effect} the change."


def unasked(result):
    """At the target there is no intended change to compare with."""
    return (
        "At the target the intended change of y is zero, so there is nothing to compare." if at_target(result) else ""
    )


def remark(result):
    """Why it is so at these settings."""
    ratio = second_over_first(result)
    sign = "positive" if ratio > -1 else "negative"
    terms = f"The second term divided by the first is {brief(ratio)}"
    return f"{terms}, so their sum is {sign}. That sign decides the direction."


def _sum_claim(lesson):
    gaps = [float(lesson.experiment(quartic=q, target=t)["gap"]) for q in (0.0, 0.5) for t in (-1.0, 4.0)]
    for problem in (RotatedSine(), Banana(), Sheared(target=(1.0, -2.0))):
        whole = jax.hessian(problem.objective)(problem.start)
        gaps.append(float(jnp.abs(sum(hessian_terms(problem, problem.start)) - whole).max() / jnp.abs(whole).max()))
    return gaps, max(gaps) < 1e-12


def _fades_claim(lesson):
    solution = float(lesson.experiment()["solution"])
    here = lesson.experiment(x=solution)["here"]
    return (here["inner"], here["outer"]), abs(here["inner"]) < 1e-9 < here["outer"]


def _later_claim(lesson):
    shares = []
    for quartic in (0.0, 1.0):
        result = lesson.experiment(x=1.8, quartic=quartic)
        found = float(result["here"]["promised"] / result["here"]["wished"])
        shares.append((found, 1 / (1 + second_over_first(result))))
    # In two dimensions, with a loss that is no square: the second term alone keeps Newton from the intended change.
    x, eta, off = jnp.array([0.3, -0.4]), jnp.array(0.5), []
    for width in (2.0, 8.0):
        sine = LogCoshLoss(RotatedSine(), jnp.array(width))
        outer, inner = hessian_terms(sine, x)
        wish, slope = output_newton(sine, sine.forward(x), eta), jax.grad(sine.objective)(x)
        for hessian in (outer, outer + inner):
            step = sine.jacobian(x) @ jnp.linalg.solve(hessian, -eta * slope)
            off.append(float(jnp.linalg.norm(step - wish) / jnp.linalg.norm(wish)))
    law = np.allclose(*zip(*shares, strict=True), rtol=1e-9) and abs(shares[0][0] / shares[1][0] - 1) > 0.2
    return (shares, off), law and max(off[::2]) < 1e-9 and min(off[1::2]) > 1e-3 and abs(off[1] / off[3] - 1) > 0.1


def _order_claim(lesson):
    etas = np.geomspace(0.01, 0.1, 7)
    here = [lesson.experiment(x=2.0, eta=eta)["here"] for eta in etas]
    gaps = [[h["actual"] - h["promised"] for h in here], [h["reached"] - h["wished"] for h in here]]
    sine, x = RotatedSine(), jnp.array([0.3, -0.4])
    pairs = [promised_and_actual(sine, x, newton(sine, x, jnp.array(eta))) for eta in etas / 10]
    gaps.append([jnp.linalg.norm(actual - promised) for promised, actual in pairs])
    slopes = [float(loglog_slope(jnp.asarray(etas), jnp.asarray(gap))) for gap in gaps]
    return slopes, all(1.9 < slope < 2.1 for slope in slopes)


def _away_claim(lesson):
    found = [share(lesson.experiment(x=x)) for x in (1.0, 1.8, 2.09)]
    return found, found[0] < 0 and found[1] > 1.5 and abs(found[2] - 1) < 0.05


def _take(settings):
    return "\n".join(
        [
            "import jax.numpy as jnp",
            "from core.chain_rule import hessian_terms, promised_and_actual",
            "from core.losses import output_newton",
            "from core.scalar import Curved",
            "from core.updates import newton",
            "",
            f"problem = Curved(quartic={settings['quartic']!r}, target={settings['target']!r})",
            f"x, eta = jnp.array([{settings['x']!r}]), jnp.array({settings['eta']!r})",
            "outer, inner = hessian_terms(problem, x)",
            "promised, actual = promised_and_actual(problem, x, newton(problem, x, eta))",
            "wished = output_newton(problem, problem.forward(x), eta)",
        ]
    )


def _taken(result):
    return {name: result["here"][name] for name in ("outer", "inner", "promised", "actual", "wished")}


LESSON = Lesson(
    slug="hessian-terms",
    title="Two terms of a Hessian",
    question="How far will y move if Newton takes a step in x?",
    text=(
        "An unknown $x$ gives $y = \\sinh x$, and $y$ gives the loss $L = (y - y^*)^2 + q\\,(y - y^*)^4$. Newton’s "
        "method for $y$ itself would change it by $\\Delta y = -\\eta\\,L'(y)/L''(y)$. We call this the **intended** "
        "change of $y$; for $q = 0$ it is $\\eta\\,(y^* - y)$. But the unknown is $x$. Newton’s method steps by "
        "$\\Delta x = -\\eta\\,\\frac{dL}{dx} / \\frac{d^2L}{dx^2}$ with\n\n$$\\frac{d^2L}{dx^2} = "
        "\\frac{d^2L}{dy^2}\\left(\\frac{dy}{dx}\\right)^2 + \\frac{dL}{dy}\\,\\frac{d^2y}{dx^2}$$"
    ),
    minutes=8,
    controls=(
        Slider("x", "x", LOW, HIGH, 1.0, landmarks=(Landmark("solution", number="solution"), Landmark("x = 1", 1.0))),
        Slider("eta", "η", 0.01, 1.0, 0.5, landmarks=(Landmark("full step", 1.0),)),
        Slider("target", "target y*", -2.0, 4.9, 4.0),
        Slider("quartic", "q, quartic part of L", 0.0, 1.0, 0.0, landmarks=(Landmark("none", 0.0),)),
        Legend("hide", GROUPS),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "From x = {x:.3g}, with y* = {target:.3g}, η = {eta:.3g} and q = {quartic:.2g}: how does Newton’s step change "
        "y, compared with the intended Δy?",
        (
            Option(
                "about as intended, give or take 10 %",
                lambda result: abs(share(result) - 1) <= CLOSE,
                "For a straight simulator it would be so, because there the second term is zero.",
            ),
            Option(
                "the right way, but not as far",
                lambda result: 0 <= share(result) < 1 - CLOSE,
                "Along the tangent y moves less far only if the second term is positive.",
            ),
            Option(
                "the right way, but farther",
                lambda result: share(result) > 1 + CLOSE,
                "Along the tangent y moves farther only if the second term is negative and smaller than the first.",
            ),
            Option(
                "it moves y the wrong way",
                lambda result: share(result) < 0,
                "Newton’s method moves y the wrong way only if the sum of both terms is negative.",
            ),
        ),
        remark=remark,
        unasked=unasked,
    ),
    why=(
        "Without the second term Newton’s method would bring the intended change, to first order. With it, this change "
        "is divided by one plus the second term over the first:\n\n" + code(hessian_terms) + "\n\n"
        "That ratio is $\\frac{L'}{L''}\\cdot\\frac{y''}{y'^2}$. It holds the bend of the simulator, and $L'/L''$, "
        "which belongs to what comes after $y$. Add a quartic part, and Newton’s method brings another share of the "
        "intended change, though neither $x$ nor the simulator has changed. The inverse gradient separates the two: "
        "$\\Delta y$ is chosen from $L$ alone ([How the loss enters](loss-step)). Once chosen, $\\Delta x = "
        "J^{-1}\\Delta y$ brings it, to first order."
    ),
    limits=(
        "What the tangent says is not what happens, for either method: the difference falls like $\\eta^2$. The "
        "second term is zero at the solution, where $dL/dy = 0$. The Gauss–Newton method drops it everywhere. It then "
        "cannot move away from the target along the tangent, but uses less of the curvature. Where the sum is negative "
        "Newton’s method goes uphill: [Newton’s method at a saddle](newton-breaks). A method that brings the intended "
        "change exactly inverts the simulator itself: [Four ways down](four-ways)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Consistency in function "
        "compositions”.",
    ),
    claims=(
        Claim(
            "The two terms add up to autodiff’s Hessian, here and on two-dimensional problems.",
            _sum_claim,
            rows=("C3",),
        ),
        Claim("The second term is gone at the solution; the first is not.", _fades_claim),
        Claim(
            "To first order Newton brings the intended change divided by one plus the second term over the first; that "
            "share depends on L. Without the second term it brings the intended change, in two dimensions too.",
            _later_claim,
            rows=("C3",),
        ),
        Claim(
            "What happens differs from what the tangent says like eta squared, for Newton and the inverse gradient.",
            _order_claim,
        ),
        Claim("Newton moves y away from its target at x = 1, too far at 1.8, as intended at 2.09.", _away_claim),
    ),
    symbols=("x", "y", "target", "loss", "hessian", "jacobian", "dx", "dy", "eta", "newton", "ig", "order"),
    takeaway=Takeaway(_take, _taken),
    teaching=Teaching(
        misconception="How far an inner quantity moves is settled by the function that makes it.",
        demo=(
            ("The second term wins: the sum is negative, and y moves away from its target.", {"x": 1.0}),
            ("Nearer to the solution: the right way, but 1.7 times as far as intended.", {"x": 1.8}),
            ("Same x, same simulator, another loss: now 1.2 times.", {"x": 1.8, "quartic": 1.0}),
            ("Near the solution the second term fades, and y changes as intended.", {"x": 2.09}),
        ),
        room=(
            "You keep the intended Δy and change the loss. Whose step in x changes: gradient descent’s, "
            "Newton’s, the inverse gradient’s? Listen for: the first two’s, since both hold dL/dy, Newton’s its "
            "derivative as well. The inverse gradient is told Δy, not L."
        ),
    ),
    alt=(
        "The simulator’s curve with the intended step in y and Newton’s, along the tangent and as it happens; the two "
        "terms of the Hessian and their sum over x; the steps in y from every x."
    ),
)
