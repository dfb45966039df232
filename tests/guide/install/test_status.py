"""Status: a release and its health as a row, and the rows as text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acksm.guide.install.details import Details
from acksm.guide.install.release import Observed
from acksm.guide.install.status import Compared, Row, _text, row
from acksm.live.readiness import Health
from acksm.settings import DEFAULT_REGISTRY
from acksm.ui import Ui
from streams import Stream

ROLE = "arn:aws:iam::012345678901:role/ack-controller-role-demo"
HEALTHY = Health("d", True, "1 of 1 pods available", service_account="ack", service_account_role=ROLE)
DEPLOYED = Observed("1.9.1", "deployed", {}, True, health=HEALTHY)
BY_ACKSM: Any = {"tool": "acksm", "name": "", "described": "acksm"}
GOOD = Row("sagemaker", True, "1.9.1", "deployed", "cluster", ROLE, True, True, (), DEFAULT_REGISTRY, kept_by=BY_ACKSM)
NONE = Row("applicationautoscaling", False, "", "", "", "", False, False, ())


def test_a_healthy_one_and_none() -> None:
    assert replace(row("sagemaker", DEPLOYED), details=Details()) == GOOD
    assert row("applicationautoscaling", Observed()) == NONE


@pytest.mark.parametrize(
    ("values", "scope"),
    [
        ({}, "cluster"),
        ({"installScope": "cluster", "watchNamespace": ""}, "cluster"),
        ({"installScope": "namespace"}, "namespace (the release namespace)"),
        ({"installScope": "namespace", "watchNamespace": "a,b"}, "namespace a,b"),
        ({"watchNamespace": "old"}, "namespace old"),
        ({"watchNamespace": None}, "cluster"),
    ],
)
def test_scope(values: dict[str, Any], scope: str) -> None:
    assert row("sagemaker", replace(DEPLOYED, values=values)).scope == scope


@pytest.mark.parametrize(
    ("observed", "problems"),
    [
        (replace(DEPLOYED, health=None), ["the release has no Deployment"]),
        (replace(DEPLOYED, status="pending-upgrade"), ["the release is pending-upgrade"]),
        (replace(DEPLOYED, status="failed", health=None), ["the release has no Deployment", "the release is failed"]),
        (replace(DEPLOYED, health=replace(HEALTHY, problems=("pod p: x",))), ["pod p: x"]),
    ],
)
def test_problems(observed: Observed, problems: list[str]) -> None:
    found = row("sagemaker", observed)
    assert (list(found.problems), found.healthy) == (problems, False)
    assert found.as_data()["problems"] == problems


def test_old_tags_and_others_releases() -> None:
    found = row("sagemaker", replace(DEPLOYED, version="v0.0.3", owned=False))
    assert (found.version, found.owned, found.healthy) == ("0.0.3", False, True)


def text(rows: list[Row], drift: Any = (), unknown: str = "", healthy: bool = True) -> str:
    return _text(rows, Compared(drift, unknown), healthy, Ui(stdout=Stream(), stderr=Stream()).table)


def test_all_is_well() -> None:
    other = replace(GOOD, service="applicationautoscaling", version="1.4.1", scope="namespace a,b")
    assert text([GOOD, other]).splitlines() == [
        "SERVICE                 VERSION  SCOPE          HEALTH   MANAGED BY  PODS  RESTARTS  AGE  CHART",
        "sagemaker               1.9.1    cluster        healthy  acksm",
        "applicationautoscaling  1.4.1    namespace a,b  healthy  acksm",
        f"role {ROLE}",
        "no drift",
    ]


def test_what_is_wrong_is_told_below_with_its_service() -> None:
    by: Any = {"tool": "helm", "name": "", "described": "helm"}
    bad = replace(GOOD, healthy=False, kept_by=by, problems=("pod p: CrashLoopBackOff", "0 of 1 pods available"))
    drift = [{"id": "release.upgrade", "target": "release ns/ack", "reason": "values differ"}]
    assert text([bad, NONE], drift, healthy=False).splitlines() == [
        "SERVICE                 VERSION  SCOPE    HEALTH         MANAGED BY  PODS  RESTARTS  AGE  CHART",
        "sagemaker               1.9.1    cluster  UNHEALTHY      helm",
        "applicationautoscaling                    not installed",
        "! sagemaker: pod p: CrashLoopBackOff",
        "! sagemaker: 0 of 1 pods available",
        f"role {ROLE}",
        "drift: release ns/ack (values differ)",
        "applicationautoscaling: not installed; acksm install creates it; "
        "acksm status --service sagemaker leaves it out",
    ]


def test_what_cannot_be_told_is_said() -> None:
    lines = text([GOOD], unknown="kube-forbidden: no").splitlines()
    assert lines[-2:] == ["incomplete: 1 part of the state could not be read", "  drift unknown: kube-forbidden: no"]
    assert "no drift" not in lines


def test_lists_are_lists() -> None:
    found = row("sagemaker", replace(DEPLOYED, values={"watchNamespace": "a,b"})).as_data()
    assert (found["watched"], found["chart"].rpartition("/")[2]) == (["a", "b"], "sagemaker-chart:1.9.1")
