"""What several server processes of one machine and user share: who may work, and who has a folder to himself.

Both are lock files, which the system lets go of when their process ends, however it ends. Where files cannot be locked
(Windows) or written (a full disk), each process is on its own.
"""

import contextlib
import os
import secrets
import threading
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_mine: set[str] = set()  # tickets of this process
_guard = threading.Lock()
_folder: Path | None = None


class Lock:
    """Exclusive use of a file's name, between threads as between processes."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, None

    def acquire(self) -> bool:
        """Whether it is ours now; does not wait. Where nothing can be locked, it always is."""
        if fcntl is None:
            return True
        try:
            self._file = self._path.open("a")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        except OSError:
            self.release()
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Ticket:
    """A place in the machine's line, by the time of arrival."""

    def __init__(self) -> None:
        self.name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        self._lock: Lock | None = None
        if _folder is not None:
            with _guard:
                _mine.add(self.name)
            # Under another name until it is locked: an unlocked ticket is taken for a dead process's.
            self._lock = Lock(_folder / f".{self.name}")
            self._lock.acquire()
            with contextlib.suppress(OSError):
                (_folder / f".{self.name}").rename(_folder / self.name)

    def before(self) -> int:
        """How many tickets of other living processes are older."""
        if self._lock is None:
            return 0
        try:
            older = [name for name in os.listdir(_folder) if "0" <= name < self.name]
        except OSError:
            return 0
        with _guard:
            others = [name for name in older if name not in _mine]
        return sum(_held(_folder / name) for name in others)

    def give_back(self) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):
                (_folder / self.name).unlink(missing_ok=True)
            self._lock.release()
            self._lock = None
            with _guard:
                _mine.discard(self.name)


def _held(ticket: Path) -> bool:
    """Whether a process still holds this ticket; one that has died leaves it behind, and it is cleared away."""
    lock = Lock(ticket)
    if not ticket.exists() or lock.acquire():
        lock.release()
        with contextlib.suppress(OSError):
            ticket.unlink(missing_ok=True)
        return False
    return True


def share_line(folder: Path | None) -> str:
    """From now on stand in one line with all processes that name this folder; None: in a line of our own.

    Returns why that cannot be, or "".
    """
    global _folder
    _folder = None
    if folder is None or fcntl is None:
        return ""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        trial = folder / f"trial-{secrets.token_hex(4)}"
        trial.touch()
        trial.unlink()
    except OSError as error:
        return f"{folder} cannot be used ({error.strerror}), so training is limited for each server process by itself."
    _folder = folder
    return ""


def shared() -> bool:
    """Whether other processes may stand in the line."""
    return _folder is not None
