"""The routes by which the stage fetches, by an address, what a page offers it: the sweep of a slider, 61 pictures in
one answer, and the picture at another place of a slider or point.

A page's run sends the picture at rest and these addresses. So the picture does not wait for sweeps, nor for the
compilation that the first one takes; a sweep that the browser has, because only its own slider was moved, is not sent
again; one that no hand comes near need not be computed; and a dragged point is followed without a run of the page.

A stage that has been quiet asks for what no hand has come near, too, and says so: ?quiet. While a class is at work it
is told that there is nothing (204), and asks again when a hand comes.
"""

import asyncio
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pages.ui import attendance

MOST = 4096  # addresses that are remembered: each page of a class has two to five
# How many are made at once: more would only take the processors from each other, and from the pages.
AT_ONCE = {"sweep": os.cpu_count() or 2, "picture": 1}

Make = Callable[[Mapping[str, str]], bytes]

_offered: "OrderedDict[str, Make]" = OrderedDict()
_lock = threading.Lock()
_turns: dict[str, asyncio.Semaphore] = {}  # made in the server's loop


def offer(kind: str, key: tuple, make: Make) -> str:
    """The address of what `make` returns for a query. kind: "sweep" or "picture".

    key: all that it depends on beside the query, so that the same has the same address.  make: may raise ValueError,
    whose text is the answer.
    """
    token = hashlib.sha256(repr((kind, key)).encode()).hexdigest()[:32]
    with _lock:
        _offered[token] = make
        _offered.move_to_end(token)
        while len(_offered) > MOST:
            _offered.popitem(last=False)
    return f"{kind}/{token}"


async def _serve(kind: str, request: Request) -> Response:
    with _lock:
        make = _offered.get(request.path_params["token"])
    if "quiet" in request.query_params and attendance.crowded():
        return Response(status_code=204)
    if make is None:
        return PlainTextResponse("This is not known here (any more); move a control.", status_code=404)
    async with _turns.setdefault(kind, asyncio.Semaphore(AT_ONCE[kind])):
        try:
            body = await asyncio.to_thread(make, dict(request.query_params))
        except ValueError as error:
            return PlainTextResponse(str(error), status_code=400)
    # The stage keeps what it may need again. Naming an encoding spares the server from compressing floats, in vain.
    headers = {"Cache-Control": "no-store", "Content-Encoding": "identity"}
    return Response(body, media_type="application/octet-stream", headers=headers)


def routes() -> list[Route]:
    return [Route(f"/{kind}/{{token}}", partial(_serve, kind), methods=["GET"]) for kind in AT_ONCE]
