"""Noise: a ripple too small to be seen in the loss drowns its second derivative (curriculum C8)."""

import jax
import jax.numpy as jnp
import numpy as np

from core.measures import loglog_slope
from core.problem import Aimed
from core.quasi_newton import bfgs
from core.ripple import Rippled, one_period, roughness
from core.rollout import rollout
from core.toys import Banana, RotatedSine, Sheared
from core.updates import gradient_descent, newton
from lessons.controls import Choice, Landmark, Legend, Point, Slider, Step
from lessons.figures import METHODS, Axis, Drawing, Field, Line, Mark, Panel
from lessons.landscape import landscape
from lessons.lesson import Cell, Claim, Lesson, Table
from lessons.newton import notes
from lessons.prediction import Option, Prediction
from lessons.words import brief, code, count_word

STEPS = 24
VIEW = 2.5
LANDSCAPE_GRID = 100  # the smooth loss does not move with a slider
SOLUTION = (1.0, 1.0)  # of both problems
KS = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])  # where the growth is measured
CUT = np.linspace(-0.5, 0.5, 141)  # along x1, beside the start: ten periods of the finest ripple
MOVED = 0.1  # a path moved by less counts as the same
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-2, 4))
RULES = {"newton": newton, "gradient_descent": gradient_descent}
PARTS = ("value", "gradient", "hessian")
PART_STYLE = {"value": ("L", "dot"), "gradient": ("dL/dx₁", "dash"), "hessian": ("d²L/dx₁²", "solid")}


def smooth(problem, start):
    """A sheared bowl or Rosenbrock's valley, both with the solution SOLUTION."""
    if problem == "banana":
        return Banana(2.0, start=start)
    bowl = Sheared(((1.0, 1.0), (0.0, 2.0)), start=start)
    return Aimed(bowl, bowl.forward(jnp.ones_like(start)))


def simulate(problem, size, wave_number, start):
    """Gradient descent and Newton with and without the ripple, a cut through the loss, and how the noise grows."""
    clean = smooth(problem, start)
    noisy = Rippled(clean, size, wave_number)
    curvatures = jnp.linalg.eigvalsh(jax.hessian(clean.objective)(jnp.asarray(SOLUTION, start.dtype)))
    etas = {"newton": jnp.ones_like(size), "gradient_descent": 1 / curvatures[-1]}
    paths = {
        which: {name: rollout(rule, each, start, STEPS, eta=etas[name]) for name, rule in RULES.items()}
        for which, each in (("clean", clean), ("noisy", noisy))
    }
    growth = growing(clean, size)
    here = roughness(Rippled(clean, size, jnp.round(wave_number)), one_period())
    return {
        "paths": paths,
        "moved": {name: _apart(paths["noisy"][name].x, paths["clean"][name].x) for name in RULES},
        "off": {name: jnp.linalg.norm(paths["noisy"][name].x - jnp.asarray(SOLUTION), axis=-1) for name in RULES},
        "cut": {"clean": cut(clean, start), "noisy": cut(noisy, start)},
        "growth": growth._asdict(),
        "here": here._asdict(),
        "slopes": {part: loglog_slope(jnp.asarray(KS, size.dtype), getattr(growth, part)) for part in PARTS},
        "eta": etas["gradient_descent"],
        "smallest": curvatures[0],
        "drowned_k": jnp.sqrt(curvatures[0] / size),
        "drowned_size": curvatures[0] / wave_number**2,
        "landscape": landscape(clean, VIEW, LANDSCAPE_GRID),
    }


def growing(clean, size):
    """What a ripple of this size adds to the loss and its derivatives, at each wave number of KS."""
    return jax.vmap(lambda k: roughness(Rippled(clean, size, k), one_period()))(jnp.asarray(KS, size.dtype))


def _apart(a, b):
    """The largest distance between two paths, step by step; inf if one leaves for infinity."""
    gaps = jnp.linalg.norm(a - b, axis=-1)
    return jnp.where(jnp.all(jnp.isfinite(gaps)), jnp.max(jnp.where(jnp.isfinite(gaps), gaps, 0.0)), jnp.inf)


def cut(problem, start):
    """L and its first and second derivative by x1, along CUT beside the start; {part: (places,)}."""

    def along(t):
        return problem.objective(start + jnp.stack([t, jnp.zeros_like(t)]))

    places = jnp.asarray(CUT, start.dtype)
    first = jax.grad(along)
    return {
        "value": jax.vmap(along)(places),
        "gradient": jax.vmap(first)(places),
        "hessian": jax.vmap(jax.grad(first))(places),
    }


def draw(result):
    lines = []
    for name in RULES:
        path, clean, style = result["paths"]["noisy"][name], result["paths"]["clean"][name], METHODS[name]
        lines += [
            Line(f"{name}/x", "x", path.x[..., 0], path.x[..., 1], name, name, role="path", legend=True, dots=True),
            Line(f"{name}/clean", "x", clean.x[..., 0], clean.x[..., 1], group=name, label=style.label,
                 colour=style.colour, width=6.0, opacity=0.25, role="path", answer=False),
        ]  # fmt: skip
    for part, (label, dash) in PART_STYLE.items():
        rough, even = result["cut"]["noisy"][part], result["cut"]["clean"][part]
        # Each curve in units of the smooth one's largest value, and one above the other.
        unit = np.maximum(np.max(np.abs(even), axis=-1, keepdims=True), 1e-12)
        lines.append(
            Line(
                f"{part}/cut",
                "cut",
                CUT,
                rough / unit,
                group=part,
                label=label,
                colour="text",
                dash=dash,
                width=1.5,
                answer=part != "value",
            )
        )
        values = np.maximum(result["growth"][part], 1e-12)
        lines.append(
            Line(f"{part}/growth", "growth", KS, values, group=part, label=label, colour="text", dash=dash, width=2.0,
                 legend=True)
        )  # fmt: skip
    return Drawing(
        panels=(
            Panel("x", "x-space, the smooth loss", Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW)), True, True),
            Panel("cut", "L and its derivatives, scaled", Axis("x₁ − start", (-0.5, 0.5)), Axis("", (-3.0, 3.0))),
            Panel("growth", "what the ripple adds to each", Axis("k", (1, 64), log=True),
                  Axis("", (1e-7, 1e3), log=True), cursor="wave_number"),
        ),
        lines=tuple(lines),
        fields=(Field("loss-field", "x", result["landscape"], (-VIEW, VIEW) * 2, levels=LEVELS),),
        marks=(Mark("solution", "x", "cross", *SOLUTION, "solution"),),
        numbers={"drowned_k": result["drowned_k"], "drowned_size": result["drowned_size"]},
        step=result["settings"]["step"],
    )  # fmt: skip


def noise(result):
    """The root mean square error that the ripple makes in the Hessian's diagonal, at the slider's k."""
    return float(result["here"]["hessian"])


def moved(result, name):
    """Whether the ripple moves this path by more than MOVED, at some iteration."""
    return float(result["moved"][name]) > MOVED


def reading(result):
    settings = result["settings"]
    step = settings["step"]
    if step == 0:
        return "Both methods begin at the same point with the ripple and without. Take a step."
    told = " and ".join(f"{METHODS[name].label} by {_far(_gap(result, name, step))}" for name in RULES)
    drowned = settings["size"] * settings["wave_number"] ** 2 > float(result["smallest"])
    return (
        f"After {count_word(step, 'iteration')} the ripple has moved {told}. The ripple’s curvature ε k² is "
        f"{'above' if drowned else 'below'} the smallest curvature of the smooth loss at the solution. "
        f"{'Lower' if drowned else 'Raise'} k to change that."
    )


def _gap(result, name, step):
    """The distance between the paths with the ripple and without after this many iterations."""
    rippled, smooth_one = (result["paths"][which][name].x[step] for which in ("noisy", "clean"))
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.linalg.norm(rippled - smooth_one))


def _far(distance):
    return brief(distance) if distance < 2 * VIEW else "more than the width of the figure"


def table(result):
    """What the ripple adds to L and its derivatives, measured at the slider's k, and how it grows with k."""
    names = {"value": "L, for each unknown", "gradient": "dL/dx", "hessian": "d²L/dx²"}
    cells = [
        (names[part], (Cell(brief(float(result["here"][part]))), Cell(f"{abs(float(result['slopes'][part])):.1f}")))
        for part in PARTS
    ]
    return Table("What the ripple adds", ("root mean square", "grows with k to the power"), tuple(cells), numeric=True)


def remark(result):
    """The law, with this ripple's numbers."""
    settings = result["settings"]
    size, k = settings["size"], settings["wave_number"]
    return (
        f"The ripple changes the slope by up to ε k = {brief(size * k)} and the curvature by up to ε k² = "
        f"{brief(size * k**2)}. The smallest curvature of the smooth loss at the solution is "
        f"{brief(float(result['smallest']))}."
    )


def unasked(result):
    """A path that is moved by about the limit would make the answer a matter of rounding."""
    if any(0.7 * MOVED < float(result["moved"][name]) < 1.4 * MOVED for name in RULES):
        return "One of the paths is moved by about 0.1 here, too close to the limit for a question."
    return ""


def _too_many(result):
    """What speaks against “Newton’s alone” where it is wrong."""
    if moved(result, "gradient_descent"):
        return "The ripple changes the slope as well, and gradient descent follows the slope."
    return "Compare ε k² with the smallest curvature of the smooth loss before you blame Newton’s method."


def _slopes_claim(lesson):
    found = []
    for problem in ("sheared", "banana"):
        slopes = lesson.experiment(problem=problem)["slopes"]
        found.append([float(slopes[part]) for part in PARTS])
    growth = jax.jit(growing)(RotatedSine(), jnp.array(1e-3))
    found.append([float(loglog_slope(jnp.array(KS), getattr(growth, part))) for part in PARTS])
    return found, np.allclose(found, [0.0, 1.0, 2.0], atol=1e-3)


def _newton_claim(lesson):
    found = []
    for problem in ("sheared", "banana"):
        result = lesson.experiment(problem=problem)
        clean = float(np.linalg.norm(result["paths"]["clean"]["newton"].x[-1] - SOLUTION))
        found.append((clean, float(result["moved"]["newton"]), float(result["moved"]["gradient_descent"])))
    return found, all(clean < 1e-9 and far > 1 and near < 0.05 for clean, far, near in found)


def _bfgs_claim(_lesson):
    ends = []
    for problem in ("sheared", "banana"):
        for k in (20.0, 40.0, 64.0):
            clean = smooth(problem, jnp.array([-1.2, 1.0]))
            run = bfgs(Rippled(clean, jnp.array(1e-3), jnp.array(k)), clean.start, STEPS)
            ends.append(float(jnp.linalg.norm(run.path.x[-1] - jnp.asarray(SOLUTION))))
    return ends, max(ends) < 0.1


def _small_claim(lesson):
    result = lesson.experiment()
    share = float(np.abs(result["cut"]["noisy"]["value"] / result["cut"]["clean"]["value"] - 1).max())
    return (share, noise(result)), share < 1e-3 and noise(result) > 0.5 * result["smallest"]


LESSON = Lesson(
    slug="noise",
    title="Noise",
    question="How much harm can a ripple do that nobody can see?",
    text=(
        "A ripple $\\varepsilon \\sin(k x_i)$ is added to a smooth loss, for each unknown $x_i$. Rounding, a mesh, an "
        "inner solver that stops early: all leave such traces. The smooth loss is the bowl $(x_1 + x_2 - 2)^2 + "
        "(2x_2 - 2)^2$, whose smallest curvature is 1.5, or the valley $(1 - x_1)^2 + 4(x_2 - x_1^2)^2$, where it is "
        "0.38 at the solution. Gradient descent uses the slope of the rippled loss, Newton’s method its curvature too. "
        "The faint, wide paths are those on the smooth loss."
    ),
    minutes=7,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider(
            "wave_number",
            "k of the ripple",
            1.0,
            64.0,
            40.0,
            "log",
            landmarks=(Landmark("ε k² = smallest curvature", number="drowned_k"),),
        ),
        Slider(
            "size",
            "ε, its size",
            1e-6,
            0.1,
            1e-3,
            "log",
            digits=2,
            landmarks=(Landmark("ε k² = smallest curvature", number="drowned_size"),),
        ),
        Choice("problem", "problem", {"sheared": "a sheared bowl", "banana": "a bent valley"}, "sheared"),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-1.2, 1.0)),
        Legend("hide", (*RULES, *PARTS)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    table=table,
    prediction=Prediction(
        "A ripple of size ε = {size:.2g} with k = {wave_number:.3g} is added to the loss. Within 24 iterations, which "
        "path does it move by more than 0.1?",
        (
            Option(
                "neither",
                lambda r: not moved(r, "newton") and not moved(r, "gradient_descent"),
                "A ripple that is small in L need not be small in the derivatives: they have ε k and ε k².",
            ),
            Option(
                "gradient descent’s alone",
                lambda r: moved(r, "gradient_descent") and not moved(r, "newton"),
                "Gradient descent uses the slope, with an error of ε k. Newton’s method uses the curvature too, with "
                "an error of ε k².",
            ),
            Option(
                "Newton’s alone",
                lambda r: moved(r, "newton") and not moved(r, "gradient_descent"),
                _too_many,
            ),
            Option(
                "both",
                lambda r: moved(r, "newton") and moved(r, "gradient_descent"),
                "The error of the slope, ε k, is k times smaller than that of the curvature, ε k².",
            ),
        ),
        remark=remark,
        unasked=unasked,
    ),
    why=(
        "$\\frac{d}{dx}\\,\\varepsilon\\sin(kx) = \\varepsilon k\\cos(kx)$, and once more $-\\varepsilon "
        "k^2\\sin(kx)$. This is what the ripple adds to every derivative:\n\n" + code(roughness) + "\n\n"
        "Once $\\varepsilon k^2$ reaches the smallest true curvature, that eigenvalue of $H$ can vanish or change "
        "sign. Newton’s steps then become random and long. Gradient descent divides by nothing. Its error is "
        "$\\varepsilon k$ beside a slope that is large far from the solution."
    ),
    limits=(
        "Close to the solution the slope is small too. There gradient descent stops in a trough of the ripple, a "
        "little beside the solution. BFGS takes its curvature from differences of gradients over whole steps, and "
        "comes close here: over a step longer than a period the ripple largely averages out. A ripple in the "
        "*simulator* would reach the Jacobian with a factor $k$, so inverse gradients are not immune either. That "
        "Newton’s method also fails on smooth losses, and how it is guarded: "
        "[Newton’s method at a saddle](newton-breaks)."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Dependence on Hessian”.",
    ),
    claims=(
        Claim(
            "The noise in the loss does not grow with k, in the gradient it grows like k, in the Hessian like k "
            "squared.",
            _slopes_claim,
            rows=("C8",),
        ),
        Claim(
            "A ripple that moves gradient descent by less than 0.05 throws Newton off, which arrives without it.",
            _newton_claim,
            rows=("C8",),
        ),
        Claim(
            "At the defaults the ripple changes L by less than a thousandth and is half as large as the smallest "
            "curvature.",
            _small_claim,
        ),
        Claim("BFGS comes within a tenth of the solution on the rippled losses.", _bfgs_claim),
    ),
    symbols=("x", "loss", "gradient", "hessian", "noise", "k", "loglog", "eta", "gd", "newton"),
    takeaway=notes.NOISE_TAKEAWAY,
    teaching=notes.NOISE_TEACHING,
    alt=(
        "The paths of gradient descent and Newton over the smooth loss, with and without the ripple; loss, slope and "
        "curvature beside the start; how the noise grows with k."
    ),
)
