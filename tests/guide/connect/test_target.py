"""Which cluster is meant, and with which credentials."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acksm.aws.eks import Cluster
from acksm.aws.session import Identity
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.guide.connect import target as section
from acksm.guide.connect.target import Target
from acksm.kube.client import Endpoint
from acksm.kube.kubeconfig import load
from acksm.settings import RunSettings, TargetSettings

ACCOUNT, REGION = "012345678901", "us-west-2"
ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/demo"
CLUSTER = Cluster("demo", ARN, REGION, ACCOUNT, "https://demo.example", "QQ==", "https://issuer", "ACTIVE", "1.35")


def target(**endpoint: Any) -> Target:
    aws: Any = SimpleNamespace()
    kube: Any = SimpleNamespace()
    identity = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", "x")
    connection = Endpoint(**{"server": CLUSTER.endpoint, "ca_data": "PEM", "token": "secret", **endpoint})
    return Target(TargetSettings(), RunSettings(), aws, identity, CLUSTER, kube, connection, Deadline(1))


def test_the_kubeconfig_for_helm_has_this_connection_and_nothing_else() -> None:
    config = target().kubeconfig()
    assert config["users"] == [{"name": "acksm", "user": {"token": "secret"}}]
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == CLUSTER.endpoint
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"PEM"
    certificate = target(token="", cert_file="/c.crt", key_file="/c.key").kubeconfig()
    assert certificate["users"][0]["user"] == {"client-certificate": "/c.crt", "client-key": "/c.key"}
    assert "certificate-authority-data" not in target(ca_data="").kubeconfig()["clusters"][0]["cluster"]


def test_helm_gets_the_proxy_that_acksm_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its kubeconfig: Go's own rules differ from curl's, and its programs show the URL of a proxy in no error."""

    def proxy(**endpoint: Any) -> str:
        return str(target(**endpoint).kubeconfig()["clusters"][0]["cluster"].get("proxy-url", ""))

    for name in ("HTTPS_PROXY", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "me:p@ss@proxy:3128")
    assert proxy() == "http://me:p%40ss@proxy:3128"
    assert proxy(proxy_url="socks5h://bastion:1080") == "socks5://bastion:1080"  # client-go knows no socks5h
    monkeypatch.setenv("NO_PROXY", "*")
    assert proxy() == ""
    assert proxy(proxy_url="http://proxy") == "http://proxy"


def test_what_is_told_first_names_cluster_account_and_caller_and_no_secret() -> None:
    line = target().line()
    assert all(part in line for part in ("demo", REGION, "1.35", ACCOUNT, "user/me"))
    assert "secret" not in line + str(target().as_data())


# which cluster


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """~/.kube/config with one context of EKS, whose server is another cluster's."""
    path = tmp_path / ".kube" / "config"
    path.parent.mkdir()
    path.write_text(
        json.dumps(
            {
                "current-context": ARN,
                "clusters": [{"name": ARN, "cluster": {"server": "https://other.example"}}],
                "users": [{"name": "me", "user": {"token": "t"}}],
                "contexts": [{"name": ARN, "context": {"cluster": ARN, "user": "me"}}],
            }
        )
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """AWS that knows the cluster demo; what it was asked: (cluster, region)."""
    seen: list[tuple[str, str | None]] = []

    class Aws:
        def __init__(
            self, profile: str | None, region: str | None, account: str | None = None, left: Any = None
        ) -> None:
            self.profile, self.region, self.role = profile, region, ""
            self.eks = SimpleNamespace(describe_cluster=self.describe)

        def partitions(self) -> list[str]:
            return ["aws"]

        def regions(self, _service: str, _partition: str) -> list[str]:
            return [str(self.region)]

        def with_profile(self, profile: str) -> Aws:
            return Aws(profile, self.region)

        def assume(self, role: str) -> Aws:
            other = Aws(self.profile, self.region)
            other.role = role
            return other

        def identity(self) -> Identity:
            return Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", "x")

        def describe(self, name: str) -> Cluster:
            seen.append((name, self.region))
            return CLUSTER

    monkeypatch.setattr(section, "Aws", Aws)
    monkeypatch.setattr(
        section, "mint", lambda aws, _: SimpleNamespace(value=f"{aws.profile or ''}{aws.role}" or "minted")
    )
    return seen


def test_a_name_is_enough_and_the_kubeconfig_is_not_looked_at(kubeconfig: Path, asked: list[Any]) -> None:
    kubeconfig.write_text("a: [")
    found = section.connect(TargetSettings(cluster="demo", region="eu-west-1"), RunSettings())
    assert asked == [("demo", "eu-west-1")]
    assert (found.endpoint.server, found.endpoint.token) == (CLUSTER.endpoint, "minted")


def test_without_a_name_the_current_context_tells_it_and_must_be_that_cluster(
    kubeconfig: Path, asked: list[Any]
) -> None:
    with pytest.raises(AcksmError) as caught:
        section.connect(TargetSettings(), RunSettings())
    assert asked == [("demo", REGION)]
    assert (caught.value.id, int(caught.value.exit_code)) == ("context-other-cluster", 6)
    assert "https://other.example" in caught.value.message
    kubeconfig.write_text(kubeconfig.read_text().replace("https://other.example", "https://DEMO.example:443/"))
    found = section.connect(TargetSettings(), RunSettings())
    assert (found.endpoint.token, found.endpoint.ca_data) == ("t", "A")  # the CA is EKS's own


@pytest.mark.parametrize(
    ("options", "profile", "role", "calls", "token"),
    [
        ({}, "", "", None, "minted"),
        ({}, "prod", "", "prod", "prod"),
        ({}, "prod", "/admin", "prod", "prod/admin"),
        ({"profile": "mine"}, "", "/admin", "mine", "mine/admin"),
        ({"profile": "mine"}, "prod", "/admin", "mine", "prod/admin"),  # AWS by the option, the cluster as kubectl
    ],
)
def test_who_calls_aws_and_who_signs_in_to_the_cluster(
    options: dict[str, str],
    profile: str,
    role: str,
    calls: str | None,
    token: str,
    kubeconfig: Path,
    asked: list[Any],
) -> None:
    arguments = ["eks", "get-token", "--cluster-name", "demo", "--profile", profile, "--role-arn", role]
    document = json.loads(kubeconfig.read_text().replace("https://other.example", CLUSTER.endpoint))
    document["users"][0]["user"] = {"exec": {"command": "aws", "args": arguments}}
    document["clusters"][0]["cluster"]["proxy-url"] = "socks5://localhost:1080"
    kubeconfig.write_text(json.dumps(document))
    found = section.connect(TargetSettings(context=ARN, **options), RunSettings())
    assert (found.aws.profile, found.endpoint.token) == (calls, token)
    helm = found.kubeconfig()
    assert helm["users"][0]["user"] == {"token": token}
    assert helm["clusters"][0]["cluster"]["proxy-url"] == "socks5://localhost:1080"


def test_an_unverified_connection_to_another_host_is_refused(kubeconfig: Path, asked: list[Any]) -> None:
    document = json.loads(kubeconfig.read_text())
    document["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    kubeconfig.write_text(json.dumps(document))
    with pytest.raises(AcksmError) as caught:
        section.connect(TargetSettings(), RunSettings())
    assert caught.value.id == "kubeconfig-insecure"


def test_a_named_context_must_be_the_named_cluster(kubeconfig: Path, asked: list[Any]) -> None:
    with pytest.raises(AcksmError) as caught:
        section.connect(TargetSettings(cluster="demo", context=ARN), RunSettings())
    assert caught.value.id == "context-other-cluster"
    with pytest.raises(AcksmError) as caught:
        section.connect(TargetSettings(cluster="demo", context="nowhere"), RunSettings())
    assert caught.value.id == "kubeconfig-context-unknown"


def test_nothing_that_names_a_cluster(kubeconfig: Path, asked: list[Any]) -> None:
    kubeconfig.unlink()
    with pytest.raises(AcksmError) as caught:
        section.connect(TargetSettings(), RunSettings())
    assert caught.value.id == "cluster-missing"
    assert asked == []


def test_a_certificate_of_the_kubeconfig_is_the_owners_alone_on_disk(kubeconfig: Path, asked: list[Any]) -> None:
    document = json.loads(kubeconfig.read_text())
    pem = base64.b64encode(b"PEM").decode()
    document["users"][0]["user"] = {"client-certificate-data": pem, "client-key-data": pem}
    document["clusters"][0]["cluster"]["server"] = CLUSTER.endpoint
    kubeconfig.write_text(json.dumps(document))
    endpoint = section._endpoint(CLUSTER, load(str(kubeconfig)), "")
    for file in (endpoint.cert_file, endpoint.key_file):
        assert (Path(file).read_text(), os.stat(file).st_mode & 0o777) == ("PEM", 0o600)
