"""Structures and rows that asebytes keeps in LMDB (../lmdb-rows.test.ts)."""

from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixBondLength
from asebytes import ASEIO, ObjectIO


def exact(value: Any, nested: bool = False) -> Any:
    """Scalars told apart as rows do it: integers by arrays of shape (); in lists and dicts whole floats instead."""
    if isinstance(value, (list, tuple)):
        return [exact(item, True) for item in value]
    if isinstance(value, dict):
        return {key: exact(item, True) for key, item in value.items()}
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, float):
        return np.asarray(value) if nested and value.is_integer() and not (value == 0 and np.signbit(value)) else value
    if isinstance(value, int) and nested:
        return value
    return np.asarray(value)


def _atoms(rng: np.random.Generator) -> Atoms:
    n = int(rng.integers(0, 40))
    atoms = Atoms(
        numbers=rng.integers(1, 90, n),
        positions=rng.normal(size=(n, 3)),
        cell=rng.normal(size=(3, 3)) * bool(rng.integers(2)),
        pbc=rng.integers(0, 2, 3).astype(bool),
    )
    info = {
        "step": int(rng.integers(-5, 5)),
        "gap": float(rng.normal()),
        "zero": 0.0,
        "flag": bool(rng.integers(2)),
        "name": "größe " + str(rng.integers(9)),
        "small": np.float32(rng.normal()),
        "count": np.int32(rng.integers(9)),
        "list": [1, 2.5, "x", None, [True, 3]],
        "nested": {"a": 1, "b": {"c": [np.nan, 2, 2.0, -0.0, 0.0, 2**60, 2**63]}},
        "wave": complex(rng.normal(), rng.normal()),
        "dotted.key.": rng.normal(size=(2, 3)).astype(np.float16),
        "ключ": rng.integers(-9, 9, 4),
    }
    for key in info:
        if rng.random() < 0.7:
            atoms.info[key] = info[key]
    if rng.random() < 0.5:
        atoms.set_tags(rng.integers(0, 3, n))
    if rng.random() < 0.5 and n > 2:
        atoms.set_constraint([FixAtoms([0, 2]), FixBondLength(0, 1)])
    if rng.random() < 0.8:
        results = {"energy": float(rng.normal()), "forces": rng.normal(size=(n, 3)), "stress": rng.normal(size=6)}
        atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def write(path: str, seed: int, count: int, group: str) -> None:
    """Structures in several writes, with rows inserted, replaced, changed, reserved and deleted in between."""
    rng = np.random.default_rng(seed)
    db = ASEIO(path, group=group)
    db.extend([_atoms(rng) for _ in range(count)])
    for _ in range(count // 4):
        length = len(db)
        at = int(rng.integers(0, length))
        match rng.integers(0, 5):
            case 0:
                db.insert(at, _atoms(rng))
            case 1:
                del db[at]
            case 2:
                db[at] = _atoms(rng)
            case 3:
                db.update(at, info={"late": float(rng.normal())})
            case _:
                db.reserve(2)


def read(path: str, group: str) -> list[Any]:
    """What asebytes reads: None, or pairs of key and value."""
    db = ObjectIO(path, group=group)
    rows = [db[i] for i in range(len(db))]
    return [None if row is None else [[key, exact(value)] for key, value in row.items()] for row in rows]
