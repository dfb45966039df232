"""Samples: the files, values and images, by table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from typer.testing import CliRunner

from acksm import yaml_reader
from acksm.ack.kinds import KINDS
from acksm.cli import app
from acksm.guide.samples import values as sample_values
from acksm.guide.samples.files import Sample, chain, find, parse, rows, samples
from acksm.guide.samples.values import Location
from acksm.kube.paths import ref
from report_schema import complaints
from sample_values_for import ACCOUNT, GIVEN, HERE, ROLE, error_of, needed, outcome, values

SELECTING = frozenset({"IAMRoleSelector"})


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
    page = (Path(__file__).parents[3] / "docs" / "samples.md").read_text("utf-8")
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
    assert "did you mean" not in error_of(find, "zzzzzz").message


def test_list_and_show_need_no_cluster_and_keep_to_their_shapes() -> None:
    listed = document("samples", "list", "-o", "json")
    assert complaints(listed) == []
    assert [item["name"] for item in listed["samples"]] == [item.name for item in rows()]
    for name in samples():
        shown = document("samples", "show", name, "--object-region", "eu-west-1", "-o", "json")
        assert complaints(shown) == []
        assert set(needed(samples()[name])) <= set(shown["open"])
        assert all(f"<{key.upper()}>" in shown["manifest"] for key in shown["open"])
    given = [word for key, value in GIVEN.items() if key in {"role", "bucket"} for word in ("--set", f"{key}={value}")]
    whole = document("samples", "show", "training", "--object-region", "eu-west-1", "-n", "team", *given, "-o", "json")
    assert whole["open"] == []
    manifest = yaml_reader.load(whole["manifest"])
    assert manifest["metadata"]["namespace"] == "team"
    assert "eu-west-1" in manifest["spec"]["algorithmSpecification"]["trainingImage"]
    refused = CliRunner().invoke(app, ["samples", "show", "training", "--set", "rouns=3"])
    assert (refused.exit_code, "rounds" in refused.stderr) == (2, True)


def document(*words: str) -> Any:
    run = CliRunner().invoke(app, list(words))
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout)


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
    assert error_of(sample_values.value, before, "PRE-BoundingBox", Location("eu-north-1")).id == "sample-no-image"
    # every account is a whole one
    table = sample_values._table()
    for accounts in [*table["registries"].values(), table["ground-truth"]]:
        assert all(re.fullmatch(r"\d{12}", account) for account in accounts.values())
