"""Settings of the whole suite, and the fixtures that any test may ask for."""

import itertools
import os
import re
from pathlib import Path

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

# Several workers would each take most of an accelerator's memory, and expected values are stated for the CPU.
# Set before anything imports JAX; the app that the browser tests start inherits it.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

# The suite compiles some thousand programs and runs most of them once: compiled without care that costs a third.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1",
)

# A slow machine is no failure: how long an example takes is left to the benchmark.
hypothesis.settings.register_profile("course", deadline=None, max_examples=50, derandomize=True)
hypothesis.settings.load_profile("course")

BROWSER, SINGLE = "tests/browser/", "tests/test_single.py"
PAGES = Path(__file__).parents[1] / "pages"
FILES = [path for path in PAGES.glob("*/*.py") if path.parent.name != "ui"]
SLUGS = sorted((path.stem.replace("_", "-") for path in FILES), key=len, reverse=True)  # heat-1d before heat
OF_A_LESSON = re.compile(rf"^tests/test_(?:lessons|shown|scene|takeaways|course)\.py::\w+\[({'|'.join(SLUGS)})\b")


class ByPlace(LoadScopeScheduling):
    """Keep a lesson's tests on one worker, where they share what JAX has traced, a file's others too, and the browser.

    This is what xdist's own `loadgroup` is for, whose marks get lost under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(BROWSER):
            return BROWSER
        if nodeid.startswith(SINGLE):  # processes of their own, which share nothing
            return nodeid
        lesson = OF_A_LESSON.match(nodeid)
        return lesson[1] if lesson else nodeid.split("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Distribute tests by `ByPlace`."""
    return ByPlace(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come first, then the longest rows, beside which the others fit; a lesson's stay together."""

    def place(item: pytest.Item) -> tuple[bool, bool, bool, str]:
        lesson = OF_A_LESSON.match(item.nodeid)
        single = item.nodeid.startswith(SINGLE)
        return not item.nodeid.startswith(BROWSER), not single, not lesson, lesson[1] if lesson else ""

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def compiled_once():
    """What one worker or the browser tests' server has compiled, the others need not: a third of the time."""
    from core import backend

    backend.enable_compilation_cache()


_tests = itertools.count(1)


@pytest.fixture(autouse=True)
def memory_given_back():
    """Let go of the compiled programs of earlier tests before they fill the process."""
    yield
    if next(_tests) % 20 == 0:
        from core import programs

        programs.give_back(15_000)


@pytest.fixture
def strict():
    """JAX without implicit promotion: a float32 that meets a float64, or a vector a matrix, is an error."""
    import jax

    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture
def job():
    """Make training jobs that have all ended when the test has."""
    from tests.runs import Runs

    runs = Runs()
    yield runs
    runs.end()
