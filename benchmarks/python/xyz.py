"""The peers' side of benchmarks/xyz.ts: ASE, the C parser of extxyz, and oxyz by way of oxyz_peer.py."""

import json
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import ase.io
import extxyz
from bench_peer import serve, timed


def read_ase(path):
    seconds, frames = timed(lambda: ase.io.read(path, ":", format="extxyz"))
    return {"seconds": seconds, **summary([frame.positions for frame in frames])}


def read_extxyz(path, grammar):
    # Its C parser reads the atoms; comments are read by a grammar, which is the default, or by C, too.
    seconds, frames = timed(lambda: extxyz.read_dicts(path, use_cextxyz=True, use_cleri=grammar))
    return {"seconds": seconds, **summary([frame.arrays["pos"] for frame in frames])}


def read_oxyz(path, python):
    child = oxyz_child(python)
    child.stdin.write(json.dumps({"case": "read_all", "path": path}) + "\n")
    child.stdin.flush()
    return json.loads(child.stdout.readline())


@cache
def oxyz_child(python):
    script = Path(__file__).with_name("oxyz_peer.py")
    return subprocess.Popen([python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def summary(positions):
    return {"frames": len(positions), "atoms": sum(map(len, positions)), "last": float(positions[-1][-1, 2])}


@cache
def frames_of(path):
    return ase.io.read(path, ":", format="extxyz")


def write_all(path, output):
    frames = frames_of(path)
    seconds, _ = timed(lambda: ase.io.write(output, frames, format="extxyz"))
    return {"seconds": seconds}


def versions():
    return {package: version(package) for package in ("numpy", "ase", "extxyz")}


serve(versions, read_ase, read_extxyz, read_oxyz, write_all)
