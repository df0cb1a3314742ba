"""Other stores of ASE structures, in a Python of their own. Started by stores.py."""

import shutil
from functools import cache
from pathlib import Path

import ase.db
import ase.io
from bench_peer import serve, timed


@cache
def frames_of(source):
    return ase.io.read(source, ":", format="extxyz")


def path_of(source, store, folder, name):
    suffix = {"ASE SQLite": "db", "ASE LMDB": "aselmdb", "znh5md": "h5", "extxyz by ASE": "xyz"}[store]
    return Path(folder) / f"other-{Path(source).stem}-{name}.{suffix}"


def write(store, path, frames):
    if store == "extxyz by ASE":
        ase.io.write(path, frames, format="extxyz")
    elif store == "znh5md":
        import znh5md

        znh5md.IO(path).extend(frames)
    else:
        with ase.db.connect(path) as db:
            for frame in frames:
                db.write(frame)


def remove(path):
    for each in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(each) if each.is_dir() else each.unlink()


@cache
def filled(source, store, folder):
    path = path_of(source, store, folder, "filled")
    remove(path)
    write(store, path, frames_of(source))
    if store == "extxyz by ASE":
        return path
    if store == "znh5md":
        import znh5md

        return znh5md.IO(path)
    return ase.db.connect(path)


def write_all(source, store, order, folder):
    frames = frames_of(source)
    path = path_of(source, store, folder, "all")
    remove(path)
    seconds, _ = timed(lambda: write(store, path, frames))
    remove(path)
    return {"seconds": seconds}


def read_all(source, store, order, folder):
    db = filled(source, store, folder)
    if store == "extxyz by ASE":
        work = lambda: ase.io.read(db, ":", format="extxyz")
    elif store == "znh5md":
        work = lambda: db[:]
    else:
        work = lambda: [row.toatoms() for row in db.select()]
    seconds, frames = timed(work)
    return {"seconds": seconds, **summary(frames)}


def read_single(source, store, order, folder):
    db = filled(source, store, folder)
    if store == "znh5md":
        work = lambda: [db[i] for i in order]
    else:
        work = lambda: [db.get(i + 1).toatoms() for i in order]
    seconds, frames = timed(work)
    return {"seconds": seconds, **summary(frames)}


def summary(frames):
    last = frames[-1]
    return {
        "length": len(frames),
        "energy": float(last.get_potential_energy()),
        "last": float(last.positions[-1, 2]),
    }


serve(write_all, read_all, read_single)
