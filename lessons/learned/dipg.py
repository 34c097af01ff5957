"""D-IPG over the trust map: the learned inverse walks, beside the methods it stands for (curriculum I1)."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from core.deceptron import composition_defect
from core.solve import Status, solve_path
from lessons.controls import Choice, Landmark, Legend, Point, Slider, Step
from lessons.figures import METHODS, Axis, Drawing, Field, Line, Mark, Panel, Readout, path_lines
from lessons.inversion.landscape import landscape
from lessons.learned import setting
from lessons.lesson import Claim, Lesson, Option, Prediction
from lessons.words import count_word, number_word

BUDGET = 40
TOLERANCE = 1e-6  # far below the round trip's error, so that the floor of plain D-IPG shows
WALKERS = (
    "inverse_simulator",
    "gauss_newton",
    "gradient_descent",
    "one_shot",
    "dipg_plain",
    "dipg_differenced",
)
LEARNED = ("dipg_plain", "dipg_differenced")
Y_VIEWS = {  # (y1), (y2) of the view's corners, with a margin
    "sine": ((-0.28, 0.28), (-9.5, 9.5)),
    "scaled": ((-1.8, 1.8), (-7.0, 7.0)),
    "sheared": ((-5.2, 5.2), (-5.2, 5.2)),
    "squared": ((-1.8, 1.8), (-0.4, 2.8)),
}
WHOLE_VIEW = (jnp.array([-setting.VIEW] * 2), jnp.array([setting.VIEW] * 2))
LEVELS = tuple(float(level) for level in 4.0 ** np.arange(-4, 5))
STATUS_WORDS = {
    Status.CONVERGED: "arrived",
    Status.STALLED: "stalled",
    Status.BUDGET: "still on its way",
    Status.DIVERGED: "diverged",
}

# Traced once for a picture and its sweeps, not once for each.
_solve = eqx.filter_jit(solve_path)


def simulate(model, problem, model_from, box, eta, relaxation, start):
    """All walks from one start towards y*, under one protocol, and the trust map they cross."""
    chosen, setup = setting.problem(problem), setting.setup(problem)
    limits = setup.solver.box if box == "trained" else WHOLE_VIEW
    tolerance = jnp.asarray(TOLERANCE, eta.dtype)
    solver = eqx.tree_at(
        lambda s: (s.eta, s.relaxation, s.box, s.tolerance),
        setup.solver,
        (eta, relaxation, limits, tolerance),
    )
    solver = dataclasses.replace(solver, budget=BUDGET)
    target = chosen.target
    walks = {name: _solve(name, chosen, model, target, start, solver) for name in WALKERS}
    defect = jax.vmap(lambda x: composition_defect(model, x.astype(jnp.float32)))
    return {
        "walks": walks,
        "rjcp": {name: defect(walks[name].path.x) for name in LEARNED},
        "trust": setting.trust(model, problem),
        "landscape": landscape(eqx.tree_at(lambda p: p.start, chosen, start), setting.VIEW),
        "target": target,
        "solution": chosen.inverse(target, start),
        "start": start,
        "tolerance": solver.tolerance,
    }


def model_for(settings):
    """The standard Deceptron of the chosen problem."""
    return setting.standard_fit(settings["problem"]).model


def draw(result):
    settings = result["settings"]
    y_view = Y_VIEWS[settings["problem"]]
    lines = []
    for name in WALKERS:
        walk = result["walks"][name].path
        lines += path_lines(name, walk)
        lines.append(_over_steps(f"{name}/residual", "residual", walk.residual, name))
    for name in LEARNED:
        lines += _trials(name, result["walks"][name].path)
        lines.append(_over_steps(f"{name}/rjcp", "rjcp", result["rjcp"][name], name))
    target, solution = result["target"], result["solution"]
    steps = Axis("step", (0, BUDGET))
    return Drawing(
        panels=(
            Panel(
                "x",
                "x-space over the trust map",
                Axis("x₁", (-setting.VIEW, setting.VIEW)),
                Axis("x₂", (-setting.VIEW, setting.VIEW)),
                big=True,
                equal=True,
            ),
            Panel("y", "the same steps in y-space", Axis("y₁", y_view[0]), Axis("y₂", y_view[1])),
            Panel("residual", "residual, in units of y's spread", steps, Axis("", (1e-7, 10), log=True)),
            Panel(
                "rjcp",
                "RJCP along the path (lower: more trustworthy)",
                steps,
                Axis("", (1e-6, 1e3), log=True),
            ),
        ),
        lines=tuple(lines),
        fields=(
            setting.trust_field(result),
            Field("loss-field", "x", result["landscape"], (-setting.VIEW, setting.VIEW) * 2, levels=LEVELS),
        ),
        marks=(
            setting.trained_box(settings["problem"]),
            Mark("solution", "x", "cross", solution[..., 0], solution[..., 1], "solution"),
            Mark("target", "y", "cross", target[..., 0], target[..., 1], "y*"),
        ),
        readouts=tuple(Readout(f"{name}/residual", "y", "residual", 2) for name in WALKERS),
        step=settings["step"],
    )


def _over_steps(line_id, panel, values, name):
    steps = np.broadcast_to(np.arange(values.shape[-1]), values.shape)
    return Line(line_id, panel, steps, np.maximum(values, 1e-12), name, name, role="path")


def _trials(name, walk):
    """What lies behind the step to the current point: the aim in y-space, its pull-back in x-space, the projection."""
    trials = walk.trials
    from_x, to_x = walk.x[..., :-1, :], walk.x[..., 1:, :]
    in_x = np.stack([from_x, trials.pulled_back, trials.projected, to_x], axis=-2)
    in_y = np.stack([walk.y[..., :-1, :], trials.aim], axis=-2)
    style = {
        "group": name,
        "colour": METHODS[name].colour,
        "dash": "dot",
        "width": 1.5,
        "opacity": 0.9,
        "role": "segment",
    }
    return [
        Line(f"{name}/{panel}/trial", panel, *_rows(points), label="proposal", **style)
        for panel, points in (("x", in_x), ("y", in_y))
    ]


def _rows(points):
    """One row a step, nan before the first: (..., steps, k, 2) -> x and y, each (..., steps + 1, k)."""
    blank = np.full_like(points[..., :1, :, :], np.nan)
    rows = np.concatenate([blank, points], axis=-3)
    return rows[..., 0], rows[..., 1]


def reading(result):
    walks = result["walks"]
    labels = {name: METHODS[name].label for name in WALKERS}
    differenced, plain = walks["dipg_differenced"], walks["dipg_plain"]
    rjcp = result["rjcp"]["dipg_differenced"]
    count = int(differenced.iterations)
    sentences = [f"{labels['dipg_differenced']}: {_fate(differenced)}."]
    for name in ("gauss_newton", "gradient_descent"):
        sentences.append(f"{labels[name][0].upper()}{labels[name][1:]}: {_fate(walks[name])}.")
    sentences.append(f"RJCP on the way was at most {number_word(np.max(rjcp[: count + 1]))}.")
    one_shot = float(walks["one_shot"].residual)
    if plain.status == Status.CONVERGED:
        sentences.append(
            f"Plain D-IPG arrived in {count_word(int(plain.iterations), 'step')} too; one shot, g(y*), leaves "
            f"{number_word(one_shot)}."
        )
    else:
        sentences.append(
            f"Plain D-IPG {STATUS_WORDS[Status(int(plain.status))]} at {number_word(plain.residual)}: what the "
            "round trip "
            f"g(f(x)) misses is its floor. One shot, g(y*), leaves {number_word(one_shot)}."
        )
    return " ".join(sentences)


def _fate(walk):
    steps, status = int(walk.iterations), Status(int(walk.status))
    if status == Status.CONVERGED:
        return f"arrived in {count_word(steps, 'step')}"
    return f"{STATUS_WORDS[status]} after {count_word(steps, 'step')}, residual {number_word(walk.residual)}"


def _steps(result, name):
    walk = result["walks"][name]
    return int(walk.iterations) if walk.status == Status.CONVERGED else BUDGET + 1


def _fewest(*names):
    """Do these, and no other of the three compared, arrive in (within two steps of) the fewest steps?"""

    def holds(result):
        steps = {
            n: _steps(result, n) for n in ("gradient_descent", "dipg_differenced", "inverse_simulator", "gauss_newton")
        }
        least = min(steps.values())
        return least <= BUDGET and {n for n, s in steps.items() if s <= least + 2} == set(names)

    return holds


INSIDE = {"start": setting.START}
OUTSIDE = {"start": (1.45, 1.45)}


def _one_shot_claim(lesson):
    walks = lesson.experiment(eta=1.0, relaxation=1.0)["walks"]
    gap = float(np.abs(walks["dipg_plain"].path.x[1] - walks["one_shot"].path.x[1]).max())
    return gap, gap < 1e-12


def _relaxed_claim(lesson):
    """With rho < 1 and alpha = 1 the residual shrinks by 1 - rho whatever the Jacobian: in x, exactly."""
    walk = lesson.experiment(eta=1.0, relaxation=0.5)["walks"]["dipg_plain"].path.x
    end = lesson.experiment(eta=1.0, relaxation=1.0)["walks"]["one_shot"].path.x[1]
    shrink = np.linalg.norm(walk[1:4] - end, axis=-1) / np.linalg.norm(walk[0:3] - end, axis=-1)
    return shrink, np.allclose(shrink, 0.5, atol=1e-6)


def _walk_claim(lesson):
    result = lesson.experiment(**INSIDE)
    steps = {name: _steps(result, name) for name in WALKERS}
    gap = abs(steps["dipg_differenced"] - steps["gauss_newton"])
    left = float(result["walks"]["gradient_descent"].residual)
    return (steps, left), gap <= 2 and steps["dipg_differenced"] <= BUDGET and left > 1e4 * TOLERANCE


def _floor_claim(lesson):
    """The plain step cannot come closer than the round trip's error; the differenced one can, from outside too."""
    ends = [
        {name: float(result["walks"][name].residual) for name in LEARNED}
        for result in (lesson.experiment(**INSIDE), lesson.experiment(**OUTSIDE))
    ]
    return ends, all(end["dipg_differenced"] <= TOLERANCE < 1e-5 < end["dipg_plain"] for end in ends)


def _mirror_claim(lesson):
    walk = lesson.experiment(problem="squared", start=(0.85, -0.75))["walks"]
    ends = {name: float(walk[name].x[1]) for name in ("inverse_simulator", "dipg_plain")}
    return ends, ends["inverse_simulator"] < 0 < ends["dipg_plain"]


LESSON = Lesson(
    slug="dipg",
    title="D-IPG over the trust map",
    question="Can a learned inverse find its way where it was never trained?",
    text=(
        "D-IPG plans in y-space and carries out with the learned $g$: aim at $y - \\alpha\\,(y - y^*)$, pull back "
        "through "
        "$g$, relax, project, and halve $\\alpha$ until the residual falls enough (Armijo). The clouds are RJCP."
    ),
    minutes=10,
    controls=(
        Step("step", "step", BUDGET, BUDGET),
        Slider("eta", "step in y, α", 0.05, 1.0, 0.35, landmarks=(Landmark("one jump", 1.0),)),
        Slider("relaxation", "relaxation ρ", 0.1, 1.0, 1.0, landmarks=(Landmark("none", 1.0),)),
        Choice("problem", "problem", setting.PROBLEM_LABELS, "sine"),
        Choice("box", "project to", {"view": "the whole view", "trained": "the trained box"}, "view"),
        Choice("model_from", "Deceptron", {"standard": "standard", "mine": "the one I trained"}, "standard"),
        Point("start", "start", "x", (-setting.VIEW, -setting.VIEW), (setting.VIEW, setting.VIEW), setting.START),
        Legend("hide", WALKERS, ("one_shot", "dipg_plain")),
    ),
    simulate=simulate,
    prepare=model_for,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "From this start, with α = {eta:.2g}: who reaches the solution in the fewest steps?",
        (
            Option("gradient descent", _fewest("gradient_descent")),
            Option("only the exact inverse simulator", _fewest("inverse_simulator")),
            Option("only D-IPG", _fewest("dipg_differenced")),
            Option(
                "inverse simulator, Gauss–Newton and D-IPG, about equally",
                _fewest("inverse_simulator", "gauss_newton", "dipg_differenced"),
            ),
        ),
        remark=(
            "With the same α they all cover the same fraction of the gap in y a step. Few steps alone say nothing "
            "about a "
            "good local inverse: plain D-IPG at α = 1 is a single jump to g(y*), wherever it stands."
        ),
    ),
    why=(
        "The paper’s step is *plain*: $x \\leftarrow g(y - \\alpha r)$. Its aim forgets where x is, so at α = 1 it "
        "is one-shot "
        "inversion, and it can come no closer than the round trip’s error. The *differenced* step is the book’s "
        "inverse "
        "simulator with g in place of $P^{-1}$; the error cancels:\n\n"
        "```python\n"
        "def dipg_plain(model, x, y, r, eta):\n"
        "    return model.g(y - eta * r)\n\n"
        "def dipg_differenced(model, x, y, r, eta):\n"
        "    return x + model.g(y - eta * r) - model.g(y)\n"
        "```\n\n"
        "If $J_g = J_f^{-1}$ the differenced step is, to first order, Gauss–Newton’s step shortened to α."
    ),
    limits=(
        "RJCP judges the *local* inverse, so only the differenced step shows what a high RJCP costs; plain ignores "
        "where it "
        "starts. Low RJCP is no promise of convergence: project to the trained box with the solution at its edge, "
        "or start on "
        "the wrong side of the fold of (x₁, x₂²), where g knows only the upper branch. In two dimensions "
        "Gauss–Newton costs "
        "nothing; what D-IPG saves shows on larger problems."
    ),
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076, for D-IPG and "
        "RJCP.",
        "The differenced step is this course’s, after the inverse-simulator update of Physics-based Deep Learning.",
    ),
    claims=(
        Claim("Plain D-IPG at alpha = 1 is one-shot inversion.", _one_shot_claim),
        Claim(
            "With alpha = 1 and relaxation 1/2, plain D-IPG halves its distance to g(y*) each step.",
            _relaxed_claim,
        ),
        Claim(
            "Inside the box D-IPG arrives in about Gauss-Newton's steps; gradient descent is not even near by then.",
            _walk_claim,
        ),
        Claim(
            "Plain D-IPG has a floor; the differenced step passes it, from inside and from outside the box.",
            _floor_claim,
        ),
        Claim(
            "From the wrong side of the fold, g leads to the other branch than the inverse simulator.",
            _mirror_claim,
        ),
    ),
    alt=(
        "The trust map with the walks of six methods from a start to the solution, the same steps in y-space, the "
        "residual and RJCP by step."
    ),
)
