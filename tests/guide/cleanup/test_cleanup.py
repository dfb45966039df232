"""The way out as a plan: nothing goes that is not acksm's or a chosen service's object, and all in the right order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from acksm.ack import charts
from acksm.aws.documents import Role
from acksm.aws.eks import Addon, Association
from acksm.engine.change import Change, Danger, Op, Plan
from acksm.errors import AcksmError
from acksm.guide.carm import trust as carm_trust
from acksm.guide.carm.role_map import ACCOUNT_MAP, Map
from acksm.guide.cleanup import (
    cluster,
    iam as cleanup_iam,
    objects as cleanup_objects,
    repair,
    report as cleanup_report,
)
from acksm.guide.cleanup.objects import Choice
from acksm.guide.cleanup.observation import Desired, Observed, Providers, ReleaseState, RoleState
from acksm.guide.identity import oidc, pod_trust
from acksm.kube.contents import Contents
from acksm.kube.owners import Owner
from acksm.kube.paths import Ref, ref
from acksm.live import inventory
from acksm.live.bindings import OWNER, REGION, Namespace
from acksm.live.discovery import Controllers
from acksm.live.inventory import Common, Crd, Effect, Inventory, Item, Policy
from acksm.live.running import Running
from carm_cluster import OWN, B, running
from cleanup_world import (
    ACKSM,
    ARN,
    EVERYTHING,
    HOME,
    ISSUER,
    MARKS,
    OURS,
    ROLE,
    bound,
    crds,
    item,
    observed,
    plan,
    release,
    role,
    statement,
    targets,
    trusted,
    why,
)

# the whole


def test_all_of_it_in_the_safe_order() -> None:
    """docs/ack/deletion.md#order; the guide's own order leaves objects that nobody can delete (G11)."""
    planned = plan(observed(item(), item("Endpoint", "e"), item("EndpointConfig", "c")), EVERYTHING)
    steps = list(dict.fromkeys(change.step for change in planned.changes))
    assert steps == ["policies", "objects", "release", "crds", "iam", "oidc", "namespace"]
    assert planned.kept == ()
    assert targets(planned, "cleanup.release") == [f"release {HOME}/{charts.release_name(s)}" for s in charts.SERVICES]
    assert targets(planned, "cleanup.role", "cleanup.oidc") == [ROLE, ISSUER]
    iam = [change.call for change in planned.changes if change.step == "iam"]
    assert iam == ["iam.detach_policy", "iam.delete_policy", "iam.delete_role"]


def test_the_two_releases_go_side_by_side_and_nothing_beside_them() -> None:
    stages = Plan("x", plan(observed(), EVERYTHING).changes).stages()
    ids = [{one.id for lane in stage for one in lane} for stage in stages]
    assert ids[0] == {"cleanup.release"}
    assert (len(stages[0]), ids[1], ids[2]) == (2, {"cleanup.release-gone"}, {"cleanup.crd"})


def test_by_default_only_releases_and_crds_of_their_own_group_go() -> None:
    planned = plan(observed(), Desired())
    assert {change.id for change in planned.changes} == {
        "cleanup.release",
        "cleanup.release-gone",
        "cleanup.crd",
        "cleanup.crds-gone",
    }
    assert not [name for name in targets(planned, "cleanup.crd") if name.endswith(" fieldexports.services.k8s.aws")]


def test_nothing_is_to_be_done_where_nothing_is() -> None:
    nothing = Observed(Inventory(), HOME, OWN, ARN)
    assert plan(nothing, replace(EVERYTHING, carm=False)) == cleanup_report.Planned()


@given(st.sampled_from([charts.SERVICES, *((one,) for one in charts.SERVICES)]), st.booleans())
def test_install_then_cleanup_is_the_start(services: tuple[str, ...], provider_was_there: bool) -> None:
    """What install's changes would make of an empty cluster and account is exactly what cleanup takes away."""
    there = Providers(ISSUER, frozenset({ISSUER} if provider_was_there else ()), (), {})
    empty = Observed(Inventory(), HOME, OWN, ARN, providers=there)
    made = [
        change("namespace.create", "kube.apply", HOME, manifest={"metadata": {"name": HOME}}),
        *([] if provider_was_there else [change("oidc.create", "iam.create_oidc_provider", ISSUER)]),
        change(
            "iam-role.create", "iam.create_role", ROLE, name="r", path="/", trust=trusted(OURS), tags=MARKS, boundary=""
        ),
        change("iam-role.attach", "iam.attach_policy", ROLE, name="r", policy_arn="arn:p"),
        change("iam-role.inline", "iam.put_policy", ROLE, name="r", policy="acksm-autoscaling", document={}),
    ]
    after = repair.predicted(empty, made, dict(charts.TESTED), services)
    after = replace(after, inventory=replace(after.inventory, crds=crds(*services)))
    planned = plan(after, replace(EVERYTHING, services=services))
    assert targets(planned, "cleanup.release") == [f"release {HOME}/{charts.release_name(s)}" for s in services]
    assert sorted(targets(planned, "cleanup.crd")) == sorted(
        f"CustomResourceDefinition {name}" for name in crds(*services)
    )
    assert targets(planned, "cleanup.role") == [ROLE]
    assert targets(planned, "cleanup.role-detach", "cleanup.role-inline") == [ROLE, ROLE]
    assert targets(planned, "cleanup.oidc") == ([] if provider_was_there else [ISSUER])
    assert targets(planned, "cleanup.namespace") == [f"Namespace {HOME}"]


def change(id: str, call: str, target: str, **params: Any) -> Change:
    return Change(id, "x", Op.CREATE, "x", target, call, params)


# what is in AWS


def test_without_being_told_nothing_goes_in_aws() -> None:
    job = item("TrainingJob", "job", effect=Effect.STOPS, state="InProgress")
    retained = item("Model", "kept", policy=Policy("retain", "object"), effect=Effect.LEAVES)
    planned = plan(observed(item(), job, retained), Desired())
    assert targets(planned, "cleanup.retain") == ["Model team/one", "TrainingJob team/job"]
    deleted = {one.target: one.params["retain"] for one in planned.changes if one.id == "cleanup.object"}
    assert deleted == {"Model team/one": True, "TrainingJob team/job": True, "Model team/kept": True}
    assert max(one.danger for one in planned.changes) is not Danger.SEVERE
    assert not targets(planned, "cleanup.in-aws")


def test_with_delete_aws_the_users_go_first_and_each_is_looked_for_in_aws() -> None:
    kinds = ["Model", "EndpointConfig", "Endpoint", "ScalableTarget", "ScalingPolicy", "MonitoringSchedule"]
    planned = plan(observed(*(item(kind, kind.lower()) for kind in kinds)), Desired(delete_aws=True))
    order = [one.target.split()[0] for one in planned.changes if one.id == "cleanup.object"]
    assert order.index("ScalingPolicy") < order.index("ScalableTarget") < order.index("Endpoint")
    assert order.index("MonitoringSchedule") < order.index("Endpoint") < order.index("EndpointConfig")
    assert order[-1] == "Model"
    assert not targets(planned, "cleanup.retain")
    assert {one.danger for one in planned.changes if one.id == "cleanup.object"} == {Danger.SEVERE}
    # no lane goes on before what uses it is gone: a wait without a lane stands between
    ids = [(one.id, one.target.split()[0]) for one in planned.changes if one.step == "objects"]
    for user, used in (("Endpoint", "EndpointConfig"), ("EndpointConfig", "Model")):
        between = ids[ids.index(("cleanup.object", user)) : ids.index(("cleanup.object", used))]
        assert [name for name, _ in between if name in {"cleanup.gone", "cleanup.in-aws"}] == [
            "cleanup.gone",
            "cleanup.in-aws",
        ]


@pytest.mark.parametrize(
    ("more", "fate"),
    [
        ({}, Effect.DELETES),
        ({"adopted": True}, Effect.LEAVES),
        ({"adopted": True, "policy": Policy("delete", "namespace")}, Effect.LEAVES),
        ({"adopted": True, "policy": Policy("delete", "object")}, Effect.DELETES),
        ({"effect": Effect.LEAVES}, Effect.LEAVES),
        ({"effect": Effect.NOTHING}, Effect.NOTHING),
        ({"effect": Effect.STOPS}, Effect.STOPS),
    ],
)
def test_adopted_and_retained_objects_are_respected(more: dict[str, Any], fate: Effect) -> None:
    assert cleanup_objects.fate(item(**more), delete_aws=True) is fate
    assert cleanup_objects.fate(item(**more), delete_aws=False) in {Effect.LEAVES, Effect.NOTHING}


@pytest.mark.parametrize("source", ["namespace", "controller"])
def test_a_policy_that_stands_elsewhere_is_written_onto_the_object(source: str) -> None:
    """A namespace's annotation or a controller's flag may not hold for the controller that deletes the object."""
    kept = item(policy=Policy("retain", source), effect=Effect.LEAVES)
    for delete_aws in (False, True):
        planned = plan(observed(kept), Desired(delete_aws=delete_aws))
        assert targets(planned, "cleanup.retain") == ["Model team/one"]


def test_what_is_there_and_was_not_asked_for_is_told_with_its_option() -> None:
    planned = plan(observed(**bound("acksm")), Desired())
    options = {reason.split()[2] for _, reason in planned.kept}
    assert options == {"--crds", "--carm", "--iam", "--oidc", "--namespace"}


def test_objects_in_an_account_that_cannot_be_asked_are_told() -> None:
    far = item(account=B)
    for desired, count in ((Desired(delete_aws=True), 1), (Desired(), 0)):
        assert len([text for text in plan(observed(far), desired).unchecked if B in text]) == count
    assert plan(observed(far, target_account=B), Desired(delete_aws=True)).unchecked == ()


def test_nothing_is_left_is_said_only_where_it_is_known() -> None:
    """The role that carm setup made in another account is named, by the map or by the controllers' own policy, as long
    as one of them is there, and the command that looks afterwards too."""
    far = f"arn:aws:iam::{B}:role/SagemakerCrossAccountAccess"
    known = role()
    assert known.role is not None
    inline = {carm_trust.POLICY: carm_trust.merge_policy(None, [far], False, carm_trust.sid(ARN), sole=True)}
    assumes = replace(known, role=cast(Role, {**known.role, "inline": inline}))
    nothing = plan(Observed(Inventory(), HOME, OWN, ARN), EVERYTHING)
    for world, desired in (
        (observed(roles=(assumes,)), EVERYTHING),
        (observed(maps={(HOME, ACCOUNT_MAP): Map(HOME, ACCOUNT_MAP, {B: far})}), EVERYTHING),
        (observed(), replace(EVERYTHING, accounts=(B,))),
        (observed(forbidden=("releases of other namespaces",)), Desired()),
    ):
        planned = plan(world, desired)
        done = cleanup_report.Outcome(planned, cleanup_report.facts(planned, desired), lambda: nothing, executed=True)
        assert (done.left(), done.code(), len(done.unchecked())) == ([], 7, 1)
        assert "nothing is left" not in done.text()
        assert done.text().splitlines()[-1] == planned.unchecked[0]
        assert ("--target-profile PROFILE" in done.text()) is desired.carm
    again = cleanup_report.Outcome(nothing, cleanup_report.facts(nothing, EVERYTHING), lambda: nothing, executed=False)
    assert again.code() == 0
    first, last = again.text().splitlines()
    assert first == "nothing is left in this cluster and its account"
    assert last.endswith("acksm cleanup --carm --target-profile PROFILE")
    looked = plan(observed(roles=(assumes,), target_account=B), EVERYTHING)
    assert looked.unchecked == looked.elsewhere == ()


def test_what_stays_in_aws_and_loses_its_role_is_told() -> None:
    one = item("Endpoint", "e", roles=(ROLE,))
    (note,) = plan(observed(one), EVERYTHING).notes
    assert note == f"Endpoint team/e is kept in AWS and loses its role {ROLE}"
    assert plan(observed(one), replace(EVERYTHING, delete_aws=True)).notes == ()
    assert plan(observed(one), Desired()).notes == ()


def test_what_is_ending_already_is_only_told_to_retain_and_waited_for() -> None:
    planned = plan(observed(item(terminating=True)), Desired())
    assert [note for note in planned.notes if note.startswith("Model team/one: already being deleted")]
    assert [one.id for one in planned.changes if one.step in {"policies", "objects"}] == [
        "cleanup.retain",
        "cleanup.gone",
    ]


# what is refused


@pytest.mark.parametrize(
    ("one", "live", "failure"),
    [
        (item(owner=Owner("argocd", "app")), running(), "cleanup-gitops"),
        (item(owner=Owner("helm", "x/y")), running(), ""),
        (item(namespace="other"), running(watched=("team",)), "cleanup-not-watched"),
        (item(namespace="other", finalizers=()), running(watched=("team",)), ""),
        (item(policy=Policy("delete", "version")), running(version="0.4.5"), "cleanup-cannot-retain"),
    ],
)
def test_what_cannot_end_well_is_refused(one: Item, live: Running, failure: str) -> None:
    seen = observed(one, controllers=Controllers((live,)))
    if not failure:
        plan(seen, Desired())
        return
    with pytest.raises(AcksmError) as caught:
        plan(seen, Desired())
    assert caught.value.id == failure
    assert int(caught.value.exit_code) == 6
    if failure != "cleanup-gitops":
        plan(seen, Desired(orphan=True))


def test_releases_of_others_and_of_a_working_helm_are_refused() -> None:
    foreign = observed(releases={"sagemaker": release("sagemaker", owned=False)})
    busy = observed(releases={"sagemaker": release("sagemaker", status="pending-upgrade", age=3.0)})
    for seen, failure in ((foreign, "release-not-ours"), (busy, "release-busy")):
        with pytest.raises(AcksmError) as caught:
            cluster.check_releases(seen, Desired(), sure=lambda: False)
        assert caught.value.id == failure
    cluster.check_releases(foreign, Desired(adopt_release=True), sure=lambda: False)
    cluster.check_releases(busy, Desired(), sure=lambda: True)


# associations


def associated(account: str = "ack-sagemaker-controller", namespace: str = HOME, **more: Any) -> Association:
    return replace(Association(ROLE, ROLE, True, f"a-{account}", namespace, account, MARKS), **more)


SCALING = "ack-applicationautoscaling-controller"


@pytest.mark.parametrize(
    ("found", "deleted", "kept"),
    [
        ([], [], {}),
        ([associated(), associated(SCALING)], ["a-ack-sagemaker-controller", f"a-{SCALING}"], {}),
        ([associated("of-a-killed-cleanup")], ["a-of-a-killed-cleanup"], {}),
        ([associated(namespace="team")], [], {}),
        ([associated(marks={})], [], {"ack-sagemaker-controller": "not created by acksm"}),
        ([associated(owner="arn:aws:eks:x:addon")], [], {"ack-sagemaker-controller": "not created by acksm"}),
        (
            [associated(marks=MARKS | {"acksm:cluster-arn": "x"})],
            [],
            {"ack-sagemaker-controller": "not created by acksm"},
        ),
    ],
)
def test_associations_go_with_the_releases_when_acksm_created_them(found: Any, deleted: Any, kept: Any) -> None:
    for desired in (Desired(), EVERYTHING):
        planned = plan(observed(associations=tuple(found)), desired)
        gone = [change.params["name"] for change in planned.changes if change.id == "association.delete"]
        assert gone == deleted
        told = {what.rpartition("/")[2]: reason for what, reason in planned.kept if "association" in what}
        assert told == kept


def test_associations_go_after_the_controllers_and_before_their_role() -> None:
    seen = observed(associations=(associated(),), roles=(role(pods=(f"{HOME}/ack-sagemaker-controller",)),))
    ids = [change.id for change in plan(seen, EVERYTHING).changes]
    assert ids.index("cleanup.release") < ids.index("association.delete") < ids.index("cleanup.role")


@pytest.mark.parametrize(
    ("marks", "found", "desired", "outcome"),
    [
        (MARKS, [associated()], EVERYTHING, "deleted"),
        (MARKS, [], Desired(), "delete with --iam"),
        (MARKS, [associated("app", "team", marks={})], EVERYTHING, "used by service account team/app"),
        ({}, [], EVERYTHING, ""),
    ],
)
def test_the_agent_goes_when_acksm_created_it_and_no_association_needs_it(
    marks: Any, found: Any, desired: Desired, outcome: str
) -> None:
    agent = Addon("eks-pod-identity-agent", "ACTIVE", marks)
    planned = plan(observed(associations=tuple(found), agent=agent), desired)
    told = [reason for what, reason in planned.kept if "eks-pod-identity-agent" in what]
    told += ["deleted" for change in planned.changes if change.id == "agent.delete"]
    assert "".join(told) == outcome


# orphans


def test_orphans_lose_exactly_acks_finalizers_once_nobody_works_on_them() -> None:
    held = item(finalizers=("example.com/x", "finalizers.sagemaker.services.k8s.aws/Model"))
    planned = plan(observed(held), Desired(orphan=True))
    steps = [one.step for one in planned.changes]
    assert steps.index("release") < steps.index("objects")
    (change,) = [one for one in planned.changes if one.id == "cleanup.orphan"]
    assert change.params["finalizers"] == ["finalizers.sagemaker.services.k8s.aws/Model"]
    assert not targets(planned, "cleanup.retain", "cleanup.object")


@pytest.mark.parametrize(("version", "call"), [("1.5.0", "cleanup.delete"), ("1.9.1", "cleanup.orphan")])
def test_an_adopted_resource_that_nobody_handles_is_let_go(version: str, call: str) -> None:
    """docs/ack/adoption.md#adoptedresource-removal: since 1.5.1 nothing removes that finalizer."""
    location = Ref("services.k8s.aws/v1alpha1", "adoptedresources", "AdoptedResource", "a", "team")
    common = Common(
        "AdoptedResource", location, ("sagemaker",), "u", finalizers=("finalizers.services.k8s.aws/AdoptedResource",)
    )
    others = replace(common, services=("s3",))
    planned = plan(
        observed(common=(common, others), controllers=Controllers((running(version=version),))),
        Desired(services=("sagemaker",)),
    )
    assert [one.call for one in planned.changes if one.step == "common" and one.op is Op.DELETE] == [call]


# who else is here


def test_one_service_leaves_the_other_alone() -> None:
    """G12: the guide deletes the CRDs of applicationautoscaling under SageMaker."""
    autoscaled = item("ScalableTarget", "s")
    desired = replace(EVERYTHING, services=("sagemaker",))
    planned = plan(observed(item(), autoscaled), desired)
    deleted = " ".join(one.target for one in planned.changes if one.op is Op.DELETE)
    assert "applicationautoscaling" not in deleted
    assert "fieldexports" not in deleted
    assert "ScalableTarget" not in deleted
    assert why(planned, ROLE) == f"used by service account {HOME}/ack-applicationautoscaling-controller"
    assert why(planned, ISSUER) == f"trusted by {ROLE}"
    assert "ack-applicationautoscaling-controller" in why(planned, f"namespace {HOME}")


def test_another_controller_of_the_service_keeps_its_objects_and_crds() -> None:
    other = running(namespace="elsewhere", watched=("team",), ready=1)
    mine = item("Model", "mine", "ours")
    planned = plan(observed(item(), mine, controllers=Controllers((running(watched=("ours",)),), (other,))), EVERYTHING)
    assert targets(planned, "cleanup.object") == ["Model ours/mine"]
    assert not [name for name in targets(planned, "cleanup.crd") if "sagemaker" in name]
    assert planned.notes == ("kept: 1 object reconciled by sagemaker 1.9.1 in namespace elsewhere",)


@pytest.mark.parametrize(
    ("owner", "named", "goes"),
    [
        (ACKSM, False, True),
        (None, False, False),
        (None, True, True),
        (Owner("argocd", "ack"), True, False),
        (Owner("helm", "x/ack-chart"), True, False),
        (Owner("olm", "ack"), True, False),
    ],
)
def test_crds_of_others_stay(owner: Owner | None, named: bool, goes: bool) -> None:
    planned = plan(observed(crds=crds("sagemaker", owner=owner)), Desired(named_crds=named))
    assert bool(targets(planned, "cleanup.crd")) is goes
    kept = [what for what, reason in planned.kept if ".sagemaker." in what]
    assert bool(kept) is not goes


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (
            {"crds": {**crds(*charts.SERVICES), "buckets.s3.services.k8s.aws": Crd("buckets.s3.services.k8s.aws")}},
            "CRDs of s3",
        ),
        ({"records": (inventory.Record("ack-s3-controller", "s3", "r"),)}, "release s3/ack-s3-controller"),
        ({"capabilities": ("ack",)}, "EKS capability ack"),
        (
            {"common": (Common("IAMRoleSelector", ref("IAMRoleSelector", "by-hand"), ("sagemaker",)),)},
            "IAMRoleSelector by-hand",
        ),
    ],
)
def test_common_crds_stay_while_anything_of_ack_is_left(more: dict[str, Any], reason: str) -> None:
    planned = plan(observed(**more), EVERYTHING)
    assert reason in why(planned, "fieldexports")
    assert targets(planned, "cleanup.crd")
    assert not [name for name in targets(planned, "cleanup.crd") if "fieldexports" in name]


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (role(tags={}), "not created by acksm for this cluster"),
        (role(tags=MARKS | {"acksm:cluster-arn": "another"}), "not created by acksm for this cluster"),
        (role(tags={"acksm:cluster-arn": ARN}), "not created by acksm for this cluster"),
        (role(profiles=("nodes",)), "used by instance profile nodes"),
        (role(pods=("team/app",)), "used by EKS Pod Identity of team/app"),
        (
            role(pods=(f"{HOME}/ack-sagemaker-controller",)),
            f"used by EKS Pod Identity of {HOME}/ack-sagemaker-controller",
        ),
        (role(statement({"Service": "pods.eks.amazonaws.com"})), "its trust policy trusts pods.eks.amazonaws.com"),
        (role(pod_trust.statement(ARN, [f"system:serviceaccount:{HOME}:x"])), ""),  # as the associations
        (role(pod_trust.statement(f"{ARN}-2", ["system:serviceaccount:x:x"])), "its trust policy trusts pods.eks.ama"),
        (role(statement({"Service": "ec2.amazonaws.com"})), "its trust policy trusts ec2.amazonaws.com"),
        (role(statement("*")), "its trust policy trusts *"),
        (role(statement({"AWS": "AROAEXAMPLEOFAGONEROLE"})), ""),
        (role(statement({"Federated": ISSUER.replace("AAAA", "BBBB")})), ""),  # a provider that is gone
        (role(statement({"AWS": "*"}, Effect="Deny")), ""),
    ],
)
def test_a_role_goes_only_when_it_is_acksms_and_nobody_uses_it(seen: RoleState, reason: str) -> None:
    planned = plan(observed(roles=(seen,)), EVERYTHING)
    assert why(planned, ROLE).startswith(reason)
    assert bool(why(planned, ROLE)) is bool(reason)
    assert bool(targets(planned, "cleanup.role")) is (reason == "")


def test_a_provider_stays_for_whoever_trusts_it_or_may() -> None:
    other = f"arn:aws:iam::{OWN}:role/of-another-tool"
    trusts = {ROLE: trusted(OURS), other: trusted(OURS)}
    there = frozenset({ISSUER})
    assert (
        why(plan(observed(providers=Providers(ISSUER, there, (ISSUER,), trusts)), EVERYTHING), ISSUER)
        == f"trusted by {other}"
    )
    unknown = plan(observed(providers=Providers(ISSUER, there, (ISSUER,), None)), EVERYTHING)
    assert "cannot be listed" in why(unknown, ISSUER)
    assert why(plan(observed(providers=Providers(ISSUER, there)), EVERYTHING), ISSUER) == "not created by acksm"


def test_the_statement_of_carm_leaves_a_role_that_stays() -> None:
    carm = {"Sid": "AcksmCarm", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ["arn:b"]}
    theirs = {"Sid": "Theirs", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    kept = role()
    assert kept.role is not None
    for inline, call, after in (
        (trusted(carm), "iam.delete_policy", None),
        (trusted(carm, theirs), "iam.put_policy", {"acksm-carm": trusted(theirs)}),
    ):
        seen = replace(kept, role={**kept.role, "inline": {"acksm-carm": inline}})
        (one,) = cleanup_iam.plan_own_policy(seen, ARN)
        assert (one.call, one.after) == (call, after)
    assert (
        cleanup_iam.plan_own_policy(replace(kept, role={**kept.role, "inline": {"acksm-carm": trusted(theirs)}}), ARN)
        == []
    )
    # of a role that other clusters use too only this cluster's own statement goes
    tags = {**MARKS, oidc.adopter_tag(f"{ARN}2"): f"{ARN}2"}
    both = trusted({**carm, "Sid": carm_trust.sid(ARN)}, {**carm, "Sid": carm_trust.sid(f"{ARN}2")}, carm)
    shared = replace(kept, role={**kept.role, "tags": tags, "inline": {"acksm-carm": both}})
    (one,) = cleanup_iam.plan_own_policy(shared, ARN)
    assert one.after == {"acksm-carm": {**both, "Statement": both["Statement"][1:]}}


# bindings and namespaces


def test_bindings_go_when_acksm_wrote_them_and_no_other_controller_reads_them() -> None:
    planned = plan(observed(**bound("acksm")), EVERYTHING)
    assert targets(planned, "carm.unbind", "region.unbind") == [
        f"annotation {key} of namespace team" for key in (OWNER, REGION)
    ]
    assert why(planned, "entry sagemaker.222222222222") == "not written by acksm"
    assert targets(planned, "carm.release") == [f"{B} in ConfigMap {HOME}/{ACCOUNT_MAP}"]
    theirs = plan(observed(**bound("kubectl-annotate")), EVERYTHING)
    assert not targets(theirs, "carm.unbind", "region.unbind", "carm.release")
    assert why(theirs, f"entry {B} ") == "namespace team is bound to it"
    s3 = {"buckets.s3.services.k8s.aws": Crd("buckets.s3.services.k8s.aws")}
    shared = plan(observed(**bound("acksm"), crds=s3), EVERYTHING)
    assert not targets(shared, "carm.unbind", "region.unbind", "carm.release")
    assert why(shared, f"annotation {OWNER}") == "may be needed by CRDs of s3.services.k8s.aws"
    without = plan(observed(**bound("acksm")), replace(EVERYTHING, carm=False))
    assert not targets(without, "carm.unbind", "region.unbind", "carm.release")


def test_the_roles_in_the_other_account_go_with_their_map() -> None:
    arn = f"arn:aws:iam::{B}:role/SagemakerCrossAccountAccess"
    document = trusted(statement({"AWS": ROLE}, Sid="AcksmCarm"))
    known = role()
    assert known.role is not None
    found: Role = {**known.role, "arn": arn, "trust": document, "attached": [], "inline": {}}
    far = RoleState("SagemakerCrossAccountAccess", found)
    planned = plan(observed(target_roles=(far,), target_account=B), EVERYTHING)
    assert [one.call for one in planned.changes if one.step == "carm-role"] == ["target-iam.delete_role"]
    shared = replace(far, role={**found, "trust": trusted(statement({"AWS": f"arn:aws:iam::{B}:root"}))})
    assert "root" in why(plan(observed(target_roles=(shared,), target_account=B), EVERYTHING), arn)
    # another cluster's statement keeps the role, and this cluster's leaves it
    second = f"arn:aws:iam::{OWN}:role/ack-controller-role-second"
    theirs = statement({"AWS": second}, Sid=carm_trust.sid(f"{ARN}2"))
    ours = statement({"AWS": ROLE}, Sid=carm_trust.sid(ARN))
    two = replace(far, role={**found, "trust": {**trusted(ours, theirs), "Id": "of B"}})
    planned = plan(observed(target_roles=(two,), target_account=B), EVERYTHING)
    (left,) = [one for one in planned.changes if one.step == "carm-role"]
    assert (left.call, left.after) == ("target-iam.update_trust", {**trusted(theirs), "Id": "of B"})
    assert second in why(planned, arn)
    unseen = plan(observed(item(account=B)), EVERYTHING)
    assert [text for text in unseen.unchecked if B in text]


@pytest.mark.parametrize(
    ("location", "meta", "goes"),
    [
        (ref("ConfigMap", "theirs", HOME), {}, False),
        (ref("Secret", "theirs", HOME), {"labels": {"owner": "helm", "name": "ack-s3-controller"}}, False),
        (ref("Secret", "ours", HOME), {"labels": {"owner": "helm", "name": "ack-sagemaker-controller"}}, True),
        (ref("Pod", "ending", HOME), {"deletionTimestamp": "now"}, True),
        (ref("Lease", "ack-sagemaker.services.k8s.aws", HOME), {}, True),
        (ref("Lease", "somebody", HOME), {}, False),
        (ref("Model", "one", HOME), {}, True),
    ],
)
def test_a_namespace_goes_only_when_nothing_foreign_is_in_it(location: Ref, meta: dict[str, Any], goes: bool) -> None:
    inside = (location, {"metadata": {"name": location.name, "namespace": HOME, **meta}})
    seen = observed(item(namespace=HOME), contents={HOME: Contents((inside,))})
    planned = plan(seen, EVERYTHING)
    assert (targets(planned, "cleanup.namespace") == [f"Namespace {HOME}"]) is goes


def test_a_namespace_of_somebody_else_and_what_cannot_be_looked_into_stay() -> None:
    assert why(plan(observed(owned_namespaces=frozenset()), EVERYTHING), HOME) == "not created by acksm"
    blind = plan(observed(contents={HOME: Contents((), ("secrets",))}), EVERYTHING)
    assert why(blind, f"namespace {HOME}") == "contains secrets (cannot be listed)"


# half states


def test_a_controller_comes_back_only_where_something_waits_for_it() -> None:
    def reasons(seen: Observed, desired: Desired) -> dict[str, str]:
        return repair.reasons(seen, Choice(seen.inventory.items, seen.inventory.common), desired)

    gone = {"sagemaker": release("sagemaker", recorded=False, objects=(), health=None)}
    assert reasons(observed(item()), Desired()) == {}
    assert reasons(observed(item(), releases=gone), Desired()) == {"sagemaker": "no controller is running"}
    assert reasons(observed(item(), releases=gone), Desired(orphan=True)) == {}
    assert reasons(observed(item(finalizers=()), releases=gone), Desired()) == {}
    sick = release("sagemaker")
    assert sick.health is not None
    crashing = replace(sick, health=replace(sick.health, available=False, problems=("pod x: CrashLoopBackOff",)))
    assert reasons(observed(item(), releases={"sagemaker": crashing}), Desired()) == {
        "sagemaker": "pod x: CrashLoopBackOff"
    }
    no_role = observed(item(), roles=(RoleState("ack-controller-role-demo"),))
    assert reasons(no_role, Desired()) == {}  # letting go needs no call of AWS
    assert "does not exist" in reasons(no_role, Desired(delete_aws=True))["sagemaker"]


def test_crds_that_came_back_with_a_controller_go_with_it_whatever_was_asked() -> None:
    made = [change("crds.create", "kube.apply", "x", manifest=_marked_crd("spaces.sagemaker.services.k8s.aws"))]
    after = repair.predicted(observed(), made, {}, ["sagemaker"])
    planned = plan(after, Desired(crds="none"))
    assert targets(planned, "cleanup.crd") == ["CustomResourceDefinition spaces.sagemaker.services.k8s.aws"]


def _marked_crd(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"acksm.dev/owned": "true"}}}


def test_the_version_that_comes_back_is_the_one_that_was_there() -> None:
    gone: dict[str, ReleaseState] = {}
    assert repair.version_of(observed(), "sagemaker") == "1.9.1"
    old = {name: replace(crd, chart="sagemaker-chart 1.4.1") for name, crd in crds("sagemaker").items()}
    assert repair.version_of(observed(releases=gone, crds=old), "sagemaker") == "1.4.1"
    assert (
        repair.version_of(observed(releases=gone, crds=crds("sagemaker", owner=None)), "applicationautoscaling") == ""
    )


def test_the_maps_entry_comes_back_for_objects_of_another_account() -> None:
    far = item(account=B)
    assert repair.map_entries(observed(item()), Choice((item(),))) == []
    spaces = {"team": Namespace("team", {OWNER: B})}
    (one,) = repair.map_entries(observed(far, namespaces=spaces), Choice((far,)))
    assert one.params["keys"] == {B: [None, f"arn:aws:iam::{B}:role/SagemakerCrossAccountAccess"]}
    known = role()
    assert known.role is not None
    carm = trusted({"Sid": "AcksmCarm", "Resource": f"arn:aws:iam::{B}:role/ours/x"})
    named = replace(known, role={**known.role, "inline": {"acksm-carm": carm}})
    (one,) = repair.map_entries(observed(far, namespaces=spaces, roles=(named,)), Choice((far,)))
    assert one.params["keys"] == {B: [None, f"arn:aws:iam::{B}:role/ours/x"]}
    there = {(HOME, ACCOUNT_MAP): Map(HOME, ACCOUNT_MAP, {B: "arn"})}
    assert repair.map_entries(observed(far, namespaces=spaces, maps=there), Choice((far,))) == []


@pytest.mark.parametrize("installed", [False, True])
def test_objects_go_only_when_the_controllers_that_came_back_are_ready(installed: bool) -> None:
    by_install = [replace(change("release.install", "helm.install", "r"), step="release", lane="sagemaker")]
    changes = repair._restarts(observed(), {"sagemaker": "x"}, by_install if installed else [], ROLE)
    assert [one.id for one in changes] == ([] if installed else ["release.restart"]) + ["release.ready"]
    assert (changes[-1].op, changes[-1].lane) == (Op.WAIT, "")
