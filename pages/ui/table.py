"""A table whose cells open the runs that they were computed from.

A real table with real links, so that it is read aloud and opened in a new tab as any other; an ordinary click stays in
the session, which a link in HTML alone would leave.
"""

from typing import Any

import streamlit as st

from lessons import lessons
from lessons.controls import write_permalink
from lessons.lesson import Table
from pages.ui import navigation

_JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const make = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const cell = ({ text, href, slug, query }) => {
    const link = make("a", { href }, text);
    link.addEventListener("click", (event) => {
      if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      setTriggerValue("open", { slug, query });
    });
    return make("td", {}, link);
  };
  const title = (text, scope) => make("th", { scope }, text);
  const head = make("tr", {}, make("td", {}), ...data.columns.map((text) => title(text, "col")));
  const rows = data.rows.map(({ name, cells }) => make("tr", {}, title(name, "row"), ...cells.map(cell)));
  const table = make("table", {},
    make("caption", {}, data.caption), make("thead", {}, head), make("tbody", {}, ...rows));
  const frame = make("div", { class: "runs", tabindex: "0", role: "region", "aria-label": data.caption }, table);
  parentElement.querySelector(".runs")?.remove();
  parentElement.append(frame);
}
"""
_mount = st.components.v2.component("inversion.table", js=_JS, isolate_styles=False)


def table(content: Table) -> None:
    """Draw it; a cell that was clicked opens its run."""

    def opened() -> None:
        """Streamlit reports a trigger only when it has a callback."""

    wish = _mount(key="table", data=_data(content), on_open_change=opened).open
    if wish:
        st.switch_page(navigation.page(wish["slug"]), query_params=wish["query"])


def _data(content: Table) -> dict[str, Any]:
    rows = []
    for name, cells in content.rows:
        row = []
        for cell in cells:
            lesson = lessons()[cell.slug]
            query = write_permalink(lesson.controls, lesson.complete(cell.settings))
            address = "&".join(f"{key}={value}" for key, value in query.items())
            row.append({"text": cell.text, "slug": cell.slug, "query": query, "href": f"{cell.slug}?{address}"})
        rows.append({"name": name, "cells": row})
    return {"caption": content.caption, "columns": list(content.columns), "rows": rows}
