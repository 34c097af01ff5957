"""The Hessian of a composition has two terms, and both know what comes after y (curriculum C3)."""

import jax
import jax.numpy as jnp
import numpy as np

from core.chain_rule import hessian_terms, promised_and_actual
from core.scalar import Curved
from core.toys import Banana, RotatedSine, Sheared
from core.updates import inverse_gradient, newton
from lessons.controls import Landmark, Legend, Slider
from lessons.figures import METHODS, Axis, Drawing, Line, Mark, Panel
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Option, Prediction
from lessons.words import code, number_word, power

LOW, HIGH = -1.5, 2.5
GRID = np.linspace(LOW, HIGH, 121)
POLE = 30.0  # beyond this a step is off the panel: a gap, not a line from pole to pole
KEPT = 0.9, 1.1  # a promise is kept if what happens is between these parts of it
ORANGE, GREEN = METHODS["newton"].colour, METHODS["inverse_gradient"].colour
GROUPS = ("outer", "inner", "hessian", "newton", "wished")


def simulate(x, target, quartic, eta):
    """Both terms and the steps in y at x, and the same for every x of GRID."""
    problem = Curved(1.0, quartic, target)

    def at(x):
        x = x[None]
        outer, inner = hessian_terms(problem, x)
        dx = newton(problem, x, eta)
        promised, actual = promised_and_actual(problem, x, dx)
        wished, reached = promised_and_actual(problem, x, inverse_gradient(problem, x, eta))
        found = {
            "y": problem.forward(x),
            "outer": outer,
            "inner": inner,
            "autodiff": jax.hessian(problem.objective)(x),
            "dx": dx,
            "promised": promised,
            "actual": actual,
            "wished": wished,
            "reached": reached,
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
    hessian = over["outer"] + over["inner"]
    steps = {name: np.where(np.abs(over[name]) < POLE, over[name], np.nan) for name in ("promised", "actual")}
    end = x + here["dx"]
    grey = {"legend": True, "colour": "text"}
    tangent_x, tangent_y = np.stack([x, end], -1), np.stack([here["y"], here["y"] + here["promised"]], -1)
    target_y = np.stack([result["target"]] * 2, -1)
    newton_style = {"group": "newton", "colour": ORANGE}
    dotted = newton_style | {"dash": "dot", "width": 2.5}
    lines = [
        Line("autodiff", "terms", GRID, over["autodiff"], group="hessian", label="autodiff", width=8.0, opacity=0.3),
        Line("hessian", "terms", GRID, hessian, label="their sum, the Hessian", width=3.0, **grey),
        Line("outer", "terms", GRID, over["outer"], label="(d²L/dy²)(dy/dx)²", dash="dash", **grey),
        Line("inner", "terms", GRID, over["inner"], label="(dL/dy)(d²y/dx²)", dash="dot", **grey),
        Line("zero", "terms", [LOW, HIGH], [0.0, 0.0], group="zero", label="0", width=0.8, answer=False),
        Line("simulator", "y", GRID, over["y"], group="simulator", label="y = sinh x", width=2.0, answer=False),
        Line("target", "y", [LOW, HIGH], target_y, group="target", label="y*", dash="dash", width=1.0, answer=False),
        Line("tangent", "y", tangent_x, tangent_y, label="promised by the tangent", **dotted),
        Line("wished", "step", GRID, over["wished"], group="wished", label="η (y* − y), the inverse gradient’s",
             colour=GREEN, dash="dash", width=3.5, legend=True),
        Line("promised", "step", GRID, steps["promised"], label="Newton, promised", **dotted),
        Line("actual", "step", GRID, steps["actual"], label="Newton, actual", legend=True, **newton_style),
    ]  # fmt: skip
    across = Axis("x", (LOW, HIGH))
    return Drawing(
        panels=(
            Panel("terms", "the two terms of d²L/dx²", across, Axis("", (-12.0, 24.0)), big=True, cursor="x"),
            Panel("y", "y over x, and Newton’s step", across, Axis("y", (-3.0, 6.5)), cursor="x"),
            Panel("step", "step in y, from each x", across, Axis("Δy", (-6.0, 6.0)), cursor="x"),
        ),
        lines=tuple(lines),
        marks=(
            Mark("here", "y", "dot", x, here["y"], "here"),
            Mark("landing", "y", "ring", end, here["y"] + here["actual"], "lands", answer=True),
            Mark("hessian-here", "terms", "ring", x, here["outer"] + here["inner"], "", answer=True),
        ),
        numbers={"solution": result["solution"]},
    )


def towards(result):
    """The part of the gap y* - y that Newton's step covers: negative is away from the target, nan is nowhere."""
    here = result["here"]
    gap = float(result["target"] - here["y"])
    return float(here["actual"]) / gap if gap else np.nan


def kept(result):
    """What happens to y, as a part of what the tangent promised."""
    promised = float(result["here"]["promised"])
    return float(result["here"]["actual"]) / promised if promised else np.nan


def reading(result):
    here = {name: float(value) for name, value in result["here"].items()}
    whole = here["outer"] + here["inner"]
    terms = (
        f"At x = {number_word(result['x'])} the first term is {number_word(here['outer'])}, the second "
        f"{number_word(here['inner'])}; their sum {number_word(whole)} is autodiff’s Hessian (to "
        f"{power(result['gap'])} everywhere)."
    )
    if abs(float(result["target"]) - here["y"]) < 1e-9:
        return f"{terms} You are at the target: no step is wanted, and the second term is gone."
    if not np.isfinite(here["actual"]):
        return f"{terms} The Hessian is as good as zero here: Newton’s step leaves for infinity."
    wish = (
        f"Wished for was Δy = {number_word(here['wished'])}. Newton promises {number_word(here['promised'])} and "
        "brings "
        f"{number_word(here['actual'])}"
    )
    if whole < 0:
        return f"{terms} {wish}: the sum is negative, so it walks away from the target."
    return f"{terms} {wish}."


def _towards_as_promised(result):
    return towards(result) > 0 and KEPT[0] <= kept(result) <= KEPT[1]


def _towards_otherwise(result):
    return towards(result) > 0 and not KEPT[0] <= kept(result) <= KEPT[1]


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
    plain, quartic = (lesson.experiment(x=2.4, quartic=q)["here"] for q in (0.0, 1.0))
    change = {name: float(quartic[name] / plain[name]) for name in ("promised", "wished")}
    return change, abs(change["wished"] - 1) < 1e-12 and abs(change["promised"] - 1) > 0.2


def _order_claim(lesson):
    etas = np.geomspace(0.01, 0.1, 7)
    slopes = []
    here = [lesson.experiment(x=2.0, eta=eta)["here"] for eta in etas]
    slopes.append(_slope(etas, [abs(h["actual"] - h["promised"]) for h in here]))
    sine, x = RotatedSine(), jnp.array([0.3, -0.4])
    pairs = [promised_and_actual(sine, x, newton(sine, x, jnp.array(eta))) for eta in etas / 10]
    slopes.append(_slope(etas, [jnp.linalg.norm(actual - promised) for promised, actual in pairs]))
    return slopes, all(1.9 < slope < 2.1 for slope in slopes)


def _slope(etas, gaps):
    return float(np.polyfit(np.log(etas), np.log(np.asarray(gaps, float)), 1)[0])


def _away_claim(lesson):
    found = towards(lesson.experiment())
    return found, found < 0


def _take(settings):
    return "\n".join(
        [
            "import jax.numpy as jnp",
            "from core.chain_rule import hessian_terms, promised_and_actual",
            "from core.scalar import Curved",
            "from core.updates import inverse_gradient, newton",
            "",
            f"problem = Curved(quartic={settings['quartic']!r}, target={settings['target']!r})",
            f"x, eta = jnp.array([{settings['x']!r}]), jnp.array({settings['eta']!r})",
            "outer, inner = hessian_terms(problem, x)",
            "promised, actual = promised_and_actual(problem, x, newton(problem, x, eta))",
            "wished, _ = promised_and_actual(problem, x, inverse_gradient(problem, x, eta))",
        ]
    )


def _taken(result):
    return {name: result["here"][name] for name in ("outer", "inner", "promised", "actual", "wished")}


LESSON = Lesson(
    slug="hessian-terms",
    title="Two terms of a Hessian",
    question="How far will y move if Newton takes a step in x?",
    text=(
        "A cause $x$ makes $y = \\sinh x$, and $y$ makes the loss $L = (y - y^*)^2$, with a quartic part if you like. "
        "The wish is $\\Delta y = \\eta\\,(y^* - y)$. Newton’s method looks at the whole:\n\n$$\\frac{d^2L}{dx^2} = "
        "\\frac{d^2L}{dy^2}\\left(\\frac{dy}{dx}\\right)^2 + \\frac{dL}{dy}\\,\\frac{d^2y}{dx^2}$$"
    ),
    minutes=8,
    controls=(
        Slider("x", "x", LOW, HIGH, 1.0, landmarks=(Landmark("solution", number="solution"), Landmark("x = 1", 1.0))),
        Slider("eta", "η", 0.01, 1.0, 0.5, landmarks=(Landmark("full step", 1.0),)),
        Slider("target", "target y*", -2.0, 6.0, 4.0),
        Slider("quartic", "quartic part of L", 0.0, 1.0, 0.0, landmarks=(Landmark("none", 0.0),)),
        Legend("hide", GROUPS),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "Newton takes a step with η = {eta:.3g} from x = {x:.3g}, with the target y* = {target:.3g}. What does y do?",
        (
            Option("it moves towards y*, as far as the tangent J dx promises, give or take 10 %", _towards_as_promised),
            Option("it moves towards y*, but not as far as promised, or farther", _towards_otherwise),
            Option("it moves away from y*", lambda result: towards(result) < 0),
        ),
        remark=(
            "Towards or away is a matter of the sum’s sign, and the second term may be negative. How far is a matter "
            "of both derivatives of L, which P does not know."
        ),
    ),
    why=(
        "The first term holds the *square* of the Jacobian, the second the second derivatives of the simulator. Both "
        "hold "
        "derivatives of $L$, so of everything that comes after $y$:\n\n" + code(hessian_terms) + "\n\n"
        "So the step in $y$, $J\\,\\Delta x$, is unknown until the last function has been differentiated: add a "
        "quartic part to $L$, and Newton moves $y$ by something else, though neither $x$ nor the simulator has "
        "changed. The inverse gradient $\\Delta x = J^{-1}\\Delta y$ is asked for a $\\Delta y$ and brings it, to "
        "first order, whatever comes later."
    ),
    limits=(
        "What the tangent promises is not what happens, for either method: the difference falls like $\\eta^2$. The "
        "second term fades near the solution, where $dL/dy = 0$; dropping it always is the Gauss–Newton method, which "
        "cannot walk away from the target for that reason, but knows less. Where the sum is negative Newton walks "
        "uphill: [Where Newton breaks](newton-breaks). A method that keeps the promise exactly inverts the simulator "
        "itself: [Four ways down](four-ways)."
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
            "A quartic part of L changes Newton’s step in y, and not the inverse gradient’s.",
            _later_claim,
            rows=("C3",),
        ),
        Claim("The difference between the promised and the actual step in y falls like eta squared.", _order_claim),
        Claim("At the defaults Newton moves y away from its target.", _away_claim),
    ),
    symbols=("x", "y", "target", "loss", "hessian", "jacobian", "dx", "dy", "eta", "newton", "ig", "latent", "order"),
    takeaway=Takeaway(_take, _taken),
    teaching=Teaching(
        misconception="How far an inner quantity moves is settled by the function that makes it.",
        demo=(
            ("The second term wins: the sum is negative, and y moves away from its target.", {"x": 1.0}),
            ("Beyond the solution both terms are positive, and the step is too short.", {"x": 2.4}),
            ("Same x, same simulator, another loss: another step in y.", {"x": 2.4, "quartic": 1.0}),
            ("At the solution the second term is gone.", {"x": 2.0947}),
        ),
        room=(
            "A network is trained by Newton’s method, and somebody adds one more layer at its end. Which layers’ "
            "outputs now move differently? Listen for: all of them, since each one’s step holds derivatives of what "
            "comes later."
        ),
    ),
    alt=(
        "The two terms of the Hessian and their sum over x; the simulator’s curve with Newton’s step, promised along "
        "the tangent and actual; the step in y from every x."
    ),
)
