"""The user's kubeconfig: what it says about the cluster, what is refused, and that nothing in it is ever run."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.errors import AcksmError
from acksm.kube.kubeconfig import Context, default_paths, is_server, load
from acksm.kube.sign_in import SignIn

ARN = "arn:aws:eks:us-west-2:012345678901:cluster/demo"
SERVER = "https://ABC.gr7.us-west-2.eks.amazonaws.com"
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(user: Any = None, *, cluster: str = ARN, context: str = ARN, **cluster_more: Any) -> dict[str, Any]:
    """As `aws eks update-kubeconfig` writes it; `user` instead of its exec entry."""
    aws = {"exec": {"command": "aws", "args": ["--region", "us-west-2", "eks", "get-token", "--cluster-name", "demo"]}}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {"name": cluster, "cluster": {"server": SERVER, "certificate-authority-data": b64(PEM), **cluster_more}}
        ],
        "users": [{"name": "me", "user": aws if user is None else user}],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": "me"}}],
    }


def written(tmp_path: Path, document: Any, name: str = "config") -> str:
    path = tmp_path / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


@pytest.fixture(autouse=True)
def _nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a program was started")

    for name in ("Popen", "run", "check_output"):
        monkeypatch.setattr(subprocess, name, refuse)
    for name in ("system", "execv", "execve", "execvp", "posix_spawn", "fork"):
        monkeypatch.setattr(os, name, refuse)


def failure(path: str, context: str = "") -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        load(path, context)
    return caught.value


def test_what_update_kubeconfig_writes(tmp_path: Path) -> None:
    path = written(tmp_path, config())
    assert load(path) == Context(
        ARN, path, SERVER, PEM, "demo", "us-west-2", "eks", signs_in=SignIn("demo", "us-west-2")
    )


@pytest.mark.parametrize(
    ("cluster", "context", "name", "region"),
    [
        (ARN, "mine", "demo", "us-west-2"),
        ("x", ARN, "demo", "us-west-2"),
        ("arn:aws-cn:eks:cn-north-1:012345678901:cluster/a_b-C", "x", "a_b-C", "cn-north-1"),
        ("arn:aws-us-gov:eks:us-gov-west-1:012345678901:cluster/g", "x", "g", "us-gov-west-1"),
        ("demo.eu-central-1.eksctl.io", "x", "demo", "eu-central-1"),
        ("x", "me@demo.us-gov-east-1.eksctl.io", "demo", "us-gov-east-1"),
        ("arn:aws:eks:us-west-2:12345:cluster/demo", "x", "", ""),
        ("arn:aws:iam::012345678901:role/demo", "x", "", ""),
        ("kind-demo", "kind-demo", "", ""),
    ],
)
def test_names_that_tell_the_cluster(cluster: str, context: str, name: str, region: str, tmp_path: Path) -> None:
    found = load(written(tmp_path, config({"token": "t"}, cluster=cluster, context=context)))
    assert (found.cluster_name, found.region) == (name, region)


@pytest.mark.parametrize(
    ("command", "args", "name", "region"),
    [
        ("aws", ["eks", "get-token", "--cluster-name", "demo", "--region", "eu-west-1"], "demo", "eu-west-1"),
        ("/usr/local/bin/aws", ["eks", "get-token", "--cluster-name", "demo"], "demo", ""),
        ("aws-iam-authenticator", ["token", "-i", "demo"], "demo", ""),
        ("acksm", ["token", "--cluster", "demo", "--region", "eu-west-1"], "demo", "eu-west-1"),
        ("/usr/bin/python3", ["-m", "acksm", "token", "--cluster", "demo"], "demo", ""),
        ("aws", ["--region=eu-west-1", "eks", "get-token", "--cluster-name=demo"], "demo", "eu-west-1"),
        ("C:\\tools\\aws.exe", ["eks", "get-token", "--output", "json", "--cluster-name", "demo"], "demo", ""),
        ("aws-iam-authenticator", ["token", "--cluster-id=demo", "--region", "eu-west-1"], "demo", "eu-west-1"),
        ("aws-iam-authenticator", ["token", "-i=demo"], "demo", ""),
        ("env", ["AWS_REGION=eu-west-1", "aws", "eks", "get-token", "--cluster-name", "demo"], "demo", "eu-west-1"),
    ],
)
def test_token_commands_of_eks_are_understood_and_not_run(
    command: str, args: list[str], name: str, region: str, tmp_path: Path
) -> None:
    found = load(written(tmp_path, config({"exec": {"command": command, "args": args}}, cluster="c", context="c")))
    assert (found.auth, found.cluster_name, found.region) == ("eks", name, region)


@pytest.mark.parametrize(
    "entry",
    [
        {"command": "/bin/sh", "args": ["-c", "touch /tmp/x"]},
        {"command": "aws", "args": ["s3", "rm"]},
        {"command": "aws"},
        {"command": "gke-gcloud-auth-plugin"},
        {"command": "get-token", "args": ["get-token"]},
        {"args": ["get-token"]},
        {},
    ],
)
def test_any_other_command_is_refused(entry: dict[str, Any], tmp_path: Path) -> None:
    assert failure(written(tmp_path, config({"exec": entry}))).id == "kubeconfig-exec"


GET_TOKEN = ["eks", "get-token", "--cluster-name", "demo"]
ROLE = "arn:aws:iam::012345678901:role/EksAdmin"


def variable(name: str, value: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value}]


@pytest.mark.parametrize(
    ("entry", "profile", "role"),
    [
        ({"command": "aws", "args": [*GET_TOKEN, "--role-arn", ROLE]}, "", ROLE),
        ({"command": "aws", "args": [*GET_TOKEN, f"--role-arn={ROLE}", "--profile=prod"]}, "prod", ROLE),
        ({"command": "aws", "args": GET_TOKEN, "env": variable("AWS_PROFILE", "prod")}, "prod", ""),
        ({"command": "aws", "args": [*GET_TOKEN, "--profile", "a"], "env": variable("AWS_PROFILE", "b")}, "a", ""),
        ({"command": "aws-iam-authenticator", "args": ["token", "-i", "demo", "-r", ROLE], "env": None}, "", ROLE),
        ({"command": "aws-iam-authenticator", "args": ["token", "-i", "demo", f"--role={ROLE}"], "env": []}, "", ROLE),
        ({"command": "env", "args": ["AWS_PROFILE=prod", "aws", *GET_TOKEN]}, "prod", ""),
        ({"command": "acksm", "args": ["token", "--cluster", "demo", "--profile", "prod"]}, "prod", ""),
    ],
)
def test_who_signs_in_is_read_in_every_spelling(entry: Any, profile: str, role: str, tmp_path: Path) -> None:
    found = load(written(tmp_path, config({"exec": entry}))).signs_in
    assert (found.profile, found.role_arn) == (profile, role)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"command": "aws", "args": ["eks", "get-token", "--cluster-name"]}, "--cluster-name"),
        ({"command": "aws", "args": [*GET_TOKEN, "--endpoint-url", "https://x"]}, "--endpoint-url"),
        ({"command": "aws", "args": [*GET_TOKEN, "--no-sign-request"]}, "--no-sign-request"),
        ({"command": "aws", "args": ["eks", "get-token", "--cluster-id", "1"]}, "--cluster-id"),
        ({"command": "aws-iam-authenticator", "args": ["token", "-i", "demo", "--external-id", "x"]}, "--external-id"),
        ({"command": "aws", "args": GET_TOKEN, "env": variable("AWS_ACCESS_KEY_ID", "x")}, "AWS_ACCESS_KEY_ID"),
        ({"command": "aws", "args": GET_TOKEN, "env": {"AWS_PROFILE": "x"}}, "env is not a list"),
        ({"command": "aws-vault", "args": ["exec", "prod", "--", "aws", *GET_TOKEN]}, "under aws-vault"),
        ({"command": "bash", "args": ["-c", "aws eks get-token --cluster-name demo"]}, "it runs bash"),
        ({"command": "env", "args": ["-i", "aws", *GET_TOKEN]}, "env -i"),
    ],
)
def test_what_decides_who_signs_in_and_is_not_used_is_refused_by_name(entry: Any, named: str, tmp_path: Path) -> None:
    error = failure(written(tmp_path, config({"exec": entry})))
    assert error.id == "kubeconfig-exec"
    assert named in error.message


@pytest.mark.parametrize("field", ["username", "auth-provider", "as", "as-groups"])
def test_users_that_acksm_does_not_become_are_refused(field: str, tmp_path: Path) -> None:
    error = failure(written(tmp_path, config({"token": "t", field: ["x"]})))
    assert error.id == "kubeconfig-unsupported"
    assert field in error.message


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"token": "abc\n"}, {"auth": "token", "token": "abc"}),
        ({"tokenFile": "token"}, {"auth": "token", "token": "from-file"}),
        ({"tokenFile": "token", "token": "abc"}, {"auth": "token", "token": "from-file"}),
        (
            {"client-certificate-data": b64(PEM), "client-key-data": b64("KEY")},
            {"auth": "certificate", "cert_data": PEM, "key_data": "KEY"},
        ),
        (
            {"client-certificate": "crt", "client-key": "crt"},
            {"auth": "certificate", "cert_data": PEM, "key_data": PEM},
        ),
        ({}, {"auth": "eks"}),
    ],
)
def test_ways_to_sign_in(user: dict[str, Any], expected: dict[str, str], tmp_path: Path) -> None:
    """Paths count from the file's own directory."""
    (tmp_path / "token").write_text("from-file\n")
    (tmp_path / "crt").write_text(PEM)
    found = load(written(tmp_path, config(user)))
    assert {key: getattr(found, key) for key in expected} == expected


def test_a_ca_file_counts_from_the_files_directory(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text(PEM)
    document = config({"token": "t"}, **{"certificate-authority": "ca.crt"})
    del document["clusters"][0]["cluster"]["certificate-authority-data"]
    assert load(written(tmp_path, document)).ca_data == PEM


def _without(*path: str) -> dict[str, Any]:
    document: Any = config()
    node = document
    for key in path[:-1]:
        node = node[int(key) if key.isdigit() else key]
    del node[path[-1]]
    return dict(document)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("a: [", "kubeconfig-malformed"),
        ("", "kubeconfig-context-unknown"),
        ("---", "kubeconfig-context-unknown"),
        ("clusters: null\nusers:\ncontexts: ~", "kubeconfig-context-unknown"),
        ({**config(), "users": config()["users"] * 2}, "kubeconfig-malformed"),
        ("- a", "kubeconfig-malformed"),
        ("\x00", "kubeconfig-malformed"),
        ("a: " + "[" * 5000, "kubeconfig-malformed"),
        ("a: !!python/object/apply:os.system [id]", "kubeconfig-malformed"),
        ({"clusters": "x"}, "kubeconfig-malformed"),
        ({"contexts": {"a": 1}}, "kubeconfig-malformed"),
        ({"clusters": [1, None, {}, {"name": "x"}], "contexts": [None]}, "kubeconfig-context-unknown"),
        (_without("contexts"), "kubeconfig-context-unknown"),
        (_without("current-context"), "kubeconfig-context-unknown"),
        (_without("clusters"), "kubeconfig-malformed"),
        (_without("users"), "kubeconfig-malformed"),
        (_without("contexts", "0", "context", "user"), "kubeconfig-malformed"),
        (_without("clusters", "0", "cluster", "server"), "kubeconfig-malformed"),
        (config(**{"certificate-authority-data": "not base64"}), "kubeconfig-malformed"),
        (config(**{"certificate-authority-data": base64.b64encode(b"\xff").decode()}), "kubeconfig-malformed"),
        (config({"tokenFile": "nowhere"}), "kubeconfig-malformed"),
        (config({"client-certificate": "nowhere"}), "kubeconfig-malformed"),
        (config({"client-certificate-data": 7}), "kubeconfig-malformed"),
    ],
)
def test_files_that_are_not_right(document: Any, expected: str, tmp_path: Path) -> None:
    error = failure(written(tmp_path, document))
    assert error.id == expected
    assert str(tmp_path) in error.where


def test_a_file_that_is_too_big_is_not_read_as_yaml(tmp_path: Path) -> None:
    assert failure(written(tmp_path, "x" * 5_000_000)).id == "kubeconfig-malformed"


def test_missing_files_and_contexts_are_told_with_what_there_is(tmp_path: Path) -> None:
    path = written(tmp_path, config(context="mine"))
    assert failure(str(tmp_path / "nowhere")).id == "kubeconfig-missing"
    assert failure(str(tmp_path)).id == "kubeconfig-missing"
    error = failure(path, "min")
    assert error.id == "kubeconfig-context-unknown"
    assert "the kubeconfig has: mine" in error.message


def test_a_file_is_read_as_kubectl_reads_it(tmp_path: Path) -> None:
    """An empty file is an empty configuration, the first document counts, and of duplicate keys the last."""
    empty, full = written(tmp_path, "", "empty"), written(tmp_path, config(context="mine"), "full")
    assert load(environment={"KUBECONFIG": os.pathsep.join([empty, full])}).name == "mine"
    text = "current-context: no\n" + "\n".join(f"{key}: {json.dumps(value)}" for key, value in config().items())
    assert load(written(tmp_path, f"{text}\n---\ncurrent-context: other\n", "two")).name == ARN


def test_the_list_of_kubeconfig_is_merged_and_the_first_wins(tmp_path: Path) -> None:
    one = written(tmp_path, config({"token": "one"}, context="shared"), "one")
    other = config({"token": "other"}, cluster="demo.eu-west-1.eksctl.io", context="second")
    other["users"][0]["name"] = "you"
    other["contexts"][0]["context"]["user"] = "you"
    other["contexts"].append({"name": "shared", "context": {"cluster": "none", "user": "none"}})
    two = written(tmp_path, other, "two")
    environment = {"KUBECONFIG": os.pathsep.join([one, str(tmp_path / "nowhere"), two])}
    assert load(environment=environment).token == "one"
    assert load(context="second", environment=environment).token == "other"
    assert load(context="second", environment=environment).region == "eu-west-1"
    with pytest.raises(AcksmError) as caught:
        load(environment={"KUBECONFIG": str(tmp_path / "nowhere")})
    assert caught.value.id == "kubeconfig-missing"


def test_default_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert default_paths({}) == [Path("/home/me/.kube/config")]
    assert default_paths({"KUBECONFIG": f"/a{os.pathsep}{os.pathsep}/b"}) == [Path("/a"), Path("/b")]


def test_the_file_is_not_touched(tmp_path: Path) -> None:
    path = Path(written(tmp_path, config()))
    path.chmod(0o400)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    load(str(path))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [item.name for item in tmp_path.iterdir()] == ["config"]


_scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["me", ARN, "x"])
_anything = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
)


@given(data=st.data())
def test_any_value_anywhere_gives_a_context_or_an_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document: Any = config(
        data.draw(st.sampled_from([None, {"token": "t"}, {"client-certificate-data": b64(PEM)}, {"tokenFile": "x"}]))
    )
    node = document
    while True:
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
        if isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
            node = node[key]
            continue
        node[key] = data.draw(_anything)
        break
    failure = ""
    try:
        load(written(tmp_path_factory.mktemp("any"), document))
    except AcksmError as error:
        failure = error.id
    assert failure in {
        "",
        "kubeconfig-malformed",
        "kubeconfig-context-unknown",
        "kubeconfig-exec",
        "kubeconfig-unsupported",
    }


@given(st.binary(max_size=80))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "config"
    path.write_bytes(raw)
    assert failure(str(path)).id in {"kubeconfig-malformed", "kubeconfig-context-unknown"}


@pytest.mark.parametrize(
    ("server", "endpoint", "name", "same"),
    [
        (SERVER, SERVER.lower(), "", True),
        (SERVER + "/", SERVER, "", True),
        (SERVER + ":443", SERVER, "", True),
        (SERVER + ":4443", SERVER, "", True),  # a tunnel, its host in /etc/hosts
        ("https://localhost:8443", SERVER, SERVER.removeprefix("https://"), True),
        ("https://localhost:8443", SERVER, SERVER.removeprefix("https://").upper(), True),
        ("https://localhost:8443", SERVER, "", False),
        (SERVER, SERVER, "kubernetes", False),
        ("https://127.0.0.1:6443", "https://127.0.0.1:6443/", "", True),
        ("https://127.0.0.1:6443", "https://127.0.0.1:6444", "", False),
        ("https://[::1]:6443", "https://[::1]:6444", "", False),
        ("https://127.0.0.1:6443", "https://localhost:6443", "", False),
        (SERVER.replace("https", "http"), SERVER, "", False),
        (SERVER + ".evil.example", SERVER, "", False),
        (SERVER + "/other", SERVER, "", False),
        ("https://me@" + SERVER.removeprefix("https://"), SERVER, "", False),
        ("https://x:port", SERVER, "", False),
        (SERVER, "", "", False),
        ("", "", "", False),
    ],
)
def test_a_context_is_the_server_that_its_connection_can_only_be(
    server: str, endpoint: str, name: str, same: bool
) -> None:
    context = Context("c", "f", server, "", "", "", "eks", tls_server_name=name)
    assert is_server(context, endpoint) is same
