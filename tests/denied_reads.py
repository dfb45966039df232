"""Reads of a memory world that fail on demand: each request of a kind to the apiserver, AWS, EKS or a registry.

What is denied is a sort of request, such as `list Deployment` or `iam GetRole`, as a Role or a policy would deny it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from acksm.ack.kinds import KINDS
from acksm.errors import AcksmError
from acksm.kube.paths import Ref
from acksm.settings import DEFAULT_REGISTRY, RunSettings, TargetSettings
from memory_world import MemoryWorld

_ACK = {kind.plural for kinds in KINDS.values() for kind in kinds.values()}
_OF_KUBE = ("get", "list", "snapshot", "read", "version", "can", "logs", "log_lines", "token")
_OF_EKS = ("pod_identity_users", "pod_identity", "ack_capabilities", "fargate_profiles", "node_groups")
# How each side refuses, and how it fails.
FAULTS = {
    "denied": {"kube": "kube-forbidden", "aws": "aws-access-denied", "registry": "registry-unauthorized"},
    "away": {"kube": "kube-unreachable", "aws": "aws-unreachable", "registry": "registry-unreachable"},
}


@dataclass
class Reads:
    """The sorts of reads that were made, and the one that fails."""

    seen: set[str] = field(default_factory=set)
    denied: str = ""
    fault: str = "denied"
    current: ClassVar[Reads]

    @classmethod
    def of_aws(cls, name: str, work: Callable[..., Any], words: Sequence[Any]) -> Any:
        """A read of an AWS resource."""
        return cls.current.wrap(work, "aws", lambda *_: f"aws {name}")(*words)

    def wrap(self, work: Callable[..., Any], side: str, named: Callable[..., str]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            sort = named(*args, **more)
            if not sort:
                return work(*args, **more)
            if not self.denied:
                self.seen.add(sort)
            if sort == self.denied:
                raise AcksmError(FAULTS[self.fault][side], f"no {sort}", where=sort)
            return work(*args, **more)

        return call

    def over(self, world: MemoryWorld) -> None:
        """Let every read of the world go through here."""
        Reads.current = self
        kube, iam = world.kube, world.iam
        for name in _OF_KUBE:
            setattr(kube, name, self.wrap(getattr(kube, name), "kube", _kube_sort(name)))
        kube.apply = self.wrap(kube.apply, "kube", _dry_run)  # type: ignore[method-assign]
        for name in ("_call", "_pages"):
            setattr(iam, name, self.wrap(getattr(iam, name), "aws", lambda operation, *_, **__: f"iam {operation}"))
        target_of = world.target_of

        def target(at: TargetSettings, run: RunSettings) -> Any:
            found = target_of(at, run)
            for name in _OF_EKS:
                work = self.wrap(getattr(found.aws.eks, name), "aws", lambda *_, name=name, **__: f"eks {name}")
                setattr(found.aws.eks, name, work)
            registry = found.registries[DEFAULT_REGISTRY]
            for name in ("pull", "find", "tags", "image"):
                setattr(
                    registry,
                    name,
                    self.wrap(getattr(registry, name), "registry", lambda *_, name=name, **__: f"registry {name}"),
                )
            return found

        world.target_of = target  # type: ignore[method-assign]


def _kube_sort(verb: str) -> Callable[..., str]:
    def sort(*args: Any, **_: Any) -> str:
        first = args[0] if args else ""
        if isinstance(first, Ref):
            kind = "ACK object" if first.plural in _ACK else first.kind
            return f"{verb} {kind}" + (f" in {first.namespace}" if first.namespace else "")
        return f"{verb} {first}".strip() if verb == "read" else verb

    return sort


def _dry_run(manifest: Any, force: bool = False, dry_run: bool = False) -> str:
    return f"dry-run {manifest['kind']}" if dry_run else ""
