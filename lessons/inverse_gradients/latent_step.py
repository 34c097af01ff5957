"""Functions of functions: is a method's step in the space in between known beforehand? (curriculum D2, C3)"""

import jax
import jax.numpy as jnp
import numpy as np

from core import measures, toys
from core.backend import default_float
from core.composition import Composed, latent_step, miss
from lessons.controls import Choice, Landmark, Legend, Point, Slider
from lessons.figures import Axis, Drawing, Line, Mark, Panel, arrow
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.methods import RULES, SHOWN
from lessons.prediction import Option, Prediction
from lessons.words import brief, code, joined, sentence

VIEW = 2.0
SHEAR = ((1.0, 1.0), (0.0, 1.0))  # y1 = z1 + z2: not symmetric, and close enough to 1 that no arrow leaves the panel
ETAS = np.geomspace(1e-3, 1.0, 13)
SMALL = ETAS < 1.01e-2  # where the order is measured: there the next term of the series is below 1 %
FIRST = ("gradient_descent", "newton")  # what they miss is of first order
EXACT = float(jnp.finfo(default_float()).eps) ** 0.5  # a missed share below this is rounding
MISSING = ("gradient_descent", "newton", "inverse_gradient")
NAMES = {
    "gradient_descent": "gradient descent",
    "newton": "Newton’s method",
    "inverse_gradient": "the inverse gradient",
}
FLOOR = 2e-5  # where the figure puts rounding, which else would jump about
SIDE = (-VIEW, VIEW)
DRAWN = 0.9  # length of all arrows in x-space: of the steps only the direction is drawn there
SHARES = ((1e-4, "0.01 %"), (1e-2, "1 %"), (1.0, "100 %"))
SOLUTIONS = {"squared": (-0.5, 0.6), "sine": (-0.7, -0.5), "linear": (-0.5, 0.6)}


def chain(problem):
    """y = P2(P1(x)) of this name, with y* = P(solution): (inner, outer)."""
    inner, outer = {
        "squared": (toys.SquaredSecond(), toys.Sheared(SHEAR)),
        "sine": (toys.RotatedSine(1.5), toys.Sheared(SHEAR)),
        "linear": (toys.Sheared(SHEAR), toys.SquaredSecond()),
    }[problem]
    target = Composed(inner, outer).forward(jnp.array(SOLUTIONS[problem]))
    outer = toys.SquaredSecond(target) if problem == "linear" else toys.Sheared(SHEAR, target)
    return inner, outer


def split(problem, latent):
    """The same simulator cut at z, after P1, or at y, after all of it: then only the loss comes later."""
    inner, outer = chain(problem)
    return (
        Composed(inner, outer)
        if latent == "z"
        else Composed(Composed(inner, outer), toys.Scaled(1.0, 0.0, outer.target))
    )


def simulate(problem, eta, start):
    """Announced and actual steps in both latent spaces: at this eta, and what they miss at every one of ETAS."""
    return {
        latent: {n: _announced(rule, split(problem, latent), start, eta) for n, rule in RULES.items()}
        for latent in ("z", "y")
    }


def _announced(rule, problem, start, eta):
    """One method's step in one latent space. What it misses is measured by its announced step for eta = 1."""
    etas = jnp.concatenate([jnp.stack([eta, eta / 10]), jnp.asarray(ETAS)])  # one call: half the compilation
    steps = jax.vmap(lambda h: latent_step(rule, problem, start, h))(etas)
    shares = jax.vmap(miss)(steps) / jnp.linalg.norm(steps.announced, axis=-1)
    exact = jnp.all(shares[2:] < EXACT)
    return {
        "dx": steps.dx[0],
        "announced": steps.announced[0],
        "actual": steps.actual[0],
        "share": shares[0],
        "tenth": shares[1],
        "shares": shares[2:],
        # What is missed is the share times a step that is itself in proportion to eta.
        "order": jnp.where(exact, jnp.inf, measures.loglog_slope(ETAS[SMALL], ETAS[SMALL] * shares[2:][SMALL])),
    }


def beside(announced, actual):
    """The actual step, turned and scaled so that the announced one is (1, 0). Steps: (..., 2)."""
    along, across = announced, np.stack([-announced[..., 1], announced[..., 0]], -1)
    with np.errstate(over="ignore", invalid="ignore"):  # a singular matrix has made steps of inf and nan: not drawn
        length = np.maximum(np.sum(announced**2, -1), 1e-300)
        parts = np.sum(actual * along, -1) / length, np.sum(actual * across, -1) / length
        return tuple(np.where(np.isfinite(part), part, np.nan) for part in parts)


def draw(result):
    settings = result["settings"]
    latent, start = settings["latent"], np.asarray(settings["start"])
    lines, tips, floored = [], [(0.0, 0.0), (1.0, 0.0)], False
    for name in SHOWN:
        told = result[latent][name]
        shares = np.maximum(told["shares"], FLOOR)
        floored |= bool(np.any(shares == FLOOR))
        lines.append(Line(f"{name}/share", "share", ETAS, shares, name, name, legend=True))
        ahead, aside = beside(told["announced"], told["actual"])
        tips.append((np.ravel(ahead)[0], np.ravel(aside)[0]))
        lines.append(Line(f"{name}/seen", "seen", *arrow(0 * ahead, 0 * ahead, ahead, aside, 0.1), name, name))
        dx = np.where(np.isfinite(told["dx"]), told["dx"], np.nan)
        dx = dx / np.maximum(np.max(np.abs(dx), axis=-1, keepdims=True), 1e-300)  # beside a fold its square overflows
        dx = DRAWN * dx / np.maximum(np.linalg.norm(dx, axis=-1, keepdims=True), 1e-300)
        lines.append(Line(f"{name}/dx", "x", *arrow(start[0], start[1], dx[..., 0], dx[..., 1], 0.15), name, name))
    grey = {"label": "as announced", "width": 1.2, "dash": "dash", "answer": False}
    lines.append(Line("announced", "seen", [0.0, 1.0], [0.0, 0.0], **grey))
    along, across = _room(tips)
    return Drawing(
        panels=(
            Panel(
                "share",
                f"missed share of the announced step in {latent}",
                Axis("step size η", (1e-3, 1.0), log=True),
                Axis("missed share", (1e-5, 30.0), log=True, ticks=SHARES),
                big=True,
                cursor="eta",
            ),
            Panel("seen", f"steps in {latent}, announced = 1", Axis("along", along), Axis("aside", across)),
            Panel("x", "x-space: directions of the steps", Axis("x₁", SIDE), Axis("x₂", SIDE), equal=True),
        ),
        lines=tuple(lines),
        marks=(
            Mark("solution", "x", "cross", *SOLUTIONS[settings["problem"]], "solution"),
            Mark("tip", "seen", "cross", 1.0, 0.0, "announced"),
            Mark("exact", "share", "label", 2e-3, FLOOR if floored else np.nan, "exact, up to rounding", answer=True),
        ),
    )


def _room(tips):
    """Ranges along and across the announced step that hold the arrows, as far as these are at most 8 long."""
    tips = np.array([tip for tip in tips if np.all(np.abs(tip) < 8)])
    reach = max(1.1, 1.2 * float(np.abs(tips[:, 1]).max()))
    return (float(tips[:, 0].min()) - 0.4, float(tips[:, 0].max()) + 0.6), (-reach, reach)


def reading(result):
    latent = result["settings"]["latent"]
    told = result[latent]
    if not max(float(np.abs(told[name]["announced"]).max()) for name in RULES) > 1e-12:
        return "The start is a solution, so every method announces no step and takes none. Move x."
    known = [name for name in MISSING if np.isfinite(told[name]["share"])]
    parts = [f"{NAMES[name]}{' misses' if name == known[0] else ''} {_missed(result, name)}" for name in known]
    first = f"Of its announced step in {latent} {listed(parts)}."
    if len(known) < len(MISSING):
        return f"{first} {_stuck([NAMES[name] for name in MISSING if name not in known])}"
    exact = "The inverse simulator misses nothing." if float(told["inverse_simulator"]["share"]) < EXACT else ""
    return joined(sentence(first), exact, _smaller(told))


def _missed(result, name):
    """The missed share of a method, in words."""
    if name in ("newton", "inverse_gradient") and exact(result):
        return "nothing"
    return f"{brief(100 * float(result[result['settings']['latent']][name]['share']))} %"


def _stuck(names):
    return (
        f"{sentence(listed(names))} {'has' if len(names) == 1 else 'have'} no step here, because a matrix is singular."
    )


def _smaller(told):
    """What a tenth of eta does, where it is what the series in eta says."""
    shrinks = 5 < _over_tenth(told["inverse_gradient"]) < 20
    stays = all(0.5 < _over_tenth(told[name]) < 2 for name in FIRST)
    if not (shrinks and stays):
        return ""
    return "At a tenth of η the inverse gradient misses about a tenth of its share, the others nearly as much as now."


def _over_tenth(told):
    """How many times as large the missed share is at eta as at a tenth of it; nan where it is no number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(told["share"], told["tenth"]))


def exact(result):
    """Whether the map from x to the latent space is linear, so that its Jacobian cancels at every eta."""
    return result["settings"]["problem"] == "linear" and result["settings"]["latent"] == "z"


def better(result):
    """How many times smaller the inverse gradient's share is at a tenth of eta."""
    return _over_tenth(result[result["settings"]["latent"]]["inverse_gradient"])


def unasked(result):
    """Where no option is right: at a solution, beside a singular matrix, or where eta is too large for a series."""
    told = result[result["settings"]["latent"]]["inverse_gradient"]
    if not np.isfinite([told["share"], told["tenth"]]).all():
        return "At this start the inverse gradient announces no step, or a matrix is singular."
    if not exact(result) and not 5 <= better(result) < 20:
        return "Here η is too large for a clear answer, or rounding is all that is missed. Try another η or start."
    return ""


def remark(result):
    """Why, for this chain and this space."""
    if exact(result):
        return "The Jacobian of a linear P₁ cancels exactly, at every η."
    told = result[result["settings"]["latent"]]
    ratios = {name: _over_tenth(told[name]) for name in MISSING}
    listed_ratios = listed(
        [f"{brief(ratio)} for {NAMES[name]}" for name, ratio in ratios.items() if np.isfinite(ratio)]
    )
    return f"The share at this η, divided by that at a tenth of it, is {listed_ratios}."


def _curved(result):
    """What speaks against a share that stays."""
    if exact(result):
        return "The map from x to z is linear here, so the inverse gradient misses nothing."
    return "What the inverse gradient misses comes from curvature: it shrinks like η², the step like η."


def listed(parts):
    """ "a, b and c"."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def orders(lesson, **settings):
    """The fitted exponents of all methods in both latent spaces; inf where the announcement is exact."""
    result = lesson.experiment(**settings)
    return {latent: {name: float(result[latent][name]["order"]) for name in RULES} for latent in ("z", "y")}


def _ig_claim(lesson):
    found = {
        p: {c: found["inverse_gradient"] for c, found in orders(lesson, problem=p).items()} for p in ("squared", "sine")
    }
    return found, all(abs(order - 2) < 0.05 for by in found.values() for order in by.values())


def _first_order_claim(lesson):
    found = {p: orders(lesson, problem=p) for p in ("squared", "sine")}
    low = [by[name] for cuts in found.values() for by in cuts.values() for name in FIRST]
    return found, all(abs(order - 1) < 0.2 for order in low)


def _exact_claim(lesson):
    found = {p: orders(lesson, problem=p) for p in SOLUTIONS}
    linear = [found["linear"]["z"][name] for name in ("newton", "inverse_gradient")]
    simulator = [by["inverse_simulator"] for cuts in found.values() for by in cuts.values()]
    return found, np.isposinf([*linear, *simulator]).all() and found["linear"]["z"]["gradient_descent"] < 1.2


def takeaway(settings):
    """The missed share of two methods, from core alone."""
    inner, outer = CODE[settings["problem"]]
    cut = "inner, outer" if settings["latent"] == "z" else "Composed(inner, outer), toys.Scaled(target=target)"
    return f"""\
import jax.numpy as jnp
from core import toys
from core.composition import Composed, latent_step, miss
from core.updates import gradient_descent, inverse_gradient

inner, outer = toys.{inner}, toys.{outer}
target = outer.forward(inner.forward(jnp.array({SOLUTIONS[settings["problem"]]})))
outer = toys.{outer.removesuffix(")")}{", " if outer[-2] != "(" else ""}target=target)
problem = Composed({cut})
x, eta = jnp.array({list(settings["start"])}), {settings["eta"]!r}
descent = latent_step(gradient_descent, problem, x, eta)
inverse = latent_step(inverse_gradient, problem, x, eta)
missed_descent = miss(descent) / jnp.linalg.norm(descent.announced)
missed_inverse = miss(inverse) / jnp.linalg.norm(inverse.announced)"""


CODE = {
    "squared": ("SquaredSecond()", f"Sheared({SHEAR})"),
    "sine": ("RotatedSine(1.5)", f"Sheared({SHEAR})"),
    "linear": (f"Sheared({SHEAR})", "SquaredSecond()"),
}


def taken(result):
    told = result[result["settings"]["latent"]]
    return {"missed_descent": told["gradient_descent"]["share"], "missed_inverse": told["inverse_gradient"]["share"]}


LESSON = Lesson(
    slug="latent-step",
    title="Steps in a latent space",
    question="How well can a middle layer predict its own step?",
    text=(
        "A simulator is a chain, $y = P_2(P_1(x))$, with $z = P_1(x)$ in between. One of the two maps is linear, "
        "$(a_1 + a_2, a_2)$ for an input $a$; the other is the square $(a_1, a_2^2)$ or a turned sine. Passing "
        "derivatives back from the loss $|y - y^*|^2$, you meet $P_2$ first. From $P_2$ alone each method can "
        "**announce** a step $\\Delta z$: the one that it would take if $z$ were the unknown. For the inverse gradient "
        "it is $J_2^{-1}\\,\\eta\\,(y^* - y)$, with the Jacobian $J_2$ of $P_2$. Then $x$ is moved, here by "
        "$J^{-1}\\,\\eta\\,(y^* - y)$ with $J = J_2 J_1$, and $z$ with it. The **missed share** is the distance "
        "between the actual and the announced step, divided by the length of the announced one."
    ),
    minutes=7,
    controls=(
        Slider("eta", "η, step size", 1e-3, 1.0, 0.1, "log", landmarks=(Landmark("0.01", 0.01), Landmark("full", 1.0))),
        Choice(
            "problem",
            "P₁ is",
            {"squared": "a square", "sine": "a turned sine", "linear": "linear"},
            "sine",
        ),
        Choice("latent", "look at", {"z": "z, between P₁ and P₂", "y": "y, before the loss"}, "z", simulated=False),
        Point("start", "x", "x", (-VIEW, -VIEW), (VIEW, VIEW), (1.2, 1.0)),
        Legend("hide", tuple(RULES)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "At η = {eta:.2g} the inverse gradient misses a share of its announced step in {latent}. At a tenth of this η, "
        "how large is that share?",
        (
            Option(
                "as large as before: step and error both shrink",
                lambda result: not exact(result) and 0.5 <= better(result) < 2,
                _curved,
            ),
            Option(
                "about a tenth of what it was",
                lambda result: not exact(result) and 5 <= better(result) < 20,
                "The map from x to z is linear here, so the inverse gradient misses nothing.",
            ),
            Option(
                "zero, and it is zero at every η",
                exact,
                "The Jacobian cancels only to first order; the curvature between x and the latent space is left.",
            ),
        ),
        remark=remark,
        unasked=unasked,
    ),
    why=(
        "In $z$ the inverse gradient moves by $J_1 J^{-1} \\Delta y = J_1 (J_2 J_1)^{-1} \\Delta y = J_2^{-1} "
        "\\Delta y$ to first order: $J_1$ **cancels**, so the step is known before $P_1$ has been looked at; what is "
        "missed is the curvature of $P_1$, of order $\\eta^2$. Gradient descent moves $z$ by $J_1 J_1^T$ times its "
        "announcement: wrong by a matrix that no small $\\eta$ repairs. Newton’s Hessian has a second term, "
        "$\\partial L/\\partial z \\cdot \\partial^2 z/\\partial x^2$, which mixes both halves of the chain, "
        "so its share stays as well. The inverse simulator inverts $P_2$ and then $P_1$, so it lands where it "
        "announced.\n\n" + code(latent_step)
    ),
    limits=(
        "Newton’s method is not always wrong: for a linear $P_1$ the second term is zero and its step in $z$ is exact "
        "at any η, as is the inverse gradient’s. Gradient descent is right if $J_1$ only turns. “Exact” for the "
        "inverse simulator supposes that both inverses stay on the branch where they are. And the inverse gradient "
        "needs every Jacobian of the chain to be invertible: [where it explodes](singular)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, remarks on function compositions in "
        "the sections on quasi-Newton methods and inverse gradients.",
    ),
    claims=(
        Claim(
            "What the inverse gradient's latent step misses falls like eta^2, by a fit, in z and in y.",
            _ig_claim,
            rows=("D2", "D1"),
        ),
        Claim(
            "Gradient descent's and Newton's fall like eta^1 only: as a share of the step they do not improve.",
            _first_order_claim,
            rows=("D2", "C3"),
        ),
        Claim(
            "The inverse simulator's step in between is exact; with a linear inner function so are Newton's and the "
            "inverse gradient's, and gradient descent's is not.",
            _exact_claim,
            rows=("D2",),
        ),
    ),
    symbols=("x", "y", "latent", "eta", "jacobian", "hessian", "gd", "newton", "ig", "pg", "order"),
    takeaway=Takeaway(takeaway, taken),
    teaching=Teaching(
        misconception="A small enough step does what was planned, whatever the method.",
        demo=(
            ("Three of four miss some of what they announced; gradient descent more than all of it.", {"eta": 0.1}),
            ("Shrink it: the inverse gradient’s share shrinks with it. The other two stay as wrong.", {"eta": 0.01}),
            ("In y, just before the loss, it is the same.", {"eta": 0.01, "latent": "y"}),
            ("With a linear inner function only gradient descent is still wrong.", {"eta": 0.01, "problem": "linear"}),
        ),
        room="Which method lets you plan for a layer before you have seen the layers below it? Listen for: the inner "
        "Jacobian cancels only if it is inverted, not if it is transposed.",
    ),
    alt="The share of its announced latent step that each method misses, against the step size, on logarithmic axes; "
    "each step beside its announcement; the directions of the steps in x-space.",
)
