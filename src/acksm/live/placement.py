"""Whether a controller's pod can run somewhere. Pure; `places` has the nodes and what adds nodes.

It decides as the scheduler does before it counts what is in use: readiness, taints, node selector and affinity, the
size of a whole node, and besides them the architectures of the image, which the scheduler does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from enum import IntEnum

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.json_types import Manifest
from acksm.kube.quantities import amount
from acksm.words import counted

ARCH, OS = "kubernetes.io/arch", "kubernetes.io/os"
_IMAGES = "public.ecr.aws/aws-controllers-k8s/"
# Labels that a node of a node pool has without being named there
# (https://karpenter.sh/docs/concepts/scheduling/#supported-labels).
_POOL_LABELS = ("topology.", "node.kubernetes.io/", "karpenter.", "eks.amazonaws.com/", "kubernetes.io/hostname")


class Fit(IntEnum):
    """Whether a pod can run somewhere. MAYBE: it cannot be decided."""

    NO = 0
    MAYBE = 1
    YES = 2


@dataclass(frozen=True)
class Values:
    """A label of the nodes of a place: one of `allowed`, or with None any value but those `excluded`."""

    allowed: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Place:
    """A node, or what adds nodes. `what` names it for messages, `why` says why it takes no pod at all, or why that is
    not certain (`fit`).

    `labels` by key. `open`: other labels may exist; those of `_POOL_LABELS` do in a node pool.
    """

    what: str
    labels: Mapping[str, Values] = field(default_factory=dict)
    taints: Sequence[Manifest] = ()
    size: Mapping[str, Decimal] = field(default_factory=dict)
    open: bool = False
    pool: bool = False
    fit: Fit = Fit.YES
    why: str = ""
    names: Mapping[str, str] = field(default_factory=dict)  # fields of a node, for matchFields


@dataclass(frozen=True)
class Pod:
    """What decides where the pod of a Deployment may run. `architectures` of its images, () where unknown."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    spec: Manifest
    architectures: tuple[str, ...] = ()

    @property
    def requests(self) -> dict[str, Decimal]:
        """CPU and memory that a node needs for it: of all containers, or of the largest init container."""
        found: dict[str, Decimal] = {}
        for resource in ("cpu", "memory"):
            running = sum((_request(one, resource) for one in _containers(self.spec)), Decimal(0))
            first = max((_request(one, resource) for one in self.spec.get("initContainers") or []), default=Decimal(0))
            found[resource] = max(running, first)
        return found


def _containers(spec: Manifest) -> list[Manifest]:
    return list(spec.get("containers") or [])


def _request(container: Manifest, resource: str) -> Decimal:
    """What a container requests; its limit where it requests nothing, as the apiserver does."""
    resources = container.get("resources") or {}
    found = (resources.get("requests") or {}).get(resource, (resources.get("limits") or {}).get(resource))
    return amount(found) or Decimal(0)


def pod_of(deployment: Manifest, namespace: str) -> Pod:
    """The pod of a Deployment's template."""
    template = deployment["spec"]["template"]
    labels = {str(key): str(value) for key, value in ((template.get("metadata") or {}).get("labels") or {}).items()}
    spec = template.get("spec") or {}
    metadata = deployment["metadata"]
    where = str(metadata.get("namespace") or namespace)
    return Pod(str(metadata["name"]), where, labels, spec, _architectures(spec))


def any_pod(service: str, namespace: str) -> Pod:
    """A controller's pod as the charts' defaults make it, where nothing is rendered."""
    return Pod(charts.release_name(service), namespace, {}, {"nodeSelector": {OS: "linux"}})


def _architectures(spec: Manifest) -> tuple[str, ...]:
    """Of ACK's own images as far as that is known (docs/ack/versions.md#architectures)."""
    for container in _containers(spec):
        image = str(container.get("image", ""))
        name, _, tag = image.removeprefix(_IMAGES).partition("@")[0].partition(":")
        service = name.removesuffix("-controller")
        if not image.startswith(_IMAGES) or service not in charts.SERVICES or not charts.is_version(tag):
            return ()
        if not charts.has(service, tag, "arm64-image"):
            return ("amd64",)
    return ()


# one pod, one place


def fits(pod: Pod, place: Place) -> tuple[Fit, str]:
    """Whether the pod can run at this place, and why not or why that is not certain."""
    if place.fit is Fit.NO:
        return Fit.NO, place.why
    worst, why = place.fit, place.why
    for found, text in (_taints(pod, place), _selected(pod, place), _large_enough(pod, place), _image(pod, place)):
        if found is Fit.NO:
            return found, text
        if found < worst:
            worst, why = found, text
    return worst, why


def _taints(pod: Pod, place: Place) -> tuple[Fit, str]:
    tolerations = [*(pod.spec.get("tolerations") or [])]
    for taint in place.taints:
        effect = str(taint.get("effect", "")).replace("_", "").lower()  # node groups write NO_SCHEDULE
        if effect not in {"noschedule", "noexecute"} or any(_tolerates(item, taint, effect) for item in tolerations):
            continue
        text = str(taint["key"]) + (f"={taint['value']}" if taint.get("value") else "")
        return Fit.NO, f"{_UNTOLERATED}{text}"
    return Fit.YES, ""


def _tolerates(toleration: Manifest, taint: Manifest, effect: str) -> bool:
    if toleration.get("effect") and str(toleration["effect"]).lower() != effect:
        return False
    key = str(toleration.get("key") or "")
    if not key:
        return toleration.get("operator") == "Exists"
    if key != taint["key"]:
        return False
    return toleration.get("operator") == "Exists" or str(toleration.get("value") or "") == str(taint.get("value") or "")


def _selected(pod: Pod, place: Place) -> tuple[Fit, str]:
    selector = {str(key): str(value) for key, value in (pod.spec.get("nodeSelector") or {}).items()}
    rules: list[Manifest] = [{"key": key, "operator": "In", "values": [value]} for key, value in selector.items()]
    found, why = _all(rules, place, "node selector")
    affinity = ((pod.spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if affinity and found is not Fit.NO:
        terms = [_term(term, place) for term in affinity.get("nodeSelectorTerms") or []]
        best = max(terms, default=(Fit.NO, "node affinity without terms"))
        found, why = min((found, why), best)
    return found, why


def _term(term: Manifest, place: Place) -> tuple[Fit, str]:
    fields = [
        Fit.YES if place.names.get(str(rule["key"])) in (rule.get("values") or []) else Fit.NO
        for rule in term.get("matchFields") or []
        if rule.get("operator") == "In"
    ]
    if Fit.NO in fields:
        return Fit.NO, "node affinity names another node"
    return _all(term.get("matchExpressions") or [], place, "node affinity")


def _all(rules: Iterable[Manifest], place: Place, what: str) -> tuple[Fit, str]:
    worst, why = Fit.YES, ""
    for rule in rules:
        found = _holds(rule, place)
        if found < worst:
            values = ",".join(map(str, rule.get("values") or []))
            worst, why = found, f"{what} {rule['key']} {rule.get('operator', 'In')} {values}".rstrip()
    return worst, why


def _holds(rule: Manifest, place: Place) -> Fit:
    """One requirement of a label, by what the place's label can be."""
    key, operator = str(rule["key"]), str(rule.get("operator", "In"))
    requested = frozenset(map(str, rule.get("values") or []))
    known = place.labels.get(key)
    if known is None:
        if place.pool and key.startswith(_POOL_LABELS):
            return Fit.NO if operator == "DoesNotExist" else Fit.YES
        if place.open:
            return Fit.MAYBE
        return Fit.YES if operator in {"NotIn", "DoesNotExist"} else Fit.NO
    if operator == "DoesNotExist":
        return Fit.NO
    if operator == "In":
        possible = requested - known.excluded if known.allowed is None else requested & known.allowed
        return Fit.YES if possible else Fit.NO
    if operator == "NotIn":
        return Fit.NO if known.allowed is not None and not known.allowed - requested else Fit.YES
    if operator in {"Gt", "Lt"} and known.allowed is not None:
        return Fit.YES if any(_beyond(value, operator, requested) for value in known.allowed) else Fit.NO
    return Fit.YES


def _beyond(value: str, operator: str, requested: frozenset[str]) -> bool:
    found, limit = amount(value), amount(next(iter(requested), ""))
    if found is None or limit is None:
        return False
    return found > limit if operator == "Gt" else found < limit


def _large_enough(pod: Pod, place: Place) -> tuple[Fit, str]:
    for resource, requested in pod.requests.items():
        size = place.size.get(resource)
        if size is not None and requested > size:
            return Fit.NO, f"the pod requests more {resource} than the {size.normalize():f} that it has"
    return Fit.YES, ""


def _image(pod: Pod, place: Place) -> tuple[Fit, str]:
    """Images of ACK are for Linux; the scheduler does not know for which architectures."""
    for key, values in ((OS, ("linux",)), (ARCH, pod.architectures)):
        if values and _holds({"key": key, "operator": "In", "values": list(values)}, place) is Fit.NO:
            allowed = place.labels[key].allowed if key in place.labels else None
            return Fit.NO, f"its image is for {', '.join(values)}, not {', '.join(sorted(allowed or ['this']))}"
    return Fit.YES, ""


# everything together


@dataclass(frozen=True)
class Placement:
    """Whether a pod can run: `text` says where, or why nowhere; `notes` what may go wrong. `remedy` is a command with
    `{cluster}` to fill in."""

    fit: Fit
    text: str
    notes: tuple[str, ...] = ()
    remedy: str = ""


_UNTOLERATED = "the pod does not tolerate taint "
# By the beginning of the reason why a place takes no pod; `{name}` is the place's.
_REMEDIES = {
    "cordoned": "kubectl uncordon {name}",
    "scaled to zero": "eksctl scale nodegroup --cluster {cluster} --name {name} --nodes 1",
    _UNTOLERATED: 'acksm install --set \'deployment.tolerations=[{"key": "{key}", "operator": "Exists"}]\'',
    "node selector": "acksm install --values FILE, with another deployment.nodeSelector",
    "node affinity": "acksm install --values FILE, with another deployment.affinity",
    "the pod requests": "acksm install --set resources.requests.cpu=50m --set resources.requests.memory=64Mi",
    "its image is for": "eksctl create nodegroup --cluster {cluster} --node-type m5.large",
}


def on_nodes(pod: Pod, nodes: Sequence[Place]) -> Placement:
    """By the existing nodes alone."""
    found = [(place, *fits(pod, place)) for place in nodes]
    able = [place for place, fit, _ in found if fit is Fit.YES]
    if not able:
        return Placement(Fit.NO, "")
    total = counted(len(nodes), "node")
    return Placement(Fit.YES, f"{len(able)} of {total} can run the controllers", _wrong_images(pod, nodes))


def _wrong_images(pod: Pod, nodes: Sequence[Place]) -> tuple[str, ...]:
    """Nodes that the scheduler may choose, and whose architecture or system the image does not have."""
    wrong = [
        place.what
        for place in nodes
        if fits(pod, place)[0] is Fit.NO
        and place.fit is Fit.YES
        and all(check(pod, place)[0] is Fit.YES for check in (_taints, _selected, _large_enough))
    ]
    if not wrong:
        return ()
    return (
        f"the image of {pod.name} does not run on {', '.join(wrong[:3])}{' …' if len(wrong) > 3 else ''}, where it may "
        r"be scheduled; prevent that with: --set 'deployment.nodeSelector.kubernetes\.io/arch=amd64'",
    )


def judge(pod: Pod, nodes: Sequence[Place], others: Sequence[Place], unread: Sequence[str]) -> Placement:
    """By everything: nodes, and what adds them (`others`). `unread`: what could not be read, and so may exist."""
    placement = on_nodes(pod, nodes)
    if placement.fit is Fit.YES:
        return placement
    found = [(place, *fits(pod, place)) for place in (*nodes, *others)]
    best = max((fit for _, fit, _ in found), default=Fit.NO)
    if best is Fit.YES:
        first = next(place for place, fit, _ in found if fit is Fit.YES)
        return Placement(best, first.what)
    if best is Fit.MAYBE or unread:
        maybe = [f"{place.what}: {why}" for place, fit, why in found if fit is Fit.MAYBE] + list(unread)
        return Placement(Fit.MAYBE, f"whether the pod of {pod.name} can run is unknown: {'; '.join(maybe[:4])}")
    reasons = [f"{place.what}: {why}" for place, _, why in found]
    more = f"; and {len(reasons) - 5} more" if len(reasons) > 5 else ""
    nothing = "the cluster has no node, no node pool, no node group and no Fargate profile for it"
    text = f"no place for the pod of {pod.name}: {'; '.join(reasons[:5]) or nothing}{more}"
    return Placement(Fit.NO, text, remedy=_remedy([(place, why) for place, _, why in found]))


def _remedy(found: Sequence[tuple[Place, str]]) -> str:
    """The first command of the table that helps with one of the places, "" for none."""
    for begins, command in _REMEDIES.items():
        for place, why in found:
            if why.startswith(begins):
                key = why.removeprefix(_UNTOLERATED).partition("=")[0]
                return command.replace("{name}", place.what.partition(" (")[0].rpartition(" ")[2]).replace("{key}", key)
    return ""
