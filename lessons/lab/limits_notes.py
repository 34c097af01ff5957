"""What the lesson on limits says besides its figure: why, limits, code to take away, notes to teach by."""

from lessons.lab.limits_study import BUDGET, ETA, TOLERANCE, TRAINED_NOISE
from lessons.lesson import Teaching

LIMITS_TEXT = (
    "D-IPG inverts the turned sine, $f(x) = (\\sin(u_1)/4,\\ 4u_2)$ with $u$ being $x$ turned by 0.6 rad. Its "
    "$g$ was trained in the dashed square. One thing is wrong: the data are noisy; the world is turned by δ, "
    "and neither $f$ nor $g$ knows it (*a wrong simulator*); $f$ has been turned with the world, and $g$ has "
    "not (*an outdated g*); the truth or the start is far away; a box cuts the steps; or "
    "both unknowns are held at $b$ or above, as a quantity that cannot be negative is (*held from below*). Without "
    "knowing the truth you have two indicators: RJCP, $\\|J_g J_f - I\\|^2$, along the trajectory, and the share of "
    "the proposals that Armijo’s rule accepts. Near a solution a step of size $\\eta$ turns an error $e$ of $x$ "
    "into $(I - \\eta\\,J_g J_f)\\,e$: below RJCP = 1 it shrinks."
)

LIMITS_WHY = (
    "RJCP is $\\|J_g J_f - I\\|^2$ at a point: at the points of the trajectory it shows where *g* fails to "
    "invert *f*. So it shows an outdated g, a g that extrapolates badly, and a point beyond the fold. It "
    "cannot show a mistake that f and g share, nor the data, nor the box. **Noise** divided by J becomes "
    "error and leaves RJCP alone, until it throws a run out of the known region. **Noise in "
    "training**: the more of it, the higher RJCP and the floor of plain D-IPG. From 0.1 on it makes the "
    "error under strong noise smaller, because g averages; on quiet data clean training is best. "
    "A **wrong simulator** is inverted without any warning. A **tight box** stops the run, and Armijo’s rule "
    "refuses its proposals. **Held from below**, a truth that is allowed is found as if nothing held the run; one that "
    "is not leaves the run at the edge, a little farther from the truth than the nearest allowed point, with refused "
    "proposals and a low RJCP. Gauss–Newton, with the exact Jacobian, ends as far away: the projection does it, not "
    "g. So RJCP and the error rise together, by rank over the drawn runs, for an outdated "
    "g and for one that extrapolates badly; for noise, a wrong simulator and the far truth of a g that "
    "extrapolates well they do not.\n\n"
    "The line in the map is measured: of 400 truths drawn over the whole view, with starts in the trained "
    "square, it best separates those that D-IPG found from those it missed. On the fold of the sine a "
    "direction is lost, which alone makes RJCP 1; beyond it the direction comes back reversed, which makes it "
    "4."
)

LIMITS_LIMITS = (
    "The boundary belongs to a *place*, and the place of the truth is not known. A target from beyond the "
    "fold is usually answered from this side of it, with a low residual and a low RJCP. A better local "
    "inverse does not tell two causes of one effect apart: see [Many causes](branches). And “it ends on the "
    "branch of its start” holds within the boundary only; beyond it, the learned g leads to the branch that "
    "it was trained on, or the run stalls. The bound speaks of x, Armijo’s rule of y: one output is 16 times "
    "as sensitive as the other, so an outdated g is refused long before RJCP is 1. One g, one toy; for noise "
    "along 32 directions, and stopping early, see [Heat-1D](heat-1d). What to do about a run that went wrong: "
    "[Diagnosis](diagnosis)."
)


def limits_code(settings):
    """This very run of differenced D-IPG."""
    on = settings["disturb"]
    turn = settings["turn"] if on in ("shared", "stale") else 0.0
    known = turn if on == "stale" else 0.0
    noise = settings["noise"] if on == "noise" else 0.0
    high = settings["half_width"] if on == "box" else 1e3
    low = settings["least"] if on == "least" else -high
    trained = TRAINED_NOISE[settings["trained"]]
    given = f", setups.Hyper(noise={trained!r}, weights=setup.hyper.weights)" if trained else ""
    return f"""\
import jax, jax.numpy as jnp
from core import deceptron, networks, setups, solve, toys, training
setup, low, high = setups.toy(toys.RotatedSine()), {low!r}, {high!r}  # what holds x
fit = training.fit(setup, jax.random.key(0){given})
known, world = toys.RotatedSine(angle=0.6 + {known!r}), toys.RotatedSine(angle=0.6 + {turn!r})
g = networks.as_type(fit.model.g, jnp.float64)
pair = deceptron.Deceptron(networks.Physics(known), g)
noise = jax.random.normal(jax.random.split(jax.random.key(0), 3)[2], (100, 2))[0]
truth, start = jnp.array({list(settings["truth"])!r}), jnp.array({list(settings["start"])!r})
y_star = world.forward(truth) + {noise!r} * noise
solver = setups.Solver({TOLERANCE!r}, setup.solver.scale, ([low] * 2, [high] * 2),
                       setup.solver.gradient_step, eta={ETA!r}, budget={BUDGET})
x0 = jnp.clip(start, low, high)
end, path, *_ = solve.solve_path("dipg_differenced", known, pair, y_star, x0, solver)
error, highest = jnp.linalg.norm(end - truth), deceptron.rjcp_field(pair, path.x).max()
"""


def limits_numbers(result):
    """Where it ended, how far from the truth, and the highest RJCP on its way."""
    return {
        "end": result["walks"]["dipg_differenced"].x,
        "error": result["errors"]["dipg_differenced"],
        "highest": result["highest"],
    }


LIMITS_TEACHING = Teaching(
    misconception="A low RJCP means that the answer is right.",
    demo=(
        ("Noise: the error grows with it, RJCP does not change.", {}),
        ("The world is turned. D-IPG converges, RJCP is low, the answer is wrong.", {"disturb": "shared"}),
        ("Now only g is outdated: RJCP rises, and proposals are refused.", {"disturb": "stale"}),
        (
            "A target from beyond the fold is answered from this side.",
            {"disturb": "range", "truth": (-2.2, 1.2)},
        ),
    ),
    room=(
        "You have a trained inverse and a run that converged. Which mistakes can you exclude? Listen for: g against f; "
        "then for: and who checks f? For that it takes other data."
    ),
)
