"""Releases as helm's own records have them, and the calls that change them; where an engine keeps the controllers, what
their Deployments say instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.errors import OutdatedError
from acksm.guide.connect.target import Target
from acksm.guide.install import keeper
from acksm.helm import records, registry
from acksm.helm.releases import Release, recovery
from acksm.json_types import Json, Manifest
from acksm.kube.api import Reader
from acksm.kube.owners import Owner
from acksm.kube.paths import ref


@dataclass(frozen=True)
class Installed:
    """A release, and its revisions that once worked. `kept_by`: who keeps the controller instead of acksm by helm; its
    Deployment then is `deployment`, and without a record the release is what that says."""

    release: Release | None = None
    worked: tuple[int, ...] = ()
    kept_by: Owner | None = None
    deployment: Manifest | None = None


NOTHING = Installed()


def installed(target: Target, services: Iterable[str], kube: Reader | None = None) -> dict[str, Installed]:
    """The releases of `services`, by service; without those that are not installed. `kube`: by what they are read."""
    names = {service: charts.release_name(service) for service in services}
    namespace, kube = target.settings.controller_namespace, kube or target.kube
    with ThreadPoolExecutor(max_workers=1) as pool:
        deployments = pool.submit(kube.list, ref("Deployment", namespace=namespace))
        found = _recorded(kube, namespace, names.values())
        live = keeper.by_release(deployments.result(), namespace)
    all_found = {service: _kept(kube, service, found.get(name), live) for service, name in names.items()}
    return {service: one for service, one in all_found.items() if one.release}


def _kept(
    kube: Reader, service: str, found: tuple[Release, tuple[int, ...]] | None, live: Mapping[str, Manifest]
) -> Installed:
    """A service's release, by helm's record, else by the Deployment of that release if another tool applied it."""
    release, worked = found or (None, ())
    deployment = live.get(charts.release_name(service))
    by = keeper.keeper_of(deployment, recorded=release is not None) if deployment else None
    if deployment is None or by is None:
        return Installed(release, worked)
    if release is None:
        account = deployment["spec"]["template"]["spec"].get("serviceAccountName") or "default"
        namespace = str(deployment["metadata"]["namespace"])
        release = keeper.release_of(service, deployment, kube.get(ref("ServiceAccount", str(account), namespace)))
    return Installed(release, worked, by, deployment)


def _recorded(kube: Reader, namespace: str, names: Iterable[str]) -> dict[str, tuple[Release, tuple[int, ...]]]:
    """The releases of these names, as helm's newest records have them."""
    secrets = kube.list(ref("Secret", namespace=namespace), selector=records.SELECTOR, metadata_only=True)
    newest = {name: one for name, one in records.newest(secrets).items() if name in set(names)}
    with ThreadPoolExecutor(max_workers=2) as pool:
        read = pool.map(lambda one: kube.get(ref("Secret", one[0], namespace)), newest.values())
        return {
            name: (records.decode(secret), worked)
            for (name, (_, worked)), secret in zip(newest.items(), read, strict=True)
            if secret
        }


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
        found, worked = _recorded(target.kube, namespace, [release]).get(release, (None, ()))
        if found is None or recovery(found, worked) != (action, revision):
            raise OutdatedError({"timeout": deadline.remaining})
        target.releases.recover(release, namespace, action, revision, seconds=deadline.remaining)

    return {
        "helm.install": lambda chart, **params: target.releases.install(**params, **around(chart)),
        "helm.upgrade": lambda chart, **params: target.releases.upgrade(**params, **around(chart)),
        "helm.recover": recover,
    }
