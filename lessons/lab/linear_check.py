"""The linear check: V learns to undo A, and with more data than unknowns that is not yet A^+ (curriculum I2)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from core import setups, training
from core.backend import default_float
from core.deceptron import composition_defect
from core.least_squares import gauss_newton, levenberg_marquardt
from core.linear import across
from core.methods import dipg_differenced
from core.networks import as_type
from core.problem import Aimed, number
from core.protocol import Status
from core.solve import solve
from core.study import row
from lessons.controls import Choice, Landmark, Legend, Point, Preset, Slider, Step
from lessons.lab import notes_linear as notes
from lessons.lab.linear_picture import VIEW, draw
from lessons.lab.linear_reading import PREDICTION, ROUNDING, reading, table
from lessons.lab.linear_setting import CHUNKS, CONDITIONS, NOISE, START, TRUTH, hyper, setup, trainings
from lessons.landscape import landscape
from lessons.lesson import Claim, Lesson, Takeaway

TINY = float(jnp.finfo(default_float()).tiny)


def model_for(settings):
    """The Deceptrons of the chosen training, from the first to the last."""
    return trainings(settings["data"], settings["condition"], settings["trained"])


def simulate(models, data, condition, trained, outside, eta, start):
    """A step of Gauss-Newton and, at every moment of the training, of D-IPG; and where both end."""
    problem = setup(data, condition).problem
    matrix, basis = problem.matrix, across(problem.matrix)
    clean = matrix @ number(TRUTH)
    aimed = Aimed(problem, clean + outside * jnp.sum(basis, axis=1))
    models = as_type(models, default_float())
    full = gauss_newton(aimed, start, eta)
    steps = eqx.filter_vmap(lambda model: dipg_step(model, aimed, start, eta))(models)
    ends = eqx.filter_vmap(lambda model: fixed_point(model, aimed))(models)
    return {
        "gauss_newton": full,
        "dipg": steps,
        "least_squares": start + gauss_newton(aimed, start, jnp.ones(())),
        "ends": ends,
        "apart": jnp.linalg.norm(steps - full, axis=-1) / jnp.maximum(jnp.linalg.norm(full), TINY),
        "by_reach": eta * outside * jnp.linalg.norm(jnp.sum(models.g.weight @ basis, axis=-1), axis=-1),
        "by_defect": jnp.linalg.norm((models.g.weight @ matrix - jnp.eye(2, dtype=start.dtype)) @ full, axis=-1),
        "rjcp": eqx.filter_vmap(lambda model: composition_defect(model, start))(models),
        "beyond": jnp.linalg.norm(models.g.weight @ basis, axis=(-2, -1)),
        "slid": (ends - number(TRUTH)) @ matrix.T @ _direction(models, matrix, basis),
        "excess": jax.vmap(lambda x: jnp.linalg.norm(matrix @ x - aimed.target))(ends),
        "least": outside * jnp.sqrt(number(basis.shape[1])),
        "start": start,
        "landscape": landscape(Aimed(problem, clean), VIEW, 100),
    }


def dipg_step(model, problem, x, eta):
    """D-IPG's step, before relaxation and Armijo's rule: eta V (y* - A x)."""
    _, proposed = dipg_differenced(problem, model, x, problem.forward(x), eta, None)
    return proposed - x


def fixed_point(model, problem):
    """Where D-IPG's steps vanish, V (A x - y*) = 0; nan where V A is singular."""
    composed, pulled = model.g.weight @ problem.problem.matrix, model.g.weight @ problem.target
    regular = jnp.abs(jnp.linalg.det(composed)) > 1e-9
    safe = jnp.where(regular, composed, jnp.eye(len(composed), dtype=composed.dtype))
    return jnp.where(regular, jnp.linalg.solve(safe, pulled), jnp.nan)


def _direction(models, matrix, basis):
    """Along which unit vector of the range V, once trained, moves what lies across it; 0 where nothing lies there."""
    moved = matrix @ models.g.weight[-1] @ jnp.sum(basis, axis=1)
    return moved / jnp.maximum(jnp.linalg.norm(moved), TINY)


def _last(result, name):
    return float(result[name][-1])


def _square_claim(lesson):
    """The experiment's own size too: n = 8, condition 10, on fresh instances."""
    found = [lesson.experiment(data="square", condition=condition) for condition in ("2", "5")]
    small = [(_last(result, "rjcp"), _last(result, "apart")) for result in found]
    eight = setups.linear()
    fit = training.fit(eight, jax.random.key(0))
    defect = float(composition_defect(fit.model, jnp.zeros(8, jnp.float32)))
    first = row("dipg_differenced", eight, fit.model, 1000, 50)
    sizes = (defect, float(first.cosine.min()), float(first.apart.max()))
    good = all(rjcp < ROUNDING and apart < 1e-3 for rjcp, apart in small)
    return (small, sizes), good and defect < 1e-6 and sizes[1] > 0.9999 and sizes[2] < 1e-3


def _tall_claim(lesson):
    """Without data outside the range the step is Gauss-Newton's; with them it is off in proportion."""
    apart = [lesson.experiment(data="tall", outside=s)["apart"][-1] for s in (0.0, 0.3, 0.6)]
    rjcp = _last(lesson.experiment(data="tall"), "rjcp")
    return (apart, rjcp), rjcp < ROUNDING and apart[0] < 1e-3 and apart[1] > 0.1 and np.isclose(apart[2], 2 * apart[1])


def _rest_claim(lesson):
    """D-IPG's fixed point is V y*, whatever eta."""
    gaps = []
    for eta in (0.2, 1.0):
        result, models = lesson.experiment(eta=eta), trainings("tall", "5", "clean")
        problem = setup("tall", "5").problem
        y_star = problem.matrix @ np.array(TRUTH) + result["settings"]["outside"] * across(problem.matrix)[:, 0]
        gaps.append(float(np.abs(np.asarray(models.g.weight[-1], float) @ y_star - result["ends"][-1]).max()))
    return gaps, max(gaps) < 1e-5 and _last(result, "excess") > result["least"]


def _blind_claim(lesson):
    """The gradient of |V A - I|^2 is 0 along everything that A does not reach, for any V; Adam moves V there still."""
    matrix = setup("tall", "2").problem.matrix
    weight = jax.random.normal(jax.random.key(1), (2, 3), matrix.dtype)
    slope = jax.grad(lambda v: jnp.sum((v @ matrix - jnp.eye(2)) ** 2))(weight)
    seen = float(jnp.linalg.norm(slope @ across(matrix)) / jnp.linalg.norm(slope))
    from_zero = eqx.tree_at(
        lambda s: (s.beginning.identity, s.beginning.spread), setup("tall", "2"), (jnp.zeros(()),) * 2
    )
    moved = training.fit(from_zero, jax.random.key(0)).model.g.weight
    left = float(jnp.linalg.norm(moved @ across(matrix).astype(moved.dtype)))
    descent = np.zeros((2, 3))
    for _ in range(2000):
        descent -= 0.5 * (descent @ matrix - np.eye(2)) @ matrix.T
    miss = float(np.abs(descent - np.linalg.pinv(matrix)).max())
    return (seen, left, miss), seen < 1e-12 and left > 0.5 and miss < 1e-6


def _armijo_claim(lesson):
    """Under the fair protocol D-IPG ends at the same place, and is said to have stalled."""
    chosen, result = setup("tall", "5"), lesson.experiment()
    target = chosen.problem.matrix @ number(TRUTH) + result["least"] * across(chosen.problem.matrix)[:, 0]
    model = jax.tree.map(lambda leaf: leaf[-1] if eqx.is_array(leaf) else leaf, trainings("tall", "5", "clean"))
    walk = solve("dipg_differenced", chosen, model, target, number(START))
    away = float(jnp.linalg.norm(walk.x - result["ends"][-1]))
    return (int(walk.status), away), int(walk.status) == Status.STALLED and away < 1e-4


def _longer_claim(lesson):
    """What RJCP is left at condition 30 after 3,000 steps of training, and after 12,000."""
    found = []
    for steps in (3000, 12000):
        fit = training.fit(setup("tall", "30"), jax.random.key(0), hyper("clean"), steps)
        found.append(float(composition_defect(fit.model, jnp.zeros(2, jnp.float32))))
    return found, found[0] > 1e-3 and found[1] < ROUNDING


def _noise_claim(lesson):
    """Noise in training makes V the ridge inverse: Levenberg-Marquardt's step with damping NOISE^2 / 2."""
    found = []
    for data, condition in (("tall", "2"), ("tall", "5"), ("square", "5")):
        result = lesson.experiment(data=data, condition=condition, trained="noisy", eta=1.0)
        problem = setup(data, condition).problem
        y_star = problem.matrix @ number(TRUTH) + result["least"] * jnp.sum(across(problem.matrix), axis=1)
        damped = levenberg_marquardt(Aimed(problem, y_star), number(START), 1.0, NOISE**2 / 2)
        found.append(float(np.linalg.norm(result["dipg"][-1] - damped) / np.linalg.norm(damped)))
    shrunk = [_last(lesson.experiment(trained=trained), "beyond") for trained in ("clean", "noisy")]
    rjcp = _last(lesson.experiment(trained="noisy"), "rjcp")
    return (found, shrunk, rjcp), max(found) < 0.06 and shrunk[1] < 0.1 * shrunk[0] and rjcp > 100 * ROUNDING


INCONSISTENT, CONSISTENT = {"data": "tall", "outside": 0.6}, {"data": "tall", "outside": 0.0}

LESSON = Lesson(
    slug="linear-check",
    title="The linear check",
    question="V undoes A exactly. Is its step then Gauss–Newton’s?",
    text=notes.TEXT,
    minutes=6,
    controls=(
        Step("step", "frame", CHUNKS, CHUNKS),
        Slider(
            "outside", "s, part of y* out of reach", 0.0, 1.0, 0.6, landmarks=(Landmark("none", 0.0),),
            when=("data", ("tall",)),
        ),
        Slider("eta", "η, step in y", 0.05, 1.0, 0.6, landmarks=(Landmark("full", 1.0),)),
        Choice("data", "data", {"tall": "3 data, 2 unknowns", "square": "2 and 2"}, "tall"),
        Choice("trained", "trained", {"clean": "by JCP alone", "noisy": "on noisy y too"}, "clean"),
        Choice("condition", "condition of A", {name: name for name in CONDITIONS}, "5", "more"),
        Preset("nothing out of reach", CONSISTENT),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), START),
        Legend("hide", ("gauss", "dipg")),
    ),
    simulate=simulate,
    prepare=model_for,
    draw=draw,
    reading=reading,
    prediction=PREDICTION,
    table=table,
    why=notes.WHY,
    limits=notes.LIMITS,
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076.",
        "Left inverses and the pseudo-inverse: Ben-Israel and Greville, Generalized Inverses, chapter 1.",
        "Noise in the inputs as a ridge: Bishop, Training with Noise is Equivalent to Tikhonov Regularization, 1995.",
    ),
    claims=(
        Claim(
            "With as many data as unknowns RJCP falls below 10⁻⁶ and the step is Gauss-Newton's times η, at n = 8 too.",
            _square_claim,
            ("I2",),
        ),
        Claim(
            "With three data RJCP falls as low; the step is Gauss-Newton's only where all of y* is in reach, and else "
            "off in proportion to what is not.",
            _tall_claim,
            ("I2",),
        ),
        Claim("D-IPG converges to V y*, whatever η, and its residual there is not the least.", _rest_claim),
        Claim(
            "JCP's gradient never touches V outside A's range, so from V = 0 gradient descent finds the "
            "pseudo-inverse; Adam, which rescales every entry, fills V there even from 0.",
            _blind_claim,
        ),
        Claim("Under the fair protocol D-IPG ends there as well, and is said to have stalled.", _armijo_claim),
        Claim("At condition 30 RJCP needs more than 3,000 steps to fall to rounding; 12,000 do.", _longer_claim),
        Claim(
            "Noise in training gives the ridge inverse: Levenberg-Marquardt's step with damping σ²/2, to 6 %."
            " V outside the range shrinks tenfold, and RJCP is no longer zero.",
            _noise_claim,
        ),
    ),
    symbols=("x", "y", "target", "g", "jcp", "rjcp", "eta", "dipg", "pseudo-inverse", "left-inverse", "noise"),
    takeaway=Takeaway(notes.code, notes.numbers),
    teaching=notes.TEACHING,
    alt=(
        "The plane of the two unknowns with Gauss–Newton’s step and D-IPG’s; the data projected onto the range of A, "
        "at a right angle or obliquely; RJCP and V’s answer to data outside the range by training step."
    ),
)  # fmt: skip
