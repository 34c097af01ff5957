"""The laboratory: setups that are what they say, rows against NumPy, and the command line from start to resume."""

import csv
import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import networks, setups, solve, study, training
from core.architectures import TiedDeceptron
from core.deceptron import Deceptron, composition_defect
from core.linear import LinearMap, across, conditioned
from core.methods import METHODS
from core.problem import NoInverse
from core.protocol import Status
from lessons import lessons
from lessons.lab import runs, tables, walking
from lessons.lab.__main__ import main
from lessons.lab.experiments import CLASSICAL, EXPERIMENTS, FULL, LEARNED, Figure
from lessons.lab.runs import OtherSettings, Plan

SMALL = ["linear", "--seeds", "2", "--data-seeds", "2", "--instances", "5", "--steps", "120"]


# What the experiments consist of


@pytest.mark.parametrize(("n", "m", "condition"), [(4, 4, 10.0), (3, 7, 100.0), (1, 2, 1.0)])
def test_a_conditioned_matrix_has_that_condition(n, m, condition):
    values = np.linalg.svd(conditioned(jax.random.key(1), n, condition, m), compute_uv=False)
    np.testing.assert_allclose(values, np.geomspace(1, 1 / condition, n), rtol=1e-10)


@pytest.mark.parametrize(("arguments", "words"), [((4, 0.5), "at least 1, got 0.5"), ((4, 2.0, 3), "n = 4 and m = 3")])
def test_a_matrix_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        conditioned(jax.random.key(0), *arguments)


def test_a_square_linear_map_knows_its_inverse_and_a_tall_one_says_that_it_has_none():
    square = LinearMap(conditioned(jax.random.key(2), 4, 5.0))
    x = jnp.arange(4.0)
    np.testing.assert_allclose(square.inverse(square.forward(x), jnp.zeros(4)), x, atol=1e-9)
    with pytest.raises(NoInverse, match="5 outputs of 4 unknowns"):
        LinearMap(conditioned(jax.random.key(2), 4, 5.0, 5)).inverse(jnp.zeros(5), x)


@pytest.mark.parametrize("shape", [(3, 2), (7, 4), (1, 1), (4, 4)])
def test_what_lies_across_the_range(shape, strict):
    m, n = shape
    matrix = jax.random.normal(jax.random.key(4), shape)
    basis = across(matrix)
    assert basis.shape == (m, m - n)
    np.testing.assert_allclose(matrix.T @ basis, 0, atol=1e-14)
    np.testing.assert_allclose(basis.T @ basis, np.eye(m - n), atol=1e-14)
    np.testing.assert_allclose(np.linalg.pinv(matrix) @ basis, 0, atol=1e-13)  # what A^+ makes of it


def test_what_lies_across_a_sheared_plane_is_its_normal():
    """By hand: the columns (1, 0, 1) and (2, 3, 0) have the cross product (-3, 2, 3)."""
    normal = np.array([-3.0, 2.0, 3.0]) / np.sqrt(22)
    found = across(jnp.array([[1.0, 2.0], [0.0, 3.0], [1.0, 0.0]]))[:, 0]
    np.testing.assert_allclose(found * np.sign(found[1]), normal, atol=1e-15)


@pytest.mark.parametrize("name", ["heat-easy", "heat-hard"])
def test_heat_is_as_badly_conditioned_as_it_says(name):
    setup = EXPERIMENTS[name].setup()
    factors = np.asarray(setup.problem.factors())
    assert factors.max() == pytest.approx(1.0)
    assert factors.max() / factors.min() == pytest.approx({"heat-easy": 10.0, "heat-hard": 50.0}[name])
    assert float(setup.problem.cubic) == {"heat-easy": 0.0, "heat-hard": 0.3}[name]


def test_profiles_fill_their_range_and_are_smooth():
    draw = EXPERIMENTS["heat-easy"].setup().draw
    u = np.asarray(draw(jax.random.key(3), 200))
    np.testing.assert_allclose(u.min(axis=1), 0.15, atol=1e-12)
    np.testing.assert_allclose(u.max(axis=1), 0.85, atol=1e-12)
    noise = np.random.default_rng(0).normal(size=u.shape)
    noise = 0.7 * (noise - noise.min(axis=1, keepdims=True)) / np.ptp(noise, axis=1, keepdims=True)
    jumps = [np.mean(np.abs(np.diff(profiles, axis=1))) for profiles in (u, noise)]
    assert jumps[0] < 0.6 * jumps[1]  # white noise of the same range jumps about 0.2 from point to point


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_instances_start_outside_the_tolerance_and_their_noise_is_within_it(name):
    setup = EXPERIMENTS[name].setup()
    x, y_stars, x0s = setup.sample(jax.random.key(4), 64)
    clean = jax.vmap(setup.problem.forward)(x)
    scale, tolerance = float(setup.solver.scale), float(setup.solver.tolerance)
    noise = np.linalg.norm(y_stars - clean, axis=1) / scale
    start = np.linalg.norm(jax.vmap(setup.problem.forward)(x0s) - y_stars, axis=1) / scale
    assert np.max(noise) <= tolerance
    assert np.mean(start > tolerance) > 0.9
    lower, upper = setup.solver.box
    assert np.all((x >= lower) & (x <= upper))


# Training and what becomes of it


def test_a_batch_of_seeds_is_each_seed_alone():
    setup = setups.linear(3)
    keys = jax.vmap(jax.random.key)(np.arange(2))
    together = training.fit_many(setup, keys, steps=70)
    for key, fit in zip(keys, together, strict=True):
        alone = training.fit(setup, key, steps=70)
        np.testing.assert_allclose(fit.model.g.weight, alone.model.g.weight, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(fit.history["total"], alone.history["total"], rtol=1e-3)
        assert fit.history["step"].tolist() == alone.history["step"].tolist() == [50, 70]
    assert not np.allclose(together[0].model.g.weight, together[1].model.g.weight)


def test_what_the_report_raises_ends_the_training():
    with pytest.raises(KeyboardInterrupt):
        training.fit_many(setups.linear(3), jax.vmap(jax.random.key)(np.arange(2)), steps=100, report=_stop)


def _stop(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("n", [4, 8])
def test_v_learns_the_inverse_and_the_first_step_is_gauss_newtons(n):
    """science.md's check in one seed: defect below 1e-6 [1e-11], cosine above 0.9999, relative error below 1e-3."""
    setup = setups.linear(n)
    model = training.fit(setup, jax.random.key(0)).model
    assert composition_defect(model, jnp.zeros(n, jnp.float32)) < 1e-6
    np.testing.assert_allclose(model.g.weight, np.linalg.inv(setup.problem.matrix), atol=1e-3)
    found = study.row("dipg_differenced", setup, model, 11, 20)
    assert np.min(found.cosine) > 0.9999 and np.max(found.apart) < 1e-3


def test_with_more_data_than_unknowns_a_left_inverse_is_not_the_pseudo_inverse():
    """V A = I fixes V on A's range alone; what lies across is whatever training began with."""
    setup = setups.linear(4, 5.0, m=7)
    model = training.fit(setup, jax.random.key(0)).model
    matrix = np.asarray(setup.problem.matrix)
    np.testing.assert_allclose(model.g.weight @ matrix, np.eye(4), atol=1e-4)
    assert np.linalg.norm(model.g.weight - np.linalg.pinv(matrix)) > 0.1
    x, y_stars, x0s = setup.sample(jax.random.key(5), 8)
    got = solve.solve_many("dipg_differenced", setup, model, y_stars, x0s)
    assert np.all(np.asarray(got.status) == Status.CONVERGED)  # the data are consistent
    np.testing.assert_allclose(got.x, x, atol=1e-3)


def test_tied_slabs_share_one_matrix_and_their_differenced_step_is_gradient_descent_on_f():
    setup = setups.heat_easy("tied")
    model = training.fit(setup, jax.random.key(0), steps=60).model
    assert isinstance(model, TiedDeceptron)
    np.testing.assert_array_equal(model.g.weight, model.f.weight.T)
    surrogate = LinearMap(model.f.weight)
    setup = dataclasses.replace(
        setup, problem=surrogate, solver=dataclasses.replace(setup.solver, gradient_step=1.0, budget=40)
    )
    _, y_stars, x0s = setup.sample(jax.random.key(6), 4)
    untied = Deceptron(networks.Physics(surrogate), model.g)
    got = solve.solve_many("dipg_differenced", setup, untied, y_stars, x0s)
    descent = solve.solve_many("gradient_descent", setup, None, y_stars, x0s)
    np.testing.assert_array_equal(got.iterations, descent.iterations)
    np.testing.assert_allclose(got.path.x, descent.path.x, atol=1e-5)


# Rows and their summary


def test_a_row_says_what_numpy_finds():
    setup = setups.linear(3)
    found = study.row("gauss_newton", setup, None, 9, 6)
    truth, y_stars, _ = setup.sample(jax.random.key(9), 6)
    solved = np.linalg.solve(np.asarray(setup.problem.matrix), np.asarray(y_stars).T).T
    np.testing.assert_allclose(found.error, np.sqrt(np.mean((solved - truth) ** 2, axis=1)), atol=1e-9)
    np.testing.assert_array_equal(found.iterations, 1)
    np.testing.assert_allclose(found.cosine, 1.0)
    assert np.isnan(found.rjcp).all()
    # One iteration: P at the start, at x and at the candidate; J^T once for Armijo's rule, J n times for the step.
    np.testing.assert_array_equal(found.functions, 3)
    np.testing.assert_array_equal(found.products, 1 + 3)


def test_a_rows_error_is_the_root_mean_square_over_the_unknowns():
    setup = setups.linear(3)
    setup = dataclasses.replace(setup, solver=dataclasses.replace(setup.solver, budget=1))
    truth, y_stars, x0s = setup.sample(jax.random.key(9), 6)
    x = np.asarray(solve.solve_many("gradient_descent", setup, None, y_stars, x0s).x)
    error = np.sqrt(np.sum((x - truth) ** 2, axis=1) / 3)
    assert np.all(error > 0.05)  # one step does not arrive
    np.testing.assert_allclose(study.row("gradient_descent", setup, None, 9, 6).error, error)


def test_a_summary_puts_rows_together():
    setup = setups.linear(3)
    parts = [study.row("gradient_descent", setup, None, seed, 7) for seed in (1, 2)]
    parts = [part._replace(iterations=7 * k + np.arange(7) ** 2) for k, part in enumerate(parts)]
    whole = study.summary(parts)
    counts = np.concatenate([part.iterations for part in parts])
    assert whole.instances == 14 and sum(whole.statuses.values()) == 14
    assert not any(np.any(part.status) for part in parts) and np.isnan([whole.iterations, *whole.quartiles]).all()
    solved = study.summary([part._replace(status=np.full(7, Status.CONVERGED)) for part in parts])
    assert solved.iterations == pytest.approx(counts.mean()) and solved.spread == pytest.approx(counts.std())
    assert solved.quartiles == solved.needed == tuple(np.sort(counts)[[3, 6, 10]])  # the 4th, 7th and 11th of 14
    with pytest.raises(ValueError, match="rows of one method, got none"):
        study.summary([])


@pytest.mark.parametrize(
    ("method", "functions", "products", "inverses"),
    [
        ("gradient_descent", 1, 1, 0),  # its direction is the gradient that Armijo's rule takes anyway
        ("nesterov", 2, 2, 0),  # one more gradient, where the momentum leads
        ("conjugate_gradient", 1, 2, 0),  # J d, for the exact length
        ("gauss_newton", 1, 1 + 4, 0),
        ("dipg_plain", 1, 1, 1),
        ("dipg_differenced", 1, 1, 2),
    ],
)
def test_what_an_iteration_costs(method, functions, products, inverses):
    """P is also evaluated at the start, and with g at every candidate."""
    setup = setups.linear(4)
    setup = dataclasses.replace(setup, solver=dataclasses.replace(setup.solver, budget=3, relaxation=0.5))
    model = setup.build(jax.random.key(0))
    _truth, y_stars, x0s = setup.sample(jax.random.key(12), 3)
    found = solve.solve_many(method, setup, model, y_stars, x0s)
    steps = found.iterations
    begun = ~np.isnan(found.path.trials.eta)
    tried = np.sum(np.where(begun, found.path.trials.halvings + 1, 0), axis=-1)
    assert np.all(steps >= 1) and np.all(tried >= steps)
    np.testing.assert_array_equal(found.work.functions, 1 + np.sum(begun, axis=-1) * functions + tried)
    np.testing.assert_array_equal(found.work.products, np.sum(begun, axis=-1) * products)
    np.testing.assert_array_equal(found.work.inverses, tried * inverses)


def test_the_experiments_know_their_methods():
    assert set(CLASSICAL + LEARNED) <= set(METHODS)


# The command line


def test_the_command_line_writes_what_it_prints_and_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    small = [*SMALL, "--methods", "gauss_newton,dipg_plain,dipg_differenced", "--out", str(tmp_path)]
    assert main(small) == 0
    first = capsys.readouterr().out
    assert "2 training seeds, 2 data seeds, 5 instances each" in first and "dipg_differenced" in first
    assert (tmp_path / "table.txt").read_text() == first
    content = json.loads((tmp_path / "table.json").read_text())
    lines = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [line["method"] for line in lines] == [line["method"] for line in content["table"]]
    assert lines[0]["iterations"] == str(content["table"][0]["iterations"])
    assert content["settings"][FULL]["hyper.total_steps"] == 3000.0
    assert {one["figure"] for one in content["figures"]} == {one.words for one in EXPERIMENTS["linear"].figures}
    assert all(f"{one['value']:.4g}" in first for one in content["figures"])
    # Again: nothing is trained or solved. One row lost: only that one is.
    solved = []
    monkeypatch.setattr(training, "fit_many", _stop)
    monkeypatch.setattr(runs, "row", lambda *args: solved.append(args[0]) or study.row(*args))
    assert main(small) == 0
    assert capsys.readouterr().out == first and solved == []
    (tmp_path / "full.dipg_plain.seed1.data0.npz").write_bytes(b"cut short")
    assert main(small) == 0
    assert capsys.readouterr().out == first and solved == ["dipg_plain"]


def test_ctrl_c_keeps_what_is_done(tmp_path, capsys, monkeypatch):
    kept = []

    def until_the_third(*args):
        if len(kept) == 2:
            raise KeyboardInterrupt
        kept.append(args[0])
        return study.row(*args)

    monkeypatch.setattr(runs, "row", until_the_third)
    assert main([*SMALL, "--methods", "gauss_newton,one_shot", "--out", str(tmp_path)]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert len(list(tmp_path.glob("full.*.npz"))) == 2 and len(list(tmp_path.glob("*.model"))) == 2


def test_a_folder_of_other_settings_is_left_alone(tmp_path, capsys):
    small = [*SMALL, "--methods", "gauss_newton", "--out", str(tmp_path)]
    assert main(small) == 0
    before = (tmp_path / "table.txt").read_text()
    assert main([*small, "--instances", "6"]) == 2
    assert "other settings" in capsys.readouterr().err
    assert (tmp_path / "table.txt").read_text() == before
    with pytest.raises(OtherSettings):
        runs.run(Plan(EXPERIMENTS["linear"], 1), tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["linear", "--seeds", "0"], "seeds must be at least 1, got 0"),
        (["linear", "--steps", "-5"], "steps must be at least 1, got -5"),
        (["linear", "--methods", "magic"], "no method 'magic'; choose of gradient_descent"),
    ],
)
def test_a_wrong_request_names_the_remedy(words, said, capsys):
    assert main(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["nonsense"], [], ["linear", "--seeds", "many"]])
def test_what_is_no_request_ends_with_status_two(words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_check_fails_where_a_figure_is_missed():
    short = ["linear", "--seeds", "1", "--data-seeds", "1", "--instances", "3", "--methods", "dipg_differenced"]
    assert main([*short, "--steps", "5", "--check"]) == 1


def test_a_figure_that_is_no_number_is_not_met():
    figure = EXPERIMENTS["heat-easy"].figures[0]._replace(value=lambda table: float("nan"))
    assert not figure.met({})
    assert tables.judged(EXPERIMENTS["heat-easy"], {}) == []


@pytest.mark.parametrize("condition", [1.0, 20.0])
def test_the_first_gradient_step_is_one_over_the_steepest_curvature(condition):
    """Of 1/2 |A x - y|^2, whose Hessian is A^T A: twice as far would be the edge of divergence."""
    setup = setups.linear(4, condition)
    steepest = np.max(np.linalg.eigvalsh(np.asarray(setup.problem.matrix.T @ setup.problem.matrix)))
    assert float(setup.solver.gradient_step) == pytest.approx(1 / steepest)


@pytest.mark.parametrize(("value", "met"), [(0.9, False), (1.0, True), (2.0, True), (2.1, False), (np.nan, False)])
def test_a_figure_is_met_between_its_bounds(value, met):
    assert Figure("", lambda table: value, low=1.0, high=2.0).met({}) is met


def test_each_seed_has_its_own_instances_and_its_own_model():
    """Else a table over three seeds would be one run, told three times."""
    plan = Plan(EXPERIMENTS["linear"], 2, 2, 4, 10, methods=("gradient_descent", "dipg_differenced"))
    found = {key: row for _variant, key, row in runs.rows(plan)}
    assert len(found) == 2 + 4
    errors = [tuple(row.error) for key, row in found.items()]
    assert len(set(errors)) == len(errors)
    with_the_same_data = [found["dipg_differenced", seed, 0].cosine for seed in (0, 1)]
    assert not np.allclose(*with_the_same_data)


def test_a_tables_cells_say_what_the_summary_holds():
    rows = [study.row("gradient_descent", setups.linear(3), None, 1, 4)]
    rows = [rows[0]._replace(status=np.array([1, 1, 1, 0]), iterations=np.array([1, 2, 3, 6]))]
    cells = {name: say(study.summary(rows)) for name, say in tables.COLUMNS}
    assert cells["iterations of the solved"] == "2 [1, 3]" and cells["solved"] == "75.0 %"
    assert cells["stalled, out of budget, diverged"] == "0, 1, 0"
    assert cells["iterations, all runs"] == "2 [1, 3]"


@pytest.mark.parametrize(("slug", "experiment"), [("heat-1d", "heat-easy"), ("oscillator", "oscillator")])
def test_the_level_of_the_noise_is_the_residual_that_the_truth_leaves(slug, experiment):
    setup = walking.setup(experiment)
    result = lessons()[slug].experiment(setup.build(jax.random.key(0)))
    off = np.asarray(setup.problem.forward(jnp.asarray(result["truth"])) - result["measured"])
    expected = np.sqrt(np.sum(off**2)) / float(setup.solver.scale)
    assert 0 < expected == pytest.approx(float(result["noise_level"]))
