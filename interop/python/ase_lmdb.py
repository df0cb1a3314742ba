"""ASE databases in LMDB that ase-db-backends writes, and what it reads from them (../ase-lmdb.test.ts)."""

import datetime
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import all_properties
from ase.calculators.singlepoint import SinglePointCalculator
from ase_db_backends.aselmdb import LMDBDatabase
from ase_traj import base, constraint_cases, row_of


def _open(path: str, **options: Any) -> LMDBDatabase:
    return LMDBDatabase(path, use_lock_file=False, **options)


def read_database(path: str) -> list[list]:
    """The flat rows of a database, in its order."""
    rows = []
    database = _open(path, readonly=True)
    for row in database.select():
        atoms = row.toatoms()
        data = dict(row.data)
        pairs = {f"key_value_pairs.{key}" if key in data else key: value for key, value in row.key_value_pairs.items()}
        atoms.info = {"unique_id": row.unique_id} | pairs | data
        rows.append(row_of(atoms))
    return rows


def write_cases(path: str) -> list[list]:
    """Every field, then deletions and updates."""
    database = _open(path)
    database.metadata = {"title": "cases", "numbers": [1, 2]}
    for constraints in constraint_cases().values():
        atoms = base()
        atoms.set_constraint(constraints)
        database.write(atoms)
    for name in ("energy", "free_energy", "magmom"):
        atoms = base()
        atoms.calc = SinglePointCalculator(atoms, **{name: -1.5})
        database.write(atoms)
    atoms = base(5, 3)
    atoms.set_tags(range(5))
    atoms.set_masses(np.linspace(1, 2, 5))
    atoms.set_momenta(np.arange(15.0).reshape(5, 3))
    atoms.set_initial_charges([0.5, -0.0, 1, 2, 3])
    atoms.set_initial_magnetic_moments(np.arange(15.0).reshape(5, 3))
    database.write(atoms, key_value_pairs={"both": 1, "wide": 2**53 + 1}, data={"both": 2.0})
    database.write(Atoms(), key_value_pairs={"empty": True})
    database.write(Atoms("H"), key_value_pairs={"text": "µ", "real": 1.0, "small": np.float32(0.1), "n": np.int64(-5)})
    data = {
        "list": [1, 2.0, "x", None],
        "numbers": [1, 2, 3],
        "array": np.arange(6, dtype=np.float32).reshape(2, 3),
        "long": np.array([2**62, -1]),
        "flags": np.array([True, False]),
        "complex": np.array([1 + 2j, -0.5j]),
        "one": 3 - 4j,
        "nested": {"deep": [np.array([1.5]), {"x": 1}], "07": "seven"},
        "nan": float("nan"),
        "date": datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
        "9": "nine",
        "none": None,
        "words": np.array(["ab", "c"]),
    }
    database.write(base(2, 5), data=data)
    database.delete([2, 3])
    database.update(5, site="top", height=1)
    database.update(6, data={"later": np.arange(3)})
    database.update(7, atoms=base(3, 9))
    database.write(base(2, 6), id=8)
    database.close()
    return read_database(path)


def write_random(path: str, seed: int, count: int) -> list[list]:
    """Rows of random shapes, in one transaction as fairchem writes them; a third of them is deleted again."""
    rng = np.random.default_rng(seed)
    with _open(path) as database:
        for _ in range(count):
            n = int(rng.integers(1, 40))
            atoms = base(n, int(rng.integers(2**31)))
            results = {
                "energy": float(rng.normal()),
                "forces": rng.normal(size=(n, 3)).astype(rng.choice(["float32", "float64"])),
                "stress": rng.normal(size=6),
                "magmoms": rng.normal(size=n),
                "charges": rng.integers(-3, 3, n),
                "dipole": rng.normal(size=3),
                "free_energy": float(rng.normal()),
                "polarization": rng.normal(size=3),
            }
            assert set(results) <= set(all_properties)
            chosen = {name: value for name, value in results.items() if rng.random() < 0.6}
            if chosen:
                atoms.calc = SinglePointCalculator(atoms, **chosen)
            data = {"charge": int(rng.integers(-2, 3)), "spin": 1, "x": rng.normal(size=(n, 2))}
            database.write(atoms, key_value_pairs={"bulk": f"id{n}"}, data=data if rng.random() < 0.7 else None)
    database = _open(path)
    ids = [int(i) for i in range(1, count + 1) if rng.random() < 0.33]
    if ids:
        database.delete(ids)
    database.close()
    return read_database(path)


def add_and_delete(path: str) -> list[list]:
    """Changes that an open reader is to see."""
    database = _open(path)
    database.write(base(4, 8))
    database.delete([database.ids[0]])
    database.close()
    return read_database(path)


def lose_row(path: str, id: int) -> list[list]:
    """What is left of a deletion that ended before its second commit: a row that is counted and not there."""
    database = _open(path)
    with database.env.begin(write=True) as transaction:
        transaction.delete(str(id).encode())
    database.close()
    return [[str(number), ["null"]] for number in _open(path, readonly=True).ids]
