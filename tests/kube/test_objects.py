"""Owners as the tools of this field mark them, and where kinds live on the apiserver."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.kube.owners import OWNED_LABEL, Owner, managers, owner_of
from acksm.kube.paths import Ref, knows, ref, ref_of

HELM = {"meta.helm.sh/release-name": "ack", "meta.helm.sh/release-namespace": "ack-system"}


def marked(labels: dict[str, Any] | None = None, annotations: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"metadata": {"name": "x", "labels": labels, "annotations": annotations}}


@pytest.mark.parametrize(
    ("manifest", "owner"),
    [
        (marked(), None),
        ({}, None),
        ({"metadata": None}, None),
        (marked({"app.kubernetes.io/managed-by": "Helm"}), None),  # the chart says so of itself; helm's own mark counts
        (marked(annotations=HELM), Owner("helm", "ack-system/ack")),
        (marked(annotations={"meta.helm.sh/release-name": "ack"}), Owner("helm", "/ack")),
        (marked({OWNED_LABEL: "true"}), Owner("acksm", "")),
        (marked({OWNED_LABEL: "false"}), None),
        (marked(annotations={OWNED_LABEL: "true"}), None),
        (marked({"argocd.argoproj.io/instance": "ml"}), Owner("argocd", "ml")),
        (marked(annotations={"argocd.argoproj.io/tracking-id": "ml:apps"}), Owner("argocd", "ml:apps")),
        (marked({"kustomize.toolkit.fluxcd.io/name": "infra"}), Owner("flux", "infra")),
        (marked({"helm.toolkit.fluxcd.io/name": "ack"}, HELM), Owner("flux", "ack")),
        (marked({"argocd.argoproj.io/instance": "ml", OWNED_LABEL: "true"}), Owner("argocd", "ml")),
        (marked({OWNED_LABEL: "true"}, HELM), Owner("helm", "ack-system/ack")),
        (marked({"olm.managed": "true", "olm.owner": "ack.v1"}), Owner("olm", "ack.v1")),
        (marked({"olm.managed": "false"}), None),
    ],
)
def test_owners(manifest: dict[str, Any], owner: Owner | None) -> None:
    assert owner_of(manifest) == owner


def test_an_owner_in_words() -> None:
    assert [str(Owner("helm", "ns/r")), str(Owner("olm", ""))] == ["helm ns/r", "olm"]


def test_field_managers() -> None:
    entries = [{"manager": "kubectl"}, {"manager": "acksm"}, {"manager": "acksm"}, {}]
    assert managers({"metadata": {"managedFields": entries}}) == ["", "acksm", "kubectl"]
    assert managers({}) == []


@pytest.mark.parametrize(
    ("of", "path"),
    [
        (ref("Pod", "p", "ns"), "/api/v1/namespaces/ns/pods/p"),
        (ref("Node", "n"), "/api/v1/nodes/n"),
        (ref("Namespace", "ns", "ignored"), "/api/v1/namespaces/ns"),
        (ref("Deployment", "d", "ns"), "/apis/apps/v1/namespaces/ns/deployments/d"),
        (ref("ClusterRole", "r", "ignored"), "/apis/rbac.authorization.k8s.io/v1/clusterroles/r"),
        (
            ref("CustomResourceDefinition", "c"),
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/c",
        ),
        (Ref("a.b/v1", "things", "Thing", "t", "ns"), "/apis/a.b/v1/namespaces/ns/things/t"),
    ],
)
def test_paths(of: Ref, path: str) -> None:
    assert of.path == path
    assert of.collection == path.rpartition("/")[0]


def test_collections_of_one_namespace_and_of_all() -> None:
    assert ref("Pod").collection == "/api/v1/pods"
    assert ref("Pod", namespace="ns").collection == "/api/v1/namespaces/ns/pods"


def test_manifests_and_unknown_kinds() -> None:
    manifest = {"kind": "ServiceAccount", "metadata": {"name": "sa", "namespace": "ns"}}
    assert ref_of(manifest) == ref("ServiceAccount", "sa", "ns")
    assert ref_of({"kind": "Namespace", "metadata": {"name": "ns"}}) == ref("Namespace", "ns")
    assert (knows("Pod"), knows("Model"), knows("Bucket")) == (True, True, False)
    assert ref("Endpoint", "e", "ns").path == "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/ns/endpoints/e"
    assert ref("ScalingPolicy").collection == "/apis/applicationautoscaling.services.k8s.aws/v1alpha1/scalingpolicies"
    with pytest.raises(KeyError):
        ref("Bucket", "b")
    assert [str(ref("Pod", "p", "ns")), str(ref("Node", "n"))] == ["Pod ns/p", "Node n"]
