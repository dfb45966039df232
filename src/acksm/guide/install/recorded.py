"""Releases as helm's own records have them, and the calls that change them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from acksm.ack import charts
from acksm.errors import OutdatedError
from acksm.guide.connect.target import Target
from acksm.helm import records, registry
from acksm.helm.releases import Release, recovery
from acksm.json_types import Json
from acksm.kube.api import Reader
from acksm.kube.paths import ref

Installed = tuple[Release | None, tuple[int, ...]]  # a release, and its revisions that once worked
NOTHING: Installed = (None, ())


def installed(target: Target, services: Iterable[str]) -> dict[str, Installed]:
    """The releases of `services`, by service; without those that are not installed."""
    names = {service: charts.release_name(service) for service in services}
    found = _recorded(target.kube, target.settings.controller_namespace, names.values())
    return {service: found[name] for service, name in names.items() if name in found}


def _recorded(kube: Reader, namespace: str, names: Iterable[str]) -> dict[str, Installed]:
    """The releases of these names, as helm's newest records have them."""
    secrets = kube.list(ref("Secret", namespace=namespace), selector=records.SELECTOR, metadata_only=True)
    newest = records.newest(secrets)
    found: dict[str, Installed] = {}
    for name in names:
        record, worked = newest.get(name, ("", ()))
        secret = kube.get(ref("Secret", record, namespace)) if record else None
        if secret:
            found[name] = (records.decode(secret), worked)
    return found


def revision(kube: Reader, namespace: str, name: str, number: int) -> Release | None:
    """One revision of a release, None where helm no longer has its record. Error: `helm-record`."""
    secret = kube.get(ref("Secret", records.name_of(name, number), namespace))
    return records.decode(secret) if secret else None


def helm_calls(target: Target) -> dict[str, Callable[..., object]]:
    """The helm calls that a change may name. A chart's name in them is its digest, for the cache of another machine."""
    deadline = target.deadline  # helm is searched for only when one of them is called

    def around(chart: str) -> Json:
        return {"chart": str(registry.kept(chart)), "seconds": deadline.remaining}

    def recover(release: str, namespace: str, action: str, revision: int) -> None:
        """Only if it is still as planned: a helm that a killed acksm left running may have ended since."""
        found, worked = _recorded(target.kube, namespace, [release]).get(release, NOTHING)
        if found is None or recovery(found, worked) != (action, revision):
            raise OutdatedError({"timeout": deadline.remaining})
        target.releases.recover(release, namespace, action, revision, seconds=deadline.remaining)

    return {
        "helm.install": lambda chart, **params: target.releases.install(**params, **around(chart)),
        "helm.upgrade": lambda chart, **params: target.releases.upgrade(**params, **around(chart)),
        "helm.recover": recover,
    }
