"""Prints what it was given; a script for `runPeer`."""

import exchange

value = exchange.read_input()
if value == "fail":
    raise ValueError("asked to fail")
exchange.print_result(value)
