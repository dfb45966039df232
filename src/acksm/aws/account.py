"""One AWS account as a command works in it: a session, and the services that acksm calls with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from acksm.aws import buckets
from acksm.aws.buckets import Bucket
from acksm.aws.eks import Addon, Association, Capability, Cluster, Eks, FargateProfile, NodeGroup
from acksm.aws.iam import Iam
from acksm.aws.pod_identity import PodIdentity
from acksm.aws.session import Session


class Clusters(Protocol):
    """The calls of EKS that acksm uses."""

    def describe_cluster(self, name: str, /) -> Cluster: ...

    def fargate_profiles(self, name: str, /) -> list[FargateProfile]: ...

    def node_groups(self, name: str, /) -> list[NodeGroup]: ...

    def pod_identity(self, cluster: str, namespace: str, service_account: str, /) -> Association | None: ...

    def pod_identity_users(self, cluster: str, role_arn: str, /) -> list[str]: ...

    def associations(self, cluster: str, namespace: str = "", /) -> list[Association]: ...

    def addon(self, cluster: str, name: str, /) -> Addon | None: ...

    def ack_capabilities(self, cluster: str, /) -> list[Capability]: ...

    def disable_services(self, cluster: str, capability: str, services: Sequence[str]) -> None: ...
    def create_association(
        self, cluster: str, namespace: str, service_account: str, role_arn: str, tags: Mapping[str, str]
    ) -> None: ...

    def update_association(self, cluster: str, name: str, role_arn: str) -> None: ...

    def delete_association(self, cluster: str, name: str) -> None: ...

    def create_addon(self, cluster: str, name: str, tags: Mapping[str, str]) -> None: ...

    def delete_addon(self, cluster: str, name: str) -> None: ...


class Aws(Session):
    """A session with EKS and IAM."""

    @cached_property
    def eks(self) -> Clusters:
        return Eks(self)

    @cached_property
    def iam(self) -> Iam:
        return Iam(self)

    def bucket(self, name: str, region: str = "") -> Bucket:
        """The S3 bucket of this name, asked in `region`."""
        return buckets.look(self, name, region)

    def dispatch_table(self) -> dict[str, Callable[..., object]]:
        """The calls that a change may name, by their key."""
        own = {"iam": (self.iam, self.iam.WRITES), "eks": (self.eks, PodIdentity.WRITES)}
        return {f"{key}.{name}": getattr(calls, name) for key, (calls, names) in own.items() for name in names}
