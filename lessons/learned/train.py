"""Train a Deceptron on a toy, and watch where its g undoes small changes of f (curriculum H2, H3, H5, H6)."""

import jax
import jax.numpy as jnp

from core import training
from core.deceptron import TERMS, composition, probe_errors
from core.setup import Hyper
from lessons.controls import Choice, Legend, Preset, Slider
from lessons.learned import notes, setting
from lessons.learned.training_picture import CIRCLE, MESH, TERM_STYLES, draw
from lessons.learned.training_reading import PREDICTION, levels, outside_factor, reading, steps_done, table
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.words import code

WIDTHS = (2, 8, setting.WIDTH, 128)


def hyper(settings) -> Hyper:
    """The training numbers that these settings ask for; all may move while training runs."""
    return Hyper(
        learning_rate=settings["rate"],
        total_steps=settings["steps"],
        jcp_warmup=settings["warmup"],
        noise=settings["noise"],
        probes=round(settings["probes"]),
        weights={term: settings[f"w_{term}"] for term in TERMS},
    )


def simulate(model, problem, architecture, **_training):
    """What a model, however far trained, looks like: its round trip, its Jacobians and its trust map."""
    lower, upper = setting.setup(problem).solver.box
    centre = ((lower + upper) / 2).astype(jnp.float32)
    round_trip = jax.vmap(lambda x: model.g(model.f(x)))
    inside = jnp.asarray(MESH)
    within = jnp.all((inside >= lower) & (inside <= upper), axis=-1)
    error = jnp.sum((round_trip(inside) - inside) ** 2, axis=-1)
    jacobian_f = jax.jacfwd(model.f)(centre)
    jacobian_g = jax.jacfwd(model.g)(model.f(centre))
    rjcp = setting.trust_map(model)
    return {
        "mesh": round_trip(inside),
        "misfit": _misfit(model, problem),
        "reconstruction": jnp.sqrt(jnp.sum(jnp.where(within, error, 0.0)) / jnp.sum(within)),
        "circles": {
            "f": jacobian_f @ CIRCLE,
            "g": jacobian_g @ CIRCLE,
            "composed": composition(model, centre) @ CIRCLE,
        },
        "matrices": {"f": jacobian_f, "g": jacobian_g, "composed": jacobian_g @ jacobian_f},
        "rjcp_map": rjcp,
        "trust": setting.shade(rjcp),
        "box_rjcp": setting.box_rjcp(model, problem),
    }


def _misfit(model, problem):
    """How far f is from the physics in the trained box: root mean square error over spread, of y's worst component."""
    chosen = setting.setup(problem)
    x = chosen.draw(jax.random.key(1), 256).astype(jnp.float32)
    y = jax.vmap(chosen.problem.forward)(x)
    error = jnp.sqrt(jnp.mean((jax.vmap(model.f)(x) - y) ** 2, axis=0))
    # One by one: the sine's bent component is a thirtieth of the other's size, and its error would not show.
    return jnp.max(error / jnp.std(y, axis=0))


def untrained(settings):
    """The model before the first step."""
    chosen = setting.setup(settings["problem"], settings["architecture"], int(settings["width"]))
    return training.start(chosen, jax.random.key(round(settings["seed"]))).model


def _measured(name="sine", architecture="physics", seed=0, jcp=None):
    fit = setting.standard_fit(name, architecture, seed, jcp)
    return LESSON.experiment(fit.model, problem=name, architecture=architecture)


def _trust_claim(_lesson):
    found = [(levels(r)["inside_mean"], outside_factor(r)) for r in map(_measured, setting.PROBLEM_LABELS)]
    return found, all(inside < 0.03 and factor > 5 for inside, factor in found)


def _penalty_claim(_lesson):
    with_jcp, without = _measured(), _measured(jcp=0.0)
    ratio = levels(without)["inside_mean"] / levels(with_jcp)["inside_mean"]
    return (ratio, float(without["reconstruction"])), ratio > 2 and without["reconstruction"] < 0.05


def _slabs_claim(_lesson):
    found = {}
    for name in ("scaled", "sheared", "sine"):
        result = _measured(name, "slabs")
        found[name] = levels(result)["inside_mean"], float(result["misfit"])
    linear = max(*found["scaled"], *found["sheared"])
    rjcp, misfit = found["sine"]
    return found, linear < 1e-3 and rjcp < 1e-3 and misfit > 0.05


def _weight(term, high, default, group, *architectures):
    """The slider of a loss term; architectures: those that have the term, all if none is named."""
    when = ("architecture", architectures) if architectures else None
    label = "weight of " + TERM_STYLES[term][0]
    return Slider(f"w_{term}", label, 0.0, high, default, digits=2, swept=False, group=group, when=when)


def takeaway_numbers(result):
    """Before the first step RJCP is that of the seed; after the last one, that of the trained inverse."""
    done = steps_done(result)
    if done and done < result["settings"]["steps"]:
        return {}  # on its way: no code ends there
    return {"after" if done else "before": result["box_rjcp"]}


LESSON = Lesson(
    slug="train",
    title="Train a Deceptron",
    question="Can a network learn to undo a simulator, and know where it can?",
    text=notes.TRAIN_TEXT,
    minutes=10,
    controls=(
        Choice("problem", "problem", setting.PROBLEM_LABELS, "sine"),
        Choice("architecture", "f is", setting.ARCHITECTURE_LABELS, "physics"),
        Slider("rate", "learning rate", 1e-4, 1.0, 1e-2, "log", digits=2, swept=False),
        _weight("jcp", 3.0, 0.3, "main"),
        _weight("reconstruction", 3.0, 1.0, "more weights"),
        _weight("cycle", 3.0, 0.0, "more weights"),
        _weight("task", 3.0, 1.0, "more weights", "surrogate", "slabs"),
        _weight("spectral", 1.0, 0.0, "more weights", "slabs"),
        _weight("bias_tie", 1.0, 0.0, "more weights", "slabs"),
        _weight("composition", 1.0, 0.0, "more weights", "slabs"),
        Slider("noise", "noise added to y", 0.0, 0.5, 0.0, digits=2, swept=False, group="data and schedule"),
        Slider("probes", "JCP probes", 1, 8, 2, swept=False, step=1, group="data and schedule"),
        Slider("warmup", "JCP warm-up", 0, 1000, 0, unit="steps", swept=False, step=50, group="data and schedule"),
        Slider("steps", "length", 500, 8000, 2000, unit="steps", swept=False, step=500, group="data and schedule"),
        Slider("seed", "seed", 0, 9, 0, swept=False, step=1, group="data and schedule"),
        Choice(
            "width",
            "width of the networks’ hidden layers",
            {str(w): str(w) for w in WIDTHS},
            str(setting.WIDTH),
            group="data and schedule",
            simulated=False,
        ),
        Choice(
            "pace", "pace", {"slow": "slowed down: 600 steps a second", "full": "full speed"}, "slow", simulated=False
        ),
        Preset("without JCP", {"w_jcp": 0.0}),
        Preset(
            "the paper’s slabs, on a linear problem",
            {
                "problem": "sheared",
                "architecture": "slabs",
                "w_cycle": 0.25,
                "w_bias_tie": 0.01,
                "w_composition": 0.01,
                "warmup": 300.0,
            },
        ),
        Legend("hide", (*TERM_STYLES, "round", "J_f", "J_g", "J_g J_f"), ("cycle", "task")),
    ),
    simulate=simulate,
    prepare=untrained,
    draw=draw,
    reading=reading,
    prediction=PREDICTION,
    table=table,
    why=notes.TRAIN_WHY + code(probe_errors) + notes.TRAIN_WHY_TERMS,
    limits=notes.TRAIN_LIMITS,
    sources=(
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076, for the "
        "module, the loss "
        "and the penalty.",
        "The toys, the smooth activation and all numbers here are this course’s own.",
    ),
    claims=(
        Claim(
            "On every toy the mean RJCP in the box falls below 0.03, and its median outside is over 5 times that "
            "inside.",
            _trust_claim,
            rows=("H6",),
        ),
        Claim(
            "Without JCP the round trip is still good, but RJCP is more than twice as high.", _penalty_claim, ("H6",)
        ),
        Claim(
            "Two linear slabs learn the linear toys; on the curved one f is wrong and RJCP vanishes all the same.",
            _slabs_claim,
            rows=("H2",),
        ),
    ),
    live=True,
    symbols=("x", "y", "f", "g", "jacobian", "jcp", "rjcp", "conditioning"),
    takeaway=Takeaway(notes.train_code, takeaway_numbers),
    teaching=notes.TRAIN_TEACHING,
    alt=(
        "A map of RJCP over x-space with a mesh sent through f and back through g, the loss terms by step, and the "
        "unit circle through both Jacobians."
    ),
)
