"""Samples: who comes before whom, who gets what, the plan, and the role, by table."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from acksm.ack.kinds import KINDS, SINCE
from acksm.aws.session import Identity
from acksm.engine.change import Danger, Op
from acksm.guide.samples import command as section, plan as sample_plan, roles
from acksm.guide.samples.files import Sample, chain, samples
from acksm.guide.samples.plan import SAMPLE_LABEL
from acksm.kube.owners import OWNED_LABEL
from acksm.live.bindings import Namespace
from acksm.live.role_selectors import Selector
from acksm.settings import RoleSettings
from carm_cluster import BOTH, running as controller_named
from memory_iam import World, cluster
from sample_values_for import ACCOUNT, GIVEN, HERE, NEEDS, ROLE, error_of, needed, outcome

SELECTING = frozenset({"IAMRoleSelector"})


# --- who comes before whom, and who gets what


@pytest.mark.parametrize(
    ("name", "given", "members"),
    [
        ("model", {}, ["model"]),
        ("endpoint", {}, ["model", "endpoint-config", "endpoint"]),
        ("endpoint", {"config": "mine"}, ["endpoint"]),
        ("endpoint", {"model": "mine"}, ["endpoint-config", "endpoint"]),
        ("endpoint", {"endpoint-config.model": "mine"}, ["endpoint-config", "endpoint"]),
        ("monitoring", {}, ["model", "endpoint-config", "endpoint", "data-quality", "monitoring"]),
        ("monitoring", {"endpoint": "mine"}, ["data-quality", "monitoring"]),
        ("scaling-policy", {"endpoint": "mine"}, ["scalable-target", "scaling-policy"]),
        ("app", {}, ["domain", "user-profile", "space", "app"]),
        ("app", {"domain-id": "d-1"}, ["user-profile", "space", "app"]),
        ("pipeline-execution", {}, ["pipeline", "pipeline-execution"]),
        ("notebook", {}, ["notebook-lifecycle", "notebook"]),
    ],
)
def test_what_is_made_and_in_which_order(name: str, given: dict[str, str], members: list[str]) -> None:
    assert [item.name for item in sample_plan.members(samples()[name], given)] == members


@pytest.mark.parametrize(
    ("key", "near"),
    [("bukcet", "bucket"), ("modle.name", "model.name"), ("instance-typ", "instance-type"), ("zzz", "bucket")],
)
def test_an_unknown_parameter_is_met_with_the_nearest(key: str, near: str) -> None:
    error = error_of(sample_plan.members, samples()["endpoint"], {key: "x"})
    assert (error.id, near in error.message) == ("sample-parameter-unknown", True)


def test_a_plain_key_goes_to_all_that_have_it_and_a_dotted_one_to_one() -> None:
    root, given = samples()["monitoring"], {"instance-type": "ml.c5.large", "name": "n", "endpoint.name": "e", **NEEDS}
    given["data-quality.instance-type"] = "ml.m5.large"
    found = {one.sample.name: one for one in desired(root, given)}
    assert found["endpoint-config"].manifest["spec"]["productionVariants"][0]["instanceType"] == "ml.c5.large"
    cluster_config = found["data-quality"].manifest["spec"]["jobResources"]["clusterConfig"]
    assert cluster_config["instanceType"] == "ml.m5.large"
    assert [one.name for one in found.values()] == [
        "acksm-model",
        "acksm-endpoint-config",
        "e",
        "acksm-data-quality",
        "n",
    ]
    assert found["data-quality"].manifest["spec"]["dataQualityJobInput"]["endpointInput"]["endpointName"] == "e"


# --- the plan


def desired(root: Sample, given: dict[str, str], live: Any = None, region: str = "") -> list[sample_plan.Desired]:
    return sample_plan.desired(root, given, HERE, "team", live or {}, region)


def live_of(one: sample_plan.Desired, **more: Any) -> dict[str, Any]:
    """The object as the cluster has it once it is made."""
    spec = {**one.manifest["spec"], "enableNetworkIsolation": False}  # AWS fills in what was left out
    return {**one.manifest, "spec": spec, **more}


def planned(name: str, given: dict[str, str], live: Any = None, **more: Any) -> list[Any]:
    items = desired(samples()[name], given, live)
    sample_plan.check_missing(items)
    return sample_plan.plan(items, live or {}, wait=more.pop("wait", True), **more)


def test_each_object_is_made_and_waited_for_before_the_next() -> None:
    changes = planned("endpoint", NEEDS)
    told = [(change.id, change.target.split()[0]) for change in changes]
    assert told == [
        (step, kind) for kind in ("Model", "EndpointConfig", "Endpoint") for step in ("sample.create", "sample.synced")
    ]
    model = changes[0].params["manifest"]
    assert model["metadata"]["labels"] == {OWNED_LABEL: "true", SAMPLE_LABEL: "model"}
    assert model["metadata"]["namespace"] == "team"
    assert changes[2].params["manifest"]["spec"]["productionVariants"][0]["modelName"] == "acksm-model"
    assert [change.op for change in planned("endpoint", NEEDS, wait=False)] == [Op.CREATE] * 3


@pytest.mark.parametrize("name", samples())
def test_a_second_run_changes_nothing(name: str) -> None:
    every = {key: value for one in chain(name) for key, value in needed(one).items()}
    first = desired(samples()[name], every)
    assert [one.missing for one in first] == [()] * len(first)
    live = {one.ref: live_of(one) for one in first}
    domain = next((found for one, found in live.items() if one.kind == "Domain"), None)
    if domain:
        domain["status"] = {"domainID": "d-0000000000"}
    assert [change for change in planned(name, every, live) if change.op is not Op.WAIT] == []


@pytest.mark.parametrize(
    ("given", "expected", "remedy"),
    [
        ({}, "", ""),
        ({"instance-type": "ml.m5.large", "captured": "20", "bucket": "practice"}, "", ""),  # as it is
        ({"instance-type": "ml.banana!"}, "sample-value", "acksm samples show"),
        ({"instance-type": "ml.c5.large"}, "sample-no-effect", "acksm … --set endpoint-config.name=OTHER"),
        ({"captured": "30"}, "sample-no-effect", "acksm … --set endpoint-config.name=OTHER"),
        ({"bucket": "another"}, "sample-no-effect", "acksm … --set model.name=OTHER"),
    ],
)
def test_a_parameter_that_would_have_no_effect_is_refused(given: dict[str, str], expected: str, remedy: str) -> None:
    root = samples()["endpoint"]
    live = {one.ref: live_of(one) for one in desired(root, NEEDS)}
    items = desired(root, given, live)
    assert [one.kept for one in items] == [True, True, False]
    if not expected:
        sample_plan.check_effect(root, given, items, HERE, live)
        return
    error = error_of(sample_plan.check_effect, root, given, items, HERE, live)
    assert (error.id, error.remedy.startswith(remedy)) == (expected, True)


def test_what_is_missing_is_named_with_the_way_to_give_it() -> None:
    error = error_of(planned, "endpoint", {})
    assert (error.id, error.details["parameters"]) == ("sample-parameter-missing", ["bucket", "role"])
    assert error.remedy == "acksm … --set bucket=BUCKET --with-role"
    error = error_of(planned, "endpoint", {"bucket": "practice"})
    assert (error.id, "--with-role" in error.remedy, "model" in error.message) == ("sample-no-role", True, True)


def test_what_is_there_for_another_needs_nothing_given() -> None:
    model = desired(samples()["model"], NEEDS)[0]
    live = {model.ref: live_of(model)}
    changes = planned("transform", {"bucket": "other"}, live)
    assert [change.target.split()[0] for change in changes if change.op is not Op.WAIT] == ["TransformJob"]
    # unless it is addressed itself
    error = error_of(planned, "transform", {"bucket": "practice", "role": ROLE, "model.artifact": "x"}, live)
    assert error.id == "sample-unchangeable"


@pytest.mark.parametrize(
    ("name", "given", "change", "expected"),
    [
        ("model", {"artifact": "new"}, {}, "sample-unchangeable"),
        ("training", {"rounds": "9"}, {}, "sample-unchangeable"),
        ("feature-group", {"bucket": "new"}, {}, "sample-unchangeable"),
        ("scalable-target", {"endpoint": "e", "most": "7"}, {}, "sample.update"),
        ("endpoint", {"config": "new"}, {}, "sample.update"),
        ("model", {"artifact": "new"}, {"labels": {}}, "sample-not-ours"),
        ("endpoint", {"config": "new"}, {"labels": {"argocd.argoproj.io/instance": "x"}}, "sample-not-ours"),
        ("model", {}, {"labels": {}}, ""),  # somebody's, and just as wanted
        ("model", {}, {"deletionTimestamp": "now"}, "sample-terminating"),
    ],
)
def test_an_object_that_is_there(name: str, given: dict[str, str], change: dict[str, Any], expected: str) -> None:
    start = {"endpoint": "e"} if name == "scalable-target" else {"config": "c"} if name == "endpoint" else NEEDS
    one = desired(samples()[name], start)[-1]
    live = live_of(one)
    live["metadata"] = {**live["metadata"], **change}
    error, changes = outcome(planned, name, {**start, **given}, {one.ref: live})
    mutations = [item for item in changes or () if item.op is not Op.WAIT]
    assert (error or "".join(item.id for item in mutations)) == expected
    assert all(item.danger is Danger.MILD for item in mutations)


def test_an_object_does_not_move_to_another_region() -> None:
    one = desired(samples()["model"], NEEDS)[0]
    live = {one.ref: live_of(one, status={"ackResourceMetadata": {"region": "us-west-2"}})}
    assert error_of(planned, "model", NEEDS, live, requested_region="eu-west-1").id == "sample-unchangeable"
    assert [change.op for change in planned("model", NEEDS, live, requested_region="us-west-2")] == [Op.WAIT]
    created = desired(samples()["model"], NEEDS, region="eu-west-1")[0]
    assert created.manifest["metadata"]["annotations"] == {"services.k8s.aws/region": "eu-west-1"}


def test_an_id_that_aws_chooses_is_filled_in_when_it_is_known() -> None:
    given = {"role": ROLE, "vpc": GIVEN["vpc"], "subnets": GIVEN["subnets"]}
    changes = [change for change in planned("space", given) if change.op is not Op.WAIT]
    assert [change.call for change in changes] == ["kube.apply", "samples.apply_late", "samples.apply_late"]
    params = json.loads(json.dumps(changes[-1].params))
    assert params["late"] == [
        {"path": ["spec", "domainID"], "kind": "Domain", "name": "acksm-domain", "field": "status.domainID"}
    ]
    known = {"status": {"domainID": "d-xyz"}}
    assert section.filled(params["manifest"], params["late"], lambda *_: known)["spec"]["domainID"] == "d-xyz"
    assert params["manifest"]["spec"]["domainID"] == "d-0000000000"  # the plan's own stays
    assert error_of(section.filled, params["manifest"], params["late"], lambda *_: {}).id == "sample-not-yet"
    # one that is there already gives it to the plan
    domain = desired(samples()["domain"], given)[0]
    again = planned("space", given, {domain.ref: live_of(domain, status={"domainID": "d-here"})})
    user = next(change for change in again if change.id == "sample.create")
    assert (user.call, user.params["manifest"]["spec"]["domainID"]) == ("kube.apply", "d-here")


# --- the cluster


def test_kinds_that_are_not_served_are_told_with_the_version_that_has_them() -> None:
    everything = frozenset(
        f"{kind.plural}.{service}.services.k8s.aws" for service, kinds in KINDS.items() for kind in kinds.values()
    )
    for sample in samples().values():
        section.check_served([sample], everything, BOTH)
        error = error_of(section.check_served, [sample], frozenset(), BOTH)
        assert error.id == "sample-kind-not-served"
        assert SINCE.get(sample.kind, "every") in error.message
        assert error.remedy.startswith(f"acksm install --service {sample.service}")


def test_somebody_has_to_watch_the_namespace() -> None:
    from dataclasses import replace

    both = [replace(item, watched=("team-a",)) for item in BOTH]
    assert section.controller_of(samples()["model"], "team-a", both).service == "sagemaker"
    error = error_of(section.controller_of, samples()["model"], "team-b", both)
    assert (error.id, "team-a" in error.message, "team-b" in error.remedy) == ("sample-not-watched", True, True)
    only = [item for item in BOTH if item.service == "sagemaker"]
    error = error_of(section.controller_of, samples()["scaling-policy"], "team-a", only)
    assert (error.id, "applicationautoscaling" in error.remedy) == ("sample-not-watched", True)
    assert error_of(section.controller_of, samples()["model"], "x", []).id == "controllers-missing"


@pytest.mark.parametrize(
    ("annotations", "more", "account"),
    [
        ({}, {}, ACCOUNT),
        ({"services.k8s.aws/owner-account-id": "111111111111"}, {}, "111111111111"),
        ({"services.k8s.aws/team-id": "blue"}, {}, ""),  # only the map knows
        ({"services.k8s.aws/owner-account-id": "111111111111"}, {"watched": ("team",)}, ACCOUNT),  # it is ignored then
        (
            {"services.k8s.aws/owner-account-id": "111111111111"},
            {"gates": SELECTING, "enable_carm": False},
            "222222222222",
        ),
    ],
)
def test_the_account_of_a_namespaces_objects(annotations: dict[str, str], more: dict[str, Any], account: str) -> None:
    selectors = [
        Selector("a", "arn:aws:iam::333333333333:role/r", ("other",)),
        Selector(
            "b",
            "arn:aws:iam::444444444444:role/r",
            ("team",),
            types=(("applicationautoscaling.services.k8s.aws", "", ""),),
        ),
        Selector("c", "arn:aws:iam::222222222222:role/r", ("team",)),
    ]
    controller = controller_named("sagemaker", **more)
    assert section.account_of(Namespace("team", annotations), controller, selectors, ACCOUNT) == account


@pytest.mark.parametrize(("simulated", "notes"), [(False, 1), (True, 0), (None, 1)])
def test_a_role_that_cannot_be_passed_on_is_noted(simulated: bool | None, notes: int) -> None:
    asked: list[Any] = []

    def simulate(*words: Any) -> bool | None:
        asked.append(words)
        return simulated

    target: Any = SimpleNamespace(aws=SimpleNamespace(iam=SimpleNamespace(simulated=simulate)))
    found = section._notes(target, desired(samples()["model"], NEEDS), BOTH[0], NEEDS)
    assert len(found) == notes
    assert asked == [(BOTH[0].role_arn, "iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"})]


# --- the role


def identity() -> Identity:
    return Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", "x")


def role_changes(role: Any, *buckets: str, **options: Any) -> list[Any]:
    return roles.plan(role, cluster(), identity(), RoleSettings(**options), buckets)


def test_the_role_from_nothing_and_then_nothing() -> None:
    world = World()
    world.apply(role_changes(None, "data", "my-sagemaker-data"))
    assert world.role is not None
    assert list(world.role["inline"]) == ["acksm-samples-bucket-data"]  # the managed policy has the other one
    assert world.role["attached"] == ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]
    assert roles.is_for_samples(world.role["tags"], cluster().arn)
    assert role_changes(world.role, "data") == []
    # another bucket is added, and none is taken away
    world.apply(role_changes(world.role, "more"))
    assert sorted(world.role["inline"]) == ["acksm-samples-bucket-data", "acksm-samples-bucket-more"]


def test_a_role_of_somebody_elses_is_left_alone() -> None:
    world = World()
    world.apply(role_changes(None, "data"))
    assert world.role is not None
    for tags in (
        {},
        {**world.role["tags"], "acksm:cluster-arn": "another"},
        {**world.role["tags"], "acksm:made-for": "x"},
    ):
        assert error_of(role_changes, {**world.role, "tags": tags}, "data").id == "sample-role-not-ours"


def test_a_trust_that_lost_sagemaker_is_mended_and_keeps_the_rest() -> None:
    world = World()
    world.apply(role_changes(None))
    assert world.role is not None
    other = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"}, "Action": "sts:AssumeRole"}
    world.role["trust"] = {"Version": "2012-10-17", "Statement": other}
    world.apply(role_changes(world.role))
    statements = world.role["trust"]["Statement"]
    assert statements[0] == other
    assert statements[1]["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert role_changes(world.role) == []


@pytest.mark.parametrize("name", ["demo", "a" * 50, "a" * 51, "a" * 100])
def test_the_roles_name_is_one_that_iam_takes(name: str) -> None:
    found = roles.name(name)
    assert len(found) <= 64
    assert found.startswith(roles.PREFIX)
    assert roles.name(name + "b") != found
