"""The settings in .streamlit/config.toml, as the installed Streamlit understands them.

An option that a new release renames or drops is ignored with a line in the log: here it fails.
"""

import importlib
import inspect
import tomllib
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import NewSession
from streamlit.runtime import app_session
from streamlit.runtime.scriptrunner import script_runner

from pages.ui import theme
from tests import asynchronous

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / ".streamlit" / "config.toml"
WANTED = {
    "browser.gatherUsageStats": False,
    "browser.serverAddress": "localhost",
    "client.showErrorLinks": False,
    "runner.postScriptGC": False,
    "server.address": "localhost",
    "server.headless": True,
}


def flatten(table: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    """{"a": {"b": 1}} -> ("a.b", 1)."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


SETTINGS = dict(flatten(tomllib.loads(FILE.read_text(encoding="utf-8"))))


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> dict:
    """Streamlit's registry of options after reading the project's file."""
    monkeypatch.chdir(ROOT)
    return config.get_config_options(force_reparse=True)


def test_every_option_exists_and_is_read_from_the_file(options: dict) -> None:
    assert len(SETTINGS) > 10
    for name, value in SETTINGS.items():
        assert name in options, f"Streamlit knows no option {name}"
        assert options[name].where_defined == str(FILE)
        assert options[name].value == value


@pytest.mark.parametrize("name", WANTED)
def test_the_options_that_matter(options: dict, name: str) -> None:
    assert config.get_option(name) == WANTED[name]
    assert type(config.get_option(name)) is type(WANTED[name])


def test_the_hidden_garbage_collection_option_still_does_something() -> None:
    assert 'get_option("runner.postScriptGC")' in inspect.getsource(script_runner)


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


SECTIONS = ["theme", *(f"theme.{category.value}" for category in config.CustomThemeCategories)]


def written(gather) -> bytes:
    """The theme as Streamlit writes it into the message that begins a run."""
    message = NewSession().custom_theme
    for section in SECTIONS:
        part = message
        for name in section.split(".")[1:]:
            part = getattr(part, name)
        gather(part, section)
    return message.SerializeToString()


def test_the_theme_that_is_made_once_is_the_one_that_is_made_each_time(options: dict) -> None:
    asked = []

    def gather(message, section):
        asked.append(section)
        streamlits(message, section)

    streamlits = inspect.unwrap(app_session._populate_theme_msg)
    once = theme.made_once(gather)
    made = [written(once) for _ in range(3)]
    assert made == [written(streamlits)] * 3
    assert len(made[0]) > 500 and asked == SECTIONS


def test_streamlit_asks_for_the_theme_where_it_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each run gathers it again, a fifth of all that a class costs, and nothing else tells."""
    assert "_populate_theme_msg(" in inspect.getsource(app_session.AppSession._create_new_session_message)
    monkeypatch.setattr(app_session, "_populate_theme_msg", inspect.unwrap(app_session._populate_theme_msg))
    app = importlib.import_module("app")
    monkeypatch.setattr(app, "Startup", lambda: MagicMock())
    monkeypatch.setattr(app.stream, "end_with_the_server", lambda: None)

    async def serve():
        async with app.lifespan(None):
            return app_session._populate_theme_msg

    made = asynchronous.run(serve())
    assert made.__code__.co_filename == theme.__file__
    theme.make_once()
    assert app_session._populate_theme_msg is made


def test_contrast_agrees_with_known_values() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_text_is_readable_and_accents_are_neutral(look: str) -> None:
    theme = {name.split(".")[-1]: value for name, value in SETTINGS.items() if name.startswith(f"theme.{look}.")}
    texts = [name for name in theme if name.endswith("TextColor")]
    assert len(texts) >= 7
    for paper in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        assert contrast(theme["textColor"], paper) >= 12
        for name in texts:
            assert contrast(theme[name], paper) >= 4.5, f"{name} on {paper}"
    # Streamlit writes in white on the primary colour, whatever the theme.
    assert contrast(theme["primaryColor"], "#ffffff") >= 4.5
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 3
    for name in ("primaryColor", "textColor", "linkColor", "borderColor", "backgroundColor"):
        red, green, blue = (int(theme[name][i : i + 2], 16) for i in (1, 3, 5))
        assert max(red, green, blue) - min(red, green, blue) <= 10, f"{name}: colour means a method"
