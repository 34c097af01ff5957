"""Links that open a lesson at given settings: a list of them, or a table whose cells open the runs behind them, if any.

They are real links, so that they are read aloud, copied and opened in a new tab as any other; an ordinary click stays
in the session, which a link in HTML alone would leave, and is one step of the browser's history.
"""

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from lessons import lessons
from lessons.controls import write_permalink
from lessons.lesson import Lesson, Settings, Table

_JS = """
const make = (name, attributes, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
export default function ({ data, parentElement }) {
  const link = ({ text, href }) => {
    if (!href) return text;
    const anchor = make("a", { href }, text);
    anchor.addEventListener("click", (event) => {
      if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      // As if it came by Forward: Streamlit then goes to the page and the query of the address, in this session.
      history.pushState({}, "", href);
      dispatchEvent(new PopStateEvent("popstate"));
      document.querySelector(".inv-stage")?.scrollIntoView({ block: "end" }); // what changes is seen to change
    });
    return anchor;
  };
  const table = ({ caption, columns, rows, numeric }) => {
    const title = (text, scope) => make("th", { scope }, text);
    const head = make("tr", {}, make("td", {}), ...columns.map((text) => title(text, "col")));
    const links = rows.some(({ cells }) => cells.some(({ href }) => href));
    // Sentences are not squeezed into a phone's width: then the table scrolls in its own box.
    const room = (text) => (numeric || links ? {} : { style: `min-width: ${Math.min(15, 1 + text.length / 2)}rem` });
    const body = rows.map(({ name, cells }) => cells.length
      ? make("tr", {}, title(name, "row"), ...cells.map((cell) => make("td", room(cell.text), link(cell))))
      : make("tr", { class: "part" }, make("th", { scope: "rowgroup", colspan: columns.length + 1 }, name)));
    const look = numeric ? "runs numbers" : links ? "runs" : "runs words";
    return make("div", { class: look, tabindex: "0", role: "region", "aria-label": caption }, make("table", {},
      make("caption", {}, make("span", {}, caption)), make("thead", {}, head), make("tbody", {}, ...body)));
  };
  const list = (links) => make("ol", { class: "links" }, ...links.map((item) => make("li", {}, link(item))));
  const drawn = data.table ? table(data.table) : list(data.list);
  parentElement.querySelectorAll(".runs, .links").forEach((old) => old.remove());
  parentElement.append(drawn);
}
"""
_mount = st.components.v2.component("inversion.permalinks", js=_JS, isolate_styles=False)


def listed(links: list[tuple[str, Lesson, Settings]], key: str) -> None:
    """A numbered list of (what it says, where it leads, the settings there)."""
    _draw({"list": [_link(text, lesson, settings) for text, lesson, settings in links]}, key)


def table(content: Table, key: str) -> None:
    """A table of runs."""
    rows = [
        {
            "name": name,
            "cells": [
                _link(cell.text, lessons()[cell.slug], cell.settings) if cell.slug else {"text": cell.text}
                for cell in cells
            ],
        }
        for name, cells in content.rows
    ]
    whole = {"caption": content.caption, "columns": list(content.columns), "rows": rows, "numeric": content.numeric}
    _draw({"table": whole}, key)


def _link(text: str, lesson: Lesson, settings: Settings) -> dict[str, str]:
    return {"text": text, "href": f"{lesson.slug}?{urlencode(query(lesson, settings))}"}


def query(lesson: Lesson, settings: Settings) -> dict[str, str]:
    """The permalink's query, never empty: a lesson's page without one shows the settings that it was left at."""
    chosen = lesson.complete(settings)
    some = next(control for control in lesson.controls if control.name)
    return write_permalink(lesson.controls, chosen) or {some.name: some.write(chosen[some.name])}


def _draw(data: dict[str, Any], key: str) -> None:
    _mount(key=key, data=data)
