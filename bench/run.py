"""`make bench`: the guide's shell against `acksm install` on one sandbox, near and at a distance; writes
docs/benchmarks.md.

Exit code 0 when every target is met, 3 when one is missed, that of acksm's errors otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import baseline
import counts
import machine
import measure
import report
import start
from acksm.ack import charts
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.private_file import write as write_private
from acksm.sandbox import api
from acksm.sandbox.state import REGION, State, directory
from acksm.ui import Ui
from counts import Counts, Trips
from distance import Proxy, longest_chain
from measure import Measured

ROOT = Path(__file__).parent.parent
ACKSM = str(Path(sys.executable).parent / "acksm")
AWS_ROUND_TRIP, KUBE_ROUND_TRIP = 0.060, 0.030  # seconds, at a distance
ADMIN = "practice-admin"  # the Kubernetes user that the sandbox maps an account's administrator to
STARTS = 3  # rounds of what acksm takes to do nothing
UP_TO_DATE = "up to date"


def _by_name() -> dict[str, list[Any]]:
    return {"guide": [], "cold": [], "second": []}


@dataclass
class Rounds:
    """What was measured of each way of doing it, near or (`far`) at a distance."""

    far: bool
    runs: dict[str, list[Measured]] = field(default_factory=_by_name)
    requests: dict[str, list[Counts]] = field(default_factory=_by_name)


@dataclass
class Bench:
    """The sandbox, the tools, and what was measured so far."""

    state: State
    tools: dict[str, Path]
    ui: Ui
    clusters: int = 0
    near: Rounds = field(default_factory=lambda: Rounds(far=False))
    far: Rounds = field(default_factory=lambda: Rounds(far=True))
    memory: dict[str, Measured] = field(default_factory=dict)

    def measure(self, tool: str, rounds: Rounds | None) -> None:
        """One run of `tool` ("guide", or "acksm": its first and second run) from the clean state; without `rounds` its
        memory is sampled."""
        with self._clean(far=bool(rounds and rounds.far)) as location:
            if tool == "guide":
                runs = {"guide": ["bash", str(ROOT / "bench" / "guide.sh")]}
            else:
                runs = {name: [ACKSM, "install", "--yes"] for name in ("cold", "second")}
            for name, argv in runs.items():
                measured, requests = location.run(name, argv, sample=rounds is None)
                if rounds is None:
                    self.memory[name] = measured
                else:
                    rounds.runs[name].append(measured)
                    rounds.requests[name].append(requests)
                    told = f"{name}: {measured.wall:.2f} s, {requests.aws.total()} + {requests.kube.total()} requests"
                    if requests.to_aws and requests.to_kube:
                        told += f", {requests.to_aws.sequential} + {requests.to_kube.sequential} one after another"
                    self.ui.emit(Event(Kind.DONE, "bench.run", told))
                if name == "second" and UP_TO_DATE not in measured.output:
                    raise AcksmError("defect", "the second run was not up to date", where=measured.output[-400:])
            location.check()

    def bare_helm(self) -> int:
        """The requests of helm alone where it installs both releases, by the options with which it makes the fewest."""
        with self._clean(far=False) as location:
            location.run("namespace", ["kubectl", "create", "namespace", "ack-system"], sample=False)
            count = 0
            for service in charts.SERVICES:
                chart = f"oci://{location.environment['REGISTRY']}/{charts.chart_name(service)}"
                argv = ["helm", "install", charts.release_name(service), chart, "-n", "ack-system", "--plain-http"]
                argv += ["--version", charts.TESTED[service], "--skip-crds", "--disable-openapi-validation"]
                argv += ["--set", f"aws.region={REGION}"]
                count += location.run(service, argv, sample=False)[1].helm
            return count

    def starts(self) -> start.Starts:
        """What acksm's commands take where there is nothing to do."""
        with self._clean(far=False) as location:
            location.run("cold", [ACKSM, "install", "--yes"], sample=False)
            return start.measured(location.environment, location.home, STARTS)

    @contextmanager
    def _clean(self, *, far: bool) -> Iterator[Location]:
        """A new cluster in a new account, at rest, and an empty HOME; `far`: both by delaying proxies."""
        self.clusters += 1
        name, account = f"bench-{self.clusters}", f"{300000000000 + self.clusters}"
        cluster = api.add_cluster(self.state, name, account, REGION)
        try:
            measure.settle([process.pid for process in cluster.processes])
            with tempfile.TemporaryDirectory(prefix="acksm-bench-") as home, ExitStack() as entered:
                network = None
                if far:
                    aws = Proxy(self.state.aws_endpoint.removeprefix("http://"), AWS_ROUND_TRIP)
                    kube = Proxy(cluster.endpoint.removeprefix("https://"), KUBE_ROUND_TRIP)
                    network = Network(entered.enter_context(aws), entered.enter_context(kube))
                    api.move_endpoint(self.state, name, f"https://{kube.address}")
                yield Location(self, name, Path(home), network)
        finally:
            api.remove_cluster(self.state, name)


@dataclass(frozen=True)
class Network:
    """The proxies to AWS and to a cluster's apiserver. The certificate of the latter is of its address, whatever the
    port."""

    aws: Proxy
    kube: Proxy

    def variables(self, given: Mapping[str, str], endpoint: str, home: Path) -> dict[str, str]:
        """`given`, and its kubeconfig, with the proxies in the place of AWS's endpoint and the cluster's."""
        aws = f"http://{self.aws.address}"
        text = Path(given["KUBECONFIG"]).read_text("utf-8")
        text = text.replace(endpoint, f"https://{self.kube.address}").replace(given["AWS_ENDPOINT_URL"], aws)
        write_private(home / "kubeconfig.json", text)
        return {**given, "AWS_ENDPOINT_URL": aws, "KUBECONFIG": str(home / "kubeconfig.json")}

    def trips(self, audit: Sequence[str]) -> tuple[Trips, Trips]:
        """How the run that `audit` is of used each since the last call."""
        aws = self.aws.taken()
        of_kube = counts.spans(audit, ADMIN, KUBE_ROUND_TRIP / 2)
        return (
            Trips(len(aws), longest_chain(span for one in aws for span in one.spans)),
            Trips(len(self.kube.taken()), longest_chain(of_kube)),
        )


class Location:
    """Where one run takes place: its cluster, its environment and the logs of its requests."""

    def __init__(self, bench: Bench, cluster: str, home: Path, network: Network | None) -> None:
        self.home, self._network = home, network
        state = api.require(bench.state.name)
        variables = api.environment(state.name, cluster)
        self._key = variables["AWS_ACCESS_KEY_ID"]
        if network:
            variables = network.variables(variables, state.clusters[cluster].endpoint, home)
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
        measured = measure.run(argv, self.environment, self.home / f"{name}.log", sample=sample)
        if measured.exit_code != 0:
            raise AcksmError(
                "sandbox-failed",
                f"{name} ended with exit code {measured.exit_code}",
                where=" ".join(argv),
                details={"diff": measured.output.splitlines()[-15:]},
            )
        audit = self._kube.added()
        trips = self._network.trips(audit) if self._network else (None, None)
        requests = counts.aws(self._aws.added(), self._key), counts.kube(audit, ADMIN), counts.helm(audit, ADMIN)
        return measured, Counts(*requests, *trips)

    def check(self) -> None:
        """Whoever did it, both controllers exist and are healthy. What the guide made is not acksm's, so that its drift
        is unknown and the exit code is 7."""
        answer = subprocess.run([ACKSM, "status", "-o", "json"], env=self.environment, capture_output=True, text=True)
        controllers = json.loads(answer.stdout).get("controllers") or []
        found = {item["service"] for item in controllers if item["healthy"]}
        if answer.returncode not in {ExitCode.OK, ExitCode.INCOMPLETE} or found != set(charts.SERVICES):
            raise AcksmError(
                "sandbox-failed", "the controllers are not healthy after the run", where=answer.stdout[-800:]
            )


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
    parser.add_argument("--far", type=int, default=3, help="rounds at a distance")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--name", default="bench", help="name of the sandbox")
    options = parser.parse_args()
    ui = Ui()
    try:
        results = _measure(options.name, options.rounds, options.far, ui)
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


def _measure(name: str, rounds: int, far: int, ui: Ui) -> report.Results:
    tools = baseline.tools(ui.emit)
    facts = machine.facts(tools)
    state = api.up(api.Options(name=name, clusters=()), ui.emit)
    bench = Bench(state, tools, ui)
    ui.emit(Event(Kind.STEP, "bench.memory", "one run each to measure memory and to warm up the tools"))
    for tool in ("guide", "acksm"):
        bench.measure(tool, None)
    helm = bench.bare_helm()
    for one, count in ((bench.near, rounds), (bench.far, far)):
        for number in range(1, count + 1):
            where = " at a distance" if one.far else ""
            ui.emit(Event(Kind.STEP, "bench.round", f"round {number} of {count}{where}"))
            for tool in ("guide", "acksm") if number % 2 else ("acksm", "guide"):
                bench.measure(tool, one)
    near, distant = (
        report.Place(**{key: report.Series(one.runs[key], bench.memory[key], one.requests[key]) for key in one.runs})
        for one in (bench.near, bench.far)
    )
    date = datetime.now(UTC).date().isoformat()
    return report.Results(
        near,
        distant,
        bare_helm=helm,
        starts=bench.starts(),
        help_imports=help_imports(dict(os.environ)),
        machine=facts,
        date=date,
    )


if __name__ == "__main__":
    sys.exit(main())
