"""Clusters that EKS lists in the accounts and regions of `discover`, with their tags. Reads only.

https://docs.aws.amazon.com/eks/latest/APIReference/API_ListClusters.html returns names alone, so each is described.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from acksm.aws.account import Aws
from acksm.aws.eks import SERVING, Eks, Listed
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.fleet.file import Defaults, Discovery, Fleet, Member, check_unique, filled, member

Tagged = Mapping[str, Listed]
List = Callable[[Discovery, str, str], Tagged]


@dataclass(frozen=True)
class Found:
    """All members, listed ones first, what could not be listed or does not answer yet, and "I/N" where they are a
    shard's."""

    members: tuple[Member, ...]
    unread: tuple[str, ...]
    shard: str = ""


def complete(fleet: Fleet, listed: List | None = None) -> Found:
    """The fleet with what discovery adds; a cluster that the file lists itself is taken from the file.

    Error: `fleet-invalid` for a cluster in no wave.
    """
    places = [(one, *place) for one in fleet.discover for place in product(one.accounts, one.regions)]
    known = {one.id for one in fleet.members}
    more: dict[str, Member] = {}
    unread = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        ask = listed or clusters
        jobs = [(place, pool.submit(ask, *place)) for place in places]
        for (how, account, region), job in jobs:
            try:
                tagged = job.result()
            except AcksmError as error:
                unread.append(f"clusters of account {account} in {region}: {error.message}")
                continue
            for name, found in sorted(tagged.items(), key=lambda item: item[0]):
                one = _member(fleet.defaults, how, name, account, region)
                if one.id in known or one.id in more or not how.tags.items() <= found.tags.items():
                    continue
                if found.status in SERVING:
                    more[one.id] = one
                else:
                    unread.append(f"cluster {one.id} is {found.status}")
    members = (*fleet.members, *more.values())
    check_unique(fleet, members)
    return Found(members, tuple(dict.fromkeys(unread)))


def _member(defaults: Defaults, how: Discovery, name: str, account: str, region: str) -> Member:
    given = {"cluster": name, "account": account, "region": region, "labels": how.labels}
    given |= {"profile": how.profile} if how.profile else {}
    given |= {"assume_role_arn": how.assume_role_arn} if how.assume_role_arn else {}
    return member(defaults, Defaults.model_validate(given))


def clusters(how: Discovery, account: str, region: str) -> Tagged:
    """Names and tags of the clusters. Errors: those of AWS, `aws-wrong-account`."""
    role = filled(how.assume_role_arn, {"account": account, "region": region, "cluster": ""})
    aws = session(how.profile, region, role, account)
    aws.identity()
    return Eks(aws).tagged()


def session(profile: str, region: str, role: str, account: str) -> Aws:
    """A session of the account, by the profile and then the role. Errors: those of AWS."""
    if not role:
        return Aws(profile or None, region, account)
    return Aws(profile or None, region).assume(role, account)


def chosen(members: Sequence[Member], selected: Mapping[str, str], names: Sequence[str]) -> list[Member]:
    """Those with all labels of `selected` and, where `names` has some, of these names or ids.

    Error: `fleet-unknown` for a name that no cluster has.
    """
    known = {one.cluster for one in members} | {one.id for one in members}
    for name in names:
        if name not in known:
            raise AcksmError("fleet-unknown", f"no cluster {name} in the fleet", where=f"--cluster {name}")
    return [
        one
        for one in members
        if selected.items() <= one.labels.items() and (not names or one.cluster in names or one.id in names)
    ]
