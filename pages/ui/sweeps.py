"""The route by which the stage fetches the sweep of a slider, 61 pictures in one answer.

A page's run sends the picture at rest and the addresses of its sweeps. So the picture does not wait for them, nor for
the compilation that the first one takes; a sweep that the browser has, because only its own slider was moved, is not
sent again; and one that no hand comes near need not be computed.
"""

import asyncio
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

MOST = 4096  # addresses that are remembered: each page of a class has two to four
AT_ONCE = os.cpu_count() or 2  # more would only take the processors from each other, and from the pages

_offered: "OrderedDict[str, Callable[[], bytes]]" = OrderedDict()
_lock = threading.Lock()
_turns: asyncio.Semaphore | None = None  # made in the server's loop


def offer(key: tuple, make: Callable[[], bytes]) -> str:
    """The address of what `make` returns. key: all that it depends on, so that the same has the same address."""
    token = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
    with _lock:
        _offered[token] = make
        _offered.move_to_end(token)
        while len(_offered) > MOST:
            _offered.popitem(last=False)
    return f"sweep/{token}"


async def _serve(request: Request) -> Response:
    global _turns
    with _lock:
        make = _offered.get(request.path_params["token"])
    if make is None:
        return PlainTextResponse("This sweep is not known here (any more); move a control.", status_code=404)
    _turns = _turns or asyncio.Semaphore(AT_ONCE)
    async with _turns:
        body = await asyncio.to_thread(make)
    # The stage keeps what it may need again. Naming an encoding spares the server from compressing floats, in vain.
    headers = {"Cache-Control": "no-store", "Content-Encoding": "identity"}
    return Response(body, media_type="application/octet-stream", headers=headers)


def routes() -> list[Route]:
    return [Route("/sweep/{token}", _serve, methods=["GET"])]
