"""Bad input on real parts: a clear error with its id and exit code, and nothing written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from acksm.archive import pack
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.kube import conditions
from acksm.kube.paths import Ref, ref
from acksm.sandbox.practice import build, files
from acksm.sandbox.practice.generations import all_charts
from world import ONE, World

NEWEST = next(item for item in all_charts() if item.service == "sagemaker" and item.version == "1.9.1")


def refused(world: World, id: str, code: int, *argv: str, env: dict[str, str] | None = None) -> str:
    """Run `acksm install …`: it fails with `id` and `code` in text and in JSON, and writes nothing."""
    with world.requests() as seen:
        run = world.acksm("install", *argv, env=env)
    assert (run.error_id, run.exit_code) == (id, code), run.stderr
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    assert "remedy:" in run.stderr
    assert seen.writes == []
    same = world.acksm("install", "-o", "json", *argv, env=env)
    assert same.exit_code == code
    assert same.data["error"]["id"] == id
    assert same.data["exit_code"] == code
    return run.stderr


def test_an_unknown_cluster_names_those_that_exist(world: World) -> None:
    assert world.cluster in refused(world, "cluster-unknown", 3, "--cluster", "nowhere")


def test_a_wrong_region(world: World) -> None:
    assert "in eu-west-1" in refused(world, "cluster-unknown", 3, "--region", "eu-west-1")


def test_no_credentials(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    refused(world, "aws-no-credentials", 3)


def test_keys_that_nobody_gave_out(world: World) -> None:
    refused(world, "aws-no-credentials", 3, env={"AWS_ACCESS_KEY_ID": "AKIANOBODYGAVETHIS00"})


def test_expired_credentials(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    refused(world, "aws-expired-credentials", 3, "--profile", "expired")


def test_an_unknown_profile(world: World) -> None:
    refused(world, "aws-profile-unknown", 2, "--profile", "nobody")


def test_another_account_than_the_pinned_one(world: World) -> None:
    refused(world, "aws-wrong-account", 6, "--account", "999999999999")


def test_an_account_id_that_lost_its_zero(world: World) -> None:
    assert "leading zeros" in refused(world, "config-invalid", 2, "--account", "12345678901")


def test_the_context_of_another_cluster(world: World, tmp_path: Path) -> None:
    config = json.loads(Path(world.variables["KUBECONFIG"]).read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "other").write_text(json.dumps(config))
    refused(world, "context-other-cluster", 6, "--kubeconfig", "other")


def test_a_kubeconfig_that_would_start_a_program(world: World, tmp_path: Path) -> None:
    config = json.loads(Path(world.variables["KUBECONFIG"]).read_text())
    config["users"][0]["user"]["exec"] |= {"command": "/bin/touch", "args": [str(tmp_path / "started")]}
    (tmp_path / "exec").write_text(json.dumps(config))
    refused(world, "kubeconfig-exec", 6, "--kubeconfig", "exec")
    assert not (tmp_path / "started").exists()


def test_a_cluster_without_compute(world: World) -> None:
    kube = world.kube
    kube.patch(ref("Node", "practice-node"), {"spec": {"unschedulable": True}})
    try:
        said = refused(world, "no-nodes", 3, *ONE)
        assert "node practice-node: cordoned" in said
        assert "kubectl uncordon practice-node" in said
    finally:
        kube.patch(ref("Node", "practice-node"), {"spec": {"unschedulable": None}})


POOLS = Ref("karpenter.sh/v1", "nodepools", "NodePool")


@pytest.mark.crds
def test_what_adds_nodes_counts_as_compute(world: World) -> None:
    """Fargate profiles by their wildcards; EKS Auto Mode, whose built-in node pool the cluster has as an object."""
    kube, eks = world.kube, world.aws("eks")
    kube.patch(ref("Node", "practice-node"), {"spec": {"unschedulable": True}})
    profile = {
        "fargateProfileName": "ack",
        "clusterName": world.cluster,
        "podExecutionRoleArn": f"arn:aws:iam::{world.account}:role/fargate",
    }
    label = {"app.kubernetes.io/instance": "ack-*-controller"}
    try:
        with pytest.raises(eks.exceptions.InvalidParameterException):
            eks.create_fargate_profile(**profile, selectors=[{"namespace": "*"}] * 6)
        eks.create_fargate_profile(**profile, selectors=[{"namespace": "ack-?*", "labels": label}])
        world.acksm("install", "--dry-run", *ONE).ok()
        eks.delete_fargate_profile(clusterName=world.cluster, fargateProfileName="ack")
        with pytest.raises(eks.exceptions.InvalidParameterException):
            eks.update_cluster_config(name=world.cluster, computeConfig={"enabled": True})
        auto_mode(world, on=True)
        pool = world.custom(
            POOLS.api_version,
            POOLS.plural,
            POOLS.kind,
            "",
            "general-purpose",
            {"template": {"spec": {"requirements": [], "taints": []}}},
        )
        world.acksm("install", "--dry-run", *ONE).ok()
        taint = {"key": "CriticalAddonsOnly", "effect": "NoSchedule"}
        kube.patch(pool, {"spec": {"template": {"spec": {"taints": [taint]}}}})
        assert "the pod does not tolerate taint CriticalAddonsOnly" in world.acksm("install", "-y", *ONE).stderr
    finally:
        auto_mode(world, on=False)
        kube.delete(ref("CustomResourceDefinition", "nodepools.karpenter.sh"))
        kube.patch(ref("Node", "practice-node"), {"spec": {"unschedulable": None}})


def auto_mode(world: World, *, on: bool) -> None:
    """EKS Auto Mode as `aws eks update-cluster-config` turns it on, and the kind of its node pools in the cluster."""
    pools = {"nodePools": ["general-purpose"], "nodeRoleArn": f"arn:aws:iam::{world.account}:role/node"} if on else {}
    world.aws("eks").update_cluster_config(
        name=world.cluster,
        computeConfig={"enabled": on, **pools},
        kubernetesNetworkConfig={"elasticLoadBalancing": {"enabled": on}},
        storageConfig={"blockStorage": {"enabled": on}},
    )
    if not on:
        return
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"kind": "NodePool", "listKind": "NodePoolList", "plural": "nodepools", "singular": "nodepool"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "nodepools.karpenter.sh"},
        "spec": {"group": "karpenter.sh", "scope": "Cluster", "names": names, "versions": [version]},
    }
    world.kube.create(crd)
    where = ref("CustomResourceDefinition", "nodepools.karpenter.sh")
    deadline = Deadline(60)
    wait_until(lambda: Progress(conditions.holds(world.kube.get(where), "Established")), deadline, what="the CRD")


def namespace(world: World, **labels: str) -> None:
    world.kube.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace, "labels": labels}}
    )


def test_a_pod_that_could_not_be_created(world: World, tmp_path: Path) -> None:
    """A service account that nothing creates, a Secret that does not exist, a quota, the level of Pod Security."""
    account = tmp_path / "account.yaml"
    account.write_text("serviceAccount: {create: false, name: ack}\n")
    said = refused(world, "service-account-missing", 3, *ONE, "--values", str(account))
    assert f"kubectl -n {world.namespace} create serviceaccount ack" in said
    namespace(world)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": {"pods": "0"}}}
    path = f"/api/v1/namespaces/{world.namespace}/resourcequotas"
    world.kube._request("post", path, body=quota, query_params=[])
    wait_until(  # a quota counts once its controller has seen it
        lambda: Progress("used" in world.kube.read(f"{path}/team").get("status", {})), Deadline(60), what="the quota"
    )
    said = refused(world, "pod-refused", 3, *ONE)
    assert "exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0" in said
    assert f"kubectl -n {world.namespace} describe resourcequota team" in said
    world.kube._request("delete", f"{path}/team", query_params=[])
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    world.kube.patch(ref("Namespace", world.namespace), {"metadata": {"labels": label}})
    run = world.acksm("install", "-y", *ONE, "--version", "applicationautoscaling=0.0.3")
    assert (run.error_id, 'violates PodSecurity "restricted:latest"' in run.stderr) == ("pod-refused", True)


def test_helm_missing(world: World) -> None:
    refused(world, "helm-missing", 3, env={"ACKSM_HELM": "no-such-helm"})


def test_helm_too_old(world: World, tmp_path: Path) -> None:
    old = tmp_path / "helm"
    old.write_text("#!/bin/sh\necho v3.7.2\n")
    old.chmod(0o755)
    refused(world, "helm-too-old", 3, env={"ACKSM_HELM": str(old)})


@pytest.mark.parametrize(
    ("argv", "id", "code", "said"),
    [
        (("--version", "sagemaker=9.9.9"), "chart-version-unknown", 3, "did you mean 1.4.1, 1.5.1 or 1.9.1?"),
        (("--version", "sagemaker=newest"), "chart-version-unknown", 3, "invalid version"),
        (("--service", "s3"), "config-invalid", 2, "sagemaker or applicationautoscaling"),
        (("--controller-namespace", "Bad_Name"), "config-invalid", 2, "invalid namespace name"),
        (("--scope", "cluster", "--watch-namespace", "a"), "config-invalid", 2, "requires --scope namespace"),
        (("--watch-namespace", "not-there"), "namespace-missing", 3, "not-there"),
        (("--set", "log.levle=debug"), "values-unknown-key", 2, "did you mean log.level?"),
        (("--set", "installScope=namespace"), "values-managed", 2, "--scope"),
        (("--set", "aws.region="), "values-schema", 2, "aws.region"),
        (("--values", "nowhere.yaml"), "values-file", 2, "nowhere.yaml"),
        (("--chart", "sagemaker=nowhere.tgz"), "chart-invalid", 3, "nowhere.tgz"),
        (("--registry", "127.0.0.1:1/x"), "registry-unreachable", 3, "127.0.0.1:1"),
    ],
)
def test_options_that_cannot_be(world: World, argv: tuple[str, ...], id: str, code: int, said: str) -> None:
    assert said in refused(world, id, code, *argv)


def test_a_chart_that_fails_its_own_schema(world: World, tmp_path: Path) -> None:
    content = dict(files(NEWEST))
    content["values.yaml"] = content["values.yaml"].replace(b"deletionPolicy: delete", b"deletionPolicy: shred")
    (tmp_path / "chart.tgz").write_bytes(pack("sagemaker-chart", content))
    assert "deletionPolicy" in refused(world, "values-schema", 2, "--chart", "sagemaker=chart.tgz")


def test_a_truncated_chart(world: World, tmp_path: Path) -> None:
    data = build(NEWEST)
    (tmp_path / "chart.tgz").write_bytes(data[: len(data) // 2])
    refused(world, "chart-truncated", 3, "--chart", "sagemaker=chart.tgz")


def test_a_chart_of_the_wrong_service(world: World, tmp_path: Path) -> None:
    (tmp_path / "chart.tgz").write_bytes(build(NEWEST))
    refused(world, "chart-invalid", 3, "--chart", "applicationautoscaling=chart.tgz")


def test_read_only_rights_in_the_cluster(world: World) -> None:
    world.kube.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "reader"},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}],
        }
    )
    world.bind("reader", "looker")
    keys = world.user("looker", policy=_allow("*"))
    said = refused(world, "kube-forbidden", 3, env=keys)
    assert "create customresourcedefinitions.apiextensions.k8s.io" in said
    assert "create namespaces" in said
    world.acksm("install", "--dry-run", env=keys).ok()


def test_an_identity_that_the_cluster_does_not_know(world: World) -> None:
    keys = world.user("stranger", policy=_allow("*"), mapped=False)
    refused(world, "kube-unauthorized", 3, env=keys)


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:CreateOpenIDConnectProvider", "iam:AttachRolePolicy"])
def test_a_denied_iam_call_is_found_before_the_first_write(world: World, action: str) -> None:
    deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
    keys = world.user("builder", policy=_allow("*", deny), groups=["system:masters"])
    said = refused(world, "aws-access-denied", 3, env=keys)
    assert action in said


@pytest.mark.crds
def test_who_may_not_even_simulate_is_told_by_the_call_that_is_denied(world: World) -> None:
    deny = {"Effect": "Deny", "Action": ["iam:SimulatePrincipalPolicy", "iam:CreateRole"], "Resource": "*"}
    keys = world.user("blind", policy=_allow("*", deny), groups=["system:masters"])
    run = world.acksm("install", "-y", *ONE, env=keys)
    assert (run.error_id, run.exit_code) == ("aws-access-denied", 3)
    assert "iam:CreateRole" in run.stderr
    assert "the same command continues from there" in run.stderr
    world.install(*ONE)  # and whoever may goes on from there


def test_a_denied_read_names_its_action(world: World) -> None:
    deny = {"Effect": "Deny", "Action": "iam:GetRole", "Resource": "*"}
    keys = world.user("blindfold", policy=_allow("*", deny), groups=["system:masters"])
    assert "iam:GetRole" in refused(world, "aws-access-denied", 3, env=keys)


def test_a_cluster_that_is_not_active(world: World) -> None:
    world.fault("eks:DescribeCluster", 500, "ServerException")
    assert world.acksm("install").error_id == "aws-failed"


def _allow(action: str, *more: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}, *more]}


# Objects of others


@pytest.mark.crds
def test_a_release_of_another_hand(world: World, tmp_path: Path) -> None:
    """Its values have a misplaced key, which helm takes and nothing reads, a null, and a number as text."""
    world.install(*ONE)
    release, chart = "ack-applicationautoscaling-controller", world.chart("applicationautoscaling", "1.4.1")
    theirs = {
        "aws": {"region": "us-west-2"},
        "defaultResyncPeriod": "0",
        "deployment": {"priorityClassName": None},
        "log": {"level": "debug"},
        "reconcile": {"defaultResyncPeriod": "60"},
    }
    (tmp_path / "theirs.json").write_text(json.dumps(theirs))
    world.helm("upgrade", release, chart, "--reset-values", "-f", str(tmp_path / "theirs.json"))
    assert release in refused(world, "release-not-ours", 6, *ONE)
    adopted = world.install(*ONE, "--adopt-release")
    assert "dropped 1 value of the release: defaultResyncPeriod (never had an effect)" in adopted.stderr
    values = json.loads(world.helm("get", "values", release, "-o", "json"))
    assert values["deployment"]["priorityClassName"] is None
    assert (values["log"]["level"], values["reconcile"]["defaultResyncPeriod"]) == ("debug", 60)
    assert "defaultResyncPeriod" not in values
    with world.requests() as again:
        run = world.install(*ONE)
    assert (again.writes, "dropped" in run.stderr) == ([], False)
    assert refused(world, "values-unknown-key", 2, *ONE, "--set", "defaultResyncPeriod=1")


def test_a_release_of_another_chart(world: World, tmp_path: Path) -> None:
    content = {
        "Chart.yaml": b"apiVersion: v2\nname: theirs\nversion: 7.7.7\n",
        "templates/note.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs}\n",
    }
    (tmp_path / "theirs.tgz").write_bytes(pack("theirs", content))
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}})
    world.helm("install", "ack-applicationautoscaling-controller", "theirs.tgz")
    assert "theirs 7.7.7" in refused(world, "release-not-ours", 6, *ONE)


@pytest.mark.parametrize(
    ("kind", "name", "mark", "owner"),
    [
        ("ServiceAccount", "ack-sagemaker-controller", {}, "created by hand"),
        (
            "ClusterRole",
            "ack-sagemaker-controller-sagemaker-chart",
            {"meta.helm.sh/release-name": "theirs", "meta.helm.sh/release-namespace": "elsewhere"},
            "helm elsewhere/theirs",
        ),
        (
            "ClusterRole",
            "ack-sagemaker-controller-sagemaker-chart",
            {"argocd.argoproj.io/tracking-id": "app"},
            "argocd",
        ),
    ],
)
def test_an_object_of_another_owner(world: World, kind: str, name: str, mark: dict[str, str], owner: str) -> None:
    group = {"ServiceAccount": "v1", "ClusterRole": "rbac.authorization.k8s.io/v1"}[kind]
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}})
    metadata = {"name": name, "annotations": mark} | ({"namespace": world.namespace} if kind != "ClusterRole" else {})
    world.kube.create({"apiVersion": group, "kind": kind, "metadata": metadata})
    assert owner in refused(world, "object-not-ours", 6, "--service", "sagemaker")


def test_a_crd_that_another_tool_keeps(world: World) -> None:
    world.install(*ONE, "--version", "applicationautoscaling=1.1.2")
    name = "scalabletargets.applicationautoscaling.services.k8s.aws"
    world.kube.patch(
        ref("CustomResourceDefinition", name),
        {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "ack-crds"}}},
    )
    said = refused(world, "crd-not-ours", 6, *ONE, "--version", "applicationautoscaling=1.4.1")
    assert "argocd ack-crds" in said


def test_a_crd_that_is_being_deleted(world: World) -> None:
    world.install(*ONE)
    name = "scalabletargets.applicationautoscaling.services.k8s.aws"
    crd = ref("CustomResourceDefinition", name)
    world.kube.patch(crd, {"metadata": {"finalizers": ["practice/hold"]}})
    world.kube.delete(crd)
    try:
        assert name in refused(world, "crd-terminating", 6, *ONE)
    finally:
        world.kube.patch(crd, {"metadata": {"finalizers": None}})


def test_adopted_resources_would_be_stuck_after_an_upgrade(world: World) -> None:
    world.install(*ONE, "--version", "applicationautoscaling=1.1.1")
    target = {"group": "applicationautoscaling.services.k8s.aws", "kind": "ScalableTarget"}
    spec = {"aws": {"nameOrID": "x"}, "kubernetes": target}
    world.custom("services.k8s.aws/v1alpha1", "adoptedresources", "AdoptedResource", "default", "one", spec)
    said = refused(world, "adopted-resources-left", 6, *ONE, "--version", "applicationautoscaling=1.4.1")
    assert "1 AdoptedResource" in said


def test_a_role_that_is_not_ours(world: World) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    world.aws("iam").create_role(
        RoleName=f"ack-controller-role-{world.cluster}", AssumeRolePolicyDocument=json.dumps(trust)
    )
    said = refused(world, "role-not-ours", 6)
    assert "was not created by acksm" in said
    assert "+" in said  # the diff
    world.install(*ONE, "--adopt-role")
    statements = world.role()["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Statement"][0] in statements


def test_no_terminal_and_no_yes_refuses_what_needs_a_question(world: World) -> None:
    world.install(*ONE, "--version", "applicationautoscaling=1.1.2")
    said = refused(world, "needs-confirmation", 6, *ONE, "--version", "applicationautoscaling=1.4.1")
    assert "--yes" in said


def test_the_registry_refuses(world: World, tmp_path: Path) -> None:
    assert shutil.which("helm", path=world.variables["PATH"])
    with world.http(403) as host:
        said = refused(world, "registry-forbidden", 3, "--registry", f"{host}/x")
    assert "acksm explain registry-forbidden" in said
