"""Plant known faults, one at a time, and see whether the tests notice: `.venv/bin/python tools/plant_faults.py stage`.

tools/faults_NAME.toml lists them, each a `[[fault]]` with

    name   what is wrong then, in a few words
    file   the file, from the root of the course
    old    a text that occurs in it exactly once
    new    what stands there instead
    tests  what pytest is told to run, of which at least one test must fail

The faults go into a copy of the course in a temporary folder; the checkout itself is never touched. The tests are run
once without any fault first: a fault counts as caught only by tests that pass otherwise. `--only TEXT` takes the
faults whose name contains the text. The exit status is 1 if a fault survives.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis")
FAILED = 1  # pytest's status for tests that ran and failed; more is an error of its own, or no test at all


@dataclass(frozen=True)
class Fault:
    """One entry of a list."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def planted(self, text: str) -> str:
        """The file's text with the fault in it. ValueError if the place is not found, or is not the only one."""
        if text.count(self.old) != 1 or self.old == self.new:
            raise ValueError(f"{self.file}: the text of {self.name!r} occurs {text.count(self.old)} times, not once")
        return text.replace(self.old, self.new)


def lists() -> dict[str, Path]:
    """The lists that there are, by name."""
    return {path.stem.removeprefix("faults_"): path for path in sorted((ROOT / "tools").glob("faults_*.toml"))}


def read(path: Path) -> list[Fault]:
    """The faults of a list."""
    entries = tomllib.loads(path.read_text())["fault"]
    return [Fault(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def run(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """pytest's status and the name of the first test that failed."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return done.returncode, failed[0].split(" - ")[0] if failed else done.stdout.strip()[-300:]


def main() -> int:
    """Plant the faults of a list; returns the status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("list", choices=lists())
    parser.add_argument("--only", default="", help="part of the names of the faults to plant")
    chosen = parser.parse_args()
    faults = [fault for fault in read(lists()[chosen.list]) if chosen.only in fault.name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "course"
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
        everything = tuple(dict.fromkeys(test for fault in faults for test in fault.tests))
        status, said = run(folder, everything)
        if status:
            print(f"Without any fault the tests do not pass: {said}")
            return 2
        survived = 0
        for fault in faults:
            file = folder / fault.file
            text = file.read_text()
            file.write_text(fault.planted(text))
            status, said = run(folder, fault.tests)
            file.write_text(text)
            survived += status != FAILED
            outcome = "caught  " if status == FAILED else f"SURVIVED with status {status}"
            print(f"{outcome}  {fault.name}: {said}", flush=True)
    print(f"{len(faults) - survived} of {len(faults)} caught")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
