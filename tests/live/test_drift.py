"""Drift: texts that differ and mean the same cost one dry run, and only what the apiserver would change is drift."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.kube.paths import Ref
from acksm.kube.quantities import amount
from acksm.live import drift
from acksm.live.drift import Drift, State, differences, holds

Json = dict[str, Any]


class Apiserver:
    """One object, stored as an apiserver would: `admit` is what it does to each write."""

    def __init__(self, live: Json | None, admit: Callable[[Json], Json] = lambda item: item) -> None:
        self.live, self.admit, self.tried = live, admit, 0
        self.error = ""

    def get(self, _ref: Ref) -> Json | None:
        return copy.deepcopy(self.live)

    def apply(self, manifest: Any, force: bool = False, dry_run: bool = False) -> Json:
        assert dry_run
        self.tried += 1
        if self.error:
            raise AcksmError(self.error, "no")
        return self.admit(merged(copy.deepcopy(self.live or {}), manifest))


def merged(live: Any, desired: Any) -> Any:
    if isinstance(desired, dict):
        return {**(live or {}), **{key: merged((live or {}).get(key), item) for key, item in desired.items()}}
    if isinstance(desired, list) and isinstance(live, list) and len(desired) == len(live):
        return [merged(one, other) for one, other in zip(live, desired, strict=True)]
    return desired


def deployment(*, image: Any = "a:1", cpu: Any = "100m", fields: Json | None = None, **spec: Any) -> Json:
    """With the container that the manifest has; `fields` are those of another field manager."""
    container = {"name": "controller", "image": image, "resources": {"limits": {"cpu": cpu}}}
    entry = {"manager": "bot", "operation": "Update", "time": "2026-01-01T00:05:00Z", "fieldsV1": fields or {}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "ns", **({"managedFields": [entry]} if fields else {})},
        "spec": {"template": {"spec": {"containers": [container]}}, **spec},
    }


IMAGE = "spec.template.spec.containers[controller].image"
OF_BOT: Json = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"controller"}': {"f:image": {}}}}}}}


def stored(item: Json) -> Json:
    """Quantities in one form, and no zero values."""

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(one, name) for name, one in value.items() if one not in (False, None, 0, "")}
        if isinstance(value, list):
            return [walk(one) for one in value]
        return f"{round((amount(value) or 0) * 1000)}m" if key == "cpu" else value

    found: Json = walk(item)
    return found


@pytest.mark.parametrize("cpu", [0.1, "0.1", "100m", "1e-1", 1, 1e3, "1024Mi"])
def test_an_amount_as_people_write_it_is_no_drift(cpu: Any) -> None:
    desired = deployment(cpu=cpu, hostIPC=False, value=None)
    server = Apiserver(stored(deployment(cpu=cpu, added="by others")), stored)
    assert drift.of_all(server, [desired], "ns") == []
    assert server.tried <= 1
    same = Apiserver(desired)
    assert drift.of_all(same, [desired], "ns") == []
    assert same.tried == 0


def test_a_change_is_told_with_its_fields_and_who_made_it() -> None:
    (found,) = drift.of_all(Apiserver(deployment(image="b:2", fields=OF_BOT)), [deployment()], "ns")
    assert (found.state, found.fields, found.by) == (State.CHANGED, (IMAGE,), ("bot",))
    assert str(found) == f"Deployment ns/d ({IMAGE}, by bot)"
    (gone,) = drift.of_all(Apiserver(None), [deployment()], "ns")
    assert (str(gone), gone.is_restored) == ("Deployment ns/d (deleted)", True)


def test_what_is_false_and_was_removed_is_a_change() -> None:
    """An apiserver drops some zero values and defaults others to true: only it knows."""
    desired = deployment(automount=False)
    (found,) = drift.of_all(Apiserver(deployment()), [desired], "ns")
    assert found.fields == ("spec.automount",)


def test_a_policy_that_changes_every_write_is_told_once_and_nothing_is_restored() -> None:
    def policy(item: Json) -> Json:
        item["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror/a:1"
        return stored(item)

    (found,) = drift.of_all(Apiserver(policy(deployment()), policy), [deployment(hostIPC=False)], "ns")
    assert (found.state, found.fields, found.is_restored) == (State.NOT_KEPT, (IMAGE,), False)
    assert "at each write by an admission webhook or policy" in str(found)


def test_others_items_in_a_list_are_no_change() -> None:
    live = deployment()
    live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "sidecar"})
    server = Apiserver(live, lambda _item: live)  # server-side apply merges by name
    assert drift.of_all(server, [deployment()], "ns") == []


@pytest.mark.parametrize(
    ("restored", "at", "state"),
    [
        ("", "2026-01-01T00:00:00Z", State.CHANGED),
        (f"Deployment ns/d {IMAGE}", "2026-01-01T00:00:00Z", State.NOT_KEPT),
        (f"Deployment ns/d {IMAGE}", "2026-01-01T00:00:00.123456789Z", State.NOT_KEPT),
        (f"Deployment ns/d {IMAGE}", "2025-12-31T00:00:00Z", State.CHANGED),  # days later: by hand
        ("Deployment ns/d spec.replicas", "2026-01-01T00:00:00Z", State.CHANGED),
        (f"Deployment ns/d {IMAGE}", "", State.CHANGED),
    ],
)
def test_what_was_restored_and_is_changed_again_is_not_restored_again(restored: str, at: str, state: State) -> None:
    server = Apiserver(deployment(image="b:2", fields=OF_BOT))
    text = f"restored by acksm: {restored}" if restored else "Upgrade complete"
    (found,) = drift.of_all(server, [deployment()], "ns", text, at)
    assert found.state is state
    if state is State.NOT_KEPT:
        assert "bot changed it again" in str(found)
    assert drift.restoring([found]) == f"restored by acksm: Deployment ns/d {IMAGE}"


def test_a_person_may_change_it_again() -> None:
    live = deployment(image="b:2", fields=OF_BOT)
    live["metadata"]["managedFields"][0]["manager"] = "kubectl-edit"
    text = drift.restoring([Drift("Deployment ns/d", fields=(IMAGE,))])
    (found,) = drift.of_all(Apiserver(live), [deployment()], "ns", text, "2026-01-01T00:00:00Z")
    assert (found.state, found.by) == (State.CHANGED, ("kubectl-edit",))


def test_a_field_that_is_removed_again_has_no_owner() -> None:
    text = drift.restoring([Drift("Deployment ns/d", fields=("spec.paused",))])
    server = Apiserver(deployment(fields=OF_BOT))
    (found,) = drift.of_all(server, [deployment(paused=True)], "ns", text, "2026-01-01T00:00:00Z")
    assert (found.state, found.by) == (State.NOT_KEPT, ())
    assert "another client changed it again" in str(found)


def test_only_what_was_restored_before_is_kept_back() -> None:
    server = Apiserver(deployment(image="b:2", replicas=3, fields=OF_BOT))
    text = drift.restoring([Drift("Deployment ns/d", fields=(IMAGE,))])
    kept, changed = drift.of_all(server, [deployment(replicas=1)], "ns", text, "2026-01-01T00:00:00Z")
    assert (kept.state, kept.fields) == (State.NOT_KEPT, (IMAGE,))
    assert (changed.state, changed.fields) == (State.CHANGED, ("spec.replicas",))


@pytest.mark.parametrize("error", ["kube-forbidden", "kube-invalid", "kube-webhook-denied", "kube-failed"])
def test_where_the_apiserver_does_not_say_it_is_unknown(error: str) -> None:
    server = Apiserver(deployment(image="b"))
    server.error = error
    (found,) = drift.of_all(server, [deployment()], "ns")
    assert (found.state, found.is_restored) == (State.UNKNOWN, False)
    assert "unknown: no" in str(found)
    server.error = "kube-unreachable"
    with pytest.raises(AcksmError):
        drift.of_all(server, [deployment()], "ns")


@pytest.mark.parametrize(
    ("desired", "live", "same"),
    [
        ({"hostIPC": False}, {}, False),  # to the dry run
        ({"replicas": 0}, {"replicas": 1}, False),
        ({"a": None}, {}, True),
        ({"a": 1}, {"a": True}, False),
        ([{"name": "a"}], [{"name": "a", "protocol": "TCP"}], True),
        ([{"name": "a"}], [{"name": "a"}, {"name": "b"}], False),
        ({"emptyDir": {}}, {"hostPath": {}}, False),
    ],
)
def test_what_the_apiserver_adds_is_no_difference(desired: Any, live: Any, same: bool) -> None:
    assert (not any(differences(desired, live))) is same
    assert holds(desired, live) is same


NO_AMOUNTS: list[Any] = [True, None, "a", "", [1], {}]


@pytest.mark.parametrize(
    ("one", "other"), [("100m", 0.1), ("1024Mi", "1Gi"), (1e3, "1k"), ("1e3", 1000), ("0.5", "500m"), (1, "1")]
)
def test_one_amount_in_two_forms(one: object, other: object) -> None:
    assert amount(one) == amount(other) is not None
    assert [amount(item) for item in NO_AMOUNTS] == [None] * 6
