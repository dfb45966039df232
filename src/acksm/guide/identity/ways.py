"""By which way the controllers' pods get their role: IRSA's annotation, EKS Pod Identity's association, or, between the
two of them, both. What exists is kept, and `acksm identity migrate` changes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from acksm.aws.eks import Association
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.identity.associations import Account, Found
from acksm.live.readiness import PodState

IRSA, POD_IDENTITY = "irsa", "pod-identity"


@dataclass(frozen=True)
class Ways:
    """`irsa`: service accounts have the annotation. `associate`: each of them gets an association. `associated` are
    those that have one now, with whatever role; for pods made after it, it wins over the annotation."""

    irsa: bool = True
    associate: bool = False
    associated: frozenset[Account] = frozenset()

    @property
    def by_agent(self) -> bool:
        """Whether pods get the role by associations alone."""
        return self.associate and not self.irsa

    @property
    def text(self) -> str:
        """irsa, pod-identity, or both with a comma between."""
        found = [IRSA] * self.irsa + [POD_IDENTITY] * (self.associate or bool(self.associated))
        return ", ".join(found)


BY_IRSA = Ways()


def chosen(
    requested: str | None, found: Found, annotated: Mapping[Account, str], own: Collection[Account] | None = None
) -> Ways:
    """The ways of a plan: as `requested`, else as they are, else IRSA.

    `found` and `annotated` (the role in the annotation, "" for none) are of the controllers of the namespace, `own`
    those of the plan, None for all. Error: `identity-differs` where one of `own` has the other way.
    """
    associated = frozenset(account for account, one in found.items() if one is not None)
    by_annotation = frozenset(account for account, role in annotated.items() if role)
    mine = frozenset(found if own is None else own)
    if requested == POD_IDENTITY and (wrong := (by_annotation - associated) & mine):
        raise _differs(wrong, "the annotation of IRSA", POD_IDENTITY)
    if requested == IRSA and (wrong := associated & mine):
        raise _differs(wrong, "an association of EKS Pod Identity", IRSA)
    if requested == POD_IDENTITY:
        return Ways(bool(by_annotation & mine), True, associated & mine)
    by_agent = requested is None and bool(associated) and not by_annotation
    return Ways(not by_agent, by_agent, associated & mine)


class Use(NamedTuple):
    """A way that pods of a service account use, or would use if they were created now, and the role by it."""

    way: str
    role: str


def used(annotation: str, association: Association | None, pods: Iterable[PodState]) -> list[Use]:
    """The ways of one service account that have to work, so that its pods keep their role. Pods that are created now
    have the association's, where there is one; older ones keep the annotation's."""
    found = [Use(POD_IDENTITY, association.through)] if association else []
    older = sorted({pod.role_arn for pod in pods if pod.role_arn})
    by_annotation = older if association else [annotation] if annotation else []
    return found + [Use(IRSA, role) for role in by_annotation]


def _differs(accounts: frozenset[Account], has: str, requested: str) -> AcksmError:
    named = ", ".join(sorted("/".join(account) for account in accounts))
    return AcksmError(
        "identity-differs",
        f"--identity is {requested}, and {named} has {has}",
        remedy=f"acksm identity migrate --to {requested}",
        details={"service_accounts": sorted("/".join(account) for account in accounts)},
    )
