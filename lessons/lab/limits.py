"""Robustness and limits: six ways to be wrong, and which of them RJCP and Armijo's rule notice (I5, I6, I8)."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from core.deceptron import Deceptron, rjcp_field
from core.networks import Physics
from core.problem import Aimed
from core.protocol import Status
from core.solve import solve_path
from core.trust import contraction_bound
from lessons.controls import Choice, Landmark, Legend, Point, Preset, Slider, Step
from lessons.figures import METHODS, Axis, Drawing, Field, Line, Mark, Panel
from lessons.lab import limits_claims as claims
from lessons.lab import limits_notes as notes
from lessons.lab import limits_study as measured
from lessons.lab.limits_study import BUDGET, FOUND, FREE, INSTANCES, LEVELS, VIEW
from lessons.learned import setting
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.prediction import Option, Prediction
from lessons.signatures import remark
from lessons.words import code, fate, number_word, share_word

WALKERS = ("gauss_newton", "gradient_descent", "dipg_plain", "dipg_differenced")
GRID = 40  # of the trust map, which moves with the turn of the world
RISES, FALLS = 10.0, 0.9  # a gauge that changes by less says nothing
DISTURBED = {
    "noise": "noisy data",
    "shared": "a wrong simulator",
    "stale": "an outdated g",
    "range": "a far truth",
    "box": "a tight box",
    "start": "a far start",
}
OVER = {
    "noise": "ε, noise of the data",
    "shared": "δ, turn of the world",
    "stale": "δ, turn of the world",
    "range": "how far out the truth is",
    "box": "w, half-width of the box",
    "start": "how far out the start is",
}
CURSOR = {"noise": "noise", "shared": "turn", "stale": "turn", "box": "half_width"}
PURPLE = METHODS["dipg_differenced"].colour

_solve = eqx.filter_jit(solve_path)


def prepare(settings):
    """The trained g and what was measured of the chosen disturbance."""
    return measured.study(settings["disturb"], settings["trained"])


def simulate(study, noise, turn, half_width, truth, start):
    """One run of each method with the chosen disturbance, beside the curves of the drawn ones."""
    acts = study.acts
    world = measured.world((acts["shared"] + acts["stale"]) * turn)
    known = measured.world(acts["stale"] * turn)
    pair = Deceptron(Physics(known), study.g)
    reach = jnp.where(acts["box"] > 0, half_width, FREE)
    stray = acts["noise"] * noise * measured.drawn()[2][0]
    target = world.forward(truth) + stray
    begin = jnp.clip(start, -reach, reach)
    walks = {name: _solve(name, known, pair, target, begin, measured.solver(reach)) for name in WALKERS}
    amounts = {
        "noise": noise,
        "shared": turn,
        "stale": turn,
        "range": jnp.max(jnp.abs(truth)),
        "box": half_width,
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
        "solutions": jnp.stack([known.inverse(target, begin), known.inverse(target, 0 * begin)]),
        "target": target,
        "stray": jnp.linalg.norm(stray),
        "reach": reach,
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
    tenth = {"label": "one in ten is higher", "colour": PURPLE, "dash": "dash", "width": 1.6}
    group = "dipg_differenced"
    lines += [
        Line("error/tenth", "error", levels, _shown(curves.error[group][..., 1]), group=group, **tenth),
        Line("rjcp/median", "rjcp", levels, curves.rjcp[..., 0], group, group),
        Line("rjcp/tenth", "rjcp", levels, curves.rjcp[..., 1], group=group, **tenth),
        Line("rjcp/boundary", "rjcp", levels, 0 * levels + result["boundary"][..., None], label="boundary",
             colour="text", width=1.2),
        Line("accepted", "accepted", levels, curves.accepted, group, group),
    ]  # fmt: skip
    level, edge = result["trust"], np.log10(result["boundary"])[..., None, None]
    square = Axis("x₁", (-VIEW, VIEW)), Axis("x₂", (-VIEW, VIEW))
    ends = (0.9e-3, 0.22) if disturb == "noise" else (0.0, float(np.max(np.asarray(LEVELS[disturb]))))
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
    if result["settings"]["disturb"] == "box":
        corners = np.stack([-result["reach"], result["reach"]], axis=-1)
        marks.append(Mark("reach", "x", "box", corners, corners, "box"))
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


def _at(result, values):
    """A curve's value at the level nearest to the settings."""
    return float(np.asarray(values)[int(result["near"])])


def rises(result):
    """Does the typical run's RJCP rise tenfold over what it is when nothing is disturbed?"""
    return _at(result, result["curves"].rjcp[:, 0]) >= RISES * float(result["calm"])


def falls(result):
    """Are a tenth of the proposals, or more, refused?"""
    return _at(result, result["curves"].accepted) <= FALLS


def reading(result):
    walk, off = result["walks"]["dipg_differenced"], float(result["errors"]["dipg_differenced"])
    sentences = [f"D-IPG {fate(walk)}, {number_word(off)} from the truth{_instead(walk, off)}."]
    other = result["walks"]["gauss_newton"]
    sentences.append(f"Gauss–Newton {fate(other)}, {number_word(result['errors']['gauss_newton'])} from it.")
    highest, boundary = float(result["highest"]), float(result["boundary"])
    side = "not a number" if not np.isfinite(highest) else "above" if highest > boundary else "below"
    gauges = f"RJCP was {number_word(highest)} at most on its way, {side} the boundary of {number_word(boundary)}"
    if side == "not a number":
        gauges = "RJCP was not a number on its way"
    sentences.append(f"{gauges}; {_share(walk)} of its proposals were accepted.")
    return " ".join([*sentences, _drawn(result)]) + _signature(result)


def _signature(result):
    """The failure signature of D-IPG's run, if it has one, as it is found without knowing the truth."""
    chosen, solver = result["settings"], measured.solver(result["reach"])
    known = measured.world(chosen["turn"] if chosen["disturb"] == "stale" else 0.0)
    noise = float(result["stray"] / solver.scale)
    aimed = Aimed(known, jnp.asarray(result["target"]))
    return remark(aimed, result["walks"]["dipg_differenced"], solver, float(result["rjcp"][-1]), noise)


def _share(walk):
    """How many of a walk's proposals were accepted."""
    return "all" if walk.accepted == 1 else share_word(float(walk.accepted))


def _instead(walk, off):
    """That a run which is off may have done what it was asked."""
    arrived = Status(int(walk.status)) == Status.CONVERGED
    return ", at an x that explains its data all the same" if arrived and off > FOUND else ""


def _drawn(result):
    """What the drawn runs say at this level, and over all of them."""
    curves = result["curves"]
    error = number_word(_at(result, curves.error["dipg_differenced"][:, 0]))
    said = {
        (False, False): "neither gauge warns",
        (True, False): "RJCP warns",
        (False, True): "only the refused proposals warn",
        (True, True): "both gauges warn",
    }[rises(result), falls(result)]
    over = f"over all levels the rank correlation of RJCP and error is {curves.with_rjcp:.2f}".replace("-", "−")
    return f"At about this level the typical drawn run is off by {error}, and {said}; {over}."


def _only(rise, fall):
    return lambda result: (rises(result), falls(result)) == (rise, fall)


FAR_TRUTH = {"disturb": "range", "truth": (-2.2, 1.2), "start": (0.85, 0.75)}
FAR_START = {"disturb": "start", "truth": (-0.7, -0.5), "start": (-2.2, 1.2)}

LESSON = Lesson(
    slug="limits",
    title="Robustness and limits",
    question="What can go wrong without anyone noticing?",
    text=(
        "D-IPG walks on the turned sine, with a $g$ trained in the dashed square. One thing is wrong: the data, the "
        "simulator, $g$, the box, or the place. Who does not know the truth has two gauges: RJCP along the way, and "
        "how many proposals Armijo’s rule accepts. Near a solution a step turns an error $e$ of $x$ into "
        "$(I - \\eta\\,J_g J_f)\\,e$, so below RJCP = 1 it shrinks."
    ),
    minutes=9,
    controls=(
        Step("step", "step", BUDGET, BUDGET),
        Choice("disturb", "disturbed", DISTURBED, "noise", simulated=False),
        Slider("noise", "ε, noise of the data", 1e-3, 0.2, 0.03, "log", when=("disturb", ("noise",))),
        Slider("turn", "δ, turn of the world", 0.0, 0.6, 0.24, unit="rad", when=("disturb", ("shared", "stale"))),
        Slider("half_width", "w, half-width", 0.1, 1.2, 0.5, when=("disturb", ("box",)),
               landmarks=(Landmark("as trained", 1.0),)),
        Choice("trained", "g was trained", {"clean": "on clean data", "noisy": "on noisy data"}, "clean",
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
    reading=reading,
    prediction=Prediction(
        "One thing is disturbed as it stands in the figure. In a typical run, which gauge warns: does RJCP rise "
        "tenfold, are a tenth of the proposals refused?",
        (
            Option("RJCP rises", _only(True, False)),
            Option("proposals are refused", _only(False, True)),
            Option("both", _only(True, True)),
            Option("neither", _only(False, False)),
        ),
        remark=(
            "RJCP compares g with f at the points of the walk. It knows nothing of the data, of a mistake that f and g "
            "share, of the box, or of where the walk should have gone."
        ),
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
