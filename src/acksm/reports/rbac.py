"""`rbac grant|revoke`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.common import Changes


class RbacFacts(TypedDict):
    """Result of `acksm rbac grant` and `acksm rbac revoke`."""

    namespace: str
    subjects: list[str]
    """`group NAME` or `user NAME`; empty where everything is revoked."""


class RbacReport(Changes):
    result: RbacFacts
