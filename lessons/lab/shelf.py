"""Where the page keeps what a study has found, so that a reload or another tab finds it: a folder a plan.

The folders lie in the user's own cache, are named after all that decides the numbers (settings, seeds, this very code),
and together stay below MOST bytes: those not used for longest go first.
"""

import contextlib
import functools
import hashlib
import json
import os
import shutil
from pathlib import Path

import jax

from core import backend
from lessons.lab.experiments import EXPERIMENTS
from lessons.lab.runs import Plan, settings

MOST = 200_000_000  # bytes of all studies together; one over 3 x 3 seeds with all ablations takes about 10 million
CODE = Path(__file__).parents[2]


def base() -> Path:
    """The folder of all studies; INVERSION_STUDIES names another one."""
    named = os.environ.get("INVERSION_STUDIES")
    return Path(named) if named else backend.cache_folder().parent / "studies"


def place(plan: Plan) -> Path:
    """The folder of a plan, which need not exist yet. Plans that differ in variants or methods alone share one."""
    return base() / _name(
        plan.experiment.slug, plan.seeds, plan.data_seeds, plan.instances, plan.steps, plan.first_seed
    )


@functools.lru_cache(maxsize=1024)
def _name(slug: str, *size: int | None) -> str:
    content = f"{slug} {size} {_settings(slug)} {_code()}"
    return f"{slug}-{hashlib.sha256(content.encode()).hexdigest()[:20]}"


@functools.cache
def _settings(slug: str) -> str:
    experiment = EXPERIMENTS[slug]
    return json.dumps({name: settings(experiment.variant(name)) for name in experiment.names})


@functools.cache
def _code() -> str:
    """What stands for the code that makes the numbers: another version keeps its own."""
    sources = [*sorted((CODE / "core").glob("*.py")), *(CODE / "lessons" / "lab" / f"{n}.py" for n in _DECIDING)]
    digest = hashlib.sha256(f"{jax.__version__} {backend.describe()}".encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


_DECIDING = ("experiments", "runs")


def claim(plan: Plan) -> tuple[Path | None, str]:
    """The plan's folder, made if need be, and "", or None and why nothing can be kept."""
    folder = place(plan)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.utime(folder)
        prune(folder)
    except OSError as error:
        return None, f"{folder} cannot be used ({error.strerror}), so what is found is not kept."
    return folder, ""


def prune(using: Path, most: int = MOST) -> None:
    """Delete the studies that were not used for longest until all take at most so many bytes; never `using`."""
    folders = sorted((one for one in using.parent.iterdir() if one.is_dir()), key=lambda one: one.stat().st_mtime)
    sizes = {folder: sum(file.stat().st_size for file in folder.iterdir()) for folder in folders}
    for folder in folders:
        if sum(sizes.values()) <= most:
            return
        if folder != using:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)
            sizes.pop(folder)
