"""Streamlit's own page, with a few things told to it in advance, so that the first picture comes sooner.

- Opened at a deep link such as /crux, Streamlit's frontend first looks for its server below /crux, gets two 404s
  (errors in the console) and a round trip later tries the root. Here it is told the root at once.
- What every lesson loads, of the stage and of Streamlit, is asked for before any script has run, and all at once:
  module by module the browser finds out one level of imports at a time. Plotly is run while the server still thinks.
- Until the first script has drawn something, a sketch of a lesson stands there: its question, if the lessons have been
  imported by then, and grey where the text and the figure will be.

Nothing here imports the lessons: the server answers a second before they are there.
"""

import re
import sys
from functools import cache
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from pages.ui.files import STATIC
from pages.ui.stage.assets import ASSETS

OPENING = "start"  # the lesson that the root shows
PAGES = Path(__file__).parents[1]
# The elements that every lesson's page is made of, as Streamlit's build names the files that draw them.
ELEMENTS = ("BidiComponent", "Html", "Selectbox", "rehype-katex", "PageLink")
_IMPORTS = re.compile(r"""(?:from|import)\s*["'`]\./([\w.-]+\.js)["'`]""")

_SKETCH = (Path(__file__).parent / "sketch.html").read_text(encoding="utf-8")


def slugs() -> list[str]:
    """The addresses of all pages: each is a file in a folder of `pages`."""
    return sorted(path.stem.replace("_", "-") for path in PAGES.glob("*/*.py") if path.parent.name != "ui")


def chunks(index: str) -> list[str]:
    """The files of Streamlit's frontend that draw ELEMENTS and that `index`, its page, does not name itself."""
    folder = STATIC / "static" / "js"
    wanted = [path.name for element in ELEMENTS for path in folder.glob(f"{element}.*.js")]
    found: dict[str, None] = {}
    while wanted:
        name = wanted.pop(0)
        if name not in found and name not in index and (folder / name).is_file():
            found[name] = None
            wanted += _IMPORTS.findall((folder / name).read_text(encoding="utf-8"))
    return list(found)


@cache
def page() -> str:
    """The page without its sketch. Raises RuntimeError where Streamlit's own page is not as it was."""
    index = (STATIC / "index.html").read_text(encoding="utf-8")
    if not all(index.count(mark) == 1 for mark in ("<head>", "</head>", "</body>")):
        raise RuntimeError("Streamlit's index.html has changed: expected one head and one body to add hints to")
    modules = [asset.url for name, asset in ASSETS.items() if name.endswith(".js") and name != "plotly.min.js"]
    hints = [
        "<script>",
        'const root = location.origin + "/";',
        "window.__streamlit = { BACKEND_BASE_URL: root, MAIN_PAGE_BASE_URL: root };",
        "</script>",
        f'<link rel="preload" as="script" href=".{ASSETS["plotly.min.js"].url}">',
        f'<link rel="preload" as="style" href=".{ASSETS["stage.css"].url}">',
    ]
    # Behind Streamlit's own: those are what the page cannot begin without.
    late = [
        *(f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in chunks(index)),
        *(f'<link rel="modulepreload" href=".{url}">' for url in modules),
        # A module, so it comes after Streamlit's own and is run while that waits for its server.
        '<script type="module">',
        f'import {{ loadScript, loadStyle }} from ".{ASSETS["loading.js"].url}";',
        f'loadScript(new URL(".{ASSETS["plotly.min.js"].url}", root).href);',
        f'loadStyle(new URL(".{ASSETS["stage.css"].url}", root).href);',
        "</script>",
    ]
    index = index.replace("<head>", "\n".join(["<head>", *hints])).replace("</head>", "\n".join([*late, "</head>"]))
    return index.replace("<title>Streamlit</title>", "<title>Inversion</title>")


def sketched(slug: str) -> str:
    """The page of a lesson, with the sketch that stands there until the lesson does."""
    question = "Inversion"
    if (course := sys.modules.get("lessons")) and (known := getattr(course, "lessons", None)):
        question = known()[slug].question if slug in known() else question
    return page().replace("</body>", _SKETCH.replace("QUESTION", escape(question)) + "</body>")


def _serve(request: Request) -> HTMLResponse:
    slug = request.url.path.strip("/") or OPENING
    return HTMLResponse(sketched(slug), headers={"Cache-Control": "no-cache"})


def _to_the_root(request: Request) -> RedirectResponse:
    return RedirectResponse(str(request.url.replace(path="/")))


def routes() -> list[Route]:
    """The same shell for the root and for every page's address; Streamlit knows its opening page by the root alone."""
    answers = {f"/{slug}": _serve for slug in slugs()} | {"/": _serve, f"/{OPENING}": _to_the_root}
    return [Route(path, answer, methods=["GET", "HEAD"]) for path, answer in answers.items()]
