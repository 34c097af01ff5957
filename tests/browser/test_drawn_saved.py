"""A figure that is saved holds the numbers that are drawn, and its picture has each of them at the same place."""

import base64
import csv
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.browser import driver, expected
from tests.browser.agreement import SPECIMEN, rgb
from tests.specimen import STEPS

SVG = "{http://www.w3.org/2000/svg}"
HEAD, KEY = 28, 26  # pixels above each panel, and above all of them


@pytest.fixture
def saved(bench):
    """A function from a kind of file to its content."""

    def saved(kind):
        fold = bench.page.locator(".inv-saving")
        if fold.get_attribute("open") is None:
            fold.locator("summary").click()
        with bench.page.expect_download(timeout=driver.PATIENCE) as begun:
            fold.get_by_role("button", name=kind, exact=True).click()
        assert begun.value.suggested_filename == f"specimen.{kind.lower()}"
        return begun.value.path().read_text()

    return saved


def single(values):
    """As the browser has them: float32, and null, here nan, for what is no number."""
    with np.errstate(over="ignore"):
        values = np.asarray(values, np.float32).astype(float)
    return np.where(np.isfinite(values), values, np.nan)


def test_json_holds_every_number_of_every_line_mark_and_field_that_is_shown(bench, saved):
    drawing = bench.open(SPECIMEN, step=7, hide=("newton",), extra={"made": {"python": "3"}})
    told = json.loads(saved("JSON"))
    assert told["page"] == "specimen" and told["step"] == 7 and told["made_with"] == {"python": "3"}
    assert told["settings"]["a"] == 2.0 and told["settings"]["start"] == [2.0, 1.0]
    assert told["numbers"] == pytest.approx({name: float(value) for name, value in drawing.numbers.items()})
    for panel, seen in zip(drawing.panels, told["panels"], strict=True):
        assert (seen["panel"], seen["x"], seen["y"]) == (panel.id, panel.x.label, panel.y.label)
        mine = [line for line in drawing.lines if line.panel == panel.id and line.group != "newton"]
        assert [one["line"] for one in seen["lines"]] == [line.id for line in mine]
        assert [one["mark"] for one in seen["marks"]] == [m.id for m in drawing.marks if m.panel == panel.id]
        fields = [field for field in drawing.fields if field.panel == panel.id]
        assert [one["extent"] for one in seen["fields"]] == [list(field.extent) for field in fields]
        marks = [mark for mark in drawing.marks if mark.panel == panel.id]
        for one, item in zip([*seen["lines"], *seen["marks"]], [*mine, *marks], strict=True):
            for axis in "xy":
                got = np.array(one[axis], float)
                np.testing.assert_allclose(got, np.atleast_1d(single(getattr(item, axis))), rtol=1e-6, err_msg=item.id)
        for one, field in zip(seen["fields"], fields, strict=True):
            np.testing.assert_allclose(np.array(one["z"], float), single(field.z), rtol=1e-6, err_msg=field.id)
            assert one["levels"] == list(field.levels) and one["kind"] == field.kind


def test_what_a_hand_is_on_is_saved_as_it_is_seen(bench, saved):
    still = bench.open(SPECIMEN)
    bench.nears("a")
    values, swept = SPECIMEN.sweep("a", bench.settings)
    bench.call("scrub('a', 50)")
    told = json.loads(saved("JSON"))
    frame = expected.frame(SPECIMEN.draw(swept), still, 50)
    assert told["settings"]["a"] == pytest.approx(values[50], rel=1e-5)
    assert told["numbers"]["edge"] == pytest.approx(frame.numbers["edge"], rel=1e-5)
    seen = {line["line"]: line for panel in told["panels"] for line in panel["lines"]}
    for line in frame.lines:
        np.testing.assert_allclose(np.array(seen[line.id]["y"], float), single(line.y), rtol=1e-5, err_msg=line.id)


def test_csv_has_a_row_for_each_point(bench, saved):
    drawing = bench.open(SPECIMEN, hide=("rest",))
    text = saved("CSV")
    head = [row for row in text.splitlines() if row.startswith("#")]
    assert any(row.startswith('# settings: {"step":12,"a":2') for row in head)
    table = list(csv.DictReader(row for row in text.splitlines() if not row.startswith("#")))
    titles = {panel.id: panel.title for panel in drawing.panels}
    lines = [line for line in drawing.lines if line.group != "rest"]
    assert {row["line"] for row in table} == {item.id for item in (*lines, *drawing.marks)}

    def number(text):
        return float(text) if text else np.nan

    for item in (*lines, *drawing.marks):
        rows = [row for row in table if row["line"] == item.id]
        assert {row["panel"] for row in rows} == {titles[item.panel]}
        for axis in "xy":
            want = np.atleast_1d(single(getattr(item, axis)))
            np.testing.assert_allclose([number(row[axis]) for row in rows], want, rtol=1e-6, err_msg=item.id)
        counted = "step" if getattr(item, "role", "") == "path" else "point"
        assert [int(row[counted]) for row in rows] == list(range(len(rows)))
    text = bench.open(SPECIMEN) and saved("CSV")
    rows = [row for row in csv.DictReader(r for r in text.splitlines() if r[0] != "#") if row["line"] == "bars"]
    bars = next(line for line in drawing.lines if line.id == "bars")
    assert [(int(row["step"]), int(row["point"])) for row in rows] == [(k, i) for k in range(STEPS + 1) for i in (0, 1)]
    np.testing.assert_allclose([float(row["x"]) for row in rows], single(bars.x).ravel(), rtol=1e-6)
    np.testing.assert_allclose([float(row["y"]) for row in rows], single(bars.y).ravel(), rtol=1e-6)


def test_the_saved_picture_has_everything_at_its_place(bench, saved):
    drawing = bench.open(SPECIMEN, step=6, hide=("newton",))
    root = ElementTree.fromstring(saved("SVG"))
    look = bench.look()
    panels = root.findall(f"{SVG}svg")
    assert len(panels) == len(drawing.panels)
    boxes = {panel.id: bench.page.locator(f"[data-panel={panel.id}]").bounding_box() for panel in drawing.panels}
    left, top = min(box["x"] for box in boxes.values()), min(box["y"] for box in boxes.values())
    for panel, drawn in zip(drawing.panels, panels, strict=True):
        here = look["panels"][panel.id]
        assert float(drawn.get("x")) == pytest.approx(boxes[panel.id]["x"] - left, abs=1)
        assert float(drawn.get("y")) == pytest.approx(boxes[panel.id]["y"] - top + KEY, abs=1)
        words = ["".join(element.itertext()) for element in drawn.iter(f"{SVG}text")]
        assert panel.title in words and panel.x.label in words and panel.y.label in words
        area = [here["x"]["offset"], HEAD + here["y"]["offset"], here["x"]["length"], here["y"]["length"]]
        laid = drawn.findall(f"{SVG}svg")[-1]
        images = drawn.findall(f"{SVG}image")
        for part in (laid, *images):
            assert [float(part.get(name)) for name in ("x", "y", "width", "height")] == pytest.approx(area), panel.id
        canvas = bench.page.locator(f"[data-panel={panel.id}] canvas").evaluate("one => one.toDataURL()")
        fields = any(field.panel == panel.id for field in drawing.fields)
        if fields:
            assert images[0].get("href") == canvas and len(base64.b64decode(canvas.split(",")[1])) > 1000
        paths = [path for path in drawn.iter(f"{SVG}path") if "js-line" in path.get("class", "")]
        shown = [line for line in expected.order(drawing, panel.id) if line.group != "newton"]
        whole = [path for path in paths if len(re.findall("[ML]", path.get("d"))) > 1]
        colours = [rgb(re.search(r"stroke: (#\w+|rgb\([^)]*\))", path.get("style"))[1]) for path in whole]
        want = [rgb({"text": "#31333f"}.get(line.style.colour, line.style.colour)) for line in shown]
        assert list(dict.fromkeys(colours)) == list(dict.fromkeys(want)), panel.id
        for line in (line for line in shown if line.role == "path"):
            d = next(
                path.get("d")
                for path, colour in zip(whole, colours, strict=True)
                if colour == rgb({"text": "#31333f"}.get(line.style.colour, line.style.colour))
            )
            places = np.array(re.findall(r"(-?[\d.]+),(-?[\d.]+)", d), float)
            np.testing.assert_allclose(places, expected.strokes(here, line, 6)[0], atol=0.1, err_msg=line.id)
    legend = ["".join(element.itertext()) for element in root.find(f"{SVG}g").iter(f"{SVG}text")]
    assert legend == [line.style.label for line in drawing.lines if line.legend and line.group != "newton"]
    about = json.loads(root.find(f"{SVG}desc").text)
    assert about["step"] == 6 and about["settings"]["hide"] == ["newton"]
