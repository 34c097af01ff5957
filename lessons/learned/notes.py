"""What comes with the lessons of this part: code that reproduces their figures, and notes for the instructor."""

import textwrap

from core.deceptron import TERMS
from core.networks import HIDDEN
from lessons.lesson import Teaching

# The problems of `setting.problem`, as a reader would type them: class, arguments.
PROBLEMS = {
    "sine": ("RotatedSine", ""),
    "scaled": ("Scaled", "4.0, target=(-0.7, -2.0)"),
    "sheared": ("Sheared", "target=(-1.7, -1.5)"),
    "squared": ("SquaredSecond", "target=(-0.7, 0.49)"),
}

PROBE_PAIRS = {
    "young": "a network, hardly trained",
    "trained": "the same, fully trained",
    "squared": "(x₁, x₂²): nothing mixes",
    "dense": "64 unknowns",
}
YOUNG_STEPS = 100  # of training: its local inverse is right to some per cent
UNKNOWNS = 64  # of the large pair
SEEDS = 2000  # estimates, one a seed


PROBES_TEXT = (
    "f goes from n causes to n effects; g should undo it. Does g undo *small changes* too? Then $C = "
    "J_g(f(x))\\,J_f(x)$ is the identity. The *exact value* $\\|C - I\\|^2$ says how far it is from that. It takes n "
    "products with C, one for each axis. An *estimate* never forms the matrix: it draws k vectors v of random signs, "
    "the *probes*, and takes the mean of $|Cv - v|^2$. Each product with C takes one with $J_f$ and one with $J_g$."
)

PROBES_WHY = (
    "A Jacobian–vector product $J v$ is one run of the function with $v$ carried along. A vector–Jacobian product $J^T "
    "u$ is one run and one sweep back. Every gradient is of the second kind, with $u = \\partial L / \\partial y$. A "
    "column of $C$ is a product too, so the exact value takes $n$ of them and an estimate $k$:\n\n"
)
PROBES_WHY_LAW = (
    "\n\nWith $M = (C - I)^T (C - I)$ a probe gives $v^T M v = \\sum_i M_{ii} + \\sum_{i \\ne j} M_{ij} v_i v_j$. The "
    "first sum is the exact value, whatever the signs. The second has the mean 0 and the variance $2 \\sum_{i \\ne j} "
    "M_{ij}^2$. So the estimate is unbiased. Where $M$ is diagonal, nothing scatters. With two unknowns a probe has "
    "only two possible values, $M_{11} + M_{22} \\pm 2 M_{12}$. Probes are independent: the variance of their mean "
    "falls like $1/k$, its standard deviation like $1/\\sqrt{k}$. Since $M$ has no negative eigenvalue, 10 % never "
    "take more than 200 probes, however many unknowns there are."
)

PROBES_LIMITS = (
    "For a few unknowns the exact value is cheaper: two axes tell all of a 2 × 2 matrix, while 10 % can take over 60 "
    "probes on both networks here. Probes pay where $n$ is large. They also pay where no single estimate need be good: "
    "training averages thousands of them, so two a step are enough ([Train a Deceptron](train)). Both networks learn "
    "the bent and turned problem; in the other two pairs $g$ is the simulator’s inverse linearised at one point. The "
    "scatter belongs to the axes along which the signs are drawn: in turned coordinates the exact value is the same, "
    "the scatter is not."
)


def probes_code(settings):
    """Estimate the defect of the chosen pair at x, SEEDS times."""
    pair, x = settings["pair"], f"jnp.array({settings['x']!r})"
    if pair in ("young", "trained"):
        imported = ["from core import deceptron, networks, setups, training", "from core.toys import RotatedSine"]
        steps = f", steps={YOUNG_STEPS}" if pair == "young" else ""
        made = [f"fit = training.fit(setups.toy(RotatedSine()), jax.random.key(0){steps})"]
        made += ["model = networks.as_type(fit.model, jnp.float64)"]
    elif pair == "dense":
        imported = ["from core import cost, deceptron, probes"]
        made = [f"model = probes.tangent_pair(cost.Dense({UNKNOWNS}), jnp.zeros({UNKNOWNS}))"]
        x = f"jnp.tile({x}, {UNKNOWNS // 2})"
    else:
        imported = ["from core import deceptron, probes, toys"]
        made = ["model = probes.tangent_pair(toys.SquaredSecond(), jnp.array([0.0, 1.0]))"]
    return "\n".join(
        [
            "import jax, jax.numpy as jnp",
            *imported,
            "",
            *made,
            f"x, k = {x}, jnp.array({round(settings['probes'])})",
            "exact = deceptron.composition_defect(model, x)  # n products",
            "def estimate(key):  # k products",
            "    return deceptron.rjcp(model, x, key, k)",
            f"estimates = jax.vmap(estimate)(jax.vmap(jax.random.key)(jnp.arange({SEEDS})))",
            "mean, scatter = estimates.mean(), estimates.std()",
        ]
    )


def probes_numbers(result):
    """The exact value, and the mean and the scatter of its estimates."""
    exact = result["exact"]
    return {"exact": exact, "mean": exact * result["mean"], "scatter": exact * result["std"]}


PROBES_TEACHING = Teaching(
    misconception="To know a large matrix one needs many probes, to know a small one, few.",
    demo=(
        ("Two unknowns: one probe has two possible values, the mean of four has five. They scatter widely.", {}),
        ("Eight probes: the scatter has only halved since two.", {"probes": 8.0}),
        ("Nothing mixes, and a single probe is exact.", {"pair": "squared", "probes": 1.0}),
        ("64 unknowns: fewer probes than unknowns give the value to 10 %.", {"pair": "dense", "probes": 8.0}),
    ),
    room=(
        "Turn the coordinates by 45°. The exact value stays as it is; does the scatter? Listen for: the Frobenius norm "
        "does not know the axes, random signs along the axes do."
    ),
)


TRAIN_TEXT = (
    "A Deceptron is a pair of functions. f goes from causes x to effects y, as the simulator does; g goes back. "
    "Training draws x from the dashed box. It lowers a sum of terms, each with its weight. *Reconstruction* asks that "
    "$g(f(x)) = x$. *JCP*, the Jacobian Composition Penalty, asks that *small changes* come back as well: "
    "$J_g(f(x))\\,J_f(x) = I$. What is left of that at a point, $\\|J_g J_f - I\\|^2$, is RJCP, the shading. It is 0 "
    "where g undoes small changes of f, and 2 for a g that ignores y. f may be the simulator itself, a network, or a "
    "linear slab, which is a matrix and a shift."
)

TRAIN_WHY = (
    "The penalty never forms a Jacobian. For a random sign vector $v$, $J_g J_f\\,v$ costs two Jacobian–vector "
    "products, and $E\\,|J_g J_f\\,v - v|^2 = \\|J_g J_f - I\\|_F^2$:\n\n"
)
TRAIN_WHY_TERMS = (
    "\n\nThe terms: *task* fits f to the simulator, *reconstruction* asks $g(f(x)) = x$, *cycle* $f(g(y)) = y$. The "
    "paper’s smallest version has two slabs, $f(x) = \\sigma(Wx + b)$ and $g(y) = \\tilde\\sigma(Vy + c)$; here σ is "
    "the identity. Three terms are for slabs only: *spectral* asks $W^T W = I$, *bias tie* $b = -c$, *composition* "
    "$VW = I$. $V$ is not tied to $W^T$, since the transpose of a stretch is not its inverse."
)

TRAIN_LIMITS = (
    "A low RJCP says that small changes come back. It does not say that $g(y)$ is the right point of several. Where P "
    "folds, a g trained across the fold learns the mean of both sides, which solves nothing. So (x₁, x₂²) is trained "
    "on one side of its fold only. RJCP also compares g with *f*, not with the simulator. Two linear slabs cannot "
    "learn the bent problem, yet their RJCP vanishes: g undoes the wrong f."
)


def train_code(settings):
    """Train with these settings, to the end."""
    name, arguments = PROBLEMS[settings["problem"]]
    weights = {term: settings[f"w_{term}"] for term in TERMS if settings[f"w_{term}"]}
    standard = settings["architecture"] == "slabs" or int(settings["width"]) == HIDDEN[0]
    wide = "" if standard else f".of_width({settings['width']})"
    wrapped = textwrap.fill(f"weights = {weights}", 88, subsequent_indent=" " * 11)
    return f"""\
import jax, jax.numpy as jnp
from core import deceptron, networks, setups, training
from core.toys import {name}
setup = setups.toy({name}({arguments}), "{settings["architecture"]}"){wide}
{wrapped}
hyper = setups.Hyper({settings["rate"]!r}, {settings["steps"]!r}, {settings["warmup"]!r}, weights=weights,
                     noise={settings["noise"]!r}, probes={round(settings["probes"])})
lines = [jnp.linspace(*ends, 9) for ends in zip(*setup.solver.box)]  # of the box
def rjcp(model):  # its mean over the box
    model = networks.as_type(model, jnp.float64)
    return deceptron.rjcp_field(model, jnp.stack(jnp.meshgrid(*lines), -1)).mean()
before = rjcp(training.start(setup, jax.random.key({round(settings["seed"])})).model)
after = rjcp(training.fit(setup, jax.random.key({round(settings["seed"])}), hyper).model)
"""


TRAIN_TEACHING = Teaching(
    misconception="A network that reconstructs x well is a good inverse, whatever its derivatives.",
    demo=(
        ("Train: RJCP falls in the box, and only there.", {}),
        ("The same without the Jacobian penalty: the mesh comes back, RJCP stays higher.", {"w_jcp": 0.0}),
        (
            "Two linear slabs on the bent problem: RJCP vanishes, though f is wrong. It compares g with f only.",
            {"architecture": "slabs", "w_cycle": 0.25, "w_bias_tie": 0.01, "w_composition": 0.01, "warmup": 300.0},
        ),
    ),
    room=(
        "At run time you do not know the true x. What could you still compute to know whether to trust the inverse? "
        "Listen for: go there and back; then for: go there and back with a small change."
    ),
)


DIPG_TEXT = (
    "The simulator P turns two causes x into two effects y. You look for an x with $P(x) = y^*$; the residual is "
    "$r = P(x) - y^*$. By default P turns the plane, bends it by a sine and stretches it, so that many x give the same "
    "y: the crosses. A network g has learned to undo P, but it has seen the dashed box only. D-IPG, Deceptron "
    "Inverse-Preconditioned Gradient, takes iterations of two parts. First it plans a step in y, $-\\eta\\,r$. Then it "
    "adds to x what g changes by that step, $g(y - \\eta\\,r) - g(y)$, times ρ. Armijo’s rule halves η until the "
    "residual falls enough, eight times at most. A run converges at a residual of 10⁻⁶, in units of the spread of y, "
    "and ends after 40 iterations at the latest. The shading is RJCP, $\\|J_g J_P - I\\|^2$, the error of g as a "
    "*local* inverse: an inverse that ignores y has 2."
)

DIPG_WHY = (
    "The paper’s step is *plain*: it proposes $g(y - \\eta\\,r)$. This does not depend on x beyond y, so at "
    "$\\eta = 1$ it is one-shot inversion, $g(y^*)$. Near a solution it stops where $\\eta\\,r$ equals the error of "
    "g. The *differenced* step is this course’s: it is the inverse-simulator update with g in place of $P^{-1}$. The "
    "error of g appears in it twice and cancels:\n\n"
)
DIPG_WHY_FEW = (
    "\n\nIf $J_g = J_P^{-1}$, the differenced step is to first order Gauss–Newton’s, shortened to η (the paper’s α). "
    "With the same η all these methods aim to close the same share of the gap in an iteration. So a small number of "
    "iterations alone is no proof of a good local inverse."
)

DIPG_LIMITS = (
    "Start on the wrong side of the fold of (x₁, x₂²). There g’s Jacobian has the wrong sign: the differenced step "
    "stalls, and the plain step jumps to the side that g knows. A low RJCP is no guarantee either. It compares g with "
    "f and knows nothing of constraints. In two dimensions Gauss–Newton’s linear solve costs next to nothing; "
    "[Studies](studies) counts the cost on larger problems."
)


def dipg_code(settings, budget, tolerance):
    """Solve from the start with a freshly trained standard Deceptron."""
    name, arguments = PROBLEMS[settings["problem"]]
    box = "setup.solver.box" if settings["box"] == "trained" else "([-jnp.inf] * 2, [jnp.inf] * 2)"
    return f"""\
import jax, jax.numpy as jnp
from core import setups, training
from core.solve import solve_path
from core.toys import {name}

setup = setups.toy({name}({arguments}))
model = training.fit(setup, jax.random.key(0)).model  # the standard Deceptron
solver = setups.Solver({tolerance!r}, setup.solver.scale, {box},
                       setup.solver.gradient_step, budget={budget},
                       eta={settings["eta"]!r}, relaxation={settings["relaxation"]!r})
def walk(method):
    x0, y_star = jnp.array({settings["start"]!r}), setup.problem.target
    return solve_path(method, setup.problem, model, y_star, x0, solver)
dipg, plain, gauss = map(walk, ["dipg_differenced", "dipg_plain", "gauss_newton"])
end, steps, plain_end, gauss_end = dipg.x, dipg.iterations, plain.x, gauss.x
"""


def dipg_numbers(result):
    """Where the walks end, and how many steps the differenced one takes."""
    walks = result["walks"]
    return {
        "end": walks["dipg_differenced"].x,
        "steps": walks["dipg_differenced"].iterations,
        "plain_end": walks["dipg_plain"].x,
        "gauss_end": walks["gauss_newton"].x,
    }


DIPG_TEACHING = Teaching(
    misconception="Few iterations mean that the learned inverse is good where one is.",
    demo=(
        ("From outside the box D-IPG converges, but to the solution that g was trained around.", {}),
        (
            "Inside the box it takes about as many iterations as Gauss–Newton. Hide all but these two.",
            {"start": (0.85, 0.75)},
        ),
        ("η = 1: plain D-IPG is now one-shot inversion, wherever it starts.", {"eta": 1.0}),
        (
            "The wrong side of a fold: the differenced step stalls, the plain one jumps to the side it knows.",
            {"problem": "squared", "start": (0.85, -0.75)},
        ),
    ),
    room=(
        "RJCP at the start is over 1. Would you still start there? Listen for: what does it cost to try, how would one "
        "notice a wrong solution, who checks the residual."
    ),
)
