"""Adoptions in a file: declarations, lists and manifests; and where in it a mistake is."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acksm.cli import app
from acksm.config import documents_of, location, resolve
from acksm.errors import AcksmError
from acksm.settings import Settings

ADOPTED_RESOURCE = """
apiVersion: services.k8s.aws/v1alpha1
kind: AdoptedResource
metadata: {name: adopt-churn, namespace: team}
spec:
  aws: {nameOrID: endpoint/churn/variant/v, additionalKeys: {serviceNamespace: sagemaker}}
  kubernetes:
    group: applicationautoscaling.services.k8s.aws
    kind: ScalableTarget
    metadata: {name: churn}
"""
ANNOTATED = """
apiVersion: sagemaker.services.k8s.aws/v1alpha1
kind: Model
metadata:
  name: churn
  annotations:
    services.k8s.aws/adoption-policy: adopt
    services.k8s.aws/adoption-fields: '{"modelName": "Churn"}'
    services.k8s.aws/deletion-policy: delete
    services.k8s.aws/region: eu-west-1
"""


def read(tmp_path: Path, text: str):  # type: ignore[no-untyped-def]
    file = tmp_path / "many.yaml"
    file.write_text(text)
    return resolve({}, str(file), {}).settings.declared.adopt


@pytest.mark.parametrize("form", ["adopt:\n- {}\n- {}\n", "- {}\n- {}\n"])
def test_a_list_alone_or_under_its_key(tmp_path: Path, form: str) -> None:
    one, two = read(
        tmp_path, form.format("{kind: Model, name: a, as: b}", "{kind: Domain, fields: {domainID: d}, retain: false}")
    )
    assert (one.kind, one.name, one.as_, one.namespace, one.retain, one.read_only) == (
        "Model",
        "a",
        "b",
        "",
        True,
        False,
    )
    assert (two.fields, two.retain) == ({"domainID": "d"}, False)


def test_manifests_of_both_ways_are_taken(tmp_path: Path) -> None:
    old, new = read(tmp_path, ADOPTED_RESOURCE + "---" + ANNOTATED)
    assert (old.kind, old.name, old.as_, old.namespace) == (
        "ScalableTarget",
        "endpoint/churn/variant/v",
        "churn",
        "team",
    )
    assert old.fields == {"serviceNamespace": "sagemaker"}
    assert old.group == "applicationautoscaling.services.k8s.aws"
    assert (new.kind, new.fields, new.as_, new.region, new.retain) == (
        "Model",
        {"modelName": "Churn"},
        "churn",
        "eu-west-1",
        False,
    )


def test_adopt_or_create_keeps_policy_and_spec(tmp_path: Path) -> None:
    both = (
        ANNOTATED.replace("policy: adopt", "policy: adopt-or-create")
        + "spec: {modelName: Churn, executionRoleARN: r}\n"
    )
    alone = both.replace('    services.k8s.aws/adoption-fields: \'{"modelName": "Churn"}\'\n', "")
    for item, fields in zip(read(tmp_path, both + "---" + alone), ({"modelName": "Churn"}, {}), strict=True):
        assert (item.policy, item.spec["executionRoleARN"], item.fields) == ("adopt-or-create", "r", fields)


def test_the_other_settings_stay_those_of_acksm_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("acksm.yaml").write_text("cluster: mine\nadopt: [{kind: Model, name: no}]\n")
    Path("many.yaml").write_text("- {kind: Model, name: yes}\n")
    found = resolve({}, "many.yaml", {})
    assert (found.settings.target.cluster, [item.name for item in found.settings.declared.adopt]) == ("mine", ["yes"])
    assert found.origins["adopt"] == "file many.yaml"


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        ("- {kind: Model, name: a}\n- {kind: Model, nam: b}\n", "did you mean name", ":2:17"),
        ("adopt:\n  - kind: Model\n    retain: perhaps\n", "retain", ":3:5"),
        ("- {kind: Model\n", "not YAML", ":2:1"),
        ("- Model\n", "expected a mapping", ":1:3"),
        ("cluster: x\nscope: 7\n", "scope", ":2:1"),
        (ADOPTED_RESOURCE + "---" + ANNOTATED.replace('{"modelName": "Churn"}', "churn"), "is not JSON", ":12:1"),
        (
            ANNOTATED.replace('    services.k8s.aws/adoption-fields: \'{"modelName": "Churn"}\'\n', ""),
            "adoption-fields",
            ":2:1",
        ),
        (ADOPTED_RESOURCE.replace("spec:\n", "spec: []\nmore:\n"), "spec of the manifest", ":2:1"),
        (ANNOTATED.replace('"Churn"', "7"), "modelName", ":2:1"),
        (ANNOTATED.replace("policy: adopt", "policy: force"), "adopt-or-create", ":2:1"),
        (ANNOTATED.replace("v1alpha1", "v1"), "served as sagemaker.services.k8s.aws/v1alpha1, not v1", ":2:1"),
        (ADOPTED_RESOURCE.replace("v1alpha1", "v1beta1"), "served as services.k8s.aws/v1alpha1", ":2:1"),
        (
            ADOPTED_RESOURCE.replace("    group: applicationautoscaling.services.k8s.aws\n", ""),
            "spec.kubernetes.group of the AdoptedResource is missing",
            ":2:1",
        ),
    ],
)
def test_mistakes_are_told_with_line_and_column(tmp_path: Path, text: str, said: str, where: str) -> None:
    with pytest.raises(AcksmError) as caught:
        read(tmp_path, text)
    assert caught.value.id == "config-invalid"
    assert said in caught.value.message
    assert caught.value.where.endswith(f"many.yaml{where}"), caught.value.where


def test_a_place_in_a_file_that_is_gone_is_the_file(tmp_path: Path) -> None:
    assert location(str(tmp_path / "gone.yaml"), ("adopt", 3)) == str(tmp_path / "gone.yaml")


def test_declared_ones_are_counted_by_config_show(tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text("- {kind: Model, name: a}\n- {kind: Model, name: b}\n")
    run = CliRunner().invoke(app, ["config", "show", "-f", str(tmp_path / "many.yaml")])
    assert "2 declared" in run.stdout


def test_declarations_survive_a_plan_file(tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text(ADOPTED_RESOURCE)
    settings = resolve({}, str(tmp_path / "many.yaml"), {}).settings
    assert Settings.of(**json.loads(json.dumps(settings.flat()))).declared == settings.declared


def test_a_long_file_is_read_without_searches_for_cycles(tmp_path: Path) -> None:
    """Each would look at all that was read so far."""
    file, searches = tmp_path / "adopt.yaml", list[str]()
    file.write_text("".join(f"- {{kind: Model, name: m-{number}}}\n" for number in range(500)))
    documents_of(file)  # its imports

    def count(phase: str, _info: object) -> None:
        searches.append(phase)

    gc.callbacks.append(count)
    try:
        found = documents_of(file)
    finally:
        gc.callbacks.remove(count)
    assert len(found[0]) == 500
    assert searches.count("start") <= 2  # before and after it
    assert gc.isenabled()
