"""What server processes share: the line of those who train, the lock of a folder. The other process is a real one."""

import subprocess
import sys
from pathlib import Path

import pytest

from pages.ui import jobs, sharing
from tests.runs import ENDLESS, ended, reached, until

pytest.importorskip("fcntl", reason="this system locks no files")

OTHER = """
import sys
from pathlib import Path
from pages.ui import sharing

assert sharing.share_line(Path(sys.argv[1])) == ""
ticket = sharing.Ticket()
lock = sharing.Lock(Path(sys.argv[1]) / ".lock")
assert lock.acquire()
print("here", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def line(tmp_path, monkeypatch):
    """A line of this test's own, with room for one."""
    assert sharing.share_line(tmp_path) == ""
    monkeypatch.setattr(jobs, "CAPACITY", 1)
    yield tmp_path
    sharing.share_line(None)


@pytest.fixture
def other(line):
    """Another process that stands in the line, and has the lock."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", OTHER, str(line)]
    process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "here\n"
    yield process
    process.kill()
    process.communicate()


def test_a_job_waits_for_another_process_and_starts_when_that_is_killed(line, other, job):
    waiting = job(total=50).start()
    until(lambda: waiting.snapshot().place == 1, "it knows that somebody is before it")
    assert waiting.snapshot().step == 0
    other.kill()
    assert ended(waiting).state == "done"
    until(lambda: not list(line.glob("[0-9]*")), "the dead process's ticket and ours are cleared away")


def test_a_ticket_counts_only_the_older_ones_of_others(line, other):
    mine, second = sharing.Ticket(), sharing.Ticket()
    assert (mine.before(), second.before()) == (1, 1)
    mine.give_back()
    second.give_back()
    assert len(list(line.glob("[0-9]*"))) == 1


def test_a_lock_is_for_one_at_a_time(line, other):
    path = line / ".lock"
    assert not sharing.Lock(path).acquire()
    other.kill()
    other.wait()
    first = sharing.Lock(path)
    assert first.acquire() and not sharing.Lock(path).acquire()
    first.release()
    second = sharing.Lock(path)
    assert second.acquire()
    second.release()


def test_a_paused_run_lets_the_next_one_work(job, monkeypatch):
    monkeypatch.setattr(jobs, "CAPACITY", 1)
    first, second = job(total=ENDLESS).start(), job(total=50)
    reached(first, "running")
    first.pause()
    reached(first, "paused")
    assert ended(second.start()).state == "done"
    at = first.snapshot().step
    first.resume()
    until(lambda: first.snapshot().step > at, "it goes on")


def test_a_line_that_cannot_be_shared_is_told_and_each_process_has_its_own(tmp_path, job):
    taken = tmp_path / "line"
    taken.touch()
    assert sharing.share_line(taken).startswith(f"{taken} cannot be used (")
    assert not sharing.shared()
    assert ended(job(total=50).start()).state == "done"
    nowhere = sharing.Lock(tmp_path / "no" / "folder")
    assert nowhere.acquire()
    nowhere.release()
