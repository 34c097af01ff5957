"""A figure is taken away as it stands: as a picture, and as numbers with what is needed to make it again."""

import csv
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from lessons import lessons
from tests.browser import driver
from tests.browser.hands import predict, settled

SLUG = "crux"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def save(visit):
    """A function from a kind of file to its content, once the page has been answered."""
    page = visit(SLUG)
    predict(page)
    settled(page, SLUG)
    page.get_by_text("Save this figure").click()

    def save(kind):
        with page.expect_download(timeout=driver.PATIENCE) as begun:
            page.get_by_role("button", name=kind, exact=True).click()
        assert begun.value.suggested_filename == f"{SLUG}.{kind.lower()}"
        return begun.value.path().read_bytes()

    save.page = page
    return save


def test_the_numbers_are_those_of_the_figure(save):
    lesson = lessons()[SLUG]
    drawing = lesson.draw(lesson.experiment())
    saved = json.loads(save("JSON"))
    assert saved["page"] == SLUG and saved["settings"]["alpha"] == lesson.defaults["alpha"]
    assert saved["address"].endswith(f"/{SLUG}") and set(saved["made_with"]) == {"python", "jax", "numpy", "device"}
    lines = {line["line"]: line for panel in saved["panels"] for line in panel["lines"]}
    assert set(lines) == {line.id for line in drawing.lines}
    for line in drawing.lines:
        want = np.asarray(line.y, np.float32)
        got = np.array(lines[line.id]["y"], float)  # null, where there is no number, becomes nan
        np.testing.assert_allclose(got, np.where(np.isfinite(want), want, np.nan), rtol=1e-5, atol=1e-12)

    text = save("CSV").decode()
    head = [row for row in text.splitlines() if row.startswith("#")]
    assert any(row.startswith("# settings: ") for row in head) and any("jax" in row for row in head)
    table = list(csv.DictReader(row for row in text.splitlines() if not row.startswith("#")))
    path = next(line for line in drawing.lines if line.role == "path")
    rows = [row for row in table if row["line"] == path.id]
    assert [int(row["step"]) for row in rows] == list(range(np.shape(path.y)[-1]))
    np.testing.assert_allclose(float(rows[0]["x"]), float(np.ravel(path.x)[0]), rtol=1e-5)


def test_the_picture_has_all_panels_and_the_legend(save):
    lesson = lessons()[SLUG]
    drawing = lesson.draw(lesson.experiment())
    text = save("SVG").decode()
    root = ElementTree.fromstring(text)
    words = {"".join(element.itertext()) for element in root.iter(f"{SVG}text")}
    assert {panel.title for panel in drawing.panels if panel.title} <= words
    assert {line.label for line in drawing.lines if line.legend} <= words
    assert not re.findall(r'href="(?!data:|#)', text)  # nothing that another computer would look for
    picture = save("PNG")
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert (width, height) == tuple(int(2 * float(root.get(side))) for side in ("width", "height"))
    colours = save.page.evaluate(
        """async (bytes) => {
          const image = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
          const brush = new OffscreenCanvas(image.width, image.height).getContext("2d");
          brush.drawImage(image, 0, 0);
          const seen = brush.getImageData(0, 0, image.width, image.height).data;
          const found = new Set();
          for (let i = 0; i < seen.length; i += 4) found.add((seen[i] << 16) | (seen[i + 1] << 8) | seen[i + 2]);
          return [...found].map((value) => "#" + value.toString(16).padStart(6, "0"));
        }""",
        list(picture),
    )
    assert {line.colour for line in drawing.lines if line.legend and line.colour.startswith("#")} <= set(colours)
