"""The peers' side of benchmarks/stores.ts: asebytes, and other stores by way of other_stores_peer.py."""

import json
import shutil
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import ase.io
import asebytes
from bench_peer import serve, timed


@cache
def frames_of(source):
    return ase.io.read(source, ":", format="extxyz")


def fresh(store, folder, name):
    """An empty store, and its path if it has one."""
    if store == "memory":
        path = None
        db = asebytes.ASEIO(f"memory://{name}")
        db.clear()
    else:
        path = Path(folder) / f"peer-{name}.lmdb"
        shutil.rmtree(path, ignore_errors=True)
        db = asebytes.ASEIO(str(path))
    return db, path


@cache
def filled(source, store, folder):
    db, _ = fresh(store, folder, f"{Path(source).stem}-filled")
    db.extend(frames_of(source))
    return db


def discard(db, path):
    if path is not None:
        # Or the process has it open for good.
        db._backend._store.env.close()
        shutil.rmtree(path)


def write_all(source, store, order, folder, count):
    frames = frames_of(source)
    db, path = fresh(store, folder, "all")
    seconds, _ = timed(lambda: db.extend(frames))
    length = len(db)
    discard(db, path)
    return {"seconds": seconds, "length": length}


def write_single(source, store, order, folder, count):
    frames = frames_of(source)
    db, path = fresh(store, folder, "single")

    def work():
        for frame in frames[:count]:
            db.extend([frame])

    seconds, _ = timed(work)
    length = len(db)
    discard(db, path)
    return {"seconds": seconds, "length": length}


def read_all(source, store, order, folder, count):
    db = filled(source, store, folder)
    seconds, frames = timed(lambda: db[:].to_list())
    return {"seconds": seconds, **summary(frames)}


def read_single(source, store, order, folder, count):
    db = filled(source, store, folder)
    seconds, frames = timed(lambda: [db[i] for i in order])
    return {"seconds": seconds, **summary(frames)}


def column(source, store, order, folder, count):
    # Of values: a column of structures would be structures again.
    db = asebytes.ObjectIO(filled(source, store, folder)._backend)
    seconds, energies = timed(lambda: db["calc.energy"].to_list())
    return {"seconds": seconds, "length": len(energies), "energy": energies[-1]}


def summary(frames):
    last = frames[-1]
    energy = last.calc.results["energy"]
    return {"length": len(frames), "energy": float(energy), "last": float(last.positions[-1, 2])}


def other_write_all(**request):
    return other("write_all", request)


def other_read_all(**request):
    return other("read_all", request)


def other_read_single(**request):
    return other("read_single", request)


def other(work, request):
    child = other_child(request.pop("python", None))
    child.stdin.write(json.dumps({"case": work, **request}) + "\n")
    child.stdin.flush()
    return json.loads(child.stdout.readline())


@cache
def other_child(python):
    import sys

    script = Path(__file__).with_name("other_stores_peer.py")
    return subprocess.Popen(
        [python or sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def versions():
    return {package: version(package) for package in ("numpy", "ase", "asebytes", "lmdb")}


serve(
    versions, write_all, write_single, read_all, read_single, column, other_write_all, other_read_all, other_read_single
)
