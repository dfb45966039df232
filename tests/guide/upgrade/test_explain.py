"""`acksm upgrade --explain`: which changes concern the cluster, by name; what was not read is not called nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from acksm.ack import charts
from acksm.ack.crossings import Concerns
from acksm.errors import AcksmError
from acksm.guide.install import command as install
from acksm.guide.upgrade import explain, touched
from acksm.kube.paths import Ref, ref
from acksm.live import running
from acksm.live.crossing import EXPORT
from acksm.live.inventory_objects import common_of
from denied_reads import Reads
from memory_account import ACCOUNT, REGION
from memory_kube import namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_install


@dataclass
class Heard(Said):
    """An output that keeps the texts too."""

    texts: list[str] = field(default_factory=list)

    def result(self, command: str, data: Any, text: str, exit_code: int = 0) -> None:
        super().result(command, data, text, exit_code)
        self.texts.append(text)


AT = Ref("services.k8s.aws/v1alpha1", "fieldexports", EXPORT)
OLD = {"sagemaker": "1.2.13", "applicationautoscaling": "1.0.17"}


class Here:
    world: MemoryWorld


@pytest.fixture(scope="module", autouse=True)
def _in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        commands_run_on(patch, lambda: Here.world, (install, explain))
        yield


def an_object(name: str, where: str, *, region: str = REGION, **annotations: str) -> dict[str, Any]:
    location = ref("Model", name, where)
    return {
        "apiVersion": location.api_version,
        "kind": "Model",
        "metadata": {
            "name": name,
            "namespace": where,
            "annotations": {f"services.k8s.aws/{key.replace('_', '-')}": value for key, value in annotations.items()},
            "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"],
        },
        "spec": {"modelName": name},
        "status": {"ackResourceMetadata": {"arn": "arn:x", "ownerAccountID": ACCOUNT, "region": region}},
    }


@pytest.fixture(scope="module", autouse=True)
def _world(_in_memory: None) -> None:
    world = Here.world = MemoryWorld()
    for name in ("one", "two"):
        world.kube.put(namespace(name))
    world.kube.put(namespace("bound", **{"services.k8s.aws/owner-account-id": "222222222222"}))
    run_install(world.settings(version=[f"{service}={version}" for service, version in OLD.items()]), Said())
    for item in (
        an_object("plain", "one"),
        an_object("elsewhere", "one", region="us-east-1"),
        an_object("adopted", "two", adoption_policy="adopt-or-create"),
        an_object("kept", "two", read_only="true", deletion_policy="retain"),
    ):
        world.kube.put(item)


def an_export(name: str, **to: str) -> dict[str, Any]:
    source = {"group": "sagemaker.services.k8s.aws", "kind": "Model", "name": "plain"}
    return {
        "apiVersion": "services.k8s.aws/v1alpha1",
        "metadata": {"name": name, "namespace": "one"},  # no kind, as in a list
        "spec": {"from": {"path": ".status", "resource": source}, "to": {"kind": "configmap", "name": "x", **to}},
    }


def explained(ui: Said, **options: Any) -> int:
    given = Here.world.settings(**options)
    return explain.run(given.target, given.controllers, given.run, ui, installed=())


def rows(ui: Said, service: str) -> dict[str, Any]:
    found = next(item for item in ui.results[-1]["services"] if item["service"] == service)
    return {item["feature"]: item for item in found["differences"]}


def test_each_change_names_what_it_concerns() -> None:
    ui = Said()
    assert explained(ui) == 0
    found = rows(ui, "sagemaker")
    assert found["drift-refused"]["here"] == ["Model one/elsewhere"]
    assert found["drift-refused"]["remedy"].startswith("acksm region explain Model/elsewhere -n one ")
    assert found["adopt-or-create-updates"]["here"] == found["adoption-annotations"]["here"] == ["Model two/adopted"]
    assert found["read-only"]["here"] == ["Model two/kept"]
    assert (found["adopted-resource"]["here"], found["adopted-resource"]["remedy"]) == ([], "")
    assert found["enable-carm"]["concerns"] == "nothing"
    assert all(item["here"] == [] for item in rows(ui, "applicationautoscaling").values())


def test_what_concerns_the_cluster_comes_first() -> None:
    ui = Heard()
    explained(ui)
    first = ui.texts[-1].partition("\n\napplicationautoscaling ")[0]
    lines = [line for line in first.splitlines() if line.startswith("    here: ")]
    named = [not line.startswith("    here: no ") for line in lines]
    assert {*named} == {True, False}
    assert named == sorted(named, reverse=True)


def test_one_version_further_is_less() -> None:
    ui = Said()
    explained(ui, version=["sagemaker=1.2.14", "applicationautoscaling=1.0.17"])
    assert set(rows(ui, "sagemaker")) == {"adoption-gate", "read-only"}
    assert rows(ui, "applicationautoscaling") == {}


def test_a_denied_read_is_incomplete_and_null() -> None:
    reads = Reads()
    reads.over(Here.world)
    whole = Said()
    explained(whole)
    for sort in sorted(item for item in reads.seen if item.startswith("list ")):
        reads.denied, ui = sort, Said()
        try:
            code = explained(ui)
        except AcksmError:
            continue
        finally:
            reads.denied = ""
        if ui.results != whole.results:
            assert (code, bool(ui.results[-1]["incomplete"])) == (7, True), sort
            unknown = [row for service in OLD for row in rows(ui, service).values() if row["here"] is None]
            assert {row["concerns"] for row in unknown} - {"nothing"}, sort
            assert "nothing" not in {row["concerns"] for row in unknown}, sort


@pytest.mark.parametrize("pair", ["1.2.3", "sagemaker", "other=1.2.3", "sagemaker=new"])
def test_versions_without_a_cluster_are_checked(pair: str) -> None:
    given = MemoryWorld().settings()
    with pytest.raises(AcksmError) as caught:
        explain.run(given.target, given.controllers, given.run, Said(), installed=[pair])
    assert (caught.value.id, caught.value.where) == ("config-invalid", "--from")


def test_the_newest_needs_a_registry() -> None:
    given = MemoryWorld().settings(version=["sagemaker=latest"])
    with pytest.raises(AcksmError) as caught:
        explain.run(given.target, given.controllers, given.run, Said(), installed=["sagemaker=1.2.3"])
    assert caught.value.id == "config-invalid"


GOLDEN = """\
sagemaker 1.5.0 → 1.5.1: 3 changes

  new: an object whose region or account would change is no longer reconciled, not even deleted
    concerns objects in another region or account than requested
    remedy: acksm region explain KIND/NAME -n NAMESPACE   (for each, before)

  ends: the controller handles AdoptedResource objects
    concerns AdoptedResources
    remedy: acksm upgrade --convert-adopted   (what was adopted is kept)

  new: the IAMRoleSelector CRD and its feature gate exist

without --from, the cluster is read: what of it each change concerns"""


def test_the_text_without_a_cluster() -> None:
    ui = Heard()
    given = MemoryWorld().settings(version=["sagemaker=1.5.1"])
    assert explain.run(given.target, given.controllers, given.run, ui, installed=["sagemaker=1.5.0"]) == 0
    assert ui.texts == [GOLDEN]
    assert ui.results[-1]["target"] is None


def test_exports_and_where_they_write() -> None:
    before = running.from_values("sagemaker", "ack-system", "1.3.3", {})
    cluster = touched.Cluster(
        (), tuple(common_of(item, EXPORT, AT) for item in (an_export("far", namespace="two"), an_export("near"))), {}
    )
    found = touched.of("sagemaker", cluster, before, before)
    assert found[Concerns.EXPORTS] == ["FieldExport one/far", "FieldExport one/near"]
    assert found[Concerns.CROSSING] == ["FieldExport one/far"]
    other = touched.of("applicationautoscaling", cluster, before, before)
    assert other[Concerns.EXPORTS] == other[Concerns.CROSSING] == []


def test_every_kind_of_concern_is_read() -> None:
    before = running.from_values("sagemaker", "ack-system", "1.2.13", {})
    found = touched.of("sagemaker", touched.Cluster((), (), {}), before, before)
    assert set(found) == set(Concerns)
    unknown = touched.of("sagemaker", touched.Cluster(None, None, None), before, before)
    assert {key for key, value in unknown.items() if value is not None} == {Concerns.NOTHING}


def test_the_tested_pair_is_the_default() -> None:
    ui = Said()
    explained(ui)
    assert {item["service"]: item["to"] for item in ui.results[-1]["services"]} == charts.TESTED
