"""NumPy's own reading and writing of .npy, for ../npy.test.ts."""

import io
from typing import Any

import numpy as np
from numpy.lib import format as npy_format


def save(array: np.ndarray) -> bytes:
    """What `numpy.save` writes."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def save_as(array: np.ndarray, order: str, byte_order: str, version: list[int]) -> bytes:
    """The same elements in another layout: order "C" or "F", byte order "<" or ">", format version [major, minor]."""
    laid_out = np.asarray(array, order=order).astype(array.dtype.newbyteorder(byte_order), order="K")
    file = io.BytesIO()
    npy_format.write_array(file, laid_out, version=tuple(version))
    return file.getvalue()


def save_with_long_header(array: np.ndarray, major: int, header_bytes: int) -> bytes:
    """A header of more than 64 KiB, as a writer that leaves much room would make it. NumPy reads it when told to."""
    data = save(array)
    start = 10
    end = start + int.from_bytes(data[8:10], "little")
    header = data[start:end].rstrip().ljust(header_bytes - 1) + b"\n"
    file = data[:6] + bytes([major, 0]) + len(header).to_bytes(4, "little") + header + data[end:]
    assert np.array_equal(np.load(io.BytesIO(file), max_header_size=2 * header_bytes), array, equal_nan=True)
    return file


def load(file: bytes) -> np.ndarray:
    """What `numpy.load` makes of a file."""
    return np.load(io.BytesIO(file), allow_pickle=False)


def save_unsupported() -> dict[str, bytes]:
    """Arrays that are no plain numbers, as `numpy.save` writes them."""
    arrays: dict[str, Any] = {
        "objects": np.array([{"a": 1}, None], dtype=object),
        "text": np.array(["H2O", "CH4"]),
        "bytes": np.array([b"H2O"]),
        "records": np.array([(1, 2.0)], dtype=[("descr", "<i4"), ("shape", "<f8")]),
        "nested records": np.array([((1.0, 2),)], dtype=[("a", [("x", "<f8"), ("y", "<i4")])]),
        "dates": np.array(["2026-01-01"], dtype="datetime64[D]"),
        "raw bytes": np.zeros(2, dtype="V8"),
        "long doubles": np.zeros(2, dtype=np.longdouble),
    }
    return {name: save(array) for name, array in arrays.items()}


def to_float16(doubles: np.ndarray) -> np.ndarray:
    """NumPy's rounding of float64 to float16."""
    with np.errstate(over="ignore"):
        return doubles.astype(np.float16)


def from_float16(halves: np.ndarray) -> np.ndarray:
    """The doubles that float16 patterns stand for."""
    return halves.astype(np.float64)
