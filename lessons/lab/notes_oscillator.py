"""What the oscillator's lesson says besides its figure: why, limits, code to take away, notes to teach by."""

import numpy as np

from lessons.lesson import Teaching
from lessons.words import number_word

WHY = (
    "The Jacobian tells how the positions change *near* ω = 2. The slow swing differs from that start by more than a "
    "small change explains, so the straight-line fit asks for a large one: its first proposal is a frequency near 4, "
    "far outside the box, though the truth is near 1. Clipping cuts each unknown by itself, and what is left of the "
    "step no longer leads down, however short. That is no local minimum: the gradient there is steep, L-BFGS arrives "
    "from there, and Levenberg–Marquardt itself does without the box, or with a damping λ of 0.1, which turns its "
    "steps towards steepest descent.\n\n"
    "D-IPG reads the *whole* curve: g was trained on swings of every frequency in the box, and a step is a difference "
    "of two of its guesses. What saves it is that it has seen such swings. JCP has no part in it: without, RJCP is ten "
    "times higher, and steps and error are the same."
)

LIMITS = (
    "Let all walk on below the tolerance and the tables turn: Levenberg–Marquardt rests at the least residual, with "
    "half of D-IPG’s error. With 32 data for 4 unknowns g is one left inverse of many, and lands "
    "[aslant](linear-check). One shot, g(y*), is nearer to the truth than any walk that stops at this tolerance: "
    "stopping early costs more than g’s error. A swing unlike those of training is another matter. Over seeds: "
    "`python -m lessons.lab oscillator --out DIR`."
)


# To a student who expected this end where the run shows another.
NEAR = "The Jacobian is exact at the start only: far from it the straight-line fit may point to the wrong side."
FAR = "A proposal that raises the residual is refused and halved, so a bold first one need not decide the end."


def remark(result):
    """What the first straight-line fit proposed, and on which side of the start and of the truth that is."""
    true = 1 + 2 * float(result["truth"][0])
    first = 1 + 2 * float(result["walks"]["levenberg_marquardt"].path.trials.pulled_back[0, 0])
    if not np.isfinite(first):
        return "It had no iteration to make: the start was within the tolerance."
    proposal = f"Its first proposal was ω = {number_word(first)}"
    if (first - 2) * (true - 2) < 0:
        return f"{proposal}: away from the truth, by an exact Jacobian."
    return f"{proposal}: the right way, and {'beyond' if abs(first - 2) > abs(true - 2) else 'short of'} the truth."


def code(settings):
    """Where two of the walks end."""
    fit = "training.fit(setup, jax.random.key(0)).model"
    if settings["jcp"] == "without":
        fit = (
            "training.fit(setup, jax.random.key(0), setups.Hyper(3e-3, 4000, 500, 0.02,\n"
            '    weights={"reconstruction": 1.0, "cycle": 0.25})).model'
        )
    return f"""\
import jax
from core import setups, training
from core.oscillator import parameters
from core.solve import solve_path
setup = setups.oscillator()
model = {fit}
p, s = setup.problem, setup.solver
solver = setups.Solver(s.tolerance, s.scale, s.box, s.gradient_step, {settings["relaxation"]!r},
                       damping={settings["damping"]!r}, budget=20, halvings=s.halvings)
y = p.forward(parameters({settings["omega"]!r}, {settings["zeta"]!r}, (0.7, {settings["velocity"]!r})))
noise = jax.random.normal(jax.random.split(jax.random.key(1000))[1], (40, 32), y.dtype)
where = p, model, y + {settings["noise"]!r} * noise[{round(settings["instance"]) - 1}], p.start, solver
dipg = solve_path("dipg_differenced", *where).x
lm = solve_path("levenberg_marquardt", *where).x
"""


def numbers(result):
    """The parameters at which two of the walks end."""
    walks = result["walks"]
    return {"dipg": walks["dipg_differenced"].x, "lm": walks["levenberg_marquardt"].x}


TEACHING = Teaching(
    misconception="With the exact Jacobian one cannot go the wrong way.",
    demo=(
        ("A slow swing: Levenberg–Marquardt’s curve goes wild at the first step, D-IPG’s settles on the data.", {}),
        ("A faster one: both arrive, and nothing of this shows.", {"omega": 1.6}),
        ("The slow swing again, with damping 0.1: it still sets off the wrong way, and turns round.", {"damping": 0.1}),
        ("Without JCP: RJCP is ten times higher, and D-IPG arrives all the same.", {"jcp": "without"}),
    ),
    room=(
        "Which of the two would you trust with a swing at ω = 5? Listen for: the network has never seen one, and the "
        "Jacobian need not have; then ask what each would do."
    ),
)
