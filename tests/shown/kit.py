"""Sentences against runs: random settings over the whole range, sentences apart, numbers read back out of them."""

import importlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.backend import default_float
from lessons.controls import Choice, Legend, Point, Slider, Step, Ticks
from lessons.lesson import Lesson, Result, Settings, Table
from lessons.prediction import AnyPrediction, Estimate, Prediction, plain, remark_on
from tests.places import CHOICES

MOST_SENTENCES, MOST_NUMBERS = 3, 3  # of a reading; what else matters belongs into the figure or a table
FOLDER = Path(__file__).parent
COUNT = 200  # settings of each lesson
ENDS = 0.2  # of the draws of a number are at an end, at the default or at a landmark


@dataclass(frozen=True)
class Says:
    """A sentence, and the statement it makes: `holds(result, match)` judges it by the run, not by the lesson's code.

    pattern: of the whole sentence, its numbers as named groups; `number(match["share"])` reads one back.
    """

    pattern: str
    holds: Callable[[Result, re.Match], Any]


def files(slugs: Iterable[str]) -> dict[str, str]:
    """The file here of each lesson: {slug: module}. A lesson without one fails where it is imported."""
    return {slug: slug.replace("-", "_") for slug in slugs}


# Settings


def some_settings(lesson: Lesson, count: int, seed: int) -> list[Settings]:
    """`count` settings over the whole range of every control, each set of choices equally often."""
    rng = np.random.default_rng(seed)
    choices = itertools.cycle(CHOICES[lesson.slug])
    return [lesson.complete(_unsimulated(lesson, rng) | _numbers(lesson, rng) | next(choices)) for _ in range(count)]


def _unsimulated(lesson: Lesson, rng: np.random.Generator) -> Settings:
    """Choices that only the page knows cost no compilation: any option will do."""
    free = (c for c in lesson.controls if isinstance(c, Choice) and not c.simulated)
    return {c.name: str(rng.choice(list(c.options))) for c in free}


def _numbers(lesson: Lesson, rng: np.random.Generator) -> Settings:
    return {c.name: _value(c, rng) for c in lesson.controls if isinstance(c, Slider | Point | Step | Ticks)}


def _value(control: Slider | Point | Step | Ticks, rng: np.random.Generator) -> Any:
    special = rng.random() < ENDS
    match control:
        case Slider(scale=scale, low=low, high=high):
            marked = [mark.value for mark in control.landmarks if mark.value is not None]
            if special:
                return float(rng.choice([low, high, control.default, *marked]))
            share = rng.random()
            return control.parse(repr(low * (high / low) ** share if scale == "log" else low + share * (high - low)))
        case Point(low=low, high=high):
            point = [rng.choice([a, 0.0, b]) if special else rng.uniform(a, b) for a, b in zip(low, high, strict=True)]
            return control.check(np.clip(point, low, high))
        case Step(high=high):
            return int(rng.choice([0, 1, high])) if special else int(rng.integers(0, high + 1))
        case Ticks(options=options, least=least):
            count = int(rng.integers(least, len(options) + 1))
            return control.check([str(one) for one in rng.choice(list(options), count, replace=False)])


def results(lesson: Lesson, settings: list[Settings]) -> Iterator[Result]:
    """The lesson's result at each of these settings, by the program that the page runs; alike choices together.

    So a few of them, at any stride, have every choice among them.
    """
    chosen = [c.name for c in lesson.controls if isinstance(c, Choice)]
    for one in sorted(settings, key=lambda one: (str(lesson._split(one)[0]), [one[name] for name in chosen])):
        yield lesson.experiment(**one)


_runs: dict[str, list[Result]] = {}


def runs(lesson: Lesson) -> list[Result]:
    """A lesson's results at random settings over the whole range, and at those that its file adds; computed once.

    Only the latest lesson's are kept: tests/conftest.py keeps a lesson's tests together.
    """
    if lesson.slug not in _runs:
        _runs.clear()
        shown = importlib.import_module(f"tests.shown.{files([lesson.slug])[lesson.slug]}")
        if hasattr(shown, "results"):
            _runs[lesson.slug] = list(shown.results(lesson))
        else:
            drawn = some_settings(lesson, COUNT, seed=len(lesson.slug))
            added = [lesson.complete(one) for one in getattr(shown, "PLACES", ())]
            _runs[lesson.slug] = list(results(lesson, drawn + added))
    return _runs[lesson.slug]


# Sentences


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; a formula set apart is one."""
    parts = re.split(r"(?<=[.!?:])\s+(?=[A-ZΑ-Ω$“*‘−0-9|])", text.replace("**", "").replace("\\*", "*").strip())
    return [part.strip() for part in parts if part.strip()]


_EXPONENT = "[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+"
_NUMBER = rf"[−-]?\d[\d,]*(?:\.\d+)?(?:·10{_EXPONENT}|{_EXPONENT})?"
NUMERAL = re.compile(rf"\([−\d][^()]*,[^()]*\)|(?<![\w₀-₉^{{-]){_NUMBER}(?![\w-])")


def numerals(text: str) -> list[str]:
    """The numbers that a reader has to take in: a point is one, a name such as D-IPG or L² none."""
    return NUMERAL.findall(re.sub(r"\$[^$]*\$", "", text))


_SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def number(text: str) -> float:
    """What `lessons.words` has put into words, as a number: "−3.1", "2·10⁻¹⁶", "42 %", "1.4 times", "infinity"."""
    text = text.strip().replace("−", "-").replace(",", "")
    if text.endswith("%"):
        return number(text[:-1]) / 100
    text = text.removesuffix(" times").strip()
    if text in ("infinity", "-infinity", "not a number"):
        return {"infinity": np.inf, "-infinity": -np.inf}.get(text, np.nan)
    if power := re.fullmatch(r"(?:(-?[\d.]+)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text):
        return float(power[1] or 1) * 10.0 ** int(power[2].translate(_SUPERSCRIPT))
    return float(text)


def said(text: str, value: float) -> bool:
    """Whether a number in words is this value, rounded to the digits that are shown."""
    value = float(value)
    bare = text.strip().removesuffix("%").removesuffix(" times").strip().replace("−", "-").replace(",", "")
    if not np.isfinite(value) or "infinity" in bare:
        return number(text) == value
    if power := re.fullmatch(r"(?:-?[\d.]+·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", bare):
        unit = 10.0 ** int(power[1].translate(_SUPERSCRIPT))
    else:
        unit = 10.0 ** -len(bare.partition(".")[2])
    unit *= 0.01 if text.strip().endswith("%") else 1.0
    return bool(abs(number(text) - value) <= 0.501 * unit * max(1.0, 1e-6 * abs(value) / unit))


def point_said(text: str, value: Any) -> bool:
    """The same for a point: "(0.052, −0.92)"."""
    return all(said(part, one) for part, one in zip(text.strip("()").split(", "), np.ravel(value), strict=True))


# What must never be read on a page
SLIPS = (
    r"\d+e[+-]?\d",
    r"(?<![.,\d])1 (steps|iterations|times|settings|components)\b",
    r"(?<![.,\d])0 (steps|iterations)\b",
    r"\b(nan|inf|None)\b",
    r"infinity times",
    r"not a number",
    r"none of these",
    r"[{}]",
    r"[1-9]\.\d{4}|\d\.0*[1-9]\d{3}",  # more than three digits of a fraction; those of 0.0063 say where it is
    r" [,.](?!\d)",
    r"\.\.",
    r"  ",
    r"\b([A-Za-z]{2,}) \1\b",
)


def slips(text: str) -> list[str]:
    """Numbers and words that no reader should meet; formulas and code, here a word, have their own rules."""
    bare = re.sub(r"\$[^$]*\$|```.*?```", "formula", text, flags=re.DOTALL)
    return [found[0] for pattern in SLIPS for found in re.finditer(pattern, bare)]


def remarks(prediction: AnyPrediction, result: Result) -> list[str]:
    """What the page may add to the verdict: why it is so, what each wrong answer overlooks, or why it does not ask."""
    if reason := prediction.unasked(result):
        return [reason]
    found = [remark_on(prediction.remark, result)]
    if isinstance(prediction, Prediction):
        return found + [remark_on(o.feedback, result) for o in prediction.options if not o.holds(result)]
    if isinstance(prediction, Estimate):
        places = prediction.places()[::10]
    else:
        places = [(x, y) for x in (-1.0, 0.5) for y in (-0.5, 1.0)]
    return found + [plain(prediction.feedback(one, result)) for one in places if not prediction.hits(one, result)]


def precision() -> str:
    """The precision in which the lessons compute here."""
    return np.dtype(default_float()).name


def groups(lesson: Lesson) -> set[str]:
    """The groups of lines that the legend can hide."""
    return {group for c in lesson.controls if isinstance(c, Legend) for group in c.groups}


def here(known: dict | Callable[[Result], dict], result: Result) -> dict:
    """What a file says of all runs, or of this one."""
    return known(result) if callable(known) else known


def table_row_slips(table: Table, rows: dict[str, tuple[Any, ...]]) -> Iterator[str]:
    """What differs between a table and what its rows stand for: a word, a number, or several numbers "a → b"."""
    if [name for name, _ in table.rows] != list(rows):
        yield f"rows {[name for name, _ in table.rows]} instead of {list(rows)}"
        return
    for name, cells in table.rows:
        for heading, cell, value in zip(table.columns, cells, rows[name], strict=True):
            if isinstance(value, str):
                right = cell.text == value
            else:
                parts = [part for part in cell.text.split(" → ") if part != "–"]
                values = np.atleast_1d(value)
                right = len(parts) == len(values) and all(map(said, parts, values))
            if not right:
                yield f"{name}, {heading}: {cell.text!r} for {value!r}"
