"""Exit codes of the process."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Process exit codes, the same in every output format."""

    OK = 0
    DEFECT = 1
    USAGE = 2
    CHECK_FAILED = 3
    STEP_FAILED = 4
    TIMED_OUT = 5
    REFUSED = 6
    INCOMPLETE = 7
    CHANGES_PENDING = 10
    INTERRUPTED = 130
