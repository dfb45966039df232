"""Each test starts with an empty cluster, whatever the one before left in it."""

from __future__ import annotations

import pytest

from acksm.kube.paths import Ref, ref
from world import World

CRD = "models.sagemaker.services.k8s.aws"


@pytest.mark.crds
def test_nothing_is_left_for_the_next_test(world: World) -> None:
    kube, before = world.kube, _whole(world)
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "busy"}})
    model = world.custom(
        "sagemaker.services.k8s.aws/v1alpha1", "models", "Model", "busy", "held", {"modelName": "held"}
    )
    kube.patch(model, {"metadata": {"finalizers": ["example.com/for-ever"]}})
    kube.delete(ref("Namespace", "busy"))
    world.bind("view", "somebody")
    kube.patch(ref("Namespace", "default"), {"metadata": {"labels": {"left": "behind"}}})
    kube.patch(ref("CustomResourceDefinition", CRD), {"metadata": {"labels": {"left": "behind"}}})
    kube.delete(ref("CustomResourceDefinition", "adoptedresources.services.k8s.aws"))
    assert _whole(world) != before

    world.reset(crds=True)
    assert _whole(world) == before
    assert kube.list(Ref("sagemaker.services.k8s.aws/v1alpha1", "models", "Model")) == []
    world.reset()
    assert not [name for name, _ in _whole(world)["CustomResourceDefinition"] if name.endswith("services.k8s.aws")]


def _whole(world: World) -> dict[str, list[tuple[str, str]]]:
    """What this test touches: names and labels, by kind."""
    found = {}
    for kind in ("Namespace", "ClusterRoleBinding", "CustomResourceDefinition"):
        metas = [item["metadata"] for item in world.kube.list(ref(kind), metadata_only=True)]
        found[kind] = sorted((meta["name"], str(meta.get("labels"))) for meta in metas)
    return found
