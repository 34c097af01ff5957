"""How many compiled programs a process keeps: each takes some 100 mappings of memory, and those are limited.

Linux grants a process 65,530 of them by default, and at the limit XLA aborts the whole process. A course that is open
for a day, with every choice of every page tried by somebody, would get there.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import equinox as eqx
import jax

MOST = 45_000  # mappings: all pages at their defaults take 17,500, every further choice of a page some hundreds more


@contextmanager
def at_once() -> Iterator[None]:
    """What is computed in this block is numbers, also while a program is being traced that asked for them.

    `jax.ensure_compile_time_eval` would do, but makes a program of its own of every constant of what is jitted inside.
    """
    with jax.core.eval_context():
        yield


def mappings() -> int:
    """Mappings of memory that this process has; 0 where the system does not tell."""
    try:
        return Path("/proc/self/maps").read_bytes().count(b"\n")
    except OSError:
        return 0


def give_back(most: int = MOST) -> bool:
    """Let go of all compiled programs if the process holds more than `most` mappings. Returns whether it did.

    What is used again is compiled again, or read from the compilation cache, which takes a tenth of a second. A thread
    that is running a program keeps it until it has ended.
    """
    if mappings() <= most:
        return False
    eqx.clear_caches()
    jax.clear_caches()
    kept = gc.get_freeze_count()
    gc.unfreeze()  # the programs lie among what was set aside, if anything was
    gc.collect()
    if kept:
        gc.freeze()
    return True


def set_aside() -> None:
    """Let the search for garbage pass over all that lives now.

    The programs of all pages are a million objects of Python, which refer to each other and stay: a search among them
    holds every thread up, for 0.8 s with nothing else running and for 2 s with a class at work. The process calls this
    when it has made what it will keep; what is garbage is found first.
    """
    gc.collect()
    gc.freeze()
