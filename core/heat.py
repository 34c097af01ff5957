"""The heat equation u' = nu u'' on a rod of length 1 whose ends are kept at 0: a simulator that forgets.

On n inner points u is a sum of n sine waves with the wave numbers k = pi, 2 pi, ..., n pi, and each wave lives alone:
after a time t it is multiplied by exp(-nu k^2 t). So P = S exp(-nu k^2 t) S with the sine transform S, which is
symmetric and its own inverse, and those factors are the singular values of its Jacobian.

Only nu t counts: `time` may be read as t in units of (length of the rod)^2 / nu.
"""

import math
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from core import integrators
from core.backend import default_float
from core.problem import Problem, Wrapped, number


def points(n: int) -> Float[np.ndarray, " n"]:
    """The n inner points of the rod, evenly spaced; the ends 0 and 1 are left out."""
    return np.arange(1, n + 1, dtype=default_float()) / (n + 1)


def wave_numbers(n: int) -> Float[np.ndarray, " n"]:
    """k = pi, 2 pi, ..., n pi: the waves that n points can carry."""
    return np.pi * np.arange(1, n + 1, dtype=default_float())


def sine_transform(u: Float[Array, " n"]) -> Float[Array, " n"]:
    """S u, the amplitudes of the sine waves in u (orthonormal: S S = I, so it also builds u from its amplitudes)."""
    return u @ sine_matrix(u.size).astype(u.dtype)


def sine_matrix(n: int) -> Float[Array, "n n"]:
    """S with entries sqrt(2 / (n + 1)) sin(pi j k / (n + 1))."""
    return jnp.sqrt(2 / (n + 1)) * jnp.sin(jnp.outer(points(n), wave_numbers(n)))


def second_derivative(u: Float[Array, " n"]) -> Float[Array, " n"]:
    """u'', exact for what n points can carry: each wave times -k^2."""
    k = wave_numbers(u.size).astype(u.dtype)
    return sine_transform(-(k**2) * sine_transform(u))


def stable_steps(n: int, time: float | Array, limit: float = 2.0) -> Array:
    """How many steps an explicit scheme needs over `time` (nu t) before the finest wave grows instead of decaying.

    limit: the largest nu k^2 dt that it bears: 2 for explicit Euler, 2.785 for Runge-Kutta 4.
    """
    return jnp.ceil(wave_numbers(n)[-1] ** 2 * time / limit)


def time_for(n: int, condition: float) -> float:
    """The time after which the Jacobian's condition number is `condition`: ln(condition) / (pi^2 (n^2 - 1)).

    Largest over smallest factor is exp(nu pi^2 (n^2 - 1) t); nu is 1 here.
    """
    return math.log(condition) / (math.pi**2 * (n**2 - 1))


class Heat1D(Problem):
    """P(u) = the profile a time later, exactly; then, if cubic > 0, a sensor that answers z + cubic z^3.

    n: how many inner points (static).  nu, time: see the module.  cubic: 0 is a linear problem.  unit_gain: divide by
    the largest factor, so that the largest singular value of the linear part is 1 (static).
    """

    nu: Array
    time: Array
    cubic: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]
    n: int = eqx.field(static=True)
    unit_gain: bool = eqx.field(static=True)

    def __init__(self, n=32, nu=1.0, time=1e-3, cubic=0.0, unit_gain=False, target=None, start=None):
        self.n, self.unit_gain = n, unit_gain
        self.nu, self.time, self.cubic = number(nu), number(time), number(cubic)
        self.start = number(np.full(n, 0.5)) if start is None else number(start)
        self.domain = (number(np.zeros(n)), number(np.ones(n)))
        self.target = number(np.zeros(n)) if target is None else number(target)

    def factors(self) -> Float[Array, " n"]:
        """What each wave is multiplied by, the longest first: the singular values of the linear part, by formula."""
        k2 = wave_numbers(self.n) ** 2
        return jnp.exp(-self.nu * (k2 - k2[0] if self.unit_gain else k2) * self.time)

    def observe(self, z: Float[Array, " n"]) -> Float[Array, " n"]:
        """What the sensor makes of the profile z: z + cubic z^3."""
        return z + self.cubic * z**3

    def forward(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        # In x's precision: a float32 profile would else be transformed in float64.
        return self.observe(sine_transform(self.factors().astype(x.dtype) * sine_transform(x)))

    def inverse(self, y: Float[Array, " n"], x: Float[Array, " n"]) -> Float[Array, " n"]:
        """The only profile that leads to y. It divides by the factors: what noise y carries is multiplied by 1/them."""
        return sine_transform(sine_transform(unobserve(y, self.cubic)) / self.factors())


def unobserve(y: Array, cubic: Array) -> Array:
    """The real root z of z + cubic z^3 = y, by the hyperbolic form of Cardano's formula (cubic >= 0)."""
    some = cubic > 0
    root = jnp.sqrt(3 * jnp.where(some, cubic, 1.0))
    return jnp.where(some, 2 / root * jnp.sinh(jnp.arcsinh(1.5 * root * y) / 3), y)


class SteppedHeat(Wrapped):
    """The same problem, simulated in time steps of an explicit scheme; its inverse is the same steps with -dt.

    Forward, the steps must be short enough (`stable_steps`). Backwards the equation itself is unstable: every wave
    grows like exp(+nu k^2 t), also the one that rounding has just made.
    """

    problem: Heat1D
    steps: int = eqx.field(static=True)
    scheme: str = eqx.field(static=True, default="explicit_euler")

    def forward(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        return self.problem.observe(self.path(x, self.problem.time)[-1] / self._gain())

    def inverse(self, y: Float[Array, " n"], x: Float[Array, " n"]) -> Float[Array, " n"]:
        return self.path(unobserve(y, self.problem.cubic) * self._gain(), -self.problem.time)[-1]

    def path(self, u: Float[Array, " n"], time: Array) -> Float[Array, "steps_plus_1 n"]:
        """The profiles on the way from u over `time`, which is negative for the way back."""
        step = integrators.STEPPERS[self.scheme]
        return integrators.trajectory(step, flow(self.problem.nu), u, time / self.steps, self.steps)

    def _gain(self) -> Array:
        k2 = wave_numbers(self.problem.n)[0] ** 2
        return jnp.exp(-self.problem.nu * k2 * self.problem.time) if self.problem.unit_gain else jnp.ones(())


def flow(nu: Array) -> Callable[[Float[Array, " n"]], Float[Array, " n"]]:
    """The rate nu u'' as a function of u alone, as an integrator wants it."""
    return lambda u: nu.astype(u.dtype) * second_derivative(u)


def plateaus(n: int) -> Float[Array, " n"]:
    """A profile with two plateaus, at 1 and at 0.5, whose edges are about 0.05 wide."""
    place = points(n)

    def step(at):
        return jnp.tanh((place - at) / 0.025)

    return 0.5 * (step(0.15) - step(0.45)) + 0.25 * (step(0.6) - step(0.8))


def between_points(u: Float[Array, " n"], places: Float[Array, " m"]) -> Float[Array, " m"]:
    """The profile at any places of the rod: the sum of its sine waves, which passes through the n points."""
    waves = jnp.sin(jnp.outer(places, wave_numbers(u.size)))
    return jnp.sqrt(2 / (u.size + 1)) * waves @ sine_transform(u)


def truncated_inverse(problem: Heat1D, y: Float[Array, " n"], kept: Array) -> Float[Array, " n"]:
    """The inverse with all but the `kept` longest waves left out: what noise would drown is not asked for."""
    longest = jnp.arange(problem.n) < kept
    amplitudes = sine_transform(unobserve(y, problem.cubic))
    factors = problem.factors()
    return sine_transform(jnp.where(longest, amplitudes / jnp.where(longest, factors, 1.0), 0.0))
