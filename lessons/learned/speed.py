"""RJCP and speed: when does a better local inverse need fewer iterations? (curriculum J4, mechanism 3 of the paper)."""

import jax.numpy as jnp
import numpy as np

from core.trust import contraction_bound
from lessons.controls import Choice, Landmark, Legend, Preset, Slider
from lessons.figures import FAINTEST, Axis, Drawing, Line, Mark, Panel, crosses
from lessons.learned import setting
from lessons.learned import speed_notes as notes
from lessons.learned import speed_study as measured
from lessons.learned import speed_words as words
from lessons.learned.speed_study import BUDGET, ETAS, INSTANCES, LENGTHS, LOWEST, SEEDS, SPACING, TOLERANCE
from lessons.lesson import Lesson, Takeaway
from lessons.prediction import Prediction

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#9467BD")
GUIDE = np.geomspace(1e-7, 1.0, 60)  # RJCP at which the bound is drawn
PROBLEMS = {name: setting.PROBLEM_LABELS[name] for name in ("sine", "squared")}
METHODS = {"dipg_differenced": "differenced", "dipg_plain": "plain, the paper’s"}


def prepare(settings):
    """What was measured at every eta."""
    return measured.study(settings["problem"], settings["method"])


def simulate(study, eta, run, problem, method):
    """What was measured at the nearest eta, with the runs of one target."""
    at = jnp.clip(jnp.round((eta - LOWEST) / SPACING).astype(int), 0, len(ETAS) - 1)
    chosen = jnp.clip(jnp.round(run).astype(int) - 1, 0, INSTANCES - 1)
    here = {name: jnp.asarray(values)[at] for name, values in study._asdict().items()}
    return here | {
        "residual": here["residual"][:, chosen],
        "shown": here["iterations"][:, measured.SHOWN, chosen],
        "eta": jnp.asarray(ETAS, eta.dtype)[at],
        "correlations": jnp.asarray(study.together),
        "seeds": jnp.asarray(study.by_seed),
    }


def group(steps):
    """The name under which the legend knows the g's of this length of training."""
    return f"trained{steps}"


def draw(result):
    eta, lines = result["eta"], []
    for k, (steps, colour) in enumerate(zip(LENGTHS, COLOURS, strict=True)):
        style = {"group": group(steps), "label": f"{steps:,} training steps", "colour": colour}
        rjcp, factor = (result[name][..., k, :, :].reshape(*eta.shape, -1) for name in ("rjcp", "factor"))
        places = crosses(np.log10(rjcp), np.log10(np.maximum(factor, FAINTEST)), 0.07, 0.05, turned=k % 2 == 1)
        lines.append(Line(f"{group(steps)}/runs", "runs", *(10.0**side for side in places), width=1.6, legend=True,
                          **style))  # fmt: skip
        residual = np.maximum(result["residual"][..., k, :], FAINTEST)
        residual = np.where(np.arange(BUDGET + 1) <= result["shown"][..., k, None], residual, np.nan)
        lines.append(Line(f"{group(steps)}/one", "one", np.arange(BUDGET + 1), residual, width=2.2, **style))
    guide = np.maximum(contraction_bound(GUIDE, eta[..., None]), FAINTEST)
    least = np.maximum(np.repeat(1 - eta[..., None], 2, axis=-1), FAINTEST)
    lines += [
        Line("bound", "runs", GUIDE, np.asarray(guide), label="1 − η + η √RJCP", colour="text", width=1.6,
             legend=True, answer=False),
        Line("least", "runs", GUIDE[[0, -1]], least, label="1 − η", dash="dash", width=1.4, legend=True,
             answer=False),
        Line("tolerance", "one", [0, BUDGET], [TOLERANCE] * 2, label="tolerance", dash="dash", width=1.2,
             answer=False),
        Line("together", "together", ETAS, result["correlations"], label="all runs", colour="text", width=2.4),
        *(Line(f"seed{k}", "together", ETAS, result["seeds"][..., k], label="one training seed", width=0.9)
          for k in range(SEEDS)),
    ]  # fmt: skip
    counts = SEEDS * INSTANCES * len(LENGTHS)
    return Drawing(
        panels=(
            Panel("runs", f"{counts} runs: the residual’s factor per iteration",
                  Axis("RJCP, mean along the run", (1e-7, 1.0), log=True), Axis("factor", (1e-5, 1.6), log=True), True),
            Panel("together", "rank correlation of RJCP and factor", Axis("η", (LOWEST, 1.0)), Axis("", (-0.6, 1.05)),
                  cursor="eta"),
            Panel("one", "residual of one target", Axis("iteration", (0, 45)), Axis("", (1e-8, 2.0), log=True)),
        ),
        lines=tuple(lines),
        marks=(Mark("here", "together", "ring", eta, result["together"], "this η", answer=True),),
    )  # fmt: skip


LESSON = Lesson(
    slug="speed",
    title="RJCP and speed",
    question="Does a low RJCP mean few iterations?",
    text=notes.TEXT,
    minutes=6,
    controls=(
        Slider("eta", "η, step size", LOWEST, 1.0, 1.0, step=SPACING,
               landmarks=(Landmark("half", 0.5), Landmark("full", 1.0))),
        Slider("run", "shown target", 1, INSTANCES, 1, step=1, swept=False),
        Choice("method", "D-IPG", METHODS, "dipg_differenced"),
        Choice("problem", "f", PROBLEMS, "sine"),
        Preset("nearly full steps", {"eta": 0.9}),
        Preset("the paper’s step", {"method": "dipg_plain"}),
        Legend("hide", tuple(map(group, LENGTHS))),
    ),
    simulate=simulate,
    prepare=prepare,
    draw=draw,
    reading=words.reading,
    table=words.table,
    prediction=Prediction(
        "The runs go on until the residual is below the tolerance. With η = {eta:.3g}, how many times as many "
        "iterations does the g trained for 50 steps take as the one trained for 1,000, in the mean over all runs?",
        words.OPTIONS,
        remark=words.remark,
        unasked=words.unasked,
    ),
    why=notes.WHY,
    limits=notes.LIMITS,
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076, which says that "
        "RJCP correlates with the speed of convergence.",
        "The runs, and the correlation as a function of η, are this course’s own.",
    ),
    claims=notes.CLAIMS,
    symbols=("x", "y", "eta", "f", "g", "jacobian", "rjcp", "dipg"),
    takeaway=Takeaway(notes.code_of, notes.numbers),
    teaching=notes.TEACHING,
    alt=(
        "One cross a run: the factor by which an iteration multiplies the residual over RJCP, with the bound; the rank "
        "correlation of the two over η, for all runs and by training seed; the residual of one target by iteration for "
        "four lengths of training."
    ),
)  # fmt: skip
