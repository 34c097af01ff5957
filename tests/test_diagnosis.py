"""Each signature provoked by an honest setting and recognised; healthy runs left alone, on several problems."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import networks, setups, solve, toys, training
from core.deceptron import Deceptron, composition_defect, rjcp_field
from core.diagnosis import FLAT, REFUSED, SIGNATURES, UNTRUSTED, diagnose, read, slope
from core.networks import Affine, Slab, as_type
from core.problem import Aimed
from core.protocol import Status
from core.setup import Solver
from lessons import lessons
from lessons.signatures import ADVICE, NAMES, remark, told

SHEAR = np.array([[1.0, 2.0], [0.0, 3.0]])
START, INSIDE = np.array([0.8, -0.5]), np.array([0.2, -0.3])
INVERSE = np.linalg.inv(SHEAR)


def run(method, y_star=None, start=START, problem=None, matrix=None, offset=(0.0, 0.0), noise=None, **options):
    """The diagnosis of a walk on `Sheared` with a linear g, towards a point that can be reached unless told otherwise.

    Also the problem, the walk and the solver.
    """
    setup = setups.toy(toys.Sheared())
    options = {"box": ([-9.0, -9.0], [9.0, 9.0]), "tolerance": 1e-6, "budget": 30} | options
    problem = problem or setup.problem
    setup = dataclasses.replace(setup, problem=problem, solver=dataclasses.replace(setup.solver, **options))
    model, rjcp = None, None
    if matrix is not None:
        none = Affine.none(jnp.zeros((1, 2)))
        model = Deceptron(networks.Physics(problem), Slab(jnp.asarray(matrix), jnp.asarray(offset), none, none))
    y_star = jnp.asarray(SHEAR @ INSIDE if y_star is None else y_star)
    walk = solve.solve(method, setup, model, y_star, np.asarray(start))
    if model is not None:
        rjcp = composition_defect(model, walk.x)
    aimed = Aimed(problem, y_star)
    return diagnose(aimed, walk, setup.solver, rjcp, noise), walk, setup.solver


def signature(method, **options):
    return run(method, **options)[0].signature


def test_an_exact_inverse_is_healthy():
    found, walk, solver = run("dipg_differenced", matrix=INVERSE)
    assert found.signature == "healthy" and found.signs.accepted == 1 and found.signs.rjcp < 1e-20
    assert told(found, walk, solver).startswith("**Healthy.**")


@pytest.mark.parametrize("method", ["gauss_newton", "gradient_descent", "lbfgs", "levenberg_marquardt"])
def test_methods_without_an_inverse_are_healthy_where_they_arrive(method):
    found, walk, _ = run(method, budget=200, tolerance=1e-3)
    assert walk.status == Status.CONVERGED and found.signature == "healthy" and np.isnan(found.signs.rjcp)


@pytest.mark.parametrize("where", ["y_star", "start"])
def test_data_that_are_no_numbers(where):
    assert signature("gauss_newton", **{where: [np.nan, 0.0]}) == "not_finite"


def test_a_singular_hessian_is_not_finite():
    assert signature("newton", problem=toys.SquaredSecond(), y_star=[0.0, 0.0], start=[0.5, 0.0]) == "not_finite"


def test_noise_that_is_fitted():
    """The residual goes to the tolerance, a hundredth of the noise; with a tolerance as large as the noise it stops."""
    found, _, _ = run("dipg_differenced", matrix=INVERSE, noise=1e-2, tolerance=1e-4, eta=0.5)
    assert found.signature == "overfit"
    fitted = found.signs.fitted
    residual = run("dipg_differenced", matrix=INVERSE, tolerance=1e-4, eta=0.5)[1].path.residual
    assert residual[fitted] < 1e-2 <= residual[fitted - 1]
    assert signature("dipg_differenced", matrix=INVERSE, noise=1e-2, tolerance=1e-2, eta=0.5) == "healthy"


def test_noise_within_the_tolerance_is_no_reproach_to_a_step_that_went_far_below_both():
    found, walk, _ = run("dipg_differenced", matrix=INVERSE, noise=5e-3, tolerance=1e-2)
    assert walk.residual < 1e-9 and found.signature == "healthy"


def test_data_out_of_reach_end_in_a_minimum():
    """(x1, x2^2) makes no negative y2: the nearest is x2 = 0, where J^T r = 0."""
    found, walk, _ = run("inverse_simulator", problem=toys.SquaredSecond(), y_star=[0.3, -0.4], start=[0.8, 0.9])
    assert found.signature == "minimum" and found.signs.slope < 1e-6
    np.testing.assert_allclose(walk.x, [0.3, 0.0], atol=1e-6)


def test_a_minimum_is_one_before_the_iterations_are_used_up_and_after():
    """Half of the gap a step comes ever nearer to it: nothing is refused, and the residual no longer falls."""
    given = {"problem": toys.SquaredSecond(), "y_star": [0.3, -0.4], "start": [0.8, 0.9], "eta": 0.5}
    found, walk, _ = run("inverse_simulator", budget=20, **given)
    assert walk.status == Status.BUDGET and found.signature == "minimum"


@pytest.mark.parametrize("method", ["dipg_differenced", "gauss_newton", "gradient_descent"])
def test_an_active_box(method):
    given = {"matrix": INVERSE} if method.startswith("dipg") else {}
    box = {"y_star": SHEAR @ [2.0, 2.0], "start": [0.0, 0.0], "box": ([-0.5] * 2, [0.5] * 2), "budget": 60}
    found, walk, solver = run(method, **box, **given)
    assert found.signature == "box" and found.signs.held == 2
    assert "The box cut 2 components" in told(found, walk, solver)


def test_an_inverse_that_ignores_y_is_not_to_be_trusted():
    """g = 0 has the defect n, 1 a component, and moves nowhere."""
    found, _, _ = run("dipg_differenced", matrix=np.zeros((2, 2)))
    assert found.signature == "untrusted" and found.signs.rjcp == pytest.approx(1.0)


def test_a_reversed_direction_is_not_to_be_trusted():
    found, walk, _ = run("dipg_differenced", matrix=np.diag([1.0, -1.0]) @ INVERSE)
    assert walk.status == Status.STALLED
    assert found.signature == "untrusted" and found.signs.rjcp == pytest.approx(2.0)


def test_an_answer_that_was_reached_is_no_reason_for_distrust():
    """Half of the exact inverse has an RJCP of 0.25 a component; each step covers half of the gap, and it arrives."""
    found, walk, solver = run("dipg_differenced", matrix=0.5 * INVERSE)
    assert found.signs.rjcp == pytest.approx(0.25) and found.signs.rjcp > UNTRUSTED
    assert walk.status == Status.CONVERGED and found.signature == "healthy"
    assert "not to be trusted" not in told(found, walk, solver)


# Data out of reach, and data in reach


PER_METHOD = 60
defect = jax.jit(composition_defect)


@functools.cache
def squares(dtype):
    """Runs on (x1, x2^2) at random settings: the y2 asked for is negative, out of reach by |y2|, in every other one."""
    rng, problem, found = np.random.default_rng(11), toys.SquaredSecond(), []
    none = Affine.none(jnp.zeros((1, 2)))
    pair = Deceptron(networks.Physics(problem), Slab(jnp.eye(2), jnp.array([0.1, -0.05]), none, none))
    for method in ("gradient_descent", "gauss_newton", "dipg_plain", "dipg_differenced"):
        y2 = rng.uniform(0.05, 1.0, PER_METHOD) * np.resize([-1, 1], PER_METHOD)
        targets = jnp.asarray(np.stack([rng.uniform(-1, 1, PER_METHOD), y2], axis=1), dtype)
        starts = jnp.asarray(rng.uniform(0.1, 1.2, (PER_METHOD, 2)), dtype)
        numbers = np.exp(rng.uniform(np.log([0.05, 0.3, 0.01]), np.log([4.0, 4.0, 0.5]), (PER_METHOD, 3)))

        def solver(eta, reach, gradient_step):
            box = (jnp.full(2, -reach, dtype), jnp.full(2, reach, dtype))
            return Solver(tolerance=0.01, scale=0.5, box=box, eta=eta, gradient_step=gradient_step, budget=20)

        def one(y_star, x0, number, method=method):
            return solve.solve_path(method, problem, pair, y_star, x0, solver(*number))

        walks = jax.jit(jax.vmap(one))(targets, starts, jnp.asarray(numbers, dtype))
        for k in range(PER_METHOD):
            walk = jax.tree.map(lambda leaf, k=k: leaf[k], walks)
            rules = solver(*numbers[k].astype(dtype))
            rjcp = defect(as_type(pair, dtype), walk.x) if method.startswith("dipg") else None
            aimed = as_type(Aimed(problem, targets[k]), dtype)
            found.append((float(y2[k]), walk, rules, diagnose(aimed, walk, rules, rjcp)))
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
def test_data_out_of_reach_are_named_and_no_others(dtype):
    """240 runs; by hand, the nearest y to a negative y2 is 0, so that the minimum leaves |y2| / scale."""
    out, minima = [], []
    for y2, walk, rules, found in squares(dtype):
        out.append(y2 < 0)
        minima.append(found.signature == "minimum")
        if minima[-1]:
            said = told(found, walk, rules)
            assert "minimum that is no solution" in said and "to be trusted" not in said
            if not (found.signs.slope < FLAT and not found.signs.held):
                assert found.signs.lowest == pytest.approx(-y2 / 0.5, rel=1e-3)
                assert "comes to a minimum with a residual of" in said
        assert found.signature != "box" or found.signs.held  # a box that holds nothing is not blamed
    assert sum(out) == len(out) // 2 and out == minima


def test_steps_too_bold():
    """Four times the gap overshoots until it has been halved twice."""
    found, walk, _ = run("dipg_differenced", matrix=INVERSE, eta=5.0)
    assert found.signature == "bold" and found.signs.accepted < REFUSED
    assert found.signs.accepted == pytest.approx(1 / (1 + np.mean(walk.path.trials.halvings[: walk.iterations])))


def test_going_to_and_fro_across_the_solution_is_too_bold():
    """Four times the gap is halved once, to twice the gap, which lands on the other side, hardly nearer."""
    found, walk, _ = run("dipg_differenced", matrix=0.999 * INVERSE, eta=4.0, budget=20)
    assert found.signature == "bold" and found.signs.accepted == 0.5
    assert walk.residual > 0.9 * walk.path.residual[0]


def test_too_slow():
    assert signature("dipg_differenced", matrix=INVERSE, eta=0.02) == "slow"
    assert signature("gradient_descent", budget=6, gradient_step=1e-6) == "slow"  # hardly falls, but has no floor


def test_the_floor_of_a_shifted_inverse():
    found, walk, solver = run("dipg_plain", matrix=INVERSE, offset=(0.05, 0.02), budget=60)
    assert found.signature == "floor" and found.signs.slope > 0.1
    assert "there is a way down" in told(found, walk, solver)


def test_what_a_refusal_at_the_end_costs_is_not_held_against_the_steps_before():
    found, walk, _ = run("dipg_plain", matrix=INVERSE, offset=(0.05, 0.02), budget=60)
    assert walk.status == Status.STALLED and found.signs.accepted > walk.accepted


def test_a_solution_at_the_start_is_healthy():
    found, _, _ = run("dipg_differenced", matrix=INVERSE, start=INSIDE)
    assert found.signature == "healthy" and (found.signs.accepted, found.signs.fitted) == (1.0, -1)


@pytest.mark.parametrize(("cut", "held"), [("last", 1), ("before", 0)])
def test_what_the_box_holds_is_what_it_cut_in_the_last_trial(cut, held):
    """In a run of five iterations the box cuts one component of one trial."""
    _, walk, solver = run("dipg_differenced", matrix=INVERSE, eta=0.1, budget=5)
    trials = walk.path.trials
    row = {"last": 4, "before": 3}[cut]
    relaxed = trials.projected.at[row].add(jnp.array([0.5, 0.0]))
    walk = walk._replace(path=walk.path._replace(trials=trials._replace(relaxed=relaxed)))
    signs = read(Aimed(toys.Sheared(), jnp.asarray(SHEAR @ INSIDE)), walk, solver)
    assert int(walk.iterations) == 5 and signs.held == held


def test_slope_is_the_sine_of_the_way_down():
    """With r along a singular direction of A it is that singular value over the first."""
    problem = toys.Sheared()
    u, s, vt = np.linalg.svd(SHEAR)
    for k, value in enumerate(s):
        x = INVERSE @ (u[:, k] * 0.3)
        np.testing.assert_allclose(slope(problem, jnp.asarray(x), jnp.array([True, True])), value / s[0], rtol=1e-9)
    first = slope(problem, jnp.asarray(INVERSE @ u[:, 0]), jnp.array([True, False]))
    np.testing.assert_allclose(first, abs(vt[0, 0]), rtol=1e-9)


# Healthy runs, drawn


def drawn(setup, model, count, method="dipg_differenced"):
    """The diagnoses of fresh instances of a setup, with the noise of each, and which of them arrived."""
    truth, y_stars, x0s = setup.sample(jax.random.key(5), count)
    clean = jax.vmap(setup.problem.forward)(truth)
    noise = jnp.linalg.norm(y_stars - clean, axis=1) / setup.solver.scale
    model = as_type(model, jnp.float64)
    walks = solve.solve_many(method, setup, model, y_stars, x0s)
    rjcp = rjcp_field(model, walks.x)
    every = [jax.tree.map(lambda leaf, k=k: leaf[k], walks) for k in range(count)]
    found = [
        diagnose(Aimed(setup.problem, y_stars[k]), walk, setup.solver, rjcp[k], noise[k])
        for k, walk in enumerate(every)
    ]
    return found, np.asarray(walks.status) == Status.CONVERGED


@pytest.mark.parametrize("make", [lambda: setups.toy(toys.RotatedSine()), setups.oscillator], ids=["toy", "oscillator"])
def test_healthy_runs_are_left_alone(make):
    """60 runs in the range that g was trained for: of those that arrived at most two are accused, all others are."""
    setup = make()
    found, arrived = drawn(setup, training.fit(setup, jax.random.key(0)).model, 60)
    healthy = np.array([one.signature == "healthy" for one in found])
    assert np.mean(arrived) > 0.9
    assert np.sum(arrived & ~healthy) <= 2
    assert not np.any(healthy & ~arrived)


def test_the_faintest_directions_of_a_long_rod_are_no_reason_for_distrust():
    """Heat hard, half trained: RJCP is near 3 in sum, 0.1 a component, and every run arrives."""
    setup = setups.heat_hard()
    found, arrived = drawn(setup, training.fit(setup, jax.random.key(0), steps=1500).model, 50)
    rjcp = np.array([one.signs.rjcp for one in found])
    assert np.all(arrived) and 32 * np.min(rjcp) > 1
    assert np.max(rjcp) < UNTRUSTED and sum(one.signature != "healthy" for one in found) <= 1


# Words


def test_every_signature_has_a_name_and_an_advice():
    assert set(NAMES) == set(ADVICE) == set(SIGNATURES)


def test_a_page_says_something_of_a_run_that_is_not_healthy_only():
    def said(**options):
        _, walk, solver = run("dipg_differenced", matrix=INVERSE, **options)
        aimed = Aimed(toys.Sheared(), jnp.asarray(SHEAR @ INSIDE))
        return remark(aimed, walk, solver)

    assert said() == ""
    assert "steps too bold; see [Diagnosis](diagnosis)" in said(eta=5.0)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # Two data let two unknowns fit the noise without harm, so the lesson does not tell of it.
        ({"disturb": "noise", "noise": 0.03}, "healthy"),
        ({"disturb": "noise", "noise": 0.002}, "healthy"),
        ({"disturb": "box", "half_width": 0.3}, "box"),
        ({"disturb": "stale", "turn": 0.6}, "untrusted"),
        # What is wrong here shows in none of a run's numbers: the lesson's point.
        ({"disturb": "shared", "turn": 0.6}, "healthy"),
        ({"disturb": "range", "truth": (-2.2, 1.2)}, "healthy"),
    ],
)
def test_the_limits_page_names_what_its_run_shows_and_only_that(settings, expected):
    lesson = lessons()["limits"]
    table = lesson.tables(lesson.experiment(**settings))[0]
    signature = table.columns.index("signature")
    said = [cells[signature].text for _, cells in table.rows if cells[signature].text != "–"]
    assert said == [NAMES[expected]]


def test_a_walk_of_an_untrained_g_has_some_signature():
    setup = setups.toy(toys.RotatedSine())
    found, _ = drawn(setup, setup.build(jax.random.key(1)), 20)
    assert {one.signature for one in found} <= set(SIGNATURES)
    broken = eqx.tree_at(lambda m: m.g.biases[-1], setup.build(jax.random.key(1)), jnp.full(2, jnp.nan))
    assert {one.signature for one in drawn(setup, broken, 5)[0]} == {"not_finite"}
