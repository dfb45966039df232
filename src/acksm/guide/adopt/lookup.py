"""Look up requested AWS resources, in the account and region that the controller would search.

A few are described; many of one kind are found in one paginated list, with a fraction of the requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from difflib import get_close_matches

from acksm.ack.kinds import Kind
from acksm.aws import objects
from acksm.aws.account import Aws
from acksm.aws.objects import Found
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.adopt.placement import Location
from acksm.guide.adopt.requested import Request
from acksm.guide.carm import accounts as carm_accounts
from acksm.guide.connect.target import Target
from acksm.settings import OtherAccountSettings
from acksm.words import did_you_mean

MANY = 12  # from so many of a kind on, they are looked up by a list
PARALLEL = 8


@dataclass
class Accounts:
    """Sessions by account, each created once: the caller's, and those of target accounts as in `carm`."""

    target: Target
    other: OtherAccountSettings
    _sessions: dict[str, Aws | AcksmError] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def session(self, account: str, role: str) -> Aws:
        """Error: `adopt-account-unreachable`."""
        if account == self.target.identity.account:
            return self.target.aws
        with self._lock:
            if account not in self._sessions:
                try:
                    self._sessions[account] = self._reach(account, role)
                except AcksmError as error:
                    self._sessions[account] = error
            found = self._sessions[account]
        if isinstance(found, AcksmError):
            raise AcksmError(
                "adopt-account-unreachable",
                f"account {account} cannot be accessed: {found.message}",
                where=account,
                details={"id": found.id},
            )
        return found

    def _reach(self, account: str, role: str) -> Aws:
        if self.other.reachable:
            return carm_accounts.reach(self.target, self.other, account)
        if not role:
            raise AcksmError("kube-forbidden", "the account map, which names its role, cannot be read")
        return self.target.aws.assume(role)


Requested = tuple[Request, Location]


def find(
    requested: Sequence[Requested],
    accounts: Accounts,
    refuse: Callable[[AcksmError], None],
    namespace_of: Callable[[Kind, str], str],
) -> list[tuple[Request, Location, Found]]:
    """Each request with what AWS has, in order. `namespace_of`: a namespace of a kind's objects in an account, "" for
    none. Errors go to `refuse`: adopt-…, aws-…"""
    groups: dict[tuple[str, str, str], list[Requested]] = {}
    kept = []
    for request, location in requested:
        try:
            _check_arn(request, location, accounts.target.identity.account, namespace_of)
        except AcksmError as error:
            refuse(error)
            continue
        kept.append((request, location))
        groups.setdefault((request.kind.name, location.account, request.region or location.region), []).append(
            (request, location)
        )
    answers: dict[int, Found | AcksmError] = {}
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        listed = {
            key: pool.submit(_by_list, group, accounts)
            for key, group in groups.items()
            if len(group) >= MANY and not group[0][0].kind.parent
        }
        single = [one for key, group in groups.items() if key not in listed for one in group]
        answers |= _each(single, accounts, pool)
        for future in listed.values():
            answers |= future.result()
    found = []
    for request, location in kept:
        answer = answers[id(request)]
        if isinstance(answer, AcksmError):
            refuse(answer)
        else:
            found.append((request, location, answer))
    return found


def _check_arn(request: Request, location: Location, own: str, namespace_of: Callable[[Kind, str], str]) -> None:
    """Errors: `adopt-other-account`, `adopt-other-region`: the ARN is not in that of the namespace's objects."""
    if request.arn is None:
        return
    if request.arn.account != location.account:
        raise AcksmError(
            "adopt-other-account",
            f"{request.arn.text} is in account {request.arn.account}, but objects in namespace {request.namespace} are "
            f"created in account {location.account}",
            where=request.where or request.arn.text,
            remedy=f"acksm adopt {request.kind.name} {request.arn.text} -n {elsewhere}"
            if (elsewhere := namespace_of(request.kind, request.arn.account))
            else f"acksm adopt {request.kind.name} {request.arn.text} -n UNBOUND   (a namespace without a binding)"
            if request.arn.account == own
            else f"acksm carm bind UNBOUND --target-account {request.arn.account}   (a namespace without a binding)",
        )
    region = request.region or location.region
    if request.arn.region != region:
        raise AcksmError(
            "adopt-other-region",
            f"{request.arn.text} is in {request.arn.region}, but objects in namespace {request.namespace} are "
            f"created in {region}",
            where=request.where or request.arn.text,
            remedy=f"acksm adopt … --object-region {request.arn.region}",
        )


def _lookup(request: Request, location: Location, accounts: Accounts) -> Found | AcksmError:
    region = request.region or location.region
    try:
        aws = accounts.session(location.account, location.role)
        if not request.keys:
            return _pick(
                request, location, [one for one in objects.list_all(aws, request.kind, region) if _is(one, request)]
            )
        for key in request.keys:
            found = objects.matching(aws, request.kind, whole_key(request.kind, key, aws, location, region), region)
            if found:
                return _pick(request, location, found)
        return _missing(request, location, _near(aws, request, region))
    except AcksmError as error:
        error.where = error.where or request.where or str(request)
        return error


def whole_key(kind: Kind, key: Mapping[str, str], aws: Aws, location: Location, region: str) -> Mapping[str, str]:
    """The key of the describe call: the ARN, for a kind that is found by ARN where only the name is given."""
    if "path" not in key:
        return key
    partition = aws.identity().partition
    return {"arn": f"arn:{partition}:{kind.service}:{region}:{location.account}:{key['path']}"}


def _by_list(group: Sequence[Requested], accounts: Accounts) -> dict[int, Found | AcksmError]:
    """Many of one kind in one account and region. Where they cannot be listed, each is described."""
    kind, location, region = group[0][0].kind, group[0][1], group[0][0].region or group[0][1].region
    try:
        aws = accounts.session(location.account, location.role)
        existing = objects.list_all(aws, kind, region)
        by_name: dict[str, list[Found]] = {}
        for one in existing:
            by_name.setdefault(_first(kind, one.key), []).append(one)
        answers: dict[int, Found | AcksmError] = {}
        for request, where in group:
            keys = [whole_key(kind, key, aws, where, region) for key in request.keys] or [{}]
            matching = [
                one
                for key in keys
                for one in (by_name.get(_first(kind, key), []) if key else existing)
                if (_fits(one.key, key) if key else _is(one, request))
            ]
            answers[id(request)] = _pick(request, where, matching)
        return answers
    except AcksmError as error:
        if error.id not in {"aws-access-denied", "aws-failed"}:
            return {id(request): error for request, _ in group}
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        return _each(group, accounts, pool)


def _each(
    requested: Sequence[Requested], accounts: Accounts, pool: ThreadPoolExecutor
) -> dict[int, Found | AcksmError]:
    found = pool.map(lambda one: _lookup(one[0], one[1], accounts), requested)
    return {id(request): answer for (request, _), answer in zip(requested, found, strict=True)}


def _first(kind: Kind, key: Mapping[str, str]) -> str:
    return key.get("arn" if kind.by_arn else kind.key[0], "").lower()


def _fits(key: Mapping[str, str], requested: Mapping[str, str]) -> bool:
    return all(key.get(name, "").lower() == value.lower() for name, value in requested.items())


def _is(one: Found, request: Request) -> bool:
    return request.arn is not None and one.arn.lower() == request.arn.text.lower()


def _pick(request: Request, location: Location, found: Sequence[Found]) -> Found | AcksmError:
    if not found:
        return _missing(request, location)
    if len(found) > 1:
        choices = "; ".join(", ".join(f"{key}={value}" for key, value in one.key.items()) for one in found)
        return AcksmError("adopt-ambiguous", f"{request} is ambiguous: {choices}", where=request.where or str(request))
    return found[0]


def _near(aws: Aws, request: Request, region: str) -> list[str]:
    """Names in AWS that are close to the requested one; [] where they cannot be listed."""
    if request.creates or request.kind.parent:
        return []
    try:
        existing = {request.kind.write(one.key) for one in objects.list_all(aws, request.kind, region)}
    except AcksmError:
        return []
    return get_close_matches(request.text, sorted(filter(None, existing)), n=1)


def _missing(request: Request, location: Location, near: Sequence[str] = ()) -> Found | AcksmError:
    """What does not exist: adopt-or-create makes it."""
    region = request.region or location.region
    if request.creates:
        return Found(request.kind, request.keys[0] if request.keys else {}, "", region)
    return AcksmError(
        "adopt-not-in-aws",
        f"{request} not found in {region} (account {location.account})" + did_you_mean(near),
        where=request.where or str(request),
        details={"region": region, "account": location.account},
    )
