"""Four ways to take a step, side by side: they differ only in what they invert.

A rule is a pure function rule(problem, x, eta) -> dx, and dx is *added* to x. The step size lives inside the rule,
since an inverse simulator's path in eta is curved. Source: the sections on gradient descent, quasi-Newton methods,
inverse gradients and inverse simulators of the chapter "Scale-Invariance and Inversion".

    gradient descent    inverts nothing         dx = -eta dL/dx                       units of L / x
    Newton              inverts the Hessian     dx = -eta H^-1 dL/dx                  units of x
    inverse gradient    inverts the Jacobian    dx = J^-1 dy                          units of x
    inverse simulator   inverts the simulator   dx = P^-1(y + dy; x) - x              units of x

with dy = eta (y* - y): for L = |y - y*|^2 the Newton step of L in y-space (`core.losses` has that of any other loss).
Singular matrices give inf or nan, never an exception: `core.measures.departure` finds the step at which that happened
and says why.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem

Rule = Callable[..., Float[Array, " n"]]


def output_step(problem: Problem, y: Float[Array, " m"], eta: Float[Array, ""]) -> Float[Array, " m"]:
    """dy = eta (y* - y): the fraction eta of the gap in y-space."""
    return eta * (problem.target - y)


class NotSquare(ValueError):
    """Raised where the inverse of a Jacobian is asked for that has another number of rows than of columns."""


def only_square(jacobian: Float[Array, "m n"]) -> Float[Array, "n n"]:
    """The same matrix, refused unless it is square: anything else has no inverse."""
    m, n = jacobian.shape
    if m != n:
        raise NotSquare(
            f"The Jacobian is {m} × {n}, one row for each output and one column for each unknown, and only a square "
            "matrix has an inverse. Use core.least_squares.truncated_inverse_gradient: it takes the pseudo-inverse."
        )
    return jacobian


def gradient_descent(problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""]) -> Float[Array, " n"]:
    """dx = -eta dL/dx. Stable on a quadratic if eta < 2 / (largest eigenvalue of H)."""
    return -eta * jax.grad(problem.objective)(x)


def newton(problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""]) -> Float[Array, " n"]:
    """dx = -eta H^-1 dL/dx. One step with eta = 1 solves any quadratic; it also walks happily to saddles."""
    hessian = jax.hessian(problem.objective)(x)
    return -eta * jnp.linalg.solve(hessian, jax.grad(problem.objective)(x))


def inverse_gradient(problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""]) -> Float[Array, " n"]:
    """dx = (dx/dy) dy, with dx/dy the inverse of the square Jacobian J = dy/dx. NotSquare if it is not square."""
    dy = output_step(problem, problem.forward(x), eta)
    return jnp.linalg.solve(only_square(problem.jacobian(x)), dy)


def inverse_simulator(problem: Problem, x: Float[Array, " n"], eta: Float[Array, ""]) -> Float[Array, " n"]:
    """dx = P^-1(y + dy; x) - x. Lands exactly on y + dy, however nonlinear P is (the book's "PG")."""
    y = problem.forward(x)
    return problem.inverse(y + output_step(problem, y, eta), x) - x
