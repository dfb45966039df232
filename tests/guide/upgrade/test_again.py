"""What is worse after an upgrade: judged object by object, and waited for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.events import silent
from acksm.guide.upgrade import again, record
from acksm.guide.upgrade.again import Verdict, compare, judge
from acksm.guide.upgrade.record import Record, Was
from acksm.kube.paths import Ref
from acksm.live.running import Running, from_values

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
BEFORE, AFTER = START - timedelta(hours=1), START + timedelta(seconds=2)
WAS = Was("Model", "team", "m", "u1")
NOW: Running = from_values("sagemaker", "ack-system", "1.9.1", {})


def stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def model(when: datetime = AFTER, uid: str = "u1", **conditions: tuple[str, str]) -> dict[str, Any]:
    """A Model whose conditions, ACK.X as X=(status, message), were written at `when`."""
    found = [
        {"type": f"ACK.{name}", "status": status, "message": text, "lastTransitionTime": stamp(when)}
        for name, (status, text) in conditions.items()
    ]
    metadata = {"name": "m", "namespace": "team", "uid": uid, "creationTimestamp": stamp(BEFORE)}
    return {"kind": "Model", "metadata": metadata, "status": {"conditions": found}}


SYNCED: dict[str, Any] = {"ResourceSynced": ("True", "")}
TERMINAL: dict[str, Any] = {"Terminal": ("True", "ValidationException: no"), "ResourceSynced": ("False", "")}
RETRIED: dict[str, Any] = {"Recoverable": ("True", "Throttling"), "ResourceSynced": ("Unknown", "")}


@pytest.mark.parametrize(
    ("manifest", "verdict", "reconciled"),
    [
        (model(**SYNCED), Verdict.UNCHANGED, True),
        (model(BEFORE, **SYNCED), Verdict.WAITS, False),  # the old controller's word
        (model(START, **SYNCED), Verdict.UNCHANGED, True),  # whole seconds
        (model(**TERMINAL), Verdict.WORSE, True),
        (model(BEFORE, **TERMINAL), Verdict.WAITS, False),
        (model(**RETRIED), Verdict.WAITS, True),
        (model(ResourceSynced=("False", "Endpoint is in Updating status.")), Verdict.WAITS, True),
        (model(), Verdict.WAITS, False),
        (model(uid="u2", **TERMINAL), Verdict.GONE, True),
        (None, Verdict.GONE, True),
    ],
)
def test_an_object_counts_once_the_new_controller_had_it(manifest: Any, verdict: Verdict, reconciled: bool) -> None:
    found = judge(manifest, WAS, START)
    assert (found.verdict, found.reconciled) == (verdict, reconciled)


def test_what_the_earlier_controller_wrote_in_the_second_of_the_start_is_not_the_new_ones() -> None:
    """As after a rollback at once: the failure of the newer controller is read again, before the older had it."""
    left = model(START, **TERMINAL) | {"metadata": model()["metadata"] | {"resourceVersion": "7"}}
    assert judge(left, WAS, START, "7").verdict is Verdict.WAITS
    assert judge(left, WAS, START, "6").verdict is Verdict.WORSE
    again_synced = model(START, **SYNCED) | {"metadata": left["metadata"] | {"resourceVersion": "8"}}
    cluster = Cluster(left, again_synced)
    found = compared(cluster, earlier={WAS: "7"})
    assert (found.unchanged, found.worse, found.versions) == ([WAS], {}, {WAS: "8"})


def test_without_a_pod_nothing_is_decided() -> None:
    assert judge(model(**TERMINAL), WAS, None).verdict is Verdict.WAITS


def test_an_export_says_only_what_fails() -> None:
    was = Was("FieldExport", "team", "e", "u1")
    assert judge(model(), was, None).verdict is Verdict.UNCHANGED
    worse = judge(model(Terminal=("True", "refused")), was, None)
    assert (worse.verdict, "refused" in worse.text) == (Verdict.WORSE, True)


class Cluster:
    """A controller's pod and objects, which change with the reads of the clock."""

    def __init__(self, *states: dict[str, Any] | None, log: str = "", denied: bool = False) -> None:
        self.states, self.log, self.denied, self.time = list(states), log, denied, 0.0

    def get(self, one: Ref) -> Any:
        if self.denied:
            raise AcksmError("kube-forbidden", "models is forbidden: no")
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def list(self, one: Ref, **_options: object) -> Any:
        if one.kind == "ReplicaSet":
            return [{"metadata": {"name": "r", "uid": "r1", "annotations": {}}}]
        status = {"containerStatuses": [{"state": {"running": {"startedAt": stamp(START)}}}]}
        owners = [{"uid": "r1"}]
        metadata = {"name": "p", "namespace": "ack-system", "ownerReferences": owners}
        return [{"metadata": metadata, "status": status, "spec": {"containers": [{"name": "controller"}]}}]

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 20) -> str:
        return self.log

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def deadline(self, seconds: float = 900.0) -> Deadline:
        return Deadline(seconds, clock=lambda: self.time, sleep=self.sleep)


def compared(cluster: Cluster, seconds: float = 900.0, now: Running = NOW, **more: Any) -> again.Compared:
    found = Record("sagemaker", "1.5.0", "1.9.1", 1, 1, (WAS,))
    return compare(cast(Any, cluster), cluster.deadline(seconds), silent, found, now, **more)


def test_it_waits_until_the_new_controller_had_its_say() -> None:
    old = model(BEFORE, **SYNCED)
    assert compared(Cluster(old, old, model(**SYNCED))).unchanged == [WAS]
    result = compared(Cluster(old, old, model(**TERMINAL)))
    assert result.reasons == ["Model team/m: ValidationException: no"]


def test_a_failure_that_is_retried_may_pass() -> None:
    cluster = Cluster(model(**RETRIED), model(**RETRIED), model(**SYNCED))
    assert compared(cluster).unchanged == [WAS]
    assert cluster.time < 5


def test_a_failure_that_does_not_pass_is_worse() -> None:
    cluster = Cluster(model(**RETRIED))
    assert "Throttling" in compared(cluster).reasons[0]
    assert again.QUIET_SECONDS <= cluster.time < again.QUIET_SECONDS + 5


def test_what_the_controller_only_logs_is_worse() -> None:
    text = "Resource already exists in region eu-west-1, but the desired state specifies region us-west-2. "
    line = {"level": "info", "ts": stamp(AFTER), "msg": text, "kind": "Model", "namespace": "team", "name": "m"}
    import json

    cluster = Cluster(model(BEFORE, **SYNCED), log=json.dumps(line))
    assert "already exists in region" in compared(cluster).reasons[0]
    assert cluster.time < again.QUIET_SECONDS


@pytest.mark.parametrize(
    ("cluster", "seconds", "why"),
    [
        (Cluster(model(BEFORE, **SYNCED)), 900.0, "not reconciled by sagemaker 1.9.1 within"),
        (Cluster(model(BEFORE, **SYNCED)), 20.0, "not reconciled by sagemaker 1.9.1 within 20 s"),
        (Cluster(model(**SYNCED), denied=True), 900.0, "kube-forbidden"),
    ],
)
def test_what_was_not_seen_is_never_good(cluster: Cluster, seconds: float, why: str) -> None:
    result = compared(cluster, seconds)
    assert (result.worse, result.unchanged) == ({}, [])
    assert why in result.unread[0]


def test_a_version_without_the_condition_says_nothing() -> None:
    old = from_values("sagemaker", "ack-system", "0.2.0", {})
    assert "writes no condition" in compared(Cluster(model(**SYNCED)), now=old).unread[0]


names = st.text("abc-", min_size=1, max_size=5)
objects = st.builds(Was, st.sampled_from(["Model", "Endpoint"]), names, names, st.sampled_from(["", "u1", "u2"]))
records = st.builds(
    Record,
    st.just("sagemaker"),
    st.just("1.5.0"),
    st.just("1.9.1"),
    st.integers(1, 9),
    st.integers(1, 9),
    st.lists(objects, unique=True, max_size=6).map(lambda items: tuple(sorted(items))),
    st.lists(st.just("not checked: Model"), max_size=1).map(tuple),
    st.sampled_from([record.PENDING, record.REPORTED]),
    st.lists(st.just("Model team/m: no"), max_size=1).map(tuple),
)


@given(records)
def test_a_record_is_read_as_it_was_written(found: Record) -> None:
    manifest = found.manifest("ack-system", {"metadata": {"name": "d", "uid": "1"}})
    assert record.of_manifest(manifest, "sagemaker", "x") == found


@pytest.mark.parametrize(
    "damage",
    [
        lambda item: item.pop("data"),
        lambda item: item["data"].pop("revision"),
        lambda item: item["data"].update(revision="x"),
        lambda item: item["binaryData"].update({"objects.json.gz": "!"}),
        lambda item: item["binaryData"].update({"objects.json.gz": "aGVsbG8="}),
        lambda item: item.pop("binaryData"),
    ],
)
def test_a_record_that_was_changed_is_no_defect(damage: Callable[[Any], Any]) -> None:
    manifest = Record("sagemaker", "1.5.0", "1.9.1", 1, 1, (WAS,)).manifest("ack-system", None)
    damage(manifest)
    with pytest.raises(AcksmError) as caught:
        record.of_manifest(manifest, "sagemaker", "ConfigMap x/y")
    assert caught.value.id == "upgrade-record"


class Store:
    """ConfigMaps."""

    def __init__(self) -> None:
        self.kept: Any = None

    def get(self, _one: Ref) -> Any:
        return self.kept

    def list(self, *_: Any, **__: Any) -> Any:
        return []

    def create(self, manifest: Any) -> None:
        self.kept = manifest

    def patch(self, _one: Ref, body: Any) -> None:
        self.kept = {**self.kept, **body}


@pytest.mark.parametrize(
    ("revision", "state", "kept"),
    [
        (1, record.PENDING, {"new"}),  # helm had not run: what is read again counts
        (2, record.PENDING, {"old", "new"}),  # it had: the objects may be the new controller's
        (2, record.REPORTED, {"new"}),
        (2, record.ROLLED_BACK, {"new"}),
    ],
)
def test_an_upgrade_that_starts_again_keeps_what_was_before_the_first(
    revision: int, state: str, kept: set[str]
) -> None:
    store = cast(Any, Store())
    record.keep(store, "ack-system", Record("sagemaker", "1.5.0", "1.9.1", 1, 1, (Was("Model", "a", "old"),)))
    store.kept["data"]["state"] = state
    record.keep(store, "ack-system", Record("sagemaker", "1.5.0", "1.9.1", revision, 1, (Was("Model", "a", "new"),)))
    found = record.read(store, "sagemaker", "ack-system")
    assert found is not None
    assert {item.name for item in found.objects} == kept
    assert found.revision == 1 or state != record.PENDING
