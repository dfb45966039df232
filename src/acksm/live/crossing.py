"""References and exports from one namespace to another, which a controller may refuse (enableCrossNamespace).

References are in a spec as `xRef: {from: {name, namespace}}` or a list `xRefs` of them, those to keys of Secrets as
`{namespace, name, key}`; a FieldExport writes to `spec.to.namespace` (aws-controllers-k8s/runtime,
apis/core/v1alpha1). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from acksm.json_types import Manifest

EXPORT = "FieldExport"


def namespaces(manifest: Manifest) -> list[str]:
    """The other namespaces that an object of a service refers to, sorted."""
    return _others(manifest, _referenced(manifest.get("spec") or {}))


def targets(export: Manifest) -> list[str]:
    """The other namespace that a FieldExport writes to, or none."""
    return _others(export, [_namespace((export.get("spec") or {}).get("to"))])


def _others(manifest: Manifest, named: Iterable[str]) -> list[str]:
    own = str(manifest["metadata"].get("namespace", ""))
    return sorted({name for name in named if name and name != own})


def _referenced(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if "key" in value and "name" in value:
            yield _namespace(value)
        for key, inner in value.items():
            if key == "from" and isinstance(inner, Mapping):
                yield _namespace(inner)
            yield from _referenced(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _referenced(inner)


def _namespace(value: object) -> str:
    return str(value.get("namespace") or "") if isinstance(value, Mapping) else ""
