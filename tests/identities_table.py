"""{annotation, association, both, different roles, neither} x {pod older, newer than the association}: what EKS's
webhook makes of a pod, and what is wrong with it. acksm's commands are compared over it."""

from __future__ import annotations

from typing import Any

from acksm.aws.eks import Association
from acksm.live.identities import Way
from acksm.sandbox import identity_webhook

ROLE, OTHER = "arn:aws:iam::012345678901:role/r", "arn:aws:iam::012345678901:role/other"
BY_R = Association(ROLE, ROLE, tags=True, name="a-1")


def created(annotation: str, association: str, *, ready: bool = True) -> Any:
    """A pod as the webhook leaves it, with the service account's annotation and association of that moment."""
    way = identity_webhook.by_association() if association else None
    way = way or (identity_webhook.by_annotation(annotation) if annotation else None)
    env = [{"name": key, "value": value} for key, value in (way.variables if way else {}).items()]
    token = {"serviceAccountToken": {"audience": way.audience if way else ""}}
    return {
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {
            "containers": [{"name": "controller", "env": env}],
            "volumes": [{"name": "x", "projected": {"sources": [token]}}] if way else [],
        },
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


# annotation and association of now; what the pod's service account had when it was created; what the pod has; the role
# of its sessions; what a pod would get now; the ids of problems
TABLE: dict[str, tuple[str, str, tuple[str, str], Way, str, Way, list[str]]] = {
    "annotation": (ROLE, "", (ROLE, ""), Way.IRSA, ROLE, Way.IRSA, []),
    "annotation, pod older": (ROLE, "", ("", ""), Way.NODE, "?", Way.IRSA, ["identity-pod-differs"]),
    "annotation of another role, pod older": (
        OTHER,
        "",
        (ROLE, ""),
        Way.IRSA,
        ROLE,
        Way.IRSA,
        ["identity-pod-differs"],
    ),
    "association": ("", ROLE, ("", ROLE), Way.POD_IDENTITY, ROLE, Way.POD_IDENTITY, []),
    "association, pod older": ("", ROLE, ("", ""), Way.NODE, "?", Way.POD_IDENTITY, ["identity-pod-older"]),
    "association, annotation removed, pod older": (
        *("", ROLE, (ROLE, "")),
        *(Way.IRSA, ROLE, Way.POD_IDENTITY, ["identity-pod-older"]),
    ),
    "both": (ROLE, ROLE, (ROLE, ROLE), Way.POD_IDENTITY, ROLE, Way.POD_IDENTITY, []),
    "both, pod older": (ROLE, ROLE, (ROLE, ""), Way.IRSA, ROLE, Way.POD_IDENTITY, []),
    "different roles": (
        *(OTHER, ROLE, (OTHER, ROLE)),
        *(Way.POD_IDENTITY, ROLE, Way.POD_IDENTITY, ["identity-roles-differ"]),
    ),
    "different roles, pod older": (
        *(OTHER, ROLE, (OTHER, "")),
        *(Way.IRSA, OTHER, Way.POD_IDENTITY, ["identity-roles-differ"]),
    ),
    "neither": ("", "", ("", ""), Way.NODE, "?", Way.NONE, ["identity-missing"]),
    "neither, pod older than the removal of the annotation": (
        *("", "", (ROLE, "")),
        *(Way.IRSA, ROLE, Way.NONE, ["identity-missing", "identity-pod-differs"]),
    ),
    "association deleted": (
        *(ROLE, "", (ROLE, ROLE)),
        *(Way.POD_IDENTITY, "?", Way.IRSA, ["identity-association-deleted"]),
    ),
    "neither, association deleted": (
        *("", "", ("", ROLE)),
        *(Way.POD_IDENTITY, "?", Way.NONE, ["identity-missing", "identity-association-deleted"]),
    ),
}
