"""From a pod's spec to a process: the kubelet's rules, without a cluster."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.sandbox.controllers import pods, status

IMAGE = "registry.example/aws-controllers-k8s/sagemaker-controller:1.9.1"


def pod(container: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "p",
            "namespace": "ack-system",
            "uid": "u-1",
            "labels": {"app.kubernetes.io/instance": "ack"},
            **more.pop("metadata", {}),
        },
        "spec": {
            "serviceAccountName": "sa",
            "nodeName": "n",
            "containers": [
                {"name": "controller", "image": IMAGE, "args": ["--aws-region", "us-west-2"], **(container or {})}
            ],
            **more,
        },
    }


def nothing(_kind: str, _namespace: str, _name: str) -> Mapping[str, str] | None:
    return None


def some(kind: str, namespace: str, name: str) -> Mapping[str, str] | None:
    assert namespace == "ack-system"
    known = {("ConfigMap", "c"): {"region": "eu-west-1", "a": "1"}, ("Secret", "s"): {"key": "hidden"}}
    return known.get((kind, name))


@pytest.mark.parametrize(
    ("image", "service", "tag"),
    [
        (IMAGE, "sagemaker", "1.9.1"),
        ("127.0.0.1:5000/x/applicationautoscaling-controller:v0.0.3", "applicationautoscaling", "v0.0.3"),
        ("sagemaker-controller@sha256:00", "sagemaker", ""),
        ("registry:5000/sagemaker-controller", "sagemaker", ""),
    ],
)
def test_a_controllers_pod_is_told_by_its_flag_and_named_by_its_image(image: str, service: str, tag: str) -> None:
    found = pods.controller_of(pod({"image": image}))
    assert found == pods.Controller(service, "controller", image)
    assert found is not None
    assert found.tag == tag


def test_other_pods_and_those_that_are_to_fail_are_kwoks() -> None:
    assert pods.controller_of(pod({"args": ["--region", "x"]})) is None
    assert pods.controller_of(pod({"args": None})) is None
    assert pods.controller_of(pod(metadata={"annotations": {pods.FAIL_ANNOTATION: "Error"}})) is None
    assert pods.controller_of(pod({"command": ["./bin/controller", "--aws-region=x"], "args": []})) is not None


OWN = "127.0.0.1:5000/acksm:1.0"


@pytest.mark.parametrize(
    ("image", "own"),
    [
        (OWN, True),
        ("127.0.0.1:5000/acksm@sha256:00", True),
        ("127.0.0.1:5000/team/acksm:1.0", False),
        ("registry.example.com/acksm:1.0", False),
        ("127.0.0.1:5000/acksm-tools:1.0", False),
    ],
)
def test_a_pod_of_acksm_has_its_image_of_the_sandboxs_registry(image: str, own: bool) -> None:
    found = pods.controller_of(pod({"image": image, "args": ["fleet", "status"]}))
    assert (found == pods.Controller("acksm", "controller", image)) is own
    assert (found is None) is not own


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [(None, 0, True), ("Always", 1, True), ("OnFailure", 1, True), ("OnFailure", 0, False), ("Never", 1, False)],
)
def test_the_restart_policy_decides_what_an_exit_is(policy: str | None, code: int, again: bool) -> None:
    found = pod({"image": OWN})
    found["spec"]["restartPolicy"] = policy
    assert pods.restarts(found, code) is again
    if not again:
        fate = status.Fate()
        fate.running()
        fate.ended(code)
        fate.completed()
        written = status.patch(found, "controller", fate)["status"]
        assert written["phase"] == ("Failed" if code else "Succeeded")
        assert written["containerStatuses"][0]["state"]["terminated"]["exitCode"] == code


def test_a_read_only_root_leaves_what_is_mounted_empty() -> None:
    mounts = [{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/b", "readOnly": True}]
    mounts += [{"name": "c", "mountPath": "/c"}]
    found = pod({"volumeMounts": mounts})
    found["spec"]["volumes"] = [
        {"name": "a", "emptyDir": {}},
        {"name": "b", "emptyDir": {}},
        {"name": "c", "configMap": {}},
    ]
    assert pods.writable(found, "controller") is None
    found["spec"]["containers"][0]["securityContext"] = {"readOnlyRootFilesystem": True}
    assert pods.writable(found, "controller") == ["a"]


@pytest.mark.parametrize(("command", "missing"), [(None, ""), (["acksm"], ""), (["sh", "-c", "acksm"], "sh")])
def test_acksms_image_has_no_other_program(command: list[str] | None, missing: str) -> None:
    assert pods.unknown_program(pod({"command": command}), "controller") == missing


def test_the_environment_comes_from_everywhere_and_arguments_from_it() -> None:
    env = [
        {"name": "ACK_SYSTEM_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app.kubernetes.io/instance']"}}},
        {"name": "REGION", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "region"}}},
        {"name": "HIDDEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}},
        {"name": "MISSING", "valueFrom": {"secretKeyRef": {"name": "none", "key": "key", "optional": True}}},
        {"name": "BOTH", "value": "$(REGION)/$(LATER)/$$(REGION)"},
        {"name": "LATER", "value": "x"},
        {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
    ]
    container = {
        "env": env,
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "c"}}],
        "args": ["--aws-region", "$(REGION)", "--watch-namespace", "$(NOBODY)"],
        "resources": {"limits": {"memory": "128Mi"}},
    }
    found = pods.render(pod(container), "controller", some)
    assert found.arguments == ["--aws-region", "eu-west-1", "--watch-namespace", "$(NOBODY)"]
    assert found.environment == {
        "P_region": "eu-west-1",
        "P_a": "1",
        "ACK_SYSTEM_NAMESPACE": "ack-system",
        "LABEL": "ack",
        "REGION": "eu-west-1",
        "HIDDEN": "hidden",
        "BOTH": "eu-west-1/$(LATER)/$(REGION)",
        "LATER": "x",
        "LIMIT": "128Mi",
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMapKeyRef": {"name": "gone", "key": "k"}}, 'configmap "gone" not found'),
        ({"secretKeyRef": {"name": "s", "key": "other"}}, "couldn't find key other in Secret ack-system/s"),
    ],
)
def test_what_is_missing_keeps_the_container_from_being_made(source: dict[str, Any], message: str) -> None:
    with pytest.raises(pods.ConfigError, match=message):
        pods.render(pod({"env": [{"name": "X", "valueFrom": source}]}), "controller", some)


@given(st.text(alphabet="$()ABxy ", max_size=30))
def test_expansion_leaves_what_it_does_not_know(text: str) -> None:
    assert pods.expand(text, {}) == text.replace("$$", "$")


def test_volumes_become_files_and_paths_lead_there() -> None:
    token = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}}
    volumes = [
        {"name": "aws-iam-token", "projected": {"sources": [token]}},
        {"name": "credentials", "secret": {"secretName": "s", "items": [{"key": "key", "path": "credentials"}]}},
        {"name": "scratch", "emptyDir": {}},
    ]
    mounts = [
        {"name": "aws-iam-token", "mountPath": "/var/run/secrets/aws"},
        {"name": "credentials", "mountPath": "/var/run/secrets/aws/deeper/"},
    ]
    env = [
        {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/aws/token"},
        {"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/var/run/secrets/aws/deeper/credentials"},
        {"name": "ELSEWHERE", "value": "/var/run/secrets/awsome"},
    ]
    found = pod({"env": env, "volumeMounts": mounts, "args": ["--aws-region=x", "--f=/var/run/secrets/aws/token"]})
    found["spec"]["volumes"] = volumes
    files = pods.volumes(found, some)
    assert files["aws-iam-token"].tokens == [pods.TokenFile("token", "sts.amazonaws.com", 86400)]
    assert files["credentials"].texts == {"credentials": "hidden"}
    assert files["scratch"] == pods.Files()
    moved = pods.relocate(
        pods.render(found, "controller", nothing), {"aws-iam-token": "/home/t", "credentials": "/home/c"}
    )
    assert moved.environment == {
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/home/t/token",
        "AWS_SHARED_CREDENTIALS_FILE": "/home/c/credentials",
        "ELSEWHERE": "/var/run/secrets/awsome",
    }
    assert moved.arguments == ["--aws-region=x", "--f=/home/t/token"]


def test_a_volume_without_its_secret_keeps_the_container_from_being_made() -> None:
    found = pod()
    found["spec"]["volumes"] = [{"name": "v", "secret": {"secretName": "gone"}}]
    with pytest.raises(pods.MountError, match=r'MountVolume\.SetUp failed for volume "v" : secret "gone" not found'):
        pods.volumes(found, nothing)
    found["spec"]["volumes"][0]["secret"]["optional"] = True
    assert pods.volumes(found, nothing)["v"].texts == {}


def test_secrets_are_decoded() -> None:
    assert pods.decoded({"a": base64.b64encode("ä".encode()).decode()}) == {"a": "ä"}
    assert pods.decoded(None) == {}
