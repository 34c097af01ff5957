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
from lessons.lesson import Claim, Lesson, Takeaway, Teaching
from lessons.prediction import Option, Prediction
from lessons.words import code, number_word

STEPS = 24
VIEW = 2.5
LANDSCAPE_GRID = 100  # the smooth loss does not move with a slider
SOLUTION = (1.0, 1.0)  # of both problems
KS = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])  # where the growth is measured
CUT = np.linspace(-0.5, 0.5, 141)  # along x1, beside the start: ten periods of the finest ripple
MOVED = 0.1  # a walk moved by less has hardly noticed
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
    """The largest distance between two walks, step by step; inf if one leaves for infinity."""
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
        label = f"{style.label}, smooth loss"
        lines += [
            Line(f"{name}/x", "x", path.x[..., 0], path.x[..., 1], name, name, role="path", legend=True, dots=True),
            Line(f"{name}/clean", "x", clean.x[..., 0], clean.x[..., 1], group=name, label=label,
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
    """Whether the ripple moves this walk by more than MOVED, somewhere on its way."""
    return float(result["moved"][name]) > MOVED


def reading(result):
    here, slopes = {part: number_word(result["here"][part]) for part in PARTS}, result["slopes"]
    walks = " and ".join(f"{METHODS[name].label} by {_far(result['moved'][name])}" for name in RULES)
    return (
        f"The ripple moves {walks}. It changes L by {here['value']}, its gradient by {here['gradient']} and its "
        f"Hessian’s diagonal by {here['hessian']} (root mean squares), beside a smallest curvature of "
        f"{number_word(result['smallest'])}. Fitted over k, the three grow with the powers {abs(slopes['value']):.2f}, "
        f"{slopes['gradient']:.2f} and {slopes['hessian']:.2f}."
    )


def _far(distance):
    return number_word(distance) if distance < 2 * VIEW else "more than the whole picture"


def remark(result):
    """The law, with this ripple's numbers."""
    settings = result["settings"]
    size, k = settings["size"], settings["wave_number"]
    return (
        f"Each derivative brings down a factor k: ε = {number_word(size)} becomes ε k = {number_word(size * k)} in the "
        f"slope and ε k² = {number_word(size * k**2)} in the curvature, where the smooth loss’s smallest is "
        f"{number_word(result['smallest'])}."
    )


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


def _take(settings):
    if settings["problem"] == "banana":
        made = ["smooth = Banana(2.0)"]
        imported = ["from core.toys import Banana"]
    else:
        made = ["bowl = Sheared(((1.0, 1.0), (0.0, 2.0)))", "smooth = Aimed(bowl, bowl.forward(jnp.ones(2)))"]
        imported = ["from core.problem import Aimed", "from core.toys import Sheared"]
    return "\n".join(
        [
            "import jax.numpy as jnp",
            *imported,
            "from core.ripple import Rippled, one_period, roughness",
            "from core.rollout import rollout",
            "from core.updates import newton",
            "",
            *made,
            f"size, k = jnp.array({settings['size']!r}), jnp.array({settings['wave_number']!r})",
            "noise = roughness(Rippled(smooth, size, jnp.round(k)), one_period())",
            f"walk = rollout(newton, Rippled(smooth, size, k), {settings['start']}, 1, eta=1.0)",
            "gradient, hessian, first = noise.gradient, noise.hessian, walk.x[1]",
        ]
    )


def _taken(result):
    return {
        "gradient": result["here"]["gradient"],
        "hessian": result["here"]["hessian"],
        "first": result["paths"]["noisy"]["newton"].x[1],
    }


LESSON = Lesson(
    slug="noise",
    title="Noise",
    question="How much harm can a ripple do that nobody can see?",
    text=(
        "A ripple $\\varepsilon \\sin(k x_i)$ is added to the loss, for each unknown. Rounding, a mesh, an inner "
        "solver that stops early: all leave such traces. Gradient descent looks at the slope of what comes out, "
        "Newton’s method at the curvature too. The faint, wide walks are those without it."
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
            landmarks=(Landmark("curvature drowned", number="drowned_k"),),
        ),
        Slider(
            "size",
            "ε, its size",
            1e-6,
            0.1,
            1e-3,
            "log",
            digits=2,
            landmarks=(Landmark("curvature drowned", number="drowned_size"),),
        ),
        Choice("problem", "problem", {"sheared": "a sheared bowl", "banana": "a bent valley"}, "sheared"),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-1.2, 1.0)),
        Legend("hide", (*RULES, *PARTS)),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "A ripple of size ε = {size:.2g} with k = {wave_number:.3g} is added to the loss. Which walk does it move by "
        "more than 0.1?",
        (
            Option("neither", lambda r: not moved(r, "newton") and not moved(r, "gradient_descent")),
            Option("gradient descent’s alone", lambda r: moved(r, "gradient_descent") and not moved(r, "newton")),
            Option("Newton’s alone", lambda r: moved(r, "newton") and not moved(r, "gradient_descent")),
            Option("both", lambda r: moved(r, "newton") and moved(r, "gradient_descent")),
        ),
        remark=remark,
    ),
    why=(
        "$\\frac{d}{dx}\\,\\varepsilon\\sin(kx) = \\varepsilon k\\cos(kx)$, and once more $-\\varepsilon "
        "k^2\\sin(kx)$. The ripple’s part of every derivative is measured by taking the smooth one away:\n\n"
        + code(roughness)
        + "\n\n"
        "As soon as $\\varepsilon k^2$ is as large as the smallest true curvature, the Hessian’s eigenvalues are the "
        "ripple’s: Newton divides by numbers that mean nothing, and its steps become random and long. Gradient "
        "descent divides by nothing; its error is $\\varepsilon k$ beside a slope that is large wherever there is far "
        "to go."
    ),
    limits=(
        "Close to the solution the slope is small too: there gradient descent rests in a trough of the ripple, a "
        "little beside the solution. BFGS takes its curvature from differences of gradients over whole steps, which "
        "do not see a ripple finer than the steps: it comes close. A ripple in the *simulator* would reach the "
        "Jacobian with a factor $k$, so inverse gradients are not immune either. That Newton’s method also fails on "
        "smooth losses, and how it is guarded: [Newton’s method at a saddle](newton-breaks)."
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
    takeaway=Takeaway(_take, _taken),
    teaching=Teaching(
        misconception="An error too small to be seen in the loss is too small to matter.",
        demo=(
            ("A slow ripple: Newton arrives.", {"wave_number": 2.0}),
            ("The same size, twenty times finer: Newton is lost, gradient descent hardly notices.", {}),
            ("A hundred times smaller: Newton is back.", {"size": 1e-5}),
            ("A hundred times larger than at first: now both are thrown off.", {"size": 0.1}),
        ),
        room=(
            "Your simulator computes in single precision, with relative errors of 10⁻⁷ that change from point to "
            "point. Would you difference it twice? Listen for: errors from point to point are a ripple with a very "
            "large k."
        ),
    ),
    alt=(
        "The walks of gradient descent and Newton over the smooth loss, with and without the ripple; loss, slope and "
        "curvature beside the start; how the noise grows with k."
    ),
)
