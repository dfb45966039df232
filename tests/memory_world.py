"""A whole cluster and account in memory: acksm's own commands run on it, with IAM, the apiserver and helm replaced.

What is replaced are the lowest calls only: `Iam._call`, the requests of `Kube`, helm's operations. So plans are made by
the commands themselves and carried out by the executor through the same table of calls as on a real cluster, which
the tests in tests/sandbox do. A deployment is ready at once, and a controller lets go of a deleted object at once.
"""

# ruff: noqa: N803 (the names of parameters are boto3's)

from __future__ import annotations

import base64
import copy
import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from acksm import archive, charts
from acksm.aws.eks import Cluster
from acksm.aws.iam import Iam
from acksm.aws.session import Aws, Identity
from acksm.config import Settings
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.guide import crds, running
from acksm.guide.target import Target
from acksm.helm import values
from acksm.helm.registry import Pulled
from acksm.helm.releases import Release
from acksm.kube import paths
from acksm.kube.client import Endpoint
from acksm.kube.paths import Ref, ref, ref_in, ref_of
from acksm.sandbox.practice import build
from acksm.sandbox.practice.generations import all_charts
from memory_kube import Json, MemoryKube

ACCOUNT, REGION, HOME = "012345678901", "us-west-2", "ack-system"
CLUSTER = Cluster(
    "demo",
    f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/demo",
    REGION,
    ACCOUNT,
    "https://memory.invalid",
    "",
    f"https://oidc.eks.{REGION}.amazonaws.com/id/{'A' * 32}",
    "ACTIVE",
    "1.35",
)
IDENTITY = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", "AIDA")
ISSUER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{CLUSTER.issuer.removeprefix('https://')}"
ROLE_NAME = "ack-controller-role-demo"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}"
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Fuse:
    """Counts writes, and ends the process before one of them. -1: never."""

    left: int = -1
    writes: int = 0

    def burn(self, _call: str = "") -> None:
        if self.left == 0:
            raise Killed
        self.left -= self.left > 0
        self.writes += 1


@cache
def pulled(service: str, version: str) -> Pulled:
    """A practice chart."""
    chart = next(item for item in all_charts() if (item.service, item.version) == (service, version))
    return Pulled(archive.read_bytes(build(chart), "x"), Path(f"/{service}-{version}.tgz"), f"sha256:{version}")


_parse = crds.parse


@cache
def parsed(service: str, version: str) -> list[crds.WantedCrd]:
    chart = pulled(service, version).chart
    return _parse(chart.crds, f"{chart.name} {chart.version}")


@cache
def session() -> Any:
    """Only its tables of partitions and regions are used."""
    return boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name=REGION)


# IAM


class MemoryIam(Iam):
    """IAM's API as far as acksm calls it; roles and providers by name and ARN."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__(Aws(region=REGION))  # no call of it is made: `_call` and `_pages` stand below
        self.fuse = fuse
        self.roles: dict[str, Json] = {}
        self.providers: dict[str, Json] = {}

    def _call(self, operation: str, method: str, where: str, **params: Any) -> Any:
        answer: Callable[..., Any] = getattr(self, f"_{method}")
        if not operation.startswith(("Get", "List", "Simulate")):
            self.fuse.burn(operation)
        return copy.deepcopy(answer(**params))

    def _pages(self, operation: str, method: str, key: str, **params: Any) -> list[Any]:
        found: list[Any] = copy.deepcopy(getattr(self, f"_{method}")(**params))
        return found

    def _role(self, name: str) -> Json:
        if name not in self.roles:
            raise _iam_error("NoSuchEntity", name)
        return self.roles[name]

    def _provider(self, arn: str) -> Json:
        if arn not in self.providers:
            raise _iam_error("NoSuchEntity", arn)
        return self.providers[arn]

    def _get_role(self, RoleName: str) -> Any:
        return {"Role": self._role(RoleName)["Role"]}

    def _list_role_policies(self, RoleName: str) -> Any:
        return list(self._role(RoleName)["inline"])

    def _get_role_policy(self, RoleName: str, PolicyName: str) -> Any:
        return {"PolicyDocument": self._role(RoleName)["inline"][PolicyName]}

    def _list_attached_role_policies(self, RoleName: str) -> Any:
        return [{"PolicyArn": arn} for arn in self._role(RoleName)["attached"]]

    def _list_instance_profiles_for_role(self, RoleName: str) -> Any:
        return []

    def _list_roles(self) -> Any:
        return [role["Role"] for role in self.roles.values()]

    def _get_open_id_connect_provider(self, OpenIDConnectProviderArn: str) -> Any:
        return self._provider(OpenIDConnectProviderArn)

    def _list_open_id_connect_providers(self) -> Any:
        return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in self.providers]}

    def _simulate_principal_policy(self, ActionNames: Sequence[str], **_: Any) -> Any:
        return {"EvaluationResults": [{"EvalActionName": name, "EvalDecision": "allowed"} for name in ActionNames]}

    def _create_open_id_connect_provider(self, Url: str, ClientIDList: list[str], Tags: list[Json]) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{Url.removeprefix('https://')}"
        if arn in self.providers:
            raise _iam_error("EntityAlreadyExists", arn)
        self.providers[arn] = {"Url": Url, "ClientIDList": ClientIDList, "Tags": Tags}

    def _add_client_id_to_open_id_connect_provider(self, OpenIDConnectProviderArn: str, ClientID: str) -> None:
        self._provider(OpenIDConnectProviderArn)["ClientIDList"].append(ClientID)

    def _create_role(self, RoleName: str, Path: str, AssumeRolePolicyDocument: str, Tags: list[Json], **_: Any) -> None:
        if RoleName in self.roles:
            raise _iam_error("EntityAlreadyExists", RoleName)
        role: Json = {"Arn": f"arn:aws:iam::{ACCOUNT}:role{Path}{RoleName}", "Path": Path, "Tags": Tags}
        role["CreateDate"] = datetime(2026, 1, 1, tzinfo=UTC)
        role["AssumeRolePolicyDocument"] = AssumeRolePolicyDocument
        self.roles[RoleName] = {"Role": role, "attached": [], "inline": {}}

    def _update_assume_role_policy(self, RoleName: str, PolicyDocument: str) -> None:
        self._role(RoleName)["Role"]["AssumeRolePolicyDocument"] = PolicyDocument

    def _attach_role_policy(self, RoleName: str, PolicyArn: str) -> None:
        self._role(RoleName)["attached"].append(PolicyArn)

    def _put_role_policy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
        self._role(RoleName)["inline"][PolicyName] = PolicyDocument

    def _tag_role(self, RoleName: str, Tags: list[Json]) -> None:
        role = self._role(RoleName)["Role"]
        new = {tag["Key"] for tag in Tags}
        role["Tags"] = [tag for tag in role["Tags"] if tag["Key"] not in new] + Tags

    def _create_service_linked_role(self, AWSServiceName: str) -> None:
        name = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        self._create_role(name, f"/aws-service-role/{AWSServiceName}/", "{}", [])

    def _detach_role_policy(self, RoleName: str, PolicyArn: str) -> None:
        self._role(RoleName)["attached"].remove(PolicyArn)

    def _delete_role_policy(self, RoleName: str, PolicyName: str) -> None:
        del self._role(RoleName)["inline"][PolicyName]

    def _delete_role(self, RoleName: str) -> None:
        role = self._role(RoleName)
        if role["attached"] or role["inline"]:
            raise _iam_error("DeleteConflict", RoleName)
        del self.roles[RoleName]

    def _delete_open_id_connect_provider(self, OpenIDConnectProviderArn: str) -> None:
        del self.providers[OpenIDConnectProviderArn]


def _iam_error(code: str, what: str) -> AcksmError:
    return AcksmError("aws-failed", f"{code}: {what}", details={"code": code})


class NoEks:
    """A cluster with nodes, without Fargate, Pod Identity and capabilities."""

    def pod_identity_users(self, _cluster: str, _role: str) -> list[str]:
        return []

    def pod_identity_role(self, *_: str) -> str:
        return ""

    def ack_capabilities(self, _cluster: str) -> list[Any]:
        return []


# the cluster


class MemoryCluster(MemoryKube):
    """Adds what the cluster itself does: readiness, cascades, controllers that let go, and lists by label."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__(lambda request: fuse.burn(request) if request not in {"get", "list"} else None)
        self.in_aws: set[str] = set()  # AWS objects that controllers made
        self._count = 0
        self._settling = threading.RLock()

    def put(self, manifest: Mapping[str, Any], manager: str = "kubectl") -> None:
        self._count += 1
        made = copy.deepcopy(dict(manifest))
        made["metadata"] = {"uid": f"uid-{self._count}", **made["metadata"]}
        super().put(made, manager)
        self.settle(ref_of(made))

    def list(
        self, ref: Ref, *, selector: str = "", field: str = "", metadata_only: bool = False, **_options: Any
    ) -> list[Json]:
        self.gate("list")
        with self._settling:
            every = sorted(self.objects.items())
        found = []
        for path, item in every:
            place = path.rpartition("/")[0]
            everywhere = re.sub(r"/namespaces/[^/]+(?=/[^/]+$)", "", place)
            if ref.collection in {place, everywhere} and _selected(item, selector):
                found.append(copy.deepcopy({"metadata": item["metadata"]} if metadata_only else item))
        return found

    def apply(self, manifest: Mapping[str, Any], force: bool = False) -> Json:
        """What `manifest` says is so afterwards; keys of others stay."""
        place = ref_of(manifest)
        if place.path not in self.objects:
            return super().apply(manifest, force)
        body = {key: value for key, value in manifest.items() if key not in {"metadata"}}
        if "spec" in body:
            self.objects[place.path]["spec"] = {}
        return self.patch(
            place,
            {
                **body,
                "metadata": {
                    k: manifest["metadata"].get(k) for k in ("labels", "annotations") if manifest["metadata"].get(k)
                },
            },
        )

    def patch(self, ref: Ref, body: Mapping[str, Any]) -> Json:
        super().patch(ref, body)
        self.settle(ref)
        return copy.deepcopy(self.objects.get(ref.path) or {})

    def delete(self, ref: Ref, resource_version: str = "", uid: str = "") -> None:
        super().delete(ref, resource_version, uid)
        self.settle(ref)

    def restart(self, namespace: str, deployment: str) -> None:
        self.patch(ref("Deployment", deployment, namespace), {"spec": {"template": {"restarted": str(self._count)}}})

    def watch(self, ref: Ref, *, selector: str = "", **_: Any) -> Iterator[Json]:
        yield from self.list(ref, selector=selector)

    def read(self, path: str, _accept: str = "") -> Json:
        """Discovery: every namespaced kind of the table."""
        groups: dict[str, list[Json]] = {}
        for kind in [name for name in paths._KNOWN if paths._KNOWN[name][2]]:
            place = ref(kind)
            if place.api_version.startswith("v1") is (path == "/api"):
                verbs = ["list", "delete"]
                item = {"resource": place.plural, "scope": "Namespaced", "verbs": verbs, "responseKind": {"kind": kind}}
                groups.setdefault(place.api_version, []).append(item)
        items = []
        for version, resources in groups.items():
            group, _, name = version.rpartition("/")
            items.append({"metadata": {"name": group}, "versions": [{"version": name, "resources": resources}]})
        return {"kind": "APIGroupDiscoveryList", "items": items}

    def can(self, *_: Any) -> bool:
        return True

    def logs(self, *_: Any, **_more: Any) -> str:
        return ""

    # what the cluster does by itself

    def settle(self, ref: Ref) -> None:
        """After a write to `ref`: what depends on it follows."""
        with self._settling:
            live = self.objects.get(ref.path)
            if ref.kind == "Deployment":
                self._roll_out(ref, live)
            elif ref.kind == "Namespace" and live is None:
                self._drop(lambda path: f"/namespaces/{ref.name}/" in path)
            elif ref.kind == "CustomResourceDefinition":
                plural, _, group = ref.name.partition(".")
                if live is None:
                    self._drop(lambda path: f"/{group}/" in path and f"/{plural}/" in path)
                elif "status" not in live:
                    true = [{"type": name, "status": "True"} for name in ("NamesAccepted", "Established")]
                    live["status"] = {"conditions": true}
            elif live and live["metadata"].get("deletionTimestamp"):
                self._let_go(live, ref)

    def _drop(self, gone: Callable[[str], bool]) -> None:
        for path in [path for path in self.objects if gone(path)]:
            del self.objects[path]

    def _roll_out(self, place: Ref, live: Json | None) -> None:
        """One pod of the template, with the identity that its service account has now."""
        pod = ref("Pod", f"{place.name}-0", place.namespace)
        if live is None:
            self.objects.pop(pod.path, None)
            return
        template = live["spec"]["template"]
        if live.get("seen") == template:
            return
        live["seen"] = copy.deepcopy(template)
        generation = int(live["metadata"].get("generation", 0)) + 1
        live["metadata"]["generation"] = generation
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1)
        live["status"] = {"observedGeneration": generation, **counts}
        account = ref("ServiceAccount", template["spec"]["serviceAccountName"], place.namespace)
        annotations = (self.objects.get(account.path) or {"metadata": {}})["metadata"].get("annotations") or {}
        role = annotations.get(ROLE_ANNOTATION)
        env = [{"name": "AWS_ROLE_ARN", "value": role}, {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/t"}]
        self.objects[pod.path] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": pod.name,
                "namespace": pod.namespace,
                "uid": f"pod-{self._count}",
                "labels": dict(template["metadata"]["labels"]),
                "ownerReferences": [{"uid": live["metadata"]["uid"]}],
            },
            "spec": {"containers": [{"name": "controller", "env": env if role else []}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
        for path, item in list(self.objects.items()):  # a controller that starts sees what was deleted meanwhile
            if item["metadata"].get("deletionTimestamp"):
                self._let_go(item, ref_of({"kind": item.get("kind", ""), **item}))
                assert path

    def _let_go(self, live: Json, place: Ref) -> None:
        """A controller of the object's service, where one runs, deletes in AWS unless told otherwise, and lets go."""
        service = place.api_version.partition(".")[0]
        deployments = [item for item in self.objects.values() if item.get("kind") == "Deployment"]
        found = [one for item in deployments if (one := running.from_deployment(item))]
        if not any(one.service == service and one.watches(place.namespace) for one in found):
            return
        if (live["metadata"].get("annotations") or {}).get("services.k8s.aws/deletion-policy") != "retain":
            self.in_aws.discard(str(live["status"]["ackResourceMetadata"]["arn"]))
        self.objects.pop(place.path, None)


def _selected(item: Json, selector: str) -> bool:
    labels = item["metadata"].get("labels") or {}
    many = re.fullmatch(r"(\S+) in \((.*)\)", selector)
    if many:
        return labels.get(many[1]) in many[2].split(",")
    pairs = [part.partition("=") for part in selector.split(",") if part]
    return all(labels.get(key) == value for key, _, value in pairs)


# helm


@dataclass
class MemoryHelm:
    """Releases whose records are Secrets, as helm's are; the charts' objects are rendered here, few and alike."""

    kube: MemoryCluster
    fuse: Fuse
    lock: threading.RLock = field(default_factory=threading.RLock)

    def template(
        self, release: str, namespace: str, chart: str, values: Json, seconds: float = 0.0
    ) -> list[dict[str, Any]]:
        return rendered(release, namespace, chart, values)

    def install(self, release: str, namespace: str, chart: str, values: Json, seconds: float) -> None:
        self._write(release, namespace, chart, values, "pending-install")

    def upgrade(self, release: str, namespace: str, chart: str, values: Json, take_back: bool, seconds: float) -> None:
        self._write(release, namespace, chart, values, "pending-upgrade")

    def recover(self, release: str, namespace: str, action: str, revision: int, seconds: float) -> None:
        if action == "uninstall":
            self.uninstall(release, namespace, seconds)
            return
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
        self, release: str, namespace: str, chart: str, values: Json, status: str, old: Json | None = None
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
                "info": {"status": status, "last_deployed": now},
                "chart": old["chart"] if old else {"metadata": {"name": f"{name}-chart", "version": version}},
                "config": values,
                "manifest": "\n---\n".join(map(json.dumps, objects)),
                "objects": json.dumps(objects),
            }
            self._record(record)
            gone = {ref_in(item, namespace) for old in records.values() for item in json.loads(old["objects"])}
            for manifest in objects:
                place = ref_in(manifest, namespace)
                gone.discard(place)
                live = self.kube.objects.get(place.path)
                annotations = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
                meta = {**manifest["metadata"], "name": place.name}
                meta["annotations"] = {**(meta.get("annotations") or {}), **annotations}
                body = {**manifest, "metadata": meta | ({"namespace": namespace} if place.namespace else {})}
                if live is None:
                    self.fuse.burn()
                    self.kube.put(body, "helm")
                else:
                    self.kube.patch(place, body)
            for place in sorted(gone, key=str):
                self.kube.delete(place)
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
        place = _secret(record["name"], record["namespace"], record["version"])
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode(), mtime=0))).decode()
        labels = {"owner": "helm", "name": record["name"], "status": record["info"]["status"]}
        labels["version"] = str(record["version"])
        metadata = {"name": place.name, "namespace": place.namespace, "labels": labels}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"release": packed}}
        if place.namespace and ref("Namespace", place.namespace).path not in self.kube.objects:
            raise AcksmError("helm-failed", f"namespace {place.namespace} is not there")
        self.kube.put(manifest, "helm")


def _secret(release: str, namespace: str, revision: int) -> Ref:
    return ref("Secret", f"sh.helm.release.v1.{release}.v{revision}", namespace)


def _chart(path: str) -> tuple[str, str]:
    service, _, version = Path(path).name.removesuffix(".tgz").partition("-")
    return service, version


def rendered(release: str, namespace: str, chart: str, given: Json) -> list[dict[str, Any]]:
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
            "spec": {"replicas": 1, "template": template},
        },
    ]
    for item in found:
        item["metadata"]["labels"] = labels
        if item["kind"] != "ClusterRole":
            item["metadata"]["namespace"] = namespace
    return found


def _merged(base: Any, over: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}


class PracticeRegistry:
    def pull(self, service: str, version: str) -> Pulled:
        return pulled(service, version)


# the whole


@dataclass
class Said:
    """A ui that keeps what a command said. Questions are answered with yes."""

    results: list[Json] = field(default_factory=list)

    def emit(self, _event: Any) -> None: ...

    def show(self, _text: Any) -> None: ...

    def confirm(self, _question: str, *, yes: bool) -> None: ...

    def confirm_name(self, _question: str, _name: str, *, given: str) -> None: ...

    def table(self, _head: Any, _rows: Any) -> str:
        return ""

    def result(self, _command: str, data: Any, _text: str, _code: int = 0) -> None:
        self.results.append(json.loads(json.dumps(data, default=str)))


class MemoryWorld:
    """A cluster with one node and an account, empty."""

    def __init__(self) -> None:
        self.fuse = Fuse()
        self.kube = MemoryCluster(self.fuse)
        self.iam = MemoryIam(self.fuse)
        self.helm = MemoryHelm(self.kube, self.fuse)
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        self.kube.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}, "status": ready})

    def settings(self, **options: Any) -> Settings:
        return Settings(cluster="demo", yes=True, timeout=20.0, **options)

    def target_of(self, settings: Settings) -> Target:
        """In the place of `guide.target.connect`."""
        aws = Aws(region=REGION)
        aws.__dict__.update(session=session(), iam=self.iam, eks=NoEks())
        deadline = Deadline(settings.timeout, sleep=lambda _seconds: None)
        kube: Any = self.kube
        target = Target(settings, aws, IDENTITY, CLUSTER, kube, Endpoint("https://memory.invalid", ""), deadline)
        target.__dict__.update(releases=self.helm, registry=PracticeRegistry())
        return target

    def snapshot(self) -> Any:
        return copy.deepcopy((self.kube.objects, self.kube.in_aws, self.iam.roles, self.iam.providers))

    def restore(self, kept: Any) -> None:
        self.kube.objects, self.kube.in_aws, self.iam.roles, self.iam.providers = copy.deepcopy(kept)

    def state(self) -> Any:
        """What is there, without versions, times and names of generations."""
        objects = {path: _lasting(item) for path, item in self.kube.objects.items()}
        return copy.deepcopy((objects, self.kube.in_aws, self.iam.roles, self.iam.providers))

    def release(self, service: str) -> Release | None:
        """The newest release of a service."""
        records = self.helm._records(charts.release_name(service), HOME)
        if not records:
            return None
        found = records[max(records)]
        chart = found["chart"]["metadata"]
        return Release(
            found["name"],
            HOME,
            found["info"]["status"],
            chart["name"],
            chart["version"],
            max(records),
            "",
            found["config"],
        )


def _lasting(item: Json) -> Json:
    passing = {"resourceVersion", "uid", "generation", "managedFields", "ownerReferences"}
    kept = {key: value for key, value in item.items() if key not in {"seen", "status", "data"}}
    metadata = {key: value for key, value in item["metadata"].items() if key not in passing and value != {}}
    more = {"data": item["data"]} if item.get("kind") == "ConfigMap" else {}
    return kept | {"metadata": metadata} | more
