"""The house rules: who imports whom, nothing from another host, and texts that name only what exists."""

import ast
import importlib.metadata
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("core", "lessons", "pages")
# core <- lessons <- pages <- app: what each layer may not import, and what none may.
FORBIDDEN = {
    "core": {"streamlit", "plotly", "lessons", "pages", "app"},
    "lessons": {"streamlit", "pages", "app"},
    "pages": {"app"},
    "app.py": set(),
}
NEVER = {"tests", "benchmarks", "tools", "requests", "httpx", "aiohttp", "urllib.request", "http.client"}
OWNERS_TOP_LEVEL = ["app.py", "pages", "core", "lessons", "tests", "requirements.txt", "README.md"]
TOOLING = [".ci/run", ".streamlit/config.toml", "LICENSE", "Makefile", "benchmarks", "pyproject.toml"]
OWNERS_PACKAGES = {"streamlit", "jax", "jaxlib", "plotly", "numpy", "pytest"}
MOST_LINES = 400


def python_files(*places: str) -> list[Path]:
    """All Python files in these files and folders of the project, at least one in each place that exists."""
    found = []
    for place in places:
        path = ROOT / place
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        assert files, f"{place} holds no Python file"
        found.extend(files)
    return found


def name(path: Path) -> str:
    """The path from the project's folder, for messages and test ids."""
    return path.relative_to(ROOT).as_posix()


PRODUCT = python_files(*LAYERS, "app.py")
EVERYTHING = [*PRODUCT, *python_files("tests", "benchmarks", "tools")]


def imports(source: str, package: str = "") -> set[str]:
    """Dotted names that a module imports, with `from . import x` resolved against its package."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            found |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    return found


def wrong_imports(layer: str, found: set[str]) -> set[str]:
    """Those of the imports that this layer may not have."""
    banned = FORBIDDEN[layer] | NEVER
    return {one for one in found if any(one == ban or one.startswith(f"{ban}.") for ban in banned)}


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_dependencies_point_one_way(path: Path) -> None:
    package = ".".join(path.relative_to(ROOT).parent.parts)
    found = imports(path.read_text(encoding="utf-8"), package)
    assert not wrong_imports(path.relative_to(ROOT).parts[0], found)


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("core", "import streamlit as st"),
        ("core", "import plotly.graph_objects as go"),
        ("core", "def late():\n    from lessons.lesson import Lesson"),
        ("lessons", "from streamlit.components import v2"),
        ("lessons", "import importlib\nimportlib.import_module('pages.ui')"),
        ("pages", "import app"),
        ("pages", "from urllib import request"),
        ("app.py", "import tests.conftest"),
    ],
)
def test_a_wrong_import_is_seen(layer: str, source: str) -> None:
    assert wrong_imports(layer, imports(source, f"{layer}.part"))


def test_right_imports_pass() -> None:
    source = "import jax.numpy as jnp\nfrom core.problem import Problem\nfrom . import figures\nimport application"
    assert not wrong_imports("lessons", imports(source, "lessons"))


# Ways to load something from another host; a link in a text or the name of an XML namespace loads nothing.
HOST = r"(?:https?:|wss?:)?//[\w\[]"
LOADS = [
    rf"\b(?:src|srcset|data-src|poster|action)\s*=\s*\\?[\"'`]?{HOST}",
    rf"\.(?:src|href)\s*=\s*[\"'`]{HOST}",
    rf"<(?:link|use|image|script|iframe|object|embed)\b[^>]*{HOST}",
    rf"@import\s+(?:url\()?\s*[\"']?{HOST}",
    rf"\burl\(\s*\\?[\"']?{HOST}",
    rf"\b(?:fetch|import|importScripts|sendBeacon|open)\s*\(\s*[\"'`]{HOST}",
    rf"\b(?:EventSource|WebSocket|Worker|SharedWorker)\s*\(\s*[\"'`]{HOST}",
    rf"\b(?:import|export)\b[^;\n]*\bfrom\s+[\"'`]{HOST}",
    rf"\bimport\s+[\"'`]{HOST}",
    rf"\b(?:image|video|audio|logo|iframe|html|urlopen|include_plotlyjs)\s*[(=]\s*[\"']{HOST}",
    r"include_plotlyjs\s*=\s*[\"']cdn[\"']",
]


def loads_from_elsewhere(source: str) -> list[str]:
    """The places in a file that make a browser, or Python, load from another host."""
    return [match.group(0) for pattern in LOADS for match in re.finditer(pattern, source, re.IGNORECASE)]


def test_nothing_is_loaded_from_another_host() -> None:
    shown = {".py", ".js", ".mjs", ".css", ".html", ".svg", ".json", ".md", ".toml"}
    folders = [path for layer in (*LAYERS, ".streamlit") for path in (ROOT / layer).rglob("*")]
    files = [path for path in [*folders, ROOT / "app.py"] if path.suffix in shown]
    assert {".py", ".js", ".toml"} <= {path.suffix for path in files}
    found = {name(path): loads_from_elsewhere(path.read_text(encoding="utf-8")) for path in files}
    assert not {path: places for path, places in found.items() if places}


@pytest.mark.parametrize(
    "source",
    [
        '<script src="https://cdn.example.org/plotly.js"></script>',
        "<img src=//example.org/a.png>",
        '<link rel="stylesheet" href="https://fonts.example.org/css">',
        "@import url('https://fonts.example.org/css');",
        "background: url(http://example.org/a.png)",
        "await fetch(`https://example.org/data`)",
        'import Plotly from "https://esm.example.org/plotly"',
        "const p = await import('https://esm.example.org/plotly')",
        "new EventSource('http://example.org/stream')",
        "script.src = 'https://example.org/x.js'",
        'st.image("https://example.org/a.png")',
        'figure.to_html(include_plotlyjs="cdn")',
    ],
)
def test_a_load_from_elsewhere_is_seen(source: str) -> None:
    assert loads_from_elsewhere(source)


@pytest.mark.parametrize(
    "source",
    [
        "[Holl and others, 2021](https://arxiv.org/abs/2109.15048)",
        '<a href="https://arxiv.org/abs/2511.21076">the paper</a>',
        'document.createElementNS("http://www.w3.org/2000/svg", "path")',
        '<script src="/plotly.js"></script>',
        "new EventSource(`${base}/jobs/${token}`)",
        "quotient = a // b",
    ],
)
def test_citations_and_own_addresses_pass(source: str) -> None:
    assert not loads_from_elsewhere(source)


@pytest.mark.parametrize("entry", [*OWNERS_TOP_LEVEL, *TOOLING, "requirements-dev.txt"])
def test_the_top_level_stands(entry: str) -> None:
    assert (ROOT / entry).exists()


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_a_module_says_what_it_is_for_and_stays_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    assert (ast.get_docstring(ast.parse(source)) or "").strip(), "no module docstring"


def pins(file: str) -> dict[str, str]:
    """Package -> version of a requirements file; a line that is not `name==version`, for a system or all, is wrong."""
    lines = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
    matches = {line: re.fullmatch(r"([A-Za-z0-9._-]+)==(\d[\w.]*)(?:; sys_platform .*)?", line) for line in wanted}
    assert not [line for line, match in matches.items() if match is None], "not pinned with =="
    return dict(match.groups() for match in matches.values())


def test_requirements_are_pinned_to_what_is_tested() -> None:
    run, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    assert "-r requirements.txt" in (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    assert not run.keys() & dev.keys()
    assert (run | dev).keys() >= OWNERS_PACKAGES
    installed = {package: importlib.metadata.version(package) for package in run | dev}
    assert installed == run | dev, "run `make test`, which installs the pinned versions"


def test_the_commands_exist_and_ci_runs_what_the_readme_says() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"run", "test"} <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert ci[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in ci
    assert any(re.search(r"\bmake test\b", line) for line in ci if not line.startswith("#"))
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def readme() -> str:
    """The README's text."""
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_shows_two_commands() -> None:
    blocks = re.findall(r"^```\w*\n(.*?)^```", readme(), re.MULTILINE | re.DOTALL)
    lines = {line.split("#")[0].strip() for block in blocks for line in block.splitlines()}
    assert {"make run", "make test"} <= lines
    code = [*lines, *re.findall(r"`([^`\n]+)`", readme())]
    assert {target for line in code for target in re.findall(r"\bmake ([a-z]+)", line)} == {"run", "test"}


def test_the_readme_names_only_what_exists() -> None:
    text = re.sub(r"^```.*?^```", "", readme(), flags=re.MULTILINE | re.DOTALL)
    quoted = re.findall(r"`([^`\s]+)`", text)
    paths = [one for one in quoted if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", one)]
    paths = [one for one in paths if "/" in one or Path(one).suffix in {".py", ".md", ".txt", ".toml"}]
    links = [one for one in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"https?:|#", one)]
    assert paths
    assert any(one.endswith(".png") for one in links), "no picture of the app"
    assert not [one for one in [*paths, *links] if not (ROOT / one).exists()]


@pytest.mark.parametrize("path", sorted((ROOT / "pages").rglob("*.css")), ids=lambda path: path.name)
def test_no_style_depends_on_a_part_of_a_class(path: Path) -> None:
    """With such a selector Chromium styles all elements of the page again whenever any class changes: 20 ms."""
    assert "[class" not in re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
