"""Releases as helm records them, and what puts a half-made one right."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.errors import AcksmError
from acksm.helm.records import decode, newest
from acksm.helm.releases import Release, is_marked, recovery


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


RECORD: dict[str, Any] = {
    "name": "r",
    "namespace": "ns",
    "version": 3,
    "info": {"status": "deployed", "last_deployed": "2026-01-29T10:00:00.123456789Z"},
    "chart": {"metadata": {"name": "sagemaker-chart", "version": "v0.0.3"}},
    "config": {"aws": {"region": "us-west-2"}},
    "manifest": "kind: A\n",
}


def secret(record: Any, packed: bool = True) -> dict[str, Any]:
    raw = json.dumps(record).encode()
    inner = base64.b64encode(gzip.compress(raw) if packed else raw)
    return {"metadata": {"name": "sh.helm.release.v1.r.v3"}, "data": {"release": base64.b64encode(inner).decode()}}


@pytest.mark.parametrize("packed", [True, False])  # helm reads records without gzip, of its first days, too
def test_a_record_is_read(packed: bool) -> None:
    found = decode(secret(RECORD, packed))
    assert (found.chart, found.version, found.revision, found.status) == ("sagemaker-chart", "v0.0.3", 3, "deployed")
    assert found.values == {"aws": {"region": "us-west-2"}}
    assert found.manifest == "kind: A\n"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"data": {}},
        {"data": {"release": "!"}},
        {"data": {"release": base64.b64encode(b"!").decode()}},
        {"data": {"release": base64.b64encode(base64.b64encode(b"\x1f\x8bshort")).decode()}},
        secret([]),
        secret({**RECORD, "chart": None}),
        secret({**RECORD, "config": "text"}),
    ],
)
def test_a_broken_record_is_an_error(broken: dict[str, Any]) -> None:
    with pytest.raises(AcksmError) as caught:
        decode({"metadata": {"name": "x"}} | broken)
    assert caught.value.id == "helm-record"


@given(st.binary(max_size=60))
def test_any_bytes_are_a_record_or_an_error(raw: bytes) -> None:
    with pytest.raises(AcksmError):
        decode({"metadata": {"name": "x"}, "data": {"release": base64.b64encode(base64.b64encode(raw)).decode()}})


def test_the_newest_record_is_found_by_number_and_what_once_worked_by_label() -> None:
    def labelled(name: str, version: str, status: str) -> dict[str, Any]:
        labels = {"name": name, "version": version, "status": status}
        return {"metadata": {"name": f"sh.helm.release.v1.{name}.v{version}", "labels": labels}}

    rows = [labelled("r", "9", "superseded"), labelled("r", "10", "pending-upgrade")]
    rows.append(labelled("other", "1", "deployed"))
    assert newest([*rows, {"metadata": {"name": "x"}}]) == {
        "r": ("sh.helm.release.v1.r.v10", (9,)),
        "other": ("sh.helm.release.v1.other.v1", (1,)),
    }


@pytest.mark.parametrize("zone", ["Z", "+01:00", "-08:00", "+05:30"])
@pytest.mark.parametrize("fraction", ["", ".1", ".123456789"])
def test_the_age_counts_in_the_zone_of_whoever_ran_helm(zone: str, fraction: str) -> None:
    now = datetime.now(UTC) - timedelta(seconds=100)
    there = now if zone == "Z" else now.astimezone(datetime.fromisoformat(f"2026-01-01T00:00:00{zone}").tzinfo)
    age = release("deployed", f"{there:%Y-%m-%dT%H:%M:%S}{fraction}{zone}").age_seconds
    assert 98 < age < 400  # the test may be slow, a zone is at least half an hour


@given(st.text(max_size=40))
def test_a_time_that_cannot_be_read_counts_as_long_ago(text: str) -> None:
    assert isinstance(release("deployed", text).age_seconds, float)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-29", "2026-01-29T10:00:00", "2026-13-29T10:00:00Z"])
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
    assert release("pending-install", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z").age_seconds < 250
