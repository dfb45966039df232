"""Guide: "Ensure cluster has compute": whether the controllers' pods can run, before the first write.

Nodes are read first; only where a pod fits on none of them, everything that adds nodes is read too: EKS Auto Mode and
Karpenter, managed node groups with cluster-autoscaler, Fargate profiles. What cannot be decided is a note.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.json_types import Manifest, Object
from acksm.kube.paths import ref
from acksm.live import places, scaling
from acksm.live.placement import Fit, Place, Placement, Pod, judge, on_nodes

T = TypeVar("T")
_DENIED = {"kube-forbidden", "aws-access-denied"}
_NO_WAIT = "or install without waiting for the controllers: --no-wait"


def nodes(target: Target) -> list[Object] | AcksmError:
    """The cluster's nodes, or the error where the caller may not list them."""
    try:
        return target.kube.list(ref("Node"))
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        return error


def placements(target: Target, found: Sequence[Manifest] | AcksmError, pods: Sequence[Pod]) -> list[Placement]:
    """For each pod, whether and where it can run. Reads what adds nodes only where one fits on no node."""
    existing = [] if isinstance(found, AcksmError) else [places.node(item) for item in found]
    unread = ["nodes cannot be listed"] if isinstance(found, AcksmError) else []
    judged = [on_nodes(pod, existing) for pod in pods]
    if all(item.fit is Fit.YES for item in judged):
        return judged
    adding = _Adding(target, existing)
    return [judge(pod, existing, adding.places(pod), [*unread, *adding.unread]) for pod in pods]


def check(target: Target, found: Sequence[Manifest] | AcksmError, pods: Sequence[Pod]) -> list[str]:
    """Notes on what cannot be decided. Error: `no-nodes` where a pod can run nowhere; a note with --no-wait."""
    judged = placements(target, found, pods)
    notes = [note for item in judged for note in item.notes]
    for item in judged:
        if item.fit is Fit.NO and target.run.wait:
            raise refusal(target, item)
        if item.fit is not Fit.YES:
            notes.append(item.text)
    return list(dict.fromkeys(notes))


def refusal(target: Target, placement: Placement) -> AcksmError:
    """The error for a pod that can run nowhere."""
    name = target.cluster.name
    remedy = f"{placement.remedy.replace('{cluster}', name)}   ({_NO_WAIT})" if placement.remedy else ""
    return AcksmError("no-nodes", placement.text, where=f"cluster {name}", remedy=remedy)


class _Adding:
    """What adds nodes, read once for all pods."""

    def __init__(self, target: Target, existing: Sequence[Place]) -> None:
        self.unread: list[str] = []
        cluster, eks = target.cluster, target.aws.eks
        with ThreadPoolExecutor(max_workers=3) as pool:
            scales = pool.submit(scaling.observe, target.kube)
            groups = pool.submit(self._try, lambda: eks.node_groups(cluster.name), "node groups cannot be listed")
            profiles = pool.submit(
                self._try, lambda: eks.fargate_profiles(cluster.name), "Fargate profiles cannot be listed"
            )
            found, self._profiles = scales.result(), profiles.result() or []
            self._places = [
                places.node_group(group, autoscaler=found.autoscaler, joined=_joined(existing, group.name))
                for group in groups.result() or []
            ]
        auto = cluster.node_pools is not None
        provisioner = "EKS Auto Mode" if auto else "Karpenter"
        running = auto or scaling.KARPENTER in found.running
        self._places += [places.node_pool(item, provisioner=provisioner, running=running) for item in found.pools]
        self.unread += [text for text in found.unread if not (auto and "pools" in text)]
        if auto and not found.pools:
            self._places += [places.built_in_pool(name) for name in cluster.node_pools or ()]
        if found.autoscaler:  # it may scale groups that EKS does not know
            names = ", ".join(dict.fromkeys(name for name in found.running if name != scaling.KARPENTER))
            self.unread.append(f"{names} may add nodes of other groups")

    def places(self, pod: Pod) -> list[Place]:
        """What may add a node for the pod."""
        own = [places.fargate(profile, pod) for profile in self._profiles if places.selects(profile, pod)]
        return [*own, *self._places]

    def _try(self, read: Callable[[], T], text: str) -> T | None:
        try:
            return read()
        except AcksmError as error:
            if error.id not in _DENIED:
                raise
            self.unread.append(text)
            return None


def _joined(existing: Sequence[Place], group: str) -> int:
    """How many nodes of a managed node group are in the cluster."""
    return sum(
        1
        for place in existing
        if places.NODE_GROUP in place.labels and group in (place.labels[places.NODE_GROUP].allowed or ())
    )
