"""What the laboratory's lessons say besides their figure: why, limits, code to take away, notes to teach by."""

from lessons.lesson import Teaching

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
    "One training seed, one profile at a time; tables over seeds come from `python -m lessons.lab heat-easy --out DIR` "
    "in the course’s folder. Nobody tells a method when to stop: the tolerance must know the noise. Profiles unlike "
    "those of training (sums of sine waves within 0.15 and 0.85) are another matter. On the hard problem RJCP stays "
    "near 1, since of 32 directions the faintest are hardly learned, and D-IPG arrives all the same."
)


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
