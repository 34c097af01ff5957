"""What a student commits to before the figure answers: a choice, a number on a scale, or a point of the figure.

Each kind asks a `question`, which may name settings, as in "at α = {alpha:.3g}", and is put and judged at the settings
in force. `verdict(said, result)` says first whether it was right, then what the run shows, then why; there is no
typed-in key. said is None for "I don't know". Where a setting leaves the question without one answer, `unasked(result)`
says why, and the page does not ask there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lessons.figures import FAR
from lessons.words import number_word, point_word

Result = Mapping[str, Any]
Remark = str | Callable[[Result], str]


def always(_result: Result) -> bool:
    """Most predictions can be judged from the first picture."""
    return True


def everywhere(_result: Result) -> str:
    """Most questions have one answer at every setting."""
    return ""


def plain(text: str) -> str:
    """Text in which a star is a star (y*) and not Markdown."""
    return text.replace("*", "\\*")


def remark_on(remark: Remark, result: Result) -> str:
    """The remark at these settings."""
    return plain(remark(result) if callable(remark) else remark)


def joined(*parts: str) -> str:
    """Sentences one after the other; an empty one leaves no gap."""
    return " ".join(part for part in parts if part)


def no_feedback(_said: Any, _result: Result) -> str:
    return ""


@dataclass(frozen=True)
class Option:
    """One answer to a prediction. `holds(result)` says from the run itself whether it was right.

    feedback: what is said to a student who chose it where it is wrong: why it is tempting, and what speaks against it.
    """

    text: str
    holds: Callable[[Result], bool]
    feedback: Remark = ""


@dataclass(frozen=True)
class Prediction:
    """One answer of several.

    remark: why the right answer is right, or a function of the result that says so where it depends on the settings.
    ready(result): whether this run can judge yet.  unasked(result): why there is no single right option, or "".
    """

    kind: ClassVar[str] = "choice"
    question: str
    options: tuple[Option, ...]
    remark: Remark = ""
    ready: Callable[[Result], bool] = always
    unasked: Callable[[Result], str] = everywhere

    def __post_init__(self):
        if len(self.options) < 2:
            raise ValueError(f"the prediction {self.question!r} needs at least two answers to choose from")

    def say(self, said: str) -> str:
        """The answer as it is quoted on the page."""
        return plain(said)

    def right(self, result: Result) -> list[str]:
        """The answers that this run bears out."""
        return [option.text for option in self.options if option.holds(result)]

    def hits(self, said: str, result: Result) -> bool:
        return said in self.right(result)

    def verdict(self, said: str | None, result: Result) -> str:
        if reason := self.unasked(result):
            return plain(reason)
        truth = " / ".join(plain(text) for text in self.right(result))
        chosen = next((option for option in self.options if option.text == said), None)
        if said is None:
            line = f"The run shows: **{truth}**."
        elif self.hits(said, result):
            line = f"**Right**: {plain(said)}."
        else:
            line = f"**Not so.** You said “{plain(said)}”; the run shows: **{truth}**."
            line = joined(line, remark_on(chosen.feedback, result) if chosen else "")
        return joined(line, remark_on(self.remark, result))


@dataclass(frozen=True)
class Estimate:
    """A number on a scale from low to high, judged right within the factor `close` (log) or the distance (linear).

    truth(result): the measured number, which may lie off the scale or be inf.
    feedback(said, result): what is said to a student whose number was wrong, beyond "too high" or "too low".
    """

    kind: ClassVar[str] = "number"
    question: str
    low: float
    high: float
    truth: Callable[[Result], float]
    close: float
    scale: str = "linear"
    unit: str = ""
    remark: Remark = ""
    ready: Callable[[Result], bool] = always
    unasked: Callable[[Result], str] = everywhere
    feedback: Callable[[float, Result], str] = no_feedback

    def __post_init__(self):
        if self.scale not in ("linear", "log") or not self.low < self.high or (self.scale == "log" and self.low <= 0):
            raise ValueError(f"the scale of {self.question!r} is impossible: {self.scale}, {self.low} to {self.high}")
        if self.close <= (1 if self.scale == "log" else 0):
            raise ValueError(f"{self.question!r}: nothing would be close enough with close = {self.close}")

    def places(self) -> list[float]:
        """What can be said: 41 values, evenly spaced on the scale, as they are shown."""
        space = np.geomspace if self.scale == "log" else np.linspace
        return [float(f"{value:.2g}") for value in space(self.low, self.high, 41)]

    def hits(self, said: float, result: Result) -> bool:
        truth = float(self.truth(result))
        if not np.isfinite(truth):
            return False
        if self.scale == "log":
            return truth > 0 and bool(max(said / truth, truth / said) <= self.close)
        return bool(abs(said - truth) <= self.close)

    def verdict(self, said: float | None, result: Result) -> str:
        if reason := self.unasked(result):
            return plain(reason)
        value = float(self.truth(result))
        truth = self.say(value)
        if said is None:
            line = f"The run shows: **{truth}**."
        elif self.hits(said, result):
            line = f"**Close.** You said {self.say(said)}; the run shows **{truth}**."
        else:
            side = "" if np.isnan(value) else f", so your number is too {'high' if said > value else 'low'}"
            line = f"**Not close.** You said {self.say(said)}; the run shows **{truth}**{side}."
            line = joined(line, plain(self.feedback(said, result)))
        return joined(line, remark_on(self.remark, result))

    def say(self, value: float) -> str:
        """A value with its unit."""
        return f"{number_word(value)} {self.unit}".strip()


@dataclass(frozen=True)
class Aim:
    """A point dropped on the figure: the lesson's `Point` control of this name (with simulated=False) is the answer.

    truth(result): the measured point, shape (2,), which may lie off the panel.  close: the distance, in the panel's
    units, that counts as right.  feedback(said, result): what is said to a student who pointed elsewhere.
    """

    kind: ClassVar[str] = "point"
    question: str
    point: str
    truth: Callable[[Result], Any]
    close: float
    remark: Remark = ""
    ready: Callable[[Result], bool] = always
    unasked: Callable[[Result], str] = everywhere
    feedback: Callable[[tuple[float, float], Result], str] = no_feedback

    def say(self, said: tuple[float, float]) -> str:
        """The point as it is quoted on the page."""
        return point_word(said)

    def hits(self, said: tuple[float, float], result: Result) -> bool:
        return bool(np.linalg.norm(np.asarray(self.truth(result)) - np.asarray(said)) <= self.close)

    def verdict(self, said: tuple[float, float] | None, result: Result) -> str:
        if reason := self.unasked(result):
            return plain(reason)
        point = np.asarray(self.truth(result))
        seen = bool(np.all(np.abs(point) < FAR))
        truth = point_word(point) if seen else "farther away than any figure shows"
        if said is None:
            line = f"The run shows: **{truth}**."
        elif self.hits(said, result):
            line = f"**Close.** You pointed at {point_word(said)}; the run shows **{truth}**."
        else:
            away = f", {number_word(float(np.linalg.norm(point - np.asarray(said))))} away" if seen else ""
            line = f"**Not close.** You pointed at {point_word(said)}; the run shows **{truth}**{away}."
            line = joined(line, plain(self.feedback(said, result)))
        return joined(line, remark_on(self.remark, result))


AnyPrediction = Prediction | Estimate | Aim
