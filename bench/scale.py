"""`make bench-scale`: bind, adopt, status, doctor and cleanup of 1 to 5,000 objects, each in a namespace of its own.

Every size has a new cluster of one sandbox, and every command is a process: its CPU time and peak memory are
the kernel's, its requests those in the logs of the apiserver and of AWS. Writes a section of docs/benchmarks.md. Exit
code 0 when every target is met, 3 when one is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import adopt
import counts
import measure
import plot
import report
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.kube.client import Endpoint, Kube
from acksm.sandbox import api
from acksm.sandbox.state import REGION, ClusterState, State, directory
from acksm.ui import Ui
from measure import Measured
from run import ACKSM, ADMIN, ROOT

TITLE = "Scale"
TIME, MEMORY = "plots/scale-time.svg", "plots/scale-memory.svg"
SIZES, AT = (1, 10, 100, 1_000, 5_000), 1_000
STEEPER = 1.5  # times as much for each object, from AT objects to the most; more is not linear
NOISE = 0.05  # of a command's cost for one object: less growth than that up to AT objects is not seen
MOST_BYTES = 200_000_000
LISTED = 0.1  # requests of a reading command for each object: a page of a list has hundreds
ACCOUNT, OTHER = "300000000900", "300000000999"
READING = ("status", "doctor")
PARALLEL = 16


@dataclass(frozen=True)
class Run:
    """One command: what its process used, and its requests to Kubernetes and to AWS."""

    used: Measured
    kube: int
    aws: int

    @property
    def requests(self) -> int:
        return self.kube + self.aws


Runs = Mapping[str, Mapping[int, Run]]


@dataclass(frozen=True)
class Results:
    """`runs`: by command and number of objects."""

    runs: Runs
    date: str
    load: str


# what is compared between sizes
COSTS: Mapping[str, Callable[[Run], float]] = {
    "CPU time": lambda run: run.used.cpu,
    "memory": lambda run: run.used.largest,
    "requests": lambda run: run.requests,
}


def steepness(found: Mapping[int, float]) -> float:
    """What each further object costs from AT to the most, over that from one to AT: 1 is linear."""
    few, most = min(found), max(found)
    early = max((found[AT] - found[few]) / (AT - few), NOISE * found[few] / AT)
    return (found[most] - found[AT]) / (most - AT) / early


def targets(found: Results) -> list[report.Target]:
    """What is required, and what was measured."""
    most = max(SIZES)
    judged = []
    for name, cost in COSTS.items():
        ratios = {
            command: steepness({size: cost(run) for size, run in runs.items()}) for command, runs in found.runs.items()
        }
        worst = max(ratios, key=lambda command: ratios[command])
        what = f"{name} for an object above {AT:,} / below"
        measured = f"{ratios[worst]:.2f} ({worst})"
        judged.append(report.Target(what, f"≤ {STEEPER}", measured, ratios[worst] <= STEEPER))
    peaks = {command: runs[most].used.largest for command, runs in found.runs.items()}
    worst = max(peaks, key=lambda command: peaks[command])
    judged.append(
        report.Target(
            f"memory at {most:,} objects",
            f"< {MOST_BYTES / 1e6:.0f} MB",
            f"{peaks[worst] / 1e6:.0f} MB ({worst})",
            peaks[worst] < MOST_BYTES,
        )
    )
    listed = max(found.runs[name][most].requests / most for name in READING)
    what = f"requests of {' and '.join(READING)} for each of {most:,} objects"
    return [*judged, report.Target(what, f"≤ {LISTED}", f"{listed:.3f}", listed <= LISTED)]


def names(size: int) -> list[tuple[str, str]]:
    """(namespace, model) of each object."""
    return [(f"team-{number:05}", f"model-{number:05}") for number in range(1, size + 1)]


def administrator(sandbox: str, cluster: ClusterState) -> Kube:
    """The cluster's own administrator, for what is there before a command."""
    pki = directory(sandbox) / "clusters" / cluster.name / "pki"
    pair = (str(pki / "practice-bootstrap.crt"), str(pki / "practice-bootstrap.key"))
    return Kube(Endpoint(cluster.endpoint, (pki / "ca.crt").read_text(), cert_file=pair[0], key_file=pair[1]))


def namespaces(kube: Kube, wanted: Iterable[str]) -> None:
    """Create them."""
    manifests = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in wanted]
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        list(pool.map(kube.create, manifests))


def models(environment: Mapping[str, str], wanted: Sequence[str]) -> None:
    """Models that somebody made."""
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        list(pool.map(lambda number: adopt.models(environment, list(wanted[number::PARALLEL])), range(PARALLEL)))


@dataclass(frozen=True)
class Cluster:
    """Where the commands of one size run."""

    state: State
    name: str
    home: Path

    def environment(self, account: str = "") -> dict[str, str]:
        variables = api.environment(self.state.name, self.name, account)
        own = {"HOME": str(self.home), "TMPDIR": str(self.home), "LANG": "C.UTF-8"}
        path = os.pathsep.join([str(Path(ACKSM).parent), variables["PATH"]])
        own |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        return {**variables, **own, "XDG_CACHE_HOME": str(self.home.parent / "cache"), "PATH": path}

    def run(self, *words: str) -> Run:
        """A command, measured. Error: `sandbox-failed`."""
        base, variables = directory(self.state.name), self.environment()
        in_kube = counts.Log(base / "clusters" / self.name / "audit.log")
        in_aws = counts.Log(base / "aws.log")
        used = measure.passing(words[0], [ACKSM, *words], variables, self.home)
        keys = [api.environment(self.state.name, self.name, account)["AWS_ACCESS_KEY_ID"] for account in ("", OTHER)]
        lines = in_aws.added()
        return Run(
            used,
            counts.kube(in_kube.added(), ADMIN).total(),
            sum(counts.aws(lines, key).total() for key in dict.fromkeys(keys)),
        )


def commands(size: int, home: Path) -> dict[str, Sequence[str]]:
    """Each command for `size` objects, in the order in which they run."""
    file = home / "models.yaml"
    file.write_text("".join(f"- {{kind: Model, name: {name}, namespace: {where}}}\n" for where, name in names(size)))
    there = ("--target-profile", f"other-{OTHER}")
    bound = [where for where, _ in names(size)]
    return {
        "carm bind": ("carm", "bind", *bound, "--target-account", OTHER, "--yes"),
        "adopt -f": ("adopt", "-f", str(file), *there, "--yes", "--timeout", "900"),
        "status": ("status",),
        "doctor": ("doctor", *there),
        "cleanup": ("cleanup", "--carm", *there, "--yes", "--timeout", "900"),
    }


def bench(ui: Ui, sandbox: str, sizes: Sequence[int], home: Path) -> Runs:
    """Every command at every size."""
    state = api.up(api.Options(name=sandbox, clusters=()), ui.emit)
    api.open_account(state, ACCOUNT)
    api.open_account(state, OTHER)
    state = api.require(sandbox)
    found: dict[str, dict[int, Run]] = {}
    made = 0
    for size in sizes:
        name = f"scale-{size}"
        cluster = api.add_cluster(state, name, ACCOUNT, REGION)
        location = home / name
        location.mkdir()
        here = Cluster(api.require(sandbox), name, location)
        ui.emit(Event(Kind.STEP, "bench.run", f"{size:,} namespaces and models"))
        # first, as Kubernetes' controllers take minutes to put what a pod mounts into thousands of namespaces
        here.run("install", "--yes", "--set", f"reconcile.defaultMaxConcurrentSyncs={PARALLEL}")
        here.run("carm", "setup", "--target-account", OTHER, "--target-profile", f"other-{OTHER}", "--yes")
        namespaces(administrator(sandbox, cluster), [where for where, _ in names(size)])
        models(here.environment(OTHER), [model for _, model in names(size)[made:]])
        made = max(made, size)
        for command, words in commands(size, location).items():
            run = here.run(*words)
            _check(command, size, run)
            found.setdefault(command, {})[size] = run
            told = f"{command}, {size:,}: {run.used.wall:.1f} s, CPU {run.used.cpu:.1f} s, "
            told += f"{report.mib(run.used.largest)}, {run.kube} + {run.aws} requests"
            ui.emit(Event(Kind.DONE, "bench.run", told))
        api.remove_cluster(state, name)
    return found


def _check(command: str, size: int, run: Run) -> None:
    """What was measured is what was meant. Error: `defect`."""
    if command == "adopt -f" and size > 1 and f"{size} adopted" not in run.used.output:
        raise AcksmError("defect", "not every model was adopted", where=run.used.output[-800:])
    if command == "cleanup" and run.used.output.count("kept in AWS: ") != size:
        raise AcksmError("defect", "not every object was cleaned up", where=run.used.output[-800:])


def section(found: Results) -> str:
    """The Markdown of the section."""
    judged = [[t.what, t.desired, t.measured, "yes" if t.met else "**no**"] for t in targets(found)]
    head = ["", *(f"{size:,}" for size in SIZES)]

    def rows(cell: Callable[[Run], str]) -> list[list[str]]:
        return [[name, *(cell(runs[size]) for size in SIZES)] for name, runs in found.runs.items()]

    used = rows(lambda run: f"{run.used.cpu:.1f} s ({run.used.wall:.1f} s), {run.used.largest / 1e6:.0f} MB")
    return "\n".join(
        [
            f"## {TITLE}",
            "",
            "Written by `make bench-scale`. Models of another account, each adopted into a namespace of its own that "
            "is bound to that account: the commands in turn, for 1 to 5,000 of them, on the sandbox.",
            "",
            *report.table(["target", "required", "measured", "met"], judged),
            "",
            "CPU time (wall time) and peak memory of the command's process, by number of objects and namespaces:",
            "",
            *report.table(head, used),
            "",
            "Requests to Kubernetes and to AWS:",
            "",
            *report.table(head, rows(lambda run: f"{run.kube:,} + {run.aws:,}")),
            "",
            f"![CPU time against the number of objects]({TIME})",
            "",
            f"![Peak memory against the number of objects]({MEMORY})",
            "",
            "- The apiserver is Kubernetes' own and AWS answers over HTTP, so that the clients' decoding counts. Wall "
            "time includes both, and the controller (the stand-in), on the same cores: no target is about it.",
            f"- A new cluster for each size. Above {AT:,} objects each further one may cost {STEEPER} times as much as "
            f"one below; a growth of less than {NOISE:.0%} of the command's cost for one object is noise.",
            f"- {found.date}, load before it {found.load} on {len(os.sched_getaffinity(0))} cores; the rest is above.",
            "",
        ]
    )


def pictures(runs: Runs) -> dict[str, str]:
    """Path to picture."""
    across = "objects and namespaces"

    def drawn(title: str, up: str, cost: Callable[[Run], float]) -> str:
        series = {name: [(size, cost(run)) for size, run in found.items()] for name, found in runs.items()}
        return plot.lines(title, across, up, series)

    return {
        TIME: drawn("CPU time", "seconds of CPU time", lambda run: max(run.used.cpu, 0.01)),
        MEMORY: drawn("Peak memory", "MB", lambda run: run.used.largest / 1e6),
    }


def main() -> int:
    """Measure, and write the section into the page, and its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--name", default="bench-scale", help="name of the sandbox")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="of less than all, nothing is written")
    options = parser.parse_args()
    ui = Ui()
    load = f"{os.getloadavg()[0]:.1f}"
    try:
        with tempfile.TemporaryDirectory(prefix="acksm-bench-") as location:
            runs = bench(ui, options.name, options.sizes, Path(location))
    except AcksmError as error:
        ui.error("bench", error)
        return int(error.exit_code)
    finally:
        api.down(options.name, ui.emit)
    if tuple(options.sizes) != SIZES:
        return 0
    found = Results(runs, datetime.now(UTC).date().isoformat(), load)
    report.put_section(options.page, TITLE, section(found), pictures(runs))
    return report.judge(targets(found), ui)


if __name__ == "__main__":
    sys.exit(main())
