"""Registries as they are: the public one, Amazon ECR, those with tokens and passwords, and mirrors of the charts and
images in them, up to an install without the public one. All of them by their real names, over TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import urllib3

from acksm.ack.charts import TESTED
from acksm.kube.paths import Ref, ref
from acksm.live import causes
from acksm.settings import DEFAULT_REGISTRY
from outside import Outside, errors_of
from world import ONE, World

CHART, IMAGE = "applicationautoscaling-chart", "applicationautoscaling-controller"
SERVICE = "applicationautoscaling"


@pytest.fixture
def outside(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    monkeypatch.setattr(urllib3.Retry, "sleep", lambda *_: None)
    found = Outside.open(world, monkeypatch.setenv)
    yield found
    found.close()


def pulling(outside: Outside, host: str) -> str:
    """The error that reading a chart there ends with."""
    return errors_of(lambda: outside.registry(f"{host}/acks").pull(SERVICE, "1.4.1"))


def test_who_may_read_what(outside: Outside) -> None:
    """Each registry as its own answers say."""
    public = outside.registry(DEFAULT_REGISTRY)
    assert public.pull(SERVICE, "latest").chart.version == TESTED[SERVICE]
    assert public.image(SERVICE, TESTED[SERVICE]) is not None
    ecr = outside.world.aws("ecr")
    assert pulling(outside, outside.ecr) == "registry-repository-unknown"
    ecr.create_repository(repositoryName=f"acks/{CHART}")
    assert pulling(outside, outside.ecr) == "chart-version-unknown"
    assert pulling(outside, outside.ecr.replace("us-west-2", "eu-west-1")) == "registry-repository-unknown"
    assert pulling(outside, "111111111111.dkr.ecr.us-west-2.amazonaws.com") == "registry-forbidden"
    others = ("registry.example.com", "basic.example.com")
    assert {pulling(outside, host) for host in others} == {"registry-repository-unknown"}
    for host in (outside.ecr, *others):  # as docker, crane and oras begin
        client = outside.registry(f"{host}/acks").client
        assert client.get(f"https://{host}/v2/", "acks").data == b"{}"
    outside.set("DOCKER_CONFIG", "/nowhere")
    assert {pulling(outside, host) for host in others} == {"registry-unauthorized"}
    outside.user("no-token", "ecr:BatchGetImage")
    assert pulling(outside, outside.ecr) == "aws-access-denied"
    outside.user("no-pull", "ecr:GetAuthorizationToken")
    assert pulling(outside, outside.ecr) == "registry-forbidden"
    outside.close("public.ecr.aws")
    assert errors_of(lambda: public.pull(SERVICE, "1.4.1")) == "registry-unreachable"


def mirrored(world: World, to: str, *more: str) -> dict[str, str]:
    """What `acksm mirror` did: op by target's repository and tag."""
    run = world.acksm("mirror", "--to", to, *ONE, "-o", "json", *more).ok()
    return {change["target"].rpartition("/")[2]: change["op"] for change in run.data["changes"]}


def test_a_mirror_in_ecr(outside: Outside) -> None:
    world, to, tag = outside.world, f"{outside.ecr}/acks", TESTED[SERVICE]
    with world.requests() as seen:
        assert mirrored(world, to, "--dry-run") == {
            CHART: "create",
            IMAGE: "create",
            f"{CHART}:{tag}": "create",
            f"{IMAGE}:{tag}": "create",
        }
    assert seen.writes == []
    first = world.acksm("mirror", "--to", to, *ONE, "--tag", "team=ml", "-o", "json").ok().data
    digests = {one["kind"]: one["digest"] for one in first["result"]["artifacts"]}
    here, public = outside.registry(to), outside.registry(DEFAULT_REGISTRY)
    image = here.image(SERVICE, tag)
    assert image is not None
    assert image.digest == digests["image"]
    assert here.find(SERVICE, tag).digest == digests["chart"] == public.find(SERVICE, tag).digest
    platforms = [one["platforms"] for one in first["result"]["artifacts"] if one["kind"] == "image"]
    assert platforms == [["linux/amd64", "linux/arm64"]]
    for child in json.loads(image.data)["manifests"]:  # every platform, whatever this machine is
        here.manifest(here.repository(IMAGE), child["digest"])
    ecr = world.aws("ecr")
    arn = ecr.describe_repositories(repositoryNames=[f"acks/{IMAGE}"])["repositories"][0]["repositoryArn"]
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "ml"}]
    # a second run
    with world.requests() as seen:
        again = world.acksm("mirror", "--to", to, *ONE).ok()
    assert (seen.writes, "already up to date" in again.stderr) == ([], True)
    # a tag that names something else is moved where its owner says so, and not where it is immutable
    other = here.manifest(here.repository(IMAGE), json.loads(image.data)["manifests"][0]["digest"])
    here.client.request(
        "PUT",
        here.client.url(here.repository(IMAGE), f"manifests/{tag}"),
        here.repository(IMAGE),
        headers={"Content-Type": other.media_type},
        body=other.data,
    )
    assert world.acksm("mirror", "--to", to, *ONE).error_id == "needs-confirmation"
    ecr.put_image_tag_mutability(repositoryName=f"acks/{IMAGE}", imageTagMutability="IMMUTABLE")
    assert world.acksm("mirror", "--to", to, *ONE, "--yes").error_id == "tag-immutable"
    ecr.put_image_tag_mutability(repositoryName=f"acks/{IMAGE}", imageTagMutability="MUTABLE")
    assert mirrored(world, to, "--yes") == {f"{IMAGE}:{tag}": "update"}
    # who may not, is refused before the first write
    outside.user("reader", "ecr:GetAuthorizationToken", "ecr:DescribeRepositories", "ecr:BatchGetImage")
    refused = world.acksm("mirror", "--to", f"{outside.ecr}/elsewhere", *ONE)
    assert refused.exit_code != 0
    assert len(ecr.describe_repositories()["repositories"]) == 2


@pytest.mark.parametrize("host", ["registry.example.com", "basic.example.com"])
def test_a_mirror_elsewhere(host: str, outside: Outside) -> None:
    """A name and a password in docker's file; no repository has to exist, and no AWS is asked."""
    with outside.world.requests() as seen:
        assert set(mirrored(outside.world, f"{host}/team/acks").values()) == {"create"}
    assert seen.aws == []
    assert mirrored(outside.world, f"{host}/team/acks") == {}


def test_a_pull_through_cache(outside: Outside) -> None:
    outside.cache("ecr-public")
    cached = outside.registry(f"{outside.ecr}/ecr-public/aws-controllers-k8s")
    assert errors_of(lambda: cached.tags(SERVICE)) == "registry-repository-unknown"  # it lists what it has pulled
    assert cached.pull(SERVICE, "1.4.1").chart.version == "1.4.1"
    assert cached.tags(SERVICE) == ["1.4.1"]
    assert cached.image(SERVICE, "1.4.1") is not None


@pytest.mark.crds
def test_an_install_without_the_public_registry(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    world, to = outside.world, f"{outside.ecr}/acks"
    image = f"{to}/{IMAGE}:{TESTED[SERVICE]}"
    world.acksm("mirror", "--to", to, *ONE).ok()
    outside.close("public.ecr.aws")
    refused = world.acksm("install", "-y", *ONE)
    assert (refused.error_id, "acksm mirror --to" in refused.stderr) == ("registry-unreachable", True)
    dry = world.acksm("install", *ONE, "--registry", to, "--dry-run").ok().stdout
    assert f"repository: {to}/{IMAGE}" in dry
    world.install(*ONE, "--registry", to)
    deployment = world.kube.list(_deployments(world))[0]["spec"]["template"]["spec"]["containers"][0]
    assert deployment["image"] == image
    # from here on the release says where it came from
    with world.requests() as seen:
        again = world.acksm("install", "-y", *ONE).ok()
    assert (seen.writes, "already up to date" in again.stderr) == ([], True)
    status = world.acksm("status", *ONE, "-o", "json").ok().data
    assert (status["healthy"], status["drift"], status["drift_unknown"]) == (True, [], "")
    assert status["controllers"][0]["registry"] == to
    doctor = world.acksm("doctor", *ONE, "-o", "json")
    states = {(one["id"], one["where"]): one["state"] for one in doctor.data["checks"]}
    assert states["check.registry", f"{to}/{CHART}"] == "ok"
    # a version that the mirror does not have is refused before the first write; its image alone too
    unknown = world.acksm("install", "-y", *ONE, "--version", f"{SERVICE}=1.1.2")
    assert unknown.error_id == "chart-version-unknown"
    assert world.acksm("install", "-y", *ONE, "--set", "image.tag=1.1.2").error_id == "image-missing"
    # a node pulls from where the pod says, and from nowhere else; this test gives a pull three seconds, not a minute
    monkeypatch.setattr(causes, "_PULL", tuple(replace(one, patience=3.0) for one in causes._PULL))
    closed = world.acksm("install", "-y", *ONE, "--set", f"image.repository={DEFAULT_REGISTRY}/{IMAGE}")
    assert (closed.error_id, "lookup public.ecr.aws" in closed.stderr) == ("pod-failing", True)
    world.install(*ONE, "--reset-values")
    # back to the public registry is a change that the plan shows
    outside.close()
    back = world.acksm("install", *ONE, "--registry", DEFAULT_REGISTRY, "--dry-run", "-o", "json").ok().data
    assert [one["reason"] for one in back["changes"]] == [f"images from {DEFAULT_REGISTRY} instead of {to}"]
    world.aws("ecr").delete_repository(repositoryName=f"acks/{IMAGE}", force=True)
    assert world.acksm("install", "-y", *ONE).error_id == "image-missing"


def _deployments(world: World) -> Ref:
    return ref("Deployment", namespace=world.namespace)
