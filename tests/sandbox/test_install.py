"""`acksm install` on real parts: from nothing to running controllers, and nothing the second time."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from abroad import until
from acksm.archive import read_bytes
from acksm.kube.conditions import holds
from acksm.kube.paths import ref
from acksm.live.readiness import AGENT_ENV
from acksm.sandbox.pod_identity import SETTLES
from acksm.sandbox.practice import build
from acksm.sandbox.practice.generations import all_charts
from world import ONE, World

SAGEMAKER, AUTOSCALING = "ack-sagemaker-controller", "ack-applicationautoscaling-controller"


def deployment(world: World, release: str = SAGEMAKER) -> dict[str, Any]:
    (found,) = world.kube.list(
        ref("Deployment", namespace=world.namespace), selector=f"app.kubernetes.io/instance={release}"
    )
    return found


def arguments(world: World, release: str = SAGEMAKER) -> list[str]:
    args: list[str] = deployment(world, release)["spec"]["template"]["spec"]["containers"][0]["args"]
    return args


def revision(world: World, release: str = SAGEMAKER) -> int:
    records = [name for name in world.objects("Secret") if name.startswith(f"sh.helm.release.v1.{release}.")]
    return max(int(name.rpartition(".v")[2]) for name in records)


def test_from_nothing_to_running_and_a_second_run_does_nothing(world: World) -> None:
    world.install()
    assert len(world.objects("Deployment")) == 2
    with world.requests() as second:
        run = world.install()
    assert "up to date" in run.stderr
    assert second.writes == []


@pytest.mark.crds
def test_the_pods_have_the_roles_identity(world: World) -> None:
    run = world.install()
    role = world.role()["Arn"]
    assert f"role {role}" in run.stdout
    for name in (SAGEMAKER, AUTOSCALING):
        account = world.kube.get(ref("ServiceAccount", name, world.namespace))
        assert account is not None
        assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == role
    for pod in world.kube.list(ref("Pod", namespace=world.namespace)):
        env = {item["name"]: item.get("value") for item in pod["spec"]["containers"][0]["env"]}
        assert env["AWS_ROLE_ARN"] == role
        assert env["AWS_WEB_IDENTITY_TOKEN_FILE"]


@pytest.mark.crds
def test_the_role_trusts_the_service_accounts_that_were_installed(world: World) -> None:
    """G6: the guide's trust names ack-system whatever is installed."""
    world.install("--set", "sagemaker:serviceAccount.name=ml-controller")
    condition = world.role()["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]
    assert next(value for key, value in condition.items() if key.endswith(":sub")) == [
        f"system:serviceaccount:{world.namespace}:{AUTOSCALING}",
        f"system:serviceaccount:{world.namespace}:ml-controller",
    ]


@pytest.mark.crds
def test_one_service_alone_and_then_the_other(world: World) -> None:
    world.install("--service", "sagemaker")
    assert len(world.objects("Deployment")) == 1
    with world.requests() as second:
        world.install()
    assert len(world.objects("Deployment")) == 2
    assert not [item for item in second.writes if SAGEMAKER in item and "secrets" in item]


@pytest.mark.crds
def test_a_changed_option_changes_only_that(world: World) -> None:
    world.install()
    before = (revision(world), revision(world, AUTOSCALING))
    planned = world.acksm("install", "--dry-run", "--set", "sagemaker:log.level=debug").ok()
    assert "level: debug" in planned.stdout
    assert "# values.yaml of sagemaker" not in planned.stdout
    assert "applicationautoscaling" not in planned.stdout
    with world.requests() as seen:
        world.install("--set", "sagemaker:log.level=debug")
    assert (revision(world), revision(world, AUTOSCALING)) == (before[0] + 1, before[1])
    assert "debug" in arguments(world)
    assert not [item for item in seen.writes if item.startswith("iam:") or "customresourcedefinitions" in item]


@pytest.mark.crds
def test_what_an_earlier_run_was_told_stays_until_it_is_reset(world: World) -> None:
    world.install(*ONE, "--set", "log.level=debug")
    world.install(*ONE)
    assert "debug" in arguments(world, AUTOSCALING)
    world.install(*ONE, "--reset-values")
    assert "debug" not in arguments(world, AUTOSCALING)


@pytest.mark.crds
def test_values_files_and_set_reach_the_chart_and_the_later_wins(world: World, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("log:\n  level: warn\nresourceTags:\n  - team=ml\n")
    world.install("--values", "v.yaml", "--set", "sagemaker:log.level=error")
    assert "error" in arguments(world)
    assert "team=ml" in arguments(world)
    assert "warn" in arguments(world, AUTOSCALING)


@pytest.mark.crds
def test_a_role_of_ones_own_leaves_iam_alone(world: World) -> None:
    arn = world.role_of_ones_own("of-our-own")
    with world.requests() as seen:
        world.install(*ONE, "--role-arn", arn)
    assert not [item for item in seen.writes if item.startswith("iam:")]
    account = world.kube.get(ref("ServiceAccount", AUTOSCALING, world.namespace))
    assert account is not None
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == arn
    with world.requests() as again:
        world.install(*ONE)  # the installed role is kept without naming it again
    assert again.writes == []


@pytest.mark.crds
def test_another_role_later_reaches_the_running_pods(world: World) -> None:
    world.install(*ONE)
    arn = world.role_of_ones_own("another")
    world.install(*ONE, "--role-arn", arn)
    pods = [
        pod
        for pod in world.kube.list(ref("Pod", namespace=world.namespace))
        if not pod["metadata"].get("deletionTimestamp")
    ]
    assert pods
    for pod in pods:
        assert {"name": "AWS_ROLE_ARN", "value": arn} in pod["spec"]["containers"][0]["env"]


@pytest.mark.crds
def test_pods_that_were_made_before_the_role_was_known_are_made_anew(world: World) -> None:
    """The webhook was away (failurePolicy Ignore): the pod runs, with no identity. status says so, install mends it."""
    webhook = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"
    kube = world.kube
    saved = kube._request("get", webhook)
    kube._request("delete", webhook, query_params=[])
    try:
        run = world.acksm("install", "-y", *ONE)
        assert (run.exit_code, run.error_id) == (4, "pod-identity-missing")
    finally:
        saved["metadata"] = {"name": saved["metadata"]["name"]}
        kube._request("post", webhook.rpartition("/")[0], body=saved, query_params=[])
    assert world.acksm("status", *ONE).exit_code == 3
    run = world.install(*ONE)
    assert "AWS_ROLE_ARN" in str(world.kube.list(ref("Pod", namespace=world.namespace)))
    assert world.acksm("status", *ONE).exit_code == 0


@pytest.mark.crds
def test_a_controller_with_an_association_is_left_as_it_is(world: World) -> None:
    """EKS Pod Identity wins over the annotation for the pods that come after it, and install restarts none of them."""
    world.install(*ONE)
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": world.namespace}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = world.aws("iam").create_role(RoleName="by-pods", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    eks, cluster, pods = world.aws("eks"), {"clusterName": world.cluster}, ref("Pod", namespace=world.namespace)
    eks.create_addon(**cluster, addonName="eks-pod-identity-agent")
    account = world.kube.list(pods)[0]["spec"]["serviceAccountName"]
    eks.create_pod_identity_association(**cluster, namespace=world.namespace, serviceAccount=account, roleArn=role)
    time.sleep(SETTLES)
    for pod in world.kube.list(pods):
        world.kube.delete(replace(pods, name=pod["metadata"]["name"]))

    def replaced() -> bool:
        found = world.kube.list(pods)
        return len(found) == 1 and AGENT_ENV in str(found) and holds(found[0], "Ready")

    until(replaced, "no ready pod with the association's identity", lambda: world.kube.list(pods))
    with world.requests() as seen:
        assert "up to date" in world.acksm("install", *ONE).ok().stderr
    assert seen.writes == []
    assert world.acksm("status", *ONE).ok().exit_code == 0
    report = world.acksm("doctor", "-o", "json", *ONE).data
    (checked,) = [item for item in report["checks"] if item["id"] == "check.pod-role"]
    assert checked["state"] == "ok"


def test_pods_get_their_role_by_pod_identity_alone_and_cleanup_leaves_nothing(world: World) -> None:
    """The whole way with real parts: webhook, agent, trust policy with its conditions, and a sample that is synced."""
    by_pods, one = ("--identity", "pod-identity"), ("--service", "sagemaker")
    with world.requests() as refused:
        assert world.acksm("install", *one, *by_pods, "-y").error_id == "agent-missing"
    assert refused.writes == []
    world.acksm("install", *one, *by_pods, "--install-agent", "-y").ok()
    pods = world.kube.list(ref("Pod", namespace=world.namespace))
    assert AGENT_ENV in str(pods)
    assert "AWS_ROLE_ARN" not in str(pods)
    assert world.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    with world.requests() as second:
        assert "up to date" in world.acksm("install", *one, "-y").ok().stderr
    assert second.writes == []
    assert world.acksm("status", *one).ok().exit_code == 0
    world.bucket("by-pods")
    world.acksm("samples", "apply", "model", "--with-role", "--set", "bucket=by-pods", "-n", world.namespace, "-y").ok()
    world.acksm("cleanup", "--all", "--confirm", world.cluster, "-y").ok()
    eks, cluster = world.aws("eks"), {"clusterName": world.cluster}
    assert eks.list_pod_identity_associations(**cluster)["associations"] == []
    assert eks.list_addons(**cluster)["addons"] == []
    assert [role for role in world.aws("iam").list_roles()["Roles"] if role["RoleName"].startswith("ack-")] == []


@pytest.mark.crds
def test_a_chart_of_ones_own_from_a_directory_and_from_an_archive(world: World, tmp_path: Path) -> None:
    chart = next(item for item in all_charts() if item.service == "applicationautoscaling" and item.version == "1.4.1")
    (tmp_path / "chart.tgz").write_bytes(build(chart))
    for name, data in read_bytes(build(chart), "x").files.items():
        path = tmp_path / "directory" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    public = {"ACKSM_REGISTRY": ""}  # which cannot be reached here
    install = ("install", "-y", *ONE, "--chart")
    world.acksm(*install, "applicationautoscaling=directory", env=public).ok()
    with world.requests() as again:
        world.acksm(*install, "applicationautoscaling=chart.tgz", env=public).ok()
    assert again.writes == []


@pytest.mark.crds
def test_latest_is_the_newest_tag_and_a_v_does_not_matter(world: World) -> None:
    run = world.install("--version", "sagemaker=latest", "--version", "applicationautoscaling=v1.4.1")
    words = " ".join(run.stdout.split())
    assert "sagemaker 1.9.1" in words
    assert "applicationautoscaling 1.4.1" in words


def test_an_upgrade_goes_through_crds_first_and_keeps_the_options(world: World) -> None:
    world.install("--service", "sagemaker", "--version", "sagemaker=1.5.1", "--set", "log.level=debug")
    assert world.kube.get(ref("CustomResourceDefinition", "projects.sagemaker.services.k8s.aws")) is None
    world.install("--service", "sagemaker", "--version", "sagemaker=1.9.1")
    assert world.kube.get(ref("CustomResourceDefinition", "projects.sagemaker.services.k8s.aws")) is not None
    assert deployment(world)["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.9.1")
    assert "debug" in arguments(world)


def test_common_crds_never_go_backwards(world: World) -> None:
    world.install("--service", "sagemaker")
    name = "iamroleselectors.services.k8s.aws"
    before = world.kube.get(ref("CustomResourceDefinition", name))
    run = world.install("--service", "applicationautoscaling", "--version", "applicationautoscaling=1.1.2")
    after = world.kube.get(ref("CustomResourceDefinition", name))
    assert before is not None
    assert after is not None
    assert after["spec"] == before["spec"]
    assert f"CRD {name} in the cluster is newer" in run.stderr


def test_after_a_crd_was_deleted_by_hand_only_that_is_made_again(world: World) -> None:
    crd = "scalabletargets.applicationautoscaling.services.k8s.aws"
    world.install(*ONE)
    world.kube.delete(ref("CustomResourceDefinition", crd))
    with world.requests() as seen:
        world.install(*ONE)
    assert len(seen.writes) == 1
    assert crd in seen.writes[0]


@pytest.mark.crds
def test_watched_namespaces_get_a_role_each(world: World) -> None:
    spaces = [f"{world.namespace}-{name}" for name in ("a", "b")]
    flags = [part for name in spaces for part in ("--watch-namespace", name)]
    run = world.install(*ONE, "--scope", "namespace", *flags, "--create-namespace")
    assert ",".join(spaces) in arguments(world, AUTOSCALING)
    assert f"namespaces {', '.join(spaces)}" in run.stdout
    for name in spaces:
        assert world.kube.list(ref("Role", namespace=name))


@pytest.mark.crds
def test_from_namespace_to_cluster_scope_and_back(world: World) -> None:
    def watched() -> str:
        args = arguments(world, AUTOSCALING)
        return args[args.index("--watch-namespace") + 1] if "--watch-namespace" in args else ""

    for scope, namespace in (("namespace", world.namespace), ("cluster", ""), ("namespace", world.namespace)):
        world.install(*ONE, "--scope", scope)
        assert watched() == namespace


def test_namespace_scope_without_a_namespace_says_which_is_meant(world: World) -> None:
    run = world.install(*ONE, "--scope", "namespace")
    assert f"watches namespace {world.namespace}" in run.stderr
    assert "(the release namespace" in run.stderr


@pytest.mark.crds
def test_nothing_of_the_user_is_written(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    world.install(*ONE)
    assert list(home.rglob("*")) == []
