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
from acksm.kube.kubeconfig import Context, default_paths, load, same_server

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
    assert load(path) == Context(ARN, path, SERVER, PEM, "demo", "us-west-2", "eks")


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
        ("aws", ["eks", "get-token", "--cluster-name"], "", ""),
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
    error = failure(written(tmp_path, config({"exec": entry})))
    assert (error.id, "does not run it" in error.message) == ("kubeconfig-exec", True)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"token": "abc\n"}, {"auth": "token", "token": "abc"}),
        ({"tokenFile": "token"}, {"auth": "token", "token": "from-file"}),
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
        ("", "kubeconfig-malformed"),
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
    assert failure in {"", "kubeconfig-malformed", "kubeconfig-context-unknown", "kubeconfig-exec"}


@given(st.binary(max_size=80))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "config"
    path.write_bytes(raw)
    assert failure(str(path)).id in {"kubeconfig-malformed", "kubeconfig-context-unknown"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (SERVER, SERVER.lower(), True),
        (SERVER, SERVER + "/", True),
        (SERVER, SERVER + ":443", True),
        (SERVER, SERVER + ":443/", True),
        ("https://127.0.0.1:6443", "https://127.0.0.1:6443/", True),
        ("https://127.0.0.1:6443", "https://127.0.0.1:6444", False),
        ("https://127.0.0.1:6443", "https://localhost:6443", False),
        (SERVER, SERVER.replace("https", "http"), False),
        (SERVER, SERVER + ".evil.example", False),
        (SERVER, SERVER + ":4430", False),
        (SERVER, "https://me@" + SERVER.removeprefix("https://"), False),
        (SERVER, "", False),
    ],
)
def test_same_server(one: str, other: str, same: bool) -> None:
    assert same_server(one, other) is same_server(other, one) is same
