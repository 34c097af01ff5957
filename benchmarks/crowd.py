"""`python -m benchmarks.crowd`: a class on the real server, as many browsers as asked for, against the budgets.

Every student is a tab that speaks Streamlit's own protocol (see tab.py) and moves every two seconds (see students.py);
three of them train. The class grows from stage to stage on the same servers, so that memory is told by what the servers
grow by for each student who comes. The load is made on the machine that serves, and takes its share of it: the table
says how much.
"""

import argparse
import asyncio
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.__main__ import header, load
from benchmarks.report import Budget, Remark, Row, median, p95, summary, table
from benchmarks.servers import Process
from benchmarks.students import PERIOD, Ledger, Student, Trainer

BUDGETS = {30: 250.0, 60: 500.0, 150: 1000.0}  # students -> milliseconds at the 95th percentile
MEMORY = Budget(2.0)  # MB a student
FLAT = Budget(1000.0)  # kB a minute: 30 MB in half an hour, of servers that take two gigabytes
LONG = 10.0  # minutes from which on a slope of the memory means something
TRAINERS = 3
PIONEERS, FILLING, PIONEERING = 10, 1000, 120.0  # students, moves a server and seconds at most that fill its caches
ARRIVING, SETTLING = 10.0, 5.0  # seconds in which a stage's students come, and then until it is measured
NOT_FOR_A_CLASS = {"train", "studies", "newton-cost"}  # pages whose button works for minutes; trainers have theirs


@dataclass(frozen=True)
class Look:
    """What the processes have used at a moment: seconds of processor time, and bytes of memory."""

    at: float
    serving: float
    balancing: float
    asking: float
    memory: int


class Class:
    """Students spread over addresses in turn. pids: the servers', and the balancer's."""

    def __init__(
        self, addresses: list[str], servers: list[Process], balancer: Process | None, lessons: list[str], seed: int
    ) -> None:
        self.addresses, self.servers, self.balancer = addresses, servers, balancer
        self.lessons, self.seed = lessons, seed
        self.ledger, self.students, self._tasks = Ledger(), [], []

    def grow(self, size: int) -> None:
        """Let students come until there are `size`; the first of them train."""
        for number in range(len(self.students), size):
            kind = Trainer if number < TRAINERS else Student
            address = self.addresses[number % len(self.addresses)]
            student = kind(number, address, self.lessons, self.ledger, self.seed)
            self.students.append(student)
            self._tasks.append(asyncio.create_task(student.live(ARRIVING)))

    async def pioneer(self) -> None:
        """The first students move fast: what is kept for everybody is kept then."""
        self.grow(PIONEERS)
        for student in self.students:
            student.period = PERIOD / 5
        give_up = time.monotonic() + PIONEERING
        while len(self.ledger.moves) < FILLING * len(self.servers) and time.monotonic() < give_up:
            self.check()
            await asyncio.sleep(1)
        for student in self.students:
            student.period = PERIOD

    def check(self) -> None:
        """Raise what a student's own code has raised: such a class is no measurement."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def end(self) -> None:
        """Close every tab."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def look(self) -> Look:
        own = resource.getrusage(resource.RUSAGE_SELF)
        return Look(
            time.monotonic(),
            sum(server.cpu() or 0.0 for server in self.servers),
            self.balancer.cpu() or 0.0 if self.balancer else 0.0,
            own.ru_utime + own.ru_stime,
            sum(server.memory() or 0 for server in self.servers),
        )


def pages(count: int) -> list[str]:
    """The addresses of the first `count` lessons proper: what a class has open in an hour."""
    from lessons import lessons

    return [slug for slug in list(lessons())[1:] if slug not in NOT_FOR_A_CLASS][:count]


async def attend(group: Class, sizes: list[int], minutes: float) -> list[Row | Remark]:
    """Grow the class from size to size and measure each for so many minutes."""
    rows: list[Row | Remark] = []
    try:
        await group.pioneer()
        for size in sizes:
            print(f"measuring {size} students on {servers_word(group)} …", file=sys.stderr, flush=True)
            before = len(group.students), group.look()
            group.grow(size)
            await asyncio.sleep(ARRIVING + SETTLING)
            looks = [group.look()]
            while looks[-1].at - looks[0].at < 60 * minutes:
                group.check()
                await asyncio.sleep(min(5.0, max(0.0, 60 * minutes - looks[-1].at + looks[0].at) + 0.1))
                looks.append(group.look())
            rows += stage_rows(f"{size} students, {servers_word(group)}", size, group.ledger, looks, before)
    finally:
        await group.end()
    return rows


def servers_word(group: Class) -> str:
    count = len(group.servers)
    return f"{count} server{'s' if count > 1 else ''}{' behind nginx' if group.balancer else ''}"


def stage_rows(
    name: str, size: int, ledger: Ledger, looks: list[Look], before: tuple[int, Look]
) -> Iterator[Row | Remark]:
    """The rows of one stage: what students saw between the first and the last look, and what it cost."""
    first, last = looks[0], looks[-1]
    seconds = last.at - first.at
    moves = [move for move in ledger.moves if first.at <= move.at < last.at and move.kind != "open"]
    if not moves:
        yield Remark(name, f"nobody moved; {ledger.errors[0][1] if ledger.errors else 'no error either'}")
        return
    times = [1000 * move.seconds for move in moves]
    limit = BUDGETS.get(size)
    lost = sum(first.at <= at < last.at for at in ledger.skipped)
    note = (
        f"max {max(times):,.0f} ms; {len(times)} moves, {len(times) / seconds:.1f} a second, {lost} left out; {load()}"
    )
    budget = Budget(limit, of="p95") if limit else None
    yield Row(f"{name}: an answer", "ms", median(times), p95(times), budget=budget, note=note)
    for kind in ("commit", "switch", "answer"):
        some = [1000 * move.seconds for move in moves if move.kind == kind]
        if some:
            yield Row(f"{name}: {kind}", "ms", median(some), p95(some), note=f"{len(some)} moves")
    opened = [
        1000 * move.seconds for move in ledger.moves if before[1].at <= move.at < first.at and move.kind == "open"
    ]
    if opened:
        yield Row(
            f"{name}: first page", "ms", median(opened), p95(opened), note=f"{len(opened)} come in {ARRIVING:.0f} s"
        )
    for what, found in (("errors", ledger.errors), ("exceptions in pages", ledger.exceptions)):
        said = [text for at, text in found if before[1].at <= at < last.at]
        yield Row(f"{name}: {what}", "", len(said), budget=Budget(0), note=said[0][:100] if said else "")
    frames = sum(first.at <= at < last.at for at in ledger.frames)
    trained = [took for at, took in ledger.trained if first.at <= at < last.at]
    note = f"{len(trained)} runs of {TRAINERS} students" + (
        f", click to end {max(trained):.0f} s at most" if trained else ""
    )
    yield Row(f"{name}: live pictures", "/s", frames / seconds, note=note)
    cores = 100 / seconds
    note = f"the load itself takes {cores * (last.asking - first.asking):.0f} % of a core from it"
    if last.balancing:
        note += f", nginx {cores * (last.balancing - first.balancing):.0f} %"
    spent = last.serving - first.serving
    yield Row(f"{name}: server CPU", "% of a core", cores * spent, note=note)
    yield Row(f"{name}: server CPU a move", "ms", 1000 * spent / len(moves), note="training included")
    more = size - before[0]
    if more > 0:
        share = (last.memory - before[1].memory) / more / 1e6
        note = f"{more} came; the servers take {last.memory / 1e6:,.0f} MB"
        yield Row(f"{name}: memory a student", "MB", share, budget=MEMORY, note=note)
    if seconds >= 60 * LONG:
        yield Row(f"{name}: growth of memory", "kB/min", slope(looks), budget=FLAT, note=f"over {seconds / 60:.0f} min")


def slope(looks: list[Look]) -> float:
    """Kilobytes a minute that the servers' memory grows by, least squares over the later three quarters."""
    some = looks[len(looks) // 4 :]
    line = statistics.linear_regression([look.at / 60 for look in some], [look.memory / 1e3 for look in some])
    return line.slope


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=__doc__)
    words.add_argument("--students", type=int, nargs="+", default=[30, 60, 150], metavar="N", help="sizes of a class")
    words.add_argument(
        "--servers", type=int, nargs="+", default=[1, 2], metavar="N", help="numbers of server processes"
    )
    words.add_argument("--nginx", action="store_true", help="deploy's nginx before them, else students are dealt out")
    words.add_argument("--minutes", type=float, default=1.0, help="how long each size is measured; 30 shows a leak")
    words.add_argument("--pages", type=int, default=6, help="pages that are open in the class at a time; 27 are all")
    words.add_argument("--seed", type=int, default=0, help="of what students do")
    return words


def measure(count: int, chosen: argparse.Namespace) -> list[Row | Remark]:
    """All sizes of the class on so many fresh servers."""
    from benchmarks.cluster import cluster

    with cluster(count, chosen.nginx) as (addresses, servers, balancer):
        group = Class(addresses, servers, balancer, pages(chosen.pages), chosen.seed)
        return asyncio.run(attend(group, chosen.students, chosen.minutes))


def main(arguments: list[str] | None = None) -> int:
    chosen = parser().parse_args(arguments)
    if sorted(chosen.students) != chosen.students or chosen.students[0] <= TRAINERS or min(chosen.servers) < 1:
        parser().error(f"sizes grow, from more than {TRAINERS} students on; servers are at least one")
    print(header(), flush=True)
    began, rows = time.monotonic(), []
    for count in chosen.servers:
        rows += measure(count, chosen)
        print(table(rows), flush=True)
    print(f"\n{summary(rows)} {time.monotonic() - began:.0f} s; at the end {load()}.")
    return 1 if any(isinstance(row, Remark) and row.failed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
