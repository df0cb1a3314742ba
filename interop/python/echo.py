"""Functions that test the exchange itself (../peer.test.ts)."""

from importlib.metadata import version
from typing import Any

import numpy as np


def echo(value: Any) -> Any:
    return value


def describe(array: np.ndarray) -> dict[str, Any]:
    """What Python sees of an array: type, shape and the bits of its elements."""
    unsigned = np.dtype(f"u{array.dtype.itemsize}")
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "bits": [int(bits) for bits in array.ravel().view(unsigned)],
    }


def fail(message: str) -> None:
    raise ValueError(message)


def shout(text: str) -> str:
    print(text)
    return text.upper()


def versions(names: list[str]) -> dict[str, str]:
    return {name: version(name) for name in names}
