"""Where there is nothing to do: acksm's CPU time beside that of importing the two libraries that it calls.

    starts = start.measured(environment, home)   # in a cluster that is as `acksm install` leaves it
    rows = start.judged(starts)  # the targets in order; `Target(*row)` of bench/report.py

CPU time (user and system, of the process and of those that it starts) instead of wall time, as it depends little on
what else the machine does; the runs alternate, and the medians are compared.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import measure

ACKSM = str(Path(sys.executable).parent / "acksm")
IMPORTS = "import boto3, kubernetes.client"
ROUNDS = 9
RATIO, HELP, COMPLETION = 2.0, 0.15, 0.2
WITHIN = {"no-op": RATIO, "status": RATIO, "doctor": RATIO}  # by the name of a run: at most so many times the imports
_BASE = "imports"
_COMMANDS: Mapping[str, Sequence[str]] = {
    _BASE: [sys.executable, "-c", IMPORTS],
    "no-op": [ACKSM, "install", "--yes"],
    "status": [ACKSM, "status"],
    "doctor": [ACKSM, "doctor"],
    "help": [ACKSM, "--help"],
    "completion": [ACKSM],
}
_TAB = {"_ACKSM_COMPLETE": "complete_bash", "COMP_WORDS": "acksm install --scope ", "COMP_CWORD": "3"}


@dataclass(frozen=True)
class Starts:
    """CPU and wall times in seconds of each run, by its name: "imports", those of `WITHIN`, "help", "completion"."""

    cpu: Mapping[str, Sequence[float]]
    wall: Mapping[str, Sequence[float]]

    def ratio(self, name: str) -> float:
        """How many times the CPU time of the imports a run takes, by medians."""
        return median(self.cpu[name]) / median(self.cpu[_BASE])


class Judged(NamedTuple):
    """A target in words, what was measured, and whether it is met."""

    what: str
    desired: str
    measured: str
    met: bool


def measured(environment: Mapping[str, str], home: Path, rounds: int = ROUNDS) -> Starts:
    """Run each command once to warm up, then `rounds` times, alternating. `environment` is that of the sandbox, `home`
    a directory for logs. Error: `sandbox-failed` where a command does not end with exit code 0."""
    cpu: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    wall: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    for number in range(rounds + 1):
        for name in list(_COMMANDS)[:: 1 if number % 2 else -1]:
            variables = {**environment, **(_TAB if name == "completion" else {})}
            found = measure.passing(f"start-{name}", _COMMANDS[name], variables, home)
            if number:
                cpu[name].append(found.cpu)
                wall[name].append(found.wall)
    return Starts(cpu, wall)


def judged(starts: Starts) -> list[Judged]:
    """The targets. Of `--help` and TAB it is the wall time, as a person waits for them. Pure."""
    rows = []
    for name, limit in WITHIN.items():
        ratio = starts.ratio(name)
        shown = " ".join(_COMMANDS[name]).replace(ACKSM, "acksm")
        what = f"CPU time of `{shown}` with nothing to do / of `{IMPORTS}`"
        rows.append(Judged(what, f"≤ {limit:.1f}", f"{ratio:.2f}", ratio <= limit))
    for name, what, limit in (("help", "`acksm --help`", HELP), ("completion", "a completion by TAB", COMPLETION)):
        seconds = median(starts.wall[name])
        rows.append(Judged(what, f"< {limit:.2f} s", f"{seconds:.3f} s", seconds < limit))
    return rows


def main() -> None:
    """Measure in the sandbox of the environment (`acksm sandbox env`), for whoever works on it."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="acksm-start-") as home:
        starts = measured(os.environ, Path(home))
    for name, times in starts.cpu.items():
        wall = median(starts.wall[name])
        print(f"{name:12} CPU {median(times):.3f} s ({starts.ratio(name):.2f} × imports), wall {wall:.3f} s")


if __name__ == "__main__":
    main()
