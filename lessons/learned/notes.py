"""What comes with the lessons of this part: code that reproduces their figures, and notes for the instructor."""

import textwrap

from core.deceptron import TERMS
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
        ("Two unknowns: one probe knows two values, four know five. They scatter widely.", {}),
        ("Eight probes: the scatter has only halved since two.", {"probes": 8.0}),
        ("Nothing mixes, and a single probe is exact.", {"pair": "squared", "probes": 1.0}),
        ("64 unknowns: fewer probes than unknowns tell the value to 10 %.", {"pair": "dense", "probes": 8.0}),
    ),
    room=(
        "Turn the coordinates by 45°. The exact value stays as it is; does the scatter? Listen for: the Frobenius norm "
        "does not know the axes, random signs along the axes do."
    ),
)


def train_code(settings):
    """Train with these settings, to the end."""
    name, arguments = PROBLEMS[settings["problem"]]
    weights = {term: settings[f"w_{term}"] for term in TERMS if settings[f"w_{term}"]}
    wrapped = textwrap.fill(f"weights = {weights}", 88, subsequent_indent=" " * 11)
    return f"""\
import jax, jax.numpy as jnp
from core import deceptron, networks, setups, training
from core.toys import {name}
setup = setups.toy({name}({arguments}), "{settings["architecture"]}")
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
        ("Train, and watch the clouds leave the box, and only the box.", {}),
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


def dipg_code(settings, budget, tolerance):
    """Walk from the start with a freshly trained standard Deceptron."""
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
        ("From the clouds D-IPG arrives, but at the solution that it was trained around.", {}),
        ("Inside the box it takes about Gauss–Newton’s steps. Hide all but these two.", {"start": (0.85, 0.75)}),
        ("One jump: plain D-IPG is now one-shot inversion, wherever it starts.", {"eta": 1.0}),
        (
            "The wrong side of a fold: differenced stalls, plain jumps to the branch it knows.",
            {"problem": "squared", "start": (0.85, -0.75)},
        ),
    ),
    room=(
        "RJCP at the start is over 1. Would you still let it walk? Listen for: what does it cost to try, how would one "
        "notice a wrong turn, who checks the residual."
    ),
)
