"""The bytes that the stage draws from, and the addresses of its files."""

import hashlib
import json
import re
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pages.ui.stage import ASSETS, pack, unpack

# Every dtype the stage accepts, and what it becomes on the wire.
WIRE = {np.float64: np.float32, np.float32: np.float32, np.bool_: np.uint8, np.uint8: np.uint8, np.int64: np.int32}


def read_by_hand(payload: bytes) -> tuple[int, dict]:
    (length,) = struct.unpack("<I", payload[:4])
    return length, json.loads(payload[4 : 4 + length])


@pytest.mark.parametrize("dtype", WIRE)
def test_round_trip_narrows_the_dtype_and_keeps_shape_and_values(dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    header, arrays = unpack(pack({"slug": "crux"}, {"a": array}))
    assert header == {"slug": "crux"}
    assert arrays["a"].dtype == WIRE[dtype] and arrays["a"].shape == array.shape
    np.testing.assert_array_equal(arrays["a"], array)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)),
        max_size=4,
    ),
    st.text(max_size=20),
)
def test_round_trip_of_any_header_text_and_any_float32(arrays, title):
    header, back = unpack(pack({"title": title}, arrays))
    assert header == {"title": title} and back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].shape == array.shape


def test_every_array_starts_at_a_multiple_of_eight_bytes():
    # Odd lengths of every element size, and header texts of every length modulo 8.
    arrays = {"bytes": np.ones(3, bool), "ints": np.arange(5), "floats": np.ones(7), "empty": np.zeros((0, 3))}
    for extra in range(8):
        length, header = read_by_hand(pack({"pad": "x" * extra}, arrays))
        assert (4 + length) % 8 == 0
        offsets = [entry["offset"] for entry in header["arrays"].values()]
        assert len(offsets) == 4 and all(offset % 8 == 0 for offset in offsets)


def test_a_view_with_strides_is_sent_in_row_order():
    grid = np.arange(12.0).reshape(3, 4)
    _, arrays = unpack(pack({}, {"t": grid.T, "every second": grid[:, ::2]}))
    np.testing.assert_array_equal(arrays["t"], grid.T)
    np.testing.assert_array_equal(arrays["every second"], grid[:, ::2])


def test_divergence_is_data_nan_and_inf_arrive_and_overflow_becomes_inf():
    _, arrays = unpack(pack({}, {"x": np.array([np.nan, np.inf, -np.inf, 1e300, -1e300])}))
    np.testing.assert_array_equal(arrays["x"], np.array([np.nan, np.inf, -np.inf, np.inf, -np.inf], np.float32))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_the_header_is_strict_json_because_browsers_refuse_nan(value):
    with pytest.raises(ValueError, match="JSON"):
        pack({"numbers": {"stable_limit": value}}, {})


def test_integers_that_int32_cannot_hold_are_refused_by_name():
    with pytest.raises(ValueError, match=r"'steps'.*int32"):
        pack({}, {"steps": np.array([2**31])})


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([1j]), np.array([None])])
def test_what_cannot_be_drawn_is_refused_by_name(array):
    with pytest.raises(TypeError, match="'odd'"):
        pack({}, {"odd": array})


def test_the_entry_the_style_and_plotly_are_among_the_assets():
    assert {"stage.js", "stage.css", "plotly.min.js"} <= ASSETS.keys()


def test_every_url_carries_the_hash_of_its_content():
    folders: dict[str, list[str]] = {}
    for asset in ASSETS.values():
        prefix, tag, name = asset.url.rsplit("/", 2)
        assert prefix == "/stage-assets" and name == asset.name
        folders.setdefault(tag, []).append(name)
    for tag, names in folders.items():
        digest = hashlib.sha256()
        for name in sorted(names):
            body = ASSETS[name].body
            digest.update(struct.pack("<Q", len(body)) + body)
        assert digest.hexdigest().startswith(tag) and len(tag) == 16


def test_modules_import_only_files_that_are_served():
    modules = [asset for asset in ASSETS.values() if asset.name.endswith(".js") and asset.name != "plotly.min.js"]
    imports = {(a.name, found) for a in modules for found in re.findall(r'from "\./([^"]+)"', a.body.decode())}
    assert ("stage.js", "model.js") in imports  # the pattern finds what it looks for
    assert {found for _, found in imports} <= {asset.name for asset in modules}
