"""Links that open a lesson at given settings: a list of them, or a table whose cells open the runs behind them.

They are real links, so that they are read aloud, copied and opened in a new tab as any other; an ordinary click stays
in the session, which a link in HTML alone would leave.
"""

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from lessons import lessons
from lessons.controls import write_permalink
from lessons.lesson import Lesson, Settings, Table
from pages.ui import address, navigation

_JS = """
const make = (name, attributes, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
export default function ({ data, parentElement, setTriggerValue }) {
  const link = ({ text, href, slug, settings }) => {
    const anchor = make("a", { href }, text);
    anchor.addEventListener("click", (event) => {
      if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      setTriggerValue("open", { slug, settings });
      document.querySelector(".inv-stage")?.scrollIntoView({ block: "end" }); // what changes is seen to change
    });
    return anchor;
  };
  const table = ({ caption, columns, rows }) => {
    const title = (text, scope) => make("th", { scope }, text);
    const head = make("tr", {}, make("td", {}), ...columns.map((text) => title(text, "col")));
    const body = rows.map(({ name, cells }) =>
      make("tr", {}, title(name, "row"), ...cells.map((cell) => make("td", {}, link(cell)))));
    return make("div", { class: "runs", tabindex: "0", role: "region", "aria-label": caption }, make("table", {},
      make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body)));
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
        {"name": name, "cells": [_link(cell.text, lessons()[cell.slug], cell.settings) for cell in cells]}
        for name, cells in content.rows
    ]
    _draw({"table": {"caption": content.caption, "columns": list(content.columns), "rows": rows}}, key)


def _link(text: str, lesson: Lesson, settings: Settings) -> dict[str, Any]:
    query = write_permalink(lesson.controls, lesson.complete(settings))
    return {"text": text, "slug": lesson.slug, "settings": settings, "href": f"{lesson.slug}?{urlencode(query)}"}


def _draw(data: dict[str, Any], key: str) -> None:
    def opened() -> None:
        # The settings are put in force before the page is drawn, and the address follows them.
        wish = st.session_state[key]["open"]
        address.jump(lessons()[wish["slug"]], wish["settings"])

    _mount(key=key, data=data, on_open_change=opened)


def follow(slug: str) -> None:
    """Go to the page that a link on the page of lesson `slug` leads to, if one was clicked."""
    if wanted := address.elsewhere(slug):
        st.switch_page(navigation.page(wanted))
