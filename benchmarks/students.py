"""What students do: open a page, answer its prediction, move a slider every two seconds, go on, and some of them train.

Each thinks out of step with the others and draws from a generator of its own, so that a class of N is the same class
whenever it is measured. A slider comes to rest anywhere on its track with the same probability; as on the stage, one
that has been swept snaps to the sweep's places.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import WebSocketException

from benchmarks.tab import Tab, TabError
from lessons.lesson import FRAMES

PERIOD = 2.0  # seconds between two moves of a student
QUIET = 1.0  # seconds after a picture until the stage fetches its sweeps, as in pages/ui/stage/sweeps.js
ONWARD = 0.1  # the share of moves that go to another page
BROKEN = (TabError, OSError, WebSocketException, TimeoutError, asyncio.IncompleteReadError)


@dataclass(frozen=True)
class Move:
    """One thing that a student did. at: when, on time.monotonic.  picture: seconds until the stage was there, or 0."""

    kind: str
    at: float
    seconds: float
    picture: float = 0.0


@dataclass
class Ledger:
    """What a class has lived through. skipped: moves that a student could not make because the answer still lacked."""

    moves: list[Move] = field(default_factory=list)
    errors: list[tuple[float, str]] = field(default_factory=list)
    exceptions: list[tuple[float, str]] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)  # when a frame of a training run arrived
    trained: list[tuple[float, float]] = field(default_factory=list)  # (when it ended, seconds since the button)
    skipped: list[float] = field(default_factory=list)
    sweeps: list[tuple[float, float]] = field(default_factory=list)  # (when it came, seconds that it took)


class Student:
    """One of a class. lessons: the addresses of the pages that this student may open, by slug."""

    def __init__(self, number: int, address: str, lessons: list[str], ledger: Ledger, seed: int = 0) -> None:
        self.random = random.Random(f"{seed}/{number}")
        self.address, self.lessons, self.ledger = address, lessons, ledger
        self.period, self.tab = PERIOD, Tab(address)
        self._fetching: asyncio.Task | None = None

    async def live(self, arrive: float = 0.0) -> None:
        """Come within `arrive` seconds and move until cancelled; what breaks is told, and the page opened again."""
        await asyncio.sleep(self.random.uniform(0, arrive))
        try:
            while True:
                try:
                    await self.study()
                except BROKEN as error:
                    self.ledger.errors.append((time.monotonic(), f"{type(error).__name__}: {error}"))
                    await self.leave()
                    await asyncio.sleep(self.period)
                    self.tab = Tab(self.address)
        finally:
            await self.leave()

    async def leave(self) -> None:
        """Close the tab."""
        if self._fetching is not None:
            self._fetching.cancel()
        await self.tab.close()

    async def study(self) -> None:
        """Open a page; then every two seconds the next move."""
        await self.open(self.random.choice(self.lessons))
        due = time.monotonic() + self.random.uniform(0, self.period)
        while True:
            await asyncio.sleep(due - time.monotonic())
            await self.move()
            due += self.period
            while due < time.monotonic():  # an answer that takes longer than the pause lets a move fall out
                self.ledger.skipped.append(due)
                due += self.period

    async def move(self) -> None:
        """Answer if the page asks, else move a slider, and now and then turn the page."""
        if self.asked():
            await self.timed("answer", lambda: self.tab.answer(self.random.randrange(5)))
            self.controls = self.sliders()
        elif self.random.random() < ONWARD:
            slug = self.random.choice(self.lessons)
            await self.timed("switch", lambda: self.tab.switch(slug))
            self.controls = self.sliders()
        else:
            slider = self.random.choice(self.controls)
            await self.near(slider["name"])
            await self.timed("commit", lambda: self.tab.commit(self.somewhere(slider)))

    async def open(self, slug: str) -> None:
        await self.timed("open", lambda: self.tab.open(slug))
        self.controls = self.sliders()

    def asked(self) -> bool:
        """Whether the page still waits for a prediction."""
        return self.tab.asked() is not None

    def sliders(self) -> list[dict[str, Any]]:
        """The sliders of the stage that is shown, each with whether it snaps."""
        header = self.tab.header()
        sliders = [control for control in header["controls"] if control["kind"] == "slider"]
        return [slider | {"snaps": slider["name"] in header["sweeps"]} for slider in sliders]

    async def near(self, name: str) -> None:
        """A hand comes near a slider: the stage fetches its sweep, if it lacks it, before the slider is moved."""
        url = self.tab.header()["sweeps"].get(name, {}).get("url")
        if url in self.tab.lacking():
            self.ledger.sweeps.append((time.monotonic(), await self.tab.fetch(url)))

    def somewhere(self, slider: dict[str, Any]) -> dict[str, float]:
        """The slider at another place."""
        low, high = slider["min"], slider["max"]
        where = self.random.randrange(FRAMES) / (FRAMES - 1) if slider["snaps"] else self.random.random()
        value = low * (high / low) ** where if slider["scale"] == "log" else low + where * (high - low)
        if slider["step"]:
            value = low + round((value - low) / slider["step"]) * slider["step"]
        return {slider["name"]: float(f"{value:.6g}")}

    async def timed(self, kind: str, action: Callable[[], Awaitable[float]]) -> None:
        """Do it and put down how long the server took."""
        at, began, seen = time.monotonic(), time.perf_counter(), len(self.tab.exceptions)
        seconds = await action()
        if self._fetching is not None:
            self._fetching.cancel()
        self._fetching = asyncio.create_task(self.fetch(self.tab.lacking()))
        picture = max(0.0, self.tab.pictured - began)
        self.ledger.moves.append(Move(kind, at, seconds, picture))
        self.ledger.exceptions += [(at, text) for text in self.tab.exceptions[seen:]]

    async def fetch(self, sweeps: list[str]) -> None:
        """What the stage does by itself once a picture has been at rest: given up when the next one comes."""
        await asyncio.sleep(QUIET)
        try:
            for sweep in sweeps:
                took = await self.tab.fetch(sweep, quiet=True)
                if took is None:
                    return
                self.ledger.sweeps.append((time.monotonic(), took))
        except BROKEN as error:
            self.ledger.errors.append((time.monotonic(), f"a sweep: {type(error).__name__}: {error}"))


class Trainer(Student):
    """A student on the page on training: trains, watches to the end while moving weights, and trains again."""

    async def study(self) -> None:
        await self.open("train")
        if self.asked():
            await self.timed("answer", lambda: self.tab.answer(self.random.randrange(5)))
        while True:
            began = time.monotonic()
            await self.timed("action", lambda: self.tab.press("start"))
            self.controls = [slider for slider in self.sliders() if slider["name"].startswith("w_")]
            if events := self.tab.header()["events"]:
                await self.watch(events)
                await self.timed("action", lambda: self.tab.press("ended"))
                self.ledger.trained.append((time.monotonic(), time.monotonic() - began))
            await asyncio.sleep(self.period)

    async def watch(self, events: str) -> None:
        """Take in the frames until the run ends; meanwhile the hand moves on."""
        over = asyncio.Event()
        hand = asyncio.create_task(self.play(over))
        try:
            async with aclosing(self.tab.events(events)) as frames:
                async for _ in frames:
                    self.ledger.frames.append(time.monotonic())
        finally:
            over.set()
            await hand  # a move in hand is finished: a tab asks one thing at a time

    async def play(self, over: asyncio.Event) -> None:
        """Move weights of the loss until the run is over."""
        while True:
            done, _ = await asyncio.wait([asyncio.ensure_future(over.wait())], timeout=self.period)
            if done:
                return
            await self.timed("commit", lambda: self.tab.commit(self.somewhere(self.random.choice(self.controls))))
