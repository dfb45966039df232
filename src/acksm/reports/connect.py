"""`connect`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.common import Changes, Error


class ConnectFacts(TypedDict):
    """Result of `acksm connect`."""

    kubeconfig: str
    """The file, symbolic links followed."""
    context: str
    user: str
    """Name of the entry that signs in."""
    current_context: str
    """That of all files of KUBECONFIG together, which an earlier file may decide."""
    identity: str
    """ARN that signs in, by AWS STS."""
    kubernetes_user: str
    """Who that is for the apiserver; empty where it could not say."""
    groups: list[str]
    apiserver_error: Error | None
    """Why the apiserver could not say, or null."""


class ConnectReport(Changes):
    result: ConnectFacts
