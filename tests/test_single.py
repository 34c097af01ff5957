"""What the lessons say and draw holds in float32 too: tests/test_shown.py again, as on a backend without float64."""

import subprocess
import sys
from pathlib import Path

import pytest

from lessons import SYLLABUS
from tests.shown import kit

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("part", SYLLABUS, ids=lambda part: part.folder)
def test_every_sentence_is_true_in_float32(part):
    chosen = " or ".join(f"[{slug}]" for slug in kit.files(lesson.slug for lesson in part.lessons))
    run = [sys.executable, "-m", "pytest", "-p", "tests.shown.single", "-n", "0", "-q", "--no-header", "--durations=0"]
    found = subprocess.run([*run, "tests/test_shown.py", "-k", chosen], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
