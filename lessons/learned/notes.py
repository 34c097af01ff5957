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
