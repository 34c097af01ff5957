"""One browser tab as a server sees it: the page's files, Streamlit's websocket, a job's event stream. Nothing is drawn.

What it sends was copied from the frames of a real browser under Streamlit 1.67: a `rerun_script` with the widgets'
states, the page, the fragment, and the hashes of the large messages that the browser still has. `await tab.open(path)`
comes once, then `answer`, `commit`, `press` or `switch`, one at a time: each returns the seconds that its run took.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 60.0  # seconds without an answer after which a student would reload: an error
KEPT_SWEEPS = 16  # as pages/ui/stage/sweeps.js keeps them
KEPT_RUNS = 2  # script runs for which a browser keeps a large message that is not shown any more
DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
STAGE, ASKING = "inversion.stage", "inversion.asking"


class TabError(RuntimeError):
    """What a student would call broken: no answer, a lost connection, a file that is missing, a script that failed."""


@dataclass(frozen=True)
class Element:
    """An element on the page. fragment: the part of the script that draws it.  kind: such as "stage"."""

    fragment: str
    kind: str
    content: Any


@dataclass
class Tab:
    """address: such as http://localhost:8501.  exceptions: what the page showed in red, as text."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)
    exceptions: list[str] = field(default_factory=list)
    received: int = 0  # bytes over the websocket
    pictured: float = 0.0  # when the last stage arrived, on time.perf_counter
    query: str = ""
    page: str = ""
    pages: dict[str, str] = field(default_factory=dict)  # address -> hash of its script
    elements: dict[str, Element] = field(default_factory=dict)
    session: str = ""
    states: dict[str, WidgetState] = field(default_factory=dict)
    sweeps: list[str] = field(default_factory=list)  # addresses of those that the stage has

    def __post_init__(self) -> None:
        self._cache: dict[str, tuple[int, Element | None]] = {}  # hash -> last run in which it was shown
        self._fresh: set[str] = set()
        self._run, self._fragments, self._number = 0, frozenset(), 0
        self._finished: asyncio.Future | None = None
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task | None = None

    # HTTP

    async def get(self, path: str) -> bytes:
        """A file of the server, as it is sent, empty where it has none now. Raises TabError for other refusals."""
        reader, writer = await self._ask(path)
        try:
            async with asyncio.timeout(PATIENCE):
                return await reader.read()
        finally:
            writer.close()

    async def events(self, path: str) -> AsyncIterator[bytes]:
        """A job's frames, one by one, until the server ends the stream."""
        reader, writer = await self._ask(path)
        try:
            while frame := await self._until_blank_line(reader):
                if frame.startswith(b"data: "):
                    yield frame[6:]
        finally:
            writer.close()

    async def _ask(self, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a GET and read the answer's head. Returns its body, as a stream, and how to hang up."""
        parts = urlsplit(self.address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**24)
        try:
            cookie = f"Cookie: {self._cookie()}\r\n" if self.cookies else ""
            head = f"GET /{path.lstrip('/')} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
            writer.write(f"{head}Accept-Encoding: gzip\r\n{cookie}\r\n".encode())
            async with asyncio.timeout(PATIENCE):
                status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            chunked = False
            for name, _, value in (header.partition(":") for header in headers):
                if name.lower() == "set-cookie":
                    self._keep(value)
                chunked |= name.lower() == "transfer-encoding"
            if status.split(" ")[1] not in ("200", "204"):
                raise TabError(f"{status} for {path}")
        except BaseException:
            writer.close()
            raise
        return _whole(reader) if chunked else reader, writer

    async def _until_blank_line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                return await reader.readuntil(b"\n\n")
        except asyncio.IncompleteReadError:
            return b""

    def _keep(self, cookie: str) -> None:
        self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(cookie.strip()).items()}

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    # The websocket

    async def open(self, path: str) -> float:
        """Load a page by its address: shell, the files that it names, websocket, first script run."""
        began = time.perf_counter()
        shell = (await self.get(path)).decode(errors="replace")
        hints = [part.split('"')[0] for part in shell.split('href=".')[1:] if part.startswith("/stage-assets/")]
        await asyncio.gather(*(self.get(file) for file in (*hints, "/_stcore/health", "/_stcore/host-config")))
        await self.connect()
        await self._rerun(page_name=path.strip("/"))
        return time.perf_counter() - began

    async def connect(self) -> None:
        """Open the websocket; a tab that has had a session asks for it again."""
        headers = {"Cookie": self._cookie()} if self.cookies else {}
        # Streamlit reads the subprotocols by position: its own name, a token against forgery, the session before.
        wanted = ["streamlit", "PLACEHOLDER_AUTH_TOKEN", *([self.session] if self.session else [])]
        self._socket = await connect(
            self.address.replace("http", "ws", 1) + "/_stcore/stream",
            origin=self.address,
            subprotocols=wanted,
            additional_headers=headers,
            max_size=None,
            ping_interval=None,
            open_timeout=PATIENCE,
            proxy=None,
        )
        for cookie in self._socket.response.headers.get_all("Set-Cookie"):
            self._keep(cookie)  # nginx's, where another process than before has the session
        self._reader = asyncio.create_task(self._receive())

    async def close(self) -> None:
        """Leave, as a closed tab does."""
        if self._socket is not None:
            await self._socket.close()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._socket = None

    async def act(self, states: list[WidgetState], fragment: str = "") -> float:
        """One message with these states, which last as long as the page, unless they are triggers."""
        once = [state for state in states if state.WhichOneof("value") in ("trigger_value", "json_trigger_value")]
        self.states |= {state.id: state for state in states if state not in once}
        return await self._rerun(once, page_script_hash=self.page, fragment_id=fragment, query_string=self.query)

    async def switch(self, path: str) -> float:
        """Follow a link to another page of the course."""
        if path not in self.pages:
            raise TabError(f"the navigation has no page {path!r}; it has {', '.join(self.pages)}")
        self.states, self._number, self.query = {}, 0, ""
        return await self._rerun(page_script_hash=self.pages[path])

    async def _rerun(self, once: list[WidgetState] = [], **fields: str) -> float:  # noqa: B006 - never changed
        if self._socket is None:
            raise TabError("the tab is not connected")
        message = BackMsg()
        client = message.rerun_script
        for name, value in fields.items():
            setattr(client, name, value)
        client.widget_states.widgets.extend([*(s for s in self.states.values() if s.id in self.elements), *once])
        client.cached_message_hashes.extend(self._cache)
        client.context_info.url = self.address
        client.context_info.timezone, client.context_info.locale = "UTC", "en-US"
        self._finished = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._finished - began
        except TimeoutError:
            raise TabError(f"no answer within {PATIENCE:.0f} s") from None

    async def _receive(self) -> None:
        try:
            async for frame in self._socket:
                self.received += len(frame)
                self._take(ForwardMsg.FromString(frame))
            lost = TabError("the server closed the websocket")
        except Exception as error:
            lost = TabError(f"the websocket broke: {error}")
        if self._finished is not None and not self._finished.done():
            self._finished.set_exception(lost)

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._run, self._fresh = self._run + 1, set()
            self._fragments = frozenset(message.metadata.run.fragment_ids)
            self.session = message.new_session.initialize.session_id
            self.page = message.new_session.page_script_hash
        elif kind == "navigation":
            self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            self.page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._show(message.hash if message.metadata.cacheable else "", _element(message.delta))
        elif kind == "ref_hash":
            if message.ref_hash not in self._cache:
                raise TabError("the server refers to a message that the browser does not have")
            self._show(message.ref_hash, self._cache[message.ref_hash][1])
        elif kind == "script_finished":
            self._end(message.script_finished)

    def _show(self, key: str, element: Element | None) -> None:
        if key:
            self._cache[key] = self._run, element
        if element is None:
            return
        if element.kind == "exception":
            self.exceptions.append(f"{element.content.type}: {element.content.message}")
            return
        if element.kind == "stage":
            self.pictured = time.perf_counter()
        self.elements[element.content.id] = element
        self._fresh.add(element.content.id)

    def _end(self, status: int) -> None:
        drawn = self._fragments  # of a run of the whole page all elements are new, of a fragment's only its own
        self.elements = {
            name: element
            for name, element in self.elements.items()
            if name in self._fresh or (drawn and element.fragment not in drawn)
        }
        self._cache = {key: kept for key, kept in self._cache.items() if self._run - kept[0] < KEPT_RUNS}
        if self._finished is None or self._finished.done():
            return
        if status in DONE:
            self._finished.set_result(time.perf_counter())
        elif status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self._finished.set_exception(TabError("the page's script does not compile"))

    # What stands on the page

    def find(self, kind: str, part: str = "") -> tuple[str, Element] | None:
        """The first element of a kind whose name holds `part`: (its id, the element)."""
        return next(((n, e) for n, e in self.elements.items() if e.kind == kind and part in n), None)

    async def answer(self, pick: int = 0) -> float:
        """Answer the page's prediction by an option or, where there is no choice, by "I don't know"."""
        found, options = self.find("asking", "prediction:"), self.asked()
        if options is None:
            raise TabError("the page asks for no prediction")
        said = options[pick % len(options)] if options else None
        value = json.dumps({"done": {"act": "answer", "id": f"{time.time():.6f}", "said": said}})
        return await self.act([WidgetState(id=found[0], json_value=value)], found[1].fragment)

    def asked(self) -> list[str] | None:
        """The answers that the page's prediction may be given, [] where there is no choice; None if it asks none."""
        found = self.find("asking", "prediction:")
        data = json.loads(found[1].content.json) if found else {}
        if data.get("mode") != "ask":
            return None
        return data["options"] if data["form"] == "choice" else []

    def header(self) -> dict[str, Any]:
        """What the stage on the page was told: controls, settings, events and so on (see pages/ui/stage/pack.py)."""
        return json.loads(self._stage()[1].content.header)

    def lacking(self) -> list[str]:
        """The addresses of the sweeps that the stage on the page would fetch now."""
        urls = [sweep["url"] for sweep in self.header()["sweeps"].values()] if self.find("stage") else []
        return [url for url in urls if url not in self.sweeps]

    async def fetch(self, sweep: str, quiet: bool = False) -> float | None:
        """Fetch a sweep: the seconds that it took. quiet: for no hand; a busy server then has none, and None comes."""
        began = time.perf_counter()
        body = await self.get(f"{sweep}?quiet" if quiet else sweep)
        self.received += len(body)
        if not body:
            return None
        self.sweeps = [*self.sweeps, sweep][-KEPT_SWEEPS:]
        return time.perf_counter() - began

    async def commit(self, changes: dict[str, Any]) -> float:
        """Let controls of the stage go at new values."""
        name, stage = self._stage()
        self._number += 1
        address = f"?{self.query}" if self.query else ""
        value = json.dumps({"settings": {**changes, "commit": self._number, "address": address}})
        return await self.act([WidgetState(id=name, json_value=value)], stage.fragment)

    async def press(self, action: str) -> float:
        """Press a button of the stage."""
        name, stage = self._stage()
        trigger = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{name}__events")
        trigger.json_trigger_value = json.dumps([{"event": "action", "value": action}])
        return await self.act([trigger], stage.fragment)

    def _stage(self) -> tuple[str, Element]:
        found = self.find("stage")
        if found is None:
            raise TabError("the page shows no stage")
        return found


def _whole(chunks: asyncio.StreamReader) -> asyncio.StreamReader:
    """What a body that comes in chunks holds (RFC 9112, 7.1), as it comes."""
    body = asyncio.StreamReader(limit=2**24)

    async def fill() -> None:
        try:
            while size := int(await chunks.readline() or b"0", 16):
                body.feed_data(await chunks.readexactly(size))
                await chunks.readline()
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            body.set_exception(error)
        else:
            body.feed_eof()

    body.filling = asyncio.create_task(fill())  # held, or it might be collected in the middle
    return body


@dataclass(frozen=True)
class Stage:
    """A stage's id and the header of its payload; its arrays are not kept."""

    id: str
    header: bytes


def _element(delta: Any) -> Element | None:
    """What a tab needs to know of an element; None for what it never touches."""
    element = delta.new_element
    kind = element.WhichOneof("type")
    content = getattr(element, kind)
    if kind == "bidi_component":
        if content.component_name == ASKING:
            return Element(delta.fragment_id, "asking", content)
        if content.component_name != STAGE:
            return None
        length = int.from_bytes(content.bytes[:4], "little")
        return Element(delta.fragment_id, "stage", Stage(content.id, content.bytes[4 : 4 + length]))
    return Element(delta.fragment_id, kind, content) if kind == "exception" else None
