"""The load generator against the suite's server: it is understood, and what comes back is put down. No time counts."""

import asyncio

import pytest

from benchmarks import crowd, students
from benchmarks.students import Ledger, Student, Trainer
from benchmarks.tab import Tab, TabError
from lessons import lessons
from tests import asynchronous


def attend(*tasks):
    """Run these coroutines side by side, to the end."""

    async def together():
        return await asyncio.gather(*tasks)

    return asynchronous.run(together())


async def some_moves(student: Student, count: int) -> None:
    await student.open(student.lessons[0])
    for _ in range(count):
        await student.move()
    await student.fetch(student.tab.lacking())
    await student.leave()


async def one_training(trainer: Trainer) -> None:
    living = asyncio.create_task(trainer.live())
    while not trainer.ledger.trained and not living.done():
        await asyncio.sleep(0.05)
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)


def test_two_students_answer_move_and_turn_pages_and_a_third_trains(server, monkeypatch):
    monkeypatch.setattr(students, "PERIOD", 0.3)
    pages, ledger = crowd.pages(2), Ledger()
    assert pages == list(lessons())[1:3]
    pair = [Student(number, server.url, pages, ledger, seed=1) for number in range(2)]
    pair[0].random.random = lambda: 0.01  # turns the page whenever it may
    attend(*(some_moves(student, 3) for student in pair), one_training(Trainer(2, server.url, pages, ledger)))
    assert not ledger.errors and not ledger.exceptions
    kinds = [move.kind for move in ledger.moves]
    assert kinds.count("open") == 3 and {"answer", "commit", "switch", "action"} <= set(kinds)
    assert all(move.seconds > 0 for move in ledger.moves)
    assert ledger.sweeps and pair[1].tab.sweeps  # those that no hand came near may be refused
    assert len(ledger.trained) == 1 and len(ledger.frames) > 1
    rows = list(crowd.stage_rows("three", 3, ledger, *looks(ledger)))
    assert [row.what for row in rows if row.budget and not row.met] == []
    assert any("live pictures" in row.what and row.median > 0 for row in rows)


def looks(ledger: Ledger):
    """A stage around all that the ledger holds, in which nothing was used."""
    first, last = min(move.at for move in ledger.moves) - 1, max(at for at, _ in ledger.trained) + 1
    ends = [crowd.Look(at, 0.0, 0.0, 0.0, 10**9) for at in (first, last)]
    return ends, (0, ends[0])


def test_a_tab_knows_the_page_as_a_browser_does(server):
    async def visit():
        tab = Tab(server.url)
        await tab.open("crux")
        assert tab.header()["veiled"]
        await tab.answer()
        assert not tab.header()["veiled"]
        await tab.commit({"alpha": 0.5})
        assert tab.header()["settings"]["alpha"] == 0.5 and tab.query == "alpha=0.5"
        session = tab.session
        await tab.close()  # the network drops
        await tab.connect()
        await tab.commit({"alpha": 0.7})
        assert tab.session == session and tab.header()["settings"]["alpha"] == 0.7
        with pytest.raises(TabError, match="no page 'nowhere'"):
            await tab.switch("nowhere")
        with pytest.raises(TabError, match="404"):
            await tab.get("/job/nobody/events")
        await tab.close()

    attend(visit())
