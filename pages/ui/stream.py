"""The route by which a job's frames reach the browser: server-sent events, each a base64 frame of the stage's format.

Polling through Streamlit gave 2 to 4 pictures a second, each a script run; this gives as many as the job paints.
"""

import asyncio
import base64
import signal
import threading
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pages.ui.jobs import PICTURES, Job, find

SILENCE = 15.0  # seconds until a comment is sent, which is no event: proxies close a silent connection
_closing = threading.Event()


def end_with_the_server() -> None:
    """Let a signal that ends the server end its streams first: the server waits for them, without limit."""
    for number in (signal.SIGINT, signal.SIGTERM):
        previous = signal.getsignal(number)

        def handle(received, frame, previous=previous):
            _closing.set()
            if callable(previous):
                previous(received, frame)

        signal.signal(number, handle)


async def events(request: Request) -> Response:
    """Stream the frames of the job whose token is in the path, until it ends or the browser leaves."""
    job = find(request.path_params["token"])
    if job is None:
        return PlainTextResponse("This training run no longer exists; start another one.", status_code=404)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_frames(job), media_type="text/event-stream", headers=headers)


async def _frames(job: Job) -> AsyncIterator[bytes]:
    seen, quiet = 0, 0.0
    while not _closing.is_set():
        if job.version != seen:
            # Whether it has ended is asked first: else the end could come between the picture and the question.
            ended = job.snapshot().finished
            seen, frame = await asyncio.to_thread(job.frame)
            quiet = 0.0
            yield b"data: " + base64.b64encode(frame) + b"\n\n"
            if ended and seen == job.version:
                return
        elif job.snapshot().finished:
            return
        elif quiet > SILENCE:
            quiet = 0.0
            yield b": still here\n\n"
        await asyncio.sleep(0.5 / PICTURES)
        quiet += 0.5 / PICTURES


def routes() -> list[Route]:
    return [Route("/job/{token}/events", events, methods=["GET"])]
