"""What the server does before its first page: import JAX and the lessons, which takes a second, in the background.

Meanwhile it answers, and the browser loads its own part. A script that comes earlier waits here: two threads that
import the same packages side by side could find one of them half done.
"""

import gc
import os
import sys
import threading
from pathlib import Path

from pages.ui import sharing

# Seconds that a thread may keep Python's lock while others wait for it: a page's picture, a job that comes back from a
# chunk of some ms, the loop that sends what both have made. Shorter, and every thread that waits wakes more often than
# it gets the lock: with a class at work answers took half as long again.
TURN = 2e-3  # Python's own choice is 5e-3

_imported = threading.Event()


class Startup:
    """A background thread that imports, then goes on to the warm-up."""

    def __init__(self):
        self._warming = None
        self._thread = threading.Thread(target=self._run, name="startup", daemon=True)

    def start(self) -> "Startup":
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop what it has led to; an import cannot be interrupted, so it is waited for."""
        self._thread.join()
        if self._warming is not None:
            self._warming.stop()

    def _run(self) -> None:
        sys.setswitchinterval(TURN)
        gc.disable()  # looking for garbage among what is imported costs a tenth of the time, and finds none
        try:
            from core import backend

            remarks = [backend.enable_compilation_cache(), sharing.share_line(line_folder(backend.cache_folder()))]
            from pages.ui import page, warmup  # noqa: F401 - with all that a page needs
        finally:
            gc.freeze()  # nor will there ever be any: each later search is shorter by as much
            gc.enable()
            _imported.set()
        for remark in filter(None, remarks):
            print(remark, file=sys.stderr)
        self._warming = warmup.Warmup().start()


def line_folder(cache: Path) -> Path:
    """Where all of a user's server processes stand in one line to train; INVERSION_LINE names another folder."""
    named = os.environ.get("INVERSION_LINE")
    return Path(named) if named else cache.parent / "line"


def wait() -> None:
    """Until what a page needs has been imported. A page's own import tells what went wrong, if anything did."""
    _imported.wait()
