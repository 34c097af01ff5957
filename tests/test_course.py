"""What holds the lessons together: glossary, progress marks, find, permalinks, links in texts."""

import re
from pathlib import Path

import pytest

from lessons import SYLLABUS, introduced, lessons
from lessons.controls import read_permalink
from lessons.glossary import GLOSSARY
from lessons.lab.study_table import given_of
from lessons.lesson import Cell, Table
from lessons.newton import cost
from pages.ui import find, permalinks, progress
from pages.ui.navigation import _LINK
from tests.tables import made_up

LESSONS = lessons()
every_lesson = pytest.mark.parametrize("slug", LESSONS)


def test_every_entry_of_the_glossary_is_used_by_a_lesson():
    assert set(introduced()) == set(GLOSSARY)
    for entry in GLOSSARY.values():
        assert entry.symbol and entry.name and entry.meaning.endswith(".")


def test_no_two_entries_share_a_symbol_with_its_name():
    known = [(entry.symbol, entry.name) for entry in GLOSSARY.values()]
    assert len(set(known)) == len(known)


@every_lesson
def test_a_lesson_comes_with_symbols_code_and_a_note_for_the_instructor(slug):
    lesson = LESSONS[slug]
    assert lesson.symbols and lesson.takeaway is not None
    note = lesson.teaching
    assert note.misconception and note.room.rstrip().endswith(("?", ".", "”"))
    assert 2 <= len(note.demo) <= 6
    for _words, settings in note.demo:
        link = permalinks._link("", lesson, settings)["href"]
        query = dict(part.split("=", 1) for part in link.split("?")[1].split("&") if part)
        assert set(query) <= set(lesson.defaults)


@every_lesson
def test_links_in_texts_lead_to_lessons(slug):
    lesson = LESSONS[slug]
    for text in (lesson.why, lesson.limits):
        for _label, target in _LINK.findall(text):
            assert target in LESSONS and target != slug, f"{slug} links to {target}"
    assert not re.search(r"\]\(", lesson.text + lesson.question)


def test_a_part_is_not_longer_than_a_reader_holds_in_mind():
    assert all(1 <= len(part.lessons) <= 6 for part in SYLLABUS)
    assert all(3 <= lesson.minutes <= 10 for lesson in LESSONS.values())


@pytest.mark.parametrize(
    "cookie", ["", ".", "crux", "crux.nonsense", "<script>", "crux" * 1000, "...crux.start..", "é"]
)
def test_any_cookie_is_read(cookie):
    assert progress.read(cookie) == {slug for slug in cookie.split(".") if slug in LESSONS}


def test_everything_can_be_found():
    places = find.places()
    assert set(places.values()) == set(LESSONS)
    assert any("η" in place for place in places)
    assert all(LESSONS[slug] for slug in places.values())


def test_a_cell_links_to_its_run():
    cell = Cell("a run", "crux", {"alpha": 2.0, "start": (1.0, -1.0)})
    link = permalinks._link(cell.text, LESSONS["crux"], cell.settings)
    query = dict(part.replace("%2C", ",").split("=") for part in link["href"].split("?")[1].split("&"))
    assert read_permalink(LESSONS["crux"].controls, query) == (cell.settings, [])


@pytest.mark.parametrize("slug", [slug for slug, lesson in LESSONS.items() if lesson.table is not None])
def test_the_cells_of_a_table_open_runs_that_exist(slug):
    lesson = LESSONS[slug]
    given = given_of(made_up(lesson.defaults)) if slug == "studies" else None
    if slug == "newton-cost":
        given = cost.given_of(cost.made_up())
    found = lesson.tables(lesson.experiment(given))
    assert found or slug == "train"  # which has a table once a model is trained
    for table in found:
        assert isinstance(table, Table) and table.caption
        for _name, cells in table.rows:
            assert len(cells) in (0, len(table.columns))  # none under a heading for the rows after it
            for cell in cells:
                assert cell.text and (not cell.slug or LESSONS[cell.slug].complete(cell.settings))


def test_the_readme_lists_the_course_as_it_is():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    rows = [f"| {lesson.title} | {lesson.question} | {lesson.minutes} min |" for lesson in LESSONS.values()]
    places = [readme.find(row) for row in rows]
    assert -1 not in places, rows[places.index(-1)]
    assert places == sorted(places)
