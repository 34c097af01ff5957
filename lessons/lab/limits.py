"""Robustness and limits: seven ways to be wrong, and which of them RJCP and Armijo's rule notice (I5, I6, I8)."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from core.deceptron import Deceptron, rjcp_field
from core.networks import Physics
from core.solve import solve_path
from core.trust import contraction_bound
from lessons.controls import Choice, Landmark, Legend, Point, Preset, Slider, Step
from lessons.figures import METHODS, Axis, Drawing, Field, Line, Mark, Panel
from lessons.lab import limits_claims as claims
from lessons.lab import limits_notes as notes
from lessons.lab import limits_study as measured
from lessons.lab import limits_words as words
from lessons.lab.limits_study import BUDGET, FREE, INSTANCES, LEVELS, VIEW
from lessons.lab.limits_words import WALKERS
from lessons.learned import setting
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.prediction import Prediction
from lessons.words import code

GRID = 40  # of the trust map, which moves with the turn of the world
DISTURBED = {
    "noise": "noisy data",
    "shared": "a wrong simulator",
    "stale": "an outdated g",
    "range": "a far truth",
    "box": "a tight box",
    "least": "held from below",
    "start": "a far start",
}
OVER = {
    "noise": "ε, noise of the data",
    "shared": "δ, turn of the world",
    "stale": "δ, turn of the world",
    "range": "how far out the truth is",
    "box": "w, half-width of the box",
    "least": "b, least x allowed",
    "start": "how far out the start is",
}
TRAINED = {"clean": "on clean data", "weak": "with noise 0.03", "noisy": "with noise 0.1", "strong": "with noise 0.3"}
CURSOR = {"noise": "noise", "shared": "turn", "stale": "turn", "box": "half_width", "least": "least"}
PURPLE = METHODS["dipg_differenced"].colour

_solve = eqx.filter_jit(solve_path)


def prepare(settings):
    """The trained g and what was measured of the chosen disturbance."""
    return measured.study(settings["disturb"], settings["trained"])


def simulate(study, noise, turn, half_width, least, truth, start):
    """One run of each method with the chosen disturbance, beside the curves of the drawn ones."""
    acts = study.acts
    world = measured.world((acts["shared"] + acts["stale"]) * turn)
    known = measured.world(acts["stale"] * turn)
    pair = Deceptron(Physics(known), study.g)
    high = jnp.where(acts["box"] > 0, half_width, FREE)
    low = jnp.where(acts["least"] > 0, least, -high)
    stray = acts["noise"] * noise * measured.drawn()[2][0]
    target = world.forward(truth) + stray
    begin = jnp.clip(start, low, high)
    walks = {name: _solve(name, known, pair, target, begin, measured.solver(low, high)) for name in WALKERS}
    amounts = {
        "noise": noise,
        "shared": turn,
        "stale": turn,
        "range": jnp.max(jnp.abs(truth)),
        "box": half_width,
        "least": least,
        "start": jnp.max(jnp.abs(start)),
    }
    amount = sum(acts[name] * value for name, value in amounts.items())
    rjcp = rjcp_field(pair, walks["dipg_differenced"].path.x)
    return {
        "walks": walks,
        "errors": {name: jnp.linalg.norm(walk.x - truth) for name, walk in walks.items()},
        "rjcp": rjcp,
        "highest": jnp.max(rjcp),
        "trust": setting.shade(rjcp_field(pair, setting.grid(GRID, VIEW).astype(truth.dtype))),
        "boundary": study.boundary,
        "calm": study.calm,
        "against": {
            name: jnp.asarray(values)[jnp.argmin(jnp.abs(study.levels - amount))]
            for name, values in study.against.items()
        },
        "solutions": jnp.stack([measured.solution(known, target, near) for near in (begin, 0 * begin)]),
        "target": target,
        "allowed": jnp.stack([low, high]),
        "amount": amount,
        "near": jnp.argmin(jnp.abs(study.levels - amount)),
        "levels": study.levels,
        "curves": study.curves,
    }


def draw(result):
    disturb = result["settings"]["disturb"]
    curves, levels, amount = result["curves"], result["levels"], result["amount"]
    lines = []
    for name in WALKERS:
        path = result["walks"][name].path.x
        given = {"role": "path", "legend": True, "dots": True}
        lines.append(Line(f"{name}/x", "x", path[..., 0], path[..., 1], name, name, **given))
        if name in curves.error:
            lines.append(Line(f"{name}/error", "error", levels, _shown(curves.error[name][..., 0]), name, name))
    group = "dipg_differenced"
    tenth = {"label": "one in ten is higher", "colour": PURPLE, "dash": "dash", "width": 1.6}
    lines += [
        Line("error/tenth", "error", levels, _shown(curves.error[group][..., 1]), **tenth),
        Line(f"{group}/rjcp", "rjcp", levels, curves.rjcp[..., 0], group, group),
        Line("rjcp/tenth", "rjcp", levels, curves.rjcp[..., 1], **tenth),
        Line("rjcp/boundary", "rjcp", levels, 0 * levels + result["boundary"][..., None], label="boundary",
             colour="text", width=1.2),
        Line(f"{group}/accepted", "accepted", levels, curves.accepted, group, group),
    ]  # fmt: skip
    level, edge = result["trust"], np.log10(result["boundary"])[..., None, None]
    square = Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW))
    ends = (0.9e-3, 0.22) if disturb == "noise" else (min(0.0, float(LEVELS[disturb][0])), float(LEVELS[disturb][-1]))
    over = Axis(OVER[disturb], ends, log=disturb == "noise")
    cursor = CURSOR.get(disturb, "")
    shares = ((0.0, "0"), (0.5, "50 %"), (1.0, "100 %"))
    return Drawing(
        panels=(
            Panel("x", "x-space; clear: RJCP is low; the line: its boundary", *square, True, True),
            Panel("error", f"error in x, {INSTANCES} drawn runs", over, Axis("", (3e-4, 10), log=True), cursor=cursor),
            Panel("rjcp", "highest RJCP on the way", over, Axis("", (1e-5, 10), log=True), cursor=cursor),
            Panel("accepted", "proposals accepted", over, Axis("", (0.0, 1.06), ticks=shares), cursor=cursor),
        ),
        lines=tuple(lines),
        fields=(
            setting.trust_field(level, VIEW, answer=False),
            Field("boundary", "x", level - edge, (-VIEW, VIEW) * 2, levels=(0.0,)),
        ),
        marks=(*_places(result), *_here(result, amount)),
        step=result["settings"]["step"],
    )  # fmt: skip


def _shown(error):
    """An error on the logarithmic axis."""
    return np.clip(error, 3e-4, 10.0)


def _places(result):
    """The trained square, the box where there is one, and the solutions as the methods see them."""
    marks = [setting.trained_box("sine")]
    if label := {"box": "box", "least": "allowed"}.get(result["settings"]["disturb"]):
        corners = np.clip(result["allowed"], -VIEW, VIEW)
        marks.append(Mark("allowed", "x", "box", corners, corners, label))
    for k, label in ((1, "solution"), (0, "")):
        point = result["solutions"][..., k, :]
        marks.append(Mark(f"solution{k}", "x", "cross", point[..., 0], point[..., 1], label))
    return marks


def _here(result, amount):
    """This run among the drawn ones."""
    walk = result["walks"]["dipg_differenced"]
    return (
        Mark("here/error", "error", "ring", amount, _shown(result["errors"]["dipg_differenced"]), "this run",
             answer=True),
        Mark("here/rjcp", "rjcp", "ring", amount, np.clip(result["highest"], 1e-5, 10.0), "", answer=True),
        Mark("here/accepted", "accepted", "ring", amount, walk.accepted, "", answer=True),
    )  # fmt: skip


FAR_TRUTH = {"disturb": "range", "truth": (-2.2, 1.2), "start": (0.85, 0.75)}
FAR_START = {"disturb": "start", "truth": (-0.7, -0.5), "start": (-2.2, 1.2)}

LESSON = Lesson(
    slug="limits",
    title="Robustness and limits",
    question="What can go wrong without anyone noticing?",
    text=notes.LIMITS_TEXT,
    minutes=9,
    controls=(
        Step("step", "step", BUDGET, BUDGET),
        Choice("disturb", "disturbed", DISTURBED, "noise", simulated=False),
        Slider("noise", "ε, noise of the data", 1e-3, 0.2, 0.03, "log", when=("disturb", ("noise",))),
        Slider("turn", "δ, turn of the world", 0.0, 0.6, 0.24, unit="rad", when=("disturb", ("shared", "stale"))),
        Slider("half_width", "w, half-width", 0.1, 1.2, 0.5, when=("disturb", ("box",)),
               landmarks=(Landmark("as trained", 1.0),)),
        Slider("least", "b, least x allowed", -1.25, 0.25, 0.0, when=("disturb", ("least",)),
               landmarks=(Landmark("as trained", -1.0), Landmark("positivity", 0.0))),
        Choice("trained", "g was trained", TRAINED, "clean",
               simulated=False),
        Preset("a truth beyond the fold", FAR_TRUTH),
        Preset("a start beyond the fold", FAR_START),
        Point("truth", "truth", "x", (-VIEW, -VIEW), (VIEW, VIEW), (-0.7, -0.5)),
        Point("start", "start", "x", (-VIEW, -VIEW), (VIEW, VIEW), (0.85, 0.75)),
        Legend("hide", WALKERS, ("gradient_descent", "dipg_plain")),
    ),
    simulate=simulate,
    prepare=prepare,
    draw=draw,
    reading=words.reading,
    table=words.tables,
    prediction=Prediction(
        "In a typical run with this disturbance, which indicator warns: is RJCP at least ten times as high as "
        "undisturbed, or are at least a tenth of the proposals refused?",
        words.OPTIONS,
        remark=words.remark,
    ),
    why=notes.LIMITS_WHY + "\n\n" + code(contraction_bound),
    limits=notes.LIMITS_LIMITS,
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076, which proposes "
        "RJCP as a gauge at run time and leaves the effect of a biased surrogate open.",
        "The disturbances, the boundary and all numbers here are this course’s own.",
    ),
    claims=tuple(Claim(*one) for one in claims.CLAIMS),
    symbols=("x", "y", "eta", "g", "jacobian", "rjcp", "dipg", "armijo", "noise"),
    takeaway=Takeaway(notes.limits_code, notes.limits_numbers),
    teaching=notes.LIMITS_TEACHING,
    alt=(
        "x-space under the trust map with the boundary of RJCP, the trained square, the truth, the solutions and the "
        "walks of four methods; error in x, highest RJCP and the share of accepted proposals over the strength of the "
        "disturbance."
    ),
)  # fmt: skip
