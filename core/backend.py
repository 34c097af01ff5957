"""Where the numbers are computed: device, precision and compilation cache, decided in this one place.

Precision: toy problems and solvers want float64, since "scale-invariant up to rounding" is a claim about rounding;
training is float32 and says so at each array. On a backend without float64 (Apple's Metal, for instance) everything
is float32. Device: whatever JAX finds. `JAX_PLATFORMS=cpu` or `CUDA_VISIBLE_DEVICES=1` choose; a platform that was
asked for and is missing falls back to the CPU, and `describe()` says so.

On the CPU a program keeps one core busy. JAX 0.10's LAPACK kernels hand their batch to XLA's pool of threads and wait
for it there, so that as many of them at once as the pool has threads wait for ever (`jnp.linalg.solve` under `vmap`, on
two cores: two students). So the pool has one thread. What has no loops runs in the thread that calls it; most loops end
up in the pool's, where those of several students take turns: more cores serve more students by more server processes.
LAPACK itself (OpenBLAS) would share out even a matrix of 64 x 64 over all cores, and then waits, on cores that are
busy, 200 times as long as the decomposition takes.
"""

import os
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

_WITHOUT_FLOAT64 = {"METAL", "metal"}
_note = ""


@dataclass(frozen=True)
class Device:
    """What the computations run on: `platform` such as "cpu", `kind` such as "NVIDIA H100", how many, and a note."""

    platform: str
    kind: str
    count: int
    precision: str
    jax: str
    note: str


def configure() -> None:
    """Find a working device and switch float64 on where it exists. Safe to call again."""
    global _note
    os.environ.setdefault("PJRT_NPROC", "1")  # read once, when the first device is asked for
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when JAX first decomposes a matrix
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    try:
        platform = jax.devices()[0].platform
    except RuntimeError as error:
        wanted = os.environ.get("JAX_PLATFORMS", "an accelerator")
        jax.config.update("jax_platforms", "cpu")
        platform = jax.devices()[0].platform
        _note = f"JAX could not start {wanted} ({str(error).splitlines()[0]}), so the CPU is used."
    jax.config.update("jax_enable_x64", platform not in _WITHOUT_FLOAT64)


def default_float() -> DTypeLike:
    """float64 where the backend has it, else float32: the type of toy problems and solvers."""
    return jnp.float64 if jax.config.jax_enable_x64 else jnp.float32


def describe() -> Device:
    """The device and precision in use, for the line at the foot of every page."""
    devices = jax.devices()
    precision = "float64, training in float32" if jax.config.jax_enable_x64 else "float32"
    return Device(devices[0].platform, devices[0].device_kind, len(devices), precision, jax.__version__, _note)


def provenance() -> dict[str, str]:
    """Versions and device, for every table and figure that is taken away."""
    device = describe()
    return {
        "python": sys.version.split()[0],
        "jax": jax.__version__,
        "numpy": np.__version__,
        "device": f"{device.count} x {device.kind} ({device.platform}), {device.precision}",
    }


def cache_folder() -> Path:
    """The user's own cache folder for compiled programs, by the platform's convention."""
    if "XDG_CACHE_HOME" in os.environ:
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path.home() / ".cache"
    return base / "inversion-course" / f"jax-{jax.__version__}"


def enable_compilation_cache(folder: Path | None = None) -> str:
    """Keep compiled programs across starts (3.6 s of compilation become 0.2 s on a CPU).

    Whoever can write to this folder can run code as the user, so it is the user's own, mode 700. A folder that cannot
    be made, or that belongs to somebody else, means running without a cache: the returned sentence says why ("" if all
    is well).
    """
    folder = folder or cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            return f"{folder} belongs to another user, so compiled programs are not kept."
        folder.chmod(0o700)
    except OSError as error:
        return f"{folder} cannot be used ({error.strerror}), so compiled programs are not kept."
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Both limits would keep the many small programs of the lessons out of the cache.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # A corrupted entry or a full disk is then a warning and a compilation, not a failed page.
    jax.config.update("jax_raise_persistent_cache_errors", False)
    _complain_once()
    return ""


_TROUBLE = re.compile(r"Error (reading|writing) persistent compilation cache entry.*?: (\w+: .*)", re.DOTALL)
_told: set[str] = set()


def _complain_once() -> None:
    """Tell once what JAX says of every program: that it cannot be kept (a full disk), or read (a damaged entry)."""
    show = warnings.showwarning
    if getattr(show, "complains_once", False):
        return

    def showwarning(message: Warning | str, *where: object, **more: object) -> None:
        trouble = _TROUBLE.match(str(message))
        if trouble is None:
            show(message, *where, **more)
        elif trouble[1] not in _told:
            _told.add(trouble[1])
            what = "kept" if trouble[1] == "writing" else "read"
            print(f"Compiled programs cannot be {what} ({trouble[2]}); they are compiled anew.", file=sys.stderr)

    showwarning.complains_once = True
    warnings.showwarning = showwarning
