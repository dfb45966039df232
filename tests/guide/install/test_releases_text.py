"""What a release that changes means for namespaces and objects, as a plan shows it."""

from __future__ import annotations

from typing import Any

from acksm.engine.change import Plan
from acksm.guide.install.command import Result, _releases_text

FACTS: dict[str, Any] = {
    "release": "ack-system/ack-sagemaker-controller",
    "changes": 1,
    "values_diff": ["-  watchNamespace: ''", "+  watchNamespace: team-a"],
    "objects": ["Role team-a/x", "Deployment ack-system/x"],
    "objects_created": ["Role team-a/x"],
    "objects_deleted": ["ClusterRole x"],
    "watched": ["team-a"],
    "watched_before": [],
}


def text(full: bool = False, **more: Any) -> list[str]:
    facts = {"controllers": {"sagemaker": FACTS | more}}
    return _releases_text(Result(Plan("install", ()), facts), full=full).splitlines()


def test_an_update_shows_what_comes_and_goes() -> None:
    assert text() == [
        "# objects of release ack-system/ack-sagemaker-controller",
        "    watches namespace team-a instead of all namespaces",
        "    - ClusterRole x",
        "    + Role team-a/x",
    ]


def test_full_has_the_values_and_every_object() -> None:
    lines = text(full=True)
    assert lines[:3] == ["# values.yaml of sagemaker", "    -  watchNamespace: ''", "    +  watchNamespace: team-a"]
    assert "      Deployment ack-system/x" in lines


def test_a_new_release_has_its_objects_counted() -> None:
    objects = ["Role a/x", "Role b/x", "Deployment ack-system/x"]
    new: dict[str, Any] = {
        "objects": objects,
        "objects_created": objects,
        "objects_deleted": [],
        "watched_before": None,
    }
    assert text(**new)[1:] == ["    + 1 Deployment, 2 Role"]


def test_what_does_not_change_is_not_shown() -> None:
    assert text(changes=0) == []
    assert text(objects_created=[], objects_deleted=[], watched_before=["team-a"]) == []
