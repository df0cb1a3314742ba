"""ASE's side of benchmarks/xyz.ts."""

from functools import cache

import ase.io
from bench_peer import serve, timed


def read_all(path):
    seconds, frames = timed(lambda: ase.io.read(path, ":", format="extxyz"))
    return {"seconds": seconds, "frames": len(frames)}


@cache
def frames_of(path):
    return ase.io.read(path, ":", format="extxyz")


def write_all(path, output):
    frames = frames_of(path)
    seconds, _ = timed(lambda: ase.io.write(output, frames, format="extxyz"))
    return {"seconds": seconds}


serve(read_all, write_all)
