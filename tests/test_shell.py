"""The page that the browser gets first: what it asks for in advance exists, and it is there before JAX is."""

import gc
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lessons import SYLLABUS, lessons
from pages.ui import files, shell, startup
from pages.ui.navigation import BESIDE, GLOSSARY
from pages.ui.stage.assets import ASSETS, eager

ROOT = Path(__file__).parents[1]


def test_the_server_starts_without_jax_or_the_lessons():
    """They take longer to import than all the rest; the browser loads its own part meanwhile."""
    code = "import sys, app; print(sorted({'jax', 'equinox', 'lessons', 'core'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip().endswith("[]")


def test_every_lesson_has_its_address_and_the_first_is_the_root():
    assert set(shell.slugs()) == {*lessons(), *BESIDE}
    assert SYLLABUS[0].lessons[0].slug == shell.OPENING
    assert {route.path for route in shell.routes()} == {
        "/",
        *(f"/{slug}" for slug in BESIDE),
        *(f"/{slug}" for slug in lessons()),
    }


@pytest.mark.parametrize("element", shell.ELEMENTS)
def test_streamlit_has_a_file_for_each_element_that_is_asked_for_in_advance(element):
    assert sum(name.startswith(f"{element}.") for name in shell.chunks("")) == 1


def test_all_that_is_asked_for_in_advance_exists_and_nothing_twice():
    asked = re.findall(r'<link rel="(?:module)?preload"[^>\n]* href="([^"]+)"', shell.page())
    assert all(files.find(url.removeprefix(".")) for url in asked) and len(asked) == len(set(asked))
    modules = {f".{asset.url}" for name, asset in ASSETS.items() if name.endswith(".js") and name != "plotly.min.js"}
    assert modules <= set(asked)


def test_the_sketch_says_the_lessons_question_once_the_lessons_are_known(monkeypatch):
    asks = lessons()["crux"].question
    assert f"<h1>{asks}</h1>" in shell.sketched("crux") and "<h1>Inversion</h1>" in shell.sketched(GLOSSARY)
    monkeypatch.delitem(sys.modules, "lessons")
    assert "<h1>Inversion</h1>" in shell.sketched("crux")


def test_another_page_of_streamlits_is_refused(monkeypatch, tmp_path):
    (tmp_path / "index.html").write_text("<html></html>")
    monkeypatch.setattr(shell, "STATIC", tmp_path)
    with pytest.raises(RuntimeError, match=r"index.html has changed"):
        shell.page.__wrapped__()


def test_plotly_is_changed_by_two_parentheses_only():
    body = ASSETS["plotly.min.js"].body
    assert body.count(b": this, (() => {\n") == 1 and body.rstrip().endswith(b"return Plotly;\n})));")
    assert eager(b"another library") == b"another library"


@pytest.fixture
def starting(monkeypatch):
    """A startup whose warm-up does nothing but note that it began and ended."""
    from pages.ui import warmup

    told = []

    class Warmup:
        def start(self):
            told.append("began")
            return self

        def stop(self):
            told.append("ended")

    monkeypatch.setattr(warmup, "Warmup", Warmup)
    monkeypatch.setattr(startup, "_imported", startup.threading.Event())
    turn = sys.getswitchinterval()
    yield startup.Startup(), told
    sys.setswitchinterval(turn)
    gc.unfreeze()


def test_a_script_waits_for_the_imports_and_the_warm_up_follows_them(starting):
    server, told = starting
    server.start()
    assert startup._imported.wait(60)
    startup.wait()
    server.stop()
    assert told == ["began", "ended"] and gc.isenabled()
    assert sys.getswitchinterval() == pytest.approx(startup.TURN)  # else who paints waits longer


def test_an_import_that_fails_keeps_no_page_waiting(starting, monkeypatch):
    server, told = starting
    monkeypatch.setitem(sys.modules, "core", None)  # importing it raises
    monkeypatch.setattr(startup.threading, "excepthook", lambda *_: None)
    server.start()
    assert startup._imported.wait(60)
    startup.wait()
    server.stop()
    assert told == [] and gc.isenabled()
