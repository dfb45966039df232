"""Every check of doctor, seen to hold and to fail: one thing of a whole cluster is broken at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.ack import charts
from acksm.aws.eks import Capability
from acksm.catalog import entries, lookup
from acksm.engine import plan_file
from acksm.engine.change import Danger, Op, Plan
from acksm.engine.checks import Check, Result, Severity, State, healthy, incomplete, judge
from acksm.engine.review import CURRENT
from acksm.errors import AcksmError
from acksm.guide.carm.verify import Chain
from acksm.guide.doctor import command as doctor
from acksm.guide.doctor.facts import Facts, PlanRights
from acksm.guide.doctor.folding import folded
from acksm.guide.identity import oidc, pod_trust, trust
from acksm.guide.identity.judged import Judged, Verdict
from acksm.guide.identity.live_accounts import Live
from acksm.kube.owners import Owner
from acksm.kube.paths import Ref
from acksm.live import drift
from acksm.live.controller_logs import PodLog
from acksm.live.drift import Drift
from acksm.live.engines import Engine
from acksm.live.placement import Fit, Placement
from acksm.live.readiness import SCALED_TO_ZERO
from acksm.settings import RunSettings, Settings
from carm_cluster import OWN, running
from doctor_facts import (
    CLUSTER,
    CONTEXT,
    CONTROLLER,
    HEALTH,
    PROVIDER,
    RELEASE,
    ROLE,
    SUBJECT,
    adopted,
    associated,
    change,
    crd,
    deployed,
    error,
    export,
    inventory_of,
    item,
    lease,
    pod,
    role,
    whole,
)

B = "011111111111"
DENIED = "User: x is not authorized to perform: iam:PassRole on resource: y"

OF_TEAM_A = running(watched=("team-a",))
NODE = (
    "is not authorized to perform: sagemaker:ListTags: "
    f"arn:aws:sts::{OWN}:assumed-role/practice-node/i-0123456789abcdef0"
)
NOWHERE = Placement(Fit.NO, "no place", remedy="eksctl create nodegroup --cluster {cluster}")


def results(facts: Facts) -> list[Result]:
    return judge(doctor.CHECKS, facts)


def wrong(facts: Facts) -> dict[str, State]:
    """Ids of what does not hold, skipped ones left out."""
    fine = {State.OK, State.SKIPPED}
    return {one.check.id: one.check.state for one in results(facts) if one.check.state not in fine}


def with_controller(**more: Any) -> Facts:
    changed = running(**more)
    return whole(deployed=[deployed(changed)], inventory=inventory_of(found=(changed,)))


def release(**more: Any) -> Facts:
    return whole(releases={"sagemaker": replace(RELEASE, **more)})


def log(text: str) -> list[PodLog]:
    return [PodLog("sagemaker", "ack-system", "p", True, text)]


def election(*leases: Any, **more: Any) -> Facts:
    return whole(deployed=[deployed(enable_leader_election="true", **more)], leases=list(leases))


def in_turns(holder: str, **more: str) -> Facts:
    """With the Lease that AWS documents for a controller beside an EKS capability."""
    with_lease = deployed(enable_leader_election="true", leader_election_namespace="kube-system")
    shared = lease(holder, **more)
    shared["metadata"]["namespace"] = "kube-system"
    return whole(capabilities=[Capability("ack", "ACTIVE")], deployed=[with_lease], leases=[shared])


def chain(*checks: Check) -> Facts:
    return whole(chains=[Chain("team", None, {}, checks)])


FAILED, WARNING, UNKNOWN = State.FAILED, State.WARNING, State.UNKNOWN
# what is done to the cluster -> the checks that say so
# Nobody can tell from the document whether the Deny counts.
UNJUDGED = {
    "Statement": [
        trust.statement(PROVIDER, [SUBJECT]),
        {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": {"Bool": {"aws:ViaAWSService": "false"}}},
    ]
}
FLUX = Owner("flux", "b", "Kustomization", "a")
BREAKS: dict[str, tuple[Callable[[], Facts], dict[str, State]]] = {
    "a stranger is let in": (
        lambda: whole(other_subjects={ROLE: Live(strangers=frozenset({"system:serviceaccount:team-a:ack"}))}),
        {"check.trust-subjects": WARNING},
    ),
    "every role may be passed on": (
        lambda: whole(pass_role={ROLE: Judged(Verdict.YES, "AmazonSageMakerFullAccess")}),
        {"check.pass-role": WARNING},
    ),
    "a trust that cannot be judged": (
        lambda: whole(roles={ROLE: role(SUBJECT, trust=UNJUDGED)}),
        {"check.trust": UNKNOWN},
    ),
    "no helm": (lambda: whole(helm=error("helm-missing")), {"check.helm": FAILED}),
    "old helm": (lambda: whole(helm=error("helm-too-old")), {"check.helm": FAILED}),
    "helm that hangs": (lambda: whole(helm=error("helm-timeout")), {"check.helm": UNKNOWN}),
    "no region": (lambda: whole(region=error("aws-region-missing")), {"check.region": FAILED}),
    "another region": (lambda: whole(region="us-moon-1"), {"check.region": FAILED}),
    "a region without SageMaker": (lambda: whole(region="eu-west-1"), {"check.region": FAILED}),
    "no table of regions": (lambda: whole(regions={}), {"check.region": UNKNOWN}),
    "no credentials": (lambda: whole(identity=error("aws-no-credentials")), {"check.credentials": FAILED}),
    "expired credentials": (lambda: whole(identity=error("aws-expired-credentials")), {"check.credentials": FAILED}),
    "no AWS": (lambda: whole(identity=error("aws-unreachable")), {"check.credentials": UNKNOWN}),
    "another account": (
        lambda: whole(settings=Settings.of(service=["sagemaker"], account=B)),
        {"check.account": FAILED},
    ),
    "no cluster": (lambda: whole(cluster=error("cluster-unknown")), {"check.cluster": FAILED}),
    "a cluster being made": (lambda: whole(cluster=error("cluster-not-active")), {"check.cluster": FAILED}),
    "no right to describe": (lambda: whole(cluster=error("aws-access-denied")), {"check.cluster": UNKNOWN}),
    "an old cluster": (lambda: whole(cluster=error("cluster-too-old")), {"check.kubernetes-version": FAILED}),
    "another partition": (
        lambda: whole(cluster=replace(CLUSTER, arn=CLUSTER.arn.replace("arn:aws:", "arn:aws-cn:"))),
        {"check.partition": FAILED},
    ),
    "another cluster's context": (
        lambda: whole(context=replace(CONTEXT, server="https://y")),
        {"check.context": FAILED},
    ),
    "a kubeconfig that starts programs": (lambda: whole(context=error("kubeconfig-exec")), {"check.context": FAILED}),
    "no apiserver": (lambda: whole(server=error("kube-unreachable")), {"check.apiserver": FAILED}),
    "an unknown identity": (lambda: whole(server=error("kube-unauthorized")), {"check.apiserver": FAILED}),
    "a busy apiserver": (lambda: whole(server=error("kube-busy")), {"check.apiserver": UNKNOWN}),
    "no connection": (lambda: whole(connection=error("kube-failed")), {"check.apiserver": FAILED}),
    "no nodes": (lambda: whole(nodes=[NOWHERE, NOWHERE]), {"check.compute": FAILED}),
    "nodes by an autoscaler": (lambda: whole(nodes=[Placement(Fit.MAYBE, "perhaps")]), {"check.compute": WARNING}),
    "nodes of two architectures": (
        lambda: whole(nodes=[Placement(Fit.YES, "2 of 2", ("arm64 too",))]),
        {"check.compute": WARNING},
    ),
    "nodes not to be seen": (lambda: whole(nodes=error("kube-forbidden")), {"check.compute": UNKNOWN}),
    "a namespace that goes": (
        lambda: whole(namespace={"metadata": {"deletionTimestamp": "x"}}),
        {"check.namespace": FAILED},
    ),
    "a namespace not to be seen": (lambda: whole(namespace=error("kube-forbidden")), {"check.namespace": UNKNOWN}),
    "no registry": (
        lambda: whole(registry={("sagemaker", "a.example/x"): error("registry-unreachable")}),
        {"check.registry": FAILED},
    ),
    "EKS's own ACK": (lambda: whole(capabilities=[Capability("ack", "ACTIVE")]), {"check.capability": FAILED}),
    "EKS's own ACK, which leaves both services out": (
        lambda: whole(capabilities=[Capability("ack", "ACTIVE", charts.SERVICES)]),
        {},
    ),
    "EKS's own ACK, which leaves both services out and is not well": (
        lambda: whole(capabilities=[Capability("ack", "DEGRADED", charts.SERVICES, issues=("AccessDenied: no",))]),
        {"check.capability": WARNING},
    ),
    "EKS's own ACK, in turns": (
        lambda: in_turns("capability-sagemaker_x"),
        {},
    ),
    "EKS's own ACK, in turns that nobody takes": (
        lambda: in_turns("capability-sagemaker_x", renewed="2020-01-01T00:00:00Z"),
        {"check.leader-election": FAILED},
    ),
    "the namespace of the Leases alone, as a page of AWS has it": (
        lambda: whole(
            capabilities=[Capability("ack", "ACTIVE")],
            deployed=[deployed(leader_election_namespace="kube-system")],
        ),
        {"check.capability": FAILED},
    ),
    "EKS's own ACK, and controllers not to be seen": (
        lambda: whole(capabilities=[Capability("ack", "ACTIVE")], deployed=error("kube-forbidden")),
        {
            f"check.{name}": UNKNOWN
            for name in ("capability", "annotation", "leader-election", "pod-identity", "pod-role", "scope")
        },
    ),
    "capabilities not to be seen": (
        lambda: whole(capabilities=error("aws-access-denied")),
        {"check.capability": UNKNOWN},
    ),
    "a caller with few rights": (
        lambda: whole(iam={"install": ["iam:CreateRole"], "status": []}),
        {"check.iam-rights": WARNING},
    ),
    "IAM that does not tell": (lambda: whole(iam={"install": None}), {"check.iam-rights": UNKNOWN}),
    "IAM that fails": (lambda: whole(iam=error("aws-throttled")), {"check.iam-rights": UNKNOWN}),
    "an object of others": (
        lambda: whole(plan=error("object-not-ours")),
        {"check.plan": FAILED},
    ),
    "a release of others": (
        lambda: whole(plan=error("release-not-ours")),
        {"check.plan": WARNING, "check.crd-drift": UNKNOWN},
    ),
    "a plan not to be made": (
        lambda: whole(plan=error("kube-forbidden")),
        {"check.plan": UNKNOWN},
    ),
    "a plan that is not allowed": (
        lambda: whole(plan_rights=PlanRights(["x may not create secrets"])),
        {"check.plan-rights": FAILED},
    ),
    "an SCP with conditions": (
        lambda: whole(plan_rights=PlanRights([], ["not checked: whether x may perform iam:CreateRole"])),
        {"check.plan-rights": UNKNOWN},
    ),
    "rights not to be seen": (lambda: whole(plan_rights=error("aws-failed")), {"check.plan-rights": UNKNOWN}),
    "a killed helm": (lambda: release(status="pending-upgrade"), {"check.release": FAILED}),
    "releases not to be seen": (lambda: whole(releases=error("kube-forbidden")), {"check.release": UNKNOWN}),
    "an unknown value": (
        lambda: whole(unknown_values={"sagemaker": ["log.levle"]}),
        {"check.values": WARNING},
    ),
    "a chart not to be had": (lambda: whole(unknown_values=error("registry-failed")), {"check.values": UNKNOWN}),
    "changed by hand": (lambda: release(drift=(Drift("Deployment x"),)), {"check.drift": WARNING}),
    "a CRD that goes": (lambda: whole(crds=[crd(going=True)]), {"check.crds": FAILED}),
    "a CRD that is not served": (lambda: whole(crds=[crd(established=False)]), {"check.crds": FAILED}),
    "a missing CRD": (lambda: whole(plan=Plan("d", (change("crds.create"),))), {"check.crds": FAILED}),
    "CRDs not to be seen": (lambda: whole(crds=error("kube-forbidden")), {"check.crds": UNKNOWN}),
    "changed at each write": (
        lambda: release(drift=(Drift("Deployment x", drift.State.NOT_KEPT, ("spec.replicas",)),)),
        {"check.drift": WARNING},
    ),
    "may not patch": (lambda: release(drift=(Drift("x", drift.State.UNKNOWN, why="no"),)), {"check.drift": UNKNOWN}),
    "a suspended engine": (
        lambda: whole(engines={"Flux Kustomization a/b": Engine(FLUX, "is suspended")}),
        {"check.engine": FAILED},
    ),
    "an engine not to be seen": (
        lambda: whole(engines={"Flux Kustomization a/b": error("kube-forbidden")}),
        {"check.engine": UNKNOWN},
    ),
    "another than is committed": (
        lambda: whole(plan=Plan("d", (), (), {"kept": {"differs": ["Deployment a/b (spec)"], "commit": "acksm …"}})),
        {"check.kept": WARNING},
    ),
    "an old CRD": (lambda: whole(plan=Plan("d", (change("crds.update"),))), {"check.crd-drift": WARNING}),
    "two roles": (
        lambda: whole(associated=associated(f"{ROLE}-other"), roles={ROLE: role(SUBJECT), f"{ROLE}-other": by_pods()}),
        {"check.pod-identity": WARNING},
    ),
    "no agent on a node": (
        lambda: whole(agent=error("agent-not-on-node")),
        {"check.pod-identity-agent": FAILED},
    ),
    "associations not to be seen": (
        lambda: whole(associated=error("aws-access-denied")),
        {"check.pod-identity": UNKNOWN, "check.trust": UNKNOWN},
    ),
    "a stripped annotation": (
        lambda: whole(deployed=[deployed(running(role_arn=""))]),
        {"check.annotation": FAILED},
    ),
    "no provider": (lambda: whole(provider=oidc.Observed(PROVIDER)), {"check.oidc": FAILED}),
    "no audience": (lambda: whole(provider=oidc.Observed(PROVIDER, ("x",))), {"check.oidc": FAILED}),
    "a provider not to be seen": (lambda: whole(provider=error("aws-access-denied")), {"check.oidc": UNKNOWN}),
    "no role": (lambda: whole(roles={ROLE: None}), {"check.role": FAILED}),
    "a role without policies": (lambda: whole(roles={ROLE: role(SUBJECT, attached=[])}), {"check.role": FAILED}),
    "a role of another account": (lambda: whole(roles={}), {"check.role": UNKNOWN}),
    "a role not to be seen": (lambda: whole(roles=error("aws-access-denied")), {"check.role": UNKNOWN}),
    "a role that trusts another": (lambda: whole(roles={ROLE: role("system:x")}), {"check.trust": FAILED}),
    "a role that trusts an old cluster": (
        lambda: whole(roles={ROLE: role(SUBJECT, provider=PROVIDER.replace("ABC", "OLD"))}),
        {"check.trust": FAILED},
    ),
    "a role that trusts nobody": (lambda: whole(roles={ROLE: role()}), {"check.trust": FAILED}),
    "an old pod": (
        lambda: whole(deployed=[replace(deployed(), pods=(pod(role=""),))]),
        {"check.pod-role": FAILED},
    ),
    "a pod that does not start": (
        lambda: release(health=replace(HEALTH, problems=("pod p: CrashLoopBackOff",))),
        {"check.pods": FAILED},
    ),
    "no Deployment": (lambda: release(health=None), {"check.pods": FAILED}),
    "replicas without election": (lambda: whole(deployed=[deployed(replicas=2)]), {"check.leader-election": FAILED}),
    "nobody holds the lease": (lambda: election(), {"check.leader-election": FAILED}),
    "a stranger holds the lease": (lambda: election(lease("other_x")), {"check.leader-election": FAILED}),
    "a lease that nobody renews": (
        lambda: election(lease(renewed="2020-01-01T00:00:00Z")),
        {"check.leader-election": FAILED},
    ),
    "a lease without a time": (lambda: election(lease(renewed="soon")), {"check.leader-election": FAILED}),
    "leases not to be seen": (lambda: whole(leases=error("kube-forbidden")), {"check.leader-election": UNKNOWN}),
    "a log that complains": (lambda: whole(logs=log("adopted resource not found")), {"check.log": WARNING}),
    "no log": (lambda: whole(logs=[]), {"check.log": UNKNOWN}),
    "logs not to be seen": (lambda: whole(logs=error("kube-forbidden")), {"check.log": UNKNOWN}),
    "a scope that ignores bindings": (
        lambda: whole(
            deployed=[deployed(running(watched=("team",)))], inventory=inventory_of(found=(CONTROLLER,), owner=B)
        ),
        {"check.scope": FAILED},
    ),
    "a scope that would ignore them": (lambda: with_controller(watched=("team",)), {"check.scope": WARNING}),
    "a gate that does not go": (
        lambda: with_controller(gates=frozenset({"IAMRoleSelector"})),
        {"check.scope": FAILED},
    ),
    "a version that cannot": (
        lambda: with_controller(version="1.2.4", watched=("a", "b")),
        {"check.scope": FAILED},
    ),
    "a broken link": (
        lambda: chain(Check("check.carm-map", FAILED, "map"), Check("check.carm-role", State.OK, "role")),
        {"check.carm-map": FAILED},
    ),
    "a link nobody looked at": (
        lambda: chain(Check("check.carm-role", UNKNOWN, "r", expected=True)),
        {"check.carm-role": UNKNOWN},
    ),
    "bindings not to be seen": (lambda: whole(chains=error("aws-failed")), {"check.bindings": UNKNOWN}),
    "an object that fails": (
        lambda: whole(inventory=inventory_of(item({"type": "ACK.Recoverable", "status": "True", "message": DENIED}))),
        {"check.objects": WARNING},
    ),
    "an object that fails in a new way": (
        lambda: whole(inventory=inventory_of(item({"type": "ACK.Terminal", "status": "True", "message": "?"}))),
        {"check.objects": WARNING},
    ),
    "an object nobody deletes": (
        lambda: whole(inventory=inventory_of(item(terminating=True, finalizers=("f",)), found=())),
        {"check.stuck": FAILED},
    ),
    "an AdoptedResource nobody handles": (
        lambda: whole(inventory=inventory_of(common=[adopted()])),
        {"check.stuck": FAILED},
    ),
    "objects not to be seen": (
        lambda: whole(inventory=error("kube-forbidden")),
        {
            "check.objects": UNKNOWN,
            "check.stuck": UNKNOWN,
            "check.other-controllers": UNKNOWN,
            "check.unwatched": UNKNOWN,
            "check.cross-namespace": UNKNOWN,
            "check.field-exports": UNKNOWN,
        },
    ),
    "an export to another namespace that is refused": (
        lambda: whole(
            inventory=inventory_of(common=[export("team-b")], found=(replace(CONTROLLER, cross_namespace=False),))
        ),
        {"check.cross-namespace": FAILED},
    ),
    "an export that is written once": (
        lambda: whole(inventory=inventory_of(common=[export()], found=(replace(CONTROLLER, version="1.8.3"),))),
        {"check.field-exports": WARNING},
    ),
    "a bound namespace nobody watches": (
        lambda: whole(inventory=inventory_of(found=(OF_TEAM_A,), owner=B)),
        {"check.unwatched": FAILED},
    ),
    "an object nobody watches": (
        lambda: whole(inventory=inventory_of(item(), found=(OF_TEAM_A,))),
        {"check.unwatched": WARNING},
    ),
    "an object that nobody may watch": (
        lambda: whole(inventory=inventory_of(item(), found=(OF_TEAM_A,), partial=True)),
        {"check.unwatched": UNKNOWN, "check.other-controllers": UNKNOWN},
    ),
    "an object that goes in a namespace nobody watches": (
        lambda: whole(inventory=inventory_of(item(terminating=True, finalizers=("f",)), found=(OF_TEAM_A,))),
        {"check.stuck": FAILED},
    ),
    "a controller in another namespace": (
        lambda: whole(inventory=inventory_of(found=(), others=(running(namespace="ml-ack"),))),
        {"check.other-controllers": WARNING},
    ),
    "releases of other namespaces not to be seen": (
        lambda: whole(inventory=replace(inventory_of(), forbidden=("releases of other namespaces",))),
        {"check.other-controllers": UNKNOWN},
    ),
    "a second controller": (
        lambda: whole(inventory=inventory_of(others=(running(namespace="elsewhere"),))),
        {"check.other-controllers": WARNING},
    ),
    "other namespaces not to be seen": (
        lambda: whole(inventory=inventory_of(partial=True)),
        {"check.other-controllers": UNKNOWN},
    ),
}


# Unknown for want of what acksm was not given, whoever runs it: no incomplete answer.
NOT_GIVEN = {
    "an SCP with conditions",
    "a role of another account",
    "a trust that cannot be judged",
    "a link nobody looked at",
}


def test_a_whole_cluster_passes_every_check() -> None:
    found = results(whole())
    assert {one.check.state for one in found} == {State.OK, State.SKIPPED}
    assert [one.check.id for one in found if one.check.state is State.SKIPPED] == ["check.bindings"]
    assert healthy(found)
    assert wrong(chain(Check("check.carm-map", State.OK, "map"))) == {}
    assert "check.bindings" in {one.check.id for one in results(chain()) if one.check.state is State.OK}
    assert wrong(election(lease())) == {}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_named_and_nothing_else(name: str) -> None:
    made, expected = BREAKS[name]
    found = results(made())
    assert wrong(made()) == expected
    warnings = {one.id for one in doctor.CHECKS if one.severity is Severity.WARNING}
    needed = {need for one in doctor.CHECKS for need in one.needs}
    if any(state is FAILED and one not in warnings for one, state in expected.items()):
        verdict: bool | None = False
    elif any(state is UNKNOWN and (one in needed or one not in warnings) for one, state in expected.items()):
        verdict = True if name in NOT_GIVEN else None
    else:
        verdict = True
    assert healthy(found) is verdict
    assert bool(incomplete(found)) is (verdict is None)
    for one in found:
        if one.check.state in {FAILED, WARNING, UNKNOWN}:
            assert one.check.effective_remedy, one.check
            assert one.as_data()["anchor"] == f"errors.md#{one.check.id}"


_NOT_READ = {"settings", "connection", "regions", "registry", "fixed"}
_READ = [item.name for item in fields(Facts) if item.name not in _NOT_READ]


@given(st.sets(st.sampled_from(_READ)), st.sampled_from(["kube-forbidden", "aws-access-denied", "aws-failed"]))
def test_whatever_could_not_be_read_every_check_has_an_answer(unread: set[str], id: str) -> None:
    lost: dict[str, Any] = dict.fromkeys(unread, error(id))
    found = results(replace(whole(), **lost))
    assert [*dict.fromkeys(one.check.id for one in found)] == [one.id for one in doctor.CHECKS]
    assert bool(unread) is any(one.check.state in {UNKNOWN, FAILED, WARNING} for one in found)
    doctor.text_of(found, full=True)
    doctor.known_symptoms(replace(whole(), **lost))


def test_every_check_is_seen_failing() -> None:
    """`check.bindings` fails under the ids of its links."""
    failing = {one for _, expected in BREAKS.values() for one in expected if expected[one] in {FAILED, WARNING}}
    assert [one.id for one in doctor.CHECKS if one.id not in failing] == ["check.bindings"]


def test_checks_are_data_that_the_catalogue_knows() -> None:
    ids = [one.id for one in doctor.CHECKS]
    assert len(set(ids)) == len(ids)
    for index, one in enumerate(doctor.CHECKS):
        assert lookup(one.id).kind == "check"
        assert set(one.needs) <= set(ids[:index])
        assert all(name in entries() and lookup(name).kind == "change" for name in one.fixes), one.id


def test_what_needs_something_broken_is_skipped_and_says_so() -> None:
    found = {one.check.id: one.check for one in results(whole(identity=error("aws-no-credentials")))}
    assert found["check.cluster"].text == "needs check.credentials, which failed"
    assert found["check.trust"].state is State.SKIPPED
    assert found["check.trust"].text == found["check.cluster"].text
    assert found["check.helm"].state is State.OK
    unsure = {one.check.id: one.check for one in results(whole(identity=error("aws-unreachable")))}
    assert unsure["check.cluster"].text == "needs check.credentials, which is unknown"


def test_a_bare_cluster_is_ready_for_install() -> None:
    bare = whole(
        releases={"sagemaker": replace(RELEASE, version="")},
        deployed=[],
        namespace=None,
        provider=oidc.Observed(PROVIDER),
        roles={},
        crds=[],
        inventory=inventory_of(found=()),
        logs=[],
        plan=Plan("doctor", (change("oidc.create"), change("crds.create"))),
    )
    found = results(bare)
    assert wrong(bare) == {}
    assert {one.check.text for one in found if one.check.id == "check.trust"} == {
        "no controller is installed; run acksm install"
    }
    assert "2 changes to apply" in {one.check.text for one in found}


def test_pod_identity_alone_needs_no_annotation() -> None:
    by_eks = whole(
        deployed=[replace(deployed(running(role_arn="")), pods=())],
        associated=associated(ROLE),
        roles={ROLE: by_pods()},
        provider=oidc.Observed(PROVIDER),  # it needs none
    )
    assert wrong(by_eks) == {}
    assert wrong(replace(by_eks, roles={ROLE: role(SUBJECT)})) == {"check.trust": FAILED}
    untagged = replace(by_eks, associated=associated(ROLE, tags=False))
    assert wrong(untagged) == {"check.trust": FAILED}
    assert wrong(replace(untagged, roles={ROLE: by_pods(tags=False)})) == {}
    far = replace(by_eks, associated=associated(ROLE, role="arn:aws:iam::111111111111:role/target"))
    assert wrong(far) == {}  # a target role is assumed with the association's


def by_pods(*, tags: bool = True) -> Any:
    """The role as one that trusts EKS Pod Identity alone."""
    return {**role(SUBJECT), "trust": pod_trust.merge(None, CLUSTER.arn, [SUBJECT], ours=True, tags=tags)}


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ([], None),
        (["not checked: the agent's pods (no)"], UNKNOWN),
        (AcksmError("agent-not-on-node", "no"), FAILED),
        (AcksmError("aws-access-denied", "no"), UNKNOWN),
    ],
)
def test_whether_pods_reach_the_agent(found: Any, state: Any) -> None:
    facts = whole(
        deployed=[replace(deployed(running(role_arn="")), pods=())],
        associated=associated(ROLE),
        roles={ROLE: by_pods()},
        agent=found,
    )
    assert wrong(facts) == ({"check.pod-identity-agent": state} if state else {})


def test_pods_older_than_their_association_have_no_role() -> None:
    by_eks: dict[str, Any] = {"associated": associated(ROLE), "roles": {ROLE: by_pods()}}
    nameless = running(role_arn="")
    old = replace(deployed(nameless), pods=(pod(role=""),))
    assert wrong(whole(deployed=[old], **by_eks)) == {"check.pod-role": FAILED}
    fresh = pod(role="")
    fresh["spec"]["containers"][0]["env"] = [{"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://x"}]
    assert wrong(whole(deployed=[replace(old, pods=(fresh,))], **by_eks)) == {}
    both = replace(deployed(running()), pods=(fresh, pod()))
    assert wrong(whole(deployed=[both], **by_eks)) == {"check.trust": FAILED}  # an older pod still uses IRSA
    merged = pod_trust.merge(role(SUBJECT)["trust"], CLUSTER.arn, [SUBJECT], ours=True)
    assert wrong(whole(deployed=[both], **by_eks | {"roles": {ROLE: {**role(SUBJECT), "trust": merged}}})) == {}
    assert wrong(whole(deployed=[both])) == {"check.pod-role": FAILED}  # the association is gone
    lost = replace(old, pods=(fresh,))
    assert wrong(whole(deployed=[lost])) == {"check.annotation": FAILED, "check.pod-role": FAILED}
    unsure = whole(deployed=[lost], associated=error("aws-access-denied"))
    assert wrong(unsure) == {
        "check.pod-identity": UNKNOWN,
        "check.annotation": UNKNOWN,
        "check.pod-role": UNKNOWN,
    }


def test_a_check_as_json() -> None:
    (found,) = [one for one in results(whole(nodes=[NOWHERE])) if one.check.id == "check.compute"]
    assert found.as_data() == {
        "id": "check.compute",
        "category": "cluster",
        "severity": "error",
        "state": "failed",
        "where": "nodes",
        "text": "no place",
        "remedy": "eksctl create nodegroup --cluster demo",
        "anchor": "errors.md#check.compute",
    }


def test_what_a_crashed_pod_said_is_told_with_its_remedy() -> None:
    unwell = replace(HEALTH, problems=("pod p: CrashLoopBackOff",))
    crashed = replace(release(health=unwell), logs=log("Not authorized to perform sts:AssumeRoleWithWebIdentity"))
    (check,) = [one.check for one in results(crashed) if one.check.id == "check.pods"]
    assert "AssumeRoleWithWebIdentity" in check.text
    assert check.effective_remedy == lookup("symptom.web-identity-denied").remedy


def test_a_failed_release_is_told_by_helms_own_words() -> None:
    text = "Release failed: x exists and cannot be imported into the current release: invalid ownership metadata"
    (check,) = [
        one.check for one in results(release(status="failed", description=text)) if one.check.id == "check.release"
    ]
    assert text in check.text
    assert check.effective_remedy == lookup("helm-ownership").remedy


# --fix


def test_fix_takes_what_is_safe_and_what_is_asked_for() -> None:
    upgrade = change(
        "release.upgrade", before={"chart": "sagemaker-chart 1.9.1"}, after={"chart": "sagemaker-chart 1.9.1"}
    )
    moved = replace(upgrade, after={"chart": "sagemaker-chart 2.0.0"}, danger=Danger.MILD)
    trust_changed, provider = change("iam-role.trust"), change("oidc.create")
    facts = whole(
        roles={ROLE: role("system:x")},
        plan=Plan("doctor", (provider, trust_changed, change("iam-role.attach"), moved, upgrade)),
    )
    assert [one.id for one in doctor.fixes(results(facts), facts.plan)] == ["iam-role.trust"]  # type: ignore[arg-type]
    drifted = replace(facts, releases={"sagemaker": replace(RELEASE, drift=(Drift("x"),))})
    chosen = doctor.fixes(results(drifted), drifted.plan)  # type: ignore[arg-type]
    assert chosen == [trust_changed, upgrade]


def test_fix_makes_the_pods_again_with_the_identity_that_it_restores() -> None:
    """Otherwise the pods keep running without it, and a second run is needed."""
    upgrade = change("release.upgrade", lane="sagemaker", before={"chart": "c 1"}, after={"chart": "c 1"})
    restart, other = change("release.restart", lane="sagemaker"), change("release.restart", lane="autoscaling")
    ready = change("release.ready", lane="sagemaker", op=Op.WAIT)
    facts = with_controller(role_arn="")
    plan = Plan("doctor", (upgrade, restart, other, ready))
    assert doctor.fixes(results(facts), plan) == [upgrade, restart, ready]
    provider = change("oidc.create")  # nothing is known of it yet, and the pods would not start without it
    assert doctor.fixes(results(facts), Plan("doctor", (provider, *plan.changes)))[:2] == [provider, upgrade]


def test_one_cause_is_reported_once_and_what_follows_from_it_below() -> None:
    state = {"type": "ACK.Recoverable", "status": "True", "message": f"User {NODE}"}
    objects = [replace(item(state), location=Ref("a/v1", "models", "Model", f"m{n}", "team")) for n in range(17)]
    alone = folded(results(whole(inventory=inventory_of(*objects))))
    (check,) = [one.check for one in alone if one.check.id == "check.objects"]
    assert (check.state, check.where.startswith("17 objects: Model team/m0, ")) == (WARNING, True)
    assert check.remedy.startswith("acksm doctor --fix")  # and not a policy for the role that nobody asked with
    cause = replace(with_controller(role_arn=""), inventory=inventory_of(*objects))
    both = folded(results(cause))
    assert [one.check.id for one in both if one.check.state in {FAILED, WARNING}] == ["check.annotation"]
    text = doctor.text_of(both, full=False)
    assert "follows from it: 17 objects (symptom.action-denied)" in text
    assert text.count("symptom.action-denied") == 1
    denied = {"type": "ACK.Recoverable", "status": "True", "message": DENIED}  # by the controllers' own role
    other = replace(cause, inventory=inventory_of(item(denied)))
    assert "check.objects" in [one.check.id for one in folded(results(other)) if one.check.state is WARNING]


def test_what_was_not_retried_since_the_fix_says_so() -> None:
    fixed = "2026-11-28T06:00:00+00:00"

    def text(at: str) -> str:
        state = {"type": "ACK.Terminal", "status": "True", "message": "moon", "lastTransitionTime": at}
        (check,) = [
            one.check
            for one in results(whole(inventory=inventory_of(item(state)), fixed=fixed))
            if one.check.id == "check.objects"
        ]
        return check.text

    assert text("2026-11-28T05:59:59Z").startswith("not retried since the fix: ")
    assert text("2026-11-28T06:00:01Z") == "ACK.Terminal: moon"


def test_remedies_have_the_names_of_the_case() -> None:
    def remedy(id: str, **more: Any) -> str:
        return next(
            one.check.effective_remedy
            for one in results(whole(**more))
            if one.check.id == id and one.check.state not in {State.OK, State.SKIPPED}
        )

    zero = replace(HEALTH, available=False, text=SCALED_TO_ZERO, problems=(SCALED_TO_ZERO,))
    scaled = {"releases": {"sagemaker": replace(RELEASE, health=zero)}, "logs": []}
    assert remedy("check.pods", **scaled) == remedy("check.log", **scaled) == "acksm install   (or: acksm doctor --fix)"
    assert remedy("check.log", logs=[]).startswith("kubectl -n ack-system logs deployment/")
    alone = inventory_of(item(terminating=True, finalizers=("f",)), found=(OF_TEAM_A,))
    assert remedy("check.stuck", inventory=alone) == "acksm install --add-watch-namespace team"
    bound = inventory_of(found=(OF_TEAM_A,), owner=B)
    assert remedy("check.unwatched", inventory=bound) == "acksm install --add-watch-namespace team"
    far = inventory_of(found=(), others=(running(namespace="ml-ack"),))
    assert remedy("check.other-controllers", inventory=far) == "acksm doctor --controller-namespace ml-ack"


def test_acksm_plan_keeps_what_fix_would_do() -> None:
    """It was said to, and the plan never reached the file."""
    plan = Plan("doctor", (change("iam-role.trust"),))
    facts = whole(roles={ROLE: role("system:x")}, plan=plan)
    target: Any = SimpleNamespace(run=RunSettings(dry_run=True), as_data=dict)
    recorder = plan_file.Recorder(["doctor", "--fix"])
    token = CURRENT.set(recorder)
    try:
        doctor._fix(target, SimpleNamespace(show=lambda _: None, emit=lambda _: None), results(facts), facts)
    finally:
        CURRENT.reset(token)
    assert recorder.document is not None
    assert [item["change"]["id"] for item in recorder.document["changes"]] == ["iam-role.trust"]


def test_nothing_wrong_nothing_fixed() -> None:
    plan = Plan("doctor", (change("oidc.create"), change("release.upgrade")))
    assert doctor.fixes(results(whole()), plan) == []


def test_the_text_tells_what_is_wrong_and_counts_the_rest() -> None:
    text = doctor.text_of(results(whole(unknown_values={"sagemaker": ["a.b"]}, nodes=[NOWHERE])), full=False)
    assert text.splitlines() == [
        "tools: 1 ok",
        "account: 4 ok",
        "cluster: 6 ok, 1 failed",
        "  failed   check.compute             a pod can be scheduled: nodes: no place",
        "           remedy: eksctl create nodegroup --cluster demo",
        "network: 1 ok",
        "rights: 2 ok, 2 skipped",
        "releases: 5 ok, 1 skipped, 1 warning",
        "  warning  check.values              the releases have only values that their charts know: release of sagemaker: unknown to the chart, and ignored: a.b",  # noqa: E501
        f"           remedy: {lookup('check.values').remedy}",
        "identity: 9 ok",
        "controllers: 4 ok",
        "bindings: 2 ok, 1 skipped",
        "objects: 4 ok",
        "",
        "38 ok, 4 skipped, 1 warning, 1 failed",
    ]
    assert "check.helm" in doctor.text_of(results(whole()), full=True)


def test_health_needs_no_warning_to_be_gone() -> None:
    assert healthy(results(whole(logs=log("adopted resource not found"))))
