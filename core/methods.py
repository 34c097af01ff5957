"""Every method's proposal, side by side. The protocol in `core.protocol` is common: only this differs.

With y = P(x), r = y - y* and J = dy/dx, a proposal is an aim in y-space and a proposed x. Gradient descent, Newton's
method and their kin have a step (problem, x, solver) -> dx and propose `straight` ahead, x + eta dx; one with a memory
takes it as one more argument. The inverse simulator and its learned kin have a rule (problem, model, x, y, eta, solver)
-> proposal, `curved` in eta. The residual is that of the *physics* P for every method; D-IPG uses of the model only its
g. (The paper's residual is that of its surrogate f_W. To walk on a surrogate, pass a problem whose forward map is
model.f.)

    plain D-IPG           x_p = g(y - eta r)               the paper's
    differenced D-IPG     x_p = x + g(y - eta r) - g(y)    the book's inverse simulator, with the learned g
    one shot              x_p = g(y*)                      the baseline that plain D-IPG has to beat

Plain D-IPG at eta = 1 proposes g(y*) wherever it stands, and as eta falls it proposes g(y), which misses x by
the reconstruction error g(P(x)) - x: that is its floor. In the differenced step the error cancels to first
order.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
from jaxtyping import Array, Float

from core import least_squares, memories, updates
from core.memories import Memory

Step = Float[Array, " n"]
Proposal = tuple[Float[Array, " m"], Float[Array, " n"]]
Proposer = Callable[..., Callable[[Float[Array, ""]], Proposal]]


class Work(NamedTuple):
    """What a method costs beside y = P(x) and the gradient J^T r, which every iteration takes once for Armijo's rule.

    functions, products: evaluations of P and products with J or J^T, an iteration. A step that is halved keeps its
    direction, and the aim of a step taken in x is for drawing only: neither is counted.  inverses: evaluations of the
    learned g, a proposal.
    """

    functions: int = 0
    products: int = 0
    inverses: int = 0


class Method(NamedTuple):
    """propose: (problem, model, x, y, solver[, memory]) -> (eta -> proposal).  work: what it costs with n unknowns.

    memory: what carries over between steps, if anything.  learned: needs a model.  single: takes exactly one
    unrelaxed step, accepted whatever it does.  side_by_side: with so many unknowns, or fewer, a batch of solves runs
    side by side under `vmap`, where every solve waits for the slowest and all branches are taken; else one after the
    other. Measured on the CPU with 60 walks on 4 unknowns and 300 on 2, 32 and 64. On 4: 2 to 9 times faster, but for
    D-IPG, where it makes little difference. On 32: up to twice as fast; Gauss-Newton, which then takes the singular
    values of all if the columns of one may be dependent, 5 times slower. On 64 gradient descent gains, and what
    proposes by an inverse without walking long; the others lose.
    """

    propose: Proposer
    work: Callable[[int], Work]
    memory: Memory | None = None
    learned: bool = False
    single: bool = False
    side_by_side: int = 32


def dipg_plain(problem, model, x, y, eta, solver) -> Proposal:
    """x_p = g(y - eta r)."""
    aim = y + updates.output_step(problem, y, eta)
    return aim, model.g(aim)


def dipg_differenced(problem, model, x, y, eta, solver) -> Proposal:
    """x_p = x + g(y - eta r) - g(y)."""
    aim = y + updates.output_step(problem, y, eta)
    return aim, x + model.g(aim) - model.g(y)


def one_shot(problem, model, x, y, eta, solver) -> Proposal:
    """x_p = g(y*), whatever x and eta."""
    return problem.target, model.g(problem.target)


def inverse_simulator(problem, model, x, y, eta, solver) -> Proposal:
    """x_p = P^-1(y - eta r; x)."""
    aim = y + updates.output_step(problem, y, eta)
    return aim, x + updates.inverse_simulator(problem, x, eta)


def gradient_descent(problem, x, solver) -> Step:
    """dx = -gradient_step J^T r. The rule's loss has no 1/2 and so twice that gradient."""
    return updates.gradient_descent(problem, x, 0.5 * solver.gradient_step)


def newton(problem, x, solver) -> Step:
    """dx = -H^-1 dL/dx."""
    return updates.newton(problem, x, 1.0)


def gauss_newton(problem, x, solver) -> Step:
    """dx = -J^+ r."""
    return least_squares.gauss_newton(problem, x, 1.0)


def levenberg_marquardt(problem, x, solver) -> Step:
    """dx = -(J^T J + damping I)^-1 J^T r, the damping fixed."""
    return least_squares.levenberg_marquardt(problem, x, 1.0, solver.damping)


def nesterov(problem, x, solver, memory) -> Step:
    """dx = momentum - gradient_step J^T r, the gradient taken where the momentum leads."""
    return memories.accelerated(problem, x, solver, memory)


def conjugate_gradient(problem, x, solver, memory) -> Step:
    """dx = t d with the conjugate direction d and its exact length t."""
    return memories.conjugate(problem, x, memory)


def lbfgs(problem, x, solver, memory) -> Step:
    """dx = -B J^T r with the inverse Hessian B guessed from the last steps."""
    return memories.quasi_newton(problem, x, solver, memory)


def straight(step: Callable[..., Step]) -> Proposer:
    """x_p = x + eta dx. dx is worked out once, however often eta is halved; to first order it aims at y + eta J dx."""

    def propose(problem, model, x, y, solver, *memory):
        dx = step(problem, x, solver, *memory)
        _, dy = jax.jvp(problem.forward, (x,), (dx,))
        return lambda eta: (y + eta * dy, x + eta * dx)

    return propose


def curved(rule: Callable[..., Proposal]) -> Proposer:
    """x_p by a rule that has to be asked anew for every eta."""
    return lambda problem, model, x, y, solver: lambda eta: rule(problem, model, x, y, eta, solver)


METHODS = {
    "gradient_descent": Method(straight(gradient_descent), lambda n: Work(), side_by_side=64),
    "nesterov": Method(straight(nesterov), lambda n: Work(functions=1, products=1), memories.MOMENTUM),
    "lbfgs": Method(straight(lbfgs), lambda n: Work(), memories.PAIRS),
    "conjugate_gradient": Method(straight(conjugate_gradient), lambda n: Work(products=1), memories.CONJUGATE),
    # The Hessian is n products with the gradient's derivative, each about two products with J.
    "newton": Method(straight(newton), lambda n: Work(products=2 * n)),
    "gauss_newton": Method(straight(gauss_newton), lambda n: Work(products=n), side_by_side=16),
    "levenberg_marquardt": Method(straight(levenberg_marquardt), lambda n: Work(products=n)),
    "inverse_simulator": Method(curved(inverse_simulator), lambda n: Work()),
    "dipg_plain": Method(curved(dipg_plain), lambda n: Work(inverses=1), learned=True),
    "dipg_differenced": Method(curved(dipg_differenced), lambda n: Work(inverses=2), learned=True),
    "one_shot": Method(curved(one_shot), lambda n: Work(inverses=1), learned=True, single=True),
}
