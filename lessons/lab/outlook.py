"""How long a plan takes: what is still to be trained and solved, in seconds as this machine takes them.

What was timed on this machine before lies in a ledger beside the studies. What was not is expected to take so many
times as long as the probe of `core.pace`; before that has run, too, the time is not known, and is not told. As a plan
runs, `core.forecast` corrects all of it.
"""

import functools
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax

from core.forecast import Forecast
from core.methods import METHODS
from core.pace import Ledger
from lessons.lab import shelf
from lessons.lab.experiments import EXPERIMENTS
from lessons.lab.runs import Doing, Plan, Rows, kept, model_places

# Multiples of the probe, not seconds. Of its training step: a training step of a seed, or an instance of a row.
PIECE = {"linear": 1.0, "heat-easy": 1.8, "heat-hard": 1.8, "oscillator": 6.0}
KEEPING = 500.0  # of the same: to write a variant's models
# Of its compilation: a program of a method that learns nothing, of one that does, of a training; and the programs that
# draw the instances, which the first row waits for.
CLASSICAL, LEARNED, TRAINED, DRAWN = 18.0, 16.0, 55.0, 8.0
TRAINING, WRITING = "training", "writing"

_compiled: set[str] = set()


@functools.cache
def structure(slug: str, variant: str) -> tuple[str, str, int]:
    """Of an experiment's variant: its architecture, what stands for its problem's structure, its steps.

    What agrees in the first two is compiled once.
    """
    setup = EXPERIMENTS[slug].variant(variant)
    shapes = [leaf.shape for leaf in jax.tree.leaves(eqx.filter(setup.problem, eqx.is_array))]
    content = f"{jax.tree.structure(setup.problem)} {shapes} {setup.solver.budget}"
    return setup.architecture, hashlib.sha256(content.encode()).hexdigest()[:12], int(setup.hyper.total_steps)


@functools.cache
def _ledger(place: Path) -> Ledger:
    return Ledger(place)


def ledger() -> Ledger:
    """What has been timed on this machine."""
    return _ledger(shelf.base() / "pace.json")


def stamp() -> tuple[int, ...]:
    """What changes whenever more is known about times."""
    known = ledger()
    return len(_compiled), len(known.rates), len(known.starts), int(known.pace is not None)


def measure() -> None:
    """Run the probe if it never ran on this machine."""
    ledger().measure()


class Outlook:
    """What is left of a plan. It is told, by `look`, whatever a run reports, when it reports it."""

    def __init__(
        self,
        plan: Plan,
        found: Rows,
        trained: set[str],
        clock: Callable[[], float] = time.monotonic,
        known: Ledger | None = None,
    ):
        self.plan, self.clock = plan, clock
        self.ledger = ledger() if known is None else known
        self._begun = self._since = clock()
        self._before: Doing | None = None
        self._share = 0.0
        left: dict[str, float] = {}
        starts: dict[str, str] = {}  # the kind of each start
        for variant in plan.variants:
            missing = [key for key in plan.keys(variant) if (variant, key) not in found]
            works = [(method, float(plan.instances)) for method, _, _ in missing]
            if any(seed is not None for _, seed, _ in missing) and variant not in trained:
                works += [(TRAINING, float(self._steps(variant))), (WRITING, 1.0)]
            for what, pieces in works:
                kind = self._kind(variant, what)
                left[kind] = left.get(kind, 0.0) + pieces
                if what != WRITING:
                    starts.setdefault(self._program(variant, what), what)
        new = [start for start in starts if start not in _compiled]
        rates = {kind: rate for kind in left if (rate := self._rate(kind)) is not None}
        firsts = {start: first for start in new if (first := self._first(start, starts[start], start == new[0]))}
        self.forecast = Forecast(left, new, rates, firsts)

    def seconds(self) -> float | None:
        """All that is left; None where that is not known yet."""
        return self.forecast.seconds()

    def look(self, doing: Doing | None) -> tuple[float, float | None]:
        """The share that is done, 0 to 1, and the seconds left, at this point of the run; None: it has ended."""
        now = self.clock()
        self._count(doing, now - self._since)
        self._before, self._since = doing, now
        left = self.seconds()
        if left is not None:
            spent = now - self._begun
            self._share = max(self._share, spent / (spent + left) if spent + left > 0 else 1.0)
        return self._share, left

    def keep(self) -> None:
        """Write what was timed into the ledger."""
        self.ledger.keep(self.forecast.rates(), self.forecast.firsts())

    def _count(self, doing: Doing | None, took: float) -> None:
        """The time since the last report belongs to what that one began."""
        before = self._before
        if before is None:
            return
        variant = before.variant
        if before.method:
            self._did(variant, before.method, self.plan.instances, took)
        elif doing is not None and not doing.method and doing.variant == variant:
            self._did(variant, TRAINING, (doing.done - before.done) * self.plan.seeds, took)
        elif before.done >= before.total:
            self._did(variant, WRITING, 1.0, took)

    def _did(self, variant: str, what: str, pieces: float, took: float) -> None:
        start = self._program(variant, what)
        self.forecast.did(self._kind(variant, what), pieces, took, start)
        _compiled.add(start)

    def _steps(self, variant: str) -> int:
        return (self.plan.steps or structure(self.plan.experiment.slug, variant)[2]) * self.plan.seeds

    def _learned(self, what: str) -> bool:
        return what in (TRAINING, WRITING) or METHODS[what].learned

    def _kind(self, variant: str, what: str) -> str:
        slug = self.plan.experiment.slug
        return f"{slug} {structure(slug, variant)[0] if self._learned(what) else 'any'} {what}"

    def _program(self, variant: str, what: str) -> str:
        architecture, problem, _ = structure(self.plan.experiment.slug, variant)
        count = self.plan.seeds if what in (TRAINING, WRITING) else self.plan.instances
        return f"{problem} {architecture if self._learned(what) else 'any'} {what} {count}"

    def _rate(self, kind: str) -> float | None:
        if kind in self.ledger.rates or self.ledger.pace is None:
            return self.ledger.rates.get(kind)
        return self.ledger.pace.running * (KEEPING if kind.endswith(WRITING) else PIECE[self.plan.experiment.slug])

    def _first(self, start: str, what: str, drawn: bool) -> float | None:
        if start in self.ledger.starts or self.ledger.pace is None:
            return self.ledger.starts.get(start)
        times = TRAINED if what == TRAINING else LEARNED if self._learned(what) else CLASSICAL
        return self.ledger.pace.compiling * (times + DRAWN * drawn)


def beginning(plan: Plan, folder: Path | None) -> Outlook:
    """The outlook of a plan that is about to be run: the machine is measured if it never was."""
    measure()
    return Outlook(plan, kept(plan, folder), trained(plan, folder))


def trained(plan: Plan, folder: Path | None) -> set[str]:
    """The variants whose models are kept."""
    places = {variant: model_places(plan, variant, folder) for variant in plan.variants}
    return {variant for variant, files in places.items() if files and all(file.exists() for file in files)}
