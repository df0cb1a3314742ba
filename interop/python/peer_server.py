"""Calls functions of the modules beside this file, on request.

A request is one line of JSON on stdin: {"module": "atp_read", "function": "read_all", "arguments": {…}}.
The answer is one line of JSON on stdout: {"result": …} or {"error": "<traceback>"}. Requests are served in order; the
end of stdin ends the server. Values are exchanged as exchange.py says.
"""

import importlib
import os
import sys
import traceback

import exchange


def main() -> None:
    # Whatever a library prints goes to stderr, so that it cannot be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(_answer(line), file=answers, flush=True)


def _answer(line: str) -> str:
    try:
        request = exchange.loads(line)
        function = getattr(importlib.import_module(request["module"]), request["function"])
        return exchange.dumps({"result": function(**request["arguments"])})
    except Exception:
        return exchange.dumps({"error": traceback.format_exc()})


if __name__ == "__main__":
    main()
