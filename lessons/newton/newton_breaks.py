"""Newton at a saddle: negative curvature, no curvature, no second derivative (curriculum C6, C7)."""

import jax
import jax.numpy as jnp
import numpy as np

from core.rollout import rollout
from core.safeguard import Reason, guarded, judge, safe_newton
from core.surrogate import learned_loss
from core.toys import RotatedSine, SquaredSecond
from core.updates import gradient_descent, newton
from lessons.controls import Choice, Landmark, Legend, Point, Preset, Slider, Step
from lessons.figures import METHODS, Axis, Drawing, Field, Line, Mark, Panel, Readout
from lessons.landscape import landscape, over_grid
from lessons.lesson import Claim, Lesson
from lessons.newton import notes
from lessons.prediction import Aim
from lessons.words import code, joined, number_word

STEPS = 14
CLOSE = 0.2  # a guess this near to the landing is right
VIEW = 2.0
GRID = 40  # of the loss; the level moves it
SHADE = 24  # of the map of trust
START_X1 = 0.3
LONGEST = 1.0  # no step of the guarded path is longer
REST = 1e-3  # a gradient this small counts as zero
NOWHERE = 10 * VIEW  # off the slider: what a landmark names does not exist
CLIMB = 0.02  # a rise of the loss worth a word
LEVELS = (0.01, 0.1, 0.3, 0.6, 1.0, 1.5, 2.25, 4.0, 6.0, 9.0)
WALKS = ("newton", "safe_newton", "gradient_descent")
WHY = {
    Reason.INDEFINITE: "because a curvature was negative",
    Reason.SINGULAR: "because a curvature was nearly zero",
    Reason.NO_CURVATURE: "because the Hessian was zero",
    Reason.NOT_FINITE: "because the Hessian was not finite",
}


def problem_of(loss, level, start):
    """L = x1^2 + (x2^2 - level)^2, or a network that imitates it."""
    exact = SquaredSecond(target=jnp.stack([jnp.zeros_like(level), level]), start=start)
    return exact if loss == "exact" else learned_loss(exact, loss)


def simulate(loss, level, start_x2, fallback):
    """Plain Newton, Newton with a fallback and gradient descent from one start, and the map of where to trust H."""
    start = jnp.stack([jnp.full_like(start_x2, START_X1), start_x2])
    problem = problem_of(loss, level, start)
    run = guarded(problem, start, STEPS, 1.0, fallback, LONGEST)
    paths = {
        "newton": rollout(newton, problem, start, STEPS, eta=1.0),
        "safe_newton": run.path,
        "gradient_descent": rollout(gradient_descent, problem, start, STEPS, eta=fallback),
    }
    smallest = {name: jax.vmap(_smallest(problem))(paths[name].x) for name in ("newton", "safe_newton")}
    line = jnp.linspace(-VIEW, VIEW, SHADE)
    refused = over_grid(lambda x: judge(_hessian(problem, x)), line, line)
    return {
        "paths": paths,
        "reason": run.reason,
        "smallest": smallest,
        "refused": (refused != Reason.TRUSTED).astype(line.dtype),
        "landscape": landscape(problem, VIEW, GRID),
        "slope": jnp.linalg.norm(jax.vmap(jax.grad(problem.objective))(paths["newton"].x), axis=-1),
        "climbing": jnp.dot(jax.grad(problem.objective)(start), paths["newton"].x[1] - start),
        "hessian": _hessian(problem, start),
        "saddle": jnp.where(level > 0, 0.0, NOWHERE) if loss == "exact" else jnp.full_like(level, NOWHERE),
        "inflection": (
            jnp.where(level > 0, jnp.sqrt(jnp.maximum(level, 0.0) / 3), NOWHERE)
            if loss == "exact"
            else jnp.full_like(level, NOWHERE)
        ),
    }


def _hessian(problem, x):
    return jax.hessian(problem.objective)(x)


def _smallest(problem):
    """The smallest curvature at a point; nan where the point or its Hessian is no number."""

    def at(x):
        hessian = _hessian(problem, x)
        finite = jnp.all(jnp.isfinite(hessian))
        return jnp.where(finite, jnp.linalg.eigvalsh(jnp.where(finite, hessian, 0.0))[0], jnp.nan)

    return at


def fallen_back(path, reason):
    """For each step the pieces of the path, up to there, that gradient descent took: (..., steps + 1, 3 steps, 2).

    Three places a piece: from, to, and a gap.
    """
    pieces = np.stack([path[..., :-1, :], path[..., 1:, :], np.full_like(path[..., 1:, :], np.nan)], axis=-2)
    pieces = np.where((reason != Reason.TRUSTED)[..., None, None], pieces, np.nan)
    seen = np.tri(STEPS + 1, STEPS, -1, dtype=bool)[:, :, None, None]
    rows = np.where(seen, pieces[..., None, :, :, :], np.nan)
    return rows.reshape(*rows.shape[:-3], 3 * STEPS, 2)


def draw(result):
    paths = result["paths"]
    count = np.arange(STEPS + 1)
    lines = []
    for name in WALKS:
        path = paths[name]
        lines.append(Line(f"{name}/x", "x", path.x[..., 0], path.x[..., 1], name, name, role="path", legend=True,
                          dots=True))  # fmt: skip
        lines.append(Line(f"{name}/loss", "loss", np.broadcast_to(count, path.loss.shape), path.loss, name, name,
                          role="path"))  # fmt: skip
    for name, values in result["smallest"].items():
        lines.append(Line(f"{name}/curvature", "curvature", np.broadcast_to(count, values.shape), values, name, name,
                          role="path"))  # fmt: skip
    pieces = fallen_back(paths["safe_newton"].x, result["reason"])
    lines += [
        Line("fallback", "x", pieces[..., 0], pieces[..., 1], label="fallback used", width=9.0, opacity=0.7,
             role="segment", colour=METHODS["gradient_descent"].colour, legend=True),
        Line("zero", "curvature", [0, STEPS], [0.0, 0.0], label="0", width=0.8, answer=False),
    ]  # fmt: skip
    at, rise = climb(paths["safe_newton"].loss)
    top = np.take_along_axis(paths["safe_newton"].loss, at[..., None], -1)[..., 0]
    trusted = np.take_along_axis(result["reason"], at[..., None] - 1, -1)[..., 0] == Reason.TRUSTED
    too_long = np.where(trusted & (rise > CLIMB), at, np.nan)
    steps = Axis("step", (0, STEPS))
    extent = (-VIEW, VIEW) * 2
    return Drawing(
        panels=(
            Panel("x", "x-space", Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW)), big=True, equal=True),
            Panel("curvature", "smallest curvature on the path", steps, Axis("", (-6.0, 10.0))),
            Panel("loss", "loss", steps, Axis("L", (-0.2, 4.0))),
        ),
        lines=tuple(lines),
        fields=(
            Field("refused", "x", result["refused"], extent, "shade", low=0.0, high=2.5, label="Newton is not trusted",
                  answer=True),
            Field("loss-field", "x", result["landscape"], extent, levels=LEVELS),
        ),
        marks=(
            Mark("start", "x", "dot", START_X1, paths["newton"].x[..., 0, 1], "start"),
            Mark("climb", "loss", "label", too_long, top, "trusted, but too long", True),
        ),
        readouts=tuple(Readout(f"{name}/loss", "y", "L =", 2) for name in WALKS),
        numbers={"inflection": result["inflection"], "saddle": result["saddle"]},
        step=result["settings"]["step"],
    )  # fmt: skip


def climb(loss):
    """The step at which a path's loss rises most, and by how much (0 if it never does); (...,) each."""
    rises = np.diff(np.where(np.isfinite(loss), loss, 0.0), axis=-1)
    return np.argmax(rises, axis=-1) + 1, np.maximum(np.max(rises, axis=-1), 0.0)


def landing(result):
    """Where Newton's first full step ends; shape (2,). Where the step is no number there is none: it stays."""
    start, first = result["paths"]["newton"].x[:2]
    return np.where(np.all(np.isfinite(first)), first, start)


def reading(result):
    path, step = result["paths"]["newton"], result["settings"]["step"]
    if step == 0:
        return joined(_begun(result), "Take a step.")
    if not np.all(np.isfinite(path.x[1])):
        stuck = "Newton’s method cannot take a step, because the Hessian is singular at the start."
        return joined(stuck, _fallback(result))
    uphill, rises = float(result["climbing"]) > 0, path.loss[1] > path.loss[0]
    if uphill:
        why = "because a curvature is negative there"
        first = f"Newton’s first step points uphill, {why}, {'and L rises' if rises else 'yet it ends lower'}."
    else:
        first = f"Newton’s first step points downhill{' but is too long, so L rises' if rises else ', and L falls'}."
    return joined(first, _now(result), _fallback(result))


def _begun(result):
    """What the Hessian says at the start."""
    curvature = float(result["smallest"]["newton"][0])
    if not np.any(result["hessian"]):
        return "At the start the Hessian is zero."
    return f"At the start {'all curvatures are' if curvature > 0 else 'the smallest curvature is not'} positive."


def _now(result):
    """Where plain Newton is at the step on screen."""
    step, path = result["settings"]["step"], result["paths"]["newton"]
    x = path.x[step]
    if not np.all(np.isfinite(x)):
        return "It is now outside the figure."
    if np.max(np.abs(x)) > VIEW:
        return f"It is now outside the figure, {number_word(float(np.linalg.norm(x - path.x[0])))} from its start."
    if result["slope"][step] > REST:
        return "It has not converged yet."
    lowest = result["smallest"]["newton"][step] > 0
    return f"Its gradient is now almost zero, {'at a minimum' if lowest else 'but not at a minimum'}."


def _fallback(result):
    """How often gradient descent's step was taken, up to the step on screen."""
    step = result["settings"]["step"]
    reasons = {Reason(int(one)) for one in result["reason"][:step]} - {Reason.TRUSTED}
    count = int(np.sum(result["reason"][:step] != Reason.TRUSTED))
    if not count:
        return "Every Hessian on the path with a fallback is trusted so far."
    why = WHY[reasons.pop()] if len(reasons) == 1 else "where a curvature was negative or nearly zero"
    replaced = "the first step" if step == 1 else f"{count} of the first {step} steps"
    return f"Gradient descent replaces {replaced} of the path with a fallback, {why}."


def remark(result):
    """What decides where Newton's first step lands."""
    if float(result["smallest"]["newton"][0]) > 0:
        told = "All curvatures are positive at the start, so this point is the minimum of the model."
    else:
        told = "A curvature is negative at the start, so this point is no minimum of the model."
    return f"Newton’s step goes to where the gradient of its quadratic model is zero. {told}"


def unasked(result):
    """Why nobody could point at the landing."""
    x = result["paths"]["newton"].x[1]
    if not np.all(np.isfinite(x)):
        return "The Hessian is singular at the start, so Newton’s method has no step there."
    if np.max(np.abs(x)) > VIEW:
        return (
            "Newton’s first step ends outside the figure, where you cannot point, because a curvature at the start is "
            "small."
        )
    return ""


def hint(_said, result):
    """How the landing can be found on paper."""
    if result["settings"]["loss"] == "exact":
        return "Along x₁ the model is exact, so x₁ becomes 0. Along x₂ the step is −4x₂(x₂² − c) / (12x₂² − 4c)."
    return "The network imitates the formula, so the formula’s step is a good estimate."


def _saddle_claim(lesson):
    found = []
    for loss in ("exact", "tanh"):
        result = lesson.experiment(loss=loss)
        newtons, safe = result["paths"]["newton"], result["paths"]["safe_newton"]
        found.append((newtons.loss[-1], result["slope"][-1], result["smallest"]["newton"][-1], safe.loss[-1]))
    return found, all(n > 0.5 and slope < REST and curve < 0 and s < 0.05 for n, slope, curve, s in found)


def _uphill_claim(lesson):
    path = lesson.experiment()["paths"]["newton"]
    sine = RotatedSine(conditioning=1.0)
    starts = jnp.array(np.random.default_rng(0).uniform(-1.6, 1.6, (200, 2)))
    loss = jax.vmap(lambda x: rollout(newton, sine, x, 1, eta=1.0).loss)(starts)
    share = float(jnp.mean(loss[:, 1] > loss[:, 0]))
    return (path.loss[1] - path.loss[0], share), path.loss[1] > path.loss[0] and share > 0.02


def _climb_claim(lesson):
    result = lesson.experiment()
    loss, (at, _) = result["paths"]["safe_newton"].loss, climb(result["paths"]["safe_newton"].loss)
    found = (int(at), round(float(loss[at - 1]), 1), round(float(loss[at]), 1))
    plain = float(climb(result["paths"]["gradient_descent"].loss)[1])
    return (found, plain), found == (3, 0.3, 2.0) and result["reason"][at - 1] == Reason.TRUSTED and plain == 0


def _finite_claim(lesson):
    found = []
    for loss in ("exact", "tanh", "relu"):
        for level, x2 in ((1.0, float(np.sqrt(1 / 3))), (0.0, 0.0), (2.0, 0.01), (-1.0, 2.0)):
            result = lesson.experiment(loss=loss, level=level, start_x2=x2, fallback=0.3)
            found.append(bool(np.isfinite(result["paths"]["safe_newton"].x).all()))
    sine = RotatedSine()
    starts = np.random.default_rng(0).uniform(-1.6, 1.6, (20, 2))
    runs = [guarded(sine, start, STEPS).path.loss for start in starts]
    found += [bool(np.isfinite(loss).all() and loss[-1] < loss[0]) for loss in runs]
    return found, all(found)


def _blow_up_claim(lesson):
    first = lesson.experiment(start_x2=float(np.sqrt(1 / 3)), level=1.0)["paths"]["newton"].x[1]
    length = float(np.max(np.abs(first))) if np.all(np.isfinite(first)) else np.inf
    return length, length > 1e6


def _relu_claim(lesson):
    refused = lesson.experiment(loss="relu")
    trusted = lesson.experiment(loss="tanh")
    found = list(refused["reason"])
    shares = float(refused["refused"].mean()), float(trusted["refused"].mean())
    return (found, shares), set(found) == {Reason.NO_CURVATURE} and shares[0] == 1 and shares[1] < 0.9


def _square_claim(_lesson):
    network, x = learned_loss(SquaredSecond(target=(0.0, 1.0)), "relu"), jnp.array([0.4, -1.1])
    whole = jax.hessian(lambda x: jnp.sum((network.forward(x) - 3.0) ** 2))(x)
    jacobian = network.jacobian(x)
    gap = float(jnp.abs(whole - 2 * jacobian.T @ jacobian).max())
    return (gap, float(jnp.abs(whole).max())), gap < 1e-12 < 1e-3 < float(jnp.abs(whole).max())


CONTROLS = (
    Step("step", "step", STEPS, 1),
    Slider("start_x2", "start, x₂", -VIEW, VIEW, 0.4,
           landmarks=(Landmark("saddle", number="saddle"), Landmark("no curvature", number="inflection"))),
    Slider("level", "c: valleys at ±√c", -1.0, 2.0, 1.0, landmarks=(Landmark("flat valley: c = 0", 0.0),)),
    Slider("fallback", "η of the fallback", 0.01, 0.3, 0.1, "log", swept=False, group="more"),
    Choice("loss", "the loss is",
           {"exact": "the formula", "tanh": "a network with tanh", "relu": "a network with ReLU"}, "exact"),
    Preset("start where the curvature is zero", {"start_x2": 0.57735, "level": 1.0, "loss": "exact"}),
    Point("guess", "your guess", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-1.0, -1.0), simulated=False),
    Legend("hide", (*WALKS, "fallback")),
)  # fmt: skip
CLAIMS = (
    Claim("From the default start Newton converges to the saddle, with the fallback to a minimum.",
          _saddle_claim, rows=("C6",)),
    Claim("Newton may go uphill, here and on the turned sine.", _uphill_claim),
    Claim("At the defaults a trusted step climbs from 0.3 to 2.0; gradient descent never climbs.", _climb_claim),
    Claim("With the fallback every run stays finite, also where the Hessian is singular, and on the turned sine.",
          _finite_claim, rows=("C6",)),
    Claim("Where the curvature is zero plain Newton’s step is endless.", _blow_up_claim, rows=("C6",)),
    Claim("A ReLU network’s Hessian is zero, and every step is refused for that reason; a tanh network’s is not.",
          _relu_claim, rows=("C7",)),
    Claim("Under a squared error a ReLU network’s Hessian is Gauss–Newton’s.", _square_claim, rows=("C7",)),
)  # fmt: skip

LESSON = Lesson(
    slug="newton-breaks",
    title="Newton’s method at a saddle",
    question="Does Newton’s method always go downhill?",
    text=(
        "The loss is $L = x_1^2 + (x_2^2 - c)^2$. For $c > 0$ it has two valleys and a saddle between them. Newton’s "
        "step $\\Delta x = -H^{-1}\\nabla L$ uses the gradient $\\nabla L$ and the Hessian $H$, the matrix of second "
        "derivatives. It leads to where the gradient of a quadratic model is zero, whether that is a minimum or not. A "
        "guarded method looks at the eigenvalues of $H$ first, the curvatures. Where they are not all positive it "
        "takes a step of gradient descent, $-\\eta\\,\\nabla L$."
    ),
    minutes=9,
    controls=CONTROLS,
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Aim(
        "Newton takes one full step from x₁ = 0.3, x₂ = {start_x2:.3g}, with c = {level:.3g}. Where does it land?",
        "guess",
        landing,
        CLOSE,
        remark=remark,
        unasked=unasked,
        feedback=hint,
    ),
    why=(
        "Newton’s step solves $H\\,\\Delta x = -\\nabla L$. Along a direction with curvature $h$ it is the slope over "
        "$-h$. If $h < 0$ it points uphill, if $h \\approx 0$ it is very long, if $h = 0$ there is none. So the guard "
        "judges the Hessian first, and gives its reason:\n\n" + code(judge, safe_newton) + "\n\n"
        "A ReLU network is piecewise linear. Where the network *is* the loss, its Hessian is exactly zero almost "
        "everywhere, however well it imitates a curved one. The guard refuses every step, and gradient descent is "
        "left. With tanh instead, there are curvatures to be judged."
    ),
    limits=(
        "The guard looks at the curvature, not at the loss. Just outside the shaded strip a curvature is positive but "
        "small, and a trusted step can be too long. At the defaults the loss climbs from 0.3 to 2.0 at step 3 before "
        "it falls; gradient descent alone never climbs. The fallback keeps the run finite, not fast: near the saddle "
        "the gradient is small, and so are its steps. Better guards also look at the loss (a line search, a trust "
        "region) or use the absolute values of negative curvatures. “ReLU has no second derivative” is half of the "
        "truth. Under a *squared error* the Hessian of a ReLU network is not zero but Gauss–Newton’s $2J^T J$; only "
        "the second of its [two terms](hessian-terms) is gone. The networks here have random inner weights and a "
        "fitted last layer."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Dependence on Hessian”.",
        "Nocedal and Wright, Numerical Optimization, section 3.4.",
    ),
    claims=CLAIMS,
    symbols=("x", "loss", "gradient", "hessian", "eta", "level", "newton", "gd", "definite", "saddle"),
    takeaway=notes.breaks_takeaway(STEPS, START_X1, LONGEST),
    teaching=notes.BREAKS_TEACHING,
    alt=(
        "Isolines of a loss with two valleys, shaded where Newton is not trusted; the paths of Newton, guarded Newton "
        "and gradient descent, with the steps that fell back; the smallest curvature and the loss by step."
    ),
)
