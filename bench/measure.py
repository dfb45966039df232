"""Running a command and measuring it: wall time, CPU time, memory. Linux only, as the sandbox is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acksm.errors import AcksmError

SAMPLE_SECONDS = 0.01
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measured:
    """One run. `largest` is the maximum resident size of its largest process as the kernel kept it, `tree` the
    sampled maximum of the sum over all its processes (0 when not sampled), both in bytes."""

    wall: float
    cpu: float
    largest: int
    tree: int
    exit_code: int
    output: str


def run(argv: Sequence[str], environment: Mapping[str, str], log: Path, *, sample: bool = False) -> Measured:
    """Run `argv`; output and errors go to `log` and are returned. Sampling costs CPU time: not in timed rounds."""
    result = log.with_suffix(".json")
    launched = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py")), str(result), *argv]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            launched, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )
        sampler = _Sampler(process.pid) if sample else None
        process.wait()
    tree = sampler.stop() if sampler else 0
    output = log.read_text("utf-8", "replace")
    if process.returncode != 0:
        raise AcksmError("sandbox-failed", f"{argv[0]} could not be started", details={"diff": output.splitlines()})
    wall, cpu, largest, exit_code = json.loads(result.read_text())
    return Measured(wall, cpu, largest, tree, exit_code, output)


def passing(name: str, argv: Sequence[str], environment: Mapping[str, str], home: Path) -> Measured:
    """Run `argv` with its log in `home`. Error: `sandbox-failed` where it does not end with exit code 0."""
    measured = run(argv, environment, home / f"{name}.log")
    if measured.exit_code != 0:
        raise AcksmError(
            "sandbox-failed",
            f"{name} ended with exit code {measured.exit_code}",
            where=" ".join(argv)[:200],
            details={"diff": measured.output.splitlines()[-15:]},
        )
    return measured


class _Sampler:
    """Looks at the resident sizes of the descendants of a process until stopped."""

    def __init__(self, root: int) -> None:
        self._root, self._peak = root, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The peak in bytes."""
        self._ended.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            table = processes()
            self._peak = max(self._peak, tree_size(self._root, table) - table.get(self._root, (0, 0))[1])


def processes() -> dict[int, tuple[int, int]]:
    """Every process: id to (parent's id, resident bytes)."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            found[int(entry.name)] = (int(fields[1]), int(fields[21]) * _PAGE)
    return found


def tree_size(root: int, table: Mapping[int, tuple[int, int]]) -> int:
    """Resident bytes of `root` and its descendants, shared pages counted in each process."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    total, left = 0, [root]
    while left:
        pid = left.pop()
        total += table.get(pid, (0, 0))[1]
        left += children.get(pid, [])
    return total


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU time that these processes have used until now."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def settle(pids: Sequence[int], *, busy: float = 0.1, seconds: float = 30.0) -> None:
    """Wait until these processes use less than `busy` of a core: a cluster that has just come up still works."""
    limit = time.monotonic() + seconds
    before = cpu_seconds(pids)
    while time.monotonic() < limit:
        time.sleep(1.0)
        now = cpu_seconds(pids)
        if now - before < busy:
            return
        before = now
