"""Amounts of resources: `0.5`, "500m", "1Gi" (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity)."""

from __future__ import annotations

from decimal import Decimal

from acksm.json_types import Untyped
from acksm.kube.postponed import postpone


def amount(value: object) -> Decimal | None:
    """A quantity as a number; None for anything else."""
    postpone()
    from kubernetes.utils import quantity

    parse: Untyped = quantity.parse_quantity
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return Decimal(parse(str(value)))
    except (ValueError, ArithmeticError):
        return None
