"""What AWS has that no object in the cluster manages: `acksm adopt --discover`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace

from acksm.ack.kinds import Kind
from acksm.aws import objects
from acksm.aws.account import Aws
from acksm.aws.objects import Found
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.adopt import placement
from acksm.guide.adopt.lookup import PARALLEL, Accounts
from acksm.guide.adopt.placement import Location, Observed
from acksm.guide.adopt.requested import ALL, Request
from acksm.live.managed import Index


@dataclass(frozen=True)
class Search:
    """What to search for. `kinds` empty: every kind that the controllers serve, except jobs, which have to be named."""

    kinds: Sequence[Kind] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    namespace: str = "default"
    region: str = ""
    retain: bool = True
    read_only: bool = False


Discovered = list[tuple[Request, Location, Found]]


def locations(observed: Observed, search: Search) -> list[Location | None]:
    """The placement of each desired kind; None for one that is not served, unless it was named."""
    found: list[Location | None] = []
    for kind in desired(search):
        try:
            found.append(placement.location(observed, kind, search.namespace, f"namespace {search.namespace}"))
        except AcksmError as error:
            if search.kinds or error.id not in {"adopt-kind-not-served", "adopt-kind-off", "controllers-missing"}:
                raise
            found.append(None)
    return found


def desired(search: Search) -> Sequence[Kind]:
    """The kinds to search."""
    return search.kinds or [kind for kind in ALL if not kind.stops]


def run(observed: Observed, search: Search, accounts: Accounts) -> tuple[Discovered, list[str]]:
    """What exists, managed or not, and notes on kinds that cannot be listed. Errors: adopt-…, aws-…"""
    searched = [
        (kind, location)
        for kind, location in zip(desired(search), locations(observed, search), strict=True)
        if location
    ]
    found: Discovered = []
    unlisted: dict[str, AcksmError] = {}
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        for (kind, location), answer in zip(
            searched, pool.map(lambda one: _list(one[0], one[1], search, accounts), searched), strict=True
        ):
            if isinstance(answer, AcksmError):
                if search.kinds or answer.id not in {"aws-failed", "aws-access-denied"}:
                    raise answer
                unlisted[kind.name] = answer
                continue
            found += [(_request(kind, one, search), location, one) for one in answer]
    return found, [_unlisted_note(unlisted)] if unlisted else []


def _unlisted_note(errors: Mapping[str, AcksmError]) -> str:
    """One note for all kinds that cannot be listed, with the first reason."""
    kind, error = next(iter(errors.items()))
    return f"not checked: {', '.join(errors)} (cannot be listed; {kind}: {error.message})"


def unmanaged(found: Discovered, index: Index) -> Discovered:
    """Those that no object in the cluster manages."""
    return [
        (request, location, one)
        for request, location, one in found
        if not index.of(request.kind, one.key, location.account, request.region or location.region)
    ]


def _list(kind: Kind, location: Location, search: Search, accounts: Accounts) -> list[Found] | AcksmError:
    region = search.region or location.region
    try:
        aws = accounts.session(location.account, location.role)
        existing = [
            one
            for one in objects.list_all(aws, kind, region)
            if _name(one).startswith(search.prefix) and not one.state.startswith("Delet")
        ]
        if not search.tags:
            return existing
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            tags = pool.map(lambda one: objects.tags(aws, _with_arn(one, aws, location)), existing)
            return [one for one, own in zip(existing, tags, strict=True) if search.tags.items() <= own.items()]
    except AcksmError as error:
        return error


def _name(found: Found) -> str:
    """Its name in AWS: the field that names the kind, or the last part of the ARN."""
    return found.key.get(found.kind.named) or found.arn.partition("/")[2]


def _with_arn(found: Found, aws: Aws, location: Location) -> Found:
    """Some lists have no ARNs."""
    if found.arn:
        return found
    kind, partition = found.kind, aws.identity().partition
    path = f"{kind.arn_kind}/{kind.write(found.key)}"
    return replace(found, arn=f"arn:{partition}:{kind.service}:{found.region}:{location.account}:{path}")


def _request(kind: Kind, found: Found, search: Search) -> Request:
    text = found.arn if kind.by_arn else kind.write(found.key)
    return Request(
        kind,
        text,
        (found.key,),
        search.namespace,
        region=search.region,
        retain=search.retain,
        read_only=search.read_only,
    )
