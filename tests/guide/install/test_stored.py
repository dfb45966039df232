"""A CRD that drops a version in which objects are stored."""

from __future__ import annotations

from typing import Any, cast

import pytest

from acksm.errors import AcksmError
from acksm.guide.install import crds, stored
from acksm.guide.install.crds import DesiredCrd
from acksm.kube.paths import Ref

GROUP = "sagemaker.services.k8s.aws"
SPEC = {"type": "object", "properties": {"image": {"type": "string"}}}


def version(name: str, spec: Any = SPEC, *, storage: bool = True) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": spec, "status": {"x-kubernetes-preserve-unknown-fields": True}}}
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}}


def crd(*versions: dict[str, Any], stored: tuple[str, ...] = (), conversion: str = "None") -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"models.{GROUP}", "annotations": {"controller-gen.kubebuilder.io/version": "v0.16.0"}},
        "spec": {
            "group": GROUP,
            "names": {"plural": "models", "kind": "Model"},
            "versions": list(versions),
            "conversion": {"strategy": conversion},
        },
        **({"status": {"storedVersions": list(stored)}} if stored else {}),
    }


NEW = DesiredCrd(crd(version("v1")), "sagemaker-chart 2.0.0")
OLD = crd(version("v1alpha1"), stored=("v1alpha1",))


def planned(live: Any) -> list[Any]:
    return crds.plan([NEW], {NEW.name: live}, stored=lambda _: 3)


def test_the_old_version_is_served_until_what_is_stored_is_converted() -> None:
    update, convert = planned(OLD)
    assert [(item["name"], item["storage"]) for item in update.params["manifest"]["spec"]["versions"]] == [
        ("v1", True),
        ("v1alpha1", False),
    ]
    assert (convert.id, convert.lane) == ("crds.convert", "")
    assert [item["name"] for item in convert.params["manifest"]["spec"]["versions"]] == ["v1"]
    assert "3 objects" in convert.words[0]
    assert "manifests need that version" in stored.note(convert)


def test_a_killed_one_continues_where_it_stopped() -> None:
    both = crd(version("v1"), version("v1alpha1", storage=False), stored=("v1alpha1", "v1"))
    both["metadata"]["annotations"]["acksm.dev/chart"] = NEW.chart
    assert [item.id for item in planned(both)] == ["crds.convert"]  # the first half is done
    trimmed = {**both, "status": {"storedVersions": ["v1"]}}
    assert [item.id for item in planned(trimmed)] == ["crds.update"]  # only the old version is left
    assert planned(crd(version("v1"), stored=("v1",))) == []


def test_a_webhook_is_refused() -> None:
    with pytest.raises(AcksmError) as caught:
        planned(crd(version("v1alpha1"), stored=("v1alpha1",), conversion="Webhook"))
    assert caught.value.id == "crd-conversion"


class Objects:
    """Two objects, and what is written."""

    def __init__(self, *specs: Any) -> None:
        self.specs, self.asked, self.written = specs, list[Ref](), list[tuple[str, Any]]()

    def list(self, one: Ref, **_: Any) -> Any:
        self.asked.append(one)
        metadata = {"namespace": "team", "labels": {"any": "label"}}
        return [
            {"metadata": {"name": f"m{number}", **metadata}, "spec": spec, "status": {"any": {"thing": 1}}}
            for number, spec in enumerate(self.specs)
        ]

    def patch(self, one: Ref, body: Any) -> Any:
        if one.name == "m0":
            raise AcksmError("kube-not-found", "deleted since")
        self.written.append((one.path, body))


def test_fields_that_would_be_pruned_are_refused() -> None:
    found = stored.dropped(crds._marked(NEW), OLD)
    assert found is not None
    assert stored.check(cast(Any, Objects({"image": "x"}, {})), found) == 2
    with pytest.raises(AcksmError) as caught:
        stored.check(cast(Any, Objects({"image": "x"}, {"image": "x", "other": {"deep": 1}})), found)
    assert caught.value.id == "crd-fields-lost"
    assert "team/m1: .spec.other" in caught.value.message


@pytest.mark.parametrize(
    ("value", "schema", "lost"),
    [
        ({"a": 1}, {"properties": {"a": {}}}, []),
        ({"a": {"b": 1}}, {"properties": {"a": {"properties": {}}}}, [".a.b"]),
        ({"a": {"b": 1}}, {"properties": {"a": {"additionalProperties": {"type": "integer"}}}}, []),
        ({"a": {"b": {"c": 1}}}, {"properties": {"a": {"additionalProperties": {"properties": {}}}}}, [".a.b.c"]),
        ({"a": {"b": 1}}, {"properties": {"a": {"additionalProperties": True}}}, []),
        ({"a": [{"b": 1}, {"c": 1}]}, {"properties": {"a": {"items": {"properties": {"b": {}}}}}}, [".a[].c"]),
        ({"a": 1, "b": {"c": 1}}, {"x-kubernetes-preserve-unknown-fields": True}, []),
        (
            {"b": {"c": 1}},
            {"x-kubernetes-preserve-unknown-fields": True, "properties": {"b": {"properties": {}}}},
            [".b.c"],
        ),
        ({"apiVersion": "x", "kind": "y", "metadata": {"labels": {"z": "1"}}}, {}, []),
    ],
)
def test_what_the_apiserver_prunes(value: Any, schema: Any, lost: list[str]) -> None:
    assert list(stored.pruned(value, schema)) == lost


def test_each_object_is_written_then_the_versions_are_trimmed_then_the_crd_is_applied() -> None:
    kube = Objects({}, {})

    def apply(manifest: Any, common: bool) -> None:
        kube.written.append(("applied", (manifest["metadata"]["name"], common)))

    stored.convert(cast(Any, kube), apply, manifest=dict(NEW.manifest), storage="v1", common=False)
    assert kube.asked == [Ref(f"{GROUP}/v1", "models", "Model")]
    assert kube.written == [
        (f"/apis/{GROUP}/v1/namespaces/team/models/m1", {}),
        (
            f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/models.{GROUP}/status",
            {"status": {"storedVersions": ["v1"]}},
        ),
        ("applied", (f"models.{GROUP}", False)),
    ]
