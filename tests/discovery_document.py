"""The discovery document of a group version, as an apiserver makes it of its CRDs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from acksm.errors import AcksmError


def of_crds(path: str, crds: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What GET `path` (/apis/GROUP/VERSION) is answered with. Error: `kube-not-found` for a group without kinds."""
    _, _, group, version = path.split("/")
    resources = []
    for crd in crds:
        spec = crd["spec"]
        if spec["group"] == group:
            names, namespaced = spec["names"], spec.get("scope") != "Cluster"
            one = {"kind": names["kind"], "namespaced": namespaced, "verbs": ["delete", "get", "list", "patch"]}
            resources.append(
                {"name": names["plural"], "singularName": names.get("singular", ""), **one} | _short(names)
            )
            resources.append({"name": f"{names['plural']}/status", "singularName": "", **one, "verbs": ["get"]})
    if not resources:
        raise AcksmError("kube-not-found", "the server could not find the requested resource", where=path)
    return {"kind": "APIResourceList", "groupVersion": f"{group}/{version}", "resources": resources}


def _short(names: Mapping[str, Any]) -> dict[str, Any]:
    return {"shortNames": names["shortNames"]} if names.get("shortNames") else {}
