"""What the laboratory's lessons say besides their figure: why, limits, code to take away, notes to teach by."""

import numpy as np

from lessons.lab.counts import percent
from lessons.lab.experiments import DIFFERENCED, FULL, PLAIN
from lessons.lab.study_table import NO_JCP, SOLVED, ratios, table_of
from lessons.lesson import Teaching
from lessons.words import number_word

HEAT_WHY = (
    "Each wave of the profile has shrunk by its own factor, the finest most. To undo that, the noise in it is divided "
    "by the same factor. Gauss–Newton’s family, D-IPG included, goes for all waves at once: so it is fast, and so it "
    "amplifies the noise. Gradient descent takes each wave at the pace of its factor squared: after few steps "
    "only the long ones are back. **Stopping early is a choice of what to believe.**\n\n"
    "The learned inverse needs no Jacobian: beside the one product a step that Armijo’s rule takes of every method, a "
    "step evaluates the network twice. "
    "Where f is itself learned (easy), RJCP compares f and g with each other, and both can agree on a wrong simulator: "
    "only with the fit of f weighted a hundredfold does plain D-IPG arrive here."
)

HEAT_LIMITS = (
    "One training seed, one profile at a time; for many see [Studies over seeds](studies). Nobody tells a method when "
    "to stop: the tolerance must know the noise. Profiles unlike those of training (sums of sine waves within 0.15 and "
    "0.85) are another matter. On the hard problem RJCP stays "
    "near 1, since of 32 directions the faintest are hardly learned, and D-IPG arrives all the same.\n\n"
    "What a step takes in the table is y = P(x) and the first proposal, the fastest of up to 50 runs. A public note on "
    "the paper, not checked, has 0.43 ms for gradient descent, 0.51 for D-IPG and 3.82 for Gauss–Newton and "
    "Levenberg–Marquardt. Theirs is another machine and other code, so compare ratios. Levenberg–Marquardt’s proposal "
    "needs 20 times the operations of D-IPG’s on the easy problem, by the compiler’s count; with 32 unknowns a step is "
    "so short that starting the program takes much of the time."
)


# To a student who chose this method of the three, where another ends nearest.
EXACT = "The exact Jacobian fits the data best. Whether that is the truth depends on how much of the data is noise."
LEARNED = "The learned inverse also treats all waves at once. It shares the fate of the exact inverse, good or bad."
SLOW = "Slow is good only as long as the fast methods fit noise. With quiet data slow is merely not there yet."


def heat_remark(result):
    """Why the method that is nearest is so: by the error of the slow method beside that of the exact one."""
    slow_error, exact_error = (float(result["errors"][n][-1]) for n in ("gradient_descent", "levenberg_marquardt"))
    if slow_error < exact_error:
        return (
            "Gradient descent fits the long waves first, and noise spoils those least. Its early end works as a "
            "regulariser; after more iterations it would fit the noise as well."
        )
    return "The fast methods recover the fine waves too, which gradient descent has hardly begun to fit."


def heat_code(settings):
    """One profile, measured with noise and recovered by three methods."""
    weights = "" if settings["jcp"] == "with" else ' | {"jcp": 0.0}'
    i = round(settings["instance"]) - 1
    return f"""\
import jax
from core import setups, training
from core.solve import solve_path
setup = setups.heat_{settings["problem"]}()
h, s = setup.hyper, setup.solver
hyper = setups.Hyper(h.learning_rate, h.total_steps, h.jcp_warmup, h.noise,
                     weights=h.weights{weights})
model = training.fit(setup, jax.random.key(0), hyper).model
solver = setups.Solver(s.tolerance, s.scale, s.box, s.gradient_step, {settings["relaxation"]!r}, budget=20)
keys = jax.random.split(jax.random.key(1000))
x = setup.draw(keys[0], 40)[{i}]  # the true profile
noise = jax.random.normal(keys[1], (40, x.size), x.dtype)[{i}]
y_star, x0 = setup.problem.forward(x) + {settings["noise"]!r} * noise, setup.problem.start
def end(name): return solve_path(name, setup.problem, model, y_star, x0, solver).x
dipg, lm, gd = map(end, ["dipg_differenced", "levenberg_marquardt", "gradient_descent"])
"""


def heat_numbers(result):
    """Where three of the walks end."""
    walks = result["walks"]
    return {
        "dipg": walks["dipg_differenced"].x,
        "lm": walks["levenberg_marquardt"].x,
        "gd": walks["gradient_descent"].x,
    }


HEAT_TEACHING = Teaching(
    misconception="The method that fits the data best has found the truth best.",
    demo=(
        ("Noisy data: the residual of the fast methods is lowest, their profile the most jagged.", {}),
        ("Quiet data: now fast is good, and gradient descent is nowhere near.", {"noise": 0.001}),
        ("Without JCP plain D-IPG ends beside the truth: show its dotted line.", {"noise": 0.001, "jcp": "without"}),
        (
            "A harder rod, a bent sensor: plain D-IPG stalls, the differenced step arrives.",
            {"noise": 0.001, "problem": "hard"},
        ),
    ),
    room=(
        "You measure tomorrow, with noise of a size you know. When do you stop? Listen for: when the residual is as "
        "large as the noise, and not later; then for: and if you do not know the noise?"
    ),
)

STUDIES_WHY = (
    "A training seed decides the network’s beginning and the data it sees, a data seed the instances to be solved. "
    "Methods that learn nothing are solved once for each data seed, the learned ones for each pair of seeds. Every "
    "way of training changes one thing:\n\n"
    "- **no JCP**, **no reconstruction**, **no cycle**: that term of the loss weighs nothing. The linear check learns "
    "by JCP alone, so there the reconstruction takes its place: for white x the two are the same quadratic in V.\n"
    "- **no warm-up**: JCP weighs all it does from the first step, before f has settled.\n"
    "- **y centred**: the slabs see y around its mean.\n"
    "- **random start**: the slabs begin at random matrices, not near the identity.\n"
    "- **tied V = Wᵀ**: one matrix serves both ways. The differenced step is then gradient descent on f.\n"
    "- **probes**: how many random directions JCP looks at, for each sample of each step.\n\n"
    "**A count of iterations is half a result.** One shot takes one by construction. From a random start D-IPG stalls "
    "after few iterations. So the counts are those of the solved runs, and the others are counted by how they ended: "
    "stalled, out of budget, diverged. Of a run out of budget only a lower bound is known.\n\n"
    "**Much of a count is the relaxation ρ’s.** Even an exact proposal leaves $|1 - \\rho|$ of the residual in each "
    "iteration. So exact proposals take $\\log(\\text{tolerance} / r_0) / \\log|1 - \\rho|$ iterations on a linear "
    "problem. That count stands below the table."
)

STUDIES_LIMITS = (
    "Few seeds: that two means differ by less than their spread over seeds says nothing. The deviation shown is over "
    "instances and seeds together. A shorter training is not a cheaper copy of a long one: the warm-up of JCP keeps "
    "its length. RJCP compares g with f; from a random start both agree on a wrong f, and RJCP is low. What the "
    "paper reports comes from its own settings, which its summary does not give. Single walks are on [The linear "
    "check](linear-check), [Heat-1D with a learned inverse](heat-1d) and [The damped oscillator](oscillator)."
)


def jcp_unasked(result):
    """Why the table cannot judge the question: there is no count of iterations that JCP could have kept low."""
    full = table_of(result).get((FULL, DIFFERENCED))
    if full is None or full.success >= SOLVED:
        return ""
    return "The full training solves fewer than half of the runs here, so there is nothing to compare iterations with."


def jcp_remark(result):
    """What the table says to whoever guessed right for another reason: of the differenced step, then of the plain."""
    count, error, rjcp = ratios(result)
    factors = f"{number_word(error)}, and RJCP by {number_word(rjcp)}."
    if np.isinf(count):
        told = f"Without JCP fewer than half of the runs are solved. The error in x changes by the factor {factors}"
    else:
        told = (
            f"Without JCP the iterations of the solved runs change by the factor {number_word(count)}, the error in x "
        )
        told += f"by {factors}"
    table = table_of(result)
    plain = [table.get((variant, PLAIN)) for variant in (FULL, NO_JCP)]
    if None in plain:
        return told
    full, less = (percent(line.success) for line in plain)
    return f"{told} The paper’s plain step solves {full} of its runs with JCP and {less} without."


STUDIES_TEACHING = Teaching(
    misconception="An ingredient that does not speed up the method does nothing.",
    demo=(
        ("Run the easy heat problem: compare the rows by iterations first, then by the error.", {}),
        ("The hard one, bent sensor: without JCP the error is several times as large.", {"experiment": "heat-hard"}),
        ("The oscillator: RJCP rises without JCP, and nothing else gets worse.", {"experiment": "oscillator"}),
        ("A tenth of the training: which rows suffer?", {"training": 0.1}),
    ),
    room=(
        "A colleague drops an ingredient and reports that the method became faster. What do you ask for? Listen for: "
        "the share that is solved, the error in what was wanted, and over how many seeds."
    ),
)
