"""Every way in which a walk can end is told by its cause."""

import dataclasses
import functools
import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import networks, setups, solve, toys
from core.deceptron import Deceptron
from core.networks import Affine, Slab
from core.reasons import short, why
from core.setup import Solver

SHEAR = np.array([[1.0, 2.0], [0.0, 3.0]])
START, INSIDE = np.array([0.8, -0.5]), np.array([0.2, -0.3])


def told(method, y_star=None, start=START, problem=None, matrix=None, offset=(0.0, 0.0), **options):
    """What is said of a walk on `Sheared`, towards a point that can be reached unless a target is given."""
    setup = setups.toy(toys.Sheared())
    options = {"box": ([-9.0, -9.0], [9.0, 9.0]), "tolerance": 1e-6, "budget": 12} | options
    setup = dataclasses.replace(
        setup, problem=problem or setup.problem, solver=dataclasses.replace(setup.solver, **options)
    )
    model = None
    if matrix is not None:
        none = Affine.none(jnp.zeros((1, 2)))
        model = Deceptron(networks.Physics(setup.problem), Slab(jnp.array(matrix), jnp.array(offset), none, none))
    y_star = SHEAR @ INSIDE if y_star is None else np.asarray(y_star)
    return why(solve.solve(method, setup, model, y_star, np.asarray(start)), setup.solver)


def test_arrived():
    assert "is within the tolerance of 1e-06" in told("gauss_newton")


def test_there_already():
    assert told("gauss_newton", start=INSIDE) == "The start was within the tolerance already."


def test_the_budget_is_used_up_while_it_falls_and_when_it_hardly_does():
    falling = told("gradient_descent", budget=6, gradient_step=0.05)
    assert "All 6 iterations" in falling and "it fell by more than a tenth" in falling
    assert "it fell by a tenth or less" in told("gradient_descent", budget=6, gradient_step=1e-6)


@pytest.mark.parametrize("where", ["y_star", "start"])
def test_data_that_are_no_numbers(where):
    assert "no finite residual at the start" in told("gauss_newton", **{where: [np.nan, 0.0]})


def test_a_singular_hessian():
    said = told("newton", problem=toys.SquaredSecond(), y_star=[0.0, 0.0], start=[0.5, 0.0])
    assert "not finite" in said and "singular" in said


def test_an_active_box():
    said = told("gradient_descent", y_star=SHEAR @ [2.0, 2.0], start=[0.0, 0.0], box=([-0.5] * 2, [0.5] * 2), budget=60)
    assert "The box cut 2 components of the last step proposed, and none of the 9 step sizes tried" in said


def test_the_floor_of_a_shifted_inverse():
    said = told("dipg_plain", matrix=np.linalg.inv(SHEAR), offset=(0.05, 0.02), budget=40)
    assert "None of the 9 step sizes tried lowered" in said and "not exact" in said


def test_one_step_is_all_that_one_shot_takes():
    said = told("one_shot", matrix=5 * np.eye(2))
    assert "Its one step is taken" in said and said.endswith("is above the tolerance of 1e-06.")
    assert told("one_shot", matrix=np.eye(2), offset=(1e308, 1e308), box=([-np.inf] * 2, [np.inf] * 2)).endswith(
        "the residual is not finite there."
    )


def test_one_iteration_and_one_step_size_are_one():
    assert "The one iteration is used up" in told("gradient_descent", budget=1, gradient_step=1e-4)
    said = told("gradient_descent", halvings=0, gradient_step=9.0, box=([-99.0] * 2, [99.0] * 2))
    assert said.startswith("The one step size tried did not lower the residual of")
    assert "the last iteration it fell" in told("gradient_descent", budget=1, gradient_step=1e-4)


@pytest.mark.parametrize(("value", "said"), [(123.4, "120"), (0.0049, "0.0049"), (1e-6, "1e-06"), (99.9, "100")])
def test_a_number_has_two_digits_and_no_needless_exponent(value, said):
    assert short(value) == said


# Every sentence over random runs


COUNT = 700
METHODS = ("gradient_descent", "gauss_newton", "newton", "dipg_plain", "one_shot")
SLOPES = {"relaxation": (0.3, 1.0), "eta": (0.02, 8.0), "gradient_step": (1e-4, 3.0), "tolerance": (1e-4, 0.5)}
BRANCHES = {
    "start was within": 30,
    "is within the tolerance of": 200,
    "more than a tenth": 200,
    "a tenth or less": 200,
    "no finite residual at the start": 30,
    "last proposal was not finite": 5,
    "Its one step": 200,
    "The box cut": 200,
    "lowered the residual of": 200,
}


@functools.cache
def runs(dtype):
    """COUNT runs of each method at random settings, as (method, problem, target, solver, run) in NumPy.

    A tenth of the data cannot be reached, one run in 25 begins at the solution, one in 25 has a gap in its data, and
    one in 25 begins where the Hessian of (x1, x2^2) is singular.
    """
    rng, problem = np.random.default_rng(7), toys.SquaredSecond()
    drawn = {name: np.exp(rng.uniform(*np.log(ends), COUNT)) for name, ends in SLOPES.items()}
    starts, truths = rng.uniform(-1.2, 1.2, (2, COUNT, 2))
    targets = np.stack([truths[:, 0], truths[:, 1] ** 2], axis=1)
    targets[::10, 1] -= 1.5
    starts[::25] = truths[::25]
    targets[::25] = np.stack([truths[::25, 0], truths[::25, 1] ** 2], axis=1)
    targets[1::25, 0] = np.nan
    starts[2::25], targets[2::25] = [0.5, 0.0], [0.0, 0.0]
    widths = np.exp(rng.uniform(np.log(0.3), np.log(6.0), COUNT))
    none = Affine.none(jnp.zeros((1, 2)))
    pair = Deceptron(networks.Physics(problem), Slab(jnp.eye(2), jnp.array([0.1, -0.05]), none, none))
    numbers = {name: jnp.asarray(values, dtype) for name, values in drawn.items()}
    reach = jnp.asarray(widths[:, None] * np.ones(2), dtype)

    def solver(number, reach):
        return Solver(scale=jnp.ones((), dtype), box=(-reach, reach), budget=6, halvings=4, **number)

    found, tolerances = [], np.asarray(numbers["tolerance"])
    for method in METHODS:

        def one(y_star, x0, number, reach, method=method):
            return solve.solve_path(method, problem, pair, y_star, x0, solver(number, reach))

        walks = jax.jit(jax.vmap(one))(jnp.asarray(targets, dtype), jnp.asarray(starts, dtype), numbers, reach)
        walks = jax.tree.map(np.asarray, walks)
        assert walks.x.dtype == dtype
        for k in range(COUNT):
            rules = SimpleNamespace(tolerance=tolerances[k], armijo=1e-4, budget=6)
            walk = jax.tree.map(lambda leaf, k=k: leaf[k], walks)
            found.append((method, targets[k].astype(dtype), rules, walk))
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
def test_every_sentence_says_what_the_run_shows(dtype):
    seen = dict.fromkeys(BRANCHES, 0)
    for method, target, rules, walk in runs(dtype):
        said = why(walk, rules)
        which = [part for part in BRANCHES if part in said.replace("did not lower", "lowered")]
        assert len(which) == 1, said
        seen[which[0]] += 1
        assert holds(which[0], said, target, rules, walk), (method, said)
        assert not re.search(r"e\+|nan|inf\b|\b1 (steps|iterations|components|step sizes)", said), said
    assert all(seen[part] >= least for part, least in BRANCHES.items()), seen


def holds(part, said, target, rules, walk):
    """The sentence's own statement, worked out from points and trials."""
    x, trials, tolerance, budget = walk.path.x, walk.path.trials, float(rules.tolerance), rules.budget
    residual = np.array([np.linalg.norm([p[0] - target[0], p[1] ** 2 - target[1]]) for p in x])
    begun = int(np.sum(~np.isnan(trials.eta)))
    near = 1 + 1e-5  # float32 rounds the residual otherwise than NumPy does
    numbers = [float(number) for number in re.findall(r"\d+\.?\d*(?:e-\d+)?", said)]
    last = begun - 1
    if part == "start was within":
        return begun == 0 and residual[0] <= tolerance * near
    if part == "is within the tolerance of":
        return begun > 0 and residual[-1] <= tolerance * near and rounded(numbers, residual[-1], tolerance)
    if part in ("more than a tenth", "a tenth or less"):
        lost = residual[-1] / residual[-1 - min(5, budget)]
        fell = lost < 0.9 * near if part == "more than a tenth" else 0.9 / near <= lost <= 1
        return fell and residual[-1] > tolerance / near and np.all(trials.accepted) and begun == budget
    if part == "no finite residual at the start":
        return not np.isfinite(residual[0]) and begun == 0
    if part == "last proposal was not finite":
        return not np.all(np.isfinite(trials.pulled_back[last])) and np.array_equal(x[begun], x[begun - 1])
    if part == "Its one step":
        return begun == 1 and residual[-1] > tolerance / near and rounded(numbers, residual[-1], tolerance)
    cut = np.sum(trials.relaxed[last] != trials.projected[last])
    refused = [not_enough(target, rules, x[last], trials, last)]
    tried = int(trials.halvings[last]) + 1
    stays = np.array_equal(x[begun], x[last]) and not trials.accepted[last] and all(refused)
    if part == "The box cut":
        told = 1 if "one component" in said else int(re.search(r"(\d) components", said)[1])
        return stays and cut == told > 0 and f"of the {tried} step sizes" in said
    return stays and cut == 0 and f"of the {tried} step sizes" in said and tried == 5


def rounded(numbers, *values):
    return np.allclose(numbers, values, rtol=0.06)


def not_enough(target, rules, x, trials, last):
    """Armijo's rule on the last trial, by hand, with the gradient of |r|^2 on paper; rounding may decide a tie."""
    moved = trials.projected[last]
    here, there = (np.array([p[0] - target[0], p[1] ** 2 - target[1]]) for p in (x, moved))
    slope = 2 * np.array([here[0], 2 * x[1] * here[1]])
    margin = there @ there - here @ here - min(0.0, float(rules.armijo) * slope @ (moved - x))
    return margin >= -1e-6 * (here @ here)
