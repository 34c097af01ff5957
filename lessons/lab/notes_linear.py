"""What the linear check says besides its figure: why, limits, code to take away, notes to teach by."""

from core.linear import across
from core.methods import dipg_differenced
from lessons.lesson import Teaching
from lessons.words import code as shown

TEXT = (
    "The simplest simulator is $y = A x$, and for it the right step is known: Gauss–Newton’s, $\\eta A^+(y^* - A x)$. "
    "A Deceptron of one matrix, $g(y) = V y$, learns by JCP alone: 3,000 training steps lower $\\|V A - I\\|^2$, which "
    "is RJCP. Its D-IPG step is $\\eta V (y^* - A x)$. Play shows both steps while V is trained. With three data for "
    "two unknowns not every y is an A x: y* lies s away from what A reaches, along the unit vector U."
)

WHY = (
    "Every y is a part that some A x reaches, and a part out of reach, along the columns of U. Both inverses treat the "
    "first part alike: $V A = A^+ A = I$. The pseudo-inverse ignores the second: it projects y* at a right angle. V is "
    "free there: it projects y* *obliquely*, along its null space. An oblique projection ends at another point; η only "
    "sets how fast.\n\n"
    + shown(dipg_differenced, across)
    + "\n\nJCP looks at V A only, so its gradient is exactly zero for what V does outside the range. Plain gradient "
    "descent would leave that as it was at first, and from V = 0 it would find A⁺. Adam rescales every entry by "
    "itself: it changes V outside the range even from 0. **RJCP measures V A, so it shows none of this.**\n\nNoise ε "
    "in the training data does: $E|V\\epsilon|^2 = \\sigma^2 |V|^2$ is a price on large V, and of all left inverses A⁺ "
    "is the smallest. RJCP pays for it too: V becomes $(A^T A + \\tfrac12\\sigma^2 I)^{-1} A^T$, and the step "
    "Levenberg–Marquardt’s with damping ½σ²."
)

LIMITS = (
    "The arrows are bare proposals: no relaxation, no box. Under the fair protocol D-IPG ends at the same wrong point, "
    "and is said to have stalled. At condition 30, 3,000 training steps are not enough; 12,000 are. For a nonlinear P "
    "the range is curved, and what is out of reach changes from place to place: the [oscillator](oscillator) has 32 "
    "data for 4 unknowns."
)


def code(settings):
    """The last picture: one training, one step of each method."""
    noisy = settings["trained"] == "noisy"
    weights = '{"jcp": 1.0, "reconstruction": 1.0}' if noisy else '{"jcp": 1.0}'
    rows = {"square": 2, "tall": 3}[settings["data"]]
    outside = settings["outside"] if settings["data"] == "tall" else 0.0
    return f"""\
import jax, jax.numpy as jnp
from core import linear, setups, training
from core.least_squares import gauss_newton
from core.methods import dipg_differenced
from core.networks import as_type
from core.problem import Aimed, number
setup = setups.linear(2, {settings["condition"]}.0, {rows})
hyper = setups.Hyper(3e-2, 3000, noise={0.05 if noisy else 0.0}, probes=1,
                     weights={weights})
model = as_type(training.fit(setup, jax.random.key(0), hyper).model, jnp.float64)
A, x, x0 = setup.problem.matrix, number([-0.9, -1.1]), number({list(settings["start"])!r})
problem = Aimed(setup.problem, A @ x + {outside!r} * linear.across(A).sum(1))
gn = gauss_newton(problem, x0, {settings["eta"]!r})
dipg = dipg_differenced(problem, model, x0, A @ x0, {settings["eta"]!r}, None)[1] - x0
rjcp = ((model.g.weight @ A - jnp.eye(2)) ** 2).sum()
"""


def numbers(result):
    """Both steps and RJCP when training has ended."""
    return {"gn": result["gauss_newton"], "dipg": result["dipg"][-1], "rjcp": result["rjcp"][-1]}


TEACHING = Teaching(
    misconception="A left inverse is the pseudo-inverse.",
    demo=(
        ("Play: RJCP falls to rounding, but D-IPG’s arrow ends beside Gauss–Newton’s.", {}),
        ("Nothing out of reach: the two arrows lie on each other. V has not changed.", {"outside": 0.0}),
        ("As many data as unknowns: nothing can be out of reach.", {"data": "square"}),
        ("Trained on noisy data as well, V projects almost at a right angle.", {"trained": "noisy"}),
    ),
    room=(
        "RJCP is zero up to rounding. Name a y for which V is wrong. Listen for: one that no x gives; then ask which "
        "of our measurements are like that. Every noisy one."
    ),
)
