"""Several causes for one effect: what regression answers, against the average of the branches and a trained model."""

import jax.numpy as jnp
import numpy as np
import pytest

from core import toys
from core.modes import causes_of, regression, square_of


def test_the_square_is_filled_evenly():
    samples = np.array(square_of(jnp.array([1.0, -2.0]), 0.5, 10))
    assert samples.shape == (100, 2)
    np.testing.assert_allclose(samples.mean(0), [1.0, -2.0])
    assert np.abs(samples - [1.0, -2.0]).max() == pytest.approx(0.45)
    np.testing.assert_allclose(np.diff(np.unique(np.round(samples[:, 0], 9))), 0.1)


@pytest.mark.usefixtures("strict")
def test_weights_by_hand():
    problem, y = toys.SquaredSecond(), jnp.array([1.0, 4.0])
    samples = np.array([[1.0, 2.0], [1.0, -2.0], [1.5, 2.0], [0.0, 0.0]])
    expected = np.exp([0.0, 0.0, -0.25 / 0.5, -17 / 0.5])
    weights = causes_of(problem, y, jnp.array(samples), 0.5)
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-12)
    np.testing.assert_allclose(regression(problem, y, jnp.array(samples), 0.5), weights @ samples, rtol=1e-12)


def test_both_roots_average_to_what_is_no_root():
    samples = square_of(jnp.zeros(2), 4.0)
    answer = np.array(regression(toys.SquaredSecond(), jnp.array([1.0, 4.0]), samples, 0.4))
    np.testing.assert_allclose(answer, [1.0, 0.0], atol=0.02)


def test_where_the_data_hold_one_branch_regression_is_right():
    samples = square_of(jnp.array([1.0, 2.0]), 1.5)
    np.testing.assert_allclose(regression(toys.SquaredSecond(), jnp.array([1.0, 4.0]), samples, 0.2), [1, 2], atol=0.02)


def test_it_is_what_least_squares_training_tends_to():
    """A linear model with many bumps in y, fitted by numpy to give x from y, answers the same."""
    problem, width = toys.RotatedSine(1.0, angle=0.0), 0.2
    samples = np.array(square_of(jnp.zeros(2), 4.0))
    y = np.stack([np.sin(samples[:, 0]), samples[:, 1]], -1)
    centres = np.stack(np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-4, 4, 17)), -1).reshape(-1, 2)

    def bumps(at):
        return np.exp(-np.sum(((at[:, None] - centres) / [0.25, 0.6]) ** 2, -1))

    fitted = bumps(np.array([[0.3, 0.5]])) @ np.linalg.lstsq(bumps(y), samples, rcond=1e-6)[0]
    answer = regression(problem, jnp.array([0.3, 0.5]), jnp.array(samples), width)
    np.testing.assert_allclose(fitted[0], answer, atol=0.15)


def test_far_from_every_sample_the_answer_is_finite():
    answer = regression(toys.SquaredSecond(), jnp.array([1e6, -1e6]), square_of(jnp.zeros(2), 1.0), 1e-3)
    assert np.isfinite(answer).all()
