"""The stage: the one figure component, which scrubs, plays and reports without a server in the loop.

Python packs a picture (and whole sweeps of pictures) into bytes; the browser draws them at the speed of the hand and
sends back only committed values. `settings` changes when a control is let go, `action` fires for a button.
"""

import json
from collections.abc import Callable
from typing import Any

import streamlit as st

from .assets import ASSETS, Asset
from .pack import pack, unpack

__all__ = ["ASSETS", "Asset", "component", "pack", "stage", "unpack"]

# Streamlit imports this text from a blob: URL, where relative imports cannot resolve. The app's base is taken from
# the address that its own bundle was really loaded from: right on deep links and behind a path-stripping proxy.
_JS = """
const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
const tags = [...document.querySelectorAll('script[src*="/static/js/"]')].map((tag) => tag.src);
const bundle = [...loaded, ...tags].find((url) => /\\/static\\/js\\/index\\.[^/]*\\.js/.test(url));
const base = bundle ? bundle.slice(0, bundle.indexOf("/static/js/") + 1) : location.origin + "/";
const urls = URLS;
const at = (url) => new URL(url.slice(1), base).href;
const ready = import(at(urls.module));
export default async function (component) {
  const { render } = await ready;
  return render(component, { base, plotly: at(urls.plotly), css: at(urls.css) });
}
"""


def component(name: str) -> Callable[..., Any]:
    """What a module of this folder draws. Its `render` gets what Streamlit hands over, and the addresses."""
    files = {"module": f"{name}.js", "css": "stage.css", "plotly": "plotly.min.js"}
    urls = json.dumps({kind: ASSETS[file].url for kind, file in files.items()})
    # Styles are not isolated: Plotly puts its own style sheet into the document's head, out of a shadow root's reach.
    return st.components.v2.component(f"inversion.{name}", js=_JS.replace("URLS", urls), isolate_styles=False)


_mount = component("stage")


def _ignore() -> None:
    """Streamlit reports a state only when it has a callback."""


def stage(
    payload: bytes,
    *,
    key: str,
    on_settings: Callable[[], None] = _ignore,
    on_action: Callable[[], None] = _ignore,
):
    """Mount one stage. The result's `.settings` is the last committed dict or None, `.action` a button's name."""
    return _mount(key=key, data=payload, on_settings_change=on_settings, on_action_change=on_action)
