"""Every method's proposal, side by side. The protocol in `core.protocol` is common: only this differs.

A proposal is a pure function (problem, model, x, y, eta, solver) -> (aim in y-space, proposed x), with y =
P(x) and r = y - y*. The residual is that of the *physics* P for every method; D-IPG uses of the model only
its g. (The paper's residual is that of its surrogate f_W. To walk on a surrogate, pass a problem whose
forward map is model.f.) A method with a memory takes it as one more argument.

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
from core.problem import Problem

Proposal = tuple[Float[Array, " m"], Float[Array, " n"]]


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
    """propose: see the module.  work: what it costs with n unknowns.

    memory: what carries over between steps, if anything.  learned: needs a model.  single: takes exactly one
    unrelaxed step, accepted whatever it does.  side_by_side: a batch of solves runs fastest under `vmap`, where every
    solve waits for the slowest and all branches are taken; else one after the other. By measurement: cheap steps, and
    many of them, go side by side.
    """

    propose: Callable[..., Proposal]
    work: Callable[[int], Work]
    memory: Memory | None = None
    learned: bool = False
    single: bool = False
    side_by_side: bool = False


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


def _linear(problem: Problem, x: Array, y: Array, dx: Array) -> Proposal:
    """A step taken in x-space aims, to first order, at y + J dx."""
    _, dy = jax.jvp(problem.forward, (x,), (dx,))
    return y + dy, x + dx


def gradient_descent(problem, model, x, y, eta, solver) -> Proposal:
    """x_p = x - eta gradient_step J^T r. The rule's loss has no 1/2 and so twice that gradient."""
    return _linear(problem, x, y, updates.gradient_descent(problem, x, 0.5 * eta * solver.gradient_step))


def newton(problem, model, x, y, eta, solver) -> Proposal:
    """x_p = x - eta H^-1 dL/dx."""
    return _linear(problem, x, y, updates.newton(problem, x, eta))


def gauss_newton(problem, model, x, y, eta, solver) -> Proposal:
    """x_p = x - eta J^+ r."""
    return _linear(problem, x, y, least_squares.gauss_newton(problem, x, eta))


def levenberg_marquardt(problem, model, x, y, eta, solver) -> Proposal:
    """x_p = x - eta (J^T J + damping I)^-1 J^T r, the damping fixed."""
    return _linear(problem, x, y, least_squares.levenberg_marquardt(problem, x, eta, solver.damping))


def nesterov(problem, model, x, y, eta, solver, memory) -> Proposal:
    """x_p = x + eta (momentum - gradient_step J^T r), the gradient taken where the momentum leads."""
    return _linear(problem, x, y, eta * memories.accelerated(problem, x, solver, memory))


def conjugate_gradient(problem, model, x, y, eta, solver, memory) -> Proposal:
    """x_p = x + eta t d with the conjugate direction d and its exact length t."""
    return _linear(problem, x, y, eta * memories.conjugate(problem, x, memory))


def lbfgs(problem, model, x, y, eta, solver, memory) -> Proposal:
    """x_p = x - eta B J^T r with the inverse Hessian B guessed from the last steps."""
    return _linear(problem, x, y, eta * memories.quasi_newton(problem, x, solver, memory))


METHODS = {
    "gradient_descent": Method(gradient_descent, lambda n: Work(), side_by_side=True),
    "nesterov": Method(nesterov, lambda n: Work(functions=1, products=1), memories.MOMENTUM, side_by_side=True),
    "lbfgs": Method(lbfgs, lambda n: Work(), memories.PAIRS, side_by_side=True),
    "conjugate_gradient": Method(conjugate_gradient, lambda n: Work(products=1), memories.CONJUGATE, side_by_side=True),
    # The Hessian is n products with the gradient's derivative, each about two products with J.
    "newton": Method(newton, lambda n: Work(products=2 * n)),
    "gauss_newton": Method(gauss_newton, lambda n: Work(products=n)),
    "levenberg_marquardt": Method(levenberg_marquardt, lambda n: Work(products=n)),
    "inverse_simulator": Method(inverse_simulator, lambda n: Work()),
    "dipg_plain": Method(dipg_plain, lambda n: Work(inverses=1), learned=True),
    "dipg_differenced": Method(dipg_differenced, lambda n: Work(inverses=2), learned=True),
    "one_shot": Method(one_shot, lambda n: Work(inverses=1), learned=True, single=True, side_by_side=True),
}
