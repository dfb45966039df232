"""By which way the controllers' pods get their role: IRSA's annotation, EKS Pod Identity's association, or, between the
two of them, both. What exists is kept, and `acksm identity migrate` changes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from acksm.errors import AcksmError
from acksm.guide.identity.associations import Account, Found

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


def _differs(accounts: frozenset[Account], has: str, requested: str) -> AcksmError:
    named = ", ".join(sorted("/".join(account) for account in accounts))
    return AcksmError(
        "identity-differs",
        f"--identity is {requested}, and {named} has {has}",
        remedy=f"acksm identity migrate --to {requested}",
        details={"service_accounts": sorted("/".join(account) for account in accounts)},
    )
