"""How the work of a function grows, counted: the instructions of Python's bytecode that it takes, in all its threads.

A count is the same on every machine, however busy it is. What a C function does inside is one instruction, so `in` a
list counts its elements only where comparing them is Python's.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

MOST = 2.4  # for twice as many; a function with a square in it comes near 4


def steps(work: Callable[[], object]) -> int:
    """The instructions that `work` takes."""
    counts: dict[int, int] = {}

    def trace(frame: Any, event: str, _argument: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            thread = threading.get_ident()
            counts[thread] = counts.get(thread, 0) + 1
        return trace

    before = sys.gettrace()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        threading.settrace(before)
    return sum(counts.values())


def of(prepare: Callable[[int], Callable[[], object]], size: int = 40) -> float:
    """What the work for more objects costs over that for half as many more: 2 is linear, 4 a square. `prepare` returns
    the work for a number of objects."""
    prepare(size)()  # what is worked out once
    one, two, four = (steps(prepare(count)) for count in (size, 2 * size, 4 * size))
    return (four - two) / (two - one)
