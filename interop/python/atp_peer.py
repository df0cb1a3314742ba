"""Writes and reads .atp files with atompack, as ../atp.test.ts asks.

A molecule is {"positions", "atomicNumbers", "builtins", "atom", "molecule"}; the last three are lists of pairs, because
any text may be a key. Scalars are arrays of shape (), so that their dtype counts.
"""

import tempfile
from typing import Any

import atompack
import numpy as np

try:
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator
except ImportError:  # the older peers come without ASE
    pass

Pairs = list[tuple[str, Any]]


def write(path: str, codec: str, level: int, steps: list[dict[str, Any]]) -> list[str | None]:
    """Makes a file by steps; returns for each step why it was refused, None if it was not."""
    writer = Writer(atompack.Database(path, compression=codec, level=level, overwrite=True))
    return [writer.take(step) for step in steps]


def write_more(path: str, steps: list[dict[str, Any]]) -> list[str | None]:
    """Goes on with a file that is there."""
    writer = Writer(atompack.Database.open(path, mmap=False), len(atompack.Database.open(path)))
    return [writer.take(step) for step in steps]


class Writer:
    def __init__(self, database: Any, flushed: int | None = None):
        self.database = database
        self.flushed = flushed

    def take(self, step: dict[str, Any]) -> str | None:
        arguments = {name: value for name, value in step.items() if name != "do"}
        try:
            if step["do"] == "flush":
                self.flush()
            else:
                _STEPS[step["do"]](self.database, **arguments)
        except ValueError as error:
            return str(error)
        return None

    def flush(self) -> None:
        """Commits what is new. atompack itself would write schema and index again without need."""
        if len(self.database) != self.flushed:
            self.database.flush()
            self.flushed = len(self.database)


def _molecule(database: Any, molecule: dict[str, Any]) -> None:
    database.add_molecule(_build(molecule))


def _molecules(database: Any, molecules: list[dict[str, Any]]) -> None:
    database.add_molecules([_build(molecule) for molecule in molecules])


def _views(database: Any, source: str, indices: list[int], molecules: list[dict[str, Any]]) -> None:
    """Molecules of another file as they were read, mixed with new ones."""
    views = atompack.Database.open(source)
    given = [views[index] for index in indices]
    for place, molecule in enumerate(molecules):
        given.insert(2 * place, _build(molecule))
    database.add_molecules(given)


def _arrays(
    database: Any,
    positions: np.ndarray,
    atomicNumbers: np.ndarray,
    builtins: Pairs,
    properties: Pairs,
    atomProperties: Pairs,
) -> None:
    database.add_arrays_batch(
        positions,
        atomicNumbers,
        **dict(builtins),
        properties=dict(properties),
        atom_properties=dict(atomProperties),
    )


_STEPS = {
    "molecule": _molecule,
    "molecules": _molecules,
    "views": _views,
    "arrays": _arrays,
}


def _build(spec: dict[str, Any]) -> Any:
    builtins = dict(spec["builtins"])
    if "energy" in builtins:
        builtins["energy"] = float(builtins["energy"])
    if "pbc" in builtins:
        builtins["pbc"] = tuple(bool(periodic) for periodic in builtins["pbc"])
    molecule = atompack.Molecule.from_arrays(spec["positions"], spec["atomicNumbers"], **builtins)
    for key, value in spec["molecule"]:
        molecule.set_property(key, _plain(value))
    for key, value in spec["atom"]:
        molecule.set_property(key, value, scope="atom")
    return molecule


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def read(path: str, mmap: bool = True) -> list[dict[str, Any]]:
    """All molecules. get_molecules has to agree with the one by one read; the latter is what is returned."""
    database = atompack.Database.open(path, mmap=mmap)
    one_by_one = [_describe(database, index, database[index]) for index in range(len(database))]
    together = database.get_molecules(list(range(len(database))))
    for index, molecule in enumerate(together):
        np.testing.assert_equal(_describe(database, index, molecule), one_by_one[index])
    return one_by_one


def _describe(database: Any, index: int, molecule: Any) -> dict[str, Any]:
    flat = _flat_of(database, index)
    fields = {name: getattr(molecule, name) for name in ("charges", "cell", "forces", "stress", "velocities")}
    fields["pbc"] = None if molecule.pbc is None else np.array(molecule.pbc)
    fields["energy"] = None if molecule.energy is None else flat["energy"][0]
    fields["name"] = flat["name"][0] if "name" in flat else None
    return {
        "positions": molecule.positions,
        "atomicNumbers": molecule.atomic_numbers,
        "builtins": [(name, value) for name, value in fields.items() if value is not None],
        "atom": _properties(molecule, "atom"),
        "molecule": _properties(molecule, "molecule"),
    }


def _flat_of(database: Any, index: int) -> dict[str, Any]:
    """One molecule by the flat read, which tells what getters do not: the name, and the type of the energy."""
    try:
        return database.get_molecules_flat([index])
    except ValueError:  # a tensor that only others have: alone in a file the molecule can be read
        with tempfile.TemporaryDirectory() as folder:
            alone = atompack.Database(f"{folder}/alone.atp")
            alone.add_molecule(database[index])
            return alone.get_molecules_flat([0])


def _properties(molecule: Any, scope: str) -> Pairs:
    return [(key, _typed(molecule.get_property(key))) for key in molecule.property_keys(scope=scope)]


def _typed(value: Any) -> Any:
    if isinstance(value, int):
        return np.int64(value)
    return np.float64(value) if isinstance(value, float) else value


def read_flat(path: str, indices: list[int]) -> dict[str, Any] | None:
    """The flat read; None where it refuses the selection."""
    try:
        flat = atompack.Database.open(path).get_molecules_flat(indices)
    except ValueError:
        return None
    nested = {name: list(flat.pop(name, {}).items()) for name in ("properties", "atom_properties")}
    return {"fields": list(flat.items()), **nested}


def read_old(path: str) -> list[list[Any]]:
    """What all releases have getters for."""
    database = atompack.Database.open(path)
    names = ("positions", "atomic_numbers", "energy", "forces", "charges", "velocities", "cell", "stress", "pbc")
    return [
        [
            [getattr(molecule, name) for name in names],
            [(key, _typed(molecule.get_property(key))) for key in sorted(molecule.property_keys())],
        ]
        for molecule in (database[index] for index in range(len(database)))
    ]


def write_ase(path: str, frames: list[dict[str, Any]], options: dict[str, Any]) -> None:
    """Writes what atompack makes of ASE's Atoms."""
    database = atompack.Database(path, overwrite=True)
    for frame in frames:
        database.add_molecule(atompack.from_ase(_atoms(frame), **options))
    database.flush()


def _atoms(frame: dict[str, Any]) -> "Atoms":
    atoms = Atoms(frame["numbers"], positions=frame["positions"], cell=frame["cell"], pbc=frame["pbc"])
    for key, value in frame["arrays"]:
        atoms.set_array(key, value)
    atoms.info.update({key: _plain(value) for key, value in frame["info"]})
    if frame["calc"]:
        atoms.calc = SinglePointCalculator(atoms)
        atoms.calc.results.update({key: _plain(value) for key, value in frame["calc"]})
    return atoms


def read_ase(path: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """What atompack makes ASE's Atoms of, by itself (to_ase) and many at once (to_ase_batch)."""
    database = atompack.Database.open(path)
    frames = [_describe_atoms(atompack.to_ase(database[index], **options)) for index in range(len(database))]
    together = [_describe_atoms(atoms) for atoms in atompack.to_ase_batch(database.get_molecules(list(range(len(database)))), **options)]
    np.testing.assert_equal(together, frames)
    return frames


def _describe_atoms(atoms: "Atoms") -> dict[str, Any]:
    results = {} if atoms.calc is None else atoms.calc.results
    return {
        "numbers": atoms.numbers,
        "positions": atoms.positions,
        "cell": atoms.cell.array,
        "pbc": atoms.pbc,
        "velocities": atoms.get_velocities(),
        "arrays": [(key, value) for key, value in atoms.arrays.items() if key not in ("numbers", "positions")],
        "info": [(key, _typed(value)) for key, value in atoms.info.items()],
        "calc": [(key, _typed(value)) for key, value in results.items()],
    }
