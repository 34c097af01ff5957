"""What comes with the lessons of this part: code that reproduces their figures, and notes for the instructor."""

from functools import partial

from lessons.lesson import Takeaway, Teaching


def crux_takeaway(steps, inverse_eta, angles):
    """steps of every walk, eta of the inverse methods, and the angle of each choice of axes."""
    return Takeaway(partial(_crux_code, steps, inverse_eta, angles), _crux_numbers)


def _crux_code(steps, inverse_eta, angles, settings):
    alpha, angle, start = settings["alpha"], float(angles[settings["axes"]]), settings["start"]
    return f"""\
from core.chain_rule import factors
from core.measures import angle_between, stable_limit
from core.rollout import rollout
from core.toys import Scaled
from core.updates import gradient_descent, newton

problem = Scaled({alpha!r}, {angle!r}, start={start!r})
x = problem.start
downhill = -factors(problem, x).gradient
miss = angle_between(downhill, -x)  # degrees beside the minimum
limit = stable_limit(problem, x)  # of eta
descent = rollout(gradient_descent, problem, x, {steps}, eta={settings["eta"]!r})
curved = rollout(newton, problem, x, {steps}, eta={inverse_eta})
end, newton_end = descent.x[{settings["step"]}], curved.x[{settings["step"]}]
"""


def _crux_numbers(result):
    step, paths = result["settings"]["step"], result["paths"]
    return {
        "downhill": result["downhill"],
        "miss": result["miss"],
        "limit": result["stable_limit"],
        "end": paths["gradient_descent"].x[step],
        "newton_end": paths["newton"].x[step],
    }


CRUX_TEACHING = Teaching(
    misconception="The gradient points at the minimum; where it does not, a smaller learning rate will help.",
    demo=(
        ("A round landscape: the arrow points home.", {"alpha": 1.0}),
        ("Twice as steep one way: the same start, and the arrow misses.", {"alpha": 2.0}),
        ("Just below the stable limit the walk falls into the valley and creeps. A smaller η creeps more.",
         {"alpha": 8.0, "eta": 0.015}),
        ("Turn the stretch by 30°: Adam loses its invariance in the meter, the inverse methods keep theirs.",
         {"axes": "turned"}),
    ),
    room=(
        "Which step size suits both directions at α = 100? Listen for “the smaller one”, and ask how many steps it "
        "takes along the other."
    ),
)  # fmt: skip

_FOUR_PROBLEMS = {
    "squared": ("SquaredSecond", ""),
    "scaled": ("Scaled", "4.0, "),
    "sheared": ("Sheared", ""),
    "sine": ("RotatedSine", ""),
}


def four_takeaway(steps):
    """steps of every walk."""
    return Takeaway(partial(_four_code, steps), _four_numbers)


def _four_code(steps, settings):
    name, first = _FOUR_PROBLEMS[settings["problem"]]
    problem, search = f"{name}({first}start={settings['start']!r})", ""
    if settings["inverse"] == "numerical":
        problem, search = f"NumericalInverse({problem})", "from core.inverse import NumericalInverse\n"
    step, etas = settings["step"], [settings[key] for key in ("eta_gd", "eta_newton", "eta", "eta")]
    return f"""\
from core import updates
{search}from core.measures import bend
from core.rollout import rollout
from core.toys import {name}

problem = {problem}
def walk(rule, eta):
    return rollout(rule, problem, problem.start, {steps}, eta=eta)
descent = walk(updates.gradient_descent, {etas[0]!r}).x[{step}]
curved = walk(updates.newton, {etas[1]!r})
newton, newton_bend = curved.x[{step}], bend(curved.y, problem.target)
gradient = walk(updates.inverse_gradient, {etas[2]!r}).x[{step}]
simulator = walk(updates.inverse_simulator, {etas[3]!r}).x[{step}]
"""


def _four_numbers(result):
    step, paths = result["settings"]["step"], result["paths"]
    return {
        "descent": paths["gradient_descent"].x[step],
        "newton": paths["newton"].x[step],
        "gradient": paths["inverse_gradient"].x[step],
        "simulator": paths["inverse_simulator"].x[step],
        "newton_bend": result["bends"]["newton"],
    }


FOUR_TEACHING = Teaching(
    misconception="Newton’s method knows the curvature, so nothing is left to gain.",
    demo=(
        ("The book’s run. Look at y-space: whose line is straight?", {}),
        ("A linear simulator: now the paths of all three inverse methods are straight, and the same.",
         {"problem": "sheared", "eta_newton": 0.3}),
        ("On the fold the Jacobian is singular: two methods cannot start. The inverse simulator can.",
         {"start": (3.0, 0.0)}),
        ("No formula for the inverse? At this η a search finds the same.", {"inverse": "numerical"}),
    ),
    room=(
        "If P⁻¹ is known, why take steps at all? Listen for: one evaluation would do; then ask about two targets for "
        "one x, about noise, and about an inverse that holds only nearby."
    ),
)  # fmt: skip
