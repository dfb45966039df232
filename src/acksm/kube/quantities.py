"""Amounts of resources as Kubernetes writes them ("100m", "64Mi", 2)."""

from __future__ import annotations

from decimal import Decimal


def amount(text: object) -> Decimal | None:
    """A quantity as a number; None for what is none (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/)."""
    from kubernetes.utils.quantity import parse_quantity

    try:
        return Decimal(parse_quantity(text))  # type: ignore[no-untyped-call]
    except (ValueError, ArithmeticError, TypeError):
        return None
