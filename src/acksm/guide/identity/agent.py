"""The agent of EKS Pod Identity, which gives the pods of its node their credentials.

It is an EKS add-on, a DaemonSet of another installer, or built into EKS Auto Mode
(https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html). What counts is whether it runs on each node
that a controller's pod may be scheduled on. Pods on Fargate never reach one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TypeVar

from acksm.aws.account import Aws
from acksm.aws.eks import Addon, Cluster, FargateProfile
from acksm.aws.pod_identity import AGENT
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op, words
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit, silent
from acksm.guide.identity.oidc import marks
from acksm.json_types import Manifest, Object
from acksm.kube import conditions
from acksm.kube.api import LogReader
from acksm.kube.paths import ref
from acksm.live import causes, places, readiness
from acksm.live.placement import Fit, Pod, any_pod, fits
from acksm.live.unread import unless_forbidden
from acksm.words import counted

T = TypeVar("T")
STEP = "pod-identity-agent"
MINIMUM_KUBERNETES = (1, 24)  # https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html
SELECTOR = f"app.kubernetes.io/name={AGENT}"  # of the add-on and of its chart
# The agent listens on 169.254.170.23 and on this address, which it cannot bind where IPv6 is off
# (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-config-ipv6.html).
IPV6 = "fd00:ec2::23"
_WITHOUT_IPV6 = '\'{"agent":{"additionalArgs":{"-b":"169.254.170.23"}}}\''
_AUTO = {"auto"}
_DENIED = {"kube-forbidden", "aws-access-denied"}


@dataclass(frozen=True)
class Agent:
    """What runs of it. `built_in`: EKS Auto Mode is on. `daemon_sets` and `pods` (by node) are those of the cluster,
    `log` the end of the log of one that fails. `unread`: what could not be read, and why."""

    built_in: bool = False
    addon: Addon | None = None
    daemon_sets: tuple[str, ...] = ()
    pods: Mapping[str, Manifest] = field(default_factory=dict)
    log: str = ""
    unread: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether something runs it, on whichever nodes."""
        return self.built_in or bool(self.addon or self.daemon_sets or self.pods)


@dataclass(frozen=True)
class Gap:
    """A node without a working agent, and why."""

    node: str
    why: str


def observe(kube: LogReader, aws: Aws, cluster: Cluster) -> Agent:
    """Read the add-on, and the agent's DaemonSets and pods. What the caller may not read is `unread`."""
    unread: list[str] = []

    def tried(what: str, read: Callable[[], T], instead: T) -> T:
        try:
            return read()
        except AcksmError as error:
            if error.id not in _DENIED:
                raise
            unread.append(f"{what} ({error.message})")
            return instead

    addon = tried(f"add-on {AGENT}", lambda: aws.eks.addon(cluster.name, AGENT), None)
    none = list[Object]()
    sets = tried(
        "the agent's DaemonSets", lambda: kube.list(ref("DaemonSet"), selector=SELECTOR, metadata_only=True), none
    )
    pods = tried("the agent's pods", lambda: kube.list(ref("Pod"), selector=SELECTOR), none)
    # A tenant may set the label; the host's network needs the rights of whoever runs the cluster.
    found = {str(pod["spec"].get("nodeName") or ""): pod for pod in pods if pod["spec"].get("hostNetwork")}
    names = tuple(sorted(f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in sets))
    failing = next((pod for pod in found.values() if not conditions.holds(pod, "Ready")), None)
    log = ""
    if failing is not None:
        meta, first = failing["metadata"], str(failing["spec"]["containers"][0]["name"])
        log = readiness.last_lines(kube, str(meta["namespace"]), str(meta["name"]), first)
    return Agent(cluster.node_pools is not None, addon, names, found, log, tuple(unread))


def gaps(agent: Agent, nodes: Sequence[Manifest], pods: Sequence[Pod]) -> list[Gap]:
    """The nodes that may take one of `pods` and have no working agent. Pure. One that has just joined is left out."""
    found = []
    for item in nodes:
        labels, name = item["metadata"].get("labels") or {}, str(item["metadata"]["name"])
        if labels.get(places.COMPUTE_TYPE) in _AUTO or places.joins(item):
            continue
        if not any(fits(pod, places.node(item))[0] is Fit.YES for pod in pods):
            continue
        pod = agent.pods.get(name)
        if pod is None:
            found.append(Gap(name, "no pod of the agent"))
        elif not conditions.holds(pod, "Ready"):
            cause = causes.of_pod(pod)
            found.append(Gap(name, cause.text if cause else f"pod {pod['metadata']['name']} is not ready"))
    return found


def fargate(profiles: Sequence[FargateProfile], pods: Sequence[Pod]) -> str:
    """The Fargate profile that takes one of `pods`, "" for none. Pure."""
    taken = (one.name for one in profiles for pod in pods if one.status != "DELETING" and places.selects(one, pod))
    return next(taken, "")


def check(
    agent: Agent,
    nodes: Sequence[Manifest] | AcksmError,
    profiles: Sequence[FargateProfile],
    pods: Sequence[Pod],
    cluster: Cluster,
    *,
    ensured: bool = False,
) -> list[str]:
    """Check that pods with an association get credentials wherever they run; notes on what could not be read.
    `ensured`: the plan creates the add-on. Pure but for names in messages.

    Errors: `pod-identity-unsupported`, `pod-identity-fargate`, `agent-missing`, `agent-not-on-node`, `agent-ipv6-off`.
    """
    where = f"cluster {cluster.name}"
    if tuple(int(part) for part in cluster.version.split(".")[:2]) < MINIMUM_KUBERNETES:
        text = f"cluster {cluster.name} has Kubernetes {cluster.version}; EKS Pod Identity needs 1.24 or newer"
        raise AcksmError("pod-identity-unsupported", text, where=where)
    if profile := fargate(profiles, pods):
        text = f"Fargate profile {profile} takes the controllers' pods, and EKS Pod Identity does not reach Fargate"
        raise AcksmError("pod-identity-fargate", text, where=where)
    notes = [f"not checked: {one}" for one in agent.unread]
    if not agent.exists and not ensured:
        if agent.unread:
            return notes
        raise AcksmError("agent-missing", f"no {AGENT} runs in cluster {cluster.name}", where=where)
    if isinstance(nodes, AcksmError):
        return [*notes, "not checked: whether each node has the agent (nodes cannot be listed)"]
    found = [] if ensured or any("pods" in one for one in agent.unread) else gaps(agent, nodes, pods)
    if found:
        raise failure(agent, found, cluster)
    return notes


def failure(agent: Agent, found: Sequence[Gap], cluster: Cluster) -> AcksmError:
    """The error for nodes without a working agent: `agent-ipv6-off` where its log says so, else `agent-not-on-node`."""
    named = "; ".join(f"node {gap.node}: {gap.why}" for gap in found[:3])
    more = f" and {counted(len(found) - 3, 'other node')}" if len(found) > 3 else ""
    where, details = (
        f"cluster {cluster.name}",
        {"nodes": [gap.node for gap in found], "diff": agent.log.splitlines()[-8:]},
    )
    if IPV6 in agent.log:
        text = f"{AGENT} cannot listen on [{IPV6}], as IPv6 is off: {named}{more}"
        remedy = (
            f"aws eks update-addon --cluster-name {cluster.name} --region {cluster.region} --addon-name {AGENT} "
            f"--configuration-values {_WITHOUT_IPV6}"
        )
        return AcksmError("agent-ipv6-off", text, where=where, remedy=remedy if agent.addon else "", details=details)
    issues = f" (EKS: {'; '.join(agent.addon.issues)})" if agent.addon and agent.addon.issues else ""
    text = f"{AGENT} does not run where the controllers' pods may be scheduled: {named}{more}{issues}"
    return AcksmError("agent-not-on-node", text, where=where, details=details)


def plan(agent: Agent, cluster: Cluster, tags: Mapping[str, str], pods: Sequence[Pod]) -> list[Change]:
    """Create the add-on where nothing runs the agent, and wait until it runs; an interrupted run only waits."""
    wait = Change(
        id="agent.ready",
        step=STEP,
        op=Op.WAIT,
        system="aws",
        target=f"add-on {AGENT}",
        call="agent.await_ready",
        params={"pods": [[pod.name, pod.namespace] for pod in pods]},
    )
    if agent.exists:
        return [wait] if agent.addon and agent.addon.status == "CREATING" else []
    whole = {**tags, **marks(cluster)}
    return [
        Change(
            id="agent.create",
            step=STEP,
            op=Op.CREATE,
            system="aws",
            target=f"add-on {AGENT}",
            call="eks.create_addon",
            params={"cluster": cluster.name, "name": AGENT, "tags": whole},
            after={"tags": whole},
            words=words("creating", "created", f"EKS add-on {AGENT}"),
            guide=f"aws eks create-addon --cluster-name $CLUSTER_NAME --addon-name {AGENT}",
        ),
        wait,
    ]


def await_ready(
    kube: LogReader,
    aws: Aws,
    cluster: Cluster,
    deadline: Deadline,
    emit: Emit = silent,
    *,
    pods: Sequence[Sequence[str]],
) -> None:
    """Wait until the agent runs on each node that may take one of `pods` (name and namespace). Errors: `timed-out`,
    `agent-ipv6-off`."""
    wanted = [any_pod("", namespace) for _, namespace in pods]

    def look() -> Progress:
        agent = observe(kube, aws, cluster)
        if not agent.built_in and agent.addon is not None and agent.addon.status == "CREATING":
            return Progress(False, f"{AGENT} is CREATING")
        nodes = unless_forbidden(lambda: kube.list(ref("Node")), list[Object]())
        found = gaps(agent, nodes, wanted)
        if not found or any("pods" in one for one in agent.unread):
            return Progress(True)
        error = failure(agent, found, cluster)
        return Progress(False, found[0].why, error if error.id == "agent-ipv6-off" else None)

    wait_until(look, deadline, what=AGENT, emit=emit)
