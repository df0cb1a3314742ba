"""The other side of mmap-python.test.ts: one JSON request a line, one answer a line. Files stay mapped between them."""

import json
import mmap
import sys

import numpy as np

maps = {}
for line in sys.stdin:
    request = json.loads(line)
    action, path = request["do"], request["path"]
    answer = None
    if action == "open":
        file = open(path, "r+b")
        maps[path] = mmap.mmap(file.fileno(), 0)
    elif action == "read":
        array = np.frombuffer(maps[path], request["dtype"], request["count"], request["offset"])
        answer = array.tolist()
        del array
    elif action == "write":
        array = np.frombuffer(maps[path], request["dtype"], len(request["values"]), request["offset"])
        array[:] = request["values"]
        del array
    elif action == "memmap":
        array = np.memmap(path, request["dtype"], "r+", request["offset"], (len(request["values"]),))
        array[:] = request["values"]
        array.flush()
    elif action == "resize":
        maps[path].resize(request["byteLength"])
    elif action == "close":
        maps.pop(path).close()
    print(json.dumps(answer), flush=True)
