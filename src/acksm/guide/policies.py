"""The policies that the controllers' role needs, as presets.

`core` is the guide's AmazonSageMakerFullAccess. `studio` adds what that policy leaves out for Domain, UserProfile,
Space and App; `autoscaling` lets the controller hand the service-linked role to Application Auto Scaling
(ack-facts.md §0 G7; sagemaker-controller PR#130).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acksm.guide.trust import as_list

LINKED_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
SERVICE_LINKED_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
STUDIO, AUTOSCALING = "acksm-studio", "acksm-autoscaling"


@dataclass(frozen=True)
class Chosen:
    """Managed policy ARNs, inline documents by name, and the service whose linked role is needed ("" for none)."""

    managed: tuple[str, ...] = ()
    inline: Mapping[str, Any] = field(default_factory=dict)
    service_linked: str = ""


def choose(presets: Sequence[str], partition: str, account: str) -> Chosen:
    """The union of `presets` in this partition and account."""
    managed = (f"arn:{partition}:iam::aws:policy/AmazonSageMakerFullAccess",) if "core" in presets else ()
    inline: dict[str, Any] = {}
    if "studio" in presets:
        inline[STUDIO] = _studio(partition, account)
    if "autoscaling" in presets:
        inline[AUTOSCALING] = _autoscaling(partition, account)
    return Chosen(managed, inline, LINKED_SERVICE if "autoscaling" in presets else "")


def _studio(partition: str, account: str) -> dict[str, Any]:
    things = {"domain": "Domain", "user-profile": "UserProfile", "space": "Space", "app": "App"}
    actions = [f"sagemaker:{verb}{thing}" for thing in things.values() for verb in ("Create", "Delete", "Describe")]
    actions += [f"sagemaker:Update{thing}" for thing in ("Domain", "UserProfile", "Space")]
    return _allow(sorted(actions), [f"arn:{partition}:sagemaker:*:{account}:{kind}/*" for kind in things])


def _autoscaling(partition: str, account: str) -> dict[str, Any]:
    role = f"arn:{partition}:iam::{account}:role/aws-service-role/{LINKED_SERVICE}/{SERVICE_LINKED_ROLE}"
    return _allow(["iam:PassRole"], [role])


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]}


def same(one: Any, other: Any) -> bool:
    """Whether two policy documents mean the same: scalars are lists of one, order does not count."""
    return bool(_canonical(one) == _canonical(other))


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _canonical(as_list(item) if key in {"Statement", "Action", "Resource"} else item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return sorted((_canonical(item) for item in value), key=repr)
    return value
