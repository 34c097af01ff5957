"""Numbers in LaTeX, as readings write matrices."""

import numpy as np
import pytest

from lessons.words import matrix_entry, matrix_word


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (0.4244, "0.42"),
        (-31.4, "-31"),
        (512.3, "512"),
        (-2.04e-5, r"-2\cdot 10^{-5}"),
        (3.14e7, r"3.1\cdot 10^{7}"),
        (np.nan, "?"),
        (-np.inf, "?"),
    ],
)
def test_a_number_in_latex(value, said):
    assert matrix_entry(value) == said


def test_a_matrix_and_a_column_in_latex():
    assert matrix_word(np.array([[1.0, 0.0], [2.0, 3.0]])) == r"\begin{pmatrix}1 & 0 \\ 2 & 3\end{pmatrix}"
    assert matrix_word(np.array([1.5, -2.0])) == r"\begin{pmatrix}1.5 \\ -2\end{pmatrix}"
