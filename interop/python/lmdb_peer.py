"""LMDB environments and asebytes stores that Python writes, and what it reads from them (../lmdb.test.ts)."""

import hashlib
import random
import struct
import subprocess
import sys
from typing import Any

import lmdb
from asebytes import BlobIO
from asebytes.lmdb import LMDBBlobBackend

_writers: dict[str, subprocess.Popen] = {}


def digest(pairs: Any) -> dict[str, Any]:
    """The number of pairs, and a hash of all of them in their order."""
    sha, count = hashlib.sha256(), 0
    for key, value in pairs:
        sha.update(struct.pack("<II", len(key), len(value)) + bytes(key) + bytes(value))
        count += 1
    return {"count": count, "sha256": sha.hexdigest()}


def _summary(env: lmdb.Environment) -> dict[str, Any]:
    with env.begin() as txn:
        stat, info = txn.stat(), env.info()
        return {
            **digest(txn.cursor()),
            "entries": stat["entries"],
            "depth": stat["depth"],
            "branchPages": stat["branch_pages"],
            "leafPages": stat["leaf_pages"],
            "overflowPages": stat["overflow_pages"],
            "pageSize": stat["psize"],
            "mapSize": info["map_size"],
            "lastPage": info["last_pgno"],
            "txnId": info["last_txnid"],
        }


def write_raw(path: str, seed: int, n: int, key_bytes: list[int], value_bytes: list[int], **options: Any) -> Any:
    """Random keys and values in a few commits, with a third deleted and a fifth replaced in between."""
    rng = random.Random(seed)
    settings = {"map_size": 2**30, "sync": False, **options}
    env = lmdb.open(path, **settings)
    keys: list[bytes] = []
    for part in range(4):
        with env.begin(write=True) as txn:
            for _ in range(n // 4):
                key = rng.randbytes(rng.randint(*key_bytes))
                txn.put(key, rng.randbytes(rng.randint(*value_bytes)))
                keys.append(key)
        with env.begin(write=True) as txn:
            for key in rng.sample(keys, len(keys) // 3):
                txn.delete(key)
            for key in rng.sample(keys, len(keys) // 5):
                txn.put(key, rng.randbytes(rng.randint(*value_bytes)))
    summary = _summary(env)
    env.close()
    return summary


def write_ordered(path: str, n: int, value_bytes: int, append: bool) -> Any:
    """Ascending keys: pages split at their middle, or with `append` are filled one after the other."""
    env = lmdb.open(path, map_size=2**28, sync=False, subdir=False)
    with env.begin(write=True) as txn:
        for i in range(n):
            txn.put(b"%08d" % i, bytes([i % 256]) * value_bytes, append=append)
    summary = _summary(env)
    env.close()
    return summary


def delete_all(path: str) -> Any:
    env = lmdb.open(path, map_size=2**30, sync=False)
    with env.begin(write=True) as txn:
        cursor = txn.cursor()
        while cursor.first():
            cursor.delete()
    summary = _summary(env)
    env.close()
    return summary


def ranges(path: str, prefixes: list[bytes]) -> Any:
    """Digests of the keys with each prefix."""
    env = lmdb.open(path, readonly=True)
    with env.begin() as txn:
        result = []
        for prefix in prefixes:
            pairs = []
            cursor = txn.cursor()
            found = cursor.set_range(prefix)
            while found and cursor.key().startswith(prefix):
                pairs.append(cursor.item())
                found = cursor.next()
            result.append(digest(pairs))
    env.close()
    return result


def write_named(path: str) -> None:
    env = lmdb.open(path, max_dbs=4)
    with env.begin(write=True) as txn:
        txn.put(b"plain", b"1")
        txn.put(b"x", b"2", db=env.open_db(b"sub", txn=txn))
    env.close()


def write_rows(path: str, seed: int) -> Any:
    """A store that went through every kind of change; then its rows, as asebytes sees them."""
    rng = random.Random(seed)
    long_name = b"info." + b"n" * 480

    def row(i: int) -> dict[bytes, bytes]:
        fields = {b"arrays.positions": rng.randbytes(rng.randint(0, 300)), b"calc.energy": struct.pack("<d", i)}
        if i % 7 == 0:
            fields[b"info.big"] = rng.randbytes(rng.randint(2000, 60_000))
        if i % 11 == 0:
            fields[b"info.\xc3\xa9\x00\xff-dash"] = b""
        if i == 500:
            fields[long_name] = b"long"
        return fields

    db = _open(path, "default")
    db.extend([row(i) for i in range(1000)])
    db.extend([row(i) for i in range(1000, 1100)])
    for i in range(60):
        db.insert(0, row(2000 + i))
    for i in range(60):
        db.insert(500 + i, row(3000 + i))
    for i in range(40):
        del db[rng.randrange(len(db))]
    for i in range(40):
        db.update(rng.randrange(len(db)), {b"info.new": rng.randbytes(5), b"calc.energy": b"updated"})
    db.reserve(30)
    db[3] = row(4000)
    db.extend([row(5000), None, row(5001)])
    return _close(db)


def write_group(path: str, group: str, n: int) -> Any:
    db = _open(path, group)
    if n > 0:
        db.extend([{b"name": group.encode(), b"i": b"%d" % i} for i in range(n)])
    return _close(db)


def delete_rows(path: str, group: str, start: int, stop: int) -> Any:
    db = _open(path, group)
    for _ in range(start, stop):
        del db[start]
    return _close(db)


def read_group(path: str, group: str) -> Any:
    return _close(_open(path, group))


def _open(path: str, group: str) -> BlobIO:
    return BlobIO(LMDBBlobBackend(path, group, sync=False))


def _close(db: BlobIO) -> list:
    """Each row as a list of name (latin-1) and value; an environment may be open only once in a process."""
    rows = [db[i] for i in range(len(db))]
    db._backend.env.close()
    return [None if row is None else [[name.decode("latin-1"), row[name]] for name in sorted(row)] for row in rows]


def list_groups(path: str) -> list[str]:
    return BlobIO.list_groups(path)


def start_writer(path: str, batch: int) -> None:
    """Goes on committing until `stop_writer`: after each commit all values are the same number."""
    code = f"""
import lmdb, sys, itertools
env = lmdb.open({path!r}, map_size=2**28, sync=False)
for i in itertools.count(1):
    value = b"%08d" % i
    with env.begin(write=True) as txn:
        for k in range({batch}):
            txn.put(b"key-%04d" % k, value * (1 + (k * 37 + i) % 600))
    if i == 1:
        print("ready", flush=True)
    if sys.platform != "win32":
        import select
        if select.select([sys.stdin], [], [], 0)[0]:
            break
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().strip() == "ready"
    _writers[path] = child


def stop_writer(path: str) -> Any:
    child = _writers.pop(path)
    child.stdin.close()
    assert child.wait(30) == 0
    env = lmdb.open(path, readonly=True)
    summary = _summary(env)
    env.close()
    return summary


def append_rows(path: str, writer: str, count: int) -> None:
    """Appends rows, a commit each, as packages/lmdb/test/child/append-rows.ts does."""
    db = _open(path, "default")
    for i in range(count):
        db.extend([{b"writer": writer.encode(), b"i": b"%d" % i, b"padding": b"p" * (i * 37 % 3000)}])
    db._backend.env.close()


def watch_rows(path: str, count: int, generations: int) -> int:
    """Reads all rows again and again while turn-rows.ts of the same folder writes; how many generations it saw."""
    backend = LMDBBlobBackend(path, "default", readonly=True)
    last, seen = 0, set()
    while last < generations:
        rows = [row and row[b"v"].decode() for row in backend.get_many(list(range(count)))]
        # asebytes keeps the list of names that it has read.
        backend._invalidate_cache()
        generation = int(rows[0].split()[0]) if rows[0] else 0
        for i, text in enumerate(rows):
            assert text == (f"{generation} " * (1 + (i * 37 + generation) % 500) if generation else None), (i, text)
        assert generation >= last
        last = generation
        seen.add(generation)
    backend.env.close()
    return len(seen)
