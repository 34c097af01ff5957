"""How long a plan takes: what is still to be trained and solved, in seconds that were measured on two cores.

The guesses only have to be good enough for a bar and a rounded "about 40 s": as a run goes on, what it has taken so far
corrects what is left.
"""

import functools
import time
from collections.abc import Callable

from core.methods import METHODS
from lessons.lab.experiments import EXPERIMENTS
from lessons.lab.runs import Doing, Key, Plan, Rows

COMPILING = 3.0  # seconds that a program takes when a process meets it first: a method, or training, of one structure
SOLVING = 0.05  # seconds for a row of 100 instances
STEP = {"linear": 1e-4, "heat-easy": 2.5e-4, "heat-hard": 4e-4, "oscillator": 8e-4}  # seconds, of one seed's training
TRAINING = "training"

Unit = tuple[str, Key | str]  # a row of a variant, or its training
_compiled: set[tuple] = set()


@functools.cache
def structure(slug: str, variant: str) -> tuple[str, int]:
    """Architecture and steps of an experiment's variant: of one architecture all is compiled once."""
    setup = EXPERIMENTS[slug].variant(variant)
    return setup.architecture, int(setup.hyper.total_steps)


class Outlook:
    """What is left of a plan. A unit of work is a variant's training, or a row."""

    def __init__(self, plan: Plan, found: Rows, trained: set[str], clock: Callable[[], float] = time.monotonic):
        self.plan, self.clock, self.begun = plan, clock, clock()
        met: set[tuple] = set(_compiled)
        self.costs: dict[Unit, float] = {}
        for variant in plan.variants:
            missing = [key for key in plan.keys(variant) if (variant, key) not in found]
            if any(seed is not None for _, seed, _ in missing) and variant not in trained:
                self.costs[variant, TRAINING] = self._training(variant) + self._compiling(met, variant, TRAINING)
            for key in missing:
                self.costs[variant, key] = SOLVING * plan.instances / 100 + self._compiling(met, variant, key[0])
        self.whole = sum(self.costs.values())

    def seconds(self) -> float:
        """All that is left, before it has begun."""
        return sum(self.costs.values())

    def done(self, variant: str, what: Key | str) -> None:
        """A row, or a variant's training, is there."""
        self.costs.pop((variant, what), None)
        _compiled.add(self._program(variant, what if isinstance(what, str) else what[0]))

    def look(self, doing: Doing) -> tuple[float, float]:
        """The share that is done, 0 to 1, and the seconds left, at this point of the run."""
        if doing.method:
            begun = 0.0
            if METHODS[doing.method].learned:
                self.done(doing.variant, TRAINING)
        else:
            begun = self.costs.get((doing.variant, TRAINING), 0.0) * doing.done / max(doing.total, 1)
        left = max(self.seconds() - begun, 0.0)
        behind = self.whole - left
        # This machine's pace, trusted the more, the more of the work is behind.
        pace = min(max((self.clock() - self.begun + 1.0) / (behind + 1.0), 0.1), 10.0)
        return behind / self.whole if self.whole else 1.0, left * pace

    def _training(self, variant: str) -> float:
        slug = self.plan.experiment.slug
        steps = self.plan.steps or structure(slug, variant)[1]
        return STEP[slug] * steps * self.plan.seeds

    def _program(self, variant: str, what: str) -> tuple:
        slug = self.plan.experiment.slug
        if what == TRAINING:
            return slug, structure(slug, variant)[0], what, self.plan.seeds
        learned = METHODS[what].learned
        return slug, structure(slug, variant)[0] if learned else "", what, self.plan.instances

    def _compiling(self, met: set[tuple], variant: str, what: str) -> float:
        program = self._program(variant, what)
        if program in met:
            return 0.0
        met.add(program)
        return COMPILING


def about(seconds: float) -> str:
    """A time as a button says it: "about 40 s", "about 3 min"."""
    if seconds < 90:
        return f"about {max(5, 5 * round(seconds / 5)):.0f} s"
    return f"about {seconds / 60:.0f} min"
