"""`make bench-fleet`: what a fleet costs; writes its section of docs/benchmarks.md.

Clusters with nothing to do against the same run for one, in turns on one sandbox; then the supervisor by itself, its
clusters answering at once, at 10 to 5,000 entries; then a first rollout whose clusters only wait, for AWS, the
apiservers and the rate of IAM. Exit code 0 when every target is met, 3 when one is missed.
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
from acksm.fleet.file import File, Member, read
from acksm.fleet.rollout import Step, steps
from acksm.sandbox import api
from acksm.sandbox.state import REGION
from acksm.ui import Ui
from measure import Measured

ROOT = Path(__file__).parent.parent
DEFAULT_WRITERS: int = File.model_fields["writers_per_account"].default
ACKSM = str(Path(sys.executable).parent / "acksm")
TITLE = "Fleets"
PICTURE = "plots/fleet-scale.svg"
ENTRIES, WITHIN = 50, 45.0
CHILD_MB, SUPERVISOR_MB, AT = 150, 100, 1_000
STEEPER = 1.5  # times as much for each entry, in the last half up to AT as before; more is not linear
SIZES = (10, 100, 500, 1_000, 5_000)
REPEATS = 3  # of sizes up to AT, of which the one with the least CPU time counts
# A first rollout: so many clusters in ten accounts, so many at a time, of which four of an account. Each makes calls of
# these kinds to IAM, of each of which an account has so many a second, and every answer takes so many seconds; the
# controller takes some more until its image is pulled and it is ready.
ROLLED_OUT, AT_A_TIME, OWN_SHARE = 96, 16, 5.0
WAITS: Mapping[str, Any] = {
    "kinds": [*(f"read-{number}" for number in range(4)), *(f"write-{number}" for number in range(6))],
    "rate": 1.0,
    "answer": 0.1,
    "controller": 10.0,
}
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
class First:
    """A first rollout, and the seconds for which it would have taken had each cluster begun at once when it might."""

    run: Measured
    ideal: float

    @property
    def own(self) -> float:
        """The share of its time, in per cent, that is acksm's: its start and end, and pauses between clusters."""
        return 100 * (self.run.wall - self.ideal) / self.run.wall


@dataclass(frozen=True)
class Results:
    """`alone`: by command and number of entries."""

    of_50: Of50
    alone: Mapping[str, Mapping[int, Measured]]
    first: First
    date: str
    load: str


def steepness(found: Mapping[int, Measured]) -> float:
    """CPU time for each further entry from half of AT to AT, over that from a tenth to half: 1 is linear."""
    few, half = AT // 10, AT // 2
    early = (found[half].cpu - found[few].cpu) / (half - few)
    return (found[AT].cpu - found[half].cpu) / (AT - half) / max(early, 1e-6)


def ideal(steps: Sequence[Step], writers: int, seconds: Mapping[str, float]) -> float:
    """How long the rollout takes when each cluster takes so many seconds, by its id, and begins as soon as it may."""
    now = 0.0
    for step in steps:
        waiting, running = {one.id: one for one in step.members}, dict[str, tuple[float, Member]]()
        while waiting or running:
            for one in step.startable([*waiting.values()], [one for _, one in running.values()], writers):
                running[one.id] = (now + seconds[one.id], waiting.pop(one.id))
            now, ended = min(running.values(), key=lambda end: end[0])
            del running[ended.id]
    return now


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
        report.Target(
            f"CPU time for an entry from {AT // 2:,} to {AT:,} / from {AT // 10:,} to {AT // 2:,}",
            f"≤ {STEEPER}",
            f"{steep:.2f}",
            steep <= STEEPER,
        ),
        report.Target(
            "share of a first rollout that is not AWS's and the apiservers'",
            f"≤ {OWN_SHARE:.0f} %",
            f"{found.first.own:.1f} %",
            found.first.own <= OWN_SHARE,
        ),
    ]


def fleet_file(path: Path, count: int, concurrency: int, writers: int = 0) -> None:
    """A fleet of `count` entries in ten accounts, with two waves; as many writers of an account as clusters at a time
    unless `writers` says how many."""
    entries = [
        {"cluster": f"c-{n}", "account": f"{400000000000 + n % 10}", "region": REGION, "labels": {"stage": stage(n)}}
        for n in range(count)
    ]
    waves = [{"name": name, "select": {"stage": name}, "concurrency": concurrency} for name in ("canary", "rest")]
    path.write_text(json.dumps({"waves": waves, "writers-per-account": writers or concurrency, "clusters": entries}))


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
            began, argv = time.monotonic(), [*supervisor({"reports": answers}, words, file), "-q"]
            runs = [measure.passing(name, argv, environment, home) for _ in range(REPEATS if size <= AT else 1)]
            found[name][size] = min(runs, key=lambda run: run.cpu)
            told = f"fleet {name}, {size:,} entries: {time.monotonic() - began:.1f} s, "
            ui.emit(Event(Kind.DONE, "bench.run", told + report.mib(found[name][size].largest)))
    return found


def first_rollout(ui: Ui, home: Path) -> First:
    """A rollout to clusters that only wait."""
    file, log = home / "first.yaml", home / "waits" / "log"
    log.parent.mkdir()
    fleet_file(file, ROLLED_OUT, AT_A_TIME, DEFAULT_WRITERS)
    how = {"variables": {"BENCH_WAITS": json.dumps(WAITS), "BENCH_LOG": str(log)}}
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    run = measure.passing("first", [*supervisor(how, ["apply", "--yes"], file), "-q"], environment, home)
    seconds = {name: float(ended) - float(began) for name, began, ended in map(str.split, log.read_text().splitlines())}
    fleet = read(str(file))
    found = First(run, ideal(steps(fleet.waves, fleet.members), fleet.writers_per_account, seconds))
    told = f"first rollout, {ROLLED_OUT} entries: {run.wall:.1f} s, of which {found.own:.1f} % is acksm's"
    ui.emit(Event(Kind.DONE, "bench.run", told))
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
            f"- In the first rollout, {ROLLED_OUT} clusters in ten accounts, {AT_A_TIME} at a time, a cluster is a "
            "process that only waits: for answers, for IAM, which allows an account one call of a kind a second, "
            f"and for its controller. It took {found.first.run.wall:.1f} s; {found.first.ideal:.1f} s, had each "
            f"started in the moment in which it might. The supervisor and {ROLLED_OUT} forks took "
            f"{found.first.run.cpu:.1f} s of CPU time.",
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
            by_itself, first = alone(ui, answers, Path(location)), first_rollout(ui, Path(location))
            found = Results(measured, by_itself, first, datetime.now(UTC).date().isoformat(), load)
    except AcksmError as error:
        ui.error("bench", error)
        return int(error.exit_code)
    finally:
        api.down(options.name, ui.emit)
    series = {
        f"fleet {name}": [(size, max(run.cpu, 0.01)) for size, run in runs.items()]
        for name, runs in found.alone.items()
    }
    picture = plot.lines("The supervisor of a fleet, by itself", "entries", "seconds of CPU time", series)
    report.put_section(options.page, TITLE, section(found), {PICTURE: picture})
    return report.judge(targets(found), ui)


if __name__ == "__main__":
    sys.exit(main())
