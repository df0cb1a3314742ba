"""Values between TypeScript and Python as JSON, exact in both directions; ../exchange.ts is the other half."""

import base64
import json
import math
import sys
from typing import Any

import numpy as np

_TAGS = ({"dtype", "shape", "base64"}, {"bytes"}, {"float"}, {"int"})
_EXACT_IN_JAVASCRIPT = 2**53 - 1


def dumps(value: Any) -> str:
    """The JSON text of a value that TypeScript is to receive, on one line."""
    return json.dumps(_to_json(value), allow_nan=False)


def loads(text: str) -> Any:
    """Reads the JSON text that TypeScript wrote."""
    return json.loads(text, object_hook=_from_json)


def read_input() -> Any:
    """What a script run by `runPeer` was given."""
    return loads(sys.stdin.read())


def print_result(value: Any) -> None:
    """What a script run by `runPeer` answers; nothing else may be printed to stdout."""
    print(dumps(value))


def _to_json(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return _array_to_json(np.asarray(value))
    if isinstance(value, int):
        return value if abs(value) <= _EXACT_IN_JAVASCRIPT else {"int": str(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    if isinstance(value, dict):
        if set(value) in _TAGS or not all(isinstance(key, str) for key in value):
            raise TypeError(f"cannot exchange a dict with the keys {list(value)}")
        return {key: _to_json(item) for key, item in value.items()}
    raise TypeError(f"cannot exchange a {type(value).__name__}")


def _array_to_json(array: np.ndarray) -> dict[str, Any]:
    if array.dtype.kind not in "biufc" or array.dtype.itemsize > 16 or array.dtype == np.longdouble:
        raise TypeError(f"cannot exchange an array of dtype {array.dtype}: make it a list with .tolist()")
    data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(order="C")
    return {"dtype": array.dtype.name, "shape": list(array.shape), "base64": base64.b64encode(data).decode()}


def _from_json(value: dict[str, Any]) -> Any:
    keys = set(value)
    if keys == {"dtype", "shape", "base64"}:
        dtype = np.dtype(value["dtype"]).newbyteorder("<")
        # A copy, because an array over bytes is read-only.
        return np.frombuffer(base64.b64decode(value["base64"]), dtype).reshape(value["shape"]).copy()
    if keys == {"bytes"}:
        return base64.b64decode(value["bytes"])
    if keys == {"float"}:
        return float(value["float"])
    if keys == {"int"}:
        return int(value["int"])
    return value
