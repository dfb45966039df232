"""The processes of a container, which has no cgroup and no process namespace here: they need a privileged sandbox. Each
has the pod's directory in its environment, as its home or for its temporary files, whoever its parent is by now."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

END_SECONDS = 5.0


def of(home: Path) -> list[int]:
    """Ids of the processes of the container whose pod has this directory."""
    mark, found = f"{home}/".encode(), []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended, or is another user's
                if mark in Path(entry.path, "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def end(home: Path) -> None:
    """SIGKILL to each, also to those that start at the same time, as when a container runtime ends a container."""
    limit = time.monotonic() + END_SECONDS
    while (found := of(home)) and time.monotonic() < limit:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def memory(home: Path) -> int:
    """The bytes that they have in memory, each page once, as a cgroup counts them."""
    total = 0
    for pid in of(home):
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
