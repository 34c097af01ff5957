"""What the lesson on diagnosis says and claims besides its figure."""

import dataclasses
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np

from core.deceptron import rjcp_field
from core.diagnosis import FITTED, FLAT, REFUSED, UNTRUSTED, diagnose
from core.problem import Aimed
from core.solve import solve_many
from core.trust import outdated
from lessons.lab import limits_study as study
from lessons.lab.limits_study import BUDGET, TOLERANCE
from lessons.learned import setting
from lessons.lesson import Teaching

TEXT = f"""\
A method looks for an $x$ with $P(x) = y^*$ on the turned sine: $P(x) = (\\sin(u_1)/4,\\ 4u_2)$, \
where $u$ is $x$ turned by 0.6 rad. It *converges* when its residual, $|P(x) - y^*|$ divided by a fixed length, \
is at most {TOLERANCE:g}; after {BUDGET} iterations it is stopped. A proposal that leaves the box is cut at its \
edge. If a proposal does not lower the residual enough, Armijo’s rule refuses it, and the method tries again \
with half of $\\eta$. D-IPG uses a trained inverse $g$ of the simulator $f$; RJCP, $\\|J_g J_f - I\\|^2$, is 0 \
where $g$ inverts $f$ locally, and is called high above {2 * UNTRUSTED:g} (the line in the figure). None of \
these numbers needs the truth: together they are the signature of a run."""

WHY = f"""\
The signatures are tried in this order, and the first that fits is named.

- **Not finite**: the residual, or the last proposal, is not finite.
- **Over-fitting**: the residual is below {FITTED:g} of what the noise alone would leave.
- **A minimum that is no solution**: the run stops short, and no small step lowers the residual, because $|J^T \
r|$ is below {FLAT:g} of $|J|\\,|r|$ with no component at the box; or a descent from its end leads to such a \
point.
- **Not to be trusted**: the run stops short, and RJCP is above {UNTRUSTED:g} a component at its end. A $g$ that \
ignores $y$ has 1.
- **Held by the box**: the run stops short, the box cut its last proposal, and RJCP is low. The default of this \
page is such a run: it refutes *low RJCP means convergence*.
- **Too bold**: at most {100 * REFUSED:.0f} % of the proposals before the end were accepted. That is one halving \
a step.
- **Healthy**: the run converges, and nothing above fits.
- **Too slow**: the iterations are used up on the way.
- **A floor**: the method stops although the gradient is not zero; its own steps no longer descend. Plain D-IPG \
can stop where $g(f(x))$ misses $x$ by as much as its step is long."""

LIMITS = (
    "A signature is a hint, not a proof. A run can show two, and the first in the order above is named. The thresholds "
    "were set on toys, heat and the oscillator, so that healthy runs are left alone; another problem may need others. "
    "Over-fitting is seen only where the size of the noise is known. Here two data meet two unknowns, so the noise can "
    "be fitted: every run that converges does so once the noise exceeds twice the tolerance. Where fitting it costs "
    "accuracy, see [Heat-1D](heat-1d). “Healthy” speaks of the run, not of the answer: with a wrong simulator, or a "
    "truth on another branch, a healthy run ends at a wrong x, as in [Robustness](limits)."
)

TEACHING = Teaching(
    misconception="A run that stops early has a bad inverse, and a low RJCP means that it converges.",
    demo=(
        ("The run stalls, and RJCP is low. Look for the box.", {}),
        ("It stalls again, now from beyond the fold, and RJCP is about 4.",
         {"half_width": 3.0, "start": (2.05, -2.6)}),
        ("It converges, but most of its proposals are refused.", {"half_width": 3.0, "eta": 8.0}),
        ("The plain step with an outdated g: the run stalls though no box holds it.",
         {"half_width": 3.0, "method": "dipg_plain", "turn": 0.1}),
    ),
    room=(
        "Two runs stall with the same residual. What would you look at first? Listen for: is it at the box; then for: "
        "would another method lower the residual from there?"
    ),
)  # fmt: skip


def diagnosed(disturb, level, method="dipg_differenced"):
    """The drawn runs of `limits_study` with one thing disturbed by so much: (signatures, their statuses)."""
    truths, starts, noise = study.drawn()
    turn = level if disturb == "stale" else 0.0
    reach = level if disturb == "box" else study.FREE
    starts = study.on_edge(starts, level) if disturb == "start" else np.clip(starts, -reach, reach)
    problem, solver = study.world(turn), study.solver(-reach, reach)
    if disturb == "eta":
        solver = dataclasses.replace(solver, eta=level)
    error = level * noise if disturb == "noise" else 0 * noise
    y_stars = study.observed(truths, turn) + error
    pair = outdated(study.model("clean"), problem)
    setup = dataclasses.replace(setting.setup("sine"), problem=problem, solver=solver)
    walks = jax.tree.map(np.asarray, solve_many(method, setup, pair, y_stars, starts))
    rjcp = np.asarray(rjcp_field(pair, jnp.asarray(walks.x)))
    levels = np.linalg.norm(error, axis=1) / float(solver.scale)
    found = []
    for k in range(len(truths)):
        walk = jax.tree.map(lambda leaf, k=k: leaf[k], walks)
        found.append(diagnose(Aimed(problem, y_stars[k]), walk, solver, rjcp[k], levels[k]).signature)
    return np.array(found), np.asarray(walks.status)


def _healthy(_lesson):
    """Of the drawn runs with nothing disturbed, which signatures are found."""
    found, _ = diagnosed("none", 0.0)
    return Counter(found), np.mean(found == "healthy") >= 0.98


PROVOKED = (
    ("box", 0.4, "dipg_differenced", "box"),
    ("stale", 0.5, "dipg_differenced", "untrusted"),
    ("stale", 0.1, "dipg_plain", "floor"),
    ("eta", 0.05, "dipg_differenced", "slow"),
    ("eta", 5.0, "dipg_differenced", "bold"),
    ("noise", 0.03, "dipg_differenced", "overfit"),
)


def _provoked(_lesson):
    """Of the runs that a disturbance has spoilt, how many show its signature."""
    shares = {}
    for disturb, level, method, signature in PROVOKED:
        found, status = diagnosed(disturb, level, method)
        spoilt = np.ones(len(found), bool) if signature in ("overfit", "bold") else status != 1
        shares[signature] = float(np.mean(found[spoilt] == signature)), int(np.sum(spoilt))
    return shares, all(share >= 0.9 and count >= 50 for share, count in shares.values())


CLAIMS = (
    ("Of a hundred drawn runs with nothing wrong at most two are accused.", _healthy, ("I7",)),
    ("Nine in ten of the runs that a disturbance has spoilt show its signature.", _provoked, ("I7",)),
)


def code(settings):
    """This very run, and what is found of it."""
    learned = settings["method"].startswith("dipg")
    data = {"whole": "", "reach": "\ny_star = y_star.at[0].set(0.35 + noise[0])",
            "gap": "\ny_star = y_star.at[0].set(jnp.nan)"}[settings["data"]]  # fmt: skip
    w, turn = settings["half_width"], settings["turn"]
    return f"""\
import jax, jax.numpy as jnp
from core import deceptron, diagnosis, networks, problem, setups, solve, toys, training
setup, P = setups.toy(toys.RotatedSine()), toys.RotatedSine(angle=0.6 + {turn!r})
g = networks.as_type(training.fit(setup, jax.random.key(0)).model.g, jnp.float64)
pair = deceptron.Deceptron(networks.Physics(P), g)
noise = jax.random.normal(jax.random.split(jax.random.key(0), 3)[2], (100, 2))[0]
noise = {settings["noise"]!r} * noise
y_star = P.forward(jnp.array({list(settings["truth"])!r})) + noise{data}
solver = setups.Solver({TOLERANCE!r}, setup.solver.scale, ([-{w!r}] * 2, [{w!r}] * 2),
                       setup.solver.gradient_step, eta={settings["eta"]!r}, budget={BUDGET})
x0, method = jnp.array({list(settings["start"])!r}), "{settings["method"]}"
walk = solve.solve_path(method, P, pair, y_star, x0, solver)
rjcp = {"deceptron.composition_defect(pair, walk.x)" if learned else None}
size, aimed = jnp.linalg.norm(noise) / solver.scale, problem.Aimed(P, y_star)
end, signs = walk.x, diagnosis.diagnose(aimed, walk, solver, rjcp, size)[1]._asdict()
"""


def numbers(result):
    """Where it ended."""
    return {"end": result["walks"][result["settings"]["method"]].x}
