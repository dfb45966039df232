"""Whose a controller is: by its namespace and by what its service account may do, never by what it calls itself."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.kube.paths import Ref
from acksm.live import discovery
from acksm.live.discovery import Controllers
from acksm.live.running import services_of
from carm_cluster import running
from memory_account import HOME, Fuse
from memory_cluster import MemoryCluster

GROUP = "sagemaker.services.k8s.aws"
IMAGE = "registry.example/aws-controllers-k8s/sagemaker-controller:1.9.1"
CHART = {"helm.sh/chart": "sagemaker-chart-1.9.1"}
RBAC = "rbac.authorization.k8s.io/v1"


def deployment(
    namespace: str, *flags: str, name: str = "d", image: str = IMAGE, ready: int = 1, **metadata: Any
) -> dict[str, Any]:
    container = {"image": image, "args": list(flags)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": CHART, **metadata},
        "spec": {"template": {"metadata": {}, "spec": {"serviceAccountName": "ctl", "containers": [container]}}},
        "status": {"readyReplicas": ready},
    }


def role(
    namespace: str = "", *, account: tuple[str, str], kinds: tuple[str, ...] = ("models",)
) -> list[dict[str, Any]]:
    """A (Cluster)Role that may update `kinds`, bound to a service account."""
    kind, where = ("Role", {"namespace": namespace}) if namespace else ("ClusterRole", {})
    name = f"{account[0]}-{account[1]}"
    rules = [{"apiGroups": [GROUP], "resources": list(kinds), "verbs": ["get", "update"]}]
    subject = {"kind": "ServiceAccount", "namespace": account[0], "name": account[1]}
    made = {"apiVersion": RBAC, "metadata": {"name": name, **where}}
    return [
        {**made, "kind": kind, "rules": rules},
        {**made, "kind": f"{kind}Binding", "roleRef": {"kind": kind, "name": name}, "subjects": [subject]},
    ]


def observe(*manifests: dict[str, Any], forbidden: tuple[str, ...] = ()) -> Controllers:
    kube = _Forbidding(forbidden)
    for manifest in manifests:
        kube.put(manifest)
    return discovery.observe(kube, HOME)


class _Forbidding(MemoryCluster):
    """A cluster that does not let this identity do some things: "review", or the plural of what it lists everywhere."""

    def __init__(self, forbidden: tuple[str, ...]) -> None:
        super().__init__(Fuse())
        self.forbidden = forbidden

    def can(self, *asked: str, account: tuple[str, str] | None = None, name: str = "") -> bool:
        self._check("review" if account else "")
        return super().can(*asked, account=account)

    def list(self, ref: Ref, **options: Any) -> list[dict[str, Any]]:
        self._check(ref.plural if not ref.namespace else "")
        return super().list(ref, **options)

    def settle(self, ref: Ref) -> None:
        """Deployments stay as they are put."""

    def _check(self, what: str) -> None:
        if what in self.forbidden:
            raise AcksmError("kube-forbidden", what)


@pytest.mark.parametrize(
    "manifest",
    [
        deployment("ml"),
        deployment("ml", labels=CHART | {"app.kubernetes.io/name": "ml-controller"}, image="mirror.example/ctl:7"),
        deployment("ml", labels={}),
        deployment("ml", labels={}, image="mirror.example/x@sha256:0", name="ack-sagemaker-controller"),
        deployment("ml", "--aws-region", "x", "--watch-namespace", "", labels={}, image="mirror.example/x"),
    ],
    ids=["chart", "nameOverride and mirror", "image", "name", "flags"],
)
def test_another_teams_controller_is_seen_whatever_it_is_called(manifest: dict[str, Any]) -> None:
    found = observe(manifest, *role(account=("ml", "ctl")))
    assert [(item.service, item.namespace, item.watched) for item in found.others] == [("sagemaker", "ml", ())]
    assert found.own == found.idle == ()
    assert found.remaining() == list(found.others)


def test_what_may_write_nothing_is_no_controller_whatever_it_says() -> None:
    found = observe(deployment("team-a", "--feature-gates", "IAMRoleSelector=true"))
    assert found.working == ()
    assert [item.namespace for item in found.idle] == ["team-a"]


def test_rights_in_one_namespace_are_rights_there_only() -> None:
    found = observe(deployment("team-a"), *role("team-a", account=("team-a", "ctl")))
    assert [item.watched for item in found.others] == [("team-a",)]
    elsewhere = observe(deployment("team-a", "--watch-namespace=b"), *role("team-a", account=("team-a", "ctl")))
    assert elsewhere.others == ()


def test_a_tenants_rights_on_its_own_objects_count_for_the_kinds_that_it_says_it_works_on() -> None:
    rights = role("team-a", account=("team-a", "ctl"), kinds=("trainingjobs",))
    assert observe(deployment("team-a", "--reconcile-resources=Model"), *rights).others == ()
    assert observe(deployment("team-a", "--reconcile-resources=TrainingJob"), *rights).others


def test_own_are_those_of_a_release_in_the_controllers_namespace_also_as_argo_cd_renders_it() -> None:
    by_helm: dict[str, Any] = {
        "labels": {},
        "annotations": {"meta.helm.sh/release-namespace": HOME, "meta.helm.sh/release-name": "r"},
    }
    for manifest in (deployment(HOME), deployment(HOME, **by_helm)):
        found = observe(manifest)
        assert [item.namespace for item in found.own] == [HOME]
    forged: dict[str, Any] = {"annotations": {"meta.helm.sh/release-namespace": HOME, "meta.helm.sh/release-name": "r"}}
    assert observe(deployment("team-a", **forged)).own == ()
    assert observe(deployment(HOME, labels={})).own == ()


def test_the_own_release_of_another_name_stays_beside_the_managed_one() -> None:
    managed: dict[str, Any] = {"labels": CHART | {"app.kubernetes.io/instance": "ack-sagemaker-controller"}}
    found = observe(deployment(HOME, name="a", **managed), deployment(HOME, name="b"))
    assert len(found.own) == 2
    assert [item.deployment for item in found.remaining()] == ["b"]
    assert [item.deployment for item in found.remaining(["applicationautoscaling"])] == ["a", "b"]


def test_what_goes_with_its_namespace_and_what_is_being_deleted_is_not_there() -> None:
    ending: dict[str, Any] = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml", **ending}}
    assert observe(space, deployment("ml"), *role(account=("ml", "ctl"))).others == ()
    assert observe(deployment("ml", **ending), *role(account=("ml", "ctl"))).others == ()


def test_an_identity_that_may_not_ask_counts_what_it_cannot_check_and_says_so() -> None:
    (unproven,) = observe(deployment("ml"), forbidden=("review",)).others
    assert not unproven.proven
    (unbound,) = observe(deployment("ml"), forbidden=("rolebindings",)).others
    assert not unbound.proven
    blind = observe(deployment("ml"), deployment(HOME), forbidden=("deployments",))
    assert blind.partial
    assert [item.namespace for item in blind.working] == [HOME]


@pytest.mark.parametrize(
    ("labels", "image", "expected"),
    [
        ({"helm.sh/chart": "s3-chart-1.0.0"}, IMAGE, ("sagemaker",)),
        ({"helm.sh/chart": "s3-chart-1.0.0"}, "x/s3-controller:1", ()),
        ({}, "x/kustomize-controller:1", ()),
        ({}, "", ()),
    ],
)
def test_hints(labels: dict[str, str], image: str, expected: tuple[str, ...]) -> None:
    assert services_of(deployment("ml", labels=labels, image=image)) == expected


def test_a_version_that_is_none_is_one_of_which_nothing_is_assumed() -> None:
    manifest = deployment("ml", labels={}, image="x/sagemaker-controller:latest")
    (found,) = observe(manifest, *role(account=("ml", "ctl"))).others
    assert found.version == "0.0.0"
    assert not found.has("deletion-policy")


def test_scopes_meet_where_a_namespace_is_in_both() -> None:
    everything, one, two = running(), running(watched=("a",)), running(watched=("a", "b"))
    assert everything.meets(one)
    assert one.meets(everything)
    assert one.meets(two)
    assert not one.meets(running(watched=("b",)))
