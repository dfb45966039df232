"""A release from what it is to what it should be, whose objects may be touched, and namespaces."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.install.release import Desired, Observed, check_busy, check_owners, difference, namespaces, plan
from acksm.helm.releases import PENDING_GRACE_SECONDS
from acksm.live.causes import Cause
from acksm.live.drift import Drift, State
from acksm.live.readiness import SCALED_TO_ZERO, Health, PodState

ROLE, OTHER = "arn:aws:iam::012345678901:role/ours", "arn:aws:iam::012345678901:role/other"
VALUES = {"aws": {"region": "us-west-2"}}
WANTED = Desired("sagemaker", "ack", "ns", "/home/ann/c.tgz", "sagemaker-chart", "1.9.1", "sha256:x", VALUES, ROLE)
HEALTHY = Health("ack-chart", True, "", service_account_role=ROLE, pods=(PodState("p", True, ROLE, True),))
SAME = Observed("1.9.1", "deployed", VALUES, True, health=HEALTHY)


def changes(observed: Observed, *, wait: bool = True, new: bool = False, adopt: bool = False) -> list[Change]:
    return plan(observed, WANTED, wait=wait, iam_is_new=new, adopt=adopt)


def failure(observed: Observed, **more: Any) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        changes(observed, **more)
    return caught.value


INSTALL, UPGRADE, RECOVER, RESTART = "release.install", "release.upgrade", "release.recover", "release.restart"
CRASHED = Cause("pod-failing", "CrashLoopBackOff", "", "")
STALE = replace(HEALTHY, pods=(PodState("p", True, "", False),))


@pytest.mark.parametrize(
    ("observed", "ids"),
    [
        (Observed(), [INSTALL]),
        (SAME, []),
        (replace(SAME, version="1.4.1"), [UPGRADE]),
        (replace(SAME, values={}), [UPGRADE]),
        (replace(SAME, values={**VALUES, "log": {"level": "debug"}}), [UPGRADE]),
        (replace(SAME, status="failed"), [UPGRADE]),
        (replace(SAME, drift=(Drift("Deployment ns/x"),)), [UPGRADE]),
        (replace(SAME, drift=(Drift("Deployment ns/x", State.DELETED),)), [UPGRADE]),
        (replace(SAME, drift=(Drift("Deployment ns/x", State.NOT_KEPT), Drift("Role ns/x", State.UNKNOWN))), []),
        (replace(SAME, recovery="rollback", revision=3, status="pending-upgrade"), [RECOVER, UPGRADE]),
        (replace(SAME, recovery="uninstall", status="pending-install"), [RECOVER, INSTALL]),
        (replace(SAME, health=STALE), [RESTART]),
        (replace(SAME, health=replace(HEALTHY, pods=(PodState("p", True, OTHER, True),))), [RESTART]),
        # the service account changes by the upgrade, and a running pod does not see that
        (replace(SAME, values={}, health=replace(HEALTHY, service_account_role=OTHER)), [UPGRADE, RESTART]),
        # a pod that does not start has its own reason
        (replace(SAME, health=replace(HEALTHY, pods=(PodState("p", False, "", False, CRASHED),))), []),
    ],
)
def test_what_is_planned(observed: Observed, ids: list[str]) -> None:
    made = changes(observed)
    assert [change.id for change in made] == [*ids, *(["release.ready"] if ids else [])]
    assert [change.id for change in changes(observed, wait=False)] == ids
    assert {change.lane for change in made} <= {"sagemaker"}
    assert all(change.op is Op.WAIT for change in made[-1:])


def test_a_rollout_that_an_earlier_run_began_is_waited_for_and_nothing_is_changed() -> None:
    """That run was killed behind helm; this one would else say "up to date" while nothing runs yet."""
    unfinished = replace(SAME, health=replace(HEALTHY, available=False, text="0 of 1 pods available"))
    assert [(change.id, change.op) for change in changes(unfinished)] == [("release.ready", Op.WAIT)]
    assert changes(unfinished, wait=False) == []
    assert changes(replace(SAME, health=replace(HEALTHY, available=False, text=SCALED_TO_ZERO))) == []


def test_what_goes_to_helm() -> None:
    (install, ready) = changes(Observed(), new=True)
    assert install.params == {"release": "ack", "namespace": "ns", "chart": "c.tgz", "values": VALUES}
    assert ready.params == {"release": "ack", "namespace": "ns", "role_arn": ROLE, "iam_is_new": True}
    (recover, *_) = changes(replace(SAME, recovery="rollback", revision=3, status="pending-upgrade"))
    assert recover.params == {"release": "ack", "namespace": "ns", "action": "rollback", "revision": 3}
    (restart, _) = changes(replace(SAME, health=STALE))
    assert restart.params == {"namespace": "ns", "deployment": "ack-chart"}


def test_another_version_is_asked_about_and_told() -> None:
    (upgrade, _) = changes(replace(SAME, version="1.4.1"))
    assert (upgrade.danger, upgrade.reason) == (Danger.MILD, "1.4.1 → 1.9.1")
    (upgrade, _) = changes(replace(SAME, values={}))
    assert (upgrade.danger, upgrade.reason) == (Danger.MILD, "values differ")
    assert isinstance(upgrade.before, dict)
    assert isinstance(upgrade.after, dict)
    assert (upgrade.before["values"], upgrade.after["values"]) == ({}, VALUES)


_OTHER_ROLE = {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": OTHER}}}


@pytest.mark.parametrize(
    ("observed", "desired", "asks"),
    [
        # nothing exists that could be changed
        (Observed(), WANTED, False),
        (replace(SAME, recovery="uninstall", status="pending-install"), WANTED, False),
        (replace(SAME, recovery="uninstall", status="pending-install", values={}), WANTED, False),
        # what was installed is repaired
        (replace(SAME, drift=(Drift("Deployment ns/x"),)), WANTED, False),
        (replace(SAME, recovery="rollback", revision=3, status="pending-upgrade"), WANTED, False),
        (replace(SAME, health=STALE), WANTED, False),
        # what exists changes
        (replace(SAME, version="1.4.1"), WANTED, True),
        (replace(SAME, values={}), WANTED, True),
        (replace(SAME, values={**VALUES, "log": {"level": "debug"}}), WANTED, True),
        (SAME, replace(WANTED, values={**VALUES, "log": {"level": "debug"}}), True),
        (SAME, replace(WANTED, values={**VALUES, **_OTHER_ROLE}, role_arn=OTHER), True),
        (replace(SAME, values={}, drift=(Drift("Deployment ns/x"),)), WANTED, True),
        (replace(SAME, values={}, recovery="rollback", revision=3, status="pending-upgrade"), WANTED, True),
        # objects get none or two controllers
        (replace(SAME, values={}), replace(WANTED, unmanaged=("Model team/churn",)), True),
        (Observed(), replace(WANTED, rivals=("sagemaker 1.9.1 in other",)), True),
    ],
)
def test_what_exists_is_changed_after_a_question(observed: Observed, desired: Desired, asks: bool) -> None:
    found = plan(observed, desired, wait=True, iam_is_new=False, adopt=False)
    assert {change.danger for change in found} - {Danger.NONE} == ({Danger.MILD} if asks else set())


@pytest.mark.parametrize(
    "observed",
    [
        replace(SAME, owned=False),
        replace(SAME, owned=False, version="1.4.1"),
        # a half-made release of somebody else is somebody else's too: recovering it could uninstall it
        replace(SAME, owned=False, recovery="uninstall", status="pending-install"),
        replace(SAME, owned=False, recovery="rollback", status="pending-upgrade"),
        replace(SAME, owned=False, recovery="uninstall", status="failed"),
    ],
)
def test_anothers_release_is_refused_unless_it_is_to_be_adopted(observed: Observed) -> None:
    error = failure(observed)
    assert (error.id, int(error.exit_code)) == ("release-not-ours", 6)
    assert "namespace ns" in error.where
    assert changes(observed, adopt=True)[-1].id == "release.ready"


def test_adopting_writes_the_mark_even_when_nothing_else_differs() -> None:
    (upgrade, _) = changes(replace(SAME, owned=False), adopt=True)
    assert (upgrade.id, upgrade.reason) == (UPGRADE, "adopted by acksm")


def test_without_a_role_nobody_is_restarted() -> None:
    made = plan(replace(SAME, health=STALE), replace(WANTED, role_arn=""), wait=True, iam_is_new=False, adopt=False)
    assert made == []


@pytest.mark.parametrize(
    ("status", "age", "sure", "busy"),
    [
        ("pending-install", 1, False, True),
        ("pending-upgrade", PENDING_GRACE_SECONDS - 1, False, True),
        ("pending-rollback", -5, False, True),
        ("pending-install", PENDING_GRACE_SECONDS + 1, False, False),
        ("pending-install", 1, True, False),
        ("deployed", 1, False, False),
        ("failed", 1, False, False),
        ("", 0, False, False),
    ],
)
def test_a_release_that_another_helm_may_be_at(status: str, age: float, sure: bool, busy: bool) -> None:
    if not busy:
        check_busy(status, age, "ns", "ack", confirmed=lambda: sure)
        return
    with pytest.raises(AcksmError) as caught:
        check_busy(status, age, "ns", "ack", confirmed=lambda: sure)
    assert (caught.value.id, int(caught.value.exit_code)) == ("release-busy", 6)


# owners of single objects


def manifest(kind: str, name: str, namespace: str = "", **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {}), **metadata}}


def helm_mark(release: str, namespace: str) -> dict[str, Any]:
    return {
        "annotations": {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace},
    }


@pytest.mark.parametrize(
    ("rendered", "live", "owner"),
    [
        (manifest("ServiceAccount", "sa", "ns"), None, ""),
        (manifest("ServiceAccount", "sa", "ns"), helm_mark("ack", "ns"), ""),
        (manifest("ServiceAccount", "sa"), helm_mark("ack", "ns"), ""),
        (manifest("ServiceAccount", "sa", "ns"), helm_mark("other", "ns"), "helm ns/other"),
        (manifest("ServiceAccount", "sa"), helm_mark("other", "ns"), "helm ns/other"),
        (manifest("ClusterRole", "r"), helm_mark("ack", "elsewhere"), "helm elsewhere/ack"),
        (manifest("ClusterRole", "r"), {}, "by hand"),
        (manifest("ClusterRole", "r"), {"labels": {"argocd.argoproj.io/instance": "ml"}}, "argocd ml"),
        (manifest("Role", "r", "watched"), {"labels": {"acksm.dev/owned": "true"}}, "acksm"),
    ],
)
def test_an_object_of_another_owner_is_refused_by_name(
    rendered: dict[str, Any], live: dict[str, Any] | None, owner: str
) -> None:
    metadata = rendered["metadata"]
    namespace = metadata.get("namespace", "" if rendered["kind"] == "ClusterRole" else "ns")
    found = {}
    if live is not None:
        key = (rendered["kind"], namespace, metadata["name"])
        found[key] = manifest(rendered["kind"], metadata["name"], namespace, **live)
    if not owner:
        check_owners([rendered], found, "ack", "ns")
        return
    with pytest.raises(AcksmError) as caught:
        check_owners([rendered], found, "ack", "ns")
    assert (caught.value.id, int(caught.value.exit_code)) == ("object-not-ours", 6)
    assert owner in caught.value.message
    assert metadata["name"] in caught.value.where


def test_the_same_name_in_another_namespace_is_another_object() -> None:
    rendered = [manifest("Role", "r", "one")]
    check_owners(rendered, {("Role", "two", "r"): manifest("Role", "r", "two", **helm_mark("x", "y"))}, "ack", "ns")


# namespaces


def test_the_controllers_namespace_is_made_and_marked() -> None:
    (change,) = namespaces([], {}, controller_namespace="ns", create=False)
    assert (change.id, change.params["manifest"]["metadata"]["name"]) == ("namespace.create", "ns")
    assert change.params["manifest"]["metadata"]["labels"] == {"acksm.dev/owned": "true"}


def test_watched_ones_are_made_only_when_asked() -> None:
    live = {"ns": manifest("Namespace", "ns")}
    with pytest.raises(AcksmError) as caught:
        namespaces(["ml"], live, controller_namespace="ns", create=False)
    assert (caught.value.id, "--create-namespace" in caught.value.remedy) == ("namespace-missing", True)
    made = namespaces(["ml", "dev", "ml"], live, controller_namespace="ns", create=True)
    assert [change.target for change in made] == ["Namespace ml", "Namespace dev"]
    assert namespaces(["ns"], live, controller_namespace="ns", create=False) == []


@pytest.mark.parametrize("name", ["ns", "ml"])
def test_one_that_is_going_away_is_refused(name: str) -> None:
    live = {key: manifest("Namespace", key) for key in ("ns", "ml")}
    live[name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    with pytest.raises(AcksmError) as caught:
        namespaces(["ml"], live, controller_namespace="ns", create=True)
    assert (caught.value.id, caught.value.where) == ("namespace-terminating", name)


# difference

_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def merged(base: Any, over: Any) -> Any:
    """As helm merges values: mappings into each other, everything else replaced."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}


def alike(one: Any, other: Any) -> bool:
    """Equal as helm sees them: Python takes 1 for True."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(st.dictionaries(st.sampled_from("abc"), _values, max_size=3), st.data())
def test_overrides_are_enough_and_no_more(chart: dict[str, Any], data: st.DataObject) -> None:
    more = data.draw(st.dictionaries(st.sampled_from("abcd"), _values, max_size=3))
    patched = merged(chart, more)
    found = difference(chart, patched)
    assert alike(merged(chart, found), patched)
    assert difference(chart, chart) == {}
    for key in found:
        assert not alike(merged(chart, {name: value for name, value in found.items() if name != key}), patched)


@pytest.mark.parametrize(
    ("chart", "patched", "expected"),
    [
        ({"a": 1}, {"a": True}, {"a": True}),
        ({"a": 0}, {"a": False}, {"a": False}),
        ({"a": "1"}, {"a": 1}, {"a": 1}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": [1]}, {"a": [1]}, {}),
        ({"a": None}, {"a": {}}, {"a": {}}),
        ({}, {"a": None}, {"a": None}),
    ],
)
def test_types_count(chart: Any, patched: Any, expected: Any) -> None:
    assert difference(chart, patched) == expected
