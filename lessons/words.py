"""Numbers put into words, rounded to what matters."""

import math


def number_word(value: float) -> str:
    """A fraction as a reader would say it: "0.42", "3 %", "10⁻⁶"; "nothing" for 0, "infinity" for inf."""
    value = float(value)
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinity"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.2g}" if abs(value) < 10 else f"{value:.3g}"
    return power(value)


def power(value: float) -> str:
    """A small number by its power of ten: "2·10⁻¹⁶"; "0" for an exact zero."""
    value = float(value)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else number_word(value)
    exponent = math.floor(math.log10(abs(value)))
    leading = round(value / 10.0**exponent)
    if abs(leading) == 10:
        leading, exponent = leading // 10, exponent + 1
    superscript = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{superscript}" if leading == 1 else f"{leading}·10{superscript}"


def point_word(x) -> str:
    """A point: "(0.052, 0.924)"."""
    return "(" + ", ".join(number_word(v) for v in x) + ")"


def count_word(count: int, noun: str) -> str:
    """ "1 step", "3 steps"."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
