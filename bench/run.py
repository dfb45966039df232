"""`make bench`: the guide's shell against `acksm install` on one sandbox; writes docs/benchmarks.md.

Exit code 0 when every target of issue 4 is met, 3 when one is missed, that of acksm's errors otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import baseline
import counts
import machine
import measure
import report
from acksm.ack import charts
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.sandbox import api
from acksm.sandbox.state import REGION, State, directory
from acksm.ui import Ui
from counts import Counts
from measure import Measured

ROOT = Path(__file__).parent.parent
ACKSM = str(Path(sys.executable).parent / "acksm")
ADMIN = "practice-admin"  # the Kubernetes user that the sandbox maps an account's administrator to
HELP_RUNS = 10
UP_TO_DATE = "up to date"


@dataclass
class Bench:
    """The sandbox, the tools, and what was measured so far."""

    state: State
    tools: dict[str, Path]
    ui: Ui
    clusters: int = 0
    rounds: dict[str, list[Measured]] = field(default_factory=lambda: {"guide": [], "cold": [], "second": []})
    memory: dict[str, Measured] = field(default_factory=dict)
    requests: dict[str, list[Counts]] = field(default_factory=lambda: {"guide": [], "cold": [], "second": []})

    def measure(self, tool: str, *, sample: bool = False) -> None:
        """One run of `tool` ("guide", or "acksm": its first and second run) from the clean state."""
        with self._clean() as location:
            if tool == "guide":
                runs = {"guide": ["bash", str(ROOT / "bench" / "guide.sh")]}
            else:
                runs = {name: [ACKSM, "install", "--yes"] for name in ("cold", "second")}
            for name, argv in runs.items():
                measured, requests = location.run(name, argv, sample=sample)
                if sample:
                    self.memory[name] = measured
                else:
                    self.rounds[name].append(measured)
                    self.requests[name].append(requests)
                    told = f"{name}: {measured.wall:.2f} s, {requests.aws.total()} + {requests.kube.total()} requests"
                    self.ui.emit(Event(Kind.DONE, "bench.run", told))
                if name == "second" and UP_TO_DATE not in measured.output:
                    raise AcksmError("defect", "the second run was not up to date", where=measured.output[-400:])
            location.check()

    @contextmanager
    def _clean(self) -> Iterator[Location]:
        """A new cluster in a new account, at rest, and an empty HOME."""
        self.clusters += 1
        name, account = f"bench-{self.clusters}", f"{300000000000 + self.clusters}"
        cluster = api.add_cluster(self.state, name, account, REGION)
        try:
            measure.settle([process.pid for process in cluster.processes])
            with tempfile.TemporaryDirectory(prefix="acksm-bench-") as home:
                yield Location(self, name, Path(home))
        finally:
            api.remove_cluster(self.state, name)


class Location:
    """Where one run takes place: its cluster, its environment and the logs of its requests."""

    def __init__(self, bench: Bench, cluster: str, home: Path) -> None:
        self._home = home
        state = api.require(bench.state.name)
        variables = api.environment(state.name, cluster)
        self._key = variables["AWS_ACCESS_KEY_ID"]
        path = dict.fromkeys([str(tool.parent) for tool in bench.tools.values()])
        self.environment = variables | {
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([*path, os.defpath]),
            "CLUSTER_NAME": cluster,
            "REGISTRY": variables["ACKSM_REGISTRY"],
            "SAGEMAKER_VERSION": charts.TESTED["sagemaker"],
            "APPLICATIONAUTOSCALING_VERSION": charts.TESTED["applicationautoscaling"],
        }
        base = directory(state.name)
        self._aws = counts.Log(base / "aws.log")
        self._kube = counts.Log(base / "clusters" / cluster / "audit.log")

    def run(self, name: str, argv: list[str], *, sample: bool) -> tuple[Measured, Counts]:
        """Run it and count its requests. A run that fails ends the benchmark."""
        measured = measure.run(argv, self.environment, self._home / f"{name}.log", sample=sample)
        if measured.exit_code != 0:
            raise AcksmError(
                "sandbox-failed",
                f"{name} ended with exit code {measured.exit_code}",
                where=" ".join(argv),
                details={"diff": measured.output.splitlines()[-15:]},
            )
        audit = self._kube.added()
        return measured, Counts(
            counts.aws(self._aws.added(), self._key), counts.kube(audit, ADMIN), counts.helm(audit, ADMIN)
        )

    def check(self) -> None:
        """Whoever did it, both controllers are there and healthy."""
        answer = subprocess.run([ACKSM, "status", "-o", "json"], env=self.environment, capture_output=True, text=True)
        found = {item["service"] for item in json.loads(answer.stdout)["controllers"] if item["healthy"]}
        if answer.returncode != 0 or found != set(charts.SERVICES):
            raise AcksmError(
                "sandbox-failed", "the controllers are not healthy after the run", where=answer.stdout[-800:]
            )


def help_times(environment: dict[str, str]) -> list[float]:
    """Wall times of `acksm --help` in seconds."""
    found = []
    for _ in range(HELP_RUNS):
        began = time.monotonic()
        subprocess.run([ACKSM, "--help"], env=environment, stdout=subprocess.DEVNULL, check=True)
        found.append(time.monotonic() - began)
    return found


def help_imports(environment: dict[str, str]) -> list[str]:
    """Which of the heavy libraries `acksm --help` imports, as Python itself tells it."""
    argv = [sys.executable, "-X", "importtime", ACKSM, "--help"]
    answer = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in answer.stderr.splitlines()}
    return sorted(modules & {"boto3", "botocore", "kubernetes"})


def main() -> int:
    """Build what is missing, run the rounds, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--name", default="bench", help="name of the sandbox")
    options = parser.parse_args()
    ui = Ui()
    try:
        results = _measure(options.name, options.rounds, ui)
    except AcksmError as error:
        ui.error("bench", error)
        return int(error.exit_code)
    finally:
        api.down(options.name, ui.emit)
    options.page.parent.mkdir(exist_ok=True)
    old, page = options.page.read_text("utf-8") if options.page.exists() else "", report.page(results)
    for title in report.OTHERS:
        page = report.with_section(page, title, report.section_of(old, title))
    options.page.write_text(page, "utf-8")
    return report.judge(report.targets(results), ui)


def _measure(name: str, rounds: int, ui: Ui) -> report.Results:
    tools = baseline.tools(ui.emit)
    facts = machine.facts(tools)
    state = api.up(api.Options(name=name, clusters=()), ui.emit)
    bench = Bench(state, tools, ui)
    ui.emit(Event(Kind.STEP, "bench.memory", "one run each to measure memory and to warm up the tools"))
    for tool in ("guide", "acksm"):
        bench.measure(tool, sample=True)
    for number in range(1, rounds + 1):
        ui.emit(Event(Kind.STEP, "bench.round", f"round {number} of {rounds}"))
        for tool in ("guide", "acksm") if number % 2 else ("acksm", "guide"):
            bench.measure(tool)
    series = {key: report.Series(bench.rounds[key], bench.memory[key], bench.requests[key]) for key in bench.rounds}
    environment = dict(os.environ)
    date = datetime.now(UTC).date().isoformat()
    return report.Results(
        **series, help=help_times(environment), help_imports=help_imports(environment), machine=facts, date=date
    )


if __name__ == "__main__":
    sys.exit(main())
