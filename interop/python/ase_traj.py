"""What ASE reads from trajectories, and trajectories that ASE writes (../ase-traj.test.ts).

Values come tagged: ["bool", b], ["int", "5"], ["float", hex], ["str", s], ["null"], ["array", dtype, shape, hex],
["list", […]], ["dict", [[key, value], …]]. Constraints come as plain JSON.
"""

import datetime
import json
import warnings
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase import constraints as cs
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import ulm
from ase.io.trajectory import Trajectory, TrajectoryWriter

warnings.simplefilter("ignore")


def tag(value: Any) -> list:
    if isinstance(value, (bool, np.bool_)):
        return ["bool", bool(value)]
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        return tag(value.tolist())
    if isinstance(value, complex):
        value = np.complex128(value)
    if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, np.str_):
        array = np.asarray(value)
        if array.ndim == 0 and array.dtype.name in ("bool", "int64", "float64"):
            return tag(array.item())
        return ["array", array.dtype.name, list(array.shape), array.astype(array.dtype.newbyteorder("<")).tobytes().hex()]
    if value is None:
        return ["null"]
    if isinstance(value, str):
        return ["str", str(value)]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", np.float64(value).tobytes().hex()]
    if isinstance(value, (list, tuple)):
        return ["list", [tag(item) for item in value]]
    if isinstance(value, datetime.datetime):
        return ["dict", [["__datetime__", ["str", value.isoformat()]]]]
    if isinstance(value, dict):
        return ["dict", [[str(key), tag(item)] for key, item in value.items()]]
    raise TypeError(f"cannot tag a {type(value).__name__}")


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(type(value).__name__)


def row_of(atoms: Atoms) -> list:
    """The flat row of a structure, in order."""
    row: dict[str, Any] = {"cell": atoms.cell.array, "pbc": atoms.pbc}
    row |= {f"arrays.{name}": value for name, value in atoms.arrays.items()}
    row |= {f"info.{name}": value for name, value in atoms.info.items()}
    if atoms.calc is not None:
        row |= {f"calc.{name}": value for name, value in atoms.calc.results.items()}
    tagged = [[key, tag(value)] for key, value in row.items()]
    if atoms.constraints:
        constraints = [constraint.todict() for constraint in atoms.constraints]
        tagged.append(["constraints", json.dumps(constraints, default=_plain)])
    return tagged


def read_file(path: str) -> list[list]:
    return [row_of(atoms) for atoms in ase.io.read(path, ":", format="traj")]


def base(n: int = 6, seed: int = 1) -> Atoms:
    rng = np.random.default_rng(seed)
    return Atoms(numbers=rng.integers(1, 90, n), positions=rng.normal(0, 5, (n, 3)), cell=rng.normal(0, 5, (3, 3)), pbc=rng.random(3) < 0.5)


def constraint_cases() -> dict[str, list]:
    eye = np.eye(3)
    return {
        "FixAtoms": [cs.FixAtoms([0, 2])],
        "FixAtoms none": [cs.FixAtoms([])],
        "FixBondLengths": [cs.FixBondLengths([[0, 1], [2, 3]])],
        "FixBondLength": [cs.FixBondLength(0, 1)],
        "FixLinearTriatomic": [cs.FixLinearTriatomic([(0, 1, 2)])],
        "FixCartesian": [cs.FixCartesian([1], mask=[True, False, True]), cs.FixCartesian([2, 3])],
        "FixScaled": [cs.FixScaled([1], mask=[True, False, True])],
        "FixedLine": [cs.FixedLine([1, 2], [0, 0, 1])],
        "FixedPlane": [cs.FixedPlane([1, 2], [0, 1, 0])],
        "FixCom": [cs.FixCom()],
        "FixSubsetCom": [cs.FixSubsetCom([0, 1])],
        "FixedMode": [cs.FixedMode(np.arange(18.0).reshape(6, 3))],
        "Hookean atoms": [cs.Hookean(0, 1, 5.0, 2.0)],
        "Hookean point": [cs.Hookean(0, (0.5, 1, 2), 5.0, 2.0)],
        "Hookean plane": [cs.Hookean(0, (0.0, 0, 1, -7), 5.0)],
        "ExternalForce": [cs.ExternalForce(0, 1, 0.5)],
        "MirrorForce": [cs.MirrorForce(0, 1, 2.5, 1.0, 0.1)],
        "MirrorTorque": [cs.MirrorTorque(0, 1, 2, 3, 1.5, 0.5, 0.1)],
        "FixInternals": [cs.FixInternals(bonds=[[1.5, [0, 1]]], angles_deg=[[100.0, [0, 1, 2]]], dihedrals_deg=[[60.0, [0, 1, 2, 3]]])],
        "FixScaledParametricRelations": [cs.FixScaledParametricRelations([0], np.ones((3, 1)), np.zeros(3))],
        "FixCartesianParametricRelations": [cs.FixCartesianParametricRelations([0], eye, np.ones(3))],
        "several": [cs.FixAtoms([0]), cs.FixedPlane([1], [0, 0, 1]), cs.Hookean(2, 3, 5.0, 2.0)],
    }


def write_constraints(path: str, name: str) -> list[list]:
    """Frames with constraints, then one without, then one with them again."""
    atoms = base()
    atoms.set_constraint(constraint_cases()[name])
    free = base(6, 2)
    ase.io.write(path, [atoms, atoms, free, atoms])
    return read_file(path)


def constraint_names() -> list[str]:
    return list(constraint_cases())


INFO = {
    "int": 5,
    "big": 2**62,
    "huge": 2**80,
    "float": 0.1,
    "whole": 3.0,
    "minus_zero": -0.0,
    "bool": True,
    "none": None,
    "text": 'é "x" \\ \n 漢 😀',
    "list": [1, 2.0, "a", None, [True]],
    "numbers": [1.5, 2.5],
    "empty": [],
    "dict": {"a": {"b": [1, {"c": 2.5}]}, "7": 1, "array": np.arange(4)},
    "array": np.arange(6.0).reshape(2, 3),
    "float32": np.array([0.1, -2.5], np.float32),
    "float16": np.array([0.1, -2.5], np.float16),
    "int8": np.array([[1, -2]], np.int8),
    "uint64": np.array([2**64 - 1], np.uint64),
    "flags": np.array([True, False]),
    "words": np.array([["a", "b"], ["c", "d"]]),
    "none_at_all": np.zeros((0, 3)),
    "complex": 1 + 2j,
    "complexes": np.array([1 + 2j, -3j]),
    "complex64": np.array([[1 + 2j]], np.complex64),
    "date": datetime.datetime(2026, 11, 21, 1, 2, 3, 4),
    "a.b": "dots",
    "inf": float("inf"),
    "special": np.array([np.inf, -np.inf, -0.0, 5e-324]),
    "numpy_int": np.int32(4),
    "numpy_float": np.float32(0.1),
    7: "a number for a key",
}


def _results(rng: np.random.Generator, n: int) -> dict[str, Any]:
    everything = {
        "energy": float(rng.normal()),
        "free_energy": float(rng.normal()),
        "forces": rng.normal(0, 1, (n, 3)),
        "stress": rng.normal(0, 1, 6),
        "stresses": rng.normal(0, 1, (n, 6)),
        "dipole": rng.normal(0, 1, 3),
        "charges": rng.normal(0, 1, n),
        "magmom": float(rng.integers(0, 5)),
        "magmoms": rng.normal(0, 1, n),
        "energies": rng.normal(0, 1, n),
        "dielectric_tensor": rng.normal(0, 1, (3, 3)),
        "polarization": rng.normal(0, 1, 3),
    }
    return {name: value for name, value in everything.items() if rng.random() < 0.6}


def random_atoms(rng: np.random.Generator, like: Atoms | None = None) -> Atoms:
    """A random structure; `like` gives numbers and pbc."""
    n = int(rng.integers(0, 7)) if like is None else len(like)
    atoms = Atoms(numbers=rng.integers(0, 119, n), positions=rng.normal(0, 10, (n, 3)), cell=rng.normal(0, 5, (3, 3)))
    atoms.pbc = rng.random(3) < 0.5
    if like is not None:
        atoms.numbers, atoms.pbc = like.numbers, like.pbc
    for name, value in {
        "tags": rng.integers(-3, 3, n),
        "momenta": rng.normal(0, 1, (n, 3)),
        "initial_magmoms": rng.normal(0, 1, n),
        "initial_charges": rng.normal(0, 1, n),
        "masses": rng.random(n) + 1,
    }.items():
        if rng.random() < 0.3:
            atoms.set_array(name, value)
    if rng.random() < 0.2 and not atoms.has("initial_magmoms"):
        atoms.set_initial_magnetic_moments(rng.normal(0, 1, (n, 3)))
    for key, value in INFO.items():
        if rng.random() < 0.2:
            atoms.info[key] = value
    if rng.random() < 0.3 and n > 0:
        atoms.set_constraint(cs.FixAtoms(np.flatnonzero(rng.random(n) < 0.5)))
    if rng.random() < 0.7:
        atoms.calc = SinglePointCalculator(atoms, **_results(rng, n))
    return atoms


def write_random(path: str, seed: int, count: int, same: bool) -> list[list]:
    """Random structures, of the same atoms where asked; returns what ASE reads back."""
    rng = np.random.default_rng(seed)
    like = random_atoms(rng)
    with Trajectory(path, "w") as trajectory:
        for _ in range(count):
            trajectory.write(random_atoms(rng, like if same or rng.random() < 0.3 else None))
    return read_file(path)


def append_random(path: str, seed: int, count: int) -> list[list]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        with Trajectory(path, "a") as trajectory:
            trajectory.write(random_atoms(rng))
    return read_file(path)


class _BigEndianWriter(ulm.Writer):
    """What ulm.Writer does on a big-endian machine: ASE itself cannot be told to."""

    def __init__(self, fd: Any, mode: str = "w", tag: str = "", data: dict | None = None) -> None:
        super().__init__(fd, mode, tag, data)
        if data is None:
            self.data = {"_little_endian": False}

    def fill(self, a: np.ndarray) -> None:
        super().fill(a.byteswap())

    def child(self, name: str) -> "_BigEndianWriter":
        self._write_header()
        data = self.data[name + "."] = {}
        return _BigEndianWriter(self.fd, data=data)

    def sync(self) -> None:
        super().sync()
        self.data = {"_little_endian": False}


def write_big_endian(path: str, seed: int, count: int) -> list[list]:
    rng = np.random.default_rng(seed)
    writer = TrajectoryWriter(path)
    writer.close()
    Path(path).unlink()
    writer.backend = _BigEndianWriter(path, "w", "ASE-Trajectory")
    like = random_atoms(rng)
    for i in range(count):
        writer.write(random_atoms(rng, like if i < count // 2 else None))
    writer.close()
    return read_file(path)


def write_old(path: str) -> list[list]:
    """The mark and version of before 2016."""
    ase.io.write(path, [base(), base(6, 2)])
    data = bytearray(Path(path).read_bytes())
    data[:8] = b"AFFormat"
    data[24] = 2
    Path(path).write_bytes(data)
    return read_file(path)


def write_calculator(path: str) -> list[list]:
    """A calculator that computes, with parameters, and one whose structure changed since."""
    from ase.build import bulk

    atoms = bulk("Cu", cubic=True)
    atoms.calc = EMT()
    atoms.get_forces()
    atoms.get_stress()
    with Trajectory(path, "w", properties=["energy", "forces", "stress"]) as trajectory:
        trajectory.write(atoms)
    moved = atoms.copy()
    moved.calc = SinglePointCalculator(atoms, energy=1.0)
    moved.positions += 1
    with Trajectory(path, "a") as trajectory:
        trajectory.write(moved)
        trajectory.write(base(), energy=117, dipole=np.array([0, 0, 1.0]))
    return read_file(path)


def write_info(path: str) -> list[list]:
    atoms = base()
    atoms.info = dict(INFO)
    ase.io.write(path, [atoms])
    return read_file(path)


def write_flat(path: str) -> list[list]:
    """Old ways of saying things: a cell of three lengths, arrays as lists, one pbc for all."""
    writer = ulm.open(path, "w", tag="ASE-Trajectory")
    writer.write(version=1, ase_version="3.12.0", pbc=True, numbers=[8, 1], positions=[[0.0, 0.5, 1.0], [1.0, 2.0, 3.0]], cell=[4.0, 5.0, 6.5])
    writer.sync()
    writer.write(positions=np.ones((2, 3), np.float32), cell=np.eye(3).tolist(), tags=np.array([1, 2], np.int32))
    writer.sync()
    writer.close()
    return read_file(path)
