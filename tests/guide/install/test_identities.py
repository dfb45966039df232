"""`acksm install --identity`: by which way pods get the role, in every state of an account and a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acksm.aws.eks import Association
from acksm.aws.pod_identity import AGENT
from acksm.errors import AcksmError
from acksm.guide.identity import associations, oidc, pod_trust, trust, ways
from acksm.guide.identity.judged import Verdict
from acksm.guide.identity.ways import IRSA, POD_IDENTITY
from acksm.guide.install import command as install
from acksm.kube.paths import ref
from memory_account import ACCOUNT, CLUSTER, HOME, ISSUER, ROLE, ROLE_NAME, Killed
from memory_world import MemoryWorld, Said, commands_run_on, run_install

ONE, TWO = (HOME, "ack-sagemaker-controller"), (HOME, "ack-applicationautoscaling-controller")
DEPLOYMENT = "ack-sagemaker-controller-sagemaker-chart"
OTHER = ROLE + "-2"
SUBJECT = trust.subject(*ONE)


def associated(account: tuple[str, str] = ONE, role: str = ROLE, **more: Any) -> Association:
    return Association(role, role, True, "a-1", *account, **more)


HAS, NONE = "association", ""


@pytest.mark.parametrize(
    ("requested", "association", "annotation", "outcome"),
    [
        (None, NONE, NONE, (True, False)),
        (None, NONE, ROLE, (True, False)),
        (None, HAS, NONE, (False, True)),
        (None, HAS, ROLE, (True, False)),  # both are left as they are
        (IRSA, NONE, NONE, (True, False)),
        (IRSA, NONE, ROLE, (True, False)),
        (IRSA, HAS, NONE, "acksm identity migrate --to irsa"),
        (IRSA, HAS, ROLE, "acksm identity migrate --to irsa"),
        (POD_IDENTITY, NONE, NONE, (False, True)),
        (POD_IDENTITY, NONE, ROLE, "acksm identity migrate --to pod-identity"),
        (POD_IDENTITY, HAS, NONE, (False, True)),
        (POD_IDENTITY, HAS, ROLE, (True, True)),
    ],
)
def test_the_way_is_what_exists_and_nothing_is_moved_by_install(
    requested: str | None, association: str, annotation: str, outcome: Any
) -> None:
    found = {ONE: associated() if association else None}
    try:
        chosen = ways.chosen(requested, found, {ONE: annotation})
    except AcksmError as error:
        assert (error.id, error.remedy) == ("identity-differs", outcome)  # noqa: PT017
        return
    assert (chosen.irsa, chosen.associate) == outcome


def test_a_new_controller_follows_the_other_and_is_not_refused_for_it() -> None:
    for requested, associate in ((None, True), (IRSA, False), (POD_IDENTITY, True)):
        chosen = ways.chosen(requested, {ONE: associated(), TWO: None}, {}, own=[TWO])
        assert (chosen.irsa, chosen.associate) == (not associate, associate)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    found = MemoryWorld()
    commands_run_on(monkeypatch, lambda: found, [install])
    return found


def installed(world: MemoryWorld, **options: Any) -> Any:
    """What `acksm install` reports."""
    said = Said()
    run_install(world.settings(**options), said)
    return said.results[0]


def refused(world: MemoryWorld, **options: Any) -> AcksmError:
    before = world.fuse.writes
    with pytest.raises(AcksmError) as caught:
        installed(world, **options)
    assert world.fuse.writes == before, "something was written before the refusal"
    return caught.value


BY_PODS: dict[str, Any] = {"identity": POD_IDENTITY, "install_agent": True}


def document(world: MemoryWorld) -> Any:
    found = world.iam.get_role(ROLE_NAME)
    return found["trust"] if found else None


def test_pod_identity_needs_no_provider_and_no_annotation_and_is_done_once(world: MemoryWorld) -> None:
    assert refused(world, identity=POD_IDENTITY).id == "agent-missing"
    report = installed(world, **BY_PODS)
    assert (report["result"]["identity"], report["result"]["role_arn"]) == (POD_IDENTITY, ROLE)
    assert world.iam.providers == {}
    assert {account: one.role for account, one in world.eks.associated.items()} == {ONE: ROLE, TWO: ROLE}
    assert all(associations.is_ours(one, CLUSTER) for one in world.eks.associated.values())
    account = world.kube.get(ref("ServiceAccount", ONE[1], HOME))
    assert account is not None
    assert "eks.amazonaws.com/role-arn" not in str(account["metadata"])
    assert pod_trust.subjects_of(document(world), CLUSTER.arn) == {SUBJECT, trust.subject(*TWO)}
    assert len(document(world)["Statement"]) == 1
    for options in ({}, {"identity": POD_IDENTITY}, BY_PODS):
        assert installed(world, **options)["changes"] == [], options
    assert refused(world, identity=IRSA).id == "identity-differs"


def test_a_killed_install_is_continued_by_the_same_command(world: MemoryWorld) -> None:
    empty, one = world.snapshot(), {**BY_PODS, "service": ["sagemaker"]}
    installed(world, **one)
    whole, writes = world.state(), world.fuse.writes
    assert writes > 10
    for left in range(0, writes - 1, 3):  # the last write ends the lock
        world.restore(empty)
        world.fuse.left = left
        with pytest.raises(Killed):
            installed(world, **one)
        world.fuse.left = -1
        installed(world, **one)
        assert world.state() == whole, f"killed at write {left}"


def test_pods_from_before_the_association_are_replaced(world: MemoryWorld) -> None:
    installed(world, **BY_PODS)
    for path, item in world.kube.objects.items():
        if "/pods/ack-" in path:
            item["spec"]["containers"][0]["env"] = []
    changes = installed(world)["changes"]
    assert {change["id"] for change in changes} == {"release.identity"}
    assert installed(world)["changes"] == []


def test_an_association_with_another_role_is_refused_or_its_role_is_used(world: MemoryWorld) -> None:
    world.eks.create_addon("demo", AGENT, {})
    world.eks.associated[ONE] = associated(role=OTHER)
    error = refused(world, role_name="of-its-own")
    assert (error.id, f"--role-arn {OTHER}" in error.remedy) == ("association-not-ours", True)
    assert installed(world)["result"]["role_arn"] == OTHER  # as it is
    assert world.eks.associated[TWO].role == OTHER
    assert world.iam.roles == {}


def test_a_deleted_association_is_created_again(world: MemoryWorld) -> None:
    installed(world, **BY_PODS)
    del world.eks.associated[ONE]
    ids = [change["id"] for change in installed(world)["changes"]]
    assert ids == ["association.create", "release.identity"]
    del world.eks.associated[ONE], world.eks.associated[TWO]
    assert "association.create" in [change["id"] for change in installed(world, identity=POD_IDENTITY)["changes"]]


def test_pods_that_lost_their_association_get_the_annotations_role(world: MemoryWorld) -> None:
    installed(world)
    world.eks.associated[ONE] = associated()
    installed(world)
    world.kube.restart(HOME, DEPLOYMENT)
    assert installed(world)["changes"] == []  # by the association, which wins
    del world.eks.associated[ONE]
    assert [change["id"] for change in installed(world)["changes"]] == ["release.restart"]
    assert installed(world)["changes"] == []


def test_a_role_of_another_is_checked_before_eks_refuses_it(world: MemoryWorld) -> None:
    world.eks.create_addon("demo", AGENT, {})
    world.iam._create_role("given", "/", '{"Statement": []}', [])
    given = f"arn:aws:iam::{ACCOUNT}:role/given"
    assert refused(world, identity=POD_IDENTITY, role_arn=given).id == "role-untrusting"
    world.iam.update_trust("given", pod_trust.merge(None, CLUSTER.arn, [SUBJECT, trust.subject(*TWO)], ours=True))
    assert installed(world, identity=POD_IDENTITY, role_arn=given)["result"]["role_arn"] == given


def test_both_ways_are_left_as_they_are_and_trusted(world: MemoryWorld) -> None:
    installed(world)
    world.eks.associated[ONE] = replace(associated(), tags=False)
    ids = [change["id"] for change in installed(world)["changes"]]
    assert ids == ["iam-role.trust"]
    assert pod_trust.trusts(document(world), CLUSTER.arn, SUBJECT, tags=False).verdict is Verdict.YES
    assert trust.trusts(document(world), ISSUER, SUBJECT).verdict is Verdict.YES
    assert oidc.provider_arn(CLUSTER) in world.iam.providers
    assert installed(world)["result"]["identity"] == f"{IRSA}, {POD_IDENTITY}"


@pytest.mark.parametrize("identity", [None, POD_IDENTITY])
def test_denied_associations_are_a_note_only_where_irsa_is_meant(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, identity: str | None
) -> None:
    def denied(*_: object) -> None:
        raise AcksmError("aws-access-denied", "no eks:ListPodIdentityAssociations")

    installed(world, **BY_PODS)
    monkeypatch.setattr(world.eks, "associations", denied)
    assert refused(world, identity=identity).id == "aws-access-denied"
    world.restore(MemoryWorld().snapshot())
    if identity is None:
        assert any("not checked: EKS Pod Identity associations" in note for note in installed(world)["notes"])
        assert world.iam.providers
