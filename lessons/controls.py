"""What a student may vary: each control knows its range, its default, and how it is written in the address bar.

`check` guards the experiment (it raises), `parse` reads a permalink and `write` makes one. A mangled permalink never
raises beyond `parse`: the caller drops the value, or takes the clamped one, and says so in a line.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Landmark:
    """A place on a slider worth visiting: a fixed `value`, or the name of a `number` of the result that moves."""

    label: str
    value: float | None = None
    number: str = ""


@functools.cache  # every picture of a page asks, for each of its sliders
def _places(low: float, high: float, scale: str, count: int) -> np.ndarray:
    places = (np.geomspace if scale == "log" else np.linspace)(low, high, count)
    places.flags.writeable = False
    return places


@dataclass(frozen=True)
class Slider:
    """A number between low and high. digits: significant digits shown. swept: follows the hand without the server.

    step: the values it may take, counted from low; None is any.  group: under which heading it is drawn.
    when: a choice and those of its options with which the slider has an effect; None is always.
    """

    kind: ClassVar[str] = "slider"
    name: str
    label: str
    low: float
    high: float
    default: float
    scale: str = "linear"
    digits: int = 3
    unit: str = ""
    landmarks: tuple[Landmark, ...] = ()
    swept: bool = True
    step: float | None = None
    group: str = "main"
    when: tuple[str, tuple[str, ...]] | None = None

    def applies(self, settings: Mapping[str, Any]) -> bool:
        """Whether it has any effect at these settings; else it is not drawn."""
        return self.when is None or settings[self.when[0]] in self.when[1]

    def __post_init__(self):
        if self.scale not in ("linear", "log") or (self.scale == "log" and self.low <= 0):
            raise ValueError(f"slider {self.name!r}: scale {self.scale!r} with low {self.low} is not possible")
        self.check(self.default)

    @property
    def whole(self) -> bool:
        """Whether it counts: all its values are whole numbers and read as such."""
        return self.step is not None and float(self.step).is_integer() and float(self.low).is_integer()

    def places(self, count: int) -> np.ndarray:
        """`count` values from low to high, evenly spaced on the slider's own scale, rounded as they are shown."""
        return _places(self.low, self.high, self.scale, count)

    def check(self, value: Any) -> float:
        """The value as a float; ValueError with the range if it is not a finite number inside it."""
        if not (isinstance(value, int | float) and math.isfinite(value) and self.low <= value <= self.high):
            raise ValueError(f"{self.name} must be a number from {self.low:g} to {self.high:g}, got {value!r}")
        return float(value)

    def parse(self, text: str) -> float:
        """The number in a permalink, moved into the range and to the nearest step; ValueError if it is none."""
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(f"{self.name} must be finite, got {text!r}")
        value = min(max(value, self.low), self.high)
        return value if self.step is None else self.low + round((value - self.low) / self.step) * self.step

    def write(self, value: float) -> str:
        return f"{value:.6g}"


@dataclass(frozen=True)
class Choice:
    """One of a few named options: {value: label}. simulated: the experiment is told; False where only the page asks."""

    kind: ClassVar[str] = "choice"
    name: str
    label: str
    options: Mapping[str, str]
    default: str
    group: str = "main"
    simulated: bool = True

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise ValueError(f"{self.name} must be one of {', '.join(self.options)}, got {value!r}")
        return value

    parse = check

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class Ticks:
    """Any of a few named options, at least `least` of them: {value: label}. The experiment is not told.

    when: a choice, and for options that not each of its values offers, those that do; the others are not drawn.
    """

    kind: ClassVar[str] = "ticks"
    name: str
    label: str
    options: Mapping[str, str]
    default: tuple[str, ...] = ()
    least: int = 0
    group: str = "main"
    when: tuple[str, Mapping[str, tuple[str, ...]]] | None = None

    def __post_init__(self):
        object.__setattr__(self, "default", self.check(self.default))

    def offered(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """The options that mean something at these settings."""
        if self.when is None:
            return dict(self.options)
        choice, offering = self.when
        chosen = settings[choice]
        return {name: label for name, label in self.options.items() if chosen in offering.get(name, (chosen,))}

    def check(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or any(one not in self.options for one in value):
            raise ValueError(f"{self.name} must be a list of some of {', '.join(self.options)}, got {value!r}")
        if len(set(value)) < self.least:
            raise ValueError(f"{self.name} needs at least {self.least} of {', '.join(self.options)}")
        return tuple(option for option in self.options if option in value)

    def parse(self, text: str) -> tuple[str, ...]:
        return self.check([part for part in text.split(",") if part and part != "none"])

    def write(self, value: tuple[str, ...]) -> str:
        return ",".join(value) or "none"


@dataclass(frozen=True)
class Point:
    """A point of a panel that is dragged, clicked or moved by the arrow keys. low, high: the corners it may reach.

    simulated: the experiment is told; False for a point that is only a prediction (`lessons.prediction.Aim`).
    """

    kind: ClassVar[str] = "point"
    name: str
    label: str
    panel: str
    low: tuple[float, float]
    high: tuple[float, float]
    default: tuple[float, float]
    simulated: bool = True

    def check(self, value: Any) -> tuple[float, float]:
        try:
            pair = tuple(float(v) for v in value)
        except (TypeError, ValueError):
            pair = ()
        inside = len(pair) == 2 and all(
            low <= v <= high for low, v, high in zip(self.low, pair, self.high, strict=True)
        )
        if not inside:
            raise ValueError(f"{self.name} must be a point between {self.low} and {self.high}, got {value!r}")
        return pair

    def parse(self, text: str) -> tuple[float, float]:
        pair = [float(part) for part in text.split(",")]
        if len(pair) != 2 or not all(map(math.isfinite, pair)):
            raise ValueError(f"{self.name} must be two numbers such as 1.5,-2, got {text!r}")
        return tuple(min(max(v, low), high) for low, v, high in zip(self.low, pair, self.high, strict=True))

    def write(self, value: tuple[float, float]) -> str:
        return ",".join(f"{v:.5g}" for v in value)


@dataclass(frozen=True)
class Step:
    """How many steps of the paths are drawn, from 0 to `high`: what Play runs through. label: what one of them is."""

    kind: ClassVar[str] = "step"
    name: str
    label: str
    high: int
    default: int

    def check(self, value: Any) -> int:
        if not (isinstance(value, int | float) and 0 <= value <= self.high and value == int(value)):
            raise ValueError(f"{self.name} must be a whole number from 0 to {self.high}, got {value!r}")
        return int(value)

    def parse(self, text: str) -> int:
        return min(max(int(text), 0), self.high)

    def write(self, value: int) -> str:
        return str(value)


@dataclass(frozen=True)
class Legend:
    """Which groups of lines are hidden."""

    kind: ClassVar[str] = "legend"
    name: str
    groups: tuple[str, ...]
    default: tuple[str, ...] = ()

    def __post_init__(self):
        # In the order that `check` gives, so that what is at its default is known to be.
        object.__setattr__(self, "default", self.check(self.default))

    def check(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{self.name} must be a list of some of {', '.join(self.groups)}, got {value!r}")
        unknown = [group for group in value if group not in self.groups]
        if unknown:
            raise ValueError(f"{self.name} names {unknown}, but there are only {', '.join(self.groups)}")
        return tuple(group for group in self.groups if group in value)

    def parse(self, text: str) -> tuple[str, ...]:
        return self.check([part for part in text.split(",") if part and part != "none"])

    def write(self, value: tuple[str, ...]) -> str:
        return ",".join(value) or "none"


@dataclass(frozen=True)
class Preset:
    """A button that sets several controls at once. It has no value of its own, hence no name."""

    kind: ClassVar[str] = "preset"
    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: ClassVar[str] = ""


Control = Slider | Choice | Ticks | Point | Step | Legend | Preset


def read_permalink(controls: tuple[Control, ...], query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The settings in a permalink's query, and a line for every value that had to be moved or dropped."""
    named = {control.name: control for control in controls if control.name}
    settings, remarks = {}, []
    for name, text in query.items():
        if name not in named:
            remarks.append(f"The link sets {name}, which this page does not have; it was left out.")
            continue
        control = named[name]
        try:
            value = control.parse(text)
        except (ValueError, OverflowError):
            remarks.append(f"The link’s value {text[:40]!r} for {name} makes no sense here; the default is used.")
            continue
        settings[name] = value
        if isinstance(control, Slider | Step | Point) and not np.allclose(
            value, [float(part) for part in text.split(",")], rtol=1e-4
        ):
            remarks.append(f"The link’s value {text[:40]} for {name} is out of range; {control.write(value)} is used.")
    return settings, remarks


def write_permalink(controls: tuple[Control, ...], settings: Mapping[str, Any]) -> dict[str, str]:
    """The query that restores these settings; what is at its default is left out."""
    return {
        control.name: control.write(settings[control.name])
        for control in controls
        if control.name and settings[control.name] != control.default
    }
