"""Rows of bytes and foreign column names, as asebytes has them (../blobs.test.ts)."""

from typing import Any

import numpy as np
from asebytes import ASEIO, COLABFIT, OPTIMADE, BlobIO, ColumnMapping, atoms_to_dict
from lmdb_rows import exact


def read_blobs(path: str, group: str) -> list[Any]:
    """Pairs of key and value of each row, None for an empty slot."""
    rows = BlobIO(path, group=group)
    return [None if row is None else [[key, value] for key, value in row.items()] for row in rows]


def write_blobs(path: str, rows: list[Any]) -> None:
    """Stores bytes as they are."""
    BlobIO(path).extend([{bytes(key): bytes(value) for key, value in row} for row in rows])


def read_structures(path: str) -> list[Any]:
    """The structures that asebytes finds, as pairs of key and value; an array of text as a list."""
    return [
        [[key, value.tolist() if _is_text(value) else exact(value)] for key, value in atoms_to_dict(atoms).items()]
        for atoms in ASEIO(path)
    ]


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "U"


MAPPINGS = {
    "colabfit": COLABFIT,
    "optimade": OPTIMADE,
    "own": ColumnMapping(
        positions="pos",
        numbers="z",
        cell="box",
        pbc="periodic",
        calc={"energy": "e", "forces": "f"},
        info={"label": "material id"},
        arrays={"tags": "t"},
    ),
}


def foreign_rows(name: str, seed: int, count: int) -> list[Any]:
    """Rows as a dataset of JSON has them, beside what the mapping makes of them."""
    rng = np.random.default_rng(seed)
    mapping = MAPPINGS[name]
    rows = []
    for _ in range(count):
        n = int(rng.integers(1, 6))
        row: dict[str, Any] = {
            mapping.positions: rng.normal(size=(n, 3)).tolist(),
            mapping.numbers: rng.choice(["H", "C", "Cl"], n).tolist() if mapping.species_are_strings else rng.integers(1, 90, n).tolist(),
            mapping.cell: rng.integers(0, 9, (3, 3)).tolist(),
            mapping.pbc: rng.integers(0, 2, 3).tolist() if mapping.pbc_are_dimension_types else [bool(flag) for flag in rng.integers(0, 2, 3)],
        }
        values = {"energy": float(rng.normal()), "forces": rng.normal(size=(n, 3)).tolist(), "stress": rng.normal(size=6).tolist()}
        for key, column in mapping.calc.items():
            if rng.random() < 0.8:
                row[column] = values[key]
        for column in mapping.arrays.values():
            row[column] = rng.integers(0, 9, n).tolist()
        for column in mapping.info.values():
            row[column] = f"mp-{rng.integers(99)}"
        row["extra"] = int(rng.integers(9))
        row["list"] = [1, 2.5, None, "x"]
        rows.append([_row(row), _row(mapping.apply(row))])
    return rows


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {key: exact(value) for key, value in row.items()}
