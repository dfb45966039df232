"""What `acksm status` says of a controller besides its health."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from acksm.ack import charts
from acksm.guide.install.details import age, of
from acksm.guide.install.release import Observed
from acksm.live.readiness import Health, pod_state

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POD = {
    "metadata": {"name": "p"},
    "spec": {"containers": []},
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"restartCount": 2}, {"restartCount": 1}],
    },
}


def release(version: str, **values: object) -> Observed:
    health = Health("d", True, "", pods=(pod_state(POD),))
    return Observed(version, "deployed", values, True, health=health, chart="sagemaker-chart", updated="2026-01-02")


def test_pods_restarts_namespaces_and_chart() -> None:
    found = of("sagemaker", release(charts.TESTED["sagemaker"], watchNamespace="a,b"))
    assert (found.watched, found.ready, found.pods, found.restarts) == (("a", "b"), 1, 1, 3)
    assert found.chart == f"public.ecr.aws/aws-controllers-k8s/sagemaker-chart:{charts.TESTED['sagemaker']}"
    assert found.newer_line("sagemaker") == []


@pytest.mark.parametrize(("version", "newer"), [("1.5.0", True), ("v1.5.0", True), ("99.0.0", False), ("odd", False)])
def test_a_newer_version(version: str, newer: bool) -> None:
    wanted = charts.TESTED["sagemaker"]
    lines = of("sagemaker", release(version)).newer_line("sagemaker")
    assert lines == ([f"sagemaker {wanted} available: acksm upgrade"] if newer else [])


@pytest.mark.parametrize(
    ("updated", "text"),
    [
        ("2026-01-02T03:04:00Z", "5s"),
        ("2026-01-02T03:00:00.123456789Z", "4m"),
        ("2026-01-02T04:04:05+02:00", "1h"),
        ("2025-12-30T03:04:05Z", "3d"),
        ("2026-01-02T04:04:05Z", "0s"),
        ("2026-01-02T03:04:05", ""),
        ("", ""),
    ],
)
def test_age(updated: str, text: str) -> None:
    assert age(updated, NOW) == text
