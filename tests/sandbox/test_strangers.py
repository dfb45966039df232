"""What another local user and a web page get from a sandbox: nothing but the charts, and that it is there."""

from __future__ import annotations

import json
import multiprocessing
import os
import ssl
import stat
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from acksm.sandbox import api
from acksm.sandbox.cloud import account_of
from acksm.sandbox.state import directory
from gate import ACCOUNT, Gate
from world import NAME, World

NOBODY = 65534
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REFUSED = 0  # of a connection: no HTTP status


def ask(
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    pair: tuple[str, str] | None = None,
) -> tuple[int, str]:
    """Status and text that a stranger gets, whatever the certificate; REFUSED where the connection is."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        context = ssl._create_unverified_context()
        if pair:
            context.load_cert_chain(*pair)
        connection: HTTPConnection = HTTPSConnection(parts.netloc, timeout=10, context=context)
    else:
        connection = HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, parts.path or "/", body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        return REFUSED, str(error)
    finally:
        connection.close()


# the gate in front of moto


@pytest.mark.parametrize(
    "path",
    ["/moto-api/data.json", "/moto-api/reset", "/moto-api/seed?a=1", "/moto-api/config", "/latest/meta-data/", "/"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_nothing_is_answered_without_a_signature(gate: Gate, path: str, method: str) -> None:
    status, text = ask(gate.endpoint + path, method)
    assert status == 403, text
    assert "MissingAuthenticationToken" in text


def test_moto_has_no_control_of_its_own_even_for_an_administrator(gate: Gate) -> None:
    iam = gate.boto.client("iam", endpoint_url=gate.endpoint)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    status, _ = signed(gate, "POST", "/moto-api/reset")
    assert status == 404
    assert iam.get_role(RoleName="r")["Role"]["RoleName"] == "r"


def test_an_account_is_not_chosen_by_a_header(gate: Gate) -> None:
    body = "Action=CreateAccessKey&Version=2010-05-08&UserName=practice-admin"
    for authorization in ({}, {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, {"Authorization": "Basic eDp5"}):
        status, text = ask(
            gate.endpoint,
            "POST",
            {**FORM, **authorization, "X-Moto-Account-Id": ACCOUNT, "Host": "iam.amazonaws.com"},
            body,
        )
        assert status == 403
        assert "AccessKeyId" not in text


def signed(gate: Gate, method: str, path: str, secret: str = "", **changed: str) -> tuple[int, str]:
    """A request of the administrator's to IAM as botocore signs it, with another secret, or changed afterwards."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    keys = gate.boto.get_credentials()
    body = "Action=ListRoles&Version=2010-05-08"
    request = AWSRequest(method, gate.endpoint + path, dict(FORM), body)
    SigV4Auth(Credentials(keys.access_key, secret or keys.secret_key), "iam", "us-east-1").add_auth(request)
    headers = {**{key: str(value) for key, value in request.headers.items()}, **changed}
    return ask(gate.endpoint + path, method, headers, headers.pop("body", body))


def test_a_key_without_its_secret_is_refused(gate: Gate) -> None:
    assert signed(gate, "POST", "/")[0] == 200
    for refused in (
        signed(gate, "POST", "/", secret="guessed"),
        signed(gate, "POST", "/", body="Action=ListUsers&Version=2010-05-08"),
        signed(gate, "POST", "/", **{"X-Amz-Date": "20200101T000000Z"}),
    ):
        assert refused[0] == 403
        assert "SignatureDoesNotMatch" in refused[1]


def test_a_sessions_key_needs_its_token(gate: Gate) -> None:
    import boto3

    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    iam = gate.boto.client("iam", endpoint_url=gate.endpoint)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    sts = gate.boto.client("sts", endpoint_url=gate.endpoint)
    keys = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    assert account_of(keys["AccessKeyId"]) == ACCOUNT

    def who(token: str | None) -> str:
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], token, region_name="us-west-2")
        return str(session.client("sts", endpoint_url=gate.endpoint).get_caller_identity()["Arn"])

    assert who(keys["SessionToken"]).endswith(":assumed-role/r/session")
    for token in (None, "another"):
        with pytest.raises(sts.exceptions.ClientError, match="InvalidClientTokenId"):
            who(token)


# a whole sandbox


def ports(world: World) -> dict[int, tuple[str, set[str]]]:
    """Every listening TCP port of the sandbox's processes and their children: who listens, and at which addresses."""
    owners: dict[str, str] = {}
    state = api.require(NAME)
    names = {process.pid: process.name for process in state.processes() if process.alive()}
    parents = {pid: _parent(pid) for pid in map(int, filter(str.isdigit, os.listdir("/proc")))}
    for pid in parents:
        above: int | None = pid
        while above and above not in names:
            above = parents.get(above)
        if above:
            for link in _links(pid):
                owners[link] = names[above]
    found: dict[int, tuple[str, set[str]]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in map(str.split, Path(table).read_text().splitlines()[1:]):
            inode = f"socket:[{row[9]}]"
            if row[3] == "0A" and inode in owners:  # TCP_LISTEN
                address, _, port = row[1].partition(":")
                found.setdefault(int(port, 16), (owners[inode], set()))[1].add(address)
    return found


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _links(pid: int) -> Iterator[str]:
    try:
        handles = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return
    for handle in handles:
        try:
            yield os.readlink(handle)
        except OSError:
            continue


def as_nobody(question: Callable[[], Any]) -> Any:
    """What `question` returns in a process of uid nobody; in one of this user where that cannot be had."""
    ours, theirs = multiprocessing.Pipe()

    def run(answer: Connection) -> None:
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        answer.send(question())

    child = multiprocessing.get_context("fork").Process(target=run, args=(theirs,))
    child.start()
    assert ours.poll(60), "no answer"
    told = ours.recv()
    child.join(10)
    return told


def test_every_port_is_on_loopback_and_refuses_a_stranger(world: World) -> None:
    found = ports(world)
    assert {"daemon", "registry", "etcd", "kube-apiserver"} <= {name for name, _ in found.values()}
    assert {address for _, addresses in found.values() for address in addresses} == {"0100007F"}  # 127.0.0.1

    def question() -> dict[str, Any]:
        return {
            f"{found[port][0]} {scheme} {path}": ask(f"{scheme}://127.0.0.1:{port}{path}")
            for port in found
            for scheme in ("http", "https")
            for path in ("/", "/metrics", "/version", "/readyz", "/v2/_catalog", "/v3/kv/range", "/debug/pprof/")
        }

    answered = {
        what: told for what, told in as_nobody(question).items() if told[0] not in {REFUSED, 400, 401, 403, 404}
    }
    assert set(answered) == {"registry http /v2/_catalog"}, answered


def test_etcd_takes_nothing_without_a_certificate(world: World) -> None:
    listening = [port for port, (name, _) in ports(world).items() if name == "etcd"]
    put = json.dumps({"key": "Zm9v", "value": "YmFy"})
    assert listening

    def question() -> list[int]:
        return [
            ask(f"{scheme}://127.0.0.1:{port}{path}", "POST", {}, put)[0]
            for port in listening
            for scheme in ("http", "https")
            for path in ("/v3/kv/put", "/raft", "/members")
        ]

    assert set(as_nobody(question)) <= {REFUSED, 400}


def test_the_apiserver_knows_no_anonymous(world: World) -> None:
    endpoint = world.state.clusters[world.cluster].endpoint
    paths = ("/version", "/readyz", "/api/v1/namespaces", "/openapi/v2", "/metrics")
    assert {ask(endpoint + path)[0] for path in paths} == {401}


def test_the_control_port_is_for_who_may_read_the_state(world: World) -> None:
    good = {"Authorization": f"Bearer {world.state.token}", "Content-Type": "application/json"}
    for changed, status in (
        ({}, 200),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer guessed"}, 401),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ):
        assert ask(f"{world.state.control}/controllers", "POST", {**good, **changed}, "{}")[0] == status, changed


def test_a_strangers_arn_is_not_mapped(world: World) -> None:
    body = json.dumps({"arn": "arn:aws:iam::1:user/x", "name": "x", "groups": ["system:masters"]})
    for path in ("users", f"accounts/{world.account}/empty", f"clusters/{world.cluster}", "authenticate/x"):
        for method in ("POST", "PUT", "DELETE"):
            assert ask(f"{world.state.control}/{path}", method, {"Content-Type": "application/json"}, body)[0] == 401


def test_the_registry_takes_pushes_only_with_the_sandboxs_credentials(world: World) -> None:
    base = f"http://{world.state.registry}/v2/aws-controllers-k8s/sagemaker-controller"
    listed = f"http://{world.state.registry}/v2/aws-controllers-k8s/sagemaker-chart/tags/list"
    tags = ask(listed)
    assert tags[0] == 200
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer x"}):
        for method, path in (
            ("POST", "/blobs/uploads/"),
            ("PATCH", "/blobs/uploads/1"),
            ("PUT", "/blobs/uploads/1?digest=sha256:0"),
            ("PUT", "/manifests/pwn"),
            ("DELETE", "/manifests/latest"),
        ):
            status, _ = ask(base + path, method, headers, "{}")
            assert status == 401, (method, path, headers)
    assert ask(listed, headers={"Host": "evil.example"})[0] == 403
    assert ask(listed, headers={"Host": f"localhost:{urlsplit(listed).port}"}) == tags


def test_the_apiservers_webhooks_and_the_log_server_want_its_certificate(world: World) -> None:
    hooks = world.kube._request(
        "get",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook",
        query_params=[],
    )
    url = hooks["webhooks"][0]["clientConfig"]["url"]
    kubelet = world.kube._request("get", "/api/v1/nodes/practice-node", query_params=[])
    port = kubelet["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    pki = directory(NAME) / "clusters" / world.cluster / "pki"
    pair = (str(pki / "practice-bootstrap.crt"), str(pki / "practice-bootstrap.key"))
    health = f"https://127.0.0.1:{port}/healthz"
    authenticate = url.replace("/mutate", "/authenticate")
    for where in (url, authenticate, health):
        assert ask(where, "POST", {"Content-Type": "application/json"}, "{}")[0] == REFUSED
    assert ask(health, pair=pair)[0] == 200
    assert ask(authenticate, "POST", {"Content-Type": "application/json"}, "{}", pair)[0] == 200


def test_nothing_can_be_read_by_others(world: World) -> None:
    home = directory(NAME)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    secret = [*home.rglob("*.key"), *home.rglob("*.kubeconfig"), *home.rglob("*kubeconfig*.json")]
    secret += [home / "state.json", home / "docker" / "config.json", home / "aws-credentials"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}

    def question() -> bool:
        try:
            return bool((home / "state.json").read_text())
        except PermissionError:
            return False

    assert as_nobody(question) is (os.getuid() != 0)
