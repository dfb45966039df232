"""`acksm region` on real parts: annotations, what decides, and an object that lands in the other region."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from abroad import MARK, Abroad
from world import ONE, World

pytestmark = pytest.mark.crds
OTHER = "eu-west-1"


@pytest.fixture
def abroad(world: World) -> Iterator[Abroad]:
    found = Abroad.open(world)
    yield found
    found.clean()


def test_an_object_lands_in_the_region_of_its_namespace(abroad: Abroad) -> None:
    world = abroad.world
    world.install("--service", "sagemaker")
    name = f"production-{world.count}"
    with world.requests() as refused:
        assert world.acksm("region", "bind", name, OTHER).error_id == "binding-namespace-missing"
        assert world.acksm("region", "bind", name, "eu-wset-1", "--create-namespace").error_id == "region-unknown"
        assert world.acksm("region", "bind", name, "cn-north-1", "--create-namespace").error_id == "region-unknown"
        assert world.acksm("region", "bind", "kube-system", OTHER).error_id == "namespace-ignored"
        assert world.acksm("region", "bind", name, OTHER, "--create-namespace", "--dry-run").exit_code == 0
    assert refused.writes == []
    world.acksm("region", "bind", name, OTHER, "--create-namespace").ok()
    assert abroad.annotations(name)[MARK + "default-region"] == OTHER
    with world.requests() as again:
        assert "up to date" in world.acksm("region", "bind", name, OTHER).ok().stderr
    assert again.writes == []

    thing = abroad.model(name, "regional")
    assert abroad.located(thing)["region"] == OTHER
    assert (abroad.models(OTHER), abroad.models()) == (["regional"], [])

    told = world.acksm("region", "explain", "models/regional", "-n", name, "-o", "json").ok().data
    assert told["region"] == OTHER
    assert [source["region"] for source in told["sources"]][:4] == [OTHER, "", OTHER, "us-west-2"]
    assert [source["decides"] for source in told["sources"]] == [True] + [False] * 5
    new = world.acksm("region", "explain", "Model", "-n", "default", "-o", "json").ok().data
    assert (new["region"], new["sources"][3]["decides"]) == ("us-west-2", True)
    assert world.acksm("region", "explain", "Model/none", "-n", name).error_id == "object-missing"
    assert world.acksm("region", "explain", "Modle/x", "-n", name).error_id == "kind-unknown"

    # a region never moves an object; it would only be stuck, so it is kept where it is first
    for argv in (("bind", name, "us-east-1", "-y"), ("unbind", name)):
        assert world.acksm("region", *argv).error_id == "region-objects-stuck"
    world.kube.patch(thing, {"metadata": {"annotations": {MARK + "region": OTHER}}})
    world.acksm("region", "unbind", name).ok()
    assert MARK + "default-region" not in abroad.annotations(name)

    # a scope that leaves the object alone is asked about
    narrow = world.acksm("install", "--service", "sagemaker", "--scope", "namespace")
    assert narrow.error_id == "needs-confirmation"
    assert f"would no longer watch Model {name}/regional" in narrow.stderr
    abroad.delete(thing)
    assert abroad.models(OTHER) == []


def test_annotations_that_nobody_follows_are_listed_and_refused(abroad: Abroad) -> None:
    world = abroad.world
    team = abroad.namespace("team")
    assert world.acksm("region", "bind", team, OTHER).error_id == "controllers-missing"
    bound = abroad.namespace("bound", default_region=OTHER)
    wrong = abroad.namespace("wrong", region=OTHER)
    # one namespace only: its annotations would be ignored, so this is refused while there are any
    one = (*ONE, "--scope", "namespace", "--watch-namespace", team)
    with world.requests() as refused:
        run = world.acksm("install", "-y", *one)
    assert (run.error_id, refused.writes) == ("bindings-would-be-ignored", [])
    assert bound in run.stderr
    world.kube.patch(_namespace(bound), {"metadata": {"annotations": {MARK + "default-region": None}}})
    world.install(*one)
    assert world.acksm("region", "bind", team, OTHER).error_id == "annotations-ignored"
    assert world.acksm("region", "bind", bound, OTHER).error_id == "binding-not-watched"
    # two are followed
    world.install(*one, "--watch-namespace", bound)
    world.acksm("region", "bind", team, OTHER).ok()
    listed = world.acksm("region", "list", "-o", "json")
    rows = {row["namespace"]: row["problem"] for row in listed.data["regions"]}
    assert (rows[team], rows[wrong]) == ("", "region-annotation-ignored")
    assert listed.exit_code == 3
    # and a version that reads them nowhere near is refused again
    assert world.acksm("install", "-y", *one).error_id == "bindings-would-be-ignored"


def _namespace(name: str):  # type: ignore[no-untyped-def]
    from acksm.kube.paths import ref

    return ref("Namespace", name)
