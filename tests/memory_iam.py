"""IAM in memory for plans of a role: what their calls do. The contract tests run the same plans on moto."""

from __future__ import annotations

from typing import Any

from acksm.aws.documents import Role
from acksm.aws.eks import Cluster
from acksm.engine.change import Change
from acksm.guide.identity import iam_role

ACCOUNT = "012345678901"


def cluster(partition: str = "aws", region: str = "us-west-2", issuer_id: str = "A" * 32) -> Cluster:
    return Cluster(
        "demo",
        f"arn:{partition}:eks:{region}:{ACCOUNT}:cluster/demo",
        region,
        ACCOUNT,
        "https://x",
        "",
        f"https://oidc.eks.{region}.amazonaws.com/id/{issuer_id}",
        "ACTIVE",
        "1.35",
    )


class World:
    """IAM in memory: what the calls of a plan do."""

    def __init__(self, role: Role | None = None) -> None:
        self.role, self.linked = role, False

    def observed(self) -> iam_role.Observed:
        return iam_role.Observed(self.role, self.linked)

    def apply(self, changes: list[Change]) -> None:
        for change in changes:
            getattr(self, change.call.removeprefix("iam."))(**change.params)

    def create_role(self, name: str, path: str, trust: Any, tags: Any, boundary: str) -> None:
        assert self.role is None
        self.role = role(trust, tags=dict(tags), path=path, boundary=boundary)

    def update_trust(self, name: str, trust: Any) -> None:
        self._role["trust"] = trust

    def attach_policy(self, name: str, policy_arn: str) -> None:
        self._role["attached"].append(policy_arn)

    def detach_policy(self, name: str, policy_arn: str) -> None:
        self._role["attached"].remove(policy_arn)

    def put_policy(self, name: str, policy: str, document: Any) -> None:
        self._role["inline"][policy] = document

    def tag_role(self, name: str, tags: dict[str, str]) -> None:
        self._role["tags"].update(tags)

    def put_boundary(self, name: str, boundary: str) -> None:
        self._role["boundary"] = boundary

    def create_service_linked_role(self, service: str) -> None:
        self.linked = True

    @property
    def _role(self) -> Role:
        assert self.role is not None
        return self.role


def role(document: Any, tags: dict[str, str] | None = None, path: str = "/", boundary: str = "") -> Role:
    return {
        "arn": f"arn:aws:iam::{ACCOUNT}:role/ack-controller-role-demo",
        "path": path,
        "created": "",
        "trust": document,
        "tags": tags or {},
        "boundary": boundary,
        "attached": [],
        "inline": {},
    }
