"""Ways to take a step in time, side by side: step(rate, state, dt) -> the state a time dt later.

rate(state) is the state's time derivative. A state is a vector whose first half holds positions and whose second half
holds velocities; only `symplectic_euler` and `leapfrog` need to know. A negative dt runs the same scheme backwards,
which is what "time reversal" means in this course: it undoes the forward step exactly only if the scheme is symmetric.

    scheme              order   symplectic   symmetric (undone by -dt)
    explicit Euler        1        no             no
    symplectic Euler      1        yes            no
    leapfrog              2        yes            yes
    Runge-Kutta 4         4        no             no, but to order 5

The last two columns, and leapfrog's order, hold where forces depend on the position alone: friction ends them.
Source: Hairer, Lubich and Wanner, Geometric Numerical Integration, chapters II, V and VI.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Rate = Callable[[Float[Array, " n"]], Float[Array, " n"]]
Stepper = Callable[[Rate, Float[Array, " n"], Float[Array, ""]], Float[Array, " n"]]


def explicit_euler(rate: Rate, state: Float[Array, " n"], dt: Float[Array, ""]) -> Float[Array, " n"]:
    """s + dt s'(s): the slope at the start serves for the whole step. Order 1."""
    return state + dt * rate(state)


def symplectic_euler(rate: Rate, state: Float[Array, " n"], dt: Float[Array, ""]) -> Float[Array, " n"]:
    """First the velocities, from the old positions, then the positions, from the new velocities. Order 1."""
    half = state.size // 2
    kicked = state.at[half:].add(dt * rate(state)[half:])
    return kicked.at[:half].add(dt * rate(kicked)[:half])


def leapfrog(rate: Rate, state: Float[Array, " n"], dt: Float[Array, ""]) -> Float[Array, " n"]:
    """Half a kick, a drift, half a kick (velocity Verlet). Order 2, and its own inverse under dt -> -dt.

    Where forces depend on the velocity too, it is of order 1 and no longer its own inverse.
    """
    half = state.size // 2
    kicked = state.at[half:].add(dt / 2 * rate(state)[half:])
    drifted = kicked.at[:half].add(dt * rate(kicked)[:half])
    return drifted.at[half:].add(dt / 2 * rate(drifted)[half:])


def rk4(rate: Rate, state: Float[Array, " n"], dt: Float[Array, ""]) -> Float[Array, " n"]:
    """The classical Runge-Kutta scheme: a weighted mean of four slopes. Order 4."""
    first = rate(state)
    second = rate(state + dt / 2 * first)
    third = rate(state + dt / 2 * second)
    fourth = rate(state + dt * third)
    return state + dt / 6 * (first + 2 * second + 2 * third + fourth)


STEPPERS: dict[str, Stepper] = {
    "explicit_euler": explicit_euler,
    "symplectic_euler": symplectic_euler,
    "leapfrog": leapfrog,
    "rk4": rk4,
}


def trajectory(
    step: Stepper, rate: Rate, state: Float[Array, " n"], dt: Float[Array, ""], steps: int
) -> Float[Array, "steps_plus_1 n"]:
    """The states after 0, 1, ... steps of length dt, as one scan."""

    def advance(now, _):
        later = step(rate, now, dt)
        return later, later

    _, visited = jax.lax.scan(advance, state, length=steps)
    return jnp.concatenate([state[None], visited])


def end(
    step: Stepper, rate: Rate, state: Float[Array, " n"], dt: Float[Array, ""], count: Array, most: int
) -> Float[Array, " n"]:
    """The state after `count` steps, a number that may be traced; `most`, which may not, is its upper bound."""

    def advance(now, k):
        return jnp.where(k < count, step(rate, now, dt), now), None

    return jax.lax.scan(advance, state, jnp.arange(most))[0]


def returned(
    step: Stepper, rate: Rate, state: Float[Array, " n"], dt: Float[Array, ""], count: Array, most: int
) -> Float[Array, " n"]:
    """Time reversal: `count` steps from the state with dt, then as many with -dt. An exact inverse gives the state."""
    return end(step, rate, end(step, rate, state, dt, count, most), -dt, count, most)
