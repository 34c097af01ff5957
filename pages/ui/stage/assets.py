"""The stage's static files, served by the app itself (pages/ui/files.py): nothing is loaded from another host.

Every URL carries a hash of the content, so a browser may keep a file for a year and still never see a stale one.
The modules and the style sheet import each other by relative names, so they share one hash over all of them:
a change in any file moves the whole set to a new folder, and a half-old set cannot arise.
"""

import functools
import gzip
import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

PREFIX = "/stage-assets"
_FOLDER = Path(__file__).parent
# Found without importing it: that would take a moment that the first page is waiting for.
_PLOTLY = Path(find_spec("plotly").origin).parent / "package_data" / "plotly.min.js"
MIME = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True)
class Asset:
    """One file: its name, its URL below the app's base, its content, its MIME type."""

    name: str
    url: str
    body: bytes
    mime: str

    @functools.cached_property
    def gzipped(self) -> bytes:
        """Compressed once: plotly.js shrinks from 4.8 MB to 1.5 MB, and doing that per request costs 0.2 s."""
        return gzip.compress(self.body, compresslevel=6, mtime=0)


def content_hash(*bodies: bytes) -> str:
    """The first 16 hex digits of SHA-256 over the bodies, each preceded by its length so that none can shift."""
    digest = hashlib.sha256()
    for body in bodies:
        digest.update(len(body).to_bytes(8, "little") + body)
    return digest.hexdigest()[:16]


def eager(plotly: bytes) -> bytes:
    """Plotly's one outer function in parentheses: engines then compile it with the file, outside the page's own thread.

    Without them they skim its 4.8 MB first, to see where it ends, and compile it once more when it is called: a fifth
    of the time that Plotly takes to start. A file of another shape is left as it is.
    """
    head, tail = b": this, () => {\n", b"return Plotly;\n}));"
    if plotly.count(head) != 1 or not plotly.rstrip().endswith(tail):
        return plotly
    return plotly.replace(head, b": this, (() => {\n").rstrip().removesuffix(tail) + b"return Plotly;\n})));\n"


def _collect() -> dict[str, Asset]:
    files = sorted(path for path in _FOLDER.iterdir() if path.suffix in MIME)
    bodies = {path.name: path.read_bytes() for path in files}
    groups = [bodies, {_PLOTLY.name: eager(_PLOTLY.read_bytes())}]
    assets = {}
    for group in groups:
        tag = content_hash(*group.values())
        for name, body in group.items():
            assets[name] = Asset(name, f"{PREFIX}/{tag}/{name}", body, MIME[Path(name).suffix])
    return assets


ASSETS: dict[str, Asset] = _collect()
