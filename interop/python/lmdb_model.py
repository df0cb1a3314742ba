"""Changes that asebytes makes to stores in LMDB, and what it reads from them (../lmdb-writer.test.ts)."""

from typing import Any

import numpy as np
from asebytes import ObjectIO
from asebytes.lmdb import LMDBObjectBackend
from lmdb_rows import exact


def _open(path: str, group: str) -> ObjectIO:
    # Synced by the system, not by each commit: what is tested here is no crash.
    return ObjectIO(LMDBObjectBackend(path, group, sync=False))


def _close(db: ObjectIO) -> None:
    """An environment may be open only once in a process."""
    db._backend.env.close()


def _natural(row: Any) -> Any:
    """Integers and scalars as Python users have them, not as arrays of shape ()."""
    if row is None:
        return None
    return {key: _scalar(value) if isinstance(value, np.ndarray) and value.shape == () else value for key, value in row.items()}


def _scalar(value: np.ndarray) -> Any:
    return int(value) if value.dtype == np.int64 else value[()]


def apply(path: str, group: str, operations: list[dict]) -> int:
    """Does what random-operations.ts describes; the number of rows then."""
    db = _open(path, group)
    for operation in operations:
        _apply(db, operation)
    count = len(db)
    _close(db)
    return count


def _apply(db: ObjectIO, operation: dict) -> None:
    match operation["do"]:
        case "extend":
            db.extend([_natural(row) for row in operation["rows"]])
        case "insert":
            db.insert(operation["at"], _natural(operation["row"]))
        case "set":
            db[operation["at"]] = _natural(operation["row"])
        case "update":
            db.update(operation["at"], _natural(operation["row"]))
        case "delete":
            db[operation["start"] : operation["stop"]].delete()
        case "drop":
            if operation["keys"]:
                db[operation["start"] : operation["stop"]].drop(operation["keys"])
        case "reserve":
            db.reserve(operation["count"])
        case "clear":
            db.clear()
        case other:
            raise ValueError(other)


def read(path: str, group: str) -> list[Any]:
    """Each row as pairs of key and value, in whatever order; None for a reserved place."""
    db = _open(path, group)
    rows = db[:].to_list()
    _close(db)
    return [None if row is None else [[key, exact(value)] for key, value in row.items()] for row in rows]
