"""Releases as helm lists them, and what puts a half-made one right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acksm.helm.releases import Release, _release, is_marked, recovery


def release(status: str, updated: str = "") -> Release:
    return Release("r", "ns", status, "sagemaker-chart", "1.9.1", 2, updated)


# every status of helm's own enumeration
@pytest.mark.parametrize(
    ("status", "deployed", "action"),
    [
        ("deployed", [1], ("", 0)),
        ("deployed", [], ("", 0)),
        ("superseded", [1], ("", 0)),
        ("unknown", [1], ("", 0)),
        ("uninstalled", [], ("", 0)),
        ("failed", [1, 2], ("", 0)),  # an upgrade over it is allowed
        ("failed", [], ("uninstall", 0)),  # a first install that failed cannot be upgraded
        ("pending-install", [], ("uninstall", 0)),
        ("pending-install", [1], ("uninstall", 0)),
        ("uninstalling", [1], ("uninstall", 0)),
        ("pending-upgrade", [1, 3, 2], ("rollback", 3)),
        ("pending-upgrade", [], ("uninstall", 0)),
        ("pending-rollback", [4], ("rollback", 4)),
        ("pending-rollback", [], ("uninstall", 0)),
    ],
)
def test_recovery(status: str, deployed: list[int], action: tuple[str, int]) -> None:
    assert recovery(release(status), deployed) == action


@pytest.mark.parametrize(
    ("item", "chart", "version"),
    [
        ({"chart": "sagemaker-chart-1.9.1"}, "sagemaker-chart", "1.9.1"),
        ({"chart": "sagemaker-chart-v0.0.3"}, "sagemaker-chart", "v0.0.3"),
        ({"chart": "applicationautoscaling-chart-1.4.1"}, "applicationautoscaling-chart", "1.4.1"),
        ({"chart": "sagemaker-chart-1.9.1-rc.1"}, "sagemaker-chart", "1.9.1-rc.1"),
        ({"chart": "ack-chart-46.1.0"}, "ack-chart", "46.1.0"),
    ],
)
def test_a_listed_release(item: dict[str, Any], chart: str, version: str) -> None:
    found = _release({"name": "r", "namespace": "ns", "status": "deployed", "revision": "3", **item})
    assert (found.chart, found.version, found.revision, found.namespace) == (chart, version, 3, "ns")


ZONES = ["+0000 UTC", "+0100 CET", "-0800 PST", "+0530 +0530"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("fraction", ["", ".1", ".123456789"])
def test_the_age_counts_in_the_zone_of_whoever_ran_helm(zone: str, fraction: str) -> None:
    offset = timedelta(hours=int(zone[:3]), minutes=int(zone[0] + zone[3:5]))
    then = datetime.now(timezone(offset)) - timedelta(seconds=100)
    age = release("deployed", f"{then:%Y-%m-%d %H:%M:%S}{fraction} {zone}").age_seconds
    assert 98 < age < 400  # the test may be slow, a zone is at least half an hour


@given(st.text(max_size=40))
def test_a_time_that_cannot_be_read_counts_as_long_ago(text: str) -> None:
    assert isinstance(release("deployed", text).age_seconds, float)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-01-29", "2026-01-29 10:00:00", "2026-13-29 10:00:00 +0000 UTC"]
)
def test_bad_times(text: str) -> None:
    assert release("deployed", text).age_seconds > 1e6


@pytest.mark.parametrize(
    ("values", "marked"),
    [
        ({"deployment": {"labels": {"acksm.dev/owned": "true"}}}, True),
        ({"deployment": {"labels": {"acksm.dev/owned": True}}}, False),
        ({"deployment": {"labels": None}}, False),
        ({"deployment": "x"}, False),
        ({}, False),
    ],
)
def test_the_mark(values: dict[str, Any], marked: bool) -> None:
    assert is_marked(values) is marked


def test_now_is_never_old() -> None:
    assert release("pending-install", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f} +0000 UTC").age_seconds < 250
