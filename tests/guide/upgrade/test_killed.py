"""An upgrade that is killed before each of its writes: the same command says afterwards what became worse.

In memory (tests/memory_world.py), with a controller whose newer version refuses what the older one accepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.guide.install import command as install
from acksm.guide.upgrade import command as upgrade, record
from acksm.kube.paths import Ref, ref
from acksm.live import readiness
from memory_account import HOME, Killed
from memory_world import MemoryWorld, Said, commands_run_on, run_install

SERVICE = "applicationautoscaling"
OLD, NEW = "1.1.2", "1.4.1"
OBJECT = ref("ScalableTarget", "one", "team")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Cluster(MemoryWorld):
    """Each rollout starts a controller, a minute after the last one, which reconciles the object once."""

    def __init__(self, refusing: str) -> None:
        super().__init__()
        self.refusing, self.rollouts = refusing, 0
        self._roll = self.kube._roll_out
        self.kube._roll_out = self._started  # type: ignore[method-assign]

    def _started(self, location: Ref, live: Any) -> None:
        before = (live or {}).get("seen")
        self._roll(location, live)
        if live is None or live["seen"] == before:
            return
        self.rollouts += 1
        now = (BEGIN + timedelta(minutes=self.rollouts)).strftime("%Y-%m-%dT%H:%M:%SZ")
        pod = self.kube.objects[ref("Pod", f"{location.name}-0", location.namespace).path]
        pod["status"]["containerStatuses"] = [{"ready": True, "state": {"running": {"startedAt": now}}}]
        version = live["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
        found: Any = [{"type": "ACK.ResourceSynced", "status": "True", "lastTransitionTime": now}]
        if version == self.refusing:
            found = [{"type": "ACK.Terminal", "status": "True", "message": "refused", "lastTransitionTime": now}]
        if OBJECT.path in self.kube.objects:
            self.kube.put(self.kube.objects[OBJECT.path] | {"status": {"conditions": found}}, "controller")

    def version(self) -> str:
        found = self.release(SERVICE)
        assert found is not None
        assert found.status == "deployed"
        return found.version

    def run(self, **options: Any) -> tuple[int, Any]:
        """`acksm upgrade`: exit code and result."""
        ui = Said()
        code = upgrade.run(self.settings(service=[SERVICE], version={SERVICE: NEW}), ui, **options)
        return code, ui.results[-1]["result"]

    def record(self) -> record.Record | None:
        return record.read(self.kube, SERVICE, HOME)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """The older version, whose object is synced, with the newer CRDs."""
    found = Cluster(refusing=NEW)
    with pytest.MonkeyPatch.context() as patch:
        commands_run_on(patch, lambda: found, (install,))
        for version in (NEW, OLD):
            run_install(found.settings(service=[SERVICE], version={SERVICE: version}), Said())
        status = {
            "conditions": [
                {"type": "ACK.ResourceSynced", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            ]
        }
        metadata = {"name": OBJECT.name, "namespace": OBJECT.namespace}
        found.kube.put({"apiVersion": OBJECT.api_version, "kind": OBJECT.kind, "metadata": metadata, "status": status})
        yield found


def writes(cluster: Cluster, **options: Any) -> int:
    before = cluster.fuse.writes
    cluster.run(**options)
    return cluster.fuse.writes - before


def test_what_became_worse_is_known_after_a_kill_at_any_write(cluster: Cluster) -> None:
    start = cluster.snapshot()
    count = writes(cluster)
    assert count > 8
    for number in range(count):
        cluster.restore(start)
        cluster.fuse.left = number
        with pytest.raises(Killed):
            cluster.run()
        cluster.fuse.left = -1
        code, result = cluster.run()
        assert code == 3, number
        assert [row["object"] for row in result["after"]["worse"]] == ["ScalableTarget team/one"], number
        assert cluster.version() == NEW
        kept = cluster.fuse.writes
        assert cluster.run()[0] == 3  # until it is fixed
        cluster.kube.objects[OBJECT.path]["status"]["conditions"] = [
            {"type": "ACK.ResourceSynced", "status": "True", "lastTransitionTime": "2027-01-01T00:00:00Z"}
        ]
        code, result = cluster.run()
        assert (code, result["after"]["unchanged"]) == (0, ["ScalableTarget team/one"])
        assert cluster.record() is None
        assert cluster.run() == (0, {**cluster.run()[1], "after": None})
        assert cluster.fuse.writes - kept <= 3  # marked as reported, at most twice, and deleted


def test_what_a_killed_run_recorded_is_not_recorded_again(cluster: Cluster) -> None:
    """Otherwise runs that are each killed after their first write would never get to the release."""

    def planned() -> list[str]:
        ui, before = Said(), cluster.record()
        upgrade.run(cluster.settings(service=[SERVICE], version={SERVICE: NEW}, dry_run=True), ui)
        assert (cluster.record(), ui.results[-1]["result"]["after"]) == (before, None)  # it compares nothing
        return [row["id"] for row in ui.results[-1]["changes"]]

    assert planned() == ["upgrade.record", "release.upgrade"]
    cluster.fuse.left = 4  # the Lease, which exists already, and the record
    with pytest.raises(Killed):
        cluster.run()
    cluster.fuse.left = -1
    assert cluster.record() is not None
    assert planned() == ["release.upgrade"]
    cluster.kube.delete(OBJECT)
    assert planned() == ["upgrade.record", "release.upgrade"]


def test_a_rollback_that_is_killed_at_any_write_continues(cluster: Cluster) -> None:
    start = cluster.snapshot()
    count = writes(cluster, rollback_on_worse=True)
    assert cluster.version() == OLD
    for number in range(count):
        cluster.restore(start)
        cluster.fuse.left = number
        with pytest.raises(Killed):
            cluster.run(rollback_on_worse=True)
        cluster.fuse.left = -1
        code, result = cluster.run(rollback_on_worse=True)
        assert code == 3, number
        (back,) = result["rolled_back"]
        assert (back["version"], back["ready"], back["unread"]) == (OLD, True, []), number
        assert back["unchanged"] == ["ScalableTarget team/one"], number
        assert cluster.version() == OLD, number
        found = cluster.record()
        assert found is not None
        assert (found.state, found.worse) == (record.ROLLED_BACK, ("ScalableTarget team/one: refused",))


def test_what_is_synced_as_before_leaves_nothing(cluster: Cluster) -> None:
    cluster.refusing = ""
    code, result = cluster.run(rollback_on_worse=True)
    assert (code, result["after"]["unchanged"], result["rolled_back"]) == (0, ["ScalableTarget team/one"], [])
    assert cluster.record() is None


def test_a_controller_that_does_not_start_is_rolled_back_too(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.refusing, failures = "", [AcksmError("pod-failing", "CrashLoopBackOff")]
    real = readiness.await_ready

    def await_ready(*given: Any, **params: Any) -> None:
        if failures:
            raise failures.pop()
        real(*given, **params)

    monkeypatch.setattr(readiness, "await_ready", await_ready)
    code, result = cluster.run(rollback_on_worse=True)
    assert code == 3
    assert "CrashLoopBackOff" in result["after"]["worse"][0]["reason"]
    assert result["rolled_back"][0]["unchanged"] == ["ScalableTarget team/one"]
    assert cluster.version() == OLD


def test_a_rollback_that_could_not_work_is_refused_before_the_first_write(cluster: Cluster) -> None:
    cluster.kube.patch(OBJECT, {"metadata": {"annotations": {"services.k8s.aws/read-only": "true"}}})
    for version in ("1.0.17", OLD):
        run_install(cluster.settings(service=[SERVICE], version={SERVICE: version}), Said())
    run_install(cluster.settings(service=[SERVICE], version={SERVICE: "1.0.17"}), Said())
    before = cluster.state()
    with pytest.raises(AcksmError) as caught:
        cluster.run(rollback_on_worse=True)
    assert caught.value.id == "rollback-impossible"
    assert "changes them in AWS" in caught.value.message
    assert cluster.state() == before
    assert cluster.run()[0] == 3
