"""The benchmarks' table and command line. What they measure is measured by `make bench`, never by a test."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import crowd, floor, students, tab
from benchmarks.report import Budget, Remark, Row, median, p95, quantity, summary, table
from pages.ui.stage import pack, unpack

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("a", "ms", 8.0, budget=Budget(8)), True),
        (Row("a", "ms", 8.1, budget=Budget(8)), False),
        (Row("a", "/s", 60.0, budget=Budget(60, at_least=True)), True),
        (Row("a", "/s", 59.0, budget=Budget(60, at_least=True)), False),
        (Row("a", "ms", 1.0, p95=9.0, budget=Budget(8, of="p95")), False),
        (Row("a", "ms", 9.0, p95=7.0, budget=Budget(8, of="p95")), True),
        (Row("a", "ms", 130.0, floor=100.0, budget=Budget(1.3, of="ratio")), True),
        (Row("a", "ms", 131.0, floor=100.0, budget=Budget(1.3, of="ratio")), False),
        (Row("a", "ms", 1.0, floor=0.0, budget=Budget(1.3, of="ratio")), False),
        (Row("a", "ms", 1.0, budget=Budget(1.3, of="ratio")), False),
        (Row("a", "ms", float("nan"), budget=Budget(8)), False),
        (Row("a", "ms", float("nan"), budget=Budget(8, at_least=True)), False),
        (Row("a", "", 0, budget=Budget(0)), True),
        (Row("a", "ms", 1.0), None),
    ],
)
def test_a_budget_is_met_or_not(row: Row, met: bool | None) -> None:
    assert row.met is met
    assert ("NOT MET" in row.cells()) is (met is False)


def test_the_percentile_is_a_measured_value_that_95_percent_do_not_exceed() -> None:
    assert p95(list(range(100, 0, -1))) == 95
    assert p95(list(range(1, 21))) == 19
    assert p95([3.0]) == 3.0
    assert p95([1.0, 2.0]) == 2.0
    assert median([3, 1, 2, 10]) == 2.5


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "", "0"),
        (1.234, "ms", "1.23 ms"),
        (12.34, "ms", "12.3 ms"),
        (1234.5, "steps/s", "1,234 steps/s"),
        (float("nan"), "ms", "nan ms"),
        (float("inf"), "ms", "inf ms"),
    ],
)
def test_a_quantity_is_written_with_the_digits_that_matter(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_the_table_aligns_its_columns_and_says_why_a_number_is_missing() -> None:
    rows = [
        Row("short", "ms", 1.5, p95=2.5, floor=1.0, budget=Budget(8, of="p95"), note="as it is"),
        Remark("broken", "RuntimeError: no browser"),
        Row("a much longer name", "/s", 59.0, budget=Budget(60, at_least=True)),
        Remark("elsewhere", "no /proc", failed=False),
    ]
    head, rule, first, broken, second, skipped = table(rows).splitlines()
    assert set(rule) == {"─"}
    assert head.index("median") == first.index("1.50 ms") == second.index("59 /s") == broken.index("failed:")
    assert head.index("verdict") == first.index("met") == second.index("NOT MET")
    assert head.index("note") == first.index("as it is")
    assert "≤ 8 ms (p95)" in first
    assert "1.50" in first[head.index("× floor") :]
    assert "≥ 60 /s" in second
    assert broken.endswith("failed: RuntimeError: no browser")
    assert skipped.endswith("skipped: no /proc")
    assert summary(rows) == "1 of 2 budgets met; 1 failed, 1 skipped."


def test_every_named_measurement_exists() -> None:
    for name in (*command.NAMES, *command.FIGURES):
        assert callable(import_module(f"benchmarks.{name}").measure)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch):
    """Run the command with one measurement, given as a generator function in place of the payloads'."""

    def run(measure) -> int:
        monkeypatch.setattr(import_module("benchmarks.payloads"), "measure", measure)
        monkeypatch.setattr("core.backend.enable_compilation_cache", lambda: "")
        return command.main(["payloads"])

    return run


def test_a_missed_budget_is_reported_and_is_no_failure(measured, capsys: pytest.CaptureFixture) -> None:
    assert measured(lambda lab: [Row("slow", "ms", 9.0, budget=Budget(8))]) == 0
    said = capsys.readouterr().out
    assert "NOT MET" in said
    assert "0 of 1 budgets met" in said
    assert "jax" in said
    assert "load average" in said


def test_a_measurement_that_breaks_keeps_its_first_rows_and_ends_in_status_1(measured, capsys) -> None:
    def breaks(lab):
        yield Row("first", "ms", 1.0)
        raise RuntimeError("the browser went away\nand more")

    assert measured(breaks) == 1
    said = capsys.readouterr().out
    assert "first" in said
    assert "failed: RuntimeError: the browser went away\n" in said


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["stages"])
    assert ended.value.code == 2
    assert "stages" in (said := capsys.readouterr().err)
    assert all(name in said for name in command.NAMES)


def test_help_lists_the_measurements() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in command.NAMES)
    assert "--quick" in done.stdout


def test_the_floor_page_shows_its_picture_under_any_settings(tmp_path, monkeypatch) -> None:
    arrays = {"z": np.array([[1.5, np.nan], [np.inf, -2.0]], np.float32), "n": np.arange(3, dtype=np.int32)}
    header = {"slug": "crux", "settings": {"alpha": 0.25}, "alt": "α"}
    (tmp_path / "picture").write_bytes(pack(header, arrays))
    (tmp_path / "texts.json").write_text('{"question": "Why?"}', encoding="utf-8")
    monkeypatch.setenv(floor.FOLDER, str(tmp_path))
    still = import_module("benchmarks.floor_app.still")
    for settings in (None, {"alpha": 0.5, "start": [1, 2]}):
        shown, same = unpack(still.picture(settings))
        assert shown == (header if settings is None else header | {"settings": settings})
        assert same.keys() == arrays.keys()
        assert all(np.array_equal(same[name], arrays[name], equal_nan=name == "z") for name in arrays)
    assert still.texts() == {"question": "Why?"}


def test_the_load_fetches_sweeps_when_the_stage_does() -> None:
    source = (ROOT / "pages/ui/stage/sweeps.js").read_text(encoding="utf-8")
    assert f"const QUIET = {1000 * students.QUIET:.0f};" in source
    assert f"const KEPT = {tab.KEPT_SWEEPS};" in source


def test_a_class_opens_pages_that_exist_and_whose_buttons_do_not_work_for_minutes() -> None:
    assert len(crowd.pages(6)) == 6
    every = crowd.pages(99)
    assert not crowd.NOT_FOR_A_CLASS & set(every) and len(every) > 20


@pytest.mark.parametrize("arguments", [["--students", "60", "30"], ["--students", "3"], ["--servers", "0"]])
def test_a_class_that_cannot_be_measured_is_refused(arguments: list[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        crowd.main(arguments)
    assert ended.value.code == 2 and "sizes grow" in capsys.readouterr().err


def test_the_growth_of_memory_is_told_by_the_later_looks() -> None:
    # 10 MB in the first minute, when everything is new, then 60 kB a minute.
    memory = [0, *(10e6 + 60e3 * minute for minute in range(11))]
    looks = [crowd.Look(60.0 * minute, 0, 0, 0, int(held)) for minute, held in enumerate(memory)]
    assert crowd.slope(looks) == pytest.approx(60, rel=1e-3)


def test_make_help_lists_both_measurements() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    assert "make bench " in said and "make bench-class " in said
