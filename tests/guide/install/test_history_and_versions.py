"""`acksm history` and `acksm versions`: what their sources say, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.guide.install import history, versions
from acksm.helm.releases import Release

OWNED = {"deployment": {"labels": {"acksm.dev/owned": "true"}}}


def made(name: str, created: str, **managers: str) -> dict[str, Any]:
    fields = [{"manager": manager, "time": time} for manager, time in managers.items()]
    return {"metadata": {"name": name, "creationTimestamp": created, "managedFields": fields}}


def test_a_release_says_which_tool_made_it() -> None:
    release = Release("r", "ns", "deployed", "sagemaker-chart", "1.9.1", 2, "2026-03-01T12:00:30.1+02:00", OWNED)
    assert history.of_release(release) == {
        "time": "2026-03-01T10:00Z",
        "by": "acksm",
        "what": "upgraded sagemaker-chart 1.9.1, revision 2",
        "object": "release ns/r",
        "source": "helm",
    }
    other = history.of_release(Release("r", "ns", "failed", "c", "1", 1, "unknown"))
    assert (other["by"], other["time"], other["what"]) == ("helm", "unknown", "installed, now failed c 1, revision 1")


def test_objects_of_the_same_minute_are_one_event() -> None:
    first, later = "2026-03-01T10:00:00Z", "2026-03-02T11:30:05Z"
    rows = history.of_objects(
        "CustomResourceDefinition",
        [
            made("a", first, acksm=first),
            made("b", first, acksm="2026-03-01T10:00:59Z"),
            made("c", first, acksm=later, kubectl=first),
            made("d", first, kubectl=later),
        ],
    )
    assert [(row["time"], row["what"], row["object"]) for row in rows] == [
        ("2026-03-01T10:00Z", "created", "2 CustomResourceDefinitions"),
        ("2026-03-02T11:30Z", "changed", "CustomResourceDefinition c"),
    ]


def test_a_common_crd_has_the_time_of_the_apply_that_had_an_effect() -> None:
    first, later = "2026-03-01T10:00:00Z", "2026-03-02T11:30:05Z"
    rows = history.of_objects(
        "CustomResourceDefinition", [made("a", first, helm=first, acksm=""), made("b", first, helm=later, acksm="")]
    )
    assert [(row["time"], row["what"], row["object"]) for row in rows] == [
        ("2026-03-01T10:00Z", "created", "CustomResourceDefinition a"),
        ("2026-03-02T11:30Z", "changed", "CustomResourceDefinition b"),
    ]


def test_an_adopted_object_is_told_from_a_created_one() -> None:
    time = "2026-03-01T10:00:00Z"
    adopted = made("churn", time, acksm=time)
    adopted["metadata"] |= {"namespace": "team-a", "annotations": {"services.k8s.aws/adoption-policy": "adopt"}}
    rows = history.of_objects("Model", [adopted, made("new", time, acksm=time)])
    assert [(row["what"], row["object"]) for row in rows] == [
        ("adopted", "Model team-a/churn"),
        ("created", "Model new"),
    ]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], []),
        (["1.2.0", "v1.10.0", "1.9.1", "1.10.0", "latest"], ["1.10.0", "1.9.1", "1.2.0"]),
        (["0.0.2-rc1", "0.0.1"], ["0.0.2rc1", "0.0.1"]),
    ],
)
def test_versions_are_ordered_as_versions(tags: list[str], expected: list[str]) -> None:
    assert versions.ordered(tags) == expected
