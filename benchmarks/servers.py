"""A Streamlit server as a process of its own, and the processor time that it has used."""

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

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN, STOPS_WITHIN, QUIET_WITHIN = 120.0, 40.0, 90.0  # seconds


class Server:
    """`streamlit run script`, from the project's folder, on a free port. began: when it was started, seconds."""

    def __init__(self, script: str, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            port = probe.getsockname()[1]
        self.url = f"http://localhost:{port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
        self.began = time.time()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port), "--server.headless", "true"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> "Server":
        """Until it answers. Raises RuntimeError with the end of its log if it never does."""
        while not self._answers():
            if self._process.poll() is not None or time.time() - self.began > STARTS_WITHIN:
                self.close()
                raise RuntimeError(f"the server did not start: {self.log()[-500:]}")
            time.sleep(0.02)
        return self

    def settle(self) -> "Server":
        """Until it has nothing to do of its own, such as warming up: what is measured then is the page."""
        if self.cpu() is None:
            time.sleep(30)
            return self
        give_up, quiet = time.time() + QUIET_WITHIN, 0
        while quiet < 2 and time.time() < give_up:
            before = self.cpu()
            time.sleep(1)
            quiet = quiet + 1 if self.cpu() - before < 0.1 else 0
        return self

    def cpu(self) -> float | None:
        """Processor seconds used so far by all its threads; None where the system has no /proc."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        except OSError:
            return None
        # The name in parentheses may hold spaces; behind it, user and system ticks are the 12th and 13th field.
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

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

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False
