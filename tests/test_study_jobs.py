"""Studies as jobs: one path for page and command line, stop and go on, what is kept, how long it takes."""

import dataclasses
import json
import os
import threading

import jax
import pytest

from core import backend, study, training
from core.forecast import about, remaining
from core.pace import READ, Ledger, Pace
from lessons.lab import outlook, runs, shelf, tables
from lessons.lab.__main__ import main
from lessons.lab.experiments import DIFFERENCED, EXPERIMENTS, FULL
from lessons.lab.runs import Doing, OtherSettings, Plan
from lessons.lab.study_table import NO_JCP
from pages.ui import jobs, studying, workshop
from tests.runs import PATIENCE, ended, until

TINY = Plan(EXPERIMENTS["linear"], 2, 1, 5, 30, (FULL, NO_JCP), ("gauss_newton", DIFFERENCED))
ROWS = 1 + 2 + 2  # of TINY: Gauss-Newton once, D-IPG of two seeds with JCP and without


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("INVERSION_STUDIES", str(tmp_path))
    return tmp_path


@pytest.fixture
def study_job(folder, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    made = []

    def make(plan=TINY):
        made.append(studying.start(plan))
        return made[-1]

    yield make
    for job in made:
        job.stop()
        job.join(PATIENCE)


def solving(monkeypatch, before=lambda: None):
    """The methods of the rows that are solved from now on, in order; `before` each of them."""
    solved = []

    def row(*args):
        before()
        solved.append(args[0])
        return study.row(*args)

    monkeypatch.setattr(runs, "row", row)
    return solved


# One path for page and command line


def test_page_and_command_line_find_the_same_numbers(study_job, tmp_path, capsys):
    end = ended(study_job())
    assert (end.state, end.rows, end.sentence()) == ("done", ROWS, "All rows are there")
    words = ["linear", "--seeds", "2", "--data-seeds", "1", "--instances", "5", "--steps", "30"]
    words += ["--variants", "full,no JCP", "--methods", "gauss_newton,dipg_differenced", "--out", str(tmp_path / "x")]
    assert main(words) == 0
    theirs = json.loads((tmp_path / "x" / "table.json").read_text())
    assert json.loads(tables.as_json(TINY, end.table)) == theirs
    assert (tmp_path / "x" / "table.csv").read_text() == tables.as_csv(end.table)
    assert {one["variant"] for one in theirs["table"]} == {FULL, NO_JCP}


def test_an_unknown_variant_is_refused(capsys):
    assert main(["linear", "--variants", "full,no magic"]) == 2
    assert "no variant 'no magic'; linear has full, no JCP" in capsys.readouterr().err


def test_what_learns_nothing_is_solved_before_anything_is_trained(monkeypatch):
    told = []
    runs.run(TINY, report=lambda doing: told.append(doing.method or "training"))
    assert told[0] == "gauss_newton" and told[1] == "training" and set(told[2:]) >= {DIFFERENCED}


# Stop, go on, break off


def test_a_study_is_stopped_and_gone_on_with(study_job, monkeypatch):
    whole = runs.run(TINY)
    go = threading.Semaphore(2)
    solved = solving(monkeypatch, go.acquire)
    job = study_job()
    until(lambda: job.snapshot().rows == 2, "two rows are there")
    assert "left" in job.snapshot().sentence() and 0 < job.snapshot().step < job.total
    assert (FULL, "gauss_newton") in job.snapshot().table
    job.stop()
    go.release()  # for the row in hand
    end = ended(job)
    assert end.state == "stopped" and end.rows == 3
    before, seconds = studying.kept(TINY)
    assert set(before) == {(FULL, "gauss_newton"), (FULL, DIFFERENCED)} and seconds != 0
    go.release(ROWS)
    again = ended(study_job())
    assert again.state == "done" and again.rows == ROWS and len(solved) == ROWS
    assert str(again.table) == str(whole)
    assert str(studying.kept(TINY)) == str((whole, 0.0))


def test_it_can_be_stopped_in_the_midst_of_a_training(study_job):
    long = dataclasses.replace(TINY, steps=10**7)
    job = study_job(long)
    until(lambda: "training, step" in job.snapshot().doing and job.snapshot().rows == 1, "it trains")
    job.stop()
    assert ended(job).state == "stopped" and ended(job).rows == 1


def test_a_training_that_breaks_off_is_told_and_what_there_is_is_kept(study_job, monkeypatch):
    real = training.fit_many
    monkeypatch.setattr(training, "fit_many", lambda *_, **__: (_ for _ in ()).throw(MemoryError("no room for this")))
    end = ended(study_job())
    assert end.state == "failed" and "no room for this" in end.message and end.rows == 1
    assert workshop.progress(end)["tone"] == "warn" and jobs._line == []
    monkeypatch.setattr(training, "fit_many", real)
    assert ended(study_job()).state == "done"


def test_two_on_one_plan_do_not_do_it_twice(study_job, monkeypatch):
    monkeypatch.setattr(jobs, "CAPACITY", 2)
    go = threading.Semaphore(0)
    solved = solving(monkeypatch, go.acquire)
    first = study_job()
    until(lambda: first.snapshot().state == "running", "the first is at work")
    second = study_job()
    until(lambda: "Somebody runs this very plan" in second.snapshot().doing, "the second waits")
    go.release(ROWS)
    assert ended(first).state == ended(second).state == "done" and len(solved) == ROWS
    assert str(ended(first).table) == str(ended(second).table)


def test_who_waits_for_another_can_give_up(study_job, monkeypatch):
    monkeypatch.setattr(jobs, "CAPACITY", 2)
    go = threading.Semaphore(0)
    solving(monkeypatch, go.acquire)
    first, second = study_job(), study_job()
    until(lambda: "Somebody" in first.snapshot().doing + second.snapshot().doing, "one waits for the other")
    waiting = second if "Somebody" in second.snapshot().doing else first
    waiting.stop()
    assert ended(waiting).state == "stopped"
    go.release(ROWS)


@pytest.mark.parametrize("name", ["full.seed0.model", "full.dipg_differenced.seed1.data0.npz", "plan.json"])
@pytest.mark.parametrize("content", [b"", b"nonsense", "half"])
def test_a_damaged_file_is_made_anew(study_job, folder, name, content):
    before = ended(study_job()).table
    place = shelf.place(TINY) / name
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    if name.endswith(".model"):
        for row in place.parent.glob("full.dipg*.npz"):
            row.unlink()
    end = ended(study_job())
    assert end.state == "done" and str(end.table) == str(before)


def test_the_command_line_refuses_a_damaged_plan(tmp_path):
    runs.run(TINY, tmp_path)
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(OtherSettings):
        runs.run(TINY, tmp_path)


# Where it is kept


def test_a_folder_belongs_to_all_that_decides_the_numbers(folder, monkeypatch):
    changes = ({"seeds": 3}, {"data_seeds": 2}, {"instances": 6}, {"steps": None})
    others = [dataclasses.replace(TINY, **change) for change in changes]
    others.append(dataclasses.replace(TINY, experiment=EXPERIMENTS["heat-easy"]))
    assert len({shelf.place(plan) for plan in (TINY, *others)}) == 6
    assert shelf.place(dataclasses.replace(TINY, variants=(FULL,), methods=())) == shelf.place(TINY)
    before = shelf.place(TINY)
    shelf._name.cache_clear()
    monkeypatch.setattr(shelf, "_code", lambda: "another version of the code")
    assert shelf.place(TINY) != before
    shelf._name.cache_clear()


def test_the_shelf_lies_in_the_users_own_cache(monkeypatch):
    monkeypatch.delenv("INVERSION_STUDIES", raising=False)
    assert shelf.base().parent == backend.cache_folder().parent


def test_what_was_not_used_for_longest_goes_first(folder):
    for age, name in enumerate(("old", "older", "oldest")):
        (folder / name).mkdir()
        (folder / name / "row.npz").write_bytes(b"x" * 100)
        os.utime(folder / name, (1000 - age, 1000 - age))
    shelf.prune(folder / "oldest", most=200)
    assert {one.name for one in folder.iterdir()} == {"old", "oldest"}
    shelf.prune(folder / "oldest", most=0)
    assert {one.name for one in folder.iterdir()} == {"oldest"}


def test_where_nothing_can_be_kept_it_runs_all_the_same(study_job, monkeypatch, folder):
    (folder / "file").write_text("")
    monkeypatch.setenv("INVERSION_STUDIES", str(folder / "file" / "below"))
    job = study_job()
    assert job.folder is None and "is not kept" in job.remark
    end = ended(job)
    assert end.state == "done" and end.rows == ROWS and studying.kept(TINY)[0] == {}


# How long it takes


@pytest.fixture
def view(folder, monkeypatch):
    """An outlook whose clock stands still: `view.now[0]` moves it; a process that has compiled nothing."""
    monkeypatch.setattr(outlook, "_compiled", set())

    def make(plan=TINY, trained=(), known=None):
        now = [0.0]
        made = outlook.Outlook(plan, {}, set(trained), lambda: now[0], known or Ledger(folder / "none.json"))
        made.now = now
        return made

    return make


def measured(folder, compiling=0.5, running=2e-4):
    known = Ledger(folder / "pace.json")
    known.pace = Pace(compiling, running)
    return known


def played(made, seconds_of):
    """(time, share, left) at each report of a run that takes these seconds: by what is done, per piece and at first."""
    told, met, steps = [], set(), 30

    def work(doing, program, piece):
        told.append((made.now[0], *made.look(doing)))
        made.now[0] += piece + (0.0 if program in met else seconds_of[program])
        met.add(program)

    for variant in made.plan.variants:
        keys = sorted(made.plan.keys(variant), key=lambda key: key[1] is not None)
        untrained = True
        for key in keys:
            if key[1] is not None and untrained:
                untrained = False
                for step in range(0, steps, 10):
                    work(Doing(variant, "", step, steps), "training", 0.2)
                told.append((made.now[0], *made.look(Doing(variant, "", steps, steps))))
                made.now[0] += 0.01
            work(Doing(variant, key[0], 0, len(keys)), key[0], 0.05)
    told.append((made.now[0], *made.look(None)))
    return told


TRUTH = {"training": 8.0, "gauss_newton": 3.0, DIFFERENCED: 2.0}


def test_before_any_measurement_the_time_is_not_known(view):
    assert view().seconds() is None and about(None) == "time not known yet" == remaining(None)
    told = played(view(), TRUTH)
    assert told[0][1:] == (0.0, None) and told[-1][1:] == (1.0, 0.0)
    shares = [share for _, share, _ in told]
    assert shares == sorted(shares)


def test_a_second_run_knows_what_the_first_one_took(view, folder, monkeypatch):
    first = view(known=measured(folder))
    assert first.seconds() > 0
    played(first, TRUTH)
    first.keep()
    monkeypatch.setattr(outlook, "_compiled", set())  # another process, which reads from the cache or compiles again
    often = READ if jax.config.jax_compilation_cache_dir else 1.0
    truth = {program: often * seconds for program, seconds in TRUTH.items()}
    told = played(view(known=Ledger(folder / "pace.json")), truth)
    whole = told[-1][0]
    for now, _, left in told:
        assert whole / 1.5 <= now + left <= whole * 1.5


def test_what_is_compiled_or_trained_is_not_expected_again(view, folder):
    known = measured(folder)
    whole = view(known=known).seconds()
    played(view(known=known), TRUTH)
    compiled = view(known=known).seconds()
    assert compiled < whole and view(known=known, trained=(FULL, NO_JCP)).seconds() < compiled


def test_every_experiment_has_a_weight():
    assert set(outlook.PIECE) == set(EXPERIMENTS)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "about 1 s"), (3.4, "about 3 s"), (37, "about 35 s"), (99, "about 100 s"), (110, "about 2 min"),
     (200, "about 3 min")],
)  # fmt: skip
def test_a_time_as_a_button_says_it(seconds, said):
    assert about(seconds) == said and remaining(seconds) == f"{said} left"
