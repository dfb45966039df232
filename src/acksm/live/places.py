"""Nodes, and what adds nodes, as places for pods: node pools, node groups, Fargate profiles. Pure, over what was read
(`acksm.guide.connect.compute`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from acksm.aws.eks import FargateProfile, NodeGroup
from acksm.globs import pattern
from acksm.json_types import Manifest
from acksm.kube import conditions
from acksm.kube.quantities import amount
from acksm.live.placement import ARCH, OS, Fit, Place, Pod, Values
from acksm.words import counted

COMPUTE_TYPE, NODE_GROUP = "eks.amazonaws.com/compute-type", "eks.amazonaws.com/nodegroup"
# A node that has just joined is not ready, and has taints that others remove.
JOINING = timedelta(minutes=10)
_STARTUP = ("not-ready", "uninitialized", "unreachable", "unregistered", "network-unavailable")
# EKS's built-in node pools, where their objects cannot be read
# (https://docs.aws.amazon.com/eks/latest/userguide/set-builtin-node-pools.html).
_BUILT_IN: dict[str, Manifest] = {
    "general-purpose": {"requirements": [{"key": ARCH, "operator": "In", "values": ["amd64"]}]},
    "system": {
        "requirements": [{"key": ARCH, "operator": "In", "values": ["amd64", "arm64"]}],
        "taints": [{"key": "CriticalAddonsOnly", "effect": "NoSchedule"}],
    },
}
# The largest pod of Fargate (https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html).
_FARGATE_SIZE = {"cpu": Decimal(16), "memory": Decimal(120 * 2**30)}


def node(manifest: Manifest, now: datetime | None = None) -> Place:
    """A node as a place: its labels, taints and size, and whether it is ready and not cordoned."""
    metadata, spec = manifest.get("metadata") or {}, manifest.get("spec") or {}
    status = manifest.get("status") or {}
    info = status.get("nodeInfo") or {}
    labels = {
        ARCH: info.get("architecture"),
        OS: info.get("operatingSystem"),
        **(metadata.get("labels") or {}),
    }
    name = str(metadata.get("name", ""))
    young = _is_young(manifest, now)
    fit, why = Fit.YES, ""
    if spec.get("unschedulable"):
        fit, why = Fit.NO, "cordoned"
    elif metadata.get("deletionTimestamp"):
        fit, why = Fit.NO, "being deleted"
    elif not conditions.holds(manifest, "Ready"):
        fit, why = (Fit.MAYBE, "joining, not ready yet") if young else (Fit.NO, "not ready")
    taints = [
        taint
        for taint in spec.get("taints") or []
        if not (young and str(taint.get("key", "")).endswith(_STARTUP))
        and not (fit is Fit.NO and str(taint.get("key", "")).startswith("node.kubernetes.io/"))
    ]
    allocatable = status.get("allocatable") or {}
    size = {key: found for key in ("cpu", "memory") if (found := amount(allocatable.get(key))) is not None}
    return Place(
        f"node {name}",
        {key: Values(frozenset({str(value)})) for key, value in labels.items() if value is not None},
        taints,
        size,
        fit=fit,
        why=why,
        names={"metadata.name": name},
    )


def joins(manifest: Manifest, now: datetime | None = None) -> bool:
    """Whether a node has just joined, and is not ready or has taints that others remove then."""
    taints = (manifest.get("spec") or {}).get("taints") or []
    waits = not conditions.holds(manifest, "Ready") or any(str(item["key"]).endswith(_STARTUP) for item in taints)
    return waits and _is_young(manifest, now)


def _is_young(manifest: Manifest, now: datetime | None) -> bool:
    stamp = str((manifest.get("metadata") or {}).get("creationTimestamp") or "")
    return _age(stamp, now or datetime.now(UTC)) < JOINING


def _age(stamp: str, now: datetime) -> timedelta:
    try:
        then = datetime.fromisoformat(stamp)
    except ValueError:
        return timedelta.max
    return now - then if then.tzinfo else timedelta.max


def node_pool(manifest: Manifest, *, provisioner: str, running: bool) -> Place:
    """A NodePool of Karpenter or of EKS Auto Mode; `running`: whether something is known to act on it."""
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    template = spec.get("template") or {}
    found = _pool(template.get("spec") or {}, (template.get("metadata") or {}).get("labels") or {})
    fit, why = (Fit.YES, "") if running else (Fit.MAYBE, f"no running {provisioner} was found")
    used, limits = (manifest.get("status") or {}).get("resources") or {}, spec.get("limits") or {}
    full = [key for key, limit in limits.items() if (amount(used.get(key, "0")) or 0) >= (amount(limit) or 0)]
    ready = conditions.by_type(manifest).get("Ready", {})
    if metadata.get("deletionTimestamp"):
        fit, why = Fit.NO, "being deleted"
    elif spec.get("replicas") is not None:
        fit, why = Fit.NO, "static: it adds no node for a pod"
    elif full:
        fit, why = Fit.NO, f"its limit is reached: {', '.join(f'{key}={limits[key]}' for key in full)}"
    elif ready.get("status") == "False":
        fit, why = Fit.NO, f"not ready: {conditions.describe(ready)}"
    what = f"node pool {metadata['name']} ({provisioner})"
    return Place(what, found.labels, found.taints, pool=True, fit=fit, why=why)


def built_in_pool(name: str) -> Place:
    """A node pool of EKS Auto Mode whose object cannot be read, as EKS documents it."""
    spec = _BUILT_IN.get(name)
    what = f"node pool {name} (EKS Auto Mode)"
    if spec is None:
        return Place(what, pool=True, open=True, fit=Fit.MAYBE, why="it cannot be read")
    found = _pool(spec, {})
    return Place(what, found.labels, found.taints, pool=True)


def _pool(spec: Manifest, labels: Manifest) -> Place:
    found = {str(key): Values(frozenset({str(value)})) for key, value in labels.items()}
    for rule in spec.get("requirements") or []:
        key, values = str(rule["key"]), frozenset(map(str, rule.get("values") or []))
        before = found.get(key, Values())
        match rule.get("operator"):
            case "In":
                allowed = values if before.allowed is None else values & before.allowed
                found[key] = Values(allowed - before.excluded)
            case "NotIn":
                allowed_before = before.allowed
                found[key] = Values(
                    None if allowed_before is None else allowed_before - values, before.excluded | values
                )
            case "DoesNotExist":
                found[key] = Values(frozenset())
            case _:
                found.setdefault(key, before)
    found.setdefault(OS, Values(frozenset({"linux"})))
    return Place("", found, [*(spec.get("taints") or [])])


def node_group(found: NodeGroup, *, autoscaler: bool, joined: int) -> Place:
    """A managed node group. `autoscaler`: whether cluster-autoscaler runs; `joined`: its nodes in the cluster."""
    labels = {key: Values(frozenset({value})) for key, value in found.labels.items()}
    labels[NODE_GROUP] = Values(frozenset({found.name}))
    if found.ami_type and found.ami_type != "CUSTOM":
        windows, arm = "WINDOWS" in found.ami_type, "ARM" in found.ami_type
        labels[OS] = Values(frozenset({"windows" if windows else "linux"}))
        labels[ARCH] = Values(frozenset({"arm64" if arm else "amd64"}))
    fit, why = Fit.NO, ""
    if found.status in {"CREATING", "UPDATING"} and found.desired > joined:
        fit, why = Fit.MAYBE, f"{found.status}, its nodes have not joined yet"
    elif found.status not in {"ACTIVE", "UPDATING"}:
        why = f"it is {found.status}"
    elif found.desired > joined:
        fit, why = Fit.MAYBE, f"{joined} of {counted(found.desired, 'node')} joined"
    elif autoscaler and found.most > found.desired:
        fit, why = Fit.MAYBE, "cluster-autoscaler can add a node"
    elif found.desired == 0:
        why = "scaled to zero, and no cluster-autoscaler is running"
    else:
        why = "no node is added to it"
    return Place(f"node group {found.name}", labels, found.taints, open=True, fit=fit, why=why)


def selects(profile: FargateProfile, pod: Pod) -> bool:
    """Whether the profile takes the pod: the namespace and all labels of a selector match, with `*` for any text and
    `?` for a character, in keys too (https://docs.aws.amazon.com/eks/latest/userguide/fargate-profile.html)."""
    return any(
        pattern(namespace).fullmatch(pod.namespace)
        and all(
            any(pattern(key).fullmatch(name) and pattern(value).fullmatch(text) for name, text in pod.labels.items())
            for key, value in labels.items()
        )
        for namespace, labels in profile.selectors
    )


def fargate(profile: FargateProfile, pod: Pod) -> Place:
    """A profile that selects the pod, as a place: Linux on amd64."""
    labels = {OS: "linux", ARCH: "amd64", COMPUTE_TYPE: "fargate"}
    fit, why = (Fit.YES, "") if profile.status == "ACTIVE" else (Fit.NO, f"it is {profile.status}")
    if profile.status == "CREATING":
        fit = Fit.MAYBE
    if pod.spec.get("hostNetwork"):
        fit, why = Fit.NO, "Fargate has no hostNetwork"
    return Place(
        f"Fargate profile {profile.name}",
        {key: Values(frozenset({value})) for key, value in labels.items()},
        size=_FARGATE_SIZE,
        open=True,
        fit=fit,
        why=why,
    )
