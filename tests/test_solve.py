"""The fair protocol: laws of each proposal, the acceptance rule, every way to end, and nothing recompiled."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import methods, networks, setups, solve, toys
from core.deceptron import Deceptron
from core.methods import METHODS
from core.problem import NoInverse, Problem
from core.protocol import Status

SHEAR = np.array([[1.0, 2.0], [0.0, 3.0]])
WIDE = ([-10.0, -10.0], [10.0, 10.0])
X0, Y_STAR = np.array([0.8, -0.5]), np.array([0.4, 0.9])


class Linear(eqx.Module):
    """v -> matrix v + offset."""

    matrix: jax.Array
    offset: jax.Array

    def __call__(self, value):
        return self.matrix @ value + self.offset


class Tall(Problem):
    """Three outputs, two unknowns, and no inverse."""

    matrix: jax.Array
    target: jax.Array
    start: jax.Array
    domain: tuple

    def forward(self, x):
        return self.matrix @ x


def inverting(matrix, offset=(0.0, 0.0)):
    """A model on `Sheared` whose g is `matrix` y + offset."""
    return Deceptron(networks.Physics(toys.Sheared()), Linear(jnp.asarray(matrix), jnp.asarray(offset)))


def sheared(**options):
    """Sheared with room on all sides, so that nothing is projected unless a test asks for it."""
    setup = setups.toy(toys.Sheared())
    options = {"box": WIDE, "tolerance": 1e-10, "budget": 12} | options
    return dataclasses.replace(setup, solver=dataclasses.replace(setup.solver, **options))


@functools.cache
def bent():
    """RotatedSine with an untrained g: bad enough that steps are refused, relaxed and projected."""
    setup = setups.toy(toys.RotatedSine())
    solver = dataclasses.replace(setup.solver, tolerance=1e-6, relaxation=0.8, budget=15, armijo=0.1)
    return dataclasses.replace(setup, solver=solver), setup.build(jax.random.key(0))


@functools.cache
def bent_walks(method):
    setup, model = bent()
    _, y_stars, x0s = setup.sample(jax.random.key(1), 12)
    return y_stars, x0s, solve.solve_many(method, setup, model, y_stars, x0s)


# The proposals


@pytest.mark.parametrize(
    "method", ["dipg_plain", "dipg_differenced", "inverse_simulator", "newton", "levenberg_marquardt"]
)
def test_with_the_true_inverse_a_step_is_gauss_newtons_times_eta(method):
    """J_g = J_f^+ makes D-IPG a damped Gauss-Newton step; on a linear problem the others agree with it as well."""
    setup = sheared(eta=0.3, budget=1, damping=0.0)
    got = solve.solve(method, setup, inverting(np.linalg.inv(SHEAR)), Y_STAR, X0)
    gauss_newton = -np.linalg.pinv(SHEAR) @ (SHEAR @ X0 - Y_STAR)
    np.testing.assert_allclose(got.x - X0, 0.3 * gauss_newton, rtol=1e-10)
    reference = solve.solve("gauss_newton", setup, None, Y_STAR, X0)
    np.testing.assert_allclose(got.x, reference.x, rtol=1e-10)


def test_gradient_descent_steps_along_the_gradient_of_half_the_square():
    got = solve.solve("gradient_descent", sheared(eta=0.5, gradient_step=0.06, budget=1), None, Y_STAR, X0)
    np.testing.assert_allclose(got.x - X0, -0.5 * 0.06 * SHEAR.T @ (SHEAR @ X0 - Y_STAR), rtol=1e-10)


def test_tied_slabs_make_the_differenced_step_gradient_descent():
    """Finding 3: V = W^T gives x_p - x = W^T (-eta r), whatever the offset, for every step of the walk."""
    setup = sheared(gradient_step=1.0, eta=0.08, budget=30, tolerance=1e-3)
    tied = solve.solve("dipg_differenced", setup, inverting(SHEAR.T, (0.7, -0.2)), Y_STAR, X0)
    descent = solve.solve("gradient_descent", setup, None, Y_STAR, X0)
    assert int(descent.iterations) > 10
    np.testing.assert_allclose(tied.path.x, descent.path.x, rtol=1e-9)
    assert int(tied.iterations) == int(descent.iterations)


def test_plain_at_eta_one_proposes_the_one_shot_answer_wherever_it_stands():
    """Finding 1: g(y - (y - y*)) = g(y*), so relaxed walks are (1 - rho)^k x0 + (1 - (1 - rho)^k) g(y*)."""
    g = np.linalg.inv(SHEAR) + np.array([[0.02, -0.03], [0.01, 0.04]])
    setup = sheared(relaxation=0.5, budget=4, armijo=0.0)
    walk = solve.solve("dipg_plain", setup, inverting(g), Y_STAR, X0)
    answer = solve.solve("one_shot", setup, inverting(g), Y_STAR, X0)
    np.testing.assert_allclose(answer.x, g @ Y_STAR, rtol=1e-12)
    taken = int(walk.iterations)
    assert taken >= 3
    for k in range(taken):
        np.testing.assert_allclose(walk.path.trials.pulled_back[k], g @ Y_STAR, rtol=1e-10)
        left = 0.5 ** (k + 1)
        np.testing.assert_allclose(walk.path.x[k + 1], left * X0 + (1 - left) * g @ Y_STAR, rtol=1e-10)


def test_a_shifted_inverse_floors_plain_but_not_differenced():
    """Finding 2: g = A^-1 y + shift misses by the shift; differences do not contain it."""
    setup, shifted = sheared(budget=40), inverting(np.linalg.inv(SHEAR), (0.05, 0.02))
    plain = solve.solve("dipg_plain", setup, shifted, Y_STAR, X0)
    assert int(plain.status) == Status.STALLED
    floor = np.linalg.norm(SHEAR @ [0.05, 0.02]) / float(setup.solver.scale)
    assert 0.2 * floor < float(plain.residual) <= floor * 1.0001
    differenced = solve.solve("dipg_differenced", setup, shifted, Y_STAR, X0)
    assert (int(differenced.status), int(differenced.iterations)) == (Status.CONVERGED, 1)


def test_more_outputs_than_unknowns():
    """Consistent data: whoever inverts the 3 x 2 Jacobian finds the truth. Whoever needs P^-1 misses it aloud."""
    matrix, truth = np.array([[1.0, 2.0], [0.0, 3.0], [1.0, -1.0]]), np.array([0.3, -0.6])
    tall = Tall(*(jnp.asarray(a) for a in (matrix, np.zeros(3), np.zeros(2))), (jnp.zeros(2), jnp.ones(2)))
    setup = dataclasses.replace(sheared(), problem=tall)
    model = Deceptron(networks.Physics(tall), Linear(jnp.asarray(np.linalg.pinv(matrix)), jnp.zeros(2)))
    for method in ("dipg_plain", "dipg_differenced", "gauss_newton"):
        got = solve.solve(method, setup, model, matrix @ truth, X0)
        assert (int(got.status), int(got.iterations)) == (Status.CONVERGED, 1), method
        np.testing.assert_allclose(got.x, truth, rtol=1e-9)
    with pytest.raises(NoInverse, match="Tall knows no inverse; wrap it"):
        solve.solve("inverse_simulator", setup, None, matrix @ truth, X0)


# The protocol


@pytest.mark.parametrize("method", METHODS)
def test_every_step_is_relaxed_projected_and_accepted_by_the_rule(method):
    """Recomputed in NumPy from the path alone."""
    setup, _ = bent()
    y_stars, x0s, walks = bent_walks(method)
    jacobian = np.asarray(jax.vmap(jax.vmap(setup.problem.jacobian))(walks.path.x))
    lower, upper = (np.asarray(side) for side in setup.solver.box)
    path, trials = walks.path, walks.path.trials
    single = METHODS[method].single
    steps = 0
    for i, k in zip(*np.nonzero(np.asarray(trials.accepted)), strict=True):
        x, after = np.asarray(path.x[i, k]), np.asarray(path.x[i, k + 1])
        rho = 1.0 if single else 0.8
        relaxed = x + rho * (np.asarray(trials.pulled_back[i, k]) - x)
        np.testing.assert_allclose(trials.relaxed[i, k], relaxed, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(trials.projected[i, k], np.clip(relaxed, lower, upper), atol=1e-12)
        np.testing.assert_array_equal(after, trials.projected[i, k])
        assert float(trials.eta[i, k]) == 0.5 ** int(trials.halvings[i, k])
        if not single:
            r, r_after = (np.asarray(path.y[i, j] - y_stars[i]) for j in (k, k + 1))
            predicted = (jacobian[i, k].T @ r) @ (after - x)
            assert 0.5 * r_after @ r_after <= 0.5 * r @ r + 0.1 * min(predicted, 0.0) + 1e-15
            assert r_after @ r_after < r @ r
        steps += 1
    assert steps == int(np.sum(walks.iterations)) > 0
    np.testing.assert_array_equal(path.x[:, 0], x0s)
    residual = np.linalg.norm(path.y - y_stars[:, None], axis=-1) / float(setup.solver.scale)
    np.testing.assert_allclose(path.residual, residual, rtol=1e-9, atol=1e-15)


def test_the_walks_of_that_test_do_meet_refusals_and_the_box():
    """Else the checks above would hold for want of cases."""
    *_, walks = bent_walks("dipg_plain")
    trials = walks.path.trials
    assert np.any(trials.accepted & (trials.halvings > 0))
    assert np.any(trials.accepted & np.any(trials.relaxed != trials.projected, axis=-1))
    assert np.any(np.asarray(walks.status) == Status.STALLED)


def test_armijo_demands_its_fraction_of_the_predicted_decrease():
    """P = identity, y* = 0, x_p = x - 1.9 x: phi falls by (1 - 0.9^2) / 2 |x|^2 where 1.9 |x|^2 was predicted, 5 %.

    So c = 0.04 accepts the whole step and c = 0.06 halves it once.
    """
    problem, x0 = toys.Scaled(1.0), np.array([0.5, -0.25])
    model = Deceptron(networks.Physics(problem), Linear(1.9 * jnp.eye(2), jnp.zeros(2)))
    halvings = {}
    for armijo in (0.04, 0.06):
        setup = dataclasses.replace(sheared(armijo=armijo, budget=1), problem=problem)
        got = solve.solve("dipg_differenced", setup, model, np.zeros(2), x0)
        halvings[armijo] = int(got.path.trials.halvings[0])
    assert halvings == {0.04: 0, 0.06: 1}


def test_the_aim_is_eta_of_the_way_to_the_target():
    y_stars, _, walks = bent_walks("dipg_differenced")
    eta = np.asarray(walks.path.trials.eta)[..., None]
    y = np.asarray(walks.path.y)[:, :-1]
    expected = y - eta * (y - np.asarray(y_stars)[:, None])
    np.testing.assert_allclose(walks.path.trials.aim, expected, rtol=1e-9, atol=1e-12)


def test_where_a_method_steps_in_x_the_aim_is_first_order():
    """Gauss-Newton on a square Jacobian aims where D-IPG aims; gradient descent aims at y + J dx."""
    setup = sheared(eta=0.3, budget=1)
    aims = {m: solve.solve(m, setup, None, Y_STAR, X0).path.trials.aim[0] for m in ("gauss_newton", "gradient_descent")}
    y = SHEAR @ X0
    np.testing.assert_allclose(aims["gauss_newton"], y - 0.3 * (y - Y_STAR), rtol=1e-10)
    step = -0.3 * float(setup.solver.gradient_step) * SHEAR.T @ (y - Y_STAR)
    np.testing.assert_allclose(aims["gradient_descent"], y + SHEAR @ step, rtol=1e-10)


# How walks end


def test_a_start_at_the_solution_takes_no_step():
    got = solve.solve("gauss_newton", sheared(), None, SHEAR @ X0, X0)
    assert (int(got.status), int(got.iterations), float(got.accepted)) == (Status.CONVERGED, 0, 0.0)
    assert np.isnan(got.path.trials.pulled_back).all() and not np.any(got.path.trials.accepted)
    np.testing.assert_array_equal(got.path.x, np.tile(X0, (13, 1)))


def test_after_the_end_the_walk_stands_still():
    got = solve.solve("gauss_newton", sheared(), None, Y_STAR, X0)
    assert int(got.iterations) == 1
    np.testing.assert_array_equal(got.path.x[2:], np.tile(got.x, (11, 1)))
    assert np.isnan(got.path.trials.aim[1:]).all() and np.isfinite(got.path.trials.aim[0]).all()


def test_budget_used_up():
    got = solve.solve("gradient_descent", sheared(budget=5), None, Y_STAR, X0)
    assert (int(got.status), int(got.iterations), float(got.accepted)) == (Status.BUDGET, 5, 1.0)


def test_a_truth_outside_the_box_stalls():
    """Finding 5. The nearest point of the box has a residual that no step lowers."""
    setup = sheared(box=([-0.5, -0.5], [0.5, 0.5]), budget=60)
    got = solve.solve("gradient_descent", setup, None, SHEAR @ np.array([2.0, 2.0]), np.zeros(2))
    assert int(got.status) == Status.STALLED
    np.testing.assert_array_equal(got.x, [0.5, 0.5])
    # The refused trial is kept for drawing.
    last = int(got.iterations)
    assert np.isfinite(got.path.trials.pulled_back[last]).all() and not got.path.trials.accepted[last]
    assert int(got.path.trials.halvings[last]) == setup.solver.halvings


def test_acceptance_counts_every_proposal_tried():
    """One step after one halving: 1 of 2. Then a stall after 8 halvings: 1 of 2 + 9."""
    problem = toys.Scaled(1.0)
    overshooting = Deceptron(networks.Physics(problem), Linear(2.5 * jnp.eye(2), jnp.zeros(2)))
    setup = dataclasses.replace(sheared(budget=1), problem=problem)
    got = solve.solve("dipg_differenced", setup, overshooting, np.zeros(2), X0)
    assert (int(got.iterations), float(got.accepted)) == (1, 0.5)
    wrong = Deceptron(networks.Physics(problem), Linear(-jnp.eye(2), jnp.zeros(2)))
    got = solve.solve("dipg_differenced", setup, wrong, np.zeros(2), X0)
    assert (int(got.status), float(got.accepted)) == (Status.STALLED, 0.0)


@pytest.mark.parametrize(
    ("method", "problem", "y_star", "x0"),
    [
        ("gauss_newton", toys.Sheared(), [np.nan, 0.0], X0),
        ("gauss_newton", toys.Sheared(), Y_STAR, [np.inf, 0.0]),
        # H of (x1, x2^2) at y* = (0, 1) is diag(2, 12 x2^2 - 4): singular where x2^2 = 1/3.
        ("newton", toys.SquaredSecond(), [0.0, 0.0], [0.5, 0.0]),
    ],
    ids=["target", "start", "singular Hessian"],
)
def test_what_is_not_finite_ends_the_walk_and_says_so(method, problem, y_star, x0):
    setup = dataclasses.replace(sheared(), problem=problem)
    got = solve.solve(method, setup, None, np.asarray(y_star), np.asarray(x0))
    assert (int(got.status), int(got.iterations)) == (Status.DIVERGED, 0)
    np.testing.assert_array_equal(got.x, x0)


def test_an_infinite_proposal_is_not_clipped_into_the_box():
    """Its corner may well have a lower residual, but it is nobody's proposal."""
    explosive = inverting(np.diag([np.inf, np.inf]))
    setup = sheared(box=([-1.0, -1.0], [1.0, 1.0]), budget=3)
    got = solve.solve("dipg_plain", setup, explosive, SHEAR @ np.array([1.0, 1.0]), np.zeros(2))
    assert (int(got.status), int(got.iterations)) == (Status.DIVERGED, 0)


def test_one_shot_takes_its_answer_unrelaxed_even_if_it_is_worse():
    setup = sheared(relaxation=0.3)
    got = solve.solve("one_shot", setup, inverting(5 * np.eye(2)), Y_STAR, np.zeros(2))
    np.testing.assert_allclose(got.x, 5 * Y_STAR)
    assert (int(got.status), int(got.iterations)) == (Status.STALLED, 1)
    assert float(got.residual) > float(got.path.residual[0])
    good = solve.solve("one_shot", setup, inverting(np.linalg.inv(SHEAR)), Y_STAR, np.zeros(2))
    assert (int(good.status), int(good.iterations)) == (Status.CONVERGED, 1)


# Batches, sweeps, compilation, bad input


@pytest.mark.parametrize("method", METHODS)
def test_many_are_the_same_as_one_by_one(method):
    setup, model = bent()
    y_stars, x0s, walks = bent_walks(method)
    for i in (0, 7):
        alone = solve.solve(method, setup, model, y_stars[i], x0s[i])
        np.testing.assert_allclose(walks.path.x[i], alone.path.x, rtol=1e-6, atol=1e-9)
        assert (int(walks.status[i]), int(walks.iterations[i])) == (int(alone.status), int(alone.iterations))


def test_a_sweep_of_eta_is_one_vmapped_call():
    setup, model = bent()
    _, y_stars, x0s = setup.sample(jax.random.key(1), 1)
    etas = jnp.linspace(0.1, 1.0, 5)

    @jax.jit
    def sweep(etas):
        def walk(eta):
            solver = eqx.tree_at(lambda s: s.eta, setup.solver, eta)
            return solve.solve_path("gauss_newton", setup.problem, model, y_stars[0], x0s[0], solver)

        return jax.vmap(walk)(etas)

    swept = sweep(etas)
    for i, eta in enumerate(etas):
        one = dataclasses.replace(setup, solver=dataclasses.replace(setup.solver, eta=eta))
        alone = solve.solve("gauss_newton", one, model, y_stars[0], x0s[0])
        np.testing.assert_allclose(swept.path.x[i], alone.path.x, rtol=1e-6, atol=1e-9)
    assert len({float(x) for x in swept.path.x[:, 1, 0]}) == 5


def test_moved_numbers_are_not_traced_again(monkeypatch):
    """A rule's Python body runs only while it is traced."""
    traced = []

    def counted(*args):
        traced.append(1)
        return methods.dipg_plain(*args)

    plain = METHODS["dipg_plain"]
    monkeypatch.setitem(METHODS, "counted", plain._replace(propose=methods.curved(counted)))
    model = inverting(np.linalg.inv(SHEAR))
    solve.solve("counted", sheared(), model, Y_STAR, X0)
    once = len(traced)
    assert once > 0
    for moved in (
        {"eta": 0.3},
        {"relaxation": 0.5, "tolerance": 0.1},
        {"box": ([-1, -1], [2, 2]), "armijo": 0.2, "scale": 3.0},
    ):
        solve.solve("counted", sheared(**moved), inverting(0.5 * np.eye(2)), 2 * Y_STAR, -X0)
    assert len(traced) == once


def test_solutions_have_the_solvers_precision_whatever_the_model_has():
    setup, model = bent()
    assert {leaf.dtype for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))} == {jnp.dtype("float32")}
    y_stars, x0s, _ = bent_walks("dipg_plain")
    got = solve.solve("dipg_plain", setup, model, np.float32(y_stars[0]), np.float32(x0s[0]))
    for leaf in (got.x, got.path.x, got.path.y, got.residual, got.path.trials.eta):
        assert leaf.dtype == jnp.float64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "magic"}, "no method 'magic'; choose one of gradient_descent"),
        ({"model": None}, "dipg_plain needs a trained model; core.training.fit"),
        ({"box": ([1.0, -1.0], [0.0, 1.0])}, "is empty; put every lower limit below"),
        ({"eta": 0.0}, "solver.eta must be positive, got 0.0"),
        ({"relaxation": -1.0}, "solver.relaxation must be positive"),
        ({"tolerance": np.nan}, "solver.tolerance must be positive, got nan"),
        ({"budget": 1_000_000}, "budget is at most 100000, got 1000000"),
        ({"budget": 0}, "budget >= 1 and halvings >= 0, got 0 and 8"),
        ({"x0": np.zeros((1, 2))}, r"shapes \(m,\) and \(n,\), got \(2,\) and \(1, 2\)"),
        ({"x0": np.zeros(3)}, "x0 has 3 unknowns and the box 2"),
    ],
)
def test_bad_requests_name_the_remedy(change, message):
    arguments = {"method": "dipg_plain", "model": inverting(np.eye(2)), "y_star": Y_STAR, "x0": X0}
    arguments |= {name: value for name, value in change.items() if name in arguments}
    setup = sheared(**{name: value for name, value in change.items() if name not in arguments})
    with pytest.raises(ValueError, match=message):
        solve.solve(setup=setup, **arguments)


def test_batches_need_as_many_targets_as_starts():
    with pytest.raises(ValueError, match=r"shapes \(count, m\) and \(count, n\), got \(3, 2\) and \(2, 2\)"):
        solve.solve_many("gauss_newton", sheared(), None, np.zeros((3, 2)), np.zeros((2, 2)))
