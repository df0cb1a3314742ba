"""The peer's side of a benchmark: runs a case once for each line on stdin. See ../harness.ts."""

import json
import os
import platform
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Any

_PACKAGES = ("numpy", "atompack-db", "ase")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call takes, and what it returns."""
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


def serve(*cases: Callable[..., dict[str, Any]]) -> None:
    """Answers requests {"case": <a function's name>, <parameters>} until stdin ends.

    Each function prepares, runs once, and returns {"seconds": …} with whatever our side wants to compare.
    """
    # Whatever a library prints goes to stderr, so that it cannot be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    functions = {"versions": _versions} | {case.__name__: case for case in cases}
    for line in sys.stdin:
        print(_answer(functions, json.loads(line)), file=answers, flush=True)


def _answer(functions: dict[str, Callable[..., Any]], request: dict[str, Any]) -> str:
    try:
        return json.dumps(functions[request.pop("case")](**request))
    except Exception:
        return json.dumps({"error": traceback.format_exc()})


def _versions() -> dict[str, str]:
    versions = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
