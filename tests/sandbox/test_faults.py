"""Faults of AWS and of the cluster in the middle of real runs: survived, or one error, and the same command goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from abroad import Abroad
from acksm.engine import lease
from acksm.errors import AcksmError
from acksm.kube.paths import Ref
from acksm.sandbox import api
from world import World

ADMISSION = "admissionregistration.k8s.io/v1"
PLURALS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}
ROLE_UNKNOWN: dict[str, Any] = {
    "status": 404,
    "code": "NoSuchEntity",
    "message": "The role with name x cannot be found.",
}
PASSING: dict[str, dict[str, Any]] = {
    "sts:GetCallerIdentity": {"status": 503, "code": "ServiceUnavailable", "times": 1},
    "eks:DescribeCluster": {"status": 429, "code": "TooManyRequestsException", "times": 1},
    "iam:GetOpenIDConnectProvider": {"drop": "before", "times": 1},
    "iam:CreateOpenIDConnectProvider": {"status": 500, "code": "ServiceFailure", "times": 2},
    "iam:CreateRole": {"drop": "after", "times": 1},
    "iam:AttachRolePolicy": {**ROLE_UNKNOWN, "after": "iam:CreateRole", "times": 2},
    "iam:GetRole": {**ROLE_UNKNOWN, "after": "iam:PutRolePolicy", "times": 2},
    "iam:PutRolePolicy": {"status": 400, "code": "Throttling", "times": 1},
    "iam:CreateServiceLinkedRole": {"seconds": 1.0, "times": 1},
}
CRDS = [{"apiGroups": ["apiextensions.k8s.io"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["*"]}]


@contextmanager
def refusing(world: World, *made: tuple[str, Mapping[str, Any]]) -> Iterator[None]:
    """Objects of the admission, until the block ends; inside, the apiserver follows them."""
    refs = [Ref(ADMISSION, PLURALS[kind], kind, "practice") for kind, _ in made]
    try:
        for location, (kind, more) in zip(refs, made, strict=True):
            body = {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": "practice"}, **more}
            world.kube._request("post", location.collection, body=body, query_params=[])
        limit = time.monotonic() + 60
        while not _refuses(world):
            assert time.monotonic() < limit
            time.sleep(0.2)
        yield
    finally:
        for location in refs:
            world.kube.delete(location)
        limit = time.monotonic() + 60
        while _refuses(world):
            assert time.monotonic() < limit
            time.sleep(0.2)


def _refuses(world: World) -> bool:
    names = {"plural": "practices", "singular": "practice", "kind": "Practice"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "practices.practice.dev"},
        "spec": {
            "group": "practice.dev",
            "names": names,
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    try:
        world.kube.create(crd, dry_run=True)  # which is not tried again, as an apply is
    except AcksmError:
        return True
    return False


def test_one_install_through_everything(world: World) -> None:
    world.faults({"iam:AttachRolePolicy": {"status": 403, "code": "ExpiredToken"}})
    expired = world.acksm("install", "-y")
    assert (expired.error_id, expired.exit_code) == ("aws-expired-credentials", 3)
    assert "the same command continues from there" in expired.stderr
    world.end_faults()

    policy = {"matchConstraints": {"resourceRules": CRDS}, "validations": [{"expression": "false", "message": "no"}]}
    binding = {"policyName": "practice", "validationActions": ["Deny"]}
    with refusing(
        world,
        ("ValidatingAdmissionPolicy", {"spec": policy}),
        ("ValidatingAdmissionPolicyBinding", {"spec": binding}),
    ):
        denied = world.acksm("install", "-y")
    assert (denied.error_id, denied.exit_code) == ("kube-webhook-denied", 4), denied.stderr
    assert "ValidatingAdmissionPolicy" in denied.stderr

    hook = {
        "name": "practice.acksm.dev",
        "clientConfig": {"url": "https://127.0.0.1:1/never"},
        "rules": CRDS,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    with refusing(world, ("ValidatingWebhookConfiguration", {"webhooks": [hook]})):
        broken = world.acksm("install", "-y")
    assert (broken.error_id, broken.exit_code) == ("kube-failed", 4), broken.stderr
    assert "failed calling webhook" in broken.stderr

    api.control(world.state, "POST", f"accounts/{world.account}/empty")  # the runs that failed had done IAM's part
    world.faults(PASSING)
    world.install()
    world.end_faults()
    with world.requests() as again:
        world.install()
    assert again.writes == []


@pytest.fixture
def abroad(world: World) -> Iterator[Abroad]:
    found = Abroad.open(world)
    yield found
    world.faults({}, found.account)
    found.clean()


def test_carm_setup_denied_at_each_action(abroad: Abroad) -> None:
    world = abroad.world
    world.acksm("oidc", "-y").ok()
    world.acksm("iam-role", "-y").ok()
    denied = {"status": 403, "code": "AccessDenied"}
    done: list[list[str]] = []
    for account, action in (
        (abroad.account, "iam:CreateRole"),
        (abroad.account, "iam:AttachRolePolicy"),
        (abroad.account, "iam:PutRolePolicy"),
        (world.account, "iam:PutRolePolicy"),
    ):
        world.faults({action: denied}, account)
        run = abroad.setup("-y", "-o", "json")
        world.faults({}, account)
        assert (run.data["error"]["id"], run.exit_code) == ("aws-access-denied", 3), run.stderr
        assert action in run.data["error"]["remedy"]
        done.append([item["id"] for item in run.data["error"]["details"]["done"]])
    assert done == [[], ["iam-role.create", "iam-role.service-linked"], ["iam-role.attach"], ["iam-role.inline"]]
    abroad.setup("-y").ok()
    assert "up to date" in abroad.setup("-y").ok().stderr


def test_an_apiserver_that_is_restarted_in_mid_run(world: World) -> None:
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(world.acksm, "install", "-y", "--timeout", "120s")
        limit = time.monotonic() + 60
        while not lease.is_held(world.kube, world.namespace):
            assert not run.done(), run.result()
            assert time.monotonic() < limit
            time.sleep(0.02)
        world.restart("kube-apiserver")
    # a POST whose answer never came, or helm's own connection, may have been cut: that is told
    assert run.result().error_id in {"", "kube-unreachable", "kube-failed", "helm-failed"}, run.result().stderr
    world.install("--timeout", "120s")
    with world.requests() as again:
        world.install()
    assert again.writes == []
