"""Adoption of many models: `acksm adopt -f` against a shell loop of kubectl apply and kubectl wait, on one sandbox.

The loop is measured over a part of the models and told per object; acksm over all of them. Writes a section of
docs/benchmarks.md. Exit code 0 when the target of issue 6 is met, 3 when it is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import baseline
import measure
import report
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.sandbox import api
from acksm.sandbox.state import REGION, directory
from acksm.ui import Ui
from measure import Measured

ROOT = Path(__file__).parent.parent
ACKSM = str(Path(sys.executable).parent / "acksm")
WANTED = 20.0
TITLE = report.OTHERS[0]
LOOP = """
set -eu
for file in "$@"; do
  kubectl apply -f "$file"
  kubectl -n {namespace} wait --for=condition=ACK.ResourceSynced --timeout=120s \\
    "models.sagemaker.services.k8s.aws/$(basename "$file" .yaml)"
done
"""


@dataclass(frozen=True)
class Results:
    """`loop` took `some` of the models, `bare` as many with a client certificate in the place of EKS's tokens, `first`
    all `many` of the others; `second` is acksm once more."""

    some: int
    many: int
    loop: Measured
    bare: Measured
    first: Measured
    second: Measured
    date: str
    load: str

    @property
    def ratio(self) -> float:
        return (self.loop.wall / self.some) / (self.first.wall / self.many)


def manifest(name: str, namespace: str) -> dict[str, Any]:
    """What the loop applies: the same as acksm creates, but for its label."""
    notes = {
        "services.k8s.aws/adoption-policy": "adopt",
        "services.k8s.aws/adoption-fields": json.dumps({"modelName": name}),
        "services.k8s.aws/deletion-policy": "retain",
    }
    meta = {"name": name, "namespace": namespace, "annotations": notes}
    return {"apiVersion": "sagemaker.services.k8s.aws/v1alpha1", "kind": "Model", "metadata": meta}


def by_certificate(home: Path, sandbox: str, endpoint: str) -> Path:
    """A kubeconfig of the cluster's own administrator, with which kubectl starts no token command."""
    pki = directory(sandbox) / "clusters" / "adopt" / "pki"
    pair = {
        "client-certificate": str(pki / "practice-bootstrap.crt"),
        "client-key": str(pki / "practice-bootstrap.key"),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": endpoint, "certificate-authority": str(pki / "ca.crt")}}],
        "users": [{"name": "x", "user": pair}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }
    path = home / "certificate.json"
    path.write_text(json.dumps(config))
    return path


def models(environment: Mapping[str, str], names: list[str]) -> None:
    """Models that somebody made."""
    import boto3

    client = boto3.client(
        "sagemaker",
        region_name=REGION,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    role = "arn:aws:iam::012345678901:role/practice"
    for name in names:
        client.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": "practice:1"})


def bench(ui: Ui, sandbox: str, some: int, many: int) -> Results:
    """Both sides in one cluster, on different models, the loop first."""
    tools = baseline.tools(ui.emit)
    state = api.up(api.Options(name=sandbox, clusters=()), ui.emit)
    load = f"{os.getloadavg()[0]:.1f}"
    cluster = api.add_cluster(state, "adopt", "300000000777", REGION)
    with tempfile.TemporaryDirectory(prefix="acksm-bench-") as location:
        home = Path(location)
        variables = api.environment(sandbox, "adopt")
        path = dict.fromkeys([str(Path(ACKSM).parent), *(str(tool.parent) for tool in tools.values())])
        environment = {**variables, "HOME": location, "TMPDIR": location, "LANG": "C.UTF-8"}
        environment["PATH"] = os.pathsep.join([*path, os.defpath])
        if "PYTHONPATH" in os.environ:
            environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
        measure.passing("install", [ACKSM, "install", "--yes", "--service", "sagemaker"], environment, home)
        ui.emit(Event(Kind.STEP, "bench.run", f"{2 * some + many} models in AWS"))
        by_loop, by_acksm = [f"loop-{n:03}" for n in range(2 * some)], [f"m-{n:03}" for n in range(many)]
        models(environment, [*by_loop, *by_acksm])
        files = []
        for name in by_loop:
            files.append(home / f"{name}.yaml")
            files[-1].write_text(json.dumps(manifest(name, "default")))
        ui.emit(Event(Kind.STEP, "bench.run", "measuring"))
        declared = home / "many.yaml"
        declared.write_text("".join(f"- {{kind: Model, name: {name}}}\n" for name in by_acksm))
        measure.settle([process.pid for process in cluster.processes])
        script = LOOP.format(namespace="default")
        shell = ["bash", "-c", script, "loop"]
        loop = measure.passing("loop", [*shell, *map(str, files[:some])], environment, home)
        plain = {**environment, "KUBECONFIG": str(by_certificate(home, sandbox, cluster.endpoint))}
        bare = measure.passing("bare", [*shell, *map(str, files[some:])], plain, home)
        ui.emit(Event(Kind.DONE, "bench.run", f"the loop: {loop.wall:.1f} s, {bare.wall:.1f} s for {some}"))
        adopt = [ACKSM, "adopt", "-f", str(declared), "--yes"]
        first = measure.passing("first", adopt, environment, home)
        ui.emit(Event(Kind.DONE, "bench.run", f"acksm: {first.wall:.1f} s for {many}"))
        second = measure.passing("second", adopt, environment, home)
        if f"{many} adopted" not in first.output or "up to date" not in second.output:
            raise AcksmError(
                "defect", "not every model was adopted exactly once", where=(first.output + second.output)[-800:]
            )
    date = datetime.now(UTC).date().isoformat()
    return Results(some, many, loop, bare, first, second, date, load)


def section(found: Results) -> str:
    """The Markdown of the section."""

    def row(what: str, measured: Measured, count: int) -> list[str]:
        per = f"{measured.wall / count * 1000:.0f} ms"
        return [what, str(count), f"{measured.wall:.1f} s", per, f"{measured.cpu:.1f} s", report.mib(measured.largest)]

    rows = [
        row("kubectl apply and kubectl wait, one by one", found.loop, found.some),
        row("the same with a client certificate, which EKS does not have", found.bare, found.some),
        row("acksm adopt -f", found.first, found.many),
        row("acksm adopt -f, again", found.second, found.many),
    ]
    cores = len(os.sched_getaffinity(0))
    busy = ": the machine was busy, and both sides took longer than usual" if float(found.load) > cores else ""
    met = "yes" if found.ratio >= WANTED else "**no**"
    judged = ["acksm / loop, models in the same time", f"≥ {WANTED:.0f}", f"{found.ratio:.0f}", met]
    head = ["", "models", "wall time", "per model", "CPU time", "largest process"]
    return "\n".join(
        [
            f"## {TITLE}",
            "",
            "Written by `bench/adopt.py`. Models that exist in AWS are adopted by annotations, by a shell loop and by "
            "`acksm adopt`, in one cluster of the sandbox with the same controller (the stand-in).",
            "",
            *report.table(["target", "required", "measured", "met"], [judged]),
            "",
            *report.table(head, rows),
            "",
            f"- The loop was measured over {found.some} models and is compared per model: its time for each does not "
            "depend on their number. It starts two processes for each, and each requests a token and "
            "the apiserver's discovery. The token is `acksm token`'s, which takes less time than `aws eks get-token`; "
            "the second line is without a token.",
            "- acksm reads file, account and cluster once, finds the models in AWS with one list, creates eight "
            "objects at a time and waits for all with lists. Its time includes its start, its checks, and "
            "the controller's time for 500 models instead of one.",
            f"- {found.date}, load before it {found.load} on {cores} cores{busy}; the rest is above.",
            "",
        ]
    )


def main() -> int:
    """Measure, and write the section into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--some", type=int, default=25, help="models of the loop")
    parser.add_argument("--many", type=int, default=500, help="models of acksm")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--name", default="bench-adopt", help="name of the sandbox")
    options = parser.parse_args()
    ui = Ui()
    try:
        found = bench(ui, options.name, options.some, options.many)
    except AcksmError as error:
        ui.error("bench", error)
        return int(error.exit_code)
    finally:
        api.down(options.name, ui.emit)
    report.put_section(options.page, TITLE, section(found))
    met = found.ratio >= WANTED
    ui.emit(
        Event(Kind.DONE if met else Kind.FAILED, "bench.target", f"{found.ratio:.0f} times (required {WANTED:.0f})")
    )
    return 0 if met else int(ExitCode.CHECK_FAILED)


if __name__ == "__main__":
    sys.exit(main())
