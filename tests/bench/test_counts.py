"""Requests are counted by identity and once each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import counts


def _aws(action: str, key: str) -> str:
    return json.dumps({"time": 1.0, "action": action, "key": key, "status": 200})


def _kube(user: str, number: int, stage: str = "ResponseComplete", agent: str = "kubectl/1") -> str:
    event = {"auditID": str(number), "stage": stage, "verb": "list", "requestURI": "/api/v1/nodes?limit=500"}
    return json.dumps({**event, "user": {"username": user}, "userAgent": agent})


def test_aws_requests_of_the_key_alone() -> None:
    lines = [_aws("iam:GetRole", "A"), _aws("iam:GetRole", "A"), _aws("iam:GetRole", "B"), ""]
    assert counts.aws(lines, "A") == {"iam:GetRole": 2}


def test_kubernetes_requests_of_the_user_once_for_all_stages() -> None:
    lines = [_kube("me", 1, "ResponseStarted"), _kube("me", 1), _kube("me", 2), _kube("system:apiserver", 3)]
    assert counts.kube(lines, "me") == {"list /api/v1/nodes": 2}


def test_helms_requests_of_the_user_once_for_all_stages() -> None:
    helm = "Helm/4.1.0"
    one = [_kube("me", 1, "ResponseStarted", helm), _kube("me", 1, agent=helm)]
    lines = [*one, _kube("me", 2), _kube("x", 3, agent=helm)]
    assert counts.helm(lines, "me") == 1


def test_spans_are_those_of_the_user_as_seen_from_half_a_round_trip_away() -> None:
    def event(user: str, number: int, began: str, ended: str) -> str:
        times = {
            "requestReceivedTimestamp": f"2026-01-01T00:00:0{began}Z",
            "stageTimestamp": f"2026-01-01T00:00:0{ended}Z",
        }
        return json.dumps({"auditID": str(number), "user": {"username": user}, **times})

    rows = [event("me", 1, "1.000000", "1.500000"), event("me", 1, "1.000000", "3.000000"), event("x", 2, "0.0", "9.0")]
    (span,) = counts.spans(["", *rows], "me", 0.25)
    assert span.ended - span.began == pytest.approx(2.5)


def test_total_is_both() -> None:
    both = counts.Counts(counts.aws([_aws("a", "A")], "A"), counts.kube([_kube("me", 1), _kube("me", 2)], "me"))
    assert both.total == 3


def test_log_gives_whole_lines_since_the_last_look(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old\n")
    log = counts.Log(path)
    with path.open("a") as stream:
        stream.write("one\ntw")
    assert log.added() == ["one"]
    with path.open("a") as stream:
        stream.write("o\n")
    assert log.added() == ["two"]
    assert log.added() == []
