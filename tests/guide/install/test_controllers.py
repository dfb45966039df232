"""What install makes of options, of what is installed and of the chart, before anything is asked of a cluster."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.guide.install import controller_values, controllers, release
from acksm.guide.install.controller_values import Controller
from acksm.guide.install.controllers import Observed
from acksm.helm.releases import is_marked
from acksm.live.inventory import Inventory
from acksm.live.readiness import ROLE_ANNOTATION
from acksm.live.unread import Unread
from acksm.sandbox.practice.generations import all_charts
from acksm.settings import ControllerSettings
from doctor_facts import export, inventory_of
from memory_helm import pulled
from release_values import ACCOUNT, OTHER, OURS, REGION, ROLE, TARGET, controller, given_values


def failure(item: Controller, **options: Any) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        given_values(item, **options)
    return caught.value


def test_without_options_the_smallest_set_of_values() -> None:
    assert given_values(controller()) == OURS
    assert given_values(controller(), role="") == {key: OURS[key] for key in ("aws", "deployment")}
    assert given_values(controller("0.0.4")) == OURS | {"aws": {"region": REGION, "account_id": ACCOUNT}}


@pytest.mark.parametrize("chart", all_charts(), ids=lambda chart: f"{chart.service}-{chart.version}")
def test_every_generation_takes_what_acksm_sets_and_a_second_run_finds_the_same(chart: Any) -> None:
    item = controller(chart.version, service=chart.service)
    values = given_values(item)
    assert is_marked(values)
    assert given_values(controller(chart.version, values, chart.service)) == values


def test_namespace_scope_of_each_generation() -> None:
    def scope(version: str, **more: Any) -> dict[str, Any]:
        values = given_values(controller(version), scope="namespace", **more)
        return {key: values[key] for key in ("installScope", "watchNamespace") if key in values}

    assert scope("0.0.3") == {"watchNamespace": "ack-system"}
    assert scope("0.0.4") == {"installScope": "namespace"}
    assert scope("1.9.1", watch_namespace=["a", "b"]) == {"installScope": "namespace", "watchNamespace": "a,b"}
    assert failure(controller("1.2.4"), scope="namespace").id == "scope-broken"
    assert failure(controller("1.9.1"), scope="cluster", watch_namespace=["a"]).id == "config-invalid"


NAMESPACED = OURS | {"installScope": "namespace", "watchNamespace": "a,b"}


@pytest.mark.parametrize(
    ("installed", "options", "watched"),
    [
        (OURS, {}, None),
        (NAMESPACED, {}, "a,b"),
        (NAMESPACED, {"scope": "namespace"}, "a,b"),
        (NAMESPACED, {"scope": "cluster"}, None),
        (NAMESPACED, {"watch_namespace": ["c"]}, "c"),
        (OURS, {"scope": "namespace"}, "ack-system"),
        (OURS, {"watch_namespace": ["c", "d"]}, "c,d"),
        (NAMESPACED, {"reset_values": True}, "a,b"),
    ],
)
def test_the_scope_that_is_installed_stays_unless_another_is_asked_for(
    installed: dict[str, Any], options: dict[str, Any], watched: str | None
) -> None:
    values = given_values(controller(installed=installed), **options)
    assert values.get("watchNamespace") == watched
    assert ("installScope" in values) is (watched is not None)


def test_what_was_given_before_stays_until_it_is_reset() -> None:
    before = OURS | {"log": {"level": "debug"}, "resources": {"limits": {"memory": "1Gi"}}}
    assert given_values(controller(installed=before)) == before
    assert given_values(controller(installed=before), set=["log.level=warn"])["log"] == {"level": "warn"}
    assert given_values(controller(installed=before), reset_values=True) == OURS


def test_the_role_follows_the_command_and_not_what_was_installed() -> None:
    before = OURS | {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": OTHER, "mine": "x"}}}
    annotations = given_values(controller(installed=before))["serviceAccount"]["annotations"]
    assert annotations == {"eks.amazonaws.com/role-arn": ROLE, "mine": "x"}


def test_the_charts_schema_judges_what_would_be_sent_and_not_what_helm_has_installed() -> None:
    """What is installed and stays needs no second judgement; a change, or a chart of another version, has one."""
    installed = {**OURS, "log": {"level": "debug"}}
    item = controller(installed=installed)
    strict = {"properties": {"log": {"properties": {"level": {"enum": ["info"]}}}}}
    chart = replace(
        item.pulled.chart, files={**item.pulled.chart.files, "values.schema.json": json.dumps(strict).encode()}
    )
    item = replace(item, pulled=replace(item.pulled, chart=chart))
    assert given_values(item) == installed
    for changed in (
        partial(given_values, item, set=["enableCARM=false"]),
        partial(given_values, replace(item, observed=replace(item.observed, version="1.9.0"))),
        partial(given_values, replace(item, observed=release.Observed()), set=["log.level=debug"]),
    ):
        with pytest.raises(AcksmError) as caught:
            changed()
        assert caught.value.id == "values-schema"


def test_a_chart_that_refuses_other_namespaces_does_so_only_where_none_is_needed() -> None:
    item = controller()
    chart = item.pulled.chart
    text = chart.values_text.replace("enableCrossNamespace: true", "enableCrossNamespace: false")
    later = replace(chart, files={**chart.files, "values.yaml": text.encode()})
    item = replace(item, pulled=replace(item.pulled, chart=later))
    for found, desired in ((Inventory(), None), (inventory_of(common=[export("team-b")]), True)):
        read = partial(replace, found)
        patched, _, notes = controller_values.values_of(TARGET, ControllerSettings(), item, ROLE, read)
        assert release.overrides(patched).get("enableCrossNamespace") is desired
        assert bool(notes) is (desired is True)
    installed = replace(controller(installed={"enableCrossNamespace": True}), pulled=item.pulled)
    assert given_values(installed)["enableCrossNamespace"] is True


def test_values_files_and_set_in_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("log: {level: debug}\ndeployment: {replicas: 2, labels: {team: ml}}\n")
    two.write_text("log: {level: warn}\n")
    values = given_values(controller(), values=[str(one), str(two)], set=["deployment.replicas=3"])
    assert values["log"] == {"level": "warn"}
    assert values["deployment"] == {"replicas": 3, "labels": {"team": "ml", "acksm.dev/owned": "true"}}


def test_a_copy_of_the_charts_own_values_clears_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text("deployment: {labels: {}, annotations: {}}\nserviceAccount: {annotations: {}}\nresources: {}\n")
    assert given_values(controller(), values=[str(copy)]) == OURS


def test_the_region_may_be_another_than_the_clusters() -> None:
    assert given_values(controller(), set=["aws.region=eu-west-1"])["aws"] == {"region": "eu-west-1"}


@pytest.mark.parametrize(
    ("given_by_set", "option"),
    [
        ("installScope=namespace", "--scope"),
        ("watchNamespace=a", "--watch-namespace"),
        (r"serviceAccount.annotations.eks\.amazonaws\.com/role-arn=x", "--role-arn"),
        ('serviceAccount.annotations={"eks.amazonaws.com/role-arn":"x"}', "--role-arn"),
        (r"deployment.labels.acksm\.dev/owned=false", "managed by acksm"),
        ('deployment.labels={"acksm.dev/owned":"false"}', "managed by acksm"),
    ],
)
def test_what_an_option_sets_is_not_set_by_hand(given_by_set: str, option: str) -> None:
    error = failure(controller(), set=[given_by_set])
    assert (error.id, option in error.message, error.where) == ("values-managed", True, "--set")


def test_managed_values_in_a_file_are_found_too(tmp_path: Path) -> None:
    file = tmp_path / "v.yaml"
    file.write_text("serviceAccount:\n  annotations:\n    eks.amazonaws.com/role-arn: x\n")
    error = failure(controller(), values=[str(file)])
    assert (error.id, error.where) == ("values-managed", str(file))


@pytest.mark.parametrize(
    ("items", "service", "found"),
    [
        (["a=1"], "sagemaker", ["a=1"]),
        (["sagemaker:a=1", "applicationautoscaling:b=2", "c=3"], "sagemaker", ["a=1", "c=3"]),
        (["sagemaker:a=1", "applicationautoscaling:b=2", "c=3"], "applicationautoscaling", ["b=2", "c=3"]),
        (["aws.endpoint_url=http://x:1"], "sagemaker", ["aws.endpoint_url=http://x:1"]),
        (["C:/values.yaml"], "sagemaker", ["C:/values.yaml"]),
        (["sagemaker:"], "sagemaker", [""]),
    ],
)
def test_options_for_one_service(items: list[str], service: str, found: list[str]) -> None:
    assert controller_values._for_service(items, service) == found


# upgrades over AdoptedResources


@pytest.mark.parametrize(
    ("before", "after", "objects", "refused"),
    [
        ("1.4.1", "1.9.1", 2, True),
        ("1.5.0", "1.5.1", 1, True),
        ("1.4.1", "1.9.1", 0, False),
        ("1.4.1", "1.5.0", 2, False),
        ("1.5.1", "1.9.1", 2, False),
        ("v0.0.3", "1.9.1", 1, True),
        ("", "1.9.1", 2, False),
    ],
)
def test_adopted_resources_would_be_stuck(before: str, after: str, objects: int, refused: bool) -> None:
    item = Controller("sagemaker", pulled("sagemaker", "1.9.1"), release.Observed(before), [])
    observed = Observed([item], {}, {}, [adopting("sagemaker", f"a{at}") for at in range(objects)])
    if not refused:
        controllers._check_upgrade(item, after, observed, Inventory)
        return
    with pytest.raises(AcksmError) as caught:
        controllers._check_upgrade(item, after, observed, Inventory)
    assert (caught.value.id, str(objects) in caught.value.message) == ("adopted-resources-left", True)
    requested = "" if after == "1.9.1" else f" --version sagemaker={after}"
    assert caught.value.remedy.startswith(f"acksm upgrade --convert-adopted{requested}   ")
    for at in range(objects):
        assert f"team/a{at} (pending: no controller handles it; without a finalizer)" in caught.value.message


def adopting(service: str, name: str, **more: Any) -> dict[str, Any]:
    spec = {"kubernetes": {"group": f"{service}.services.k8s.aws", "kind": "Model"}}
    return {"metadata": {"name": name, "namespace": "team", **more}, "spec": spec}


def test_only_adopted_resources_with_something_to_lose_are_in_the_way() -> None:
    item = Controller("sagemaker", pulled("sagemaker", "1.9.1"), release.Observed("1.4.1"), [])
    done = {"status": {"conditions": [{"type": "ACK.Adopted", "status": "True"}]}}
    free = [
        adopting("s3", "bucket"),
        {"metadata": {"name": "of no service", "namespace": "team"}},
        {**adopting("sagemaker", "deletable"), **done},
    ]
    controllers._check_upgrade(item, "1.9.1", Observed([item], {}, {}, free), Inventory)
    held = {**adopting("sagemaker", "held", finalizers=["finalizers.services.k8s.aws/AdoptedResource"]), **done}
    with pytest.raises(AcksmError) as caught:
        controllers._check_upgrade(item, "1.9.1", Observed([item], {}, {}, [*free, held]), Inventory)
    assert caught.value.details["objects"] == ["AdoptedResource team/held"]


def installed_role(*roles: str) -> str:
    items = [controller(installed={"serviceAccount": {"annotations": {ROLE_ANNOTATION: role}}}) for role in roles]
    return controllers.installed_role(Observed(items, {}, {}, []))


def test_the_installed_role_when_all_agree() -> None:
    assert [installed_role(ROLE), installed_role(ROLE, ROLE), installed_role(ROLE, OTHER), installed_role()] == [
        ROLE,
        ROLE,
        "",
        "",
    ]
    assert controllers.installed_role(Observed([controller(), controller(installed={})], {}, {}, [])) == ""


def test_kinds_for_a_role_alone_are_a_list_as_the_chart_has_them() -> None:
    """`acksm iam-role --set …` reads no chart, so nothing later would refuse what is none."""

    def kinds(text: str) -> dict[str, tuple[str, ...]]:
        options = ControllerSettings(service=["sagemaker"], set=[f"reconcile.resources={text}"])
        return controller_values.reconciled_now(TARGET, options, Unread())

    assert kinds('["Model"]') == {"sagemaker": ("Model",)}
    for text in ("5", '"Model"'):
        with pytest.raises(AcksmError) as caught:
            kinds(text)
        assert caught.value.id == "values-type"


# values of releases of others


def test_what_a_newer_schema_refuses_in_a_release_is_told_with_the_option_that_replaces_it() -> None:
    item = controller("1.9.1", OURS | {"deployment": {"replicas": "two"}})
    error = failure(item)
    assert (error.id, error.remedy) == (
        "values-schema",
        "acksm install --set deployment.replicas=VALUE   (or --reset-values)",
    )
    assert "values of the installed release" in error.where
    assert given_values(item, set=["deployment.replicas=2"])["deployment"]["replicas"] == 2
    asked = failure(controller(), set=["deployment.containerPort=99999"])
    assert (asked.id, "installed release" in asked.where) == ("values-schema", False)


def test_the_remedy_of_an_unknown_value_shows_the_values_of_that_chart() -> None:
    """From the archive that was pulled: whatever its registry, and whether there is a cluster or not."""
    item = controller()
    error = failure(item, set=["log.levle=debug"])
    assert (error.id, error.remedy) == ("values-unknown-key", f"helm show values {item.pulled.path}")


def test_what_options_set_is_not_told_as_dropped() -> None:
    """watchNamespace and aws.account_id of the first charts became options; their stray key did nothing."""
    values = {
        "watchNamespace": "",
        "aws": {"account_id": ACCOUNT, "region": REGION},
        "moon": 1,
        "log": {"level": "info"},
    }
    item = controller("1.9.1", OURS | values)
    assert controller_values.not_carried(ControllerSettings(), item) == [
        "dropped 1 value of the release: moon (never had an effect)"
    ]
    assert controller_values.not_carried(ControllerSettings(reset_values=True), item) == []
    assert "moon" not in given_values(item)
