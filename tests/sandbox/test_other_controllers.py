"""Controllers and objects of other teams beside acksm's own, on the real apiserver with its RBAC."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abroad import until
from acksm.guide.install.crds import GENERATOR
from acksm.kube.client import Endpoint, Kube
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import ref
from acksm.sandbox.capabilities import SERVICE
from acksm.sandbox.state import directory
from lab import model
from world import NAME, ONE, World

SAGEMAKER = ("--service", "sagemaker")
AUTOSCALING = "applicationautoscaling.services.k8s.aws"
OURS = "ack-applicationautoscaling-controller"
COMMON = ref("CustomResourceDefinition", "fieldexports.services.k8s.aws")
RBAC = "rbac.authorization.k8s.io"
TARGET = {
    "minCapacity": 1,
    "maxCapacity": 2,
    "resourceID": "endpoint/e/variant/AllTraffic",
    "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
    "serviceNamespace": "sagemaker",
}


@pytest.fixture
def theirs(world: World) -> str:
    """Another team's release, of another name and with `nameOverride`, in a namespace of its own."""
    space = f"ml-{world.count}"
    values = ["nameOverride=ml-autoscaling", "serviceAccount.name=ml", "aws.region=us-west-2"]
    options = [word for value in values for word in ("--set", value)]
    chart = world.chart("applicationautoscaling", "1.4.1")
    world.helm("install", "ml-scaling", chart, "--create-namespace", "--wait", *options, namespace=space)
    return space


def test_another_teams_controller_is_asked_about_and_its_objects_and_crds_stay(world: World, theirs: str) -> None:
    run = world.acksm("install", *ONE, stdin="")
    assert run.error_id == "needs-confirmation"
    for word in ("ml-scaling", f"namespace {theirs}", "since 20", f"helm uninstall -n {theirs} ml-scaling"):
        assert word in run.stderr
    world.install(*ONE)
    assert world.acksm("install", *ONE, "-o", "json", stdin="").ok().data["changes"] == []
    location = world.custom(f"{AUTOSCALING}/v1alpha1", "scalabletargets", "ScalableTarget", theirs, "t", TARGET)

    doctor = world.acksm("doctor", "-o", "json").data["checks"]
    (check,) = [one for one in doctor if one["id"] == "check.other-controllers"]
    assert check["state"] == "warning"
    words = ("cleanup", "--all", "--crds", "all", "--delete-aws", "--dry-run", "-o", "json", *ONE)
    report = world.acksm(*words).ok().data
    touched = [row["target"] for row in report["changes"]]
    assert str(location) not in touched
    assert not [target for target in touched if AUTOSCALING in target and "CustomResourceDefinition" in target]
    assert f"release {world.namespace}/{OURS}" in touched

    deployment = ref("Deployment", "ml-scaling-ml-autoscaling", theirs)
    world.kube.patch(deployment, {"spec": {"replicas": 0}})

    def ready() -> int:
        return int(((world.kube.get(deployment) or {}).get("status") or {}).get("readyReplicas") or 0)

    until(lambda: not ready(), "their controller is still ready", ready)
    stranded = world.acksm(*words)
    assert (stranded.error_id, stranded.exit_code) == ("cleanup-would-strand", 6)


@pytest.mark.crds
def test_a_tenants_fake_controller_gets_nothing_and_is_in_nobodys_way(world: World) -> None:
    world.install(*ONE)
    space, other = f"team-{world.count}", "111111111111"
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"victim-{world.count}"}})
    world.kube.create(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant", "namespace": space}}
    )
    world.kube.create(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "tenant", "namespace": space},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "edit"},
            "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": space}],
        }
    )
    commands = (
        ("carm", "setup", "--target-account", other, "--print", "--dry-run"),
        ("carm", "bind", f"victim-{world.count}", "--target-account", other, "--dry-run"),
        ("cleanup", "--all", "--delete-aws", "--dry-run", *ONE),
    )
    before = [world.acksm(*words, "-o", "json").ok().data["changes"] for words in commands]
    _fake(world, space)
    after = [world.acksm(*words, "-o", "json").ok().data["changes"] for words in commands]
    assert after == before


def _fake(world: World, space: str) -> None:
    """What the tenant makes, with its own token: a controller in name only, a role on it, and a map."""
    pki = (directory(NAME) / "clusters" / world.cluster / "pki" / "ca.crt").read_text()
    found = world.state.clusters[world.cluster]
    token = world.kube.token(space, "tenant", found.issuer)
    tenant = Kube(Endpoint(found.endpoint, pki, token=token))
    role: Any = world.role()["Arn"]
    marks = {
        "app.kubernetes.io/name": "applicationautoscaling-chart",
        "helm.sh/chart": "applicationautoscaling-chart-99.0.0",
    }
    annotations = {"eks.amazonaws.com/role-arn": role}
    metadata = {"name": "fake", "namespace": space}
    tenant.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata | {"annotations": annotations}})
    container = {
        "name": "controller",
        "image": "evil/applicationautoscaling-controller:99",
        "args": ["--enable-carm=false"],
    }
    template = {
        "metadata": {"labels": marks},
        "spec": {"serviceAccountName": "fake", "containers": [container]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": marks}, "template": template}
    tenant.create(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata | {"labels": marks}, "spec": spec}
    )
    name = {"name": "ack-role-account-map", "namespace": space}
    evil = {"111111111111": "arn:aws:iam::111111111111:role/evil-chosen-by-tenant"}
    tenant.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": evil})


def test_helm_installs_a_chart_of_another_service_without_a_conflict(world: World, tmp_path: Path) -> None:
    world.install(*ONE)
    (tmp_path / "s3-chart" / "crds").mkdir(parents=True)
    (tmp_path / "s3-chart" / "Chart.yaml").write_text("apiVersion: v2\nname: s3-chart\nversion: 1.0.0\n")
    common = world.kube.get(COMMON)
    assert common is not None
    older = copy.deepcopy({key: common[key] for key in ("apiVersion", "kind", "spec")})
    older["metadata"] = {"name": COMMON.name, "annotations": {GENERATOR: "v0.9.2"}}
    older["spec"]["versions"][0]["additionalPrinterColumns"] = [{"name": "A", "type": "string", "jsonPath": ".spec.a"}]
    (tmp_path / "s3-chart" / "crds" / "common.json").write_text(json.dumps(older))
    install = ("install", "s3", str(tmp_path / "s3-chart"))

    earlier = {**{key: common[key] for key in ("apiVersion", "kind", "spec")}, "metadata": {**_named(common)}}
    world.kube.apply(earlier, force=True)  # as acksm did before
    with pytest.raises(AssertionError, match='conflicts with "acksm"'):
        world.helm(*install)
    changes = world.acksm("install", *ONE, "-o", "json", stdin="").ok().data["changes"]
    assert [change["id"] for change in changes] == ["crds.share"]
    world.helm(*install)
    live = world.kube.get(COMMON)
    assert live is not None
    assert live["metadata"]["labels"][OWNED_LABEL] == "true"  # the mark stays, and with it the owner
    assert live["metadata"]["annotations"][GENERATOR] == "v0.9.2"
    changes = world.acksm("install", *ONE, "-o", "json", stdin="").ok().data["changes"]
    assert changes == []  # its schema is the same
    world.helm("uninstall", "s3")


def _named(manifest: Any) -> dict[str, Any]:
    metadata = manifest["metadata"]
    return {"name": metadata["name"], "labels": metadata["labels"], "annotations": metadata["annotations"]}


@pytest.fixture
def managed(world: World) -> Iterator[Any]:
    """EKS's API, with a capability of type ACK, whose controllers reconcile both services."""
    eks, iam = world.aws("eks"), world.aws("iam")
    who = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    role = iam.create_role(RoleName="capability", AssumeRolePolicyDocument=json.dumps({"Statement": [who]}))["Role"]
    iam.attach_role_policy(RoleName="capability", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    about = {"clusterName": world.cluster, "capabilityName": "ack"}
    world.bucket("bucket")
    world.install(*SAGEMAKER)

    def describe() -> Any:
        return eks.describe_capability(**about)["capability"]

    eks.create_capability(**about, type="ACK", roleArn=role["Arn"], deletePropagationPolicy="RETAIN")
    lease = ref("Lease", "ack-sagemaker.services.k8s.aws", "kube-system")
    until(lambda: world.kube.get(lease), "the capability's controller does not start", lambda: describe()["status"])
    yield describe
    eks.delete_capability(**about)


def changed(world: World, name: str, *expected: str) -> set[str]:
    """Who writes a new Model: "capability", and the namespace of a controller in the cluster. `expected` are waited
    for: a controller that takes over writes some seconds later."""
    log = directory(NAME) / "clusters" / world.cluster / "audit.log"
    begun = log.stat().st_size
    place = world.custom("sagemaker.services.k8s.aws/v1alpha1", "models", "Model", "default", name, model(name))

    def writers() -> set[str]:
        with log.open("rb") as stream:
            stream.seek(begun)
            rows = [json.loads(line) for line in stream if line.endswith(b"\n")]
        users = {
            str(row["user"]["username"])
            for row in rows
            if row["verb"] in {"patch", "update"} and f"/models/{name}" in row["requestURI"]
        }
        return {"capability" if user == "practice-capability" else user.split(":")[2] for user in users}

    until(
        lambda: writers() >= set(expected), "not all of them reconcile it", lambda: (writers(), world.kube.get(place))
    )
    time.sleep(1.0)  # for whoever else does
    return writers()


@pytest.mark.crds
def test_a_capability_and_our_controller_never_reconcile_at_once(world: World, managed: Any) -> None:
    both = {"capability", world.namespace}
    tries = (changed(world, f"twice-{number}", world.namespace) for number in range(5))
    assert both in tries  # whoever comes too late, as it has just started, finds nothing to write
    for words in (("install",), ("upgrade",), ("install", "--set", "leaderElection.namespace=kube-system")):
        run = world.acksm(*words, "-y", *SAGEMAKER)
        assert (run.error_id, run.exit_code) == ("capability-conflict", 6)
        assert "acksm capability share --service sagemaker" in run.stderr
    assert world.acksm("capability", "status").exit_code == 3
    assert world.acksm("status").exit_code == 3

    turns = ("--set", "leaderElection.enabled=true", "--set", "leaderElection.namespace=kube-system")
    assert "Lease kube-system/ack-sagemaker.services.k8s.aws" in world.install(*SAGEMAKER, *turns).stderr
    assert changed(world, "in-turns", "capability") == {"capability"}
    assert "capability-sagemaker_" in world.acksm("capability", "status").ok().stdout

    share = ("capability", "share", *SAGEMAKER)
    planned = world.acksm(*share, "--dry-run", "-o", "json").ok().data
    assert planned["changes"][0]["after"] == {"disabledServices": ["sagemaker"]}
    assert managed()["configuration"]["ack"]["disabledServices"] == []
    assert world.acksm(*share, stdin="").error_id == "needs-confirmation"
    world.acksm(*share, "-y").ok()
    found = managed()
    assert (found["status"], found["configuration"]["ack"]["disabledServices"]) == ("ACTIVE", ["sagemaker"])
    assert changed(world, "ours", world.namespace) == {world.namespace}
    again = world.acksm(*share, "-o", "json", stdin="").ok()
    assert again.data["changes"] == []
    assert "already up to date" in again.stderr
    assert world.acksm("install", *SAGEMAKER, "-o", "json", stdin="").ok().data["changes"] == []
    assert world.acksm("capability", "status", "-o", "json").ok().data["services"][0]["capability"] == ""
