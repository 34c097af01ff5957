"""The damped oscillator x'' = -omega^2 x - 2 zeta omega x', as a map between states and as a problem to invert.

`OscillatorFlow` takes a state (position, velocity) to the state a time later: its Jacobian is 2 x 2.
`DampedOscillator` takes four parameters to 32 positions: what an experiment would measure and want explained.
Units are those of time and length, unnamed. zeta is the damping ratio: 0 is no friction, 1 is critical.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from core import integrators
from core.problem import Problem, number

SAMPLES = 32  # positions measured in an experiment
STEPS = 128  # of Runge-Kutta 4 in an experiment: four between two samples


def rate(omega: Array, zeta: Array, state: Float[Array, "2"]) -> Float[Array, "2"]:
    """The time derivative of (position, velocity)."""
    position, velocity = state
    return jnp.stack([velocity, -(omega**2) * position - 2 * zeta * omega * velocity])


def closed_form(omega: Array, zeta: Array, state: Float[Array, "2"], time: Array) -> Float[Array, "2"]:
    """The state a time later, exactly: with g = zeta omega and d^2 = omega^2 - g^2,

        e^(-g t) (cos(d t) s + sin(d t)/d (s' + g s)),

    where cos and sin become cosh and sinh for zeta > 1, and sin(d t)/d becomes t for zeta = 1. A negative time is the
    past.
    """
    decay = zeta * omega
    square = omega**2 - decay**2
    critical = jnp.abs(square) * time**2 < 1e-12
    d = jnp.sqrt(jnp.where(critical, 1.0, jnp.abs(square)))
    swings = square > 0
    # cosh and sinh without their growth e^(d t), which is taken off the decay: alone it would overflow.
    growth = jnp.where(swings | critical, 0.0, d * time)
    even = jnp.where(swings, jnp.cos(d * time), 0.5 + 0.5 * jnp.exp(-2 * growth))
    odd = jnp.where(swings, jnp.sin(d * time), -0.5 * jnp.expm1(-2 * growth)) / d
    even, odd = jnp.where(critical, 1.0, even), jnp.where(critical, time, odd)
    return jnp.exp(growth - decay * time) * (even * state + odd * (rate(omega, zeta, state) + decay * state))


def energy(omega: Array, state: Float[Array, "*steps 2"]) -> Float[Array, "*steps"]:
    """(velocity^2 + omega^2 position^2) / 2, for a mass of 1."""
    return 0.5 * (state[..., 1] ** 2 + omega**2 * state[..., 0] ** 2)


class OscillatorFlow(Problem):
    """P(s) = the state a time `time` after s, by `steps` steps of a scheme of `core.integrators.STEPPERS`.

    inverse: time reversal, the same steps with -dt. It undoes P up to rounding only where the scheme is symmetric.
    """

    omega: Array
    zeta: Array
    time: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]
    steps: int = eqx.field(static=True)
    scheme: str = eqx.field(static=True)

    def __init__(self, omega=1.0, zeta=0.0, time=6.0, steps=64, scheme="leapfrog", target=(0.0, 0.0), start=(1.0, 0.0)):
        if scheme not in integrators.STEPPERS:
            raise ValueError(f"OscillatorFlow: scheme {scheme!r} is none of {', '.join(integrators.STEPPERS)}")
        self.omega, self.zeta, self.time = number(omega), number(zeta), number(time)
        self.target, self.start = number(target), number(start)
        self.domain = (number([-2.0, -2.0]), number([2.0, 2.0]))
        self.steps, self.scheme = steps, scheme

    def forward(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        return self._run(x, self.time / self.steps)

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        return self._run(y, -self.time / self.steps)

    def _run(self, state, dt):
        step = integrators.STEPPERS[self.scheme]
        return integrators.trajectory(step, lambda now: rate(self.omega, self.zeta, now), state, dt, self.steps)[-1]


class DampedOscillator(Problem):
    """P(t0, t1, t2, t3) = 32 positions over the time T, by 128 steps of Runge-Kutta 4.

    The parameters, about 0 to 1 each, are the frequency omega = 1 + 2 t0, the damping zeta = 0.05 + 0.35 t1, the first
    position 0.4 + 0.6 t2 and the first velocity -1.5 + 3 t3. The samples lie at T/32, 2T/32, ..., T. No inverse is
    known by formula: 32 numbers for 4.
    """

    time: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, time=4.0, solution=(0.7, 0.3, 0.6, 0.8), target=None, start=(0.5, 0.5, 0.5, 0.5)):
        self.time = number(time)
        self.start = number(start)
        self.domain = (number([-0.2] * 4), number([1.2] * 4))
        self.target = positions(self.time, number(solution)) if target is None else number(target)

    def forward(self, x: Float[Array, "4"]) -> Float[Array, "32"]:
        return positions(self.time, x)


@jax.jit
def positions(time: Float[Array, ""], x: Float[Array, "4"]) -> Float[Array, "32"]:
    """Where the oscillator with these parameters is at each of SAMPLES moments of the time."""
    omega, zeta, state = physical(x)
    path = integrators.trajectory(integrators.rk4, lambda now: rate(omega, zeta, now), state, time / STEPS, STEPS)
    every = STEPS // SAMPLES
    return path[every::every, 0]


def physical(x: Float[Array, "4"]) -> tuple[Array, Array, Float[Array, "2"]]:
    """What the four parameters of a `DampedOscillator` mean: omega, zeta and the first state."""
    return 1 + 2 * x[0], 0.05 + 0.35 * x[1], jnp.stack([0.4 + 0.6 * x[2], -1.5 + 3 * x[3]])


def parameters(omega: Array, zeta: Array, state: Float[Array, "2"]) -> Float[Array, "4"]:
    """The four parameters of a `DampedOscillator` that mean these numbers: `physical` undone."""
    return jnp.stack([(omega - 1) / 2, (zeta - 0.05) / 0.35, (state[0] - 0.4) / 0.6, (state[1] + 1.5) / 3])
