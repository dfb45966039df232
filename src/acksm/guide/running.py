"""The controllers that run in the cluster, and what they do with annotations of namespaces.

Read from the Deployments themselves, not from helm: arguments are what holds, whoever made the release, and no helm
is started for it. `charts.MATRIX` says what a version does with its scope and flags (ack-facts.md §2.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from acksm import charts, reports
from acksm.catalog import lookup
from acksm.errors import AcksmError
from acksm.guide.readiness import INSTANCE_LABEL, ROLE_ANNOTATION
from acksm.helm.values import Edit
from acksm.kube.client import Kube
from acksm.kube.paths import ref

SERVICE_CARM, TEAM_CARM, ROLE_SELECTOR = "ServiceLevelCARM", "TeamLevelCARM", "IAMRoleSelector"
CARM, SELECTOR = "carm", "role-selector"  # the two modes
# The runtime reads no annotation of these (ack-facts.md §2.1).
IGNORED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
_CHART_LABEL = "helm.sh/chart"
_SELECTOR = "app.kubernetes.io/name in ({})".format(",".join(charts.chart_name(name) for name in charts.SERVICES))
_REFERENCE = re.compile(r"\$\(([-._a-zA-Z0-9]+)\)")

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Running:
    """One controller. `watched` empty: all namespaces. `role_arn` is its service account's, "" for none."""

    service: str
    namespace: str
    release: str
    deployment: str
    version: str
    service_account: str
    role_arn: str = ""
    watched: tuple[str, ...] = ()
    enable_carm: bool = True
    gates: frozenset[str] = frozenset()
    region: str = ""
    endpoint: str = ""
    deletion_policy: str = "delete"
    gates_off: frozenset[str] = frozenset()  # named, and off
    kinds: tuple[str, ...] = ()  # empty: every kind of its version
    selector: str = ""  # labels of the objects that it watches, "" for all

    @property
    def reading(self) -> charts.Reading:
        return charts.reading(self.service, self.version, self.watched, self.enable_carm, self.mode == SELECTOR)

    @property
    def mode(self) -> str:
        """CARM or SELECTOR, as its gate says."""
        has_gate = charts.has(self.service, self.version, "role-selector")
        return SELECTOR if has_gate and ROLE_SELECTOR in self.gates else CARM

    def watches(self, namespace: str) -> bool:
        return not self.watched or namespace in self.watched

    def has(self, feature: str) -> bool:
        """`charts.has` for this controller."""
        return charts.has(self.service, self.version, feature)

    def gate(self, name: str, feature: str, default: str) -> bool:
        """Whether a gate is on: its version has `feature`, and it is named, or on by `default`, another feature."""
        return self.has(feature) and (name in self.gates or (self.has(default) and name not in self.gates_off))

    def __str__(self) -> str:
        return f"{self.service} {self.version} in namespace {self.namespace}"

    def as_data(self) -> reports.RunningController:
        return {
            "service": self.service,
            "version": self.version,
            "namespace": self.namespace,
            "watched": list(self.watched),
            "mode": self.mode,
            "role_arn": self.role_arn,
            "region": self.region,
            "reads_accounts": self.reading.carm or self.reading.selectors,
            "reads_regions": self.reading.defaults,
        }


def observe(kube: Kube, namespace: str) -> list[Running]:
    """Every controller of the two services, in whatever namespace; one by one their service accounts' roles.

    An identity that may not list Deployments everywhere sees those of `namespace`.
    """
    try:
        found = kube.list(ref("Deployment"), selector=_SELECTOR)
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        found = []
    # A release with a nameOverride has another name label.
    found += kube.list(ref("Deployment", namespace=namespace))
    once = {str(item["metadata"].get("uid") or item["metadata"]["name"]): item for item in found}
    staying = [item for item in once.values() if not item["metadata"].get("deletionTimestamp")]
    read = [running for item in staying if (running := from_deployment(item))]
    going = {name for name in {item.namespace for item in read} - {namespace} if _is_going(kube, name)}
    read = [item for item in read if item.namespace not in going]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return sorted(
            pool.map(lambda item: _with_role(kube, item), read), key=lambda item: (item.service, item.namespace)
        )


def _is_going(kube: Kube, namespace: str) -> bool:
    """Whether the namespace is being deleted: its Deployments are there for some seconds more and do nothing."""
    try:
        found = kube.get(ref("Namespace", namespace)) or {}
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        return False
    return bool((found.get("metadata") or {}).get("deletionTimestamp"))


def _with_role(kube: Kube, item: Running) -> Running:
    account = kube.get(ref("ServiceAccount", item.service_account, item.namespace)) or {}
    annotations = (account.get("metadata") or {}).get("annotations") or {}
    return Running(**{**item.__dict__, "role_arn": str(annotations.get(ROLE_ANNOTATION, ""))})


def from_deployment(manifest: Json) -> Running | None:
    """A Deployment as a controller; None for any other."""
    template = manifest["spec"]["template"]
    for container in template["spec"].get("containers") or []:
        image = str(container.get("image", "")).rpartition("/")[2].partition("@")[0]
        name, _, tag = image.partition(":")
        service = name.removesuffix("-controller")
        if service not in charts.SERVICES or name == service:
            continue
        labels = {**(template["metadata"].get("labels") or {}), **(manifest["metadata"].get("labels") or {})}
        _, _, version = str(labels.get(_CHART_LABEL, "")).rpartition("-chart-")
        flags = Flags.of(container)
        return Running(
            service,
            str(manifest["metadata"]["namespace"]),
            str(labels.get(INSTANCE_LABEL, "")),
            str(manifest["metadata"]["name"]),
            charts.normalise(version or tag),
            str(template["spec"].get("serviceAccountName") or "default"),
            watched=tuple(part.strip() for part in flags.get("watch-namespace").split(",") if part.strip()),
            enable_carm=flags.get("enable-carm", "true") != "false",
            gates=flags.gates(),
            region=flags.get("aws-region"),
            endpoint=flags.get("aws-endpoint-url"),
            deletion_policy=flags.get("deletion-policy", "delete"),
            gates_off=flags.gates("false"),
            kinds=tuple(part.strip() for part in flags.get("reconcile-resources").split(",") if part.strip()),
            selector=flags.get("watch-selectors"),
        )
    return None


def flags_of(manifest: Json) -> Flags:
    """The flags of a Deployment's controller; none where it has no such container."""
    containers = (((manifest.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or []
    named = [item for item in containers if "-controller" in str(item.get("image", "")).rpartition("/")[2]]
    return Flags.of(named[0]) if named else Flags()


@dataclass
class Flags:
    """A container's arguments as flags; `$(NAME)` is replaced by the container's own variables, as a kubelet does."""

    values: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, container: Json) -> Flags:
        known = {str(item["name"]): str(item.get("value", "")) for item in container.get("env") or []}
        words = [
            _REFERENCE.sub(lambda match: known.get(match[1], match[0]), str(word))
            for word in [*(container.get("command") or [])[1:], *(container.get("args") or [])]
        ]
        values: dict[str, str] = {}
        for index, word in enumerate(words):
            if not word.startswith("--"):
                continue
            name, equals, value = word[2:].partition("=")
            following = words[index + 1] if index + 1 < len(words) else "--"
            values[name] = value if equals else "true" if following.startswith("--") else following
        return cls(values)

    def get(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def gates(self, wanted: str = "true") -> frozenset[str]:
        """Names of the feature gates that are on, or with "false" of those that are named and off."""
        pairs = [item.partition("=") for item in self.get("feature-gates").split(",")]
        return frozenset(name.strip() for name, _, value in pairs if value.strip().lower() == wanted)


def from_values(service: str, namespace: str, version: str, values: Json) -> Running:
    """The controller that a release with these (whole) values would be."""
    watch = str(values.get("watchNamespace") or "")
    if charts.has(service, version, "install-scope"):
        in_namespace = values.get("installScope") == "namespace"
        watch = (watch or namespace) if in_namespace else ""
    gates = values.get("featureGates")
    on = (
        {str(name) for name, value in gates.items() if str(value).lower() == "true"}
        if isinstance(gates, Mapping)
        else ()
    )
    return Running(
        service,
        namespace,
        charts.release_name(service),
        "",
        version,
        "",
        watched=tuple(part for part in watch.split(",") if part),
        enable_carm=str(values.get("enableCARM", True)).lower() != "false",
        gates=frozenset(on),
        region=_region(values),
    )


def _region(values: Json) -> str:
    aws = values.get("aws")
    return str(aws.get("region") or "") if isinstance(aws, Mapping) else ""


def require(running: Sequence[Running]) -> Sequence[Running]:
    """Itself. Error: `controllers-missing`."""
    if not running:
        raise AcksmError("controllers-missing", "no ACK controller of SageMaker or Application Auto Scaling runs here")
    return running


def mode_of(running: Sequence[Running], asked: str = "") -> str:
    """The mode that the controllers are in. Errors: `mode-mixed`, `mode-differs` when another was asked for."""
    modes = {item.mode for item in running}
    if len(modes) > 1:
        raise AcksmError("mode-mixed", "; ".join(f"{item}: {item.mode}" for item in running))
    mode = modes.pop() if modes else CARM
    if asked and asked != mode:
        raise AcksmError(
            "mode-differs",
            f"the controllers work by {mode}, not by {asked}",
            where="; ".join(map(str, running)),
            remedy=f"acksm install … --mode {asked}",
        )
    return mode


def mode_edits(mode: str | None, service: str, version: str) -> list[Edit]:
    """The chart values that make `mode`; [] where it is the only one. Error: `mode-unsupported`."""
    if mode == SELECTOR and not charts.has(service, version, "role-selector"):
        raise AcksmError("mode-unsupported", f"{charts.chart_name(service)} {version} knows no IAMRoleSelector")
    edits = []
    if mode and charts.has(service, version, "role-selector"):
        edits.append(Edit(("featureGates", ROLE_SELECTOR), mode == SELECTOR, "--mode"))
    if mode and charts.has(service, version, "enable-carm"):
        edits.append(Edit(("enableCARM",), mode != SELECTOR, "--mode"))
    return edits


def check_followed(running: Sequence[Running], namespaces: Iterable[str], what: str) -> None:
    """Refuse a binding that a controller would silently not follow. `what` is carm, defaults or selectors.

    Errors: the id of the matrix's row, or `binding-not-watched` when no controller watches the namespace.
    """
    require(running)
    for name in namespaces:
        watching = [item for item in running if item.watches(name)]
        if not watching:
            raise AcksmError(
                "binding-not-watched",
                f"no controller watches namespace {name}: "
                + "; ".join(f"{item}: {scope_text(item)}" for item in running),
                where=f"namespace {name}",
            )
        for item in watching:
            reading = item.reading
            if not reading.starts or not getattr(reading, what):
                raise ignored(item, reading, f"namespace {name}")


def ignored(item: Running, reading: charts.Reading, where: str) -> AcksmError:
    """The error that says why `item` does not follow annotations, with the way out of its row."""
    return AcksmError(reading.id, f"{item} ({scope_text(item)}): {lookup(reading.id).title}", where=where)


def scope_text(item: Running) -> str:
    """ "all namespaces", or the ones it watches."""
    if not item.watched:
        return "all namespaces"
    return f"namespace{'s' if len(item.watched) > 1 else ''} {', '.join(item.watched)} only"
