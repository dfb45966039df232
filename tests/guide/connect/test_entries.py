"""Entries for a kubeconfig, as `aws eks update-kubeconfig` has them; what the user added is kept, no secret shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acksm.engine.change import Danger, Op
from acksm.engine.diff import render
from acksm.guide.connect.entries import Request, desired, plan
from acksm.kube import sign_in
from acksm.kube.sign_in import SignIn

ARN = "arn:aws:eks:us-west-2:012345678901:cluster/demo"
HOST = "abc.gr7.us-west-2.eks.amazonaws.com"
ROLE = "arn:aws:iam::012345678901:role/EksAdmin"
REQUEST = Request(ARN, "demo", "us-west-2", f"https://{HOST}", "LS0t", ARN, ARN, "", "", ("aws",))
NOTHING: dict[str, dict[str, Any]] = {"clusters": {}, "users": {}, "contexts": {}}


def found(**sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {**NOTHING, **sections}


def exec_of(request: Request) -> Any:
    return desired(NOTHING, request)["users"][request.user]["exec"]


def test_as_the_aws_cli_writes_them() -> None:
    assert desired(NOTHING, replace(REQUEST, profile="prod", role_arn=ROLE, context="alias")) == {
        "clusters": {ARN: {"certificate-authority-data": "LS0t", "server": f"https://{HOST}"}},
        "users": {
            ARN: {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1beta1",
                    "args": [
                        *("--region", "us-west-2", "eks", "get-token", "--cluster-name", "demo", "--output", "json"),
                        *("--role-arn", ROLE),
                    ],
                    "command": "aws",
                    "env": [{"name": "AWS_PROFILE", "value": "prod"}],
                }
            }
        },
        "contexts": {"alias": {"cluster": ARN, "user": ARN}},
    }


@pytest.mark.parametrize("command", [("aws",), ("acksm",), ("/usr/bin/python3", "-m", "acksm")])
@pytest.mark.parametrize("profile", ["", "prod"])
@pytest.mark.parametrize("role", ["", ROLE])
def test_acksm_reads_what_it_writes_and_writes_it_once(command: tuple[str, ...], profile: str, role: str) -> None:
    request = replace(REQUEST, command=command, profile=profile, role_arn=role)
    assert sign_in.read(exec_of(request), {}) == SignIn("demo", "us-west-2", profile, role)
    (made,) = plan(NOTHING, "", request, "/f")
    assert (made.op, made.danger, made.before) == (Op.CREATE, Danger.NONE, {"current-context": None})
    assert plan(desired(NOTHING, request), ARN, request, "/f") == []
    other = replace(request, command=("acksm",) if command == ("aws",) else ("aws",))
    assert plan(desired(NOTHING, request), ARN, other, "/f") == []  # the same identity by another command


@pytest.mark.parametrize(
    ("theirs", "kept"),
    [
        (
            {"server": f"https://{HOST}", "proxy-url": "http://p"},
            {"server": f"https://{HOST}", "proxy-url": "http://p"},
        ),
        ({"server": f"https://{HOST}:4443"}, {"server": f"https://{HOST}:4443"}),
        (
            {"server": "https://localhost:8443", "tls-server-name": HOST},
            {"server": "https://localhost:8443", "tls-server-name": HOST},
        ),
        ({"server": "https://localhost:8443", "insecure-skip-tls-verify": True}, {"server": f"https://{HOST}"}),
        ({"server": "https://old.gr7", "tls-server-name": "old.gr7"}, {"server": f"https://{HOST}"}),
        ({"certificate-authority": "/ca", "extensions": [1]}, {"server": f"https://{HOST}", "extensions": [1]}),
    ],
)
def test_a_proxy_and_a_tunnel_are_kept(theirs: dict[str, Any], kept: dict[str, Any]) -> None:
    written = desired(found(clusters={ARN: theirs}), REQUEST)["clusters"][ARN]
    assert written == {**kept, "certificate-authority-data": "LS0t"}


def test_another_identity_is_replaced_only_after_a_question_and_no_secret_is_shown() -> None:
    theirs = found(
        clusters={ARN: {"server": f"https://{HOST}", "proxy-url": "http://me:secret@p"}},
        users={ARN: {"token": "secret", "exec": {"command": "aws", "env": [{"name": "AWS_X", "value": "secret"}]}}},
        contexts={ARN: {"cluster": ARN, "user": ARN, "namespace": "mine"}, "more": {"cluster": ARN, "user": ARN}},
    )
    (change,) = plan(theirs, "more", REQUEST, "/f")
    assert (change.op, change.danger) == (Op.UPDATE, Danger.MILD)
    assert "context more uses too" in change.reason
    assert "secret" not in str(change.as_data())
    assert "secret" not in str(change.params)
    assert "secret" not in "\n".join(render(change, full=True))
    assert desired(theirs, REQUEST)["contexts"] == {ARN: {"cluster": ARN, "user": ARN, "namespace": "mine"}}
    (change,) = plan(theirs, "more", replace(REQUEST, user="own"), "/f")
    assert f"context {ARN} is replaced" in change.reason


def test_a_new_endpoint_and_the_current_context_need_no_question() -> None:
    old = desired(NOTHING, replace(REQUEST, endpoint="https://old.gr7", ca_data="b2xk"))
    (change,) = plan(old, "kind", REQUEST, "/f")
    assert (change.op, change.danger, change.reason) == (Op.UPDATE, Danger.NONE, "")
    assert change.after is not None
    assert set(change.after) == {f"cluster {ARN}", "current-context"}  # type: ignore[call-overload]
