"""Train a Deceptron: what its page says and draws."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from core import training
from core.deceptron import composition_defect
from core.networks import trainable
from lessons.learned import setting
from lessons.learned.training_picture import MESH
from tests.shown import kit
from tests.shown.kit import Says, said

TERMS = ("total", "task", "reconstruction", "cycle", "jcp", "rjcp")
SLAB_TERMS = ("spectral", "bias_tie", "composition")
SHORT = 50  # steps: too few for the prediction
# Problem, architecture, weight of JCP, steps; None are the standard ones.
RUNS = (
    ("sine", "physics", None, None),
    ("sine", "physics", 0.0, None),
    ("sine", "physics", None, SHORT),
    ("sine", "physics", None, 500),
    ("squared", "physics", None, None),
    ("squared", "physics", None, 0),
    ("sheared", "slabs", None, None),
    ("sheared", "slabs", None, SHORT),
)


def results(lesson):
    """Models at all ages, each at settings whose sliders have moved since; in the end a broken one."""
    drawn = iter(kit.some_settings(lesson, 200, seed=0))
    for problem, architecture, jcp, steps in RUNS:
        chosen = setting.setup(problem, architecture)
        weight = float(chosen.hyper.weights["jcp"]) if jcp is None else jcp
        fit = setting.standard_fit(problem, architecture, 0, jcp, steps) if steps != 0 else None
        model = fit.model if fit else training.start(chosen, jax.random.key(0)).model
        history = recorded(fit.history, weight) if fit else {}
        for _ in range(6):
            moved = next(drawn) | {"problem": problem, "architecture": architecture}
            yield lesson.experiment(model, **moved) | {"model": model, "history": history}
    broken = jax.tree.map(lambda leaf: jnp.full_like(leaf, np.nan), setting.setup("sine").build(jax.random.key(0)).g)
    model = dataclasses.replace(setting.setup("sine").build(jax.random.key(0)), g=broken)
    yield lesson.experiment(model) | {"model": model, "history": {"step": np.array([600.0])}}


def recorded(history, weight):
    """A fit's history as a job on the page records it."""
    chunks = len(history["rjcp"])
    means = {name: values.reshape(chunks, -1).mean(1) for name, values in history.items()}
    return means | {"step": training.CHUNK * np.arange(1.0, chunks + 1), "jcp_weight": np.full(chunks, weight)}


def done(result):
    return int(result["history"]["step"][-1]) if result["history"] else 0


def box(result):
    return ([-1, 0.5], [1, 1.5]) if result["settings"]["problem"] == "squared" else ([-1, -1], [1, 1])


def within(points, result):
    low, high = box(result)
    return np.all((points >= low) & (points <= high), axis=-1)


@eqx.filter_jit
def _defects(model, points):
    return jax.vmap(lambda x: composition_defect(model, x))(points)


def defects(result):
    """RJCP over the view, point by point, inside the dashed box and outside."""
    line = np.linspace(-1.6, 1.6, 72, dtype=np.float32)
    points = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    values = np.asarray(_defects(result["model"], jnp.asarray(points)), float)
    return values[within(points, result)], values[~within(points, result)]


def mean_inside(result):
    return np.mean(defects(result)[0])


def factor(result):
    inside, outside = defects(result)
    return np.median(outside) / np.median(inside)


def missed(result):
    """Root mean square distance of g(f(x)) from x, on the mesh in the box."""
    points = MESH[within(MESH, result)]
    there = np.asarray(jax.vmap(lambda x: result["model"].g(result["model"].f(x)))(jnp.asarray(points)))
    return np.sqrt(np.mean(np.sum((there - points) ** 2, axis=-1)))


def misfit(result):
    """How far f is off the simulator in the box, in units of the spread of y; the worse of the two components."""
    x = np.random.default_rng(0).uniform(*box(result), size=(20_000, 2)).astype(np.float32)
    y = np.asarray(jax.vmap(setting.problem(result["settings"]["problem"]).forward)(jnp.asarray(x)))
    error = np.asarray(jax.vmap(result["model"].f)(jnp.asarray(x))) - y
    return np.max(np.sqrt(np.mean(error**2, axis=0)) / np.std(y, axis=0))


def about(text, value, share):
    """As shown, up to this share, by which two samples differ."""
    return any(said(text, ratio * value) for ratio in np.linspace(1 - share, 1 + share, 81))


def after(result, match):
    return int(match["steps"].replace(",", "")) == done(result)


def off(result, _match=None):
    return not np.any(result["history"]["jcp_weight"])


AFTER = r"After (?P<steps>[\d,]+) steps "
SAYS = (
    Says(
        r"g or its Jacobian is no finite number in the dashed box: reset this model, and train with a lower rate\.",
        lambda r, m: not np.isfinite(mean_inside(r)) or not np.isfinite(missed(r)),
    ),
    Says(
        r"Nothing is trained yet: in the dashed box the round trip g\(f\(x\)\) misses x by (?P<missed>\S+), root mean "
        r"square\.",
        lambda r, m: done(r) == 0 and about(m["missed"], missed(r), 1e-3),
    ),
    Says(
        r"RJCP there is (?P<rjcp>\S+) on average; a g that ignores y would have 2\.",
        lambda r, m: about(m["rjcp"], mean_inside(r), 1e-3),
    ),
    Says(
        AFTER + r"f misses the simulator by (?P<misfit>\S+) % of the spread of y\.",
        lambda r, m: after(r, m) and about(m["misfit"], 100 * misfit(r), 0.15),
    ),
    Says(
        r"RJCP, (?P<rjcp>\S+) in the dashed box, cannot tell: it compares g with f only\.",
        lambda r, m: about(m["rjcp"], mean_inside(r), 1e-2) and misfit(r) > 0.008,
    ),
    Says(
        AFTER + r"the round trip misses x by (?P<missed>\S+) in the dashed box\.",
        lambda r, m: after(r, m) and about(m["missed"], missed(r), 1e-3) and misfit(r) < 0.012,
    ),
    Says(
        r"The median of RJCP is about the same outside as inside\.",
        lambda r, m: 0.89 < factor(r) < 1.11,
    ),
    Says(
        r"Outside, the median of RJCP is (?P<factor>\S+) times that inside\.",
        lambda r, m: about(m["factor"], factor(r), 1e-3) and not 0.91 < factor(r) < 1.09,
    ),
    Says(r"JCP was off in this training: train with it too, and compare RJCP\.", off),
    # After the prediction
    Says(r"RJCP is not finite here, or zero: there is no ratio\.", lambda r, m: not np.isfinite(factor(r))),
    Says(
        r"Two linear slabs have the same Jacobians everywhere, and so the same RJCP\.",
        lambda r, m: np.ptp(np.concatenate(defects(r))) <= 1e-3 * np.max(defects(r)[0]),
    ),
    Says(r"Nothing in the loss speaks about the outside\.", lambda r, m: draws_inside(r)),
    Says(
        r"RJCP needs no true x to compare with, so it can be computed at run time\.",
        lambda r, m: factor(r) >= 2,
    ),
    Says(
        r"A good fit need not continue beyond its data: no term of the loss looks there\.",
        lambda r, m: factor(r) > 1.99 and draws_inside(r),
    ),
    Says(
        r"RJCP is a square: where the Jacobian’s error is three times as large, RJCP is nine times as large\.",
        lambda r, m: not 2.01 < factor(r) < 4.99,
    ),
    Says(
        r"That takes a Jacobian that changes from place to place: ask what f and g are made of, and how long they were "
        r"trained\.",
        lambda r, m: factor(r) < 5.01,
    ),
)  # fmt: skip


def draws_inside(result):
    chosen = setting.setup(result["settings"]["problem"], result["settings"]["architecture"])
    return bool(np.all(within(np.asarray(chosen.draw(jax.random.key(3), 4096)), result)))


def jacobians(result):
    """J_f and J_g at the centre of the box, by central differences in float64."""
    low, high = (np.asarray(side, float) for side in box(result))
    centre = jnp.asarray((low + high) / 2, jnp.float32)
    f, g = result["model"].f, result["model"].g
    return np.asarray(jax.jacrev(f)(centre), float), np.asarray(jax.jacrev(g)(f(centre)), float)


def circled(result, name):
    """The unit circle through a Jacobian."""
    angle = np.linspace(0, 2 * np.pi, 65)
    forth, back = jacobians(result)
    return {"f": forth, "g": back, "composed": back @ forth}[name] @ np.stack([np.cos(angle), np.sin(angle)])


def term(result, name):
    history = result["history"]
    steps = history.get("step", np.array([np.nan]))
    return steps, np.maximum(history.get(name, np.full(len(steps), np.nan)), 1e-12)


def round_trip(result):
    return np.asarray(jax.vmap(lambda x: result["model"].g(result["model"].f(x)))(jnp.asarray(MESH))).T


DRAWN = {
    "mesh/true": lambda r: MESH.T,
    "mesh/round": round_trip,
    "circle": lambda r: (np.cos(np.linspace(0, 2 * np.pi, 65)), np.sin(np.linspace(0, 2 * np.pi, 65))),
}
DRAWN |= {f"circle/{name}": lambda r, name=name: circled(r, name) for name in ("f", "g", "composed")}
DRAWN |= {f"term/{name}": lambda r, name=name: term(r, name) for name in (*TERMS, *SLAB_TERMS)}
PARTS = {"f": (2, 3), "g": (6, 3), "composed": (4, 0)}  # where the lower left corner of each matrix stands


def entries(result, name, sign):
    """A square for every entry of this sign, row by row from the top, its area the entry's over 4."""
    forth, back = jacobians(result)
    matrix = {"f": forth, "g": back, "composed": back @ forth}[name]
    xs, ys = [], []
    for row in (0, 1):
        for column in (0, 1):
            half = np.sqrt(min(abs(matrix[row, column]) / 4, 1)) / 2 if sign * matrix[row, column] > 0.004 else np.nan
            x, y = PARTS[name][0] + column + 0.5, PARTS[name][1] + 1.5 - row
            xs += [x - half, x + half, x + half, x - half, x - half, np.nan]
            ys += [y - half, y - half, y + half, y + half, y - half, np.nan]
    return xs, ys


def frame(name):
    left, bottom = PARTS[name]
    return [left, left + 2, left + 2, left, left], [bottom, bottom, bottom + 2, bottom + 2, bottom]


def routes(_result):
    """x to f, f to g, g to x̂; and both down to what they compose to."""
    ends = [(0.8, 4, 1.8, 4), (4.2, 4, 5.8, 4), (8.2, 4, 9.2, 4), (3, 2.9, 4.2, 2.1), (7, 2.9, 5.8, 2.1)]
    return [v for a, _, c, _ in ends for v in (a, c, np.nan)], [v for _, b, _, d in ends for v in (b, d, np.nan)]


DRAWN |= {"map/routes": routes}
DRAWN |= {f"map/{name}": lambda r, name=name: frame(name) for name in PARTS}
DRAWN |= {
    f"map/{name}/{which}": lambda r, name=name, sign=sign: entries(r, name, sign)
    for name in PARTS
    for which, sign in (("positive", 1), ("negative", -1))
}
WORDS = {
    "x": (0.4, 3.6),
    "y": (5, 4.2),
    "x̂": (9.6, 3.6),
    "J of f": (3, 5.2),
    "J of g": (7, 5.2),
    "J of g∘f": (7.6, 0.7),
}
MARKS = {"box": lambda r: np.transpose(box(r))}
MARKS |= {f"word/{word}": lambda r, place=place: place for word, place in WORDS.items()}
LABELS = {"box": "trained here"} | {f"word/{word}": word for word in WORDS}
AXES = {"x": ("x₁", "x₂"), "losses": ("step", ""), "jacobians": ("", ""), "map": ("", "")}


_defect = eqx.filter_jit(composition_defect)


def trust(x, y, result):
    """log₁₀ of RJCP, cut off at 10⁻⁶ and 10³; at the upper end where it is no number."""
    defect = float(_defect(result["model"], jnp.array([x, y], jnp.float32)))
    return np.log10(np.clip(np.nan_to_num(defect, nan=1e3), 1e-6, 1e3))


FIELDS = {"trust": trust}


@functools.cache
def flops(jcp):
    """Operations of the gradient of the reconstruction error, with JCP by two probes a sample or without."""
    chosen = setting.setup("sine")
    model = chosen.build(jax.random.key(0))
    x = jnp.asarray(chosen.draw(jax.random.key(1), chosen.batch), jnp.float32)

    def loss(g):
        undone = jax.vmap(g)(jax.vmap(model.f)(x))
        lost = jnp.mean((undone - x) ** 2)
        composed = jax.vmap(lambda one: jax.jacfwd(g)(model.f(one)) @ jax.jacfwd(model.f)(one))
        return lost + (jnp.mean((composed(x) - jnp.eye(2)) ** 2) if jcp else 0.0)

    moving, fixed = eqx.partition(model.g, trainable(model.g))
    program = jax.jit(jax.grad(lambda moving: loss(eqx.combine(moving, fixed)))).lower(moving).compile()
    return program.cost_analysis()["flops"]


def table_slips(tables, result):
    """None before training; then ratios: that of operations near one of an own program, that of times any number."""
    if not tables:
        return [] if not done(result) else ["no table"]
    (operations,), (seconds,) = (cells for _, cells in tables[0].rows)
    wanted = flops(True) / flops(False)
    counted, timed = kit.number(operations.text), kit.number(seconds.text)
    # By probes a step does a little more than by axes: the signs are multiplied on.
    return [] if 0.8 * wanted < counted < 1.5 * wanted and timed > 0 else [f"{counted} for {wanted}, {timed}"]
