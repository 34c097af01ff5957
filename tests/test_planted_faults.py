"""The lists of planted faults keep up with the files that the faults are planted in."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("plant_faults", ROOT / "tools" / "plant_faults.py")
plant_faults = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plant_faults)
FAULTS = [(name, fault) for name, path in plant_faults.lists().items() for fault in plant_faults.read(path)]


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=[f"{name}-{fault.name}" for name, fault in FAULTS])
def test_a_fault_can_still_be_planted_at_one_place(name, fault):
    text = (ROOT / fault.file).read_text()
    assert fault.planted(text) != text
    named = [test.partition("::") for test in fault.tests if test.startswith("tests/")]
    assert named
    for file, _, function in named:
        assert f"def {function.split('[')[0] if function else 'test_'}" in (ROOT / file).read_text()


def test_no_two_faults_are_the_same():
    assert {name for name, _ in FAULTS} >= {"stage"}
    assert len({(fault.file, fault.old, fault.new) for _, fault in FAULTS}) == len(FAULTS)
    assert len({fault.name for _, fault in FAULTS}) == len(FAULTS)


def test_a_text_that_is_not_there_or_is_there_twice_is_refused():
    fault = plant_faults.Fault("name", "file", "old", "new", ("test",))
    assert fault.planted("an old text") == "an new text"
    for text in ("a text", "an old, old text"):
        with pytest.raises(ValueError, match="not once"):
            fault.planted(text)
