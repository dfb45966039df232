"""The apiserver's answers as errors with ids, and the little of the client that needs no apiserver."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st
from kubernetes.client.exceptions import ApiException

from acksm.errors import AcksmError
from acksm.kube import answers
from acksm.kube.answers import translated
from acksm.kube.client import Endpoint, Kube
from acksm.kube.paths import ref
from http_server import Reply, json_reply, serve


def answer(code: int, body: Any = None, reason: str = "") -> AcksmError:
    error: Any = ApiException(status=code, reason=reason)
    error.body = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
    return translated(error, "patch", "/api/v1/pods/x")


def status(message: str, **more: Any) -> dict[str, Any]:
    return {"kind": "Status", "message": message, **more}


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (400, status("bad"), "kube-invalid"),
        (401, status("Unauthorized"), "kube-unauthorized"),
        (403, status('pods is forbidden: User "me" cannot list'), "kube-forbidden"),
        (403, status('admission webhook "policy.kyverno" denied the request: no'), "kube-webhook-denied"),
        (404, status("not found"), "kube-not-found"),
        (409, status("exists", reason="AlreadyExists"), "kube-exists"),
        (409, status("Apply failed with 1 conflict", reason="Conflict"), "kube-conflict"),
        (410, status("too old resource version", reason="Expired"), "kube-gone"),
        (422, status("invalid"), "kube-invalid"),
        (429, status("slow down"), "kube-busy"),
        (500, status("etcd"), "kube-failed"),
        (503, "no json", "kube-failed"),
        (0, None, "kube-failed"),
    ],
)
def test_statuses(code: int, body: Any, expected: str) -> None:
    error = answer(code, body, reason="Reason")
    assert error.id == expected
    assert error.message == (body["message"] if isinstance(body, dict) else "Reason")
    assert "/api/v1/pods/x" in error.where


def test_a_conflict_names_the_managers() -> None:
    causes = [{"message": 'conflict with "kubectl"'}, {"message": 'conflict with "argocd"'}] * 2
    error = answer(409, status("Apply failed", details={"causes": causes}))
    assert error.details["conflicts"] == ['conflict with "argocd"', 'conflict with "kubectl"']


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["message", "reason", "details", "causes", "x"]), inner, max_size=3)
    ),
)


@given(st.sampled_from([400, 403, 409, 418, 500]), _json | st.text(max_size=9) | st.binary(max_size=9))
def test_any_body(code: int, body: Any) -> None:
    """What stands between may answer with anything."""
    assert answer(code, body).id.startswith("kube-")


def test_a_server_that_is_not_there_is_told_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    import urllib3

    monkeypatch.setattr(urllib3.Retry, "sleep", lambda *_: None)
    made, http = serve()
    http.shutdown()
    http.server_close()
    with pytest.raises(AcksmError) as caught:
        Kube(Endpoint(f"http://{made.host}", "", token="t")).version()
    assert (caught.value.id, caught.value.where) == ("kube-unreachable", f"http://{made.host}")


def test_lists_come_in_pages_and_begin_again_when_they_expire() -> None:
    server, http = serve()
    first, second = "/api/v1/nodes?limit=500", "/api/v1/nodes?continue=x&limit=500"
    whole = json_reply({"items": [{"a": 1}], "metadata": {"continue": "x"}})
    server.replies |= {
        first: whole,
        second: [json_reply(status("expired"), status=410), json_reply({"items": [{"b": 2}]})],
    }
    try:
        assert Kube(Endpoint(f"http://{server.host}", "", token="secret")).list(ref("Node")) == [{"a": 1}, {"b": 2}]
        assert server.paths == [first, second, first, second]
        assert {token for _, token in server.asked} == {"Bearer secret"}
        server.replies[first] = Reply(b"404 page not found", 404)
        assert Kube(Endpoint(f"http://{server.host}", "", token="secret")).list(ref("Node")) == []
    finally:
        http.shutdown()
        http.server_close()


@pytest.mark.parametrize(
    ("message", "commands"),
    [
        (
            'secrets is forbidden: User "dana" cannot list resource "secrets" in API group "" '
            'in the namespace "ack-system"',
            "kubectl create role acksm-list-secrets --verb=list --resource=secrets -n ack-system && "
            "kubectl create rolebinding acksm-list-secrets --role=acksm-list-secrets --user=dana -n ack-system",
        ),
        (
            'x is forbidden: User "arn:aws:sts::1:assumed-role/a b/c" cannot '
            'list resource "customresourcedefinitions" in API group "apiextensions.k8s.io" at the cluster scope',
            "kubectl create clusterrole acksm-list-customresourcedefinitions --verb=list "
            "--resource=customresourcedefinitions.apiextensions.k8s.io && kubectl create clusterrolebinding "
            "acksm-list-customresourcedefinitions --clusterrole=acksm-list-customresourcedefinitions "
            "--user='arn:aws:sts::1:assumed-role/a b/c'",
        ),
        (
            'x is forbidden: User "u" cannot get resource "deployments/scale" in API group "apps" in the namespace "n"',
            "kubectl create role acksm-get-deployments-scale --verb=get --resource=deployments.apps/scale -n n && "
            "kubectl create rolebinding acksm-get-deployments-scale --role=acksm-get-deployments-scale --user=u -n n",
        ),
        ("pods is forbidden: exceeded quota", ""),
    ],
)
def test_what_is_forbidden_is_granted_by_two_commands(message: str, commands: str) -> None:
    assert answers.grant(message).partition("   ")[0] == commands
