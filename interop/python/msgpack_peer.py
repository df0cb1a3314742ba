"""asebytes' way of writing values, for ../msgpack.test.ts: msgpack with msgpack-numpy."""

from typing import Any

import msgpack
import msgpack_numpy
import numpy as np

# Made where arrays of every kind are at hand; JSON could not carry them.
_VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "int 0": 0,
    "float 0": 0.0,
    "float -0": -0.0,
    "nan": float("nan"),
    "largest int64": 2**63 - 1,
    "smallest int64": -(2**63),
    "largest uint64": 2**64 - 1,
    "text": "water Å 😀\0",
    "tuple": (1, 2.0, "x"),
    "nested": {"a": [1, {"b": [[True, None]]}], "kwargs": {"indices": [0, 5, 300, 70000, -1, -200]}},
    "float64 scalar": np.float64(0.1),
    "float32 scalar": np.float32(0.1),
    "int8 scalar": np.int8(-5),
    "int64 scalar": np.int64(-5),
    "uint64 scalar": np.uint64(5),
    "bool scalar": np.bool_(True),
    "str scalar": np.str_("x"),
    "complex": 1.5 - 2j,
    "complex 0": complex(0.0, -0.0),
    "complex nan": complex(float("nan"), float("-inf")),
    "complex64 scalar": np.complex64(1 + 2j),
    "complex128 scalar": np.complex128(1 + 2j),
    "0-d array": np.array(3, dtype="<i4"),
    "empty array": np.zeros((0, 3)),
    "big-endian": np.arange(6, dtype=">f8").reshape(2, 3),
    "big-endian complex": np.array([1 + 2j], dtype=">c16"),
    "Fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(12, dtype="<i4")[::2],
    "long": np.arange(70000, dtype="<u2"),
    "16 dimensions": np.ones((1,) * 16, dtype="<f4"),
    "text array": np.array([["H", "Å😀"], ["", "C"]]),
    "bytes array": np.array([b"H2O", b"CH"]),
    "bytes": b"\x00\xff",
    "records": np.array(
        [(1, (2.0, [3, 4])), (5, (6.0, [7, 8]))], dtype=[("a", "<i4"), ("b", [("x", "<f8"), ("y", "|u1", (2,))])]
    ),
    "objects": np.array([{"a": 1}, None], dtype=object),
}


def pack(name: str) -> bytes:
    """A value of the table above."""
    return msgpack.packb(_VALUES[name], default=msgpack_numpy.encode)


def pack_array(array: np.ndarray) -> bytes:
    """An array, or a NumPy scalar for the shape ()."""
    return msgpack.packb(array[()], default=msgpack_numpy.encode)


def pack_int(value: int) -> bytes:
    """A Python integer."""
    return msgpack.packb(int(value))


def pack_complex(real: float, imaginary: float) -> bytes:
    """A Python complex number."""
    return msgpack.packb(complex(real, imaginary), default=msgpack_numpy.encode)


def describe(data: bytes) -> list[str]:
    """What Python reads: type and value, to the bit."""
    return _describe(msgpack.unpackb(data, object_hook=msgpack_numpy.decode))


def describe_original(name: str) -> list[str]:
    """The same of a value of the table above, with what msgpack makes of tuples and of subclasses of str and float."""
    value = _VALUES[name]
    for plain in (float, str):
        if isinstance(value, plain):
            value = plain(value)
    return _describe(list(value) if isinstance(value, tuple) else value)


def _describe(value: Any) -> Any:
    if isinstance(value, dict):
        return ["dict", *([key, _describe(item)] for key, item in sorted(value.items()))]
    if isinstance(value, list):
        return ["list", *(_describe(item) for item in value)]
    if isinstance(value, np.ndarray):
        return ["ndarray", repr(value.dtype.descr), list(value.shape), value.tobytes().hex()]
    if isinstance(value, np.generic):
        return [type(value).__name__, value.dtype.str, value.tobytes().hex()]
    return [type(value).__name__, repr(value)]


def asebytes_value(path: str, values: dict[str, bytes]) -> dict[str, Any]:
    """What asebytes itself reads of one row whose values are these bytes."""
    import asebytes

    store = asebytes.BlobIO(path)
    store.extend([{key.encode(): value for key, value in values.items()}])
    del store  # LMDB opens a path once in a process.
    row = asebytes.ObjectIO(path)[0]
    return {key: _describe(value) for key, value in row.items()}
