"""Numbers put into words, rounded to what matters."""

import ast
import inspect
import math
import textwrap
from collections.abc import Callable


def number_word(value: float, digits: int = 2) -> str:
    """A number as a reader would write it: "0.42", "−3.1", "10⁻⁶", "0", "infinity", "not a number".

    digits: how many significant ones; digits before the point are never cut.
    """
    value = float(value)
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinity" if value > 0 else "−infinity"
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e4:
        return power(value)
    whole = abs(float(f"{value:.{digits}g}")) >= 10.0 ** (digits - 1)  # else "1e+02" is made of 99.6
    return (f"{value:.0f}" if whole else f"{value:.{digits}g}").replace("-", "−")


def power(value: float) -> str:
    """A small number by its power of ten: "2·10⁻¹⁶"; "0" for an exact zero, and for what can hardly be told from it."""
    value = float(value)
    if not math.isfinite(value):
        return number_word(value)
    if abs(value) < 1e-300:  # powers of ten end before floating-point numbers do
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    leading = round(value / 10.0**exponent)
    if abs(leading) == 10:
        leading, exponent = leading // 10, exponent + 1
    superscript = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    lead = "" if leading == 1 else f"{leading}·".replace("-", "−")
    return f"{lead}10{superscript}"


def brief(value: float) -> str:
    """A number with at most two decimals: "0.42", "12", and by its power of ten below a hundredth: "2·10⁻³"."""
    return power(value) if 0 < abs(value) < 0.00995 else number_word(value)


def share_word(share: float) -> str:
    """A part of a whole: "42 %", "0.4 %", "10⁻⁶", "1.4 times"."""
    if not math.isfinite(share) or share >= 10:
        return f"{number_word(share)} times"
    if share > 1:
        return f"{share:.1f} times"
    return f"{number_word(100 * share, 3 if share > 0.99 else 2)} %" if share >= 1e-3 else number_word(share)


def point_word(x) -> str:
    """A point: "(0.052, 0.924)"."""
    return "(" + ", ".join(number_word(v) for v in x) + ")"


def matrix_word(matrix) -> str:
    """A matrix, or a vector as a column, in LaTeX with two significant digits; "?" for what is not finite."""
    rows = [[matrix_entry(value) for value in (row if hasattr(row, "__len__") else [row])] for row in matrix]
    return r"\begin{pmatrix}" + r" \\ ".join(" & ".join(row) for row in rows) + r"\end{pmatrix}"


def matrix_entry(value: float) -> str:
    """A number as LaTeX: "0.42", "-3.1", "2\\cdot 10^{-5}"."""
    value = float(value)
    if not math.isfinite(value):
        return "?"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"
    leading, exponent = f"{value:.1e}".split("e")
    return f"{float(leading):g}\\cdot 10^{{{int(exponent)}}}"


def sentence(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def joined(*parts: str) -> str:
    """Sentences one after the other; an empty one leaves no gap."""
    return " ".join(part for part in parts if part)


def count_word(count: int, noun: str) -> str:
    """ "1 step", "3 steps"."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def code(*functions: Callable) -> str:
    """The source of these functions as a Markdown block, without docstrings and types: what is shown is what runs."""
    return "```python\n" + "\n\n".join(map(_bare, functions)) + "\n```"


def _bare(function: Callable) -> str:
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    definition.returns = None
    for argument in definition.args.args:
        argument.annotation = None
    if ast.get_docstring(definition) is not None:
        del definition.body[0]
    return ast.unparse(definition)
