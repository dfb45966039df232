"""One AWS account as a command works in it: a session, and the services that acksm calls by it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from acksm.aws.eks import Eks
from acksm.aws.iam import Iam
from acksm.aws.session import Session


class Aws(Session):
    """A session with EKS and IAM."""

    @cached_property
    def eks(self) -> Eks:
        return Eks(self)

    @cached_property
    def iam(self) -> Iam:
        return Iam(self)

    def dispatch_table(self) -> dict[str, Callable[..., object]]:
        """The calls that a change may name, by their key."""
        return {f"iam.{name}": getattr(self.iam, name) for name in self.iam.WRITES}
