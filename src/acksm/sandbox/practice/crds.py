"""CRDs of a practice chart: every kind of its generation, with schemas as loose as practice allows."""

from __future__ import annotations

from acksm.json_types import Json
from acksm.sandbox.practice.generations import GENERATOR, Chart, plural

COMMON = "services.k8s.aws"
_LOOSE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_CONDITIONS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["type", "status"],
        "properties": {
            key: {"type": "string"} for key in ("type", "status", "reason", "message", "lastTransitionTime")
        },
    },
}


def crds(chart: Chart) -> dict[str, Json]:
    """File name to CRD, as upstream names the files: GROUP_PLURAL.yaml."""
    found = {}
    for kind in chart.kinds:
        group = f"{chart.service}.{COMMON}"
        found[f"{group}_{plural(kind)}.yaml"] = _crd(chart, group, kind)
    for kind in chart.common_kinds:
        found[f"{COMMON}_{plural(kind)}.yaml"] = _crd(chart, COMMON, kind)
    return found


def _crd(chart: Chart, group: str, kind: str) -> Json:
    status: Json = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {
            "conditions": _CONDITIONS,
            "ackResourceMetadata": {
                "type": "object",
                "properties": {key: {"type": "string"} for key in _metadata(chart)},
            },
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural(kind)}.{group}",
            "annotations": {"controller-gen.kubebuilder.io/version": GENERATOR[chart.generation]},
        },
        "spec": {
            "group": group,
            "scope": "Cluster" if kind == "IAMRoleSelector" else "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural(kind), "singular": kind.lower()},
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "description": f"Practice {kind} as of generation {chart.generation}",
                            "properties": {
                                "apiVersion": {"type": "string"},
                                "kind": {"type": "string"},
                                "metadata": {"type": "object"},
                                "spec": _spec(chart, kind),
                                "status": status,
                            },
                        }
                    },
                }
            ],
        },
    }


def _metadata(chart: Chart) -> list[str]:
    return ["arn", "ownerAccountID", "region"] + (["partition"] if chart.since("1.9.1") else [])


def _export() -> Json:
    """A FieldExport's spec, as strict as the real one's."""
    text = {"type": "string"}
    source = {
        "type": "object",
        "required": ["group", "kind", "name"],
        "properties": dict.fromkeys(("group", "kind", "name"), text),
    }
    target: Json = dict.fromkeys(("key", "name", "namespace"), text)
    target["kind"] = {"type": "string", "enum": ["configmap", "secret"]}
    return {
        "type": "object",
        "required": ["from", "to"],
        "properties": {
            "from": {
                "type": "object",
                "required": ["path", "resource"],
                "properties": {"path": text, "resource": source},
            },
            "to": {"type": "object", "required": ["kind", "name"], "properties": target},
        },
    }


def _adopted_resource() -> Json:
    """An AdoptedResource's spec, as strict as the real one's."""
    text = {"type": "string"}
    strings = {"type": "object", "additionalProperties": text}
    names = ("apiVersion", "kind", "name", "uid")
    owner = {"type": "object", "required": [*names], "properties": dict.fromkeys(names, text)}
    metadata: Json = dict.fromkeys(("name", "generateName", "namespace"), text)
    metadata |= dict.fromkeys(("annotations", "labels"), strings)
    metadata["ownerReferences"] = {"type": "array", "items": owner}
    return {
        "type": "object",
        "required": ["aws", "kubernetes"],
        "properties": {
            "aws": {"type": "object", "properties": {"additionalKeys": strings, "arn": text, "nameOrID": text}},
            "kubernetes": {
                "type": "object",
                "required": ["group", "kind"],
                "properties": {"group": text, "kind": text, "metadata": {"type": "object", "properties": metadata}},
            },
        },
    }


def _spec(chart: Chart, kind: str) -> Json:
    if kind == "FieldExport":
        return _export()
    if kind == "AdoptedResource":
        return _adopted_resource()
    if kind != "IAMRoleSelector":
        return dict(_LOOSE)
    strings = {"type": "object", "additionalProperties": {"type": "string"}}
    labels = {"type": "object", "properties": {"matchLabels": strings}}
    properties: Json = {
        "arn": {
            "type": "string",
            "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "the ARN cannot be changed"}],
        },
        "namespaceSelector": {
            "type": "object",
            "required": ["names"],
            "properties": {"names": {"type": "array", "items": {"type": "string"}}, "labelSelector": labels},
        },
        "resourceTypeSelector": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["group", "kind", "version"],
                "properties": {key: {"type": "string"} for key in ("group", "kind", "version")},
            },
        },
    }
    if chart.since("1.9.1"):  # in the CRD from 1.7.0 on
        properties["resourceLabelSelector"] = labels
    return {"type": "object", "required": ["arn"], "properties": properties}
