"""Running an experiment over seeds, resumably: models and rows are kept in a folder as soon as they exist.

A training seed decides weights and training data, a data seed the instances that are solved. Methods that learn nothing
are solved once per data seed, the learned ones for every pair, so that the spread shows both.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np

from core import keep, training
from core.deceptron import Deceptron
from core.methods import METHODS
from core.setup import Setup
from core.study import Row, Summary, row, summary
from lessons.lab.experiments import FULL, Experiment

Key = tuple[str, int | None, int]  # of a row: method, training seed or None, data seed
Rows = dict[tuple[str, Key], Row]  # by variant and key


DATA_SEEDS = 1000  # data seeds count from here, above all seeds of training: no instance is one that training saw


class Doing(NamedTuple):
    """What a run is at: training a variant (no method), steps, or solving by a method, rows; how much of how much."""

    variant: str
    method: str
    done: int
    total: int

    @property
    def words(self) -> str:
        """As a progress line says it."""
        return f"{self.variant}: {f'solving by {self.method}' if self.method else 'training'}"


Report = Callable[[Doing], None]


class OtherSettings(ValueError):
    """The folder holds an experiment run at other settings."""


@dataclass(frozen=True)
class Plan:
    """How much of an experiment is run: seeds of each kind, instances per data seed, steps (None: the setup's).

    first_seed: where the training seeds and the data seeds begin; other seeds are an independent repetition.
    """

    experiment: Experiment
    seeds: int = 3
    data_seeds: int = 3
    instances: int = 300
    steps: int | None = None
    variants: tuple[str, ...] = (FULL,)
    methods: tuple[str, ...] = ()
    first_seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("seeds", 1), ("data_seeds", 1), ("instances", 1), ("steps", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        if not 0 <= self.first_seed <= DATA_SEEDS - max(self.seeds, self.data_seeds):
            most = DATA_SEEDS - max(self.seeds, self.data_seeds)
            raise ValueError(f"first_seed must be between 0 and {most}, got {self.first_seed}")
        for name in self.variants:
            if name not in self.experiment.names:
                raise ValueError(f"no variant {name!r}; {self.experiment.slug} has {', '.join(self.experiment.names)}")
        for name in self.methods:
            if name not in self.experiment.methods:
                raise ValueError(f"no method {name!r}; choose of {', '.join(self.experiment.methods)}")

    @property
    def chosen(self) -> tuple[str, ...]:
        """The methods to run, all of the experiment's unless some were named."""
        return self.methods or self.experiment.methods

    def keys(self, variant: str) -> Iterator[Key]:
        """(method, training seed or None, data seed) of every row of a variant."""
        for method in self.chosen:
            learned = METHODS[method].learned
            if learned or variant == FULL:
                for seed in self.training_seeds if learned else [None]:
                    for k in range(self.data_seeds):
                        yield method, seed, self.first_seed + k

    @property
    def training_seeds(self) -> range:
        """The seeds of the trainings."""
        return range(self.first_seed, self.first_seed + self.seeds)


def run(plan: Plan, folder: Path | None = None, report: Report = lambda doing: None, mend: bool = False) -> dict:
    """The table, {(variant, method): Summary}. What lies in the folder from an earlier run is taken, not run again.

    Whatever `report` raises ends the run; what is done by then is kept. Raises OtherSettings where the folder holds
    another run, NotThisFit where a file of it holds no model of ours; mend: such a file is made anew instead.
    """
    return tabulate(plan, {(variant, key): made for variant, key, made in rows(plan, folder, report, mend)})


def rows(
    plan: Plan, folder: Path | None = None, report: Report = lambda doing: None, mend: bool = False
) -> Iterator[tuple[str, Key, Row]]:
    """What `run` puts together, row by row as it comes: (variant, key, row), first what is kept."""
    if folder is not None:
        _claim(plan, folder, mend)
    found = kept(plan, folder)
    for (variant, key), made in found.items():
        yield variant, key, made
    for variant in plan.variants:
        missing = [key for key in plan.keys(variant) if (variant, key) not in found]
        # What learns nothing comes first: it is there before any training has ended.
        missing.sort(key=lambda key: key[1] is not None)
        yield from _made(plan, variant, missing, folder, report, mend)


def kept(plan: Plan, folder: Path | None) -> Rows:
    """The rows of the plan that the folder holds, whole ones only."""
    if folder is None:
        return {}
    wanted = [(variant, key) for variant in plan.variants for key in plan.keys(variant)]
    return {(v, key): made for v, key in wanted if (made := _read_row(folder, v, key)) is not None}


def tabulate(plan: Plan, found: Rows) -> dict[tuple[str, str], Summary]:
    """The table of the rows that there are, in the plan's order; a line of which no row is there is left out."""
    table = {}
    for variant in plan.variants:
        for method in plan.chosen:
            mine = [found[variant, key] for key in plan.keys(variant) if key[0] == method and (variant, key) in found]
            if mine:
                table[variant, method] = summary(mine)
    return table


def _made(
    plan: Plan, variant: str, missing: list[Key], folder: Path | None, report: Report, mend: bool
) -> Iterator[tuple[str, Key, Row]]:
    if not missing:
        return
    setup, models = plan.experiment.variant(variant), None
    for done, (method, seed, data_seed) in enumerate(missing):
        if seed is not None and models is None:
            models = _models(plan, variant, setup, folder, report, mend)
        report(Doing(variant, method, done, len(missing)))
        model = None if seed is None else models[seed - plan.first_seed]
        made = row(method, setup, model, DATA_SEEDS + data_seed, plan.instances)
        _write_row(folder, variant, (method, seed, data_seed), made)
        yield variant, (method, seed, data_seed), made


def _models(plan: Plan, variant: str, setup: Setup, folder: Path | None, report: Report, mend: bool) -> list[Deceptron]:
    """A trained model per training seed: from the folder, or as one batch."""
    name = f"{plan.experiment.slug}/{variant}"
    places = model_places(plan, variant, folder)
    if places and all(place.exists() for place in places):
        try:
            return [keep.load(place, setup, name) for place in places]
        except keep.NotThisFit:
            if not mend:
                raise
    keys = jax.vmap(jax.random.key)(np.array(plan.training_seeds))
    report(Doing(variant, "", 0, plan.steps or int(setup.hyper.total_steps)))  # the first chunk is compiled: seconds
    fits = training.fit_many(
        setup, keys, steps=plan.steps, report=lambda done, steps: report(Doing(variant, "", done, steps))
    )
    for seed, place, fit in zip(plan.training_seeds, places, fits, strict=False):
        keep.save(place, fit.model, name, seed=seed, steps=len(fit.history["total"]))
    return [fit.model for fit in fits]


def model_places(plan: Plan, variant: str, folder: Path | None) -> list[Path]:
    """Where the trained models of a variant are kept, one a seed; none without a folder."""
    return [] if folder is None else [folder / f"{_file(variant)}.seed{seed}.model" for seed in plan.training_seeds]


def settings(setup: Setup) -> dict[str, object]:
    """Every number and name of a setup, for the record: small arrays as lists, large ones by shape and checksum."""
    numbers = eqx.filter(setup, eqx.is_array)
    leaves, _ = jax.tree_util.tree_flatten_with_path(numbers)
    found: dict[str, object] = {"structure": hashlib.sha256(str(jax.tree.structure(setup)).encode()).hexdigest()[:16]}
    for path, leaf in leaves:
        array = np.asarray(leaf)
        small = array.size <= 8
        shown = array.tolist() if small else f"{array.shape} {hashlib.sha256(array.tobytes()).hexdigest()[:16]}"
        found[jax.tree_util.keystr(path).lstrip(".")] = shown
    return found | {"architecture": setup.architecture, "batch": setup.batch, "budget": setup.solver.budget}


def wanted(plan: Plan) -> dict[str, object]:
    """What makes a folder one plan's: all that its rows depend on but variant and method, which name them."""
    experiment = plan.experiment
    return {
        "experiment": experiment.slug,
        "first_seed": plan.first_seed,
        "seeds": plan.seeds,
        "data_seeds": plan.data_seeds,
        "instances": plan.instances,
        "steps": plan.steps,
        "settings": {name: settings(experiment.variant(name)) for name in experiment.names},
    }


def _claim(plan: Plan, folder: Path, mend: bool) -> None:
    """Make the folder this plan's, or find that it is already, or refuse it."""
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "plan.json"
    mine = json.dumps(wanted(plan), indent=1)
    if not record.exists():
        record.write_text(mine)
        return
    try:
        same = json.loads(record.read_text()) == json.loads(mine)
    except ValueError:  # cut short, or no JSON at all
        same = False
    if not same and not mend:
        raise OtherSettings(f"{folder} holds a run at other settings; give another --out, or delete it")
    if not same:
        record.write_text(mine)


def _file(variant: str) -> str:
    """A variant's name as part of a file's."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in variant)


def _place(folder: Path, variant: str, key: tuple) -> Path:
    method, seed, data_seed = key
    return folder / f"{_file(variant)}.{method}.{'any' if seed is None else f'seed{seed}'}.data{data_seed}.npz"


def _read_row(folder: Path | None, variant: str, key: tuple) -> Row | None:
    """A row from the folder; None where there is none, or only part of one."""
    if folder is None or not (place := _place(folder, variant, key)).exists():
        return None
    try:
        # Opened here: what is no archive NumPy would leave open.
        with place.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return Row(key[0], *(archive[name] for name in Row._fields[1:]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):  # damaged
        return None


def _write_row(folder: Path | None, variant: str, key: tuple, made: Row) -> None:
    if folder is not None:
        place = _place(folder, variant, key)
        partial = place.with_suffix(".part.npz")
        np.savez(partial, **{name: getattr(made, name) for name in Row._fields[1:]})
        partial.replace(place)
