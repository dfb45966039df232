"""`acksm upgrade --convert-adopted`: what it reads, what its changes call, and what it reports (`conversion` plans it).

AdoptedResources of a service that is upgraded over the line are converted, and those that an earlier run left; those of
a service before the line keep working, as the CRD is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from pydantic import TypeAdapter, ValidationError

from acksm import reports
from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.declared import Adoptions
from acksm.engine.waits import Progress, wait_until
from acksm.errors import AcksmError
from acksm.guide.adopt import apply as adopting, command as adopt, placement, requested
from acksm.guide.adopt.lookup import Accounts
from acksm.guide.adopt.placement import ADOPTED_CRD
from acksm.guide.adopt.plan import Adoption
from acksm.guide.adopt.requested import Refusals, Request
from acksm.guide.adopt.wait import Result as Adopted, State as Adopting
from acksm.guide.carm import role_map
from acksm.guide.cleanup.calls import Calls as Cleanup
from acksm.guide.connect.target import Target
from acksm.guide.install.around import Around, Compose, Result
from acksm.guide.upgrade import conversion
from acksm.json_types import Json, Manifest, Object
from acksm.kube.paths import Ref, ref
from acksm.live import adopted_resources, bindings, inventory, running
from acksm.live.adopted_resources import AdoptedResource, State
from acksm.live.readiness import INSTANCE_LABEL
from acksm.live.running import Running
from acksm.live.unread import FORBIDDEN, Unread
from acksm.output import Output
from acksm.settings import ControllerSettings, OtherAccountSettings

SETTLES = frozenset({"adopted-resources-left"})


def compose(other: OtherAccountSettings, *, convert: bool) -> Compose:
    """What an upgrade does with AdoptedResources; without `convert` it says which are left."""

    def around(target: Target, controllers: ControllerSettings, result: Result, ui: Output) -> Around:
        over = [
            service
            for service, found in result.facts["controllers"].items()
            if not charts.has(service, found["version"], "adopted-resource")
        ]
        concerned = [
            item
            for item in result.adopted_resources
            if (service := adopted_resources.service_of(item)) is not None and (service in over or not service)
        ]
        if not concerned:
            return Around()
        unread, errors = Unread(), FORBIDDEN if not convert else frozenset[str]()
        read = partial(inventory.observe, target.kube, target.settings.controller_namespace)
        cluster = unread.read("the states of AdoptedResources", read, None, errors)
        if cluster is None:
            return Around(notes=unread.notes)
        found = adopted_resources.of(cluster, concerned)
        kept = [item for item in found if not item.service and item.state is not State.STUCK]
        found = [item for item in found if item not in kept]
        notes = [f"{item} is kept: {item.why}" for item in kept if item.why]
        if found and not convert:
            notes.append(
                f"not converted: {adopted_resources.described(found)}; convert them with "
                "acksm upgrade --convert-adopted"
            )
        if not found or not convert:
            return Around(notes=notes)
        return _Conversion(target, ui, other, result, cluster, found).around(notes)

    return around


@dataclass
class _Conversion:
    """One conversion: what it was given, and what it plans."""

    target: Target
    ui: Output
    other: OtherAccountSettings
    result: Result
    cluster: inventory.Inventory
    found: Sequence[AdoptedResource]

    def around(self, notes: list[str]) -> Around:
        """The whole. Errors before the first write: adopted-resources-…, adopt-…, aws-…"""
        found = self.found
        refusals = Refusals()
        ready = [one for one in self.cluster.controllers.working if one.ready]
        owned = [item for item in found if self._owns(item)]
        refusals.errors += conversion.refusals(found, self._manifests(), owned, self._waiting(ready))
        refusals.check()
        pending = [item for item in found if item.state is State.PENDING]
        converted = self._adoptions(pending, notes) if pending else []
        changed = [str(name).partition("/") for name in self._releases()]
        releases = [(namespace, name) for namespace, _, name in changed]
        results = [
            Adopted(one, Adopting.UP_TO_DATE if one.is_done and one.change is None else Adopting.PLANNED)
            for _, one in converted
        ]
        calls = _Calls(self.target, self.ui, results)
        facts: Json = {
            "adopted_resources": [_row(item) for item in found],
            "adoptions": lambda: [adopting.row(one) for one in results],
        }
        notes.append(_crd_note(self.cluster))
        return Around(
            conversion.before(found, ready),
            conversion.after(converted, releases, wait=self.target.run.wait),
            calls.table(),
            notes,
            facts,
            text=lambda: adopting.text(self.ui, results) if results else "",
            ended=lambda: adopting.code(results),
        )

    def _releases(self) -> list[str]:
        services = {item.service for item in self.found}
        return [
            str(facts["release"]) for service, facts in self.result.facts["controllers"].items() if service in services
        ]

    def _owns(self, item: AdoptedResource) -> bool:
        """Whether its object would be deleted with it: one of the object's owners."""
        live = self.target.kube.get(item.object) if item.object else None
        owners = (live["metadata"].get("ownerReferences") or ()) if live else ()
        return any(one.get("uid") == item.uid for one in owners)

    def _waiting(self, ready: Sequence[Running]) -> dict[AdoptedResource, str]:
        """Those whose deletion their controller would not finish, and why."""
        leaving = [item for item in conversion.leaving(self.found) if item.finalizers and item.handled]
        maps = role_map.observe(self.target.kube, {one.namespace for one in ready}) if leaving else {}
        found = {}
        for item in leaving:
            for one in ready:
                if one.service == item.service and one.watches(item.location.namespace):
                    namespace = self.cluster.namespaces.get(item.location.namespace)
                    if why := conversion.waits_for_role(item, one, namespace, maps):
                        found[item] = why
        return found

    def _manifests(self) -> dict[AdoptedResource, Object]:
        found: dict[AdoptedResource, Object] = {}
        for item in self.found:
            if item.by_gitops and item.kind:
                try:
                    one = conversion.instead(item, self._request(item))
                except AcksmError:
                    continue
                found |= {item: one} if one else {}
        return found

    def _request(self, item: AdoptedResource) -> Request:
        """What it adopts, as `adopt -f` reads it. Errors: adopt-…"""
        try:
            (declared,) = TypeAdapter(Adoptions).validate_python([dict(item.manifest)])
        except ValidationError as error:
            first = str(error.errors(include_url=False, include_input=False)[0]["msg"])
            raise AcksmError("adopt-key", first, where=str(item)) from error
        return requested.of_declared(declared, item.location.namespace, str(item))

    def _adoptions(
        self, pending: Sequence[AdoptedResource], notes: list[str]
    ) -> list[tuple[AdoptedResource, Adoption]]:
        """Each with the adoption that replaces it, for the controllers after the upgrade. Errors: adopt-…, aws-…"""
        target, refusals = self.target, Refusals()
        spaces = {
            name for item in pending for name in (item.location.namespace, item.object.namespace if item.object else "")
        }
        observed = placement.observe(target, filter(None, spaces))
        # what is being converted is not in the way of itself, and the new versions adopt by annotations
        observed = replace(observed, running=self._upgraded(observed.running), served=observed.served - {ADOPTED_CRD})
        requests = []
        for item in pending:
            try:
                requests.append(self._located(observed, item, self._request(item)))
            except AcksmError as error:
                refusals.errors.append(error)
        refusals.check()
        planned = adopt.named(target, Accounts(target, self.other), observed, requests, refusals, notes)
        notes += [
            note for note in (*observed.notes, *(note for one in planned for note in one.notes)) if note not in notes
        ]
        by_request = {id(one.request): one for one in planned}
        return [(item, by_request[id(request)]) for item, request in zip(pending, requests, strict=True)]

    def _located(self, observed: placement.Observed, item: AdoptedResource, request: Request) -> Request:
        """The request, with the account and region of the AdoptedResource's own namespace, where the old controller
        searches. Error: `adopt-other-account`."""
        if request.namespace == item.location.namespace:
            return request
        own = placement.location(observed, request.kind, item.location.namespace, str(item))
        there = placement.location(observed, request.kind, request.namespace, str(item))
        if own.account != there.account:
            raise AcksmError(
                "adopt-other-account",
                f"{item} adopts from account {own.account}, but objects in namespace {request.namespace} are of "
                f"account {there.account}",
                where=str(item),
            )
        return replace(request, region=request.region or (own.region if own.region != there.region else ""))

    def _upgraded(self, now: Sequence[Running]) -> list[Running]:
        """The controllers after the upgrade."""
        found = []
        namespace = self.target.settings.controller_namespace
        facts: Mapping[str, Json] = self.result.facts["controllers"]
        for item in now:
            planned = facts.get(item.service)
            if planned and (item.namespace, item.release) == (namespace, charts.release_name(item.service)):
                after = running.from_values(item.service, namespace, planned["version"], planned["values"])
                item = replace(after, region=after.region or item.region, kinds=item.kinds, selector=item.selector)
            found.append(item)
        return found


@dataclass
class _Calls:
    """What the changes call: those of `cleanup` and `adopt`, and the waits between them."""

    target: Target
    ui: Output
    results: Sequence[Adopted]

    def table(self) -> dict[str, Callable[..., object]]:
        own, cluster = self.target.identity.account, self.target.settings.controller_namespace
        self._cleanup = Cleanup(self.target.kube, self.target.aws, own, self.target.deadline, self.ui.emit, cluster)
        calls = adopting.Calls(self.target, self.ui, {str(one.item.target): one for one in self.results}).table()
        return {
            "cleanup.delete": self._cleanup.delete,
            "cleanup.orphan": self._cleanup.orphan,
            "upgrade.deleted": self.deleted,
            "upgrade.replaced": self.replaced,
            "upgrade.replaced_pods": self.replaced_pods,
            **{name: self._raising(call) if name != "adopt.await" else call for name, call in calls.items()},
        }

    def _raising(self, call: Callable[..., object]) -> Callable[..., object]:
        """Of several adoptions too the first that cannot be written ends the run: its AdoptedResource is kept."""

        def run(**params: object) -> None:
            call(**params)
            for one in self.results:
                if one.error is not None:
                    raise one.error

        return run

    def deleted(self, objects: Sequence[Mapping[str, str]]) -> None:
        """Wait until they are deleted. Error: `adopted-resources-stuck`, with what is known of each."""
        try:
            self._cleanup.gone(objects)
        except AcksmError as error:
            if not error.id.startswith("cleanup-object-"):
                raise
            raise AcksmError(
                "adopted-resources-stuck", error.message, where=error.where, details=error.details
            ) from error

    def replaced(self, uid: str, object: Mapping[str, str], **location: str) -> None:
        """Delete an AdoptedResource whose object exists. Until then it is the only record of what to adopt."""
        if self.target.kube.get(Ref(**object)) is not None:
            self._cleanup.orphan(uid, [conversion.FINALIZER], **location)

    def replaced_pods(self, releases: Sequence[Sequence[str]]) -> None:
        """Wait until no pod of the releases runs another image than its Deployment's: a terminating one still
        reconciles."""

        def check() -> Progress:
            old = [name for namespace, release in releases for name in self._old_pods(namespace, release)]
            return Progress(not old, f"{bindings.shortened(old, 3)} of the old version")

        wait_until(check, self.target.deadline, what="pods", emit=self.ui.emit)

    def _old_pods(self, namespace: str, release: str) -> list[str]:
        label = f"{INSTANCE_LABEL}={release}"
        deployments = self.target.kube.list(ref("Deployment", namespace=namespace), selector=label)
        images = {image for one in deployments for image in _images(one["spec"]["template"]["spec"])}
        pods = self.target.kube.list(ref("Pod", namespace=namespace), selector=label)
        return [str(pod["metadata"]["name"]) for pod in pods if not set(_images(pod["spec"])) & images]


def _images(spec: Manifest) -> list[str]:
    return [str(item.get("image", "")) for item in spec.get("containers") or []]


def _row(item: AdoptedResource) -> reports.UpgradeAdoptedResource:
    return {
        "namespace": item.location.namespace,
        "name": item.location.name,
        "service": item.service,
        "object": str(item.object) if item.object else "",
        "state": str(item.state),
        "why": item.why,
        "finalizers": list(item.finalizers),
    }


def _crd_note(found: inventory.Inventory) -> str:
    """Why the CRD is kept: charts up to the line have it, those of other services too."""
    crd = f"adoptedresources.{COMMON_GROUP}"
    others = sorted({item.service for item in found.crds.values() if item.service} - {*charts.SERVICES})
    users = f"; controllers of {', '.join(others)} may use it" if others else ""
    return f"CRD {crd} is kept{users}: kubectl delete crd {crd}   (once no controller and no object needs it)"
