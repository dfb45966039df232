"""Whose a controller is: `own`, of a release in the controllers' namespace, or `others`, which run beside it.

Names, labels and images are hints: anyone who may create a Deployment can set them. What counts is what only an
administrator grants: the controllers' namespace, or permissions of the service account on the kinds of the service, by
SubjectAccessReview (docs/security.md#whose-controller-it-is). What looks like a controller and may not write is
neither: `idle`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from acksm.ack import charts
from acksm.ack.kinds import KINDS
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object
from acksm.kube.api import Getter, Lister, Reviewer
from acksm.kube.client import groups_of
from acksm.kube.owners import helm_release
from acksm.kube.paths import ref
from acksm.live.readiness import ROLE_ANNOTATION
from acksm.live.running import CHART_LABEL, Running, of_service, scope_text, services_of
from acksm.live.unread import reason, unless_forbidden

VERB = "update"  # what a controller needs on every object that it reconciles


@dataclass(frozen=True)
class Controllers:
    """The controllers of the two services. `others` watch only namespaces in which they may write.

    `partial`: Deployments of other namespaces could not be listed, so `others` may be more. `hidden`: why those of the
    controllers' namespace could not be read either, so that nothing is known of the controllers; "" where they could.
    """

    own: tuple[Running, ...] = ()
    others: tuple[Running, ...] = ()
    idle: tuple[Running, ...] = ()
    partial: bool = False
    hidden: str = ""

    def unseen(self, namespace: str) -> str:
        """Which controllers could not be searched, as a message; "" where all could. `namespace` is the
        controllers'."""
        return (
            f"controllers outside namespace {namespace}, as Deployments there cannot be listed" if self.partial else ""
        )

    @property
    def working(self) -> tuple[Running, ...]:
        """Every controller that may write, own first."""
        return (*self.own, *self.others)

    def or_assumed(self, namespace: str, region: str) -> tuple[list[Running], list[str]]:
        """`working`; where nothing is known of a service's controllers, one of the tested version that watches every
        namespace instead, and the notes that say so. `region` is the one it is assumed to have."""
        found, notes = list(self.working), list[str]()
        known = {item.service for item in found}
        for service in charts.SERVICES if self.hidden or (self.partial and not known) else ():
            if service not in known:
                found.append(
                    Running(service, namespace, "", "", charts.TESTED[service], "", region=region, proven=False)
                )
        if self.hidden:
            notes.append(
                f"not checked: the controllers, their versions, what they watch and their region ({self.hidden})"
            )
        elif self.partial:
            notes.append(f"not checked: {self.unseen(namespace)}")
        return found, notes

    def remaining(self, services: Collection[str] = charts.SERVICES) -> list[Running]:
        """Controllers that remain when the releases that acksm manages for `services` are uninstalled."""
        return [
            item for item in self.working if item in self.others or item.service not in services or not is_managed(item)
        ]


def is_managed(item: Running) -> bool:
    """Whether its release has the name that acksm gives."""
    return item.release == charts.release_name(item.service)


def observe(kube: Reviewer, namespace: str) -> Controllers:
    """Every controller, with its service account's role; `namespace` is the controllers'.

    An identity that may not list all Deployments sees those of `namespace`.
    """
    found, partial = _deployments(kube, namespace)
    remaining = [item for item in found if not item["metadata"].get("deletionTimestamp")]
    candidates = [(item, of_service(item, service)) for item in remaining for service in services_of(item)]
    terminating = {
        name for name in {item.namespace for _, item in candidates} - {namespace} if _is_terminating(kube, name)
    }
    candidates = [(manifest, item) for manifest, item in candidates if item.namespace not in terminating]
    own = [item for manifest, item in candidates if _is_own(manifest, item, namespace)]
    elsewhere = [item for _, item in candidates if item not in own]
    with ThreadPoolExecutor(max_workers=8) as pool:
        roles = pool.map(lambda item: _with_role(kube, item), own)
        others, idle = by_rights(kube, [replace(item, version=_known(item.version)) for item in elsewhere])
        others = list(pool.map(lambda item: _with_role(kube, item), others))
        # by its flags alone a Deployment may be of either service
        active = {(item.namespace, item.deployment) for item in others}
        idle = [item for item in idle if (item.namespace, item.deployment) not in active]
        return Controllers(_sorted(roles), _sorted(others), _sorted(idle), partial)


def visible(kube: Reviewer, namespace: str) -> Controllers:
    """As `observe`, for an identity that may not read the controllers: `hidden` says so."""
    try:
        return observe(kube, namespace)
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        return Controllers(partial=True, hidden=reason(error))


def _sorted(items: Iterable[Running]) -> tuple[Running, ...]:
    return tuple(sorted(items, key=lambda item: (item.service, item.namespace, item.deployment)))


def _deployments(kube: Lister, namespace: str) -> tuple[list[Object], bool]:
    """Every Deployment, or those of `namespace`; and whether it is the latter."""
    every = unless_forbidden(lambda: kube.list(ref("Deployment")), None)
    return (kube.list(ref("Deployment", namespace=namespace)), True) if every is None else (every, False)


def _is_terminating(kube: Getter, namespace: str) -> bool:
    """Whether the namespace is being deleted: its Deployments exist for some more seconds and do nothing."""
    found = unless_forbidden(lambda: kube.get(ref("Namespace", namespace)), None) or {}
    return bool((found.get("metadata") or {}).get("deletionTimestamp"))


def _is_own(manifest: Manifest, item: Running, namespace: str) -> bool:
    """Whether it is of a release in `namespace`: helm's own mark, or the chart's label where Argo CD or Flux rendered
    the chart. Both count there only, where no tenant may write."""
    metadata = manifest["metadata"]
    release = helm_release(manifest)
    by_chart = str((metadata.get("labels") or {}).get(CHART_LABEL, "")).startswith(charts.chart_name(item.service))
    return item.namespace == namespace and (by_chart or (release is not None and release[0] == namespace))


def _with_role(kube: Getter, item: Running) -> Running:
    account = kube.get(ref("ServiceAccount", item.service_account, item.namespace)) or {}
    annotations = (account.get("metadata") or {}).get("annotations") or {}
    return replace(item, role_arn=str(annotations.get(ROLE_ANNOTATION, "")))


# permissions


def by_rights(kube: Reviewer, candidates: Sequence[Running]) -> tuple[list[Running], list[Running]]:
    """Those whose service account may write objects of their service, limited to where, and those whose may not.

    What an identity may not check is among the first, as not `proven`.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        everywhere = list(pool.map(lambda item: _may(kube, item, ""), candidates))
    bound: Sequence[Manifest] | None = ()
    if False in everywhere:
        bound = _bindings(kube)
    others: list[Running] = []
    idle: list[Running] = []
    for item, answer in zip(candidates, everywhere, strict=True):
        if answer is None or (not answer and bound is None):
            others.append(replace(item, proven=False))
        elif answer:
            others.append(item)
        else:
            where = tuple(
                name for name in _bound_in(bound or (), item) if item.watches(name) and _may(kube, item, name)
            )
            (others if where else idle).append(replace(item, watched=where or item.watched))
    return others, idle


def _known(version: str) -> str:
    """`version`, or one without any feature instead of an invalid one."""
    try:
        charts.parse(version)
    except AcksmError:
        return charts.ALWAYS
    return version


def _may(kube: Reviewer, item: Running, namespace: str) -> bool | None:
    """Whether its service account may write a kind that it reconciles, in `namespace` or ("") everywhere; None where
    this identity may not check."""
    kinds = [kind for name, kind in KINDS[item.service].items() if not item.kinds or name in item.kinds]
    account = (item.namespace, item.service_account)
    return unless_forbidden(
        lambda: any(kube.can(VERB, kind.group, kind.plural, namespace, account=account) for kind in kinds), None
    )


def _bindings(kube: Lister) -> Sequence[Manifest] | None:
    """Every RoleBinding; None where they may not be listed."""
    return unless_forbidden(lambda: kube.list(ref("RoleBinding")), None)


def _bound_in(bindings: Iterable[Manifest], item: Running) -> list[str]:
    """Namespaces where a RoleBinding names its service account or a group of it: only there can it have permissions."""
    groups = set(groups_of(item.namespace))
    return sorted(
        {
            str(binding["metadata"]["namespace"])
            for binding in bindings
            for subject in binding.get("subjects") or ()
            if (subject.get("kind") == "Group" and subject.get("name") in groups)
            or (
                subject.get("kind") == "ServiceAccount"
                and (subject.get("namespace"), subject.get("name")) == (item.namespace, item.service_account)
            )
        }
    )


# as text


def described(item: Running) -> str:
    """Which controller it is, where, since when, and what it watches."""
    if item.capability:
        return f"{item}{'' if item.ready else ', which is not active'} (watches {scope_text(item)})"
    state = "" if item.ready else ", no replica ready"
    since = f" since {item.since}" if item.since else ""
    release = f"release {item.release}, " if item.release else ""
    return f"{item} ({release}Deployment {item.deployment}{since}{state}; watches {scope_text(item)})"
