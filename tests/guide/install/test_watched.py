"""The watched namespaces: lists, changes of a list, and what a namespace that leaves it loses."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.config import resolve
from acksm.errors import AcksmError
from acksm.events import Event
from acksm.guide.carm import bind as carm_bind
from acksm.guide.carm.bind import Requested
from acksm.guide.install import command as install, switching
from acksm.guide.region import command as region
from acksm.live.running import Running
from carm_cluster import B, running
from memory_kube import namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_carm_bind, run_install

TEAMS = ("team-a", "team-b", "team-c")


class Asked(Said):
    """Also keeps the notes, and refuses as a shell without a terminal does."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def emit(self, event: Event, /) -> None:
        self.notes += [event.text] if event.kind == "note" else []

    def confirm(self, question: str, *, yes: bool, flag: str = "--yes", before: str = "") -> None:
        if not yes:
            raise AcksmError("needs-confirmation", question)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    found = MemoryWorld()
    for name in TEAMS:
        found.kube.put(namespace(name))
    commands_run_on(monkeypatch, lambda: found, (install, region, carm_bind))
    monkeypatch.delenv("ACKSM_WATCH_NAMESPACE", raising=False)
    return found


def installed(world: MemoryWorld, *, yes: bool = True, **options: Any) -> Asked:
    ui = Asked()
    settings = world.settings(**options)
    run_install(Settings_of(settings, yes), ui)
    return ui


def Settings_of(settings: Any, yes: bool) -> Any:
    from dataclasses import replace

    return replace(settings, run=settings.run.model_copy(update={"yes": yes}))


def watched(world: MemoryWorld, service: str = "sagemaker") -> str:
    release = world.release(service)
    assert release
    return str(release.values.get("watchNamespace", ""))


@pytest.fixture
def three(world: MemoryWorld) -> MemoryWorld:
    """The issue's clusters: three watched namespaces, one bound to an account and one to a region."""
    installed(world, scope="namespace", watch_namespace=list(TEAMS))
    run_carm_bind(world.settings(), Said(), Requested(["team-b"], account=B))
    at = world.settings()
    region.run_bind(at.target, at.run, Said(), {"team-c": "us-east-1"}, command="region bind")
    return world


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (["team-a", "team-c"], f"namespace team-b (bound to account {B})"),
        (["team-a", "team-b"], "namespace team-c (bound to region us-east-1)"),
    ],
)
def test_a_bound_namespace_that_leaves_is_told_and_asked_about(three: MemoryWorld, left: list[str], told: str) -> None:
    before = three.state()
    with pytest.raises(AcksmError) as refused:
        installed(three, yes=False, watch_namespace=left)
    assert refused.value.id == "needs-confirmation"
    assert three.state() == before
    planned = installed(three, yes=False, dry_run=True, watch_namespace=left)
    assert any(told in note for note in planned.notes)
    installed(three, watch_namespace=left)
    assert watched(three) == ",".join(left)


def test_a_free_namespace_may_leave(three: MemoryWorld) -> None:
    installed(three, watch_namespace=["team-b", "team-c"])
    assert watched(three) == "team-b,team-c"


def test_one_namespace_left_is_refused_where_another_is_bound(three: MemoryWorld) -> None:
    with pytest.raises(AcksmError) as refused:
        installed(three, watch_namespace=["team-a"])
    assert refused.value.id == "bindings-would-be-ignored"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (running(), running(watched=("a", "b")), [f"namespace production (bound to account {B})"]),
        (
            running(watched=("production", "a")),
            running(watched=("a", "b")),
            [f"namespace production (bound to account {B})"],
        ),
        (running(watched=("production", "a")), running(watched=("production", "b")), []),
        (running(watched=("a", "b")), running(watched=("a", "c")), []),  # it was not watched before
        (running(watched=("production",)), running(watched=("a", "b")), []),  # its binding was not read before
        (running(enable_carm=False), running(watched=("a", "b")), []),
        (None, running(watched=("a", "b")), []),
    ],
)
def test_bindings_that_would_be_watched_no_more(before: Running | None, after: Running, expected: list[str]) -> None:
    item = namespace("production", owner_account_id=B, default_region="eu-west-1")
    assert switching.unwatched(before, after, {"production": item}) == expected


# lists


def test_a_list_may_have_commas() -> None:
    flags = {"watch_namespace": ["team-a,team-b", " team-c"], "service": ["sagemaker,applicationautoscaling"]}
    found = resolve(flags, environment={}).settings.controllers
    assert found.watch_namespace == ["team-a", "team-b", "team-c"]
    assert found.service == ["sagemaker", "applicationautoscaling"]


def test_namespaces_are_added_and_removed(world: MemoryWorld) -> None:
    installed(world, scope="namespace", watch_namespace=["team-a"])
    installed(world, add_watch_namespace=["team-b", "team-c"])
    assert watched(world) == watched(world, "applicationautoscaling") == "team-a,team-b,team-c"
    for _ in range(2):
        again = installed(world, add_watch_namespace=["team-b"], remove_watch_namespace=["team-a", "unknown"])
        assert watched(world) == "team-b,team-c"
    assert again.results[0]["changes"] == []


def test_an_added_namespace_is_created_only_with_the_option(world: MemoryWorld) -> None:
    installed(world, scope="namespace", watch_namespace=["team-a"])
    with pytest.raises(AcksmError) as refused:
        installed(world, add_watch_namespace=["team-d"])
    assert refused.value.id == "namespace-missing"
    installed(world, add_watch_namespace=["team-d"], create_namespace=True)
    assert watched(world) == "team-a,team-d"


def test_adding_to_all_namespaces_changes_nothing_and_says_so(world: MemoryWorld) -> None:
    installed(world)
    again = installed(world, add_watch_namespace=["team-a"])
    assert again.results[0]["changes"] == []
    assert "sagemaker already watches all namespaces" in again.notes


def test_the_first_installation_watches_what_is_added(world: MemoryWorld) -> None:
    installed(world, watch_namespace=["team-a"], add_watch_namespace=["team-b"])  # acksm.yaml's list, and the option's
    assert watched(world) == "team-a,team-b"


def test_the_list_of_the_settings_file_is_not_restored_at_once(world: MemoryWorld) -> None:
    installed(world, scope="namespace", watch_namespace=["team-a", "team-b"])
    again = installed(world, watch_namespace=["team-a", "team-b"], add_watch_namespace=["team-c"])
    assert watched(world) == "team-a,team-b,team-c"
    assert any("watch-namespace of the settings is team-a, team-b" in note for note in again.notes)


@pytest.mark.parametrize(
    "options",
    [
        {"remove_watch_namespace": ["team-a"]},  # nothing would be left
        {"add_watch_namespace": ["team-b"], "remove_watch_namespace": ["team-b"]},
        {"scope": "cluster", "add_watch_namespace": ["team-b"]},
    ],
)
def test_changes_that_make_no_sense(world: MemoryWorld, options: dict[str, Any]) -> None:
    installed(world, scope="namespace", watch_namespace=["team-a"])
    with pytest.raises(AcksmError) as refused:
        installed(world, **options)
    assert refused.value.id == "config-invalid"


def test_none_of_all_namespaces_can_be_removed(world: MemoryWorld) -> None:
    installed(world)
    with pytest.raises(AcksmError, match="watches all namespaces"):
        installed(world, remove_watch_namespace=["team-a"])


def test_a_list_and_its_change_exclude_each_other_in_one_source() -> None:
    for name in ("add_watch_namespace", "remove_watch_namespace"):
        with pytest.raises(AcksmError) as refused:
            resolve({"watch_namespace": ["a"], name: ["b"]}, environment={})
        assert (refused.value.id, "mutually exclusive" in refused.value.message) == ("config-invalid", True)


def test_a_list_outdoes_the_changes_of_a_lower_source() -> None:
    environment = {"ACKSM_ADD_WATCH_NAMESPACE": "c"}
    found = resolve({"watch_namespace": ["a"]}, environment=environment).settings.controllers
    assert (found.watch_namespace, found.add_watch_namespace) == (["a"], [])
    found = resolve({"add_watch_namespace": ["a"]}, environment={"ACKSM_WATCH_NAMESPACE": "c"}).settings.controllers
    assert (found.watch_namespace, found.add_watch_namespace) == (["c"], ["a"])
