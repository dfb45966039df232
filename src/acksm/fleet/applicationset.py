"""An ApplicationSet of Argo CD: an Application for each cluster, and the waves as steps of its RollingSync. Pure.

One Application for a cluster, since a step counts Applications: `maxUpdate` is then the wave's concurrency. Within an
Application Argo CD applies by kind, namespaces and CRDs first, and waits until a CRD is established.

Nothing in it syncs automatically. The ApplicationSet controller starts each sync, if its progressive syncs are enabled,
which they are not by default (https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Progressive-Syncs/);
where they are not, an automated sync policy would apply everything to all clusters at once. And nothing is deleted with
it: neither an Application that it no longer has, nor all of them with the ApplicationSet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.fleet.file import Member, filled
from acksm.fleet.rollout import Step
from acksm.guide.export import argocd
from acksm.guide.export.folder import digest
from acksm.guide.export.repository import Repository
from acksm.guide.install.kept import OF_FLEET
from acksm.json_types import Object

PATH = f"{argocd.FOLDER}/applicationset.yaml"
DEFAULT_DESTINATION = "name={arn}"
PREFIX = "acksm.dev"
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
# Clusters have different labels, which a template's own are not; a patch is a template of its own for each.
_LABELS = "metadata: {labels: {{ toJson .labels }}}\n"
_KEEPS_APPLICATIONS = "resources-finalizer.argocd.argoproj.io"  # of the ApplicationSet, with create-update


@dataclass(frozen=True)
class Destinations:
    """How Argo CD knows the clusters: by `key` (name or server) of their cluster secrets, made from `template`."""

    key: str
    template: str

    @classmethod
    def parse(cls, text: str) -> Destinations:
        """--destination. Error: `config-invalid`."""
        key, is_given, template = text.partition("=")
        if key not in {"name", "server"} or not is_given or not template:
            message = f"{text!r} is neither name=TEMPLATE nor server=TEMPLATE"
            raise AcksmError("config-invalid", message, where="--destination")
        return cls(key, template)

    def of(self, one: Member, arn: str) -> str:
        """Where its cluster is. Error: `config-invalid` for a placeholder that is neither known nor a label of it."""
        place = {"cluster": one.cluster, "account": one.account, "region": one.region, "arn": arn}
        try:
            return filled(self.template, {**place, **{key: one.labels[key] for key in one.labels if key not in place}})
        except ValueError as error:
            raise AcksmError("config-invalid", f"{one.id}: {error}", where="--destination") from error


@dataclass(frozen=True)
class Element:
    """A cluster in the ApplicationSet."""

    member: Member
    wave: str
    application: str
    destination: str


def elements(rollout: Sequence[Step], arns: Mapping[str, str], destinations: Destinations) -> list[Element]:
    """The clusters in the order of the waves; `arns` by id.

    Errors: `config-invalid` where two clusters have one destination, `export-not-expressible` for a wave's name.
    """
    found: list[Element] = []
    seen: dict[str, str] = {}
    for step in rollout:
        check_label(step.wave.name)
        for one in step.members:
            at = destinations.of(one, arns[one.id])
            if at in seen:
                message = f"{seen[at]} and {one.id} have the same destination, {at}"
                raise AcksmError("config-invalid", message, where="--destination")
            seen[at] = one.id
            found.append(Element(one, step.wave.name, application(one), at))
    return found


def check_label(wave: str) -> None:
    """Steps select Applications by the wave as a label. Error: `export-not-expressible`."""
    if not _LABEL.fullmatch(wave):
        message = f"the name of wave {wave!r} is not the value of a label, by which Argo CD selects"
        raise AcksmError("export-not-expressible", message, where=f"wave {wave}", remedy="rename the wave")


def labels(one: Member) -> dict[str, str]:
    """Those of its labels in fleet.yaml that an object of Kubernetes may have, and that acksm has none of itself
    (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set)."""
    return {key: value for key, value in sorted(one.labels.items()) if _is_label(key, value)}


def _is_label(key: str, value: str) -> bool:
    domain, has_domain, name = key.rpartition("/")
    is_key = bool(_LABEL.fullmatch(name)) and (not has_domain or bool(_DOMAIN.fullmatch(domain)))
    return is_key and domain != PREFIX and (not value or bool(_LABEL.fullmatch(value)))


def application(one: Member) -> str:
    """The name of a cluster's Application: names of clusters have capitals and underscores, those of objects have not,
    so that a part of a digest keeps two apart."""
    name = f"ack-{one.account}-{one.region}-{one.cluster}"
    plain = name.lower().replace("_", "-").rstrip("-")
    return plain if plain == name else f"{plain}-{digest(one.id.encode())[:6]}"


def folder_of(one: Member) -> str:
    """The directory of a cluster in the export."""
    return f"{OF_FLEET}/{one.id}"


def manifest(
    name: str, rollout: Sequence[Step], found: Sequence[Element], destinations: Destinations, at: Repository
) -> Object:
    """https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/applicationset-specification/"""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": name, "namespace": argocd.NAMESPACE, "finalizers": [_KEEPS_APPLICATIONS]},
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"list": {"elements": [_element(one, at) for one in found]}}],
            "strategy": {"type": "RollingSync", "rollingSync": {"steps": [_step(step) for step in rollout]}},
            "syncPolicy": {"applicationsSync": "create-update"},
            "template": {
                "metadata": {
                    "name": "{{.application}}",
                    "labels": {f"{PREFIX}/{key}": f"{{{{.{key}}}}}" for key in ("account", "region", "wave")},
                    "finalizers": [argocd.BACKGROUND],
                },
                "spec": argocd.spec(
                    {"repoURL": at.url, "targetRevision": at.revision, "path": "{{.path}}"},
                    {destinations.key: "{{.destination}}"},
                ),
            },
            "templatePatch": _LABELS,
        },
    }


def _element(one: Element, at: Repository) -> Object:
    return {
        "application": one.application,
        "cluster": one.member.cluster,
        "account": one.member.account,
        "region": one.member.region,
        "wave": one.wave,
        "path": at.below(folder_of(one.member)),
        "destination": one.destination,
        "labels": labels(one.member),
    }


def _step(step: Step) -> Object:
    return {
        "matchExpressions": [{"key": f"{PREFIX}/wave", "operator": "In", "values": [step.wave.name]}],
        "maxUpdate": step.wave.concurrency,
    }
