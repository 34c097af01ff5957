"""The fixed picture, into which only the settings are written anew: else the stage could not tell an answer."""

import json
import os
import struct
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["INVERSION_FLOOR"])


@cache
def texts() -> dict[str, Any]:
    return json.loads((FOLDER / "texts.json").read_text(encoding="utf-8"))


@cache
def _parts() -> tuple[dict[str, Any], bytes]:
    whole = (FOLDER / "picture").read_bytes()
    (length,) = struct.unpack_from("<I", whole)
    return json.loads(whole[4 : 4 + length]), whole[4 + length :]


def picture(settings: dict[str, Any] | None) -> bytes:
    """The picture's bytes under these settings: the header anew, the arrays behind it as they are (see pack.py)."""
    header, arrays = _parts()
    text = json.dumps(header if settings is None else header | {"settings": settings}).encode()
    text += b" " * (-(4 + len(text)) % 8)
    return struct.pack("<I", len(text)) + text + arrays
