"""Every idea of the chapter, and what proves it: a row lacks neither a lesson's claim nor a test on another problem.

Of the Deceptron's ideas those in LEARNED are listed too.

Claims name their rows themselves (`lessons.lesson.Claim.rows`) and are run by tests/test_lessons.py. Beside each row
stand tests of `core`, mostly on problems whose Jacobian is not diagonal: the book's own toys do not notice a transposed
one.
"""

import ast
from pathlib import Path

import pytest

from lessons import lessons

TESTS = Path(__file__).parent

# Row: (the idea, the tests of core that prove its fact).
CURRICULUM = {
    "A1": (
        "the stretched toy, its gradient and condition",
        ("toys::jacobian_by_differences", "measures::condition_number"),
    ),
    "A2": (
        "gradient descent must shrink eta as alpha grows",
        (
            "updates::gradient_descent_is_stable_just_below_one_over_alpha_squared",
            "measures::step_limit_of_the_sheared_bowl",
        ),
    ),
    "A3": (
        "scale invariance",
        ("updates::inverting_takes_the_scale_out", "updates::adam_is_invariant_along_the_axes_only"),
    ),
    "A4": ("inversion is not negation", ("scalar::the_incline_is_the_books_example",)),
    "B1": ("the gradient's two factors", ("scalar::the_gradient_is_the_transposed_jacobian_times_the_losss_own",)),
    "B2": (
        "units",
        (
            "scalar::what_inverts_walks_the_same_way_in_any_units",
            "scalar::gradient_descent_carries_the_square_of_the_unit",
        ),
    ),
    "B3": ("sensitivity", ("properties::gradient_descent_squares_the_sensitivity_and_the_others_take_it_out",)),
    "B4": ("near the optimum", ("properties::steps_near_an_optimum_like_the_fourth_power_by_hand",)),
    "C1": (
        "Newton: units and sensitivity",
        (
            "updates::one_full_newton_step_solves_any_quadratic",
            "properties::other_units_do_not_change_the_walk_of_those_that_invert",
        ),
    ),
    "C2": ("Newton near the optimum", ("properties::steps_near_an_optimum_like_the_fourth_power_by_hand",)),
    "C3": (
        "both terms of the Hessian, the latent step",
        ("chain_rule::both_terms_add_up_to_the_hessian", "chain_rule::the_terms_of_the_turned_sine_on_paper"),
    ),
    "C4": (
        "BFGS and L-BFGS",
        (
            "quasi_newton::with_an_exact_search_the_matrix_is_the_inverse_hessian_after_n_steps",
            "quasi_newton::the_matrix_is_scipys_on_the_points_that_scipy_visits",
            "quasi_newton::the_two_loops_are_optaxs",
        ),
    ),
    "C5": (
        "cost",
        (
            "cost::memory_is_that_of_n_and_n_squared_numbers",
            "cost::xla_counts_n_gradients_worth_of_work_for_the_hessian",
        ),
    ),
    "C6": (
        "singular and indefinite Hessians",
        (
            "safeguard::every_walk_stays_finite_and_near",
            "safeguard::the_turned_sines_saddles_trap_newton_and_not_the_guarded_walk",
        ),
    ),
    "C7": ("no second derivative", ("safeguard::a_relu_networks_hessian_is_zero_so_every_step_is_refused",)),
    "C8": ("noise", ("ripple::noise_grows_like_k_in_the_gradient_and_k_squared_in_the_hessian",)),
    "D1": (
        "the inverse gradient's four properties",
        (
            "properties::other_units_do_not_change_the_walk_of_those_that_invert",
            "properties::who_walks_alike_at_every_scale",
        ),
    ),
    "D2": ("the latent step is known to first order", ("composition::how_the_announcement_fails_as_eta_shrinks",)),
    "D3": (
        "a square, invertible Jacobian",
        (
            "least_squares::truncation_bounds_the_step_next_to_a_fold_and_on_it",
            "least_squares::the_plain_inverse_is_refused_in_words_where_it_does_not_exist",
        ),
    ),
    "E1": ("lands exactly", ("updates::the_inverse_simulator_covers_just_the_fraction_asked_for",)),
    "E2": ("the reference comparison", ("updates::the_books_run",)),
    "E3": ("three spaces", ("toys::forward_undoes_the_inverse",)),
    "E4": (
        "a numerical inverse",
        (
            "inverse::the_inverse_simulators_walk_is_the_same_by_search",
            "inverse::the_search_where_the_jacobian_is_not_symmetric",
        ),
    ),
    "E5": (
        "many targets",
        ("targets::averaging_first_converges_to_the_least_squares_compromise", "targets::the_compromise_is_scipys"),
    ),
    "E6": (
        "branches",
        ("toys::inverse_is_the_branch_nearest_to_the_guess", "modes::both_roots_average_to_what_is_no_root"),
    ),
    "E7": (
        "the table",
        ("properties::who_walks_alike_at_every_scale", "course::the_cells_of_a_table_open_runs_that_exist"),
    ),
    "F1": ("information is destroyed gradually", ("heat::the_singular_values_are_the_formulas",)),
    "F2": ("the path average", ("averages::the_mean_of_the_inverse_jacobian_is_the_inverse_simulators_step",)),
    "F3": ("global and local inverse", ("averages::the_linearised_inverse_is_the_inverse_gradients_step",)),
    "F4": (
        "time reversal",
        (
            "integrators::time_reversal_undoes_a_symmetric_scheme_up_to_rounding",
            "integrators::order_by_a_fit",
            "heat::the_inverse_multiplies_noise_like_the_exponential",
            "oscillator::the_closed_form_is_the_matrix_exponential",
        ),
    ),
    "F5": (
        "the loss enters by a Newton step in y",
        (
            "losses::newtons_step_for_squares_is_the_fraction_of_the_gap",
            "averages::the_gap_to_the_inverse_gradient_is_second_order_in_dy",
        ),
    ),
    "F6": ("fall back", ("fallback::a_run_with_a_broken_inverse_stays_finite_and_descends",)),
    "H1": (
        "products with a Jacobian that is never formed",
        ("probes::products_are_the_dense_ones", "probes::a_gradient_is_one_product"),
    ),
    "H4": (
        "the composition penalty by random probes",
        (
            "probes::the_variance_over_all_sign_vectors_is_the_formulas",
            "probes::the_scatter_falls_like_the_root_of_the_probes",
            "deceptron::rjcp_is_unbiased_and_its_variance_falls_like_one_over_the_probes",
        ),
    ),
    "I2": (
        "a damped Gauss-Newton step where J_g is the pseudo-inverse",
        (
            "lab::v_learns_the_inverse_and_the_first_step_is_gauss_newtons",
            "lab::with_more_data_than_unknowns_a_left_inverse_is_not_the_pseudo_inverse",
            "lab::what_lies_across_a_sheared_plane_is_its_normal",
        ),
    ),
    "I3": (
        "a fair comparison of all methods",
        (
            "lab::what_an_iteration_costs",
            "lab::instances_start_outside_the_tolerance_and_their_noise_is_within_it",
            "lab::a_row_says_what_numpy_finds",
            "solve::every_step_is_relaxed_projected_and_accepted_by_the_rule",
        ),
    ),
    "I4": (
        "ablations",
        (
            "studies::a_tick_that_changes_no_shape_traces_nothing_again",
            "studies::each_ablation_changes_what_it_says_and_nothing_else",
            "lab::tied_slabs_share_one_matrix_and_their_differenced_step_is_gradient_descent_on_f",
        ),
    ),
    "I5": (
        "robustness: what RJCP sees of noise, bias and range, and what not",
        (
            "trust::an_outdated_g_beside_a_turned_simulator_is_off_by_the_turn",
            "trust::no_error_of_the_sheared_map_shrinks_less_than_promised",
            "trust::rank_correlation_is_scipys",
        ),
    ),
    "I6": ("constraints", ("diagnosis::an_active_box", "reasons::an_active_box")),
    "I7": (
        "failure signatures",
        (
            "diagnosis::healthy_runs_are_left_alone",
            "diagnosis::a_reversed_direction_is_not_to_be_trusted",
            "diagnosis::steps_too_bold",
            "diagnosis::an_active_box",
            "diagnosis::the_floor_of_a_shifted_inverse",
        ),
    ),
    "I8": (
        "no way out of a global ambiguity",
        (
            "trust::a_reversed_direction_is_no_contraction_and_costs_four",
            "diagnosis::a_reversed_direction_is_not_to_be_trusted",
        ),
    ),
    "J4": (
        "RJCP and the speed of convergence",
        ("speed::a_run_of_the_study_is_that_run_alone", "trust::rank_correlation_is_scipys"),
    ),
}
every_row = pytest.mark.parametrize("row", CURRICULUM)


LEARNED = {
    "H1",
    "H4",
    "I2",
    "I3",
    "I4",
    "I5",
    "I6",
    "I7",
    "I8",
    "J4",
}  # of the Deceptron's rows, those that are proven here so far


def chapters():
    """The rows that the chapter has: A1 to F6."""
    return {f"{part}{k + 1}" for part, count in zip("ABCDEF", (4, 4, 8, 3, 7, 6), strict=True) for k in range(count)}


def test_every_row_is_listed():
    assert set(CURRICULUM) == chapters() | LEARNED


@every_row
def test_a_lesson_claims_it(row):
    claims = [claim.text for lesson in lessons().values() for claim in lesson.claims if row in claim.rows]
    assert claims, f"no lesson claims {row}, {CURRICULUM[row][0]}"


@every_row
def test_the_tests_that_prove_it_exist(row):
    _idea, proofs = CURRICULUM[row]
    assert proofs
    for proof in proofs:
        file, name = proof.split("::")
        tree = ast.parse((TESTS / f"test_{file}.py").read_text(encoding="utf-8"))
        assert f"test_{name}" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, proof


def test_no_claim_names_a_row_that_is_none():
    known = chapters() | {f"{part}{k}" for part in "GHIJ" for k in range(1, 10)}
    named = {row for lesson in lessons().values() for claim in lesson.claims for row in claim.rows}
    assert named <= known
