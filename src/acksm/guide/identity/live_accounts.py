"""Which service accounts that a role's trust policy trusts are those of a controller, by helm's own records and, where
another tool applied it, by its Deployment.

Only the namespaces that the trust policy names are read. What is found only ever keeps a subject; none is trusted
because of it. A tenant can create a Secret and a Deployment in its own namespace; so outside of the controllers'
namespace they count only for a service account that may write the services' objects
(docs/security.md#whose-controller-it-is).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.identity import trust
from acksm.helm import records
from acksm.json_types import Manifest
from acksm.kube.api import Reviewer
from acksm.kube.paths import ref
from acksm.live import discovery, running

_CHARTS = {charts.chart_name(service): service for service in charts.SERVICES}


@dataclass(frozen=True)
class Live:
    """Subjects by what is known of them: of a release, of none, or in a namespace whose releases may not be read.
    Patterns and subjects that are not service accounts are of none. `kinds`: service to the kinds that those releases
    reconcile, () for all."""

    of_releases: frozenset[str] = frozenset()
    strangers: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def kept(self) -> frozenset[str]:
        """What is not removed: unknown does not mean deleted."""
        return self.of_releases | self.unknown

    @property
    def notes(self) -> list[str]:
        names = ", ".join(sorted(self.unknown))
        return [f"kept in the role's trust policy, as the releases there may not be read: {names}"] if names else []


@dataclass(frozen=True)
class _Controller:
    service: str
    account: str
    kinds: tuple[str, ...]


def observe(kube: Reviewer, subjects: Collection[str], home: str) -> Live:
    """Read the namespace of each subject; `home` is the controllers'. Without subjects nothing is read."""
    named = {one: account for one in subjects if (account := trust.account_of(one))}
    working = _may_work(kube, {account for account in named.values() if account[0] != home})
    accounts = {one: account for one, account in named.items() if account[0] == home or account in working}
    namespaces = sorted({namespace for namespace, _ in accounts.values()})
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = dict(zip(namespaces, pool.map(lambda name: _controllers(kube, name), namespaces), strict=True))
    unknown = {one for one, (namespace, _) in accounts.items() if found[namespace] is None}
    installed = {
        (namespace, item.account): item for namespace, controllers in found.items() for item in controllers or ()
    }
    live = {one: installed[account] for one, account in accounts.items() if account in installed}
    kinds: dict[str, tuple[str, ...]] = dict.fromkeys(charts.SERVICES, ()) if unknown else {}
    for item in live.values():
        kinds[item.service] = united(kinds.get(item.service), item.kinds)
    strangers = frozenset(subjects) - unknown - set(live)
    return Live(frozenset(live), strangers, frozenset(unknown), kinds)


def _may_work(kube: Reviewer, accounts: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those (namespace, service account) that may write objects of either service, or whose rights cannot be read."""
    candidates = [
        running.Running(service, namespace, "", "", charts.ALWAYS, name)
        for namespace, name in sorted(accounts)
        for service in charts.SERVICES
    ]
    return {(item.namespace, item.service_account) for item in discovery.by_rights(kube, candidates)[0]}


def united(one: Sequence[str] | None, other: Sequence[str]) -> tuple[str, ...]:
    """Two lists of kinds as one; () means all, None for no list."""
    if one is None:
        return tuple(other)
    return tuple(sorted({*one, *other})) if one and other else ()


def _controllers(kube: Reviewer, namespace: str) -> list[_Controller] | None:
    """The controllers of both services in `namespace`, of releases and of Deployments; None where these may not be
    read."""
    try:
        listed = kube.list(ref("Secret", namespace=namespace), selector=records.SELECTOR, metadata_only=True)
        newest = [record for record, _ in records.newest(listed).values()]
        secrets = [kube.get(ref("Secret", record, namespace)) for record in newest]
        released = [item for secret in secrets if secret for item in _of_release(secret)]
        deployed = kube.list(ref("Deployment", namespace=namespace))
        return [*released, *(one for item in deployed for one in _of_deployment(item))]
    except AcksmError as error:
        if error.id not in {"kube-forbidden", "helm-record"}:
            raise
        return None


def _of_release(secret: Manifest) -> Iterable[_Controller]:
    found = records.decode(secret)
    service = _CHARTS.get(found.chart)
    if service is None or found.status == "uninstalled":
        return
    for manifest in records.manifests(found.manifest):
        if manifest.get("kind") == "Deployment":
            yield _controller(service, manifest)


def _of_deployment(manifest: Manifest) -> Iterable[_Controller]:
    """The controllers that a Deployment may be: by its flags alone it may be of either service."""
    if not manifest["metadata"].get("deletionTimestamp"):
        yield from (_controller(service, manifest) for service in running.services_of(manifest))


def _controller(service: str, manifest: Manifest) -> _Controller:
    kinds = running.flags_of(manifest).get("reconcile-resources").split(",")
    account = manifest["spec"]["template"]["spec"].get("serviceAccountName") or "default"
    return _Controller(service, str(account), tuple(name.strip() for name in kinds if name.strip()))
