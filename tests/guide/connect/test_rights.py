"""The rights that a plan needs, read from the plan itself, and who is asked about them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from acksm.aws.iam import Iam
from acksm.aws.pod_identity import PodIdentity
from acksm.aws.session import Identity
from acksm.aws.simulation import Decision
from acksm.engine.change import Change, Op
from acksm.errors import AcksmError
from acksm.guide.connect import rights
from acksm.guide.identity import policies
from acksm.settings import TargetSettings

ROLE = "arn:aws:iam::012345678901:role/r"
LINKED = policies.linked_arn("aws", "012345678901")


def change(call: str, op: Op = Op.CREATE, target: str = ROLE, system: str = "aws", **params: Any) -> Change:
    return Change("x", "s", op, system, target, call, params)


def namespace(name: str) -> dict[str, Any]:
    return {"kind": "Namespace", "metadata": {"name": name}}


def test_every_write_of_iam_has_its_actions() -> None:
    assert set(rights.IAM_ACTIONS) == {f"iam.{name}" for name in Iam.WRITES}
    assert all(action.startswith("iam:") for actions in rights.IAM_ACTIONS.values() for action in actions)


def test_every_write_of_pod_identity_has_its_actions() -> None:
    assert set(rights.EKS_ACTIONS) - {"eks.disable_services"} == {f"eks.{name}" for name in PodIdentity.WRITES}
    arn = "arn:aws:eks:us-west-2:012345678901:cluster/demo"
    made = change("eks.create_association", cluster="demo", namespace="n", service_account="s", role_arn=ROLE, tags={})
    assert rights.iam_needs([made], arn) == {
        arn: ["eks:CreatePodIdentityAssociation", "eks:TagResource"],
        ROLE: ["iam:PassRole", "iam:GetRole"],
    }
    capability = "arn:aws:eks:us-west-2:012345678901:capability/demo/ack/ours/x"
    shared = change("eks.disable_services", Op.UPDATE, target=capability, cluster="demo", capability="ours")
    assert rights.iam_needs([shared], arn) == {capability: ["eks:UpdateCapability"]}
    gone = change("eks.delete_association", Op.DELETE, cluster="demo", name="a-1")
    named = "arn:aws:eks:us-west-2:012345678901:podidentityassociation/demo/a-1"
    assert rights.iam_needs([gone], arn) == {named: ["eks:DeletePodIdentityAssociation"]}


def test_iam_needs_are_gathered_by_resource() -> None:
    changes = [
        change("iam.create_role"),
        change("iam.tag_role"),
        change("iam.attach_policy"),
        change("iam.attach_policy"),
        change("iam.create_service_linked_role", target=LINKED),
        change("iam.await_visible", Op.WAIT),
        change("helm.install", system="helm"),
        change("target-iam.update_trust", target="arn:aws:iam::111111111111:role/b"),
    ]
    assert rights.iam_needs(changes) == {
        ROLE: ["iam:CreateRole", "iam:TagRole", "iam:AttachRolePolicy"],
        LINKED: ["iam:CreateServiceLinkedRole"],
        "arn:aws:iam::111111111111:role/b": ["iam:UpdateAssumeRolePolicy"],
    }


def test_kubernetes_needs_come_from_the_changes_and_the_objects_of_the_releases() -> None:
    crd = {"kind": "CustomResourceDefinition", "metadata": {"name": "c"}}
    changes = [
        change("kube.apply", system="kubernetes", manifest=namespace("ns")),
        change("kube.apply", system="kubernetes", manifest=crd),
        change("kube.apply", Op.UPDATE, system="kubernetes", manifest=crd),
        change("helm.install", system="helm"),
        change("helm.upgrade", Op.UPDATE, system="helm"),
        change("kube.restart", Op.UPDATE, system="kubernetes", namespace="ns", deployment="d"),
        change("crds.await", Op.WAIT, system="kubernetes"),
    ]
    manifests = [
        {"kind": "Deployment", "metadata": {"name": "d"}},
        {"kind": "Role", "metadata": {"name": "r", "namespace": "watched"}},
        {"kind": "ClusterRole", "metadata": {"name": "r"}},
        {"kind": "SomethingElse", "metadata": {"name": "x"}},
    ]
    assert list(map(str, rights.kube_needs(changes, manifests, "ns"))) == [
        "create namespaces",
        "patch namespaces",
        "create customresourcedefinitions.apiextensions.k8s.io",
        "patch customresourcedefinitions.apiextensions.k8s.io",
        "create secrets in namespace ns",
        "patch deployments.apps in namespace ns",
        "create deployments.apps in namespace ns",
        "create roles.rbac.authorization.k8s.io in namespace watched",
        "patch roles.rbac.authorization.k8s.io in namespace watched",
        "create clusterroles.rbac.authorization.k8s.io",
        "patch clusterroles.rbac.authorization.k8s.io",
    ]


def test_kubernetes_needs_of_a_cleanup() -> None:
    location = {"api_version": "sagemaker.services.k8s.aws/v1alpha1", "plural": "models", "namespace": "team"}
    kinds = [("ClusterRole", ""), ("Deployment", "ns")]
    changes = [
        change("cleanup.retain", Op.UPDATE, system="kubernetes", **location),
        change("cleanup.delete", Op.DELETE, system="kubernetes", **location),
        change("cleanup.orphan", Op.DELETE, system="kubernetes", **{**location, "plural": "endpoints"}),
        change("cleanup.gone", Op.WAIT, system="kubernetes"),
        change("helm.uninstall", Op.DELETE, system="helm", release="r", namespace="ns", kinds=kinds),
        change("cleanup.crd", Op.DELETE, system="kubernetes", name="x"),
        change("cleanup.namespace", Op.DELETE, system="kubernetes", name="x"),
    ]
    assert list(map(str, rights.kube_needs(changes, [], "ns"))) == [
        "patch models.sagemaker.services.k8s.aws in namespace team",
        "delete models.sagemaker.services.k8s.aws in namespace team",
        "delete endpoints.sagemaker.services.k8s.aws in namespace team",
        "patch endpoints.sagemaker.services.k8s.aws in namespace team",
        "delete secrets in namespace ns",
        "delete clusterroles.rbac.authorization.k8s.io",
        "delete deployments.apps in namespace ns",
        "delete customresourcedefinitions.apiextensions.k8s.io",
        "delete namespaces",
    ]


class Target:
    """Who answers what: IAM denies `denied` actions and does not tell of `untold`, the apiserver denies all but
    `may`."""

    def __init__(
        self, denied: tuple[str, ...] = (), may: tuple[str, ...] = ("* *.*",), untold: tuple[str, ...] = ()
    ) -> None:
        self.asked: list[str] = []
        self.settings, self.cluster = (
            TargetSettings(),
            SimpleNamespace(name="demo", arn="arn:aws:eks:us-west-2:012345678901:cluster/demo"),
        )
        self.identity = Identity("012345678901", "arn:aws:iam::012345678901:user/me", "x")
        self.aws = SimpleNamespace(iam=SimpleNamespace(decisions=self._decisions), identity=lambda: self.identity)
        self.kube = SimpleNamespace(can=self._can)
        self._denies, self._may, self._untold = denied, may, untold

    def _decisions(self, _arn: str, needs: dict[str, list[str]]) -> dict[tuple[str, str], Decision]:
        return {
            (action, where): Decision(self._answer(action), "an SCP")
            for where, actions in needs.items()
            for action in actions
        }

    def _answer(self, action: str) -> bool | None:
        return None if action in self._untold else action not in self._denies

    def _can(self, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> bool:
        self.asked.append(f"{verb} {resource}{'.' + group if group else ''}")
        return self.asked[-1] in self._may


CHANGES = [change("iam.create_role"), change("kube.apply", system="kubernetes", manifest=namespace("ns"))]


def check(target: Any, changes: list[Change]) -> None:
    rights.check(target, changes, [])


def test_an_administrator_is_known_by_one_question() -> None:
    target = Target()
    check(target, CHANGES)
    assert target.asked == ["* *.*"]


def test_who_is_none_is_asked_about_each_right() -> None:
    target = Target(may=("create namespaces", "patch namespaces"))
    check(target, CHANGES)
    assert sorted(target.asked) == ["* *.*", "create namespaces", "patch namespaces"]


class InNamespaces(Target):
    """What is asked and allowed, with its namespace: "create models in team-1", "create models" in all."""

    def _can(self, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> bool:
        self.asked.append(f"{verb} {resource}" + (f" in {namespace}" if namespace else ""))
        return self.asked[-1] in self._may


def adoptions(count: int) -> list[Change]:
    metas = ({"name": "m", "namespace": f"team-{number}"} for number in range(count))
    return [change("adopt.create", manifest={"kind": "Model", "metadata": meta}) for meta in metas]


def test_a_right_in_many_namespaces_is_asked_about_once_where_it_is_for_all_of_them() -> None:
    target = InNamespaces(may=("create models",))
    check(target, adoptions(1000))
    assert target.asked == ["* *", "create models"]
    few = InNamespaces(may=tuple(f"create models in team-{number}" for number in range(1000)))
    check(few, adoptions(rights.FEW))
    assert "create models" not in few.asked
    check(few, adoptions(6))
    assert set(few.asked[-6:]) == {f"create models in team-{number}" for number in range(6)}
    with pytest.raises(AcksmError) as caught:
        check(InNamespaces(may=("create models in team-1",)), adoptions(6))
    assert len(caught.value.details["denied"]) == 5


def test_what_is_not_allowed_is_told_before_the_first_write() -> None:
    with pytest.raises(AcksmError) as caught:
        check(Target(may=()), CHANGES)
    assert (caught.value.id, caught.value.details) == (
        "kube-forbidden",
        {"denied": ["create namespaces", "patch namespaces"]},
    )
    with pytest.raises(AcksmError) as caught:
        check(Target(denied=("iam:CreateRole",)), CHANGES)
    assert (caught.value.id, caught.value.where) == ("aws-access-denied", ROLE)
    assert caught.value.details["actions"] == ["iam:CreateRole"]


def test_what_iam_does_not_tell_is_a_note_and_the_plan_continues() -> None:
    changes = [change("iam.create_role"), change("iam.put_policy")]
    target: Any = Target(untold=("iam:CreateRole", "iam:TagRole"))
    (note,) = rights.check(target, changes, [])
    assert note.startswith("not checked: ")
    assert "may perform iam:CreateRole, iam:TagRole (an SCP)" in note
    assert "iam:PutRolePolicy" not in note
    with pytest.raises(AcksmError) as caught:  # a denial that is certain is one, whatever else is unknown
        check(Target(denied=("iam:PutRolePolicy",), untold=("iam:CreateRole",)), changes)
    assert caught.value.details["actions"] == ["iam:PutRolePolicy"]


def test_the_other_accounts_calls_are_not_asked_about_here() -> None:
    elsewhere = change("target-iam.create_role", target="arn:aws:iam::111111111111:role/b")
    check(Target(denied=("iam:CreateRole",)), [elsewhere])


@pytest.mark.parametrize(
    ("of", "needed"),
    [
        (change("kube.set_keys", kind="Namespace", name="ml"), ["patch namespaces", "create namespaces"]),
        (change("kube.set_keys", Op.UPDATE, kind="Namespace", name="ml"), ["patch namespaces"]),
        (
            change("kube.delete", Op.DELETE, kind="ConfigMap", name="m", namespace="ns"),
            ["delete configmaps in namespace ns"],
        ),
        (change("carm.release", Op.UPDATE, name="m", namespace="ns"), ["patch configmaps in namespace ns"]),
    ],
)
def test_changes_of_objects_by_name(of: Change, needed: list[str]) -> None:
    assert list(map(str, rights.kube_needs([of], [], "ns"))) == needed


def test_nothing_is_asked_for_a_plan_without_changes() -> None:
    target = Target(may=())
    check(target, [])
    assert target.asked == []


def test_keys_and_maps_need_the_rights_of_their_objects_and_the_other_accounts_iam_is_asked_there() -> None:
    keys: dict[str, Any] = {"kind": "ConfigMap", "name": "m", "namespace": "ack-system", "keys": {}, "field": ["data"]}
    made = change("kube.set_keys", system="kubernetes", **keys)
    marked = change("kube.set_keys", Op.UPDATE, system="kubernetes", kind="Namespace", name="n", keys={})
    gone = change("kube.delete", Op.DELETE, system="kubernetes", kind="IAMRoleSelector", name="s")
    asked = rights.kube_needs([made, marked, marked, gone], [], "ack-system")
    assert list(map(str, asked)) == [
        "patch configmaps in namespace ack-system",
        "create configmaps in namespace ack-system",
        "patch namespaces",
        "delete iamroleselectors.services.k8s.aws",
    ]
    far = change("target-iam.create_role")
    assert rights.iam_needs([far]) == rights.iam_needs([change("iam.create_role")])
    check(Target(denied=("iam:CreateRole",)), [far])  # not of this account
