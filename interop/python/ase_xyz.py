"""What ASE reads from XYZ files, and files that ASE writes (../ase-xyz.test.ts).

Values come tagged, so that an int and a float, or a list and an array, are told apart wherever they stand:
["array", dtype, shape, hex], ["bool", b], ["str", s], ["null"], ["list", […]], ["dict", [[key, value], …]], and
inside lists and dicts ["int", "5"] and ["float", hex].
"""

import io
import warnings
from typing import Any

import ase.io
import numpy as np
import xyz_text
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixCartesian

warnings.simplefilter("ignore")


def tag(value: Any, nested: bool = False) -> list:
    if isinstance(value, (bool, np.bool_)):
        return ["bool", bool(value)]
    if isinstance(value, np.ndarray) and value.dtype == bool and value.ndim == 0:
        return ["bool", bool(value)]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return tag(value.tolist())
    if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, np.str_):
        array = np.asarray(value)
        return ["array", array.dtype.name, list(array.shape), array.tobytes().hex()]
    if value is None:
        return ["null"]
    if isinstance(value, str):
        return ["str", str(value)]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", np.float64(value).tobytes().hex()] if nested else tag(np.float64(value))
    if isinstance(value, (list, tuple)):
        return ["list", [tag(item, True) for item in value]]
    if isinstance(value, dict):
        return ["dict", [[key, tag(item, True)] for key, item in value.items()]]
    raise TypeError(f"cannot tag a {type(value).__name__}")


def row_of(atoms: Atoms) -> dict[str, Any]:
    """The flat row of a structure, in order."""
    row: dict[str, Any] = {"cell": atoms.cell.array, "pbc": atoms.pbc}
    row |= {f"arrays.{name}": value for name, value in atoms.arrays.items()}
    row["arrays.numbers"] = atoms.numbers.astype(np.uint8)
    row |= {f"info.{name}": value for name, value in atoms.info.items()}
    if atoms.calc is not None:
        row |= {f"calc.{name}": value for name, value in atoms.calc.results.items()}
    if atoms.constraints:
        row["constraints"] = [constraint.todict() for constraint in atoms.constraints]
    return row


def tagged_rows(frames: list[Atoms]) -> list[list]:
    return [[[key, tag(value)] for key, value in row_of(atoms).items()] for atoms in frames]


def read_file(path: str) -> list[list]:
    return tagged_rows(ase.io.read(path, ":", format="extxyz"))


def read_text(text: str) -> dict[str, Any]:
    """All frames of a text, or what ASE raises."""
    try:
        return {"rows": tagged_rows(ase.io.read(io.StringIO(text, newline=None), ":", format="extxyz"))}
    except Exception as error:  # every way to fail counts as one
        return {"error": f"{type(error).__name__}: {error}"}


def random_comments(seed: int, count: int) -> list[dict[str, Any]]:
    """Random comments of frames without atoms, beside one that makes the file extended XYZ, and what ASE reads."""
    random = xyz_text.Generator(seed)
    return [_case(f"0\n{random.comment()}\n0\nzz=1\n") for _ in range(count)]


def random_files(seed: int, count: int) -> list[dict[str, Any]]:
    """Random files, and what ASE reads."""
    random = xyz_text.Generator(seed)
    return [_case(random.file()) for _ in range(count)]


def _case(text: str) -> dict[str, Any]:
    return {"text": text, "comments": _comments(text), **read_text(text)}


def random_numbers(seed: int, count: int) -> list[str]:
    return xyz_text.Generator(seed).number_texts(count)


def floats(texts: list[str]) -> np.ndarray:
    return np.array([float(text) for text in texts])


def _comments(text: str) -> list[list]:
    """Each frame's comment, and whether a cell in VEC lines makes ASE take it as text."""
    lines = io.StringIO(text, newline=None).readlines()
    comments = []
    while lines and lines[0].strip():
        try:
            n = int(lines[0])
        except ValueError:
            break
        comment, lines = "".join(lines[1:2]).strip(), lines[n + 2 :]
        vectors = 0
        while lines and lines[0].lstrip().startswith("VEC"):
            vectors, lines = vectors + 1, lines[1:]
        comments.append([comment, vectors > 0])
    return comments


def write_random(path: str, seed: int, count: int) -> list[list]:
    """Writes random structures with ASE; returns the rows that ASE reads back."""
    rng = np.random.default_rng(seed)
    frames = [_random_atoms(rng) for _ in range(count)]
    ase.io.write(path, frames, format="extxyz")
    return read_file(path)


def _random_atoms(rng: np.random.Generator) -> Atoms:
    n = int(rng.integers(0, 6))
    atoms = Atoms(numbers=rng.integers(0, 119, n), positions=rng.normal(0, 10, (n, 3)))
    if rng.random() < 0.6:
        atoms.cell = rng.normal(0, 5, (3, 3))
        atoms.pbc = rng.random(3) < 0.5
    for name, value in {
        "tags": rng.integers(-3, 3, n),
        "momenta": rng.normal(0, 1, (n, 3)),
        "flag": rng.random(n) < 0.5,
        "pair": rng.integers(0, 2, (n, 2)).astype(bool),
        "label": np.array([f"x{i}" for i in range(n)], dtype="U4"),
        "initial_magmoms": rng.normal(0, 1, n),
        "initial_charges": rng.normal(0, 1, n),
    }.items():
        if rng.random() < 0.3 and n > 0:
            atoms.set_array(name, value)
    for name, value in {
        "int": int(rng.integers(-5, 5)),
        "float": float(rng.normal()),
        "whole": float(rng.integers(0, 5)),
        "bool": bool(rng.random() < 0.5),
        "text": str(rng.choice(["bulk", "a b", 'quote"d', "it's", "[x]", "été", "a,b", "x=y"])),
        "floats": rng.normal(0, 1, int(rng.integers(2, 12))),
        "ints": rng.integers(-9, 9, int(rng.integers(2, 12))),
        "bools": rng.random(3) < 0.5,
        "matrix": rng.normal(0, 1, (2, 3)),
        "virial": rng.normal(0, 1, (3, 3)),
        "list": ["a", 1, 2.5, None],
        "dict": {"a": 1, "b": [1.0, 2.5], "c": {"d": "e"}},
        "special": float(rng.choice([np.nan, np.inf, -np.inf, -0.0, 1e-300, 1e22])),
    }.items():
        if rng.random() < 0.4:
            atoms.info[name] = value
    if rng.random() < 0.6:
        results = {"energy": float(rng.normal()), "free_energy": float(rng.normal())}
        if n > 0:
            results |= {"forces": rng.normal(0, 1, (n, 3)), "charges": rng.normal(0, 1, n)}
            results |= {"energies": rng.normal(0, 1, n)}
        results |= {"stress": rng.normal(0, 1, 6), "dipole": rng.normal(0, 1, 3)}
        chosen = {name: value for name, value in results.items() if rng.random() < 0.6}
        if chosen:
            atoms.calc = SinglePointCalculator(atoms, **chosen)
    if n > 0 and rng.random() < 0.3:
        atoms.set_constraint(FixAtoms(indices=np.flatnonzero(rng.random(n) < 0.5)))
    elif n > 0 and rng.random() < 0.3:
        atoms.set_constraint([FixCartesian(i, mask=rng.random(3) < 0.5) for i in range(n)])
    return atoms
