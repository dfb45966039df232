"""The sandbox's registries by their real names, as a test reaches them: through its proxy, with its authority."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from acksm.aws.account import Aws
from acksm.guide.connect.registries import registry
from acksm.helm.registry import Registry
from acksm.sandbox import api
from acksm.sandbox.state import REGION
from world import NAME, World

SetVariable = Callable[[str, str], None]


@dataclass
class Outside:
    """The outside of a world. `close` makes hosts unreachable."""

    world: World
    set: SetVariable

    @classmethod
    def open(cls, world: World, set: SetVariable) -> Outside:
        for name, value in api.environment(NAME, world.cluster, registries=True).items():
            set(name, value)
        set("ACKSM_REGISTRY", "")
        return cls(world, set)

    @property
    def ecr(self) -> str:
        return f"{self.world.account}.dkr.ecr.{REGION}.amazonaws.com"

    def close(self, *hosts: str) -> None:
        api.control(self.world.state, "POST", f"accounts/{self.world.account}/network", {"closed": list(hosts)})

    def cache(self, prefix: str) -> None:
        api.control(
            self.world.state, "POST", f"accounts/{self.world.account}/cache", {"region": REGION, "prefix": prefix}
        )

    def registry(self, location: str, aws: Aws | None = None) -> Registry:
        return registry(location, lambda: 60.0, aws or Aws(region=REGION))

    def user(self, name: str, *actions: str, resource: str = "*") -> None:
        """Go on as a user who may do this alone."""
        statements = [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]
        keys = self.world.user(name, policy={"Version": "2012-10-17", "Statement": statements}, mapped=False)
        for key, value in keys.items():
            self.set(key, value)


def errors_of(work: Callable[[], Any]) -> str:
    """The id of the error that `work` ends with, "" without one."""
    from acksm.errors import AcksmError

    try:
        work()
    except AcksmError as error:
        return error.id
    return ""


def tags_of(location: Registry, names: Sequence[str]) -> dict[str, list[str]]:
    """The tags of repositories, sorted."""
    found = {}
    for name in names:
        repository = location.repository(name)
        url = location.client.url(repository, "tags/list")
        found[name] = sorted(json.loads(location.client.get(url, repository).data)["tags"])
    return found
