"""What a student commits to before the figure answers: a choice, a number on a scale, or a point of the figure.

Each kind asks a `question`, which may name settings, as in "at α = {alpha:.3g}", and is put and judged at the settings
in force. `verdict(said, result)` sets what was said beside what the run shows; there is no typed-in key. said is None
for "I don't know".
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


def plain(text: str) -> str:
    """Text in which a star is a star (y*) and not Markdown."""
    return text.replace("*", "\\*")


def remark_on(remark: Remark, result: Result) -> str:
    """The remark at these settings."""
    return plain(remark(result) if callable(remark) else remark)


@dataclass(frozen=True)
class Option:
    """One answer to a prediction. `holds(result)` says from the run itself whether it was right."""

    text: str
    holds: Callable[[Result], bool]


@dataclass(frozen=True)
class Prediction:
    """One answer of several.

    remark: one sentence for the right answer with the wrong reason, or a function of the result that gives it where it
    depends on the settings.  ready(result): whether this run can judge yet.
    """

    kind: ClassVar[str] = "choice"
    question: str
    options: tuple[Option, ...]
    remark: Remark = ""
    ready: Callable[[Result], bool] = always

    def __post_init__(self):
        if len(self.options) < 2:
            raise ValueError(f"the prediction {self.question!r} needs at least two answers to choose from")

    def say(self, said: str) -> str:
        """The answer as it is quoted on the page."""
        return plain(said)

    def right(self, result: Result) -> list[str]:
        """The answers that this run bears out."""
        return [option.text for option in self.options if option.holds(result)]

    def verdict(self, said: str | None, result: Result) -> str:
        right = [plain(text) for text in self.right(result)]
        truth = " / ".join(right) if right else "none of these"
        if said is None:
            line = f"The run says: **{truth}**."
        elif plain(said) in right:
            line = f"You said “{plain(said)}”, and **so it is**."
        else:
            line = f"You said “{plain(said)}”; the run says **{truth}**."
        others = [text for option in self.options if (text := plain(option.text)) not in (*right, plain(said or ""))]
        rest = f" The other choices were: {'; '.join(others)}." if others else ""
        return f"{line} {remark_on(self.remark, result)}{rest}"


@dataclass(frozen=True)
class Estimate:
    """A number on a scale from low to high, judged right within the factor `close` (log) or the distance (linear).

    truth(result): the measured number, which may lie off the scale or be inf.
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
        truth = self.say(float(self.truth(result)))
        if said is None:
            line = f"The run says: **{truth}**."
        elif self.hits(said, result):
            line = f"You said {self.say(said)}; the run says **{truth}**: close."
        else:
            line = f"You said {self.say(said)}; the run says **{truth}**."
        return f"{line} {remark_on(self.remark, result)}"

    def say(self, value: float) -> str:
        """A value with its unit."""
        return f"{number_word(value)} {self.unit}".strip()


@dataclass(frozen=True)
class Aim:
    """A point dropped on the figure: the lesson's `Point` control of this name (with simulated=False) is the answer.

    truth(result): the measured point, shape (2,), which may lie off the panel.  close: the distance, in the panel's
    units, that counts as right.
    """

    kind: ClassVar[str] = "point"
    question: str
    point: str
    truth: Callable[[Result], Any]
    close: float
    remark: Remark = ""
    ready: Callable[[Result], bool] = always

    def say(self, said: tuple[float, float]) -> str:
        """The point as it is quoted on the page."""
        return point_word(said)

    def hits(self, said: tuple[float, float], result: Result) -> bool:
        return bool(np.linalg.norm(np.asarray(self.truth(result)) - np.asarray(said)) <= self.close)

    def verdict(self, said: tuple[float, float] | None, result: Result) -> str:
        point = np.asarray(self.truth(result))
        seen = bool(np.all(np.abs(point) < FAR))
        truth = point_word(point) if seen else "farther away than any figure shows"
        if said is None:
            line = f"The run says: **{truth}**."
        else:
            away = float(np.linalg.norm(point - np.asarray(said))) if seen else np.inf
            line = f"You pointed at {point_word(said)}; the run says **{truth}**"
            line += ": close." if self.hits(said, result) else f", {number_word(away)} away." if seen else "."
        return f"{line} {remark_on(self.remark, result)}"


AnyPrediction = Prediction | Estimate | Aim
