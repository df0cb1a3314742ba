"""What a database of ASE selects, and what NumPy makes of numbers (../ase-db.test.ts)."""

import warnings
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixCartesian
from ase.db import connect

warnings.simplefilter("ignore")

SYMBOLS = ["H", "C", "N", "O", "Cu", "Cl", "Au"]


def _atoms(rng: np.random.Generator) -> tuple[Atoms, dict[str, Any]]:
    n = int(rng.integers(1, 12))
    atoms = Atoms(
        rng.choice(SYMBOLS[: int(rng.integers(1, 8))], n),
        positions=rng.normal(size=(n, 3)),
        cell=rng.normal(size=(3, 3)) * 5 * int(rng.integers(2)),
        pbc=rng.integers(0, 2, 3).astype(bool),
    )
    if rng.random() < 0.3:
        atoms.set_initial_charges(rng.integers(-2, 3, n) / 2)
    if rng.random() < 0.3:
        atoms.set_masses(rng.integers(1, 40, n).astype(float))
    if rng.random() < 0.3:
        atoms.set_constraint(FixAtoms(rng.choice(n, int(rng.integers(1, n + 1)), replace=False)))
    elif rng.random() < 0.2:
        atoms.set_constraint([FixCartesian(i, rng.integers(0, 2, 3).astype(bool)) for i in range(n)])
    if rng.random() < 0.8:
        results = {
            "energy": round(float(rng.normal()), 1),
            "forces": rng.normal(size=(n, 3)),
            "stress": rng.normal(size=6),
            "magmom": float(rng.integers(0, 4)),
        }
        results["forces"][rng.random((n, 3)) < 0.02] = np.nan
        results = {key: value for key, value in results.items() if rng.random() < 0.8}
        atoms.calc = SinglePointCalculator(atoms, **results)
    info = {
        "gap": round(float(rng.normal()), 1),
        "step": int(rng.integers(-3, 4)),
        "flag": bool(rng.integers(2)),
        "name": str(rng.choice(["water", "Wasser", "水", "𝄞", "～", "a b", "Zn"])),
    }
    return atoms, {key: value for key, value in info.items() if rng.random() < 0.7}


def write(folder: str, seed: int, count: int) -> None:
    """The same structures in a database and in a trajectory, whose info are the database's key-value pairs."""
    rng = np.random.default_rng(seed)
    frames = []
    with connect(f"{folder}/rows.db") as db:
        for _ in range(count):
            atoms, info = _atoms(rng)
            db.write(atoms, key_value_pairs=info)
            atoms.info |= info
            frames.append(atoms)
    ase.io.write(f"{folder}/rows.traj", frames)


def select(path: str, queries: list[str]) -> list[list[int] | None]:
    """Ids for each query, as the command line of ase.db gives them; None for what ASE refuses."""
    db = connect(path)
    found: list[list[int] | None] = []
    for query in queries:
        try:
            rows = db.select(int(query) if query.isdigit() else query, include_data=False)
            found.append([row.id for row in rows])
        except (ValueError, KeyError, AssertionError):
            found.append(None)
    return found


def statistics(seed: int) -> list[dict[str, Any]]:
    """In double precision NumPy's own std of 1e9 ± 1e-3 is off in the eighth digit."""
    rng = np.random.default_rng(seed)
    places = [(1, 0), (2e-3, 1e9), (1e200, 0), (1e-300, 0)]
    cases = [rng.uniform(-0.5, 0.5, 5003) * scale + shift for scale, shift in places]
    cases += [np.array([3.0]), np.array([1e-300, 2, 1e200, 1])]
    return [
        {
            "values": values,
            "mean": float(values.astype(np.longdouble).mean()),
            "std": float(values.astype(np.longdouble).std()),
            "quantiles": np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist(),
        }
        for values in cases
    ]
