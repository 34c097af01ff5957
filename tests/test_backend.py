"""Device, precision and the cache of compiled programs: chosen in one place, said in words, never a reason to fail."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import core
from core import backend

ROOT = Path(core.__file__).parent.parent
OPTIONS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
    "jax_raise_persistent_cache_errors",
)


@pytest.fixture
def kept_options():
    """Put JAX's cache options back, so that no other test writes to a folder of this one."""
    before = {name: getattr(jax.config, name) for name in OPTIONS}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def run(code, **environment):
    """A fresh interpreter, as a student's is."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_float64_is_the_default_on_the_cpu():
    assert backend.default_float() == jnp.float64
    assert jnp.ones(()).dtype == jnp.float64


def test_lapack_keeps_to_one_thread():
    """OpenBLAS reads this when JAX first decomposes a matrix, which is after core was imported."""
    said = run("import core, os, sys; print(os.environ['OPENBLAS_NUM_THREADS'], 'scipy.linalg' in sys.modules)")
    assert said.stdout.split() == [os.environ["OPENBLAS_NUM_THREADS"], "False"]


def test_without_float64_everything_is_float32():
    jax.config.update("jax_enable_x64", False)
    try:
        assert backend.default_float() == jnp.float32
        assert backend.describe().precision == "float32"
    finally:
        jax.config.update("jax_enable_x64", True)


def test_describe_says_what_computes():
    device = backend.describe()
    assert (device.platform, device.precision, device.note) == ("cpu", "float64, training in float32", "")
    assert device.count == len(jax.devices()) and device.jax == jax.__version__


def test_configure_may_be_called_again():
    backend.configure()
    assert backend.describe().note == "" and jax.config.jax_enable_x64


def test_a_missing_accelerator_falls_back_to_the_cpu_and_says_so():
    code = (
        "from core import backend, toys, updates, rollout\n"
        "path = rollout.rollout(updates.newton, toys.Scaled(4.0), (3.0, 3.0), 1, eta=1.0)\n"
        "device = backend.describe()\n"
        "print(device.platform, device.precision, float(abs(path.x[-1]).max()) < 1e-12, sep='|')\n"
        "print(device.note)"
    )
    # rocm: there is no plugin for it in the requirements, so it is missing wherever this runs.
    done = run(code, JAX_PLATFORMS="rocm")
    assert done.returncode == 0, done.stderr
    first, note = done.stdout.splitlines()
    assert first == "cpu|float64, training in float32|True"
    assert note.startswith("JAX could not start rocm (") and note.endswith("so the CPU is used.")


def test_the_cache_is_the_users_own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert backend.cache_folder() == tmp_path / "inversion-course" / f"jax-{jax.__version__}"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert Path.home() in backend.cache_folder().parents


def test_the_cache_folder_is_private(kept_options, tmp_path):
    made = tmp_path / "deep" / "cache"
    assert backend.enable_compilation_cache(made) == ""
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert jax.config.jax_compilation_cache_dir == str(made)
    # One that was there before and open to others is closed.
    made.chmod(0o777)
    assert backend.enable_compilation_cache(made) == ""
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_a_sentence(kept_options, tmp_path):
    before = jax.config.jax_compilation_cache_dir
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        said = backend.enable_compilation_cache(folder)
        assert said.startswith(str(folder)) and said.endswith("so compiled programs are not kept.")
    assert jax.config.jax_compilation_cache_dir == before


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this system knows no owners of files")
def test_somebody_elses_folder_is_not_used(kept_options, monkeypatch, tmp_path):
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    assert "belongs to another user" in backend.enable_compilation_cache(tmp_path)
    assert jax.config.jax_compilation_cache_dir == before


COMPILE = (
    "import jax, pathlib\n"
    "from core import backend\n"
    "assert backend.enable_compilation_cache(pathlib.Path({folder!r})) == ''\n"
    "print(float(jax.jit(lambda x: (x * 3 + 1) ** 2)(2.0)))"
)


def test_a_corrupted_entry_does_not_break_a_run(tmp_path):
    code = COMPILE.format(folder=str(tmp_path))
    assert run(code, JAX_PLATFORMS="cpu").stdout.strip() == "49.0"
    entries = [path for path in tmp_path.rglob("*-cache")]
    assert entries, "nothing was kept"
    for entry in entries:
        entry.write_bytes(b"no program")
    again = run(code, JAX_PLATFORMS="cpu")
    assert (again.returncode, again.stdout.strip()) == (0, "49.0"), again.stderr


FULL = """
import pathlib, sys, warnings, jax
from jax._src import compilation_cache
from core import backend
assert backend.enable_compilation_cache(pathlib.Path(sys.argv[1])) == ""
assert backend.enable_compilation_cache(pathlib.Path(sys.argv[1])) == ""
def full(*_):
    raise OSError(28, "No space left on device")
compilation_cache.put_executable_and_time = full
print(*(float(jax.jit(lambda x, n=n: (x * 3 + n) ** 2)(2.0)) for n in (1, 2, 3)))
warnings.warn("something else")
"""


def test_a_full_disk_is_told_once_and_stops_nothing(tmp_path):
    program = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "JAX_PLATFORMS": "cpu"})
    assert (done.returncode, done.stdout.split()) == (0, ["49.0", "64.0", "81.0"]), done.stderr
    assert done.stderr.count("No space left on device") == 1
    assert "Compiled programs cannot be kept" in done.stderr and "something else" in done.stderr


AT_ONCE = """
import threading, jax
from lessons import lessons
lesson = lessons()["newton-breaks"]
jax.block_until_ready(lesson.sweep("level", dict(lesson.defaults))[1])
def many():
    for _ in range(50):
        lesson.sweep("level", dict(lesson.defaults))
threads = [threading.Thread(target=many) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("all done")
"""


def test_students_at_once_do_not_lock_each_other_out():
    """Batched solves from several threads: with XLA's pool of threads this stands still for ever."""
    assert run(AT_ONCE).stdout.strip() == "all done"
