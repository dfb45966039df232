"""Registries as they are: the public one, Amazon ECR, those with tokens and passwords, and mirrors of the charts and
images in them, up to an install without the public one. All of them by their real names, over TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acksm.ack.charts import TESTED
from acksm.settings import DEFAULT_REGISTRY
from outside import Outside, errors_of
from world import World

CHART, IMAGE = "applicationautoscaling-chart", "applicationautoscaling-controller"
SERVICE = "applicationautoscaling"


@pytest.fixture
def outside(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    found = Outside.open(world, monkeypatch.setenv)
    yield found
    found.close()


def test_who_may_read_what(outside: Outside) -> None:
    """Each registry as its own answers say."""
    public = outside.registry(DEFAULT_REGISTRY)
    assert public.pull(SERVICE, "latest").chart.version == TESTED[SERVICE]
    assert public.image(SERVICE, TESTED[SERVICE]) is not None
    ecr = outside.world.aws("ecr")
    here = outside.registry(f"{outside.ecr}/acks")
    assert errors_of(lambda: here.pull(SERVICE, "1.4.1")) == "registry-repository-unknown"
    ecr.create_repository(repositoryName=f"acks/{CHART}")
    assert errors_of(lambda: here.pull(SERVICE, "1.4.1")) == "chart-version-unknown"
    other = outside.ecr.replace("us-west-2", "eu-west-1")
    assert errors_of(lambda: outside.registry(f"{other}/acks").pull(SERVICE, "1.4.1")) == "registry-repository-unknown"
    foreign = outside.registry("111111111111.dkr.ecr.us-west-2.amazonaws.com/acks")
    assert errors_of(lambda: foreign.pull(SERVICE, "1.4.1")) == "registry-forbidden"
    for host in ("registry.example.com", "basic.example.com"):
        assert errors_of(lambda host=host: outside.registry(f"{host}/acks").pull(SERVICE, "1.4.1")) == (
            "registry-repository-unknown"
        )
    outside.set("DOCKER_CONFIG", "/nowhere")
    for host in ("registry.example.com", "basic.example.com"):
        assert errors_of(lambda host=host: outside.registry(f"{host}/acks").pull(SERVICE, "1.4.1")) == (
            "registry-unauthorized"
        )
    outside.user("no-token", "ecr:BatchGetImage")
    assert errors_of(lambda: outside.registry(f"{outside.ecr}/acks").pull(SERVICE, "1.4.1")) == "aws-access-denied"
    outside.user("no-pull", "ecr:GetAuthorizationToken")
    assert errors_of(lambda: outside.registry(f"{outside.ecr}/acks").pull(SERVICE, "1.4.1")) == "registry-forbidden"
    outside.close("public.ecr.aws")
    assert errors_of(lambda: outside.registry(DEFAULT_REGISTRY).pull(SERVICE, "1.4.1")) == "registry-unreachable"
