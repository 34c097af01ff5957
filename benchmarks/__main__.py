"""`python -m benchmarks [name ...] [--quick]`: measure and print one table. Status 1 if a measurement broke."""

import argparse
import importlib
import logging
import os
import platform
import sys
import time
from importlib.metadata import version

from benchmarks.lab import Lab
from benchmarks.report import Remark, Row, summary, table

# What runs in this process comes first, before servers and a browser share the machine with it.
NAMES = ("payloads", "recompilations", "arithmetic", "solving", "training", "start", "stage", "steady", "reruns")
FIGURES = ("growth",)  # only by name: it takes minutes, and what it draws is kept in docs/
PACKAGES = ("jax", "streamlit", "plotly", "equinox", "optax", "numpy", "playwright")


def header() -> str:
    """What was measured on: the numbers mean nothing without it."""
    from core import backend

    device = backend.describe()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Python {platform.python_version()}, {packages}\n"
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, JAX on {device.platform}; {load()}"
    )


def load() -> str:
    """How busy the machine is: above the number of CPUs, every time below is too long."""
    try:
        return "load average " + ", ".join(f"{value:.1f}" for value in os.getloadavg())
    except OSError:
        return "load average unknown"


def run(name: str, lab: Lab) -> list[Row | Remark]:
    """One measurement's rows. What breaks it becomes a row too: the others still run."""
    rows: list[Row | Remark] = []
    try:
        for row in importlib.import_module(f"benchmarks.{name}").measure(lab):
            rows.append(row)  # one by one: what came before a failure is kept
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        rows.append(Remark(name, f"{type(error).__name__}: {lines[0][:200]}"))
    return rows


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument(
        "names", nargs="*", metavar="name", help=f"any of {', '.join(NAMES)}, all if none is given; or {FIGURES[0]}"
    )
    words.add_argument("--quick", action="store_true", help="fewer repeats: a first look, not a result")
    return words


def main(arguments: list[str] | None = None) -> int:
    chosen = parser().parse_args(arguments)
    unknown = set(chosen.names) - {*NAMES, *FIGURES}
    if unknown:
        parser().error(
            f"no measurement is called {', '.join(sorted(unknown))}; there are {', '.join((*NAMES, *FIGURES))}"
        )
    # Streamlit, imported for the page's own functions, warns that no server runs in this process.
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    from core import backend

    backend.enable_compilation_cache()
    print(header(), flush=True)
    began, rows, lab = time.monotonic(), [], Lab(chosen.quick)
    try:
        for name in [name for name in (*NAMES, *FIGURES) if name in (chosen.names or NAMES)]:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            rows += run(name, lab)
    finally:
        lab.close()
    print(f"\n{table(rows)}\n\n{summary(rows)} {time.monotonic() - began:.0f} s; at the end {load()}.")
    return 1 if any(isinstance(row, Remark) and row.failed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
