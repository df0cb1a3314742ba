"""atompack-db's side of benchmarks/atp.ts."""

import os
from functools import cache

import atompack
import numpy as np
from bench_peer import serve, timed


@cache
def opened(path):
    return atompack.Database.open(path)


@cache
def loaded(arrays, batches):
    """The stacked arrays of each batch, as keyword arguments of add_arrays_batch."""
    names = {"atomicNumbers": "atomic_numbers"}
    found = [{"properties": {}, "atom_properties": {}} for _ in range(batches)]
    for file in os.listdir(arrays):
        index, field = file.removesuffix(".npy").split("-", 1)
        if int(index) >= batches:
            continue
        group, _, key = field.rpartition(".")
        target = found[int(index)][group] if group else found[int(index)]
        target[names.get(key, key)] = np.load(os.path.join(arrays, file))
    return [{key: value for key, value in batch.items() if len(value) > 0} for batch in found]


def open_one(path, index):
    def read():
        molecule = atompack.Database.open(path)[index]
        return molecule.energy

    seconds, energy = timed(read)
    return {"seconds": seconds, "energy": energy}


def flat(path, order, batch):
    db = opened(path)
    batches = [order[start : start + batch] for start in range(0, len(order), batch)]

    def read():
        return sum(float(db.get_molecules_flat(indices)["energy"].sum()) for indices in batches)

    seconds, energy = timed(read)
    return {"seconds": seconds, "energy": energy}


def one_by_one(path, order):
    db = opened(path)

    def read():
        total = 0.0
        for index in order:
            molecule = db[index]
            molecule.positions
            molecule.forces
            molecule.atomic_numbers
            total += molecule.energy
        return total

    seconds, energy = timed(read)
    return {"seconds": seconds, "energy": energy}


def write(path, arrays, batches, codec):
    columns = loaded(arrays, batches)

    def run():
        db = atompack.Database(path, compression=codec, overwrite=True)
        for batch in columns:
            db.add_arrays_batch(batch["positions"], batch["atomic_numbers"], **{
                key: value for key, value in batch.items() if key not in ("positions", "atomic_numbers")
            })
        db.flush()

    seconds, _ = timed(run)
    return {"seconds": seconds, "bytes": os.path.getsize(path)}


serve(open_one, flat, one_by_one, write)
