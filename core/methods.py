"""Every method's proposal, side by side. The protocol in `core.protocol` is common: only this differs.

A proposal is a pure function (problem, model, x, y, eta, solver) -> (aim in y-space, proposed x), with y =
P(x) and r = y - y*. The residual is that of the *physics* P for every method; D-IPG uses of the model only
its g. (The paper's residual is that of its surrogate f_W. To walk on a surrogate, pass a problem whose
forward map is model.f.)

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

from core import least_squares, updates
from core.problem import Problem

Proposal = tuple[Float[Array, " m"], Float[Array, " n"]]


class Method(NamedTuple):
    """propose: see the module.  learned: needs a model.

    single: takes exactly one unrelaxed step, accepted whatever it does.  steps_far: usually takes many
    iterations; a batch of such solves runs fastest side by side, a batch of quick ones one after the other.
    """

    propose: Callable[..., Proposal]
    learned: bool = False
    single: bool = False
    steps_far: bool = False


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


METHODS = {
    "gradient_descent": Method(gradient_descent, steps_far=True),
    "newton": Method(newton),
    "gauss_newton": Method(gauss_newton),
    "levenberg_marquardt": Method(levenberg_marquardt),
    "inverse_simulator": Method(inverse_simulator),
    "dipg_plain": Method(dipg_plain, learned=True),
    "dipg_differenced": Method(dipg_differenced, learned=True),
    "one_shot": Method(one_shot, learned=True, single=True),
}
