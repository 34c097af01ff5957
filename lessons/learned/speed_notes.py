"""What the lesson on speed says besides its figure: text, why, limits, claims, code to take away, notes to teach by."""

import numpy as np

from core.trust import contraction_bound
from lessons.learned import speed_study as measured
from lessons.learned.speed_study import BUDGET, ETAS, INSTANCES, LENGTHS, SEEDS, TOLERANCE
from lessons.learned.speed_words import ALIKE, FEW, MANY
from lessons.lesson import Claim, Teaching
from lessons.words import code

TEXT = (
    "The paper says that RJCP, $\\|J_g J_f - I\\|^2$, correlates with how fast D-IPG converges. Here D-IPG solves "
    f"{INSTANCES} targets with {len(LENGTHS) * SEEDS} local inverses $g$: trained for 50, 100, 300 and 1,000 steps, "
    f"each from {SEEDS} random starting weights. The simulator is $f(x) = (\\sin(u_1)/4,\\ 4u_2)$, with $u$ being $x$ "
    "turned by 0.6 rad, or $f(x) = (x_1, x_2^2)$. Each iteration plans the step $-\\eta\\,(f(x) - y^*)$ in $y$ and "
    "pulls it back through $g$. "
    "Near a solution it multiplies an error of $x$ by $1 - \\eta + \\eta\\sqrt{RJCP}$ at most. On the turned sine RJCP "
    "is about $10^{-2}$ after 50 training steps ($\\sqrt{RJCP} = 0.1$) and $10^{-4}$ after 1,000 (0.01); on the other "
    "simulator about $10^{-3}$ and $10^{-6}$. A run ends when its residual is $10^{-6}$."
)

WHY = (
    "A differenced step turns a small error $e$ of $x$ into $(I - \\eta\\,J_g J_f)\\,e$, which is "
    "$(1 - \\eta)\\,e + \\eta\\,(I - J_g J_f)\\,e$. The first part is the same for every g: the part of the gap that "
    "the step was not meant to close. The second is where g enters, and it is at most $\\eta\\sqrt{RJCP}$ times as "
    "long as $e$. **With full steps, η = 1, only the second part is left**, so that RJCP and the factor rise "
    "together: the rank correlation is above 0.9 for every training seed, on both simulators. **With η = 0.9 or less "
    "the first part decides.** All g then need about the same number of iterations, though their RJCP differs a "
    "hundredfold, and the rank correlation is below 0.6.\n\n"
    "So RJCP tells how much a bolder step would gain. It does not tell how many iterations a cautious step takes: that "
    "count belongs to η.\n\n" + code(contraction_bound)
)

LIMITS = (
    "The plain step $x \\leftarrow g(y - \\eta r)$, which is the paper’s, stops at its floor, the reconstruction error "
    "of g. No plain run reaches the tolerance of $10^{-6}$ here, and the rank correlation stays below 0.6 on both "
    "simulators, for η = 1 too: near the floor the last iterations gain little, whatever RJCP is. So on this toy we "
    "find the correlation for our own step, with η near 1, and hardly any for the paper’s.\n\n"
    "Rank correlation asks for order only, and order can hang on a difference that nobody feels. The mean counts of "
    "iterations stand in the table. Two toys with two unknowns, one architecture; all truths and starts lie in the "
    "trained square, where RJCP is low. What RJCP warns of elsewhere is the subject of "
    "[Robustness and limits](limits)."
)


def _full(_lesson):
    """With full steps the correlation is high for every seed, on both simulators."""
    found = {p: measured.study(p, "dipg_differenced").by_seed[-1] for p in ("sine", "squared")}
    return found, all(np.min(one) > 0.9 for one in found.values())


def _relaxed(_lesson):
    """With eta at most 0.9 it is low, and most factors are 1 - eta."""
    found, small = {}, np.asarray(ETAS) <= 0.9
    for problem in ("sine", "squared"):
        one = measured.study(problem, "dipg_differenced")
        least = (1 - ETAS[small])[:, None, None, None]
        alike = np.mean(np.abs(one.factor[small] - least) <= ALIKE * least, axis=(1, 2, 3))
        found[problem] = float(np.max(one.together[small])), float(np.min(alike))
    return found, all(high < 0.6 and alike > 0.5 for high, alike in found.values())


def _counts(_lesson):
    """The mean iterations of the shortest over the longest training: at eta = 1, and the most up to 0.8."""
    found = {}
    for problem in ("sine", "squared"):
        means = measured.study(problem, "dipg_differenced").iterations.reshape(len(ETAS), len(LENGTHS), -1).mean(-1)
        times = means[:, 0] / means[:, -1]
        found[problem] = float(times[-1]), float(np.max(times[ETAS <= 0.8]))
    return found, all(full >= MANY and relaxed <= FEW for full, relaxed in found.values())


def _levels(_lesson):
    """The levels of RJCP that the text names, within a factor 2.5."""
    found = {}
    for problem in ("sine", "squared"):
        medians = np.median(measured.study(problem, "dipg_differenced").rjcp[-1].reshape(len(LENGTHS), -1), axis=1)
        found[problem] = float(medians[0]), float(medians[-1])
    (first, last), (other, better) = found["sine"], found["squared"]
    told = ((first, 1e-2), (last, 1e-4), (other, 1e-3), (better, 1e-6))
    return found, all(0.4 < value / about < 2.5 for value, about in told)


def _plain(_lesson):
    """No plain run arrives; the correlation is below 0.6."""
    found = {}
    for problem in ("sine", "squared"):
        one = measured.study(problem, "dipg_plain")
        found[problem] = float(np.mean(one.arrived)), float(np.max(np.abs(one.together)))
    return found, all(arrived == 0 and together < 0.6 for arrived, together in found.values())


CLAIMS = (
    Claim(
        "With η = 1 the rank correlation of RJCP and the factor is above 0.9 for each of five training seeds, on both "
        "simulators.",
        _full,
        ("J4",),
    ),
    Claim(
        "With η up to 0.9 it is below 0.6, and most runs shrink the residual by 1 - η, to a tenth.", _relaxed, ("J4",)
    ),
    Claim(
        "With η = 1 the g trained for 50 steps takes at least 1.5 times the iterations, up to η = 0.8 at most 1.1.",
        _counts,
        ("J4",),
    ),
    Claim(
        "RJCP is about 10⁻² after 50 training steps and 10⁻⁴ after 1,000 on the turned sine, 10⁻³ and 10⁻⁶ on the "
        "other simulator.",
        _levels,
    ),
    Claim("No plain run reaches 10⁻⁶, and its rank correlation is below 0.6 at every η.", _plain, ("J4",)),
)


def code_of(settings):
    """All runs, and how many iterations those that arrived took."""
    start = "start=(0.85, 0.75)"
    problem = {"sine": f"RotatedSine({start})", "squared": f"SquaredSecond(target=(-0.7, 0.49), {start})"}
    return f"""\
import jax, jax.numpy as jnp
from core import networks, setups, solve, toys, training
setup = setups.toy(toys.{problem[settings["problem"]]})
_, y_stars, x0s = setup.sample(jax.random.key(7), {INSTANCES})
solver = setups.Solver({TOLERANCE!r}, setup.solver.scale, setup.solver.box,
                       setup.solver.gradient_step, eta={settings["eta"]:.6g}, budget={BUDGET})
def iterations(fit, y_star, x0):  # 0 for a run that does not reach the tolerance
    model = networks.as_type(fit.model, jnp.float64)
    run = solve.solve_path("{settings["method"]}", setup.problem, model, y_star, x0, solver)
    return jnp.where(run.residual <= solver.tolerance, run.iterations, 0)
seeds, means = jax.random.split(jax.random.key(0), {SEEDS}), []
for steps in {LENGTHS!r}:
    for fit in training.fit_many(setup, seeds, steps=steps):
        means.append(jax.vmap(lambda y, x: iterations(fit, y, x))(y_stars, x0s).mean())
"""


def numbers(result):
    """The mean iterations of the runs that arrived, by length of training and seed."""
    return {"means": np.mean(np.where(result["arrived"], result["iterations"], 0), axis=-1).ravel()}


TEACHING = Teaching(
    misconception="A better inverse always converges in fewer iterations.",
    demo=(
        ("Full steps: the better g inverts f, the fewer iterations.", {"eta": 1.0}),
        ("A tenth less, and all g are equally fast: 1 − η decides.", {"eta": 0.9}),
        ("Half steps: 21 iterations for every g.", {"eta": 0.5}),
        ("The paper’s own step stops at its floor, far above the tolerance.", {"method": "dipg_plain"}),
    ),
    room=(
        "Somebody reports that D-IPG takes as many iterations as Gauss–Newton. What does that say of g? Listen for: "
        "nothing yet, which η was it?"
    ),
)
