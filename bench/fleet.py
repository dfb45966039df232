"""`make bench-fleet`: what a fleet costs; writes its section of docs/benchmarks.md.

Clusters with nothing to do against the same run for one, in turns on one sandbox; then the supervisor by itself, its
clusters answering at once, at 10 to 5,000 entries. Exit code 0 when every target is met, 3 when one is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import measure
import plot
import report
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.sandbox import api
from acksm.sandbox.state import REGION
from acksm.ui import Ui
from measure import Measured

ROOT = Path(__file__).parent.parent
ACKSM = str(Path(sys.executable).parent / "acksm")
TITLE = "Fleets"
PICTURE = "plots/fleet-scale.svg"
ENTRIES, WITHIN = 50, 45.0
CHILD_MB, SUPERVISOR_MB, AT = 150, 100, 1_000
STEEPER = 1.5  # times as much for each entry, from AT entries to the most; more is not linear
SIZES = (10, 100, 1_000, 5_000)
# What the supervisor does by itself; each is started once with one entry, which is its start
COMMANDS: Mapping[str, Sequence[str]] = {
    "list": ("list",),
    "plan": ("plan",),
    "apply": ("apply", "--yes"),
    "doctor": ("doctor",),
}


@dataclass(frozen=True)
class Of50:
    """Runs for one cluster and for the fleet in turns, and the supervisors' own peak memory in bytes."""

    one: Sequence[Measured]
    fleet: Sequence[Measured]
    supervisors: Sequence[int]

    @property
    def ratio(self) -> float:
        return median(run.wall for run in self.fleet) / median(run.wall for run in self.one)


@dataclass(frozen=True)
class Results:
    """`alone`: by command and number of entries."""

    of_50: Of50
    alone: Mapping[str, Mapping[int, Measured]]
    date: str
    load: str


def steepness(found: Mapping[int, Measured]) -> float:
    """CPU time for each further entry from AT to the most, over that from the fewest to AT: 1 is linear."""
    few, most = min(found), max(found)
    early = (found[AT].cpu - found[few].cpu) / (AT - few)
    return (found[most].cpu - found[AT].cpu) / (most - AT) / max(early, 1e-6)


def targets(found: Results) -> list[report.Target]:
    """What is required, and what was measured."""
    child = max(run.largest for run in found.of_50.fleet) / 1024**2
    own = max([*found.of_50.supervisors, *(runs[AT].largest for runs in found.alone.values())]) / 1024**2
    steep = max(steepness(runs) for runs in found.alone.values())
    ratio = found.of_50.ratio
    return [
        report.Target(
            f"{ENTRIES} clusters with nothing to do / one", f"≤ {WITHIN:.0f}", f"{ratio:.1f}", ratio <= WITHIN
        ),
        report.Target("memory of each cluster's process", f"< {CHILD_MB} MiB", f"{child:.0f} MiB", child < CHILD_MB),
        report.Target(
            f"memory of the supervisor, up to {AT:,} entries",
            f"< {SUPERVISOR_MB} MiB",
            f"{own:.0f} MiB",
            own < SUPERVISOR_MB,
        ),
        report.Target(f"CPU time for an entry above {AT:,} / below", f"≤ {STEEPER}", f"{steep:.2f}", steep <= STEEPER),
    ]


def fleet_file(path: Path, count: int, concurrency: int) -> None:
    """A fleet of `count` entries in ten accounts, with two waves."""
    entries = [
        {"cluster": f"c-{n}", "account": f"{400000000000 + n % 10}", "region": REGION, "labels": {"stage": stage(n)}}
        for n in range(count)
    ]
    waves = [{"name": name, "select": {"stage": name}, "concurrency": concurrency} for name in ("canary", "rest")]
    path.write_text(json.dumps({"waves": waves, "writers-per-account": concurrency, "clusters": entries}))


def stage(number: int) -> str:
    """Every tenth is a canary."""
    return "rest" if number % 10 else "canary"


@contextmanager
def peak_of_its_own(process_argv: Sequence[str]) -> Iterator[list[int]]:
    """The peak resident size in bytes of the process with these arguments, without its children."""
    found, ended = [0], threading.Event()

    def look() -> None:
        wanted = "\0".join(process_argv).encode()
        while not ended.wait(0.1):
            for pid in measure.processes():
                try:
                    if Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0") == wanted:
                        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                        found[0] = max([found[0], *(int(line.split()[1]) * 1024 for line in lines if "VmHWM" in line)])
                except OSError:  # it has ended
                    continue

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def supervisor(how: Mapping[str, Any], words: Sequence[str], file: Path) -> list[str]:
    """The arguments of `acksm fleet WORDS` on a file."""
    return [sys.executable, str(ROOT / "bench" / "fleet_run.py"), json.dumps(how), "fleet", *words, "-f", str(file)]


def of_50(ui: Ui, sandbox: str, rounds: int, home: Path) -> tuple[Of50, Mapping[str, Any]]:
    """The measurement on the sandbox, and the reports of a cluster with nothing to do."""
    state = api.up(api.Options(name=sandbox, clusters=()), ui.emit)
    place = {"name": "fleet", "account": "300000000800", "region": REGION}
    cluster = api.add_cluster(state, place["name"], place["account"], place["region"])
    variables = api.environment(sandbox, place["name"])
    own = {"HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "XDG_CACHE_HOME": str(home / "cache")}
    environment = {**variables, **own, "PATH": os.pathsep.join([str(Path(ACKSM).parent), variables["PATH"]])}
    measure.passing("install", [ACKSM, "install", "--yes"], environment, home)
    file = home / "fleet.yaml"
    cores = len(os.sched_getaffinity(0))
    fleet_file(file, ENTRIES, concurrency=2 * cores)
    argv = supervisor({"cluster": place}, ["apply", "--yes"], file)
    measure.settle([process.pid for process in cluster.processes])
    single, whole, peaks = [], [], []
    for number in range(1, rounds + 1):
        single += [measure.passing("one", [ACKSM, "install", "--yes"], environment, home) for _ in range(3)]
        with peak_of_its_own(argv) as peak:
            whole.append(measure.passing("fleet", argv, environment, home))
        peaks.append(peak[0])
        single += [measure.passing("one", [ACKSM, "install", "--yes"], environment, home) for _ in range(3)]
        if f"{ENTRIES} up to date" not in whole[-1].output:
            raise AcksmError("defect", "not every cluster was up to date", where=whole[-1].output[-800:])
        told = f"round {number}: {ENTRIES} in {whole[-1].wall:.1f} s, one in {median(r.wall for r in single):.2f} s"
        ui.emit(Event(Kind.DONE, "bench.run", told))
    answers = {
        name: json.loads(subprocess.run(words, env=environment, capture_output=True, check=True).stdout)
        for name, words in {
            "install": [ACKSM, "install", "--yes", "-o", "json"],
            "facts": [ACKSM, "fleet", "facts", "-o", "json"],
        }.items()
    }
    return Of50(single, whole, peaks), answers


def alone(ui: Ui, answers: Mapping[str, Any], home: Path) -> dict[str, dict[int, Measured]]:
    """The supervisor without processes of clusters."""
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    found: dict[str, dict[int, Measured]] = {name: {} for name in COMMANDS}
    for size in SIZES:
        file = home / f"fleet-{size}.yaml"
        fleet_file(file, size, concurrency=16)
        for name, words in COMMANDS.items():
            began = time.monotonic()
            found[name][size] = measure.passing(
                name, [*supervisor({"reports": answers}, words, file), "-q"], environment, home
            )
            told = f"fleet {name}, {size:,} entries: {time.monotonic() - began:.1f} s, "
            ui.emit(Event(Kind.DONE, "bench.run", told + report.mib(found[name][size].largest)))
    return found


def section(found: Results) -> str:
    """The Markdown of the section."""
    judged = [[t.what, t.desired, t.measured, "yes" if t.met else "**no**"] for t in targets(found)]

    def row(what: str, runs: Sequence[Measured], memory: Sequence[float]) -> list[str]:
        wall, cpu = median(one.wall for one in runs), median(one.cpu for one in runs)
        return [what, f"{wall:.2f} s", f"{cpu:.2f} s", report.mib(max(memory))]

    both = [
        row("acksm install, one cluster", found.of_50.one, [one.largest for one in found.of_50.one]),
        row(f"acksm fleet apply, {ENTRIES} clusters", found.of_50.fleet, [one.largest for one in found.of_50.fleet]),
    ]
    head = ["", *(f"{size:,} entries" for size in SIZES)]
    scale = [
        [f"fleet {name}", *(f"{runs[size].wall:.1f} s, {report.mib(runs[size].largest)}" for size in SIZES)]
        for name, runs in found.alone.items()
    ]
    return "\n".join(
        [
            f"## {TITLE}",
            "",
            "Written by `make bench-fleet`. A fleet and one cluster, both with nothing to do, in turns "
            "on one sandbox, and what the supervisor needs by itself.",
            "",
            *report.table(["target", "required", "measured", "met"], judged),
            "",
            *report.table(["", "wall time", "CPU time", "largest process"], both),
            "",
            f"- The {ENTRIES} entries lead to one control plane: each is a process of acksm with its own "
            "settings, and a run that changes nothing takes no lock. Twice as many at a time as there are cores.",
            "- Below, each cluster answers at once with a report that a real one gave, so that nothing but the "
            "supervisor is measured: reading the file, waves, rows, the comparison of `fleet doctor`, the report.",
            f"- {found.date}, load before it {found.load} on {len(os.sched_getaffinity(0))} cores; the rest is above.",
            "",
            *report.table(head, scale),
            "",
            f"![CPU time of the supervisor against the number of entries]({PICTURE})",
            "",
        ]
    )


def main() -> int:
    """Measure, and write the section into the page, and its picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--name", default="bench-fleet", help="name of the sandbox")
    options = parser.parse_args()
    ui = Ui()
    load = f"{os.getloadavg()[0]:.1f}"
    try:
        with tempfile.TemporaryDirectory(prefix="acksm-bench-") as location:
            measured, answers = of_50(ui, options.name, options.rounds, Path(location))
            found = Results(measured, alone(ui, answers, Path(location)), datetime.now(UTC).date().isoformat(), load)
    except AcksmError as error:
        ui.error("bench", error)
        return int(error.exit_code)
    finally:
        api.down(options.name, ui.emit)
    report.put_section(options.page, TITLE, section(found))
    series = {
        f"fleet {name}": [(size, max(run.cpu, 0.01)) for size, run in runs.items()]
        for name, runs in found.alone.items()
    }
    picture = plot.lines("The supervisor of a fleet, by itself", "entries", "seconds of CPU time", series)
    place = options.page.parent / PICTURE
    place.parent.mkdir(exist_ok=True)
    place.write_text(picture, "utf-8")
    return report.judge(targets(found), ui)


if __name__ == "__main__":
    sys.exit(main())
