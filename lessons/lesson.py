"""A lesson is data: what to ask, what may be varied, what to compute, how to draw it and how to put it into words.

Streamlit is not needed to run, draw or test a lesson. `Lesson.experiment(**settings)` computes one result,
`Lesson.sweep` the same for a whole range of one setting in a single vmapped call: that is what makes the stage follow
the hand. Every number or "always" in a lesson's text is a `Claim`, which the tests run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import equinox as eqx
import jax
import numpy as np
import plotly.graph_objects as go

from core.backend import default_float
from lessons import figures
from lessons.controls import Choice, Control, Point, Preset, Slider
from lessons.glossary import GLOSSARY
from lessons.prediction import AnyPrediction

Settings = dict[str, Any]
Result = dict[str, Any]
FRAMES = 61  # odd, so that the middle of a slider is one of its places

# On the CPU XLA builds each small loop of a program by MLIR, keeps what that took, and maps the code piece by piece.
# These programs run for milliseconds. By the plain emitter and in one piece they take a third of the memory, half of
# the mappings and two thirds of the compilation, and hardly longer to run; where that matters, a lesson is `live`.
_SMALL = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}


@dataclass(frozen=True)
class Claim:
    """A sentence of the lesson that a test checks: `check(lesson)` returns the measured value and whether it holds.

    rows: which ideas of the curriculum (tests/test_curriculum.py) it is the proof of.
    """

    text: str
    check: Callable[["Lesson"], tuple[Any, bool]]
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Takeaway:
    """The code that reproduces the figure with nothing but `core`: what is shown is what a test runs.

    code(settings): at most 15 lines of Python for these very settings.  numbers(result): what variables of that code
    must hold when it has run, {name: value}, taken from the lesson's own result.
    """

    code: Callable[[Settings], str]
    numbers: Callable[[Result], dict[str, Any]]


@dataclass(frozen=True)
class Teaching:
    """The note for the instructor.

    misconception: what students believe before.  demo: what to show in two minutes, each (what to say, the settings to
    open).  room: a question to ask the room.
    """

    misconception: str
    demo: tuple[tuple[str, Settings], ...]
    room: str


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what it says, and the lesson and settings at which the run behind it can be seen, if any."""

    text: str
    slug: str = ""
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table computed from runs: a heading for each column, then rows of (name, its cells).

    A row without cells is a heading for those after it. numeric: the cells are numbers, set flush right.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    numeric: bool = False


@dataclass(frozen=True)
class Lesson:
    """One page. `simulate(**settings) -> dict of arrays` is traceable: numbers are arrays, choices are strings.

    prepare(settings) -> PyTree: for a lesson that works with a trained model, a model to use where none is given; it is
    then simulate's first argument.
    trains(settings): experiment and variant of that model, where it can be watched being trained on the page.
    live: it is drawn thirty times a second while its model is trained, and gains by being compiled for speed.
    symbols: the names of the glossary's entries (lessons/glossary.py) that a reader of this page may ask for.
    draw(result) -> figures.Drawing takes results with any leading axes, so the same lines serve one picture and sixty.
    """

    slug: str
    title: str
    question: str
    text: str
    minutes: int
    controls: tuple[Control, ...]
    simulate: Callable[..., Result]
    draw: Callable[[Result], figures.Drawing]
    reading: Callable[[Result], str]
    prediction: AnyPrediction
    why: str
    limits: str
    sources: tuple[str, ...]
    claims: tuple[Claim, ...]
    symbols: tuple[str, ...]
    takeaway: Takeaway
    teaching: Teaching
    quiz: AnyPrediction | None = None
    table: Callable[[Result], Table | tuple[Table, ...]] | None = None
    prepare: Callable[[Settings], Any] | None = None
    trains: Callable[[Settings], tuple[str, str]] | None = None
    live: bool = False
    alt: str = ""

    def __post_init__(self):
        names = [control.name for control in self.controls if control.name]
        if len(names) != len(set(names)):
            raise ValueError(f"lesson {self.slug!r} has two controls of one name: {names}")
        for preset in (control for control in self.controls if isinstance(control, Preset)):
            self.complete(preset.settings)
        for _, settings in self.teaching.demo:
            self.complete(settings)
        if unknown := set(self.symbols) - set(GLOSSARY):
            raise ValueError(f"lesson {self.slug!r} uses symbols that the glossary lacks: {sorted(unknown)}")

    @property
    def defaults(self) -> Settings:
        """The settings at which the lesson opens."""
        return {control.name: control.default for control in self.controls if control.name}

    def complete(self, settings: Mapping[str, Any]) -> Settings:
        """`settings` filled up with defaults; an unknown name or a value out of range raises ValueError."""
        unknown = set(settings) - set(self.defaults)
        if unknown:
            raise ValueError(f"lesson {self.slug!r} has no control {sorted(unknown)}; it has {sorted(self.defaults)}")
        named = {control.name: control for control in self.controls if control.name}
        return {name: control.check(settings.get(name, control.default)) for name, control in named.items()}

    def tables(self, result: Result) -> tuple[Table, ...]:
        """The tables that belong to the result, none for most lessons."""
        made = () if self.table is None else self.table(result)
        return (made,) if isinstance(made, Table) else made

    def experiment(self, given: Any = None, **settings: Any) -> Result:
        """Run the lesson's experiment once. Settings left out take their defaults. Returns NumPy arrays by name.

        given: the trained model of a lesson that needs one; without it `prepare` trains or makes one.
        """
        chosen = self.complete(settings)
        choices, numbers = self._split(chosen)
        run = _run_fast if self.live else _run
        return _to_numpy(run(self.simulate, self._given(given, chosen), choices, numbers)) | {"settings": chosen}

    def sweep(self, name: str, settings: Settings, given: Any = None) -> tuple[np.ndarray, Result]:
        """The experiment for FRAMES values of slider `name`, in one call: (values, results with a leading axis)."""
        slider = next(c for c in self.controls if isinstance(c, Slider) and c.name == name)
        values = slider.places(FRAMES)
        chosen = self.complete(settings)
        choices, numbers = self._split(chosen)
        swept = values.astype(numbers[name].dtype)
        result = _sweep(self.simulate, self._given(given, chosen), choices, numbers, name, swept)
        return values, _to_numpy(result) | {"settings": chosen}

    def _given(self, given: Any, settings: Settings) -> tuple[Any, ...]:
        if self.prepare is None:
            return ()
        return (self.prepare(settings) if given is None else given,)

    def figure(self, result: Result) -> go.Figure:
        """The result as one Plotly figure: what the stage shows at rest, for export and for tests."""
        return figures.figure(self.draw(result))

    def _split(self, settings: Settings) -> tuple[tuple[tuple[str, str], ...], dict[str, np.ndarray]]:
        """Choices stay strings (a new one compiles anew); numbers become arrays (a new one does not)."""
        choices, numbers = [], {}
        for control in self.controls:
            if isinstance(control, Choice) and control.simulated:
                choices.append((control.name, settings[control.name]))
            elif isinstance(control, Slider) or (isinstance(control, Point) and control.simulated):
                # An array of NumPy's is enough for a compiled program, and made in a hundredth of the time.
                numbers[control.name] = np.asarray(settings[control.name], default_float())
        return tuple(choices), numbers


def _simulated(simulate, given, choices, numbers):
    return simulate(*given, **dict(choices), **numbers)


_run = eqx.filter_jit(_simulated, compiler_options=_SMALL)
_run_fast = eqx.filter_jit(_simulated)


@partial(eqx.filter_jit, compiler_options=_SMALL)
def _sweep(simulate, given, choices, numbers, name, values):
    return jax.vmap(lambda value: simulate(*given, **dict(choices), **(numbers | {name: value})))(values)


def _to_numpy(result: Result) -> Result:
    """Arrays of NumPy's. Where the backend has no float64, words and drawings compute with it all the same."""

    def array(leaf: Any) -> np.ndarray:
        found = np.asarray(leaf)
        single = found.dtype == np.float32 and default_float() == np.float32
        return found.astype(np.float64) if single else found

    return jax.tree.map(array, result)
