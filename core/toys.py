"""Toy simulators with two unknowns, small enough to see everything at once.

Source: the chapter "Scale-Invariance and Inversion" (Physics-based Deep Learning): `Scaled` is its toy problem,
`SquaredSecond` its worked comparison, `RotatedSine` its multi-modal example. `Sheared` is ours: the book's Jacobians
are diagonal, and a diagonal Jacobian does not notice when somebody transposes it. So is `Beacons`, whose Jacobian need
not be square.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from core.problem import Problem, number


def rotation(angle: float | Array) -> Float[Array, "2 2"]:
    """R with R v = v turned by `angle` radians, anticlockwise."""
    c, s = jnp.cos(jnp.asarray(angle)), jnp.sin(jnp.asarray(angle))
    return jnp.stack([jnp.stack([c, -s]), jnp.stack([s, c])])


def square(half_width: float) -> tuple[Array, Array]:
    """The domain [-half_width, half_width]^2."""
    return number([-half_width, -half_width]), number([half_width, half_width])


class Scaled(Problem):
    """P(x) = S R x with S = diag(1, alpha): the second direction matters alpha times as much.

    With angle 0 (the book's toy) the two directions are the axes. A turned copy is the same problem in other
    coordinates, which separates methods that are invariant to scaling the axes, such as Adam, from those that are
    invariant to any linear change.
    """

    alpha: Array
    angle: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, alpha=1.0, angle=0.0, target=(0.0, 0.0), start=(3.0, 3.0)):
        self.alpha = number(alpha)
        self.angle = number(angle)
        self.target = number(target)
        self.start = number(start)
        self.domain = square(4.0)

    def forward(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        turned = rotation(self.angle) @ x
        return jnp.stack([turned[0], self.alpha * turned[1]])

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        return rotation(-self.angle) @ jnp.stack([y[0], y[1] / self.alpha])


class SquaredSecond(Problem):
    """P(x) = (x1, x2^2): two points for each y with y2 > 0, so only a local inverse exists.

    No x reaches y2 < 0; the inverse then gives the nearest point that exists, x2 = 0.
    """

    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, target=(0.0, 0.0), start=(3.0, 3.0)):
        self.target = number(target)
        self.start = number(start)
        self.domain = square(4.0)

    def forward(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        return jnp.stack([x[0], x[1] ** 2])

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        root = jnp.sqrt(jnp.maximum(y[1], 0.0))
        return jnp.stack([y[0], jnp.where(x[1] < 0, -root, root)])


class RotatedSine(Problem):
    """P(x) = (sin(u1) / xi, xi u2) with u = R_angle x: a stretched, bent and turned space with many solutions.

    conditioning: xi, the stretch. The sine repeats, so y has solutions u1 = a + 2 pi k and u1 = pi - a + 2 pi k with
    a = arcsin(xi y1); the inverse picks the one nearest to the guess. |xi y1| > 1 is reached by no x and is clipped.
    """

    conditioning: Array
    angle: Array
    solution: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, conditioning=4.0, angle=0.6, solution=(-0.7, -0.5), start=(0.85, 0.75)):
        self.conditioning = number(conditioning)
        self.angle = number(angle)
        self.solution = number(solution)
        self.start = number(start)
        self.domain = square(1.6)

    @property
    def target(self) -> Float[Array, "2"]:  # type: ignore[override]
        """y* = P(solution): it moves with the conditioning, so that the solution in x stays where it is."""
        return self.forward(self.solution)

    def forward(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        u = rotation(self.angle) @ x
        return jnp.stack([jnp.sin(u[0]) / self.conditioning, self.conditioning * u[1]])

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        guess = (rotation(self.angle) @ x)[0]
        first = jnp.arcsin(jnp.clip(self.conditioning * y[0], -1.0, 1.0))
        branches = jnp.stack([_nearest_period(first, guess), _nearest_period(jnp.pi - first, guess)])
        u1 = branches[jnp.argmin(jnp.abs(branches - guess))]
        return rotation(-self.angle) @ jnp.stack([u1, y[1] / self.conditioning])

    def fold_near(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        """The nearest point with det J = 0: the next crest or trough of the sine, u1 = pi / 2 + pi k."""
        u1 = (rotation(self.angle) @ x)[0] - jnp.pi / 2
        return x + rotation(-self.angle) @ jnp.stack([jnp.pi * jnp.round(u1 / jnp.pi) - u1, jnp.zeros_like(u1)])


def _nearest_period(angle: Array, guess: Array) -> Array:
    """angle + 2 pi k, with the whole number k that brings it nearest to the guess."""
    return angle + 2 * jnp.pi * jnp.round((guess - angle) / (2 * jnp.pi))


class Sheared(Problem):
    """P(x) = A x with A = [[1, 2], [0, 3]]: linear, and its Jacobian is not symmetric."""

    matrix: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, matrix=((1.0, 2.0), (0.0, 3.0)), target=(0.0, 0.0), start=(3.0, 3.0)):
        self.matrix = number(matrix)
        self.target = number(target)
        self.start = number(start)
        self.domain = square(4.0)

    def forward(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        return self.matrix @ x

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        return jnp.linalg.solve(self.matrix, y)


class Beacons(Problem):
    """P_i(x) = sqrt(|x - b_i|^2 + h^2): the distances from a point on the ground to the tops of masts at b_i.

    Two unknowns and as many outputs as masts, 1 to 3: fewer than unknowns (a circle of solutions), as many (two
    mirrored solutions, and J is singular on the line through both masts), more (in general no solution). The height h
    keeps the distances smooth at the foot of a mast. The target is y* = P(solution) + error; no inverse is a formula.
    """

    masts: Float[Array, "m 2"]
    height: Array
    solution: Array
    error: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, count=2, height=0.5, solution=(0.8, 0.9), error=0.0, start=(-0.9, -0.8)):
        if count not in (1, 2, 3):
            raise ValueError(f"Beacons has places for 1, 2 or 3 masts, not for {count!r}")
        self.masts = number(((-1.5, -1.0), (1.5, -1.0), (0.0, 1.8))[:count])
        self.height = number(height)
        self.solution = number(solution)
        self.error = number(error)
        self.start = number(start)
        self.domain = square(3.0)

    @property
    def target(self) -> Float[Array, " m"]:  # type: ignore[override]
        return self.forward(self.solution) + self.error

    def forward(self, x: Float[Array, "2"]) -> Float[Array, " m"]:
        return jnp.sqrt(jnp.sum((x[None, :] - self.masts) ** 2, axis=1) + self.height**2)

    def fold_near(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        """The nearest point with det J = 0: the foot of x on the line through the first two masts."""
        along = self.masts[1] - self.masts[0]
        return self.masts[0] + along * jnp.dot(x - self.masts[0], along) / jnp.dot(along, along)


class Banana(Problem):
    """P(x) = (x1, scale (x2 - x1^2)): with the target (1, 0), L = (1 - x1)^2 + scale^2 (x2 - x1^2)^2.

    Its valley follows the parabola x2 = x1^2. The Hessian is indefinite where x2 > x1^2 + 1 / (2 scale^2).
    """

    scale: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, scale=4.0, target=(1.0, 0.0), start=(-1.2, 1.0)):
        self.scale = number(scale)
        self.target = number(target)
        self.start = number(start)
        self.domain = number([-2.0, -1.0]), number([2.0, 3.0])

    def forward(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        return jnp.stack([x[0], self.scale * (x[1] - x[0] ** 2)])

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        return jnp.stack([y[0], y[1] / self.scale + y[0] ** 2])


class Wavy(Problem):
    """P(x) = (x1, x2 + height sin x1): bent everywhere, nowhere by much, and each y has exactly one x."""

    height: Array
    target: Array
    start: Array
    domain: tuple[Array, Array]

    def __init__(self, height=2.0, target=(-0.5, -0.8), start=(2.2, -0.2)):
        self.height = number(height)
        self.target = number(target)
        self.start = number(start)
        self.domain = number([-4.0, -4.0]), number([4.0, 4.0])

    def forward(self, x: Float[Array, "2"]) -> Float[Array, "2"]:
        return jnp.stack([x[0], x[1] + self.height * jnp.sin(x[0])])

    def inverse(self, y: Float[Array, "2"], x: Float[Array, "2"]) -> Float[Array, "2"]:
        return jnp.stack([y[0], y[1] - self.height * jnp.sin(y[0])])


TOYS = {"scaled": Scaled, "squared": SquaredSecond, "sine": RotatedSine, "sheared": Sheared}
