"""What adds nodes to a cluster for pods that do not fit: node pools of Karpenter and EKS Auto Mode, autoscalers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object
from acksm.kube.api import Lister
from acksm.kube.paths import Ref, ref
from acksm.live import places

# v1beta1 is the only one before Karpenter 1.0; the apiserver converts where it serves both.
_POOLS = tuple(Ref(f"karpenter.sh/{version}", "nodepools", "NodePool") for version in ("v1", "v1beta1"))
KARPENTER = "karpenter"
# By the end of an image's name: cluster-autoscaler and those of vendors.
_AUTOSCALERS = ("cluster-autoscaler", "kubernetes-cluster-controller", "spot-ocean-controller", "castai-agent")


@dataclass(frozen=True)
class Scaling:
    """`pools` are NodePool objects, `running` the names of autoscalers whose Deployment has a ready pod, `unread` what
    the caller may not list, `joining` whether a node has just joined and is not ready yet."""

    pools: tuple[Manifest, ...] = ()
    running: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    joining: bool = False

    @property
    def may_help(self) -> bool:
        """Whether a pod without a node may get one by waiting, as far as is known."""
        return bool(self.pools or self.running or self.unread or self.joining)

    @property
    def autoscaler(self) -> bool:
        """Whether one runs that scales groups of nodes."""
        return any(name != KARPENTER for name in self.running)


def awaited(kube: Lister) -> Scaling:
    """The same with the nodes, for a pod that waits for one."""
    try:
        nodes = kube.list(ref("Node"))
    except AcksmError as error:
        return Scaling(unread=(_refused(error, "nodes cannot be listed"),))
    return replace(observe(kube), joining=any(places.joins(node) for node in nodes))


def observe(kube: Lister) -> Scaling:
    """Read it. What the caller may not list is named in `unread`."""
    pools: list[Object] = []
    unread = []
    try:
        pools = next((found for ref in _POOLS if (found := kube.list(ref))), [])
    except AcksmError as error:
        unread.append(_refused(error, "node pools cannot be listed"))
    try:
        running = tuple(_autoscalers(kube.list(ref("Deployment"))))
    except AcksmError as error:
        running = ()
        unread.append(_refused(error, "Deployments of autoscalers cannot be listed"))
    return Scaling(tuple(pools), running, tuple(unread))


def _refused(error: AcksmError, text: str) -> str:
    if error.id != "kube-forbidden":
        raise error
    return text


def _autoscalers(deployments: Iterable[Manifest]) -> Iterable[str]:
    for item in deployments:
        if not (item.get("status") or {}).get("readyReplicas"):
            continue
        for container in item["spec"]["template"]["spec"].get("containers") or []:
            name = str(container.get("image", "")).partition("@")[0].rpartition(":")[0]
            if name.endswith(("/karpenter/controller", "/karpenter")):
                yield KARPENTER
            elif name.endswith(_AUTOSCALERS):
                yield name.rpartition("/")[2]
