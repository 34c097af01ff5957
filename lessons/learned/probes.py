"""Random probes: how much of a Jacobian a few products tell that never form it (curriculum H1, H4)."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from core.backend import default_float
from core.cost import Dense, work_of
from core.deceptron import MAX_PROBES, Deceptron, composition_defect, masked_mean, probe_errors, rjcp_field
from core.measures import loglog_slope
from core.networks import as_type
from core.probes import composition_error, jvp, probe_variance, probes_for, scatter, tangent_pair, vjp
from core.problem import number
from core.toys import RotatedSine, Sheared, SquaredSecond, rotation
from lessons.controls import Choice, Landmark, Legend, Point, Slider
from lessons.learned import notes, setting
from lessons.learned.notes import PROBE_PAIRS, SEEDS, UNKNOWNS, YOUNG_STEPS
from lessons.learned.probes_picture import BIN, BINS, COUNTS, SHARE, SIZES, VIEW, draw
from lessons.learned.probes_reading import PREDICTION, needed, reading, table
from lessons.lesson import Claim, Lesson, Takeaway
from lessons.words import code

MATRICES = 5  # of each size, of which the median is drawn
NOTHING = (4e3 * float(jnp.finfo(default_float()).eps)) ** 2  # a defect below this is rounding
MAP_GRID = {"dense": 24}  # 64 products a point


@cache
def given(pair):
    """What a choice of f and g needs once: the two maps in float64, the map of their defect, and the dense law."""
    model = _model(pair)
    grid = setting.grid(MAP_GRID.get(pair, setting.TRUST_GRID)).astype(default_float())
    points = jnp.tile(grid, UNKNOWNS // 2) if pair == "dense" else grid
    defect = jnp.clip(rjcp_field(model, points), setting.TRUST_FLOOR, setting.TRUST_TOP)
    return {"model": model, "map": jnp.log10(defect), "needed": number(_needed())}


def _model(pair):
    if pair in ("young", "trained"):
        steps = YOUNG_STEPS if pair == "young" else None
        return as_type(setting.standard_fit("sine", steps=steps).model, default_float())
    if pair == "dense":
        return tangent_pair(Dense(UNKNOWNS), jnp.zeros(UNKNOWNS))
    return tangent_pair(SquaredSecond(), jnp.array([0.0, 1.0]))


@cache
def _needed():
    """Probes for SHARE with dense simulators of SIZES, at one point: the median over MATRICES."""

    @partial(jax.jit, static_argnums=1)
    def needed(seeds, n):
        def one(seed):
            pair = tangent_pair(Dense(n, seed), jnp.zeros(n))
            return probes_for(composition_error(pair, jnp.tile(jnp.asarray(setting.START), n // 2)), SHARE)

        return jnp.median(jax.vmap(one)(seeds))

    return [float(needed(np.arange(MATRICES), n)) for n in SIZES]


def simulate(given, pair, probes, x):
    """SEEDS estimates from `probes` probes each, their law, and the two products beside the dense ones."""
    model: Deceptron = given["model"]
    x = jnp.tile(x, UNKNOWNS // 2) if pair == "dense" else x
    keys = jax.vmap(jax.random.key)(jnp.arange(SEEDS))
    signs = jax.vmap(lambda key: jax.random.rademacher(key, (MAX_PROBES, x.size), x.dtype))(keys)
    error = composition_error(model, x)
    exact = jnp.sum(error**2)
    some = exact > NOTHING  # below, there is nothing to estimate
    unit = jnp.where(some, exact, 1.0)
    # In units of the exact value, which is the same 1 everywhere.
    pool = jnp.where(some, probe_errors(model, x, signs.reshape(-1, x.size)) / unit, 1.0).reshape(SEEDS, MAX_PROBES)
    probes = jnp.round(probes).astype(int)
    estimates = _means(pool, probes)
    bins = jax.vmap(lambda count: _histogram(_means(pool, count)))(1 + jnp.arange(MAX_PROBES))
    measured = jnp.stack([scatter(pool.reshape(-1), count) for count in COUNTS])
    law = jnp.where(some, jnp.sqrt(probe_variance(error)) / unit, 0.0)
    # Signs v through both maps, and u back through both: beside the products with the dense matrix.
    v, u = jnp.where(jnp.arange(x.size) % 2, -1.0, 1.0).astype(x.dtype), jnp.ones_like(x)
    pushed = jvp(model.g, model.f(x), jvp(model.f, x, v)) - v
    pulled = vjp(model.f, x, vjp(model.g, model.f(x), u)) - u
    gaps = jnp.stack([pushed - error @ v, pulled - error.T @ u])
    return {
        "exact": exact,
        "nothing": ~some,
        "bins": bins[probes - 1],
        "one": bins[0],
        "tallest": jnp.max(bins),
        "mean": jnp.mean(estimates),
        "std": jnp.std(estimates),
        "measured": measured,
        "law": law,
        "slope": loglog_slope(number(COUNTS), measured),
        "needed": (measured[0] / SHARE) ** 2,
        "family": given["needed"],
        "map": given["map"],
        "probes": probes,
        "unknowns": jnp.asarray(x.size),
        "products": {"error": error, "v": v, "u": u, "pushed": pushed, "pulled": pulled},
        "gap": jnp.max(jnp.abs(gaps)),
    }


def _means(pool, probes):
    """The first `probes` of each row, averaged."""
    return jax.vmap(lambda errors: masked_mean(errors, probes))(pool)


def _histogram(ratios):
    """The share of them in each bin."""
    bins = jnp.clip(jnp.round(ratios / BIN), 0, BINS - 1).astype(int)
    return jnp.bincount(bins, length=BINS) / SEEDS


PLACES = tuple(PROBE_PAIRS)


def _unbiased_claim(lesson):
    """In standard errors, for every pair and 1, 2, 4, 8 probes."""
    found = {}
    for pair in PLACES:
        for k in (1.0, 2.0, 4.0, 8.0):
            result = lesson.experiment(pair=pair, probes=k)
            error = max(float(result["std"]), 1e-9) / SEEDS**0.5
            found[pair, k] = abs(float(result["mean"]) - 1) / error
    return found, max(found.values()) < 3


def _variance_claim(lesson):
    """Measured over the formula, for every pair that scatters; the pool of 16,000 knows it to about 2 %."""
    ratios = {}
    for pair in ("young", "trained", "dense"):
        result = lesson.experiment(pair=pair)
        ratios[pair] = float(result["measured"][0] / result["law"]) ** 2
    return ratios, np.allclose(list(ratios.values()), 1, atol=0.05)


def _slope_claim(lesson):
    slopes = [float(lesson.experiment(pair=pair)["slope"]) for pair in ("young", "trained", "dense")]
    return slopes, np.allclose(slopes, -0.5, atol=0.04)


def _products_claim(lesson):
    gaps = [float(lesson.experiment(pair=pair)["gap"]) for pair in PLACES]
    for problem in (Sheared(), RotatedSine()):
        x, v = problem.start, jnp.array([1.0, -1.0])
        dense = problem.jacobian(x)
        gaps.append(float(jnp.max(jnp.abs(jvp(problem.forward, x, v) - dense @ v))))
        gaps.append(float(jnp.max(jnp.abs(vjp(problem.forward, x, v) - dense.T @ v))))
    return gaps, max(gaps) < 1e-12


def _two_values_claim(lesson):
    """Single probes of two unknowns: their two values are tr M +- 2 M12; on (x1, x2^2) they are one."""
    shares = {pair: lesson.experiment(pair=pair)["one"] for pair in ("young", "trained", "squared")}
    filled = {pair: int(np.sum(share > 0)) for pair, share in shares.items()}
    spread = float(lesson.experiment(pair="squared")["measured"].max())
    return (filled, spread), filled == {"young": 2, "trained": 2, "squared": 1} and spread < 1e-12


def _work_claim(_lesson):
    """By XLA's count, exact over one probe: like n."""
    sizes, ratios = (32, 64, 128), []
    for n in sizes:
        pair, x = tangent_pair(Dense(n), jnp.zeros(n)), jnp.full(n, 0.4)
        ratios.append(work_of(composition_defect, pair, x) / work_of(probe_errors, pair, x, jnp.ones((1, n))))
    slope = float(loglog_slope(number(sizes), number(ratios)))
    return slope, abs(slope - 1) < 0.1


def _bound_claim(lesson):
    """Over places of every pair, and dense simulators up to 256 unknowns."""
    most = [needed(lesson.experiment(pair=pair, x=x)) for pair in PLACES for x in ((0.85, 0.75), (-1.2, 1.3))]
    family = lesson.experiment()["family"]
    few = family[0] > SIZES[0] and min(most[:4]) > 60
    return (most, family), few and max(*most, *family) < 200 and np.all(family[2:] < SIZES[2:])


def _turned_claim(_lesson):
    """E = diag(3, 1), and the same turned by 45 degrees: one size, another scatter."""
    straight, turn = jnp.diag(jnp.array([3.0, 1.0])), rotation(jnp.pi / 4)
    turned = turn @ straight @ turn.T
    sizes = [float(jnp.sum(error**2)) for error in (straight, turned)]
    scatters = [float(probe_variance(error)) for error in (straight, turned)]
    return (sizes, scatters), np.isclose(*sizes) and scatters[0] == 0 and scatters[1] > 1


LESSON = Lesson(
    slug="probes",
    title="Probing a Jacobian",
    question="What can you know of a matrix without ever computing it?",
    text=notes.PROBES_TEXT,
    minutes=8,
    controls=(
        Slider("probes", "probes k", 1, MAX_PROBES, 4, step=1,
               landmarks=tuple(Landmark(str(k), float(k)) for k in (1, 2, 4, 8))),
        Choice("pair", "f and g", PROBE_PAIRS, "young"),
        Point("x", "x", "x", (-VIEW, -VIEW), (VIEW, VIEW), setting.START),
        Legend("hide", ("one", "estimate")),
    ),
    simulate=simulate,
    prepare=lambda settings: given(settings["pair"]),
    draw=draw,
    reading=reading,
    prediction=PREDICTION,
    table=table,
    why=notes.PROBES_WHY + code(jvp, vjp, probe_errors) + notes.PROBES_WHY_LAW,
    limits=notes.PROBES_LIMITS,
    sources=(
        "Hutchinson, A stochastic estimator of the trace of the influence matrix, 1990, for the estimate.",
        "Deceptron: Learned Local Inverses for Fast and Stable Physics Inversion, arXiv 2511.21076, for its use on "
        "J_g J_f − I. All numbers are measured here.",
    ),
    claims=(
        Claim("JVP and VJP are the dense products to rounding, on every pair and on Sheared and RotatedSine.",
              _products_claim, rows=("H1",)),
        Claim("The mean of 2,000 estimates is within three standard errors of the exact value, for 1, 2, 4, 8 probes.",
              _unbiased_claim, rows=("H4",)),
        Claim("The variance of a probe is 2 sum of the squared off-diagonal entries of M, to 5 %.",
              _variance_claim, rows=("H4",)),
        Claim("A fit of the scatter over 1 to 32 probes has the power -1/2.", _slope_claim, rows=("H4",)),
        Claim("With two unknowns one probe has two values; where M is diagonal, one, the exact.",
              _two_values_claim, rows=("H4",)),
        Claim("The exact value takes n probes' worth of operations.", _work_claim, rows=("H4",)),
        Claim("10 % never take over 200 probes; over 60 on both networks, on dense maps from n = 64 on less than n.",
              _bound_claim),
        Claim("In turned coordinates the exact value is the same and the scatter is not.", _turned_claim),
    ),
    symbols=("x", "f", "g", "jacobian", "jvp", "vjp", "probe", "defect", "loglog"),
    takeaway=Takeaway(notes.probes_code, notes.probes_numbers),
    teaching=notes.PROBES_TEACHING,
    alt=(
        "A histogram of 2,000 estimates around the exact value; the exact value over x-space with a point to drag; the "
        "scatter of the estimates against the number of probes; Jacobian products against the number of unknowns."
    ),
)  # fmt: skip
