"""A context as people have it: another identity for the cluster, a proxy, a tunnel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from acksm.sandbox import api
from http_server import serve
from world import ONE, World


def context(world: World, path: Path, role: str, **cluster: Any) -> str:
    """A kubeconfig whose context signs in as `role`."""
    found = world.state.clusters[world.cluster]
    arn = f"arn:aws:eks:{found.region}:{found.account}:cluster/{found.name}"
    get_token = ["--region", found.region, "eks", "get-token", f"--cluster-name={found.name}", "--role-arn", role]
    entry = {"server": found.endpoint, "certificate-authority-data": found.ca_data, **cluster}
    document = {
        "current-context": "practice",
        "clusters": [{"name": arn, "cluster": entry}],
        "users": [{"name": "me", "user": {"exec": {"command": "aws", "args": get_token}}}],
        "contexts": [{"name": "practice", "context": {"cluster": arn, "user": "me"}}],
    }
    path.write_text(json.dumps(document))
    return str(path)


@pytest.fixture
def role(world: World) -> str:
    """A role of the account that the cluster knows as an administrator, as its callers are not."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{world.account}:root"}}
        ],
    }
    made = world.aws("iam").create_role(RoleName="EksAdmin", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    body = {"arn": made["Arn"], "name": "eks-admin", "groups": ["system:masters"]}
    api.control(world.state, "POST", "users", body)
    return str(made["Arn"])


@pytest.mark.crds
def test_the_contexts_role_proxy_and_server_name_are_those_of_every_connection(
    world: World, role: str, tmp_path: Path
) -> None:
    """An install through a proxy, with the apiserver under another name: by acksm and by helm."""
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    env = world.user("unmapped", policy=everything, mapped=False)
    server, proxy = serve()
    server.tunnels = True
    try:
        port = urlsplit(world.state.clusters[world.cluster].endpoint).port
        path = context(
            world,
            tmp_path / "config",
            role,
            **{
                "server": f"https://localhost:{port}",
                "proxy-url": f"http://{server.host}",
                "tls-server-name": "127.0.0.1",
            },
        )
        world.acksm("install", "-y", *ONE, "--kubeconfig", path, env=env).ok()
        again = world.acksm("status", *ONE, "--kubeconfig", path, "-o", "json", env=env).ok()
    finally:
        proxy.shutdown()
    assert again.data["healthy"]
    assert set(server.paths) == {f"CONNECT localhost:{port}"}
    assert world.acksm("status", *ONE, env=env).error_id == "kube-unauthorized"


def test_connect_writes_a_context_that_works_and_shows_who_signs_in(world: World, role: str, tmp_path: Path) -> None:
    found = world.state.clusters[world.cluster]
    arn = f"arn:aws:eks:{found.region}:{found.account}:cluster/{found.name}"
    file = tmp_path / "dir" / "config"
    env = {"KUBECONFIG": str(file)}
    planned = world.acksm("connect", "--dry-run", "-o", "json", env=env).ok().data
    assert not file.exists()
    assert [change["target"] for change in planned["changes"]] == [f"context {arn} in {file}"]
    made = world.acksm("connect", "--role", role, "--alias", "as-admin", "-o", "json", env=env).ok().data["result"]
    assert made == {
        "kubeconfig": str(file),
        "context": "as-admin",
        "user": arn,
        "current_context": "as-admin",
        "identity": f"arn:aws:sts::{world.account}:assumed-role/EksAdmin/acksm",
        "kubernetes_user": "eks-admin",
        "groups": ["system:masters", "system:authenticated"],
        "apiserver_error": None,
    }
    before = file.read_text()
    again = world.acksm("connect", "--role", role, "--alias", "as-admin", env=env).ok()
    assert "up to date" in again.stderr
    assert again.stdout.splitlines()[1:] == [
        f"AWS: arn:aws:sts::{world.account}:assumed-role/EksAdmin/acksm",
        "apiserver: user eks-admin, groups system:masters, system:authenticated",
    ]
    assert file.read_text() == before
    status = world.acksm("status", *ONE, "--kubeconfig", str(file), env={"ACKSM_CLUSTER": ""})
    assert "error[" not in status.stderr
    other = world.acksm("connect", "--alias", "as-me", env=env)  # the user entry signs in as the role
    assert (other.error_id, "context as-admin uses too" in other.stderr) == ("needs-confirmation", True)
    assert file.read_text() == before
    world.acksm("connect", "--user-alias", "me", env=env).ok()
    assert "name: as-admin" in file.read_text()


def test_connect_says_that_the_apiserver_does_not_answer_or_not_know_the_caller(world: World, tmp_path: Path) -> None:
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    env = world.user("stranger", policy=everything, mapped=False) | {"KUBECONFIG": str(tmp_path / "config")}
    run = world.acksm("connect", "-o", "json", env=env).ok().data["result"]
    assert run["apiserver_error"]["id"] == "kube-unauthorized"
    assert run["identity"].endswith("user/stranger")
    run = world.acksm("connect", "-o", "json", env=env | {"HTTPS_PROXY": "127.0.0.1:9"}).ok().data["result"]
    assert run["apiserver_error"]["id"] == "kube-unreachable"
    refused = world.acksm("connect", "--role", f"arn:aws:iam::{world.account}:role/none", env=env)
    assert refused.error_id == "aws-access-denied"
