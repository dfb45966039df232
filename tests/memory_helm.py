"""helm in memory, over practice charts: what `tests/memory_world.py` is made of."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from acksm import archive
from acksm.ack.charts import normalise
from acksm.errors import AcksmError
from acksm.guide.install import crds
from acksm.helm import values
from acksm.helm.registry import MANIFEST, Described, Pulled
from acksm.json_types import Document
from acksm.kube.paths import Ref, ref, ref_in
from acksm.sandbox.practice import build
from acksm.sandbox.practice.generations import all_charts
from memory_account import Fuse
from memory_cluster import MemoryCluster
from memory_kube import Json


@cache
def pulled(service: str, version: str) -> Pulled:
    """A practice chart."""
    chart = next(item for item in all_charts() if (item.service, item.version) == (service, normalise(version)))
    return Pulled(
        archive.read_bytes(build(chart), "x"), Path(f"/{service}-{version}.tgz"), f"sha256:{version}", "sha256:m"
    )


_parse = crds.parse


@cache
def parsed(service: str, version: str) -> list[crds.DesiredCrd]:
    chart = pulled(service, version).chart
    return _parse(chart.crds, f"{chart.name} {chart.version}")


@dataclass
class MemoryHelm:
    """Releases whose records are Secrets, as helm's are; the charts' objects are rendered here, few and alike."""

    kube: MemoryCluster
    fuse: Fuse
    lock: threading.RLock = field(default_factory=threading.RLock)

    def template(
        self, release: str, namespace: str, chart: str, values: Document, seconds: float = 0.0
    ) -> list[dict[str, Any]]:
        return rendered(release, namespace, chart, values)

    def install(self, release: str, namespace: str, chart: str, values: Document, seconds: float) -> None:
        self._write(release, namespace, chart, values, "pending-install")

    def upgrade(
        self,
        release: str,
        namespace: str,
        chart: str,
        values: Document,
        take_back: bool,
        seconds: float,
        description: str = "",
    ) -> None:
        self._write(release, namespace, chart, values, "pending-upgrade", description=description)

    def recover(self, release: str, namespace: str, action: str, revision: int, seconds: float) -> None:
        if action == "uninstall":
            self.uninstall(release, namespace, seconds)
        else:
            self.rollback(release, namespace, revision, seconds)

    def rollback(self, release: str, namespace: str, revision: int, seconds: float) -> None:
        old = self._records(release, namespace)[revision]
        self._write(release, namespace, "", old["config"], "pending-rollback", old)

    def uninstall(self, release: str, namespace: str, seconds: float = 0.0) -> None:
        with self.lock:
            records = self._records(release, namespace)
            if not records:
                return
            newest = records[max(records)]
            self._record(newest | {"info": {**newest["info"], "status": "uninstalling"}})
            for manifest in json.loads(newest["objects"]):
                self.kube.delete(ref_in(manifest, namespace))
            for revision in records:
                self.fuse.burn()
                self.kube.objects.pop(_secret(release, namespace, revision).path)

    def _write(
        self,
        release: str,
        namespace: str,
        chart: str,
        values: Document,
        status: str,
        old: Json | None = None,
        description: str = "",
    ) -> None:
        with self.lock:
            records = self._records(release, namespace)
            name, version = _chart(chart) if chart else ("", "")
            objects = json.loads(old["objects"]) if old else rendered(release, namespace, chart, values)
            now = datetime.now(UTC).isoformat()
            record: Json = {
                "name": release,
                "namespace": namespace,
                "version": max(records, default=0) + 1,
                "info": {"status": status, "last_deployed": now, "description": description},
                "chart": old["chart"] if old else {"metadata": {"name": f"{name}-chart", "version": version}},
                "config": values,
                "manifest": "\n---\n".join(map(json.dumps, objects)),
                "objects": json.dumps(objects),
            }
            self._record(record)
            gone = {ref_in(item, namespace) for old in records.values() for item in json.loads(old["objects"])}
            last = json.loads(records[max(records)]["objects"]) if records else []
            former = {ref_in(item, namespace): item["metadata"] for item in last}
            for manifest in objects:
                location = ref_in(manifest, namespace)
                gone.discard(location)
                live = self.kube.objects.get(location.path)
                annotations = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
                meta = {**manifest["metadata"], "name": location.name}
                meta["annotations"] = {**(meta.get("annotations") or {}), **annotations}
                body = {**manifest, "metadata": meta | ({"namespace": namespace} if location.namespace else {})}
                if live is None:
                    self.fuse.burn()
                    self.kube.put(body, "helm")
                else:  # what the last release had and this one has not is removed
                    before = former.get(location, {}).get("annotations") or {}
                    lost = dict.fromkeys(set(before) - set(meta["annotations"]))
                    self.kube.patch(
                        location, {**body, "metadata": {**body["metadata"], "annotations": meta["annotations"] | lost}}
                    )
            for location in sorted(gone, key=str):
                self.kube.delete(location)
            for revision, one in records.items():
                if one["info"]["status"] == "deployed":
                    self._record(one | {"info": {**one["info"], "status": "superseded"}, "version": revision})
            self._record(record | {"info": {**record["info"], "status": "deployed"}})

    def _records(self, release: str, namespace: str) -> dict[int, Json]:
        found = {}
        for item in self.kube.list(ref("Secret", namespace=namespace), selector=f"owner=helm,name={release}"):
            record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(item["data"]["release"]))))
            found[int(record["version"])] = record
        return found

    def _record(self, record: Json) -> None:
        self.fuse.burn()
        location = _secret(record["name"], record["namespace"], record["version"])
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode(), mtime=0))).decode()
        labels = {"owner": "helm", "name": record["name"], "status": record["info"]["status"]}
        labels["version"] = str(record["version"])
        metadata = {"name": location.name, "namespace": location.namespace, "labels": labels}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"release": packed}}
        if location.namespace and ref("Namespace", location.namespace).path not in self.kube.objects:
            raise AcksmError("helm-failed", f"namespace {location.namespace} does not exist")
        self.kube.put(manifest, "helm")


def _secret(release: str, namespace: str, revision: int) -> Ref:
    return ref("Secret", f"sh.helm.release.v1.{release}.v{revision}", namespace)


def _chart(path: str) -> tuple[str, str]:
    service, _, version = Path(path).name.removesuffix(".tgz").partition("-")
    return service, version


def rendered(release: str, namespace: str, chart: str, given: Document) -> list[Json]:
    """The objects of a practice chart that acksm looks at."""
    service, version = _chart(chart)
    whole = _merged(values.plain(pulled(service, version).chart.values_text), given)
    labels = {
        "app.kubernetes.io/name": f"{service}-chart",
        "app.kubernetes.io/instance": release,
        "app.kubernetes.io/managed-by": "Helm",
        "helm.sh/chart": f"{service}-chart-{version}",
    }
    account = str(whole["serviceAccount"]["name"])
    args = ["--aws-region", str(whole["aws"]["region"]), "--watch-namespace", str(whole.get("watchNamespace") or "")]
    gates = whole.get("featureGates") or {}
    args += [f"--enable-carm={str(whole.get('enableCARM', True)).lower()}"]
    args += ["--feature-gates", ",".join(f"{name}={str(on).lower()}" for name, on in gates.items())]
    image = f"public.ecr.aws/aws-controllers-k8s/{service}-controller:{version}"
    pod = {"serviceAccountName": account, "containers": [{"name": "controller", "image": image, "args": args}]}
    template = {"metadata": {"labels": {**labels, **(whole["deployment"].get("labels") or {})}}, "spec": pod}
    annotations = whole["serviceAccount"].get("annotations") or {}
    rbac = "rbac.authorization.k8s.io/v1"
    found: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "annotations": annotations}},
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": release}, "rules": []},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"{release}-{service}-chart"},
            "spec": {"replicas": 1, "selector": {"matchLabels": _selector(labels)}, "template": template},
        },
    ]
    for item in found:
        item["metadata"]["labels"] = labels
        if item["kind"] != "ClusterRole":
            item["metadata"]["namespace"] = namespace
    return found


def _selector(labels: Json) -> Json:
    return {key: value for key, value in labels.items() if key.startswith("app.kubernetes.io/") and value != "Helm"}


def _merged(base: Any, over: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}


class PracticeRegistry:
    def tags(self, service: str) -> list[str]:
        return [chart.version for chart in all_charts() if chart.service == service]

    def pull(self, service: str, requested: str) -> Pulled:
        return pulled(service, requested)

    def find(self, service: str, requested: str) -> Described:
        return Described(requested, MANIFEST, b"{}")

    def image(self, service: str, tag: str) -> Described | None:
        return Described(tag, MANIFEST, b"{}")

    def manifest(self, repository: str, reference: str) -> Described:
        return Described(reference, MANIFEST, b"{}")

    def repository(self, name: str) -> str:
        return name
