"""pack(header, arrays): one picture as bytes, for the browser to read without parsing numbers from text.

Layout, all little-endian: uint32 H, the header as H bytes of JSON (padded with spaces until 4 + H is a multiple
of 8), then the arrays, each starting at a multiple of 8 so that the browser can lay a Float32Array on it in place.
`header["arrays"][name]` says dtype, shape and the offset from the header's end. pack.js reads the same layout.
"""

import json
import struct

import numpy as np

_ALIGN = 8  # the strictest element size that a JavaScript typed array asks for
_DTYPES = {"float32": np.dtype("<f4"), "uint8": np.dtype("u1"), "int32": np.dtype("<i4")}


def _pad(length: int) -> int:
    return -length % _ALIGN


def _narrow(name: str, array) -> tuple[str, np.ndarray]:
    """The wire's dtype and a contiguous copy: float -> float32, bool and uint8 -> uint8, other integers -> int32."""
    array = np.asarray(array)
    kind = array.dtype.kind
    if kind == "f":
        # A diverging run may exceed float32: it becomes inf there, which is drawn as "left the picture".
        with np.errstate(over="ignore"):
            return "float32", np.asarray(array, dtype=_DTYPES["float32"], order="C")
    if kind == "b" or array.dtype == np.uint8:
        return "uint8", np.asarray(array, dtype=_DTYPES["uint8"], order="C")
    if kind in "iu":
        limits = np.iinfo(np.int32)
        if array.size and (array.min() < limits.min or array.max() > limits.max):
            raise ValueError(f"array {name!r} holds integers beyond int32; send it as float")
        return "int32", np.asarray(array, dtype=_DTYPES["int32"], order="C")
    raise TypeError(f"array {name!r} has dtype {array.dtype}; the stage takes floats, integers and booleans")


def pack(header: dict, arrays: dict[str, np.ndarray]) -> bytes:
    """Header and arrays -> bytes. NaN and inf are welcome in arrays, a ValueError in the header (strict JSON)."""
    table, bodies, offset = {}, [], 0
    for name, array in arrays.items():
        dtype, narrow = _narrow(name, array)
        body = narrow.tobytes()
        table[name] = {"dtype": dtype, "shape": list(narrow.shape), "offset": offset}
        bodies += [body, b"\0" * _pad(len(body))]
        offset += len(body) + _pad(len(body))
    text = json.dumps({**header, "arrays": table}, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    encoded = text.encode()
    encoded += b" " * _pad(4 + len(encoded))
    return b"".join([struct.pack("<I", len(encoded)), encoded, *bodies])


def unpack(payload: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """The inverse of `pack`, up to the narrowing of dtypes; the header comes back without its "arrays" table."""
    (length,) = struct.unpack_from("<I", payload)
    start = 4 + length
    header = json.loads(payload[4:start])
    arrays = {}
    for name, entry in header.pop("arrays").items():
        count = int(np.prod(entry["shape"], dtype=np.int64))
        flat = np.frombuffer(payload, _DTYPES[entry["dtype"]], count, start + entry["offset"])
        arrays[name] = flat.reshape(entry["shape"])
    return header, arrays
