"""How busy the pages are: what can wait gives way to them.

The warm-up waits for a calm moment. With a whole class at work, the sweeps that no hand has come near are not made, and
a training run sends fewer pictures.
"""

import time
from collections import deque

CLASS = 10  # pictures within WINDOW seconds: more than one hand asks for
WINDOW = 2.0

_drawn: "deque[float]" = deque(maxlen=CLASS)  # when the latest pictures were drawn


def drawing() -> None:
    """A lesson's picture is being drawn, for a page that opens or a control that was moved."""
    _drawn.append(time.monotonic())


def latest() -> float:
    """When a page was last drawn, on time.monotonic; long ago if never."""
    return _drawn[-1] if _drawn else float("-inf")


def crowded() -> bool:
    """Whether a class is at work."""
    return len(_drawn) == CLASS and time.monotonic() - _drawn[0] < WINDOW
