"""Servers as processes of their own, and the processor time and memory that they use."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN, STOPS_WITHIN, QUIET_WITHIN = 120.0, 40.0, 600.0  # seconds


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


class Process:
    """A program that serves at a URL, run from the project's folder. began: when it was started, seconds."""

    def __init__(self, command: list[str], url: str, **environment: str) -> None:
        self.url = url
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the program
        self.began = time.time()
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> Self:
        """Until it answers. Raises RuntimeError with the end of its log if it never does."""
        while not self._answers():
            if self._process.poll() is not None or time.time() - self.began > STARTS_WITHIN:
                said = self.log()[-500:]
                self.close()
                raise RuntimeError(f"the server did not start: {said}")
            time.sleep(0.02)
        return self

    def settle(self, within: float = QUIET_WITHIN) -> Self:
        """Until it has nothing to do of its own, such as warming up: what is measured then is the page."""
        if self.cpu() is None:
            time.sleep(30)
            return self
        give_up, quiet = time.time() + within, 0
        while quiet < 2 and time.time() < give_up:
            before = self.cpu()
            time.sleep(1)
            quiet = quiet + 1 if self.cpu() - before < 0.1 else 0
        return self

    def cpu(self) -> float | None:
        """Processor seconds used so far by it and its children; None where the system has no /proc."""
        used = 0
        for pid in self._pids():
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                return None
            # The name in parentheses may hold spaces; behind it, user and system ticks are the 12th and 13th field.
            user, system = stat.rpartition(")")[2].split()[11:13]
            used += int(user) + int(system)
        return used / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int | None:
        """Bytes of memory that it and its children hold; None where the system has no /proc."""
        try:
            pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        except OSError:
            return None
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _pids(self) -> list[int]:
        own = self._process.pid
        try:
            return [own, *map(int, Path(f"/proc/{own}/task/{own}/children").read_text().split())]
        except OSError:
            return [own]

    def log(self) -> str:
        return os.pread(self._log.fileno(), 10_000_000, 0).decode(errors="replace")

    def close(self) -> None:
        """End it as its user would; by force only if it does not end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


class Server(Process):
    """`streamlit run script` on a free port."""

    def __init__(self, script: str, **environment: str) -> None:
        port = free_port()
        command = [sys.executable, "-m", "streamlit", "run", script]
        command += ["--server.port", str(port), "--server.headless", "true"]
        super().__init__(command, f"http://localhost:{port}", **environment)


class Course(Process):
    """The course as `make run` starts it, without opening a browser, on a free port."""

    def __init__(self, **environment: str) -> None:
        port = free_port()
        super().__init__(
            [sys.executable, "tools/serve.py"],
            f"http://localhost:{port}",
            PORT=str(port),
            HEADLESS="1",
            **environment,
        )
