"""oxyz's side of benchmarks/xyz.ts, in a Python of its own; xyz.py asks it."""

import oxyz
from bench_peer import serve, timed


def read_all(path):
    seconds, frames = timed(lambda: oxyz.read(path))  # on all cores, which is its default
    atoms = sum(len(frame.columns["pos"]) for frame in frames)
    return {"seconds": seconds, "frames": len(frames), "atoms": atoms, "last": float(frames[-1].columns["pos"][-1, 2])}


serve(read_all)
