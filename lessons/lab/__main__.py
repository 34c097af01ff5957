"""The laboratory without a browser: `python -m lessons.lab heat-easy --seeds 3 --out DIR`.

Exit status: 0 the experiment was run; 1 with --check, and a figure asked for is not met; 2 a wrong request;
130 stopped by Ctrl-C. What was done is kept in DIR, and the same command goes on from there.
"""

import argparse
import sys
import textwrap
import time
from pathlib import Path

from core import backend
from core.forecast import about, remaining
from lessons.lab import tables
from lessons.lab.experiments import EXPERIMENTS, Experiment
from lessons.lab.outlook import Outlook, beginning
from lessons.lab.runs import Doing, Plan, run


class Progress:
    """One line on standard error: what is done, how much, the time left. Rewritten on a terminal, else now and then."""

    def __init__(self) -> None:
        self.words, self.shown = "", 0.0
        self.outlook: Outlook | None = None
        self.terminal = sys.stderr.isatty()

    def begin(self, outlook: Outlook) -> None:
        """Say how long all of it takes, and keep that up to date from now on."""
        self.outlook = outlook
        print(f"The whole run: {about(outlook.seconds())}.", file=sys.stderr)

    def __call__(self, doing: Doing) -> None:
        left = f"; all: {remaining(self.outlook.look(doing)[1])}" if self.outlook else ""
        now, words, done, total = time.monotonic(), doing.words, doing.done, doing.total
        if words != self.words:
            self.words, self.shown = words, 0.0
        if now - self.shown < (0.2 if self.terminal else 5.0):
            return
        self.shown = now
        line = f"{words}: {done} of {total}{left}"
        print(
            f"\r\033[K{line}" if self.terminal else line, end="" if self.terminal else "\n", file=sys.stderr, flush=True
        )

    def end(self) -> None:
        """Leave the terminal's line clean, and keep the times that were measured."""
        if self.outlook:
            self.outlook.look(None)
            self.outlook.keep()
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def offered(experiment: Experiment) -> str:
    """The variants and methods of an experiment, for --help."""
    parts = f"variants {', '.join(experiment.names)}; methods {', '.join(experiment.methods)}"
    return textwrap.fill(f"{experiment.slug}: {parts}", 100, initial_indent="  ", subsequent_indent="    ",
                         break_on_hyphens=False)  # fmt: skip


def arguments(words: list[str] | None) -> argparse.Namespace:
    """What was asked for. Ends the program with status 2 where that is no request."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons.lab",
        description="Train Deceptrons over several seeds, solve fresh instances by every method, print the table.",
        epilog="The same command with the same --out goes on where it was stopped. Ctrl-C keeps what is done.\n\n"
        + "\n".join(offered(experiment) for experiment in EXPERIMENTS.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiment", choices=EXPERIMENTS, help="which experiment")
    parser.add_argument("--seeds", type=int, default=3, help="training seeds (default 3)")
    parser.add_argument("--data-seeds", type=int, default=3, help="sets of instances (default 3)")
    parser.add_argument("--instances", type=int, default=300, help="instances in each set (default 300)")
    parser.add_argument(
        "--first-seed",
        type=int,
        default=0,
        help="the first training seed and the first data seed (default 0); others repeat the study independently",
    )
    parser.add_argument("--steps", type=int, help="training steps (default: the experiment's)")
    parser.add_argument("--only", action="store_true", help="the experiment itself, without its ablations")
    parser.add_argument("--variants", help="some of its variants, separated by commas (default: all but the probes)")
    parser.add_argument("--methods", default="", help="some of its methods, separated by commas (default all)")
    parser.add_argument("--out", type=Path, help="folder for models, rows, table.txt, table.csv and table.json")
    parser.add_argument("--check", action="store_true", help="exit status 1 if a figure asked for is not met")
    return parser.parse_args(words)


def _listed(text: str | None) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def main(words: list[str] | None = None) -> int:
    """Run it; returns the exit status."""
    asked = arguments(words)
    backend.configure()
    if remark := backend.enable_compilation_cache():
        print(remark, file=sys.stderr)
    experiment = EXPERIMENTS[asked.experiment]
    progress = Progress()
    try:
        plan = Plan(
            experiment,
            asked.seeds,
            asked.data_seeds,
            asked.instances,
            asked.steps,
            experiment.names[:1] if asked.only else _listed(asked.variants) or experiment.ablations,
            _listed(asked.methods),
            asked.first_seed,
        )
        progress.begin(beginning(plan, asked.out))
        table = run(plan, asked.out, progress)
    except KeyboardInterrupt:
        progress.end()
        kept = f" What is done is kept in {asked.out}; the same command goes on." if asked.out else ""
        print(f"Stopped.{kept}", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:  # a wrong request, another run's folder, another model's file
        progress.end()
        print(f"python -m lessons.lab: {error}", file=sys.stderr)
        return 2
    progress.end()
    text = tables.as_text(plan, table)
    print(text)
    if asked.out:
        for name, content in (
            ("table.txt", text + "\n"),
            ("table.csv", tables.as_csv(table)),
            ("table.json", tables.as_json(plan, table)),
        ):
            (asked.out / name).write_text(content)
    missed = [figure for figure, _, met in tables.judged(experiment, table) if not met]
    return 1 if asked.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
