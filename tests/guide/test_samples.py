"""Samples: the files, values, who comes before whom, and the plan, by table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm import yaml_reader
from acksm.aws.session import Identity
from acksm.config import Settings
from acksm.engine.change import Danger, Op
from acksm.errors import AcksmError
from acksm.guide import sample_plan, sample_roles, sample_values, samples as section
from acksm.guide.bindings import Namespace
from acksm.guide.role_selector import Selector
from acksm.guide.sample_files import Sample, chain, find, parse, samples
from acksm.guide.sample_plan import SAMPLE_LABEL
from acksm.guide.sample_values import Place
from acksm.kinds import KINDS, SINCE
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import ref
from carm_cluster import BOTH, running as controller_named
from memory_iam import World, cluster
from sample_values_for import ACCOUNT, GIVEN, ROLE, needed, values

SELECTING = frozenset({"IAMRoleSelector"})
HERE = Place("us-west-2", account=ACCOUNT)
NEEDS = {"role": ROLE, "bucket": "practice"}


def error_of(call: Any, *words: Any, **more: Any) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        call(*words, **more)
    return caught.value


def outcome(call: Any, *words: Any) -> tuple[str, Any]:
    """The id of the error, or "" and the result."""
    try:
        return "", call(*words)
    except AcksmError as error:
        return error.id, None


# --- the files


def test_there_is_a_sample_of_every_kind() -> None:
    assert {item.kind for item in samples().values()} == {kind for kinds in KINDS.values() for kind in kinds}


@pytest.mark.parametrize("sample", samples().values(), ids=lambda item: item.name)
def test_a_file_is_whole(sample: Sample) -> None:
    manifest = sample.manifest(values(sample))
    assert "${" not in json.dumps(manifest)
    assert manifest["apiVersion"] == ref(sample.kind).api_version
    assert manifest["metadata"]["name"] == sample.parameters["name"].default == f"acksm-{sample.name}"
    # SageMaker's own limits, which the apiserver does not know
    assert len(manifest["metadata"]["name"]) <= sample.parameters["name"].longest
    for text in (manifest["spec"].get("appSpecification") or {}).get("containerArguments", ()):
        assert len(text) <= 256
    assert all(item.about for item in sample.parameters.values())
    assert sample.about.endswith(".")
    assert set(sample.uses) <= set(samples())


@pytest.mark.parametrize("sample", samples().values(), ids=lambda item: item.name)
def test_what_is_shown_is_what_is_applied(sample: Sample) -> None:
    found = values(sample)
    assert yaml_reader.load(sample.yaml(found)) == sample.manifest(found)
    bare = sample.yaml({})
    assert all(line in bare for line in sample.text.splitlines() if line.strip().startswith("#"))


def test_the_page_has_a_row_for_every_sample() -> None:
    page = (Path(__file__).parents[2] / "docs" / "samples.md").read_text("utf-8")
    for line in (line for line in page.splitlines() if line.startswith("| `") and "CLUSTER" not in line):
        told = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`([a-z-]+)`", told[0]):
            sample = samples()[name]
            given = [key for key, one in sample.parameters.items() if one.required]
            assert told[1:] == [", ".join(sample.uses), ", ".join(given), "yes" if sample.sandbox else "no"]
    assert set(samples()) <= set(re.findall(r"`([a-z-]+)`", page))


def test_the_pipelines_definition_is_json_with_the_values_in_it() -> None:
    sample = samples()["pipeline"]
    definition = json.loads(sample.manifest(values(sample))["spec"]["pipelineDefinition"])
    assert definition["Steps"][0]["Arguments"]["RoleArn"] == ROLE


def test_what_the_sandbox_can_make_is_what_its_cloud_has() -> None:
    from acksm.sandbox.answers import _missing

    lacks = {
        name
        for name, item in samples().items()
        if item.service == "sagemaker" and _missing("sagemaker", KINDS["sagemaker"][item.kind].create_call)
    }
    chains = {name: {one.name for one in chain(name)} for name in samples()}
    expected = {name for name in samples() if not chains[name] & lacks} - {
        "component-endpoint-config",  # of use to inference components only
        "component-endpoint",
    }
    assert {name for name, item in samples().items() if item.sandbox} == expected


def test_parameters_and_places_of_a_file_have_to_agree() -> None:
    head = "about: x\nsandbox: true\nparameters:\n  name: {default: a, about: b}\n  other: {kind: int, about: c}\n---\n"
    with pytest.raises(ValueError, match="other"):
        parse("x", head + "kind: Model\nmetadata: {name: '${name}'}\n")


@pytest.mark.parametrize(
    ("asked", "found"), [("endpoint", "endpoint"), ("Endpoint", "endpoint"), ("TrainingJob", "training")]
)
def test_a_sample_by_its_name_or_its_kind(asked: str, found: str) -> None:
    assert find(asked).name == found


@pytest.mark.parametrize(("asked", "near"), [("modle", "model"), ("endpont", "endpoint"), ("trainingjbo", "training")])
def test_an_unknown_sample_is_met_with_the_nearest(asked: str, near: str) -> None:
    error = error_of(find, asked)
    assert (error.id, near in error.message) == ("sample-unknown", True)
    assert "nearest" not in error_of(find, "zzzzzz").message


# --- values


@pytest.mark.parametrize("text", ["role", "=x", "role=", "", " =x"])
def test_malformed_set(text: str) -> None:
    assert error_of(sample_values.parse, [text]).id == "sample-set"


def test_a_value_may_have_equal_signs_and_a_key_stands_once() -> None:
    assert sample_values.parse(["data=a=b", "name=x", "name=x"]) == {"data": "a=b", "name": "x"}
    assert error_of(sample_values.parse, ["name=x", "name=y"]).id == "sample-set"


@pytest.mark.parametrize(
    ("sample", "parameter", "text", "expected"),
    [
        ("model", "name", "churn-2", "churn-2"),
        ("model", "name", "Churn", None),
        ("model", "name", "churn_2", None),
        ("model", "name", "a" * 64, None),
        ("tuning", "name", "a" * 33, None),  # SageMaker's limit for tuning jobs
        ("model", "role", ROLE, ROLE),
        ("model", "role", "execution", None),
        ("model", "role", ROLE.replace(ACCOUNT, "111111111111"), None),
        ("model", "role", ROLE.replace("arn:aws:", "arn:aws-cn:"), None),
        ("model", "bucket", "data.of-mine", "data.of-mine"),
        ("model", "bucket", "s3://data/x", None),
        ("model", "bucket", "Data", None),
        ("model", "artifact", "a/b/model.tar.gz", "a/b/model.tar.gz"),
        ("model", "artifact", "/a", None),
        ("model", "artifact", "s3://b/a", None),
        ("model", "artifact", 'a"b', None),
        ("model", "image", "xgboost", "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"),
        ("model", "image", "xgboost:1.5-1", "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.5-1"),
        ("model", "image", "1.dkr.ecr.x.amazonaws.com/a/b:1", "1.dkr.ecr.x.amazonaws.com/a/b:1"),
        ("model", "image", "xgbost", None),
        ("model", "image", "a b/c", None),
        ("training", "rounds", "7", 7),
        ("training", "rounds", "0", None),
        ("training", "rounds", "many", None),
        ("training", "rounds", "1.5", None),
        ("training", "rounds", "٣", None),
        ("endpoint-config", "captured", "100", 100),
        ("endpoint-config", "captured", "101", None),
        ("endpoint-config", "instance-type", "ml.g5.2xlarge", "ml.g5.2xlarge"),
        ("endpoint-config", "instance-type", "m5.large", None),
        ("scaling-policy", "target", "62.5", 62.5),
        ("scaling-policy", "target", "60", 60),
        ("monitoring", "type", "ModelBias", "ModelBias"),
        ("monitoring", "type", "Bias", None),
        ("project", "product", "prod-x1", "prod-x1"),
        ("project", "product", "x1", None),
        ("domain", "subnets", "subnet-1, subnet-2", ["subnet-1", "subnet-2"]),
        ("domain", "subnets", "subnet-1,", None),
        ("domain", "vpc", "subnet-1", None),
        ("user-profile", "domain-id", "d-abc", "d-abc"),
        ("labeling", "workteam", "team", None),
        ("labeling", "before", "PRE-BoundingBox", "arn:aws:lambda:us-west-2:081040173940:function:PRE-BoundingBox"),
        ("labeling", "before", "boxes", None),
    ],
)
def test_values_by_kind(sample: str, parameter: str, text: str, expected: Any) -> None:
    one = samples()[sample].parameters[parameter]
    if expected is None:
        error = error_of(sample_values.value, one, text, HERE)
        assert (error.id, parameter in error.message) == ("sample-value", True)
    else:
        assert sample_values.value(one, text, HERE) == expected


@given(st.sampled_from(sorted(samples())), st.text(max_size=30))
def test_any_text_is_a_value_or_an_error(name: str, text: str) -> None:
    for parameter in samples()[name].parameters.values():
        error, found = outcome(sample_values.value, parameter, text, HERE)
        assert error in {"", "sample-value"}
        assert re.search(r'["\\\n$]', str(found)) is None  # it may stand within JSON


@pytest.mark.parametrize(
    ("name", "region", "uri"),
    [
        ("xgboost", "us-east-1", "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"),
        (
            "scikit-learn",
            "cn-north-1",
            "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.2-1-cpu-py3",
        ),
        ("xgboost", "us-gov-west-1", "414596584902.dkr.ecr.us-gov-west-1.amazonaws.com/sagemaker-xgboost:1.7-1"),
        ("xgboost", "us-isob-east-1", "281123927165.dkr.ecr.us-isob-east-1.sc2s.sgov.gov/sagemaker-xgboost:1.7-1"),
        ("model-monitor", "eu-west-1", "468650794304.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-model-monitor-analyzer"),
        ("clarify", "us-west-2", "306415355426.dkr.ecr.us-west-2.amazonaws.com/sagemaker-clarify-processing:1.0"),
    ],
)
def test_images_by_region_and_partition(name: str, region: str, uri: str) -> None:
    assert sample_values.image_uri(name, region) == uri


def test_a_region_without_a_registry_is_told() -> None:
    assert error_of(sample_values.image_uri, "clarify", "us-gov-east-1").id == "sample-no-image"
    before = samples()["labeling"].parameters["before"]
    assert error_of(sample_values.value, before, "PRE-BoundingBox", Place("eu-north-1")).id == "sample-no-image"
    # every account is a whole one
    table = sample_values._table()
    for accounts in [*table["registries"].values(), table["ground-truth"]]:
        assert all(re.fullmatch(r"\d{12}", account) for account in accounts.values())


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
    found = {one.sample.name: one for one in wanted(root, given)}
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


def wanted(root: Sample, given: dict[str, str], live: Any = None, region: str = "") -> list[sample_plan.Wanted]:
    return sample_plan.wanted(root, given, HERE, "team", live or {}, region)


def live_of(one: sample_plan.Wanted, **more: Any) -> dict[str, Any]:
    """The object as the cluster has it once it is made."""
    spec = {**one.manifest["spec"], "enableNetworkIsolation": False}  # AWS fills in what was left out
    return {**one.manifest, "spec": spec, **more}


def planned(name: str, given: dict[str, str], live: Any = None, **more: Any) -> list[Any]:
    items = wanted(samples()[name], given, live)
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
    first = wanted(samples()[name], every)
    assert [one.missing for one in first] == [()] * len(first)
    live = {one.ref: live_of(one) for one in first}
    domain = next((found for one, found in live.items() if one.kind == "Domain"), None)
    if domain:
        domain["status"] = {"domainID": "d-0000000000"}
    assert [change for change in planned(name, every, live) if change.op is not Op.WAIT] == []


def test_what_is_missing_is_named_with_the_way_to_give_it() -> None:
    error = error_of(planned, "endpoint", {})
    assert (error.id, error.details["parameters"]) == ("sample-parameter-missing", ["bucket", "role"])
    assert error.remedy == "--set bucket=… --with-role"
    error = error_of(planned, "endpoint", {"bucket": "practice"})
    assert (error.id, "--with-role" in error.remedy, "model" in error.message) == ("sample-no-role", True, True)


def test_what_is_there_for_another_needs_nothing_given() -> None:
    model = wanted(samples()["model"], NEEDS)[0]
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
    one = wanted(samples()[name], start)[-1]
    live = live_of(one)
    live["metadata"] = {**live["metadata"], **change}
    error, changes = outcome(planned, name, {**start, **given}, {one.ref: live})
    mutations = [item for item in changes or () if item.op is not Op.WAIT]
    assert (error or "".join(item.id for item in mutations)) == expected
    assert all(item.danger is Danger.MILD for item in mutations)


def test_an_object_does_not_move_to_another_region() -> None:
    one = wanted(samples()["model"], NEEDS)[0]
    live = {one.ref: live_of(one, status={"ackResourceMetadata": {"region": "us-west-2"}})}
    assert error_of(planned, "model", NEEDS, live, asked_region="eu-west-1").id == "sample-unchangeable"
    assert [change.op for change in planned("model", NEEDS, live, asked_region="us-west-2")] == [Op.WAIT]
    made = wanted(samples()["model"], NEEDS, region="eu-west-1")[0]
    assert made.manifest["metadata"]["annotations"] == {"services.k8s.aws/region": "eu-west-1"}


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
    domain = wanted(samples()["domain"], given)[0]
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


# --- the role


def identity() -> Identity:
    return Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", "x")


def role_changes(role: Any, *buckets: str, **options: Any) -> list[Any]:
    return sample_roles.plan(role, cluster(), identity(), Settings(**options), buckets)


def test_the_role_from_nothing_and_then_nothing() -> None:
    world = World()
    world.apply(role_changes(None, "data", "my-sagemaker-data"))
    assert world.role is not None
    assert list(world.role["inline"]) == ["acksm-samples-bucket-data"]  # the managed policy has the other one
    assert world.role["attached"] == ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]
    assert sample_roles.is_ours(world.role["tags"], cluster().arn)
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
    found = sample_roles.name(name)
    assert len(found) <= 64
    assert found.startswith(sample_roles.PREFIX)
    assert sample_roles.name(name + "b") != found
