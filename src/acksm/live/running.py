"""A controller as its Deployment or its values describe it, and what it does with annotations of namespaces.

Read from the Deployments themselves, not from helm: the arguments count, whoever created the release, and no helm
process is needed. `charts.MATRIX` says what a version does with its scope and flags; `discovery` finds out whose a
controller is, and whether it may write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from acksm.ack import charts
from acksm.catalog import lookup
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.helm.values import Edit
from acksm.json_types import Manifest
from acksm.live.readiness import INSTANCE_LABEL
from acksm.settings import CONTROLLER_NAMESPACE, DEFAULT_REGISTRY

if TYPE_CHECKING:
    from acksm import reports

SERVICE_CARM, TEAM_CARM, ROLE_SELECTOR = "ServiceLevelCARM", "TeamLevelCARM", "IAMRoleSelector"
CARM, SELECTOR = "carm", "role-selector"  # the two modes
# The runtime reads no annotation of these (docs/ack/accounts-and-regions.md#annotations).
IGNORED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
CROSS_NAMESPACE = "enableCrossNamespace"  # the value of the charts, where their version has it
CHART_LABEL, _NAME_LABEL = "helm.sh/chart", "app.kubernetes.io/name"
# What each part of a Deployment says about the service, first to last. No value of the charts changes `helm.sh/chart`;
# nameOverride changes the name, and image.repository the image.
_CHART = re.compile(r"([a-z0-9]{1,63})-chart(?:-.{1,63})?")  # labels have at most 63 characters
_IMAGE = re.compile(r"([a-z0-9]{1,63})-controller")
_NAME = re.compile(r"ack-([a-z0-9]{1,63})-controller")
# Flags that ACK's runtime has and hardly another program (aws-controllers-k8s/runtime, pkg/config/config.go).
_FLAGS = frozenset({"aws-region", "aws-endpoint-url", "deletion-policy", "enable-carm", "watch-namespace"})
_ENOUGH_FLAGS = 2
_REFERENCE = re.compile(r"\$\(([-._a-zA-Z0-9]+)\)")


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
    gates_off: frozenset[str] = frozenset()  # set to false
    kinds: tuple[str, ...] = ()  # empty: every kind of its version
    selector: str = ""  # labels of the objects that it watches, "" for all
    ready: int = 0  # replicas that are ready
    since: str = ""  # creation of its Deployment, RFC 3339
    proven: bool = True  # False: its permissions could not be checked
    cross_namespace: bool = True  # references and exports to another namespace are allowed
    capability: str = ""  # the EKS capability that runs it, outside of the cluster

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

    def reconciles(self, kind: str, namespace: str) -> bool:
        """Whether it reconciles objects of `kind` in the namespace; its label selector is not considered."""
        return self.watches(namespace) and (not self.kinds or kind in self.kinds)

    def meets(self, other: Running) -> bool:
        """Whether some namespace is watched by both."""
        return not (self.watched and other.watched) or bool(set(self.watched) & set(other.watched))

    def has(self, feature: str) -> bool:
        """`charts.has` for this controller."""
        return charts.has(self.service, self.version, feature)

    def gate(self, name: str, feature: str, default: str) -> bool:
        """Whether a gate is on: its version has `feature`, and it is named, or on by `default`, another feature."""
        return self.has(feature) and (name in self.gates or (self.has(default) and name not in self.gates_off))

    def __str__(self) -> str:
        if self.capability:
            return f"{self.service} of EKS capability {self.capability}"
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


def from_deployment(manifest: Manifest) -> Running | None:
    """A Deployment as the controller that it seems to be; None for any other."""
    services = services_of(manifest)
    return of_service(manifest, services[0]) if services else None


def services_of(manifest: Manifest) -> tuple[str, ...]:
    """The services whose controller a Deployment may be, by the chart's label, the image, names, and where none of them
    names a service, the flags (then of any service). Anyone can set these: they are hints."""
    template = manifest["spec"]["template"]
    named: list[str] = []
    for text, form in _hints(manifest):
        match = form.fullmatch(text)
        if match and match[1] in charts.SERVICES:
            return (match[1],)
        named += [match[1]] if match else []
    if named:  # a controller of another service
        return ()
    flags = [set(Flags.of(item).values) & _FLAGS for item in template["spec"].get("containers") or []]
    return charts.SERVICES if any(len(found) >= _ENOUGH_FLAGS for found in flags) else ()


def _hints(manifest: Manifest) -> Iterator[tuple[str, re.Pattern[str]]]:
    template, labels = manifest["spec"]["template"], _labels(manifest)
    yield str(labels.get(CHART_LABEL, "")), _CHART
    for container in template["spec"].get("containers") or []:
        yield _image(container)[0], _IMAGE
    yield str(labels.get(_NAME_LABEL, "")), _CHART
    for name in (labels.get(_NAME_LABEL, ""), labels.get(INSTANCE_LABEL, ""), manifest["metadata"]["name"]):
        yield str(name), _NAME


def _labels(manifest: Manifest) -> Manifest:
    template = manifest["spec"]["template"].get("metadata") or {}
    return {**(template.get("labels") or {}), **(manifest["metadata"].get("labels") or {})}


def _image(container: Manifest) -> tuple[str, str]:
    """Name and tag, without the registry and its path."""
    name, _, tag = str(container.get("image", "")).rpartition("/")[2].partition("@")[0].partition(":")
    return name, tag


def of_service(manifest: Manifest, service: str) -> Running:
    """A Deployment as the controller of `service`."""
    spec, labels = manifest["spec"]["template"]["spec"], _labels(manifest)
    container = container_of(manifest)
    flags = Flags.of(container)
    _, _, version = str(labels.get(CHART_LABEL, "")).rpartition("-chart-")
    return Running(
        service,
        str(manifest["metadata"]["namespace"]),
        str(labels.get(INSTANCE_LABEL, "")),
        str(manifest["metadata"]["name"]),
        charts.normalise(version or _image(container)[1]),
        str(spec.get("serviceAccountName") or "default"),
        watched=tuple(part.strip() for part in flags.get("watch-namespace").split(",") if part.strip()),
        enable_carm=flags.get("enable-carm", "true") != "false",
        gates=flags.gates(),
        region=flags.get("aws-region"),
        endpoint=flags.get("aws-endpoint-url"),
        deletion_policy=flags.get("deletion-policy", "delete"),
        gates_off=flags.gates("false"),
        kinds=tuple(part.strip() for part in flags.get("reconcile-resources").split(",") if part.strip()),
        selector=flags.get("watch-selectors"),
        ready=int((manifest.get("status") or {}).get("readyReplicas") or 0),
        since=str(manifest["metadata"].get("creationTimestamp") or ""),
        cross_namespace=flags.get("enable-cross-namespace", "true") != "false",
    )


def container_of(manifest: Manifest) -> Manifest:
    """The container of the controller: by its image, else the one with the most flags of ACK's."""
    containers = manifest["spec"]["template"]["spec"].get("containers") or [{}]
    return max(
        containers,
        key=lambda item: (bool(_IMAGE.fullmatch(_image(item)[0])), len(set(Flags.of(item).values) & _FLAGS)),
    )


def flags_of(manifest: Manifest) -> Flags:
    """The flags of a Deployment's controller; none without a Deployment."""
    return Flags.of(container_of(manifest)) if manifest else Flags()


@dataclass
class Flags:
    """A container's arguments as flags; `$(NAME)` is replaced by the container's own variables, as a kubelet does."""

    values: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, container: Manifest) -> Flags:
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

    def gates(self, desired: str = "true") -> frozenset[str]:
        """Names of the feature gates that are set to `desired`."""
        pairs = [item.partition("=") for item in self.get("feature-gates").split(",")]
        return frozenset(name.strip() for name, _, value in pairs if value.strip().lower() == desired)


def from_values(service: str, namespace: str, version: str, values: Manifest) -> Running:
    """The controller that a release with these complete values would run."""
    watch = str(values.get("watchNamespace") or "")
    if charts.has(service, version, "install-scope"):
        in_namespace = values.get("installScope") == "namespace"
        watch = (watch or namespace) if in_namespace else ""
    gates = values.get("featureGates")
    pairs = {str(name): str(value).lower() for name, value in gates.items()} if isinstance(gates, Mapping) else {}
    return Running(
        service,
        namespace,
        charts.release_name(service),
        "",
        version,
        "",
        watched=tuple(part for part in watch.split(",") if part),
        enable_carm=str(values.get("enableCARM", True)).lower() != "false",
        gates=frozenset(name for name, value in pairs.items() if value == "true"),
        region=_region(values),
        gates_off=frozenset(name for name, value in pairs.items() if value == "false"),
        cross_namespace=str(values.get(CROSS_NAMESPACE, True)).lower() != "false",
    )


def _region(values: Manifest) -> str:
    aws = values.get("aws")
    return str(aws.get("region") or "") if isinstance(aws, Mapping) else ""


def require(running: Sequence[Running]) -> Sequence[Running]:
    """`running` itself, if there are any. Error: `controllers-missing`."""
    if not running:
        raise AcksmError(
            "controllers-missing",
            "no ACK controller for SageMaker or Application Auto Scaling is running in the cluster",
        )
    return running


def mode_of(running: Sequence[Running], requested: str = "") -> str:
    """The mode of the controllers. Errors: `mode-mixed`, `mode-differs` when another was requested."""
    modes = {item.mode for item in running}
    if len(modes) > 1:
        raise AcksmError("mode-mixed", "; ".join(f"{item}: {item.mode}" for item in running))
    mode = modes.pop() if modes else CARM
    if requested and requested != mode:
        raise AcksmError(
            "mode-differs",
            f"the controllers run in mode {mode}, not {requested}",
            where="; ".join(map(str, running)),
            remedy=f"acksm install … --mode {requested}",
        )
    return mode


def mode_edits(mode: str | None, service: str, version: str) -> list[Edit]:
    """The chart values for `mode`; [] where it is the only one. Error: `mode-unsupported`."""
    if mode == SELECTOR and not charts.has(service, version, "role-selector"):
        raise AcksmError("mode-unsupported", f"{charts.chart_name(service)} {version} does not support IAMRoleSelector")
    edits = []
    if mode and charts.has(service, version, "role-selector"):
        edits.append(Edit(("featureGates", ROLE_SELECTOR), mode == SELECTOR, "--mode"))
    if mode and charts.has(service, version, "enable-carm"):
        edits.append(Edit(("enableCARM",), mode != SELECTOR, "--mode"))
    return edits


def check_followed(running: Sequence[Running], namespaces: Iterable[str], what: str) -> None:
    """Refuse a binding that a controller would silently ignore. `what` is carm, defaults or selectors.

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
                remedy=watch_remedy(running, name),
            )
        deaf = [item for item in watching if not item.reading.starts or not getattr(item.reading, what)]
        if deaf:
            raise ignored(deaf[0], deaf[0].reading, f"namespace {name}", deaf)


def ignored(item: Running, reading: charts.Reading, where: str, alike: Sequence[Running] = ()) -> AcksmError:
    """The error that says why `item` ignores annotations, with the remedy of its row for controllers `alike` too."""
    message = f"{item} ({scope_text(item)}): {lookup(reading.id).title}"
    managed = [one for one in alike or [item] if _is_managed(one) and one.reading.id == reading.id]
    options = {"annotations-ignored": "--scope cluster", "carm-disabled": "--set enableCARM=true"}
    remedy = f"{_install(managed)} {options[reading.id]}" if managed and reading.id in options else ""
    return AcksmError(reading.id, message, where=where, remedy=remedy)


def watch_remedy(found: Sequence[Running], namespace: str) -> str:
    """The command by which controllers of one or both services, none of which watches `namespace`, watch it too; ""
    for none. A release of another name is its owner's, and helm changes it."""
    managed = [item for item in found if _is_managed(item)]
    if managed:
        old = [item for item in managed if not item.has("watch-many")]
        cluster = "   (its version cannot watch several)"
        return _install(managed) + (f" --scope cluster{cluster}" if old else f" --add-watch-namespace {namespace}")
    for item in found:
        if item.release:
            names = "\\,".join((*item.watched, namespace))
            chart = f"oci://{DEFAULT_REGISTRY}/{charts.chart_name(item.service)} --version {item.version}"
            return (
                f"helm upgrade -n {item.namespace} {item.release} {chart} --reuse-values --set watchNamespace='{names}'"
            )
    return ""


def _is_managed(item: Running) -> bool:
    return item.release == charts.release_name(item.service)


def _install(found: Sequence[Running]) -> str:
    """`acksm install` for these controllers and no other."""
    services = sorted({item.service for item in found})
    words = ["acksm install", *(f"--service {name}" for name in services if len(services) < len(charts.SERVICES))]
    if found[0].namespace != CONTROLLER_NAMESPACE:
        words.append(f"--controller-namespace {found[0].namespace}")
    return " ".join(words)


def scope_text(item: Running) -> str:
    """ "all namespaces", or the ones it watches."""
    if not item.watched:
        return "all namespaces"
    return f"{'namespaces' if len(item.watched) > 1 else 'namespace'} {', '.join(item.watched)} only"
