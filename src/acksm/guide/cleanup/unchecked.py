"""What a cleanup could not check, each with the command that does: it is not called deleted. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from acksm.guide.carm import trust
from acksm.guide.cleanup.objects import Choice
from acksm.guide.cleanup.observation import Desired, Observed, named_roles
from acksm.guide.cleanup.report import fate_of
from acksm.live.bindings import OWNER
from acksm.live.inventory import Effect
from acksm.settings import TARGET_ROLE


def unchecked(observed: Observed, desired: Desired, choice: Choice) -> list[str]:
    """What the options ask for, and this run could not read."""
    found = [f"not checked: {what}" for what in observed.inventory.forbidden]
    found += [f"not checked: {what} (listing them is denied)" for what in observed.unlisted]
    if desired.carm:
        found += _roles(observed, desired)
    if desired.delete_aws:
        fates = {item.account for item in choice.items if fate_of(item, desired) in {Effect.DELETES, Effect.STOPS}}
        found += [
            f"not checked: whether AWS resources in account {account} are deleted; check with: "
            "acksm cleanup --delete-aws --target-profile PROFILE"
            for account in sorted(fates - {observed.account, observed.target_account, ""})
        ]
    return found


def elsewhere(desired: Desired, observed: Observed) -> list[str]:
    """Once nothing in the cluster names another account, only its own IAM knows what `carm setup` left there."""
    if not desired.carm or observed.target_account:
        return []
    return [
        "other accounts are not checked; a role that acksm carm setup created is deleted with: "
        "acksm cleanup --carm --target-profile PROFILE"
    ]


def _roles(observed: Observed, desired: Desired) -> Iterator[str]:
    """The roles in other accounts that maps, selectors and the controllers' own policies name, and accounts of which
    only the number is known."""
    arns = named_roles(observed.maps, observed.inventory.common)
    arns |= {
        role for state in observed.roles if state.role for role in _assumed(state.role["inline"].get(trust.POLICY))
    }
    arns = {arn for arn in arns if arn.count(":") >= 5 and arn.split(":")[4].isdigit()}
    accounts = {item.account for item in observed.inventory.of(desired.services) if item.account}
    accounts |= {
        live.annotations[OWNER] for live in observed.inventory.namespaces.values() if OWNER in live.annotations
    }
    accounts |= set(desired.accounts)
    looked = {observed.account, observed.target_account}
    named = {arn.split(":")[4] for arn in arns}
    for arn in sorted(arns):
        if arn.split(":")[4] not in looked:
            name = arn.rpartition("/")[2]
            option = "" if name == TARGET_ROLE or "*" in name else f" --target-role-name {name}"
            yield (
                f"not checked: role {arn}; delete it with: acksm cleanup --carm --target-profile PROFILE{option}"
                f"   (a profile of account {arn.split(':')[4]})"
            )
    for account in sorted(accounts - named - looked):
        yield (
            f"not checked: roles in account {account}; delete them with: acksm cleanup --carm --target-profile PROFILE"
            f"   (a profile of account {account})"
        )


def _assumed(document: object) -> frozenset[str]:
    return trust.assumable(document) if isinstance(document, dict) else frozenset()
