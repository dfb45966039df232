"""Answers of an apiserver, or of a proxy in front of it: statuses as errors with ids, and the events of a watch."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from acksm.errors import AcksmError
from acksm.json_types import Object, Untyped

if TYPE_CHECKING:
    from kubernetes.client.exceptions import ApiException


class EndedError(Exception):
    """A watch that ended by an error of the apiserver's, or by anything else that is no event (a proxy's page)."""


def events(raw: Untyped) -> Iterator[tuple[str, Object]]:
    """Type and object of each event of a watch, whose response is closed at the end. Ends where the connection does.
    Error: EndedError."""
    from urllib3.exceptions import HTTPError

    buffer = b""
    try:
        for chunk in raw.stream(65536):
            buffer += chunk
            *whole, buffer = buffer.split(b"\n")
            for line in whole:
                yield _event(line)
    except HTTPError:  # the connection broke: as good as closed
        return
    finally:
        raw.close()


def _event(line: bytes) -> tuple[str, Object]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EndedError("not an event") from error
    if not isinstance(event, dict) or event.get("type") == "ERROR" or not isinstance(event.get("object"), dict):
        raise EndedError("an error of the apiserver's")
    return str(event.get("type")), dict(event["object"])


def innermost(error: BaseException) -> str:
    while isinstance(reason := getattr(error, "reason", None), BaseException):
        error = reason
    return str(error)[:300]


def translated(error: ApiException, method: str, path: str) -> AcksmError:
    """An ApiException as an AcksmError by its HTTP status; the server's own message is kept."""
    try:
        status = json.loads(error.body or "{}")
    except (ValueError, TypeError, RecursionError):
        status = {}
    if not isinstance(status, dict):  # from a proxy, not from the apiserver
        status = {}
    message = str(status.get("message") or error.reason or f"HTTP {error.status}")[:1000]
    if error.status == 409 and status.get("reason") == "AlreadyExists":
        return AcksmError("kube-exists", message, where=path)
    if error.status == 409:
        details = status.get("details")
        causes = details.get("causes") if isinstance(details, dict) else None
        causes = causes if isinstance(causes, list) else []
        managers = sorted({str(cause.get("message", "")) for cause in causes if isinstance(cause, dict)})
        return AcksmError("kube-conflict", message, where=path, details={"conflicts": managers})
    policy = "ValidatingAdmissionPolicy" in message and "denied request" in message  # the apiserver's own: 422
    if policy or (error.status == 403 and "admission webhook" in message):
        return AcksmError("kube-webhook-denied", message, where=path)
    ids = {
        400: "kube-invalid",
        401: "kube-unauthorized",
        403: "kube-forbidden",
        404: "kube-not-found",
        410: "kube-gone",
        422: "kube-invalid",
        429: "kube-busy",
    }
    remedy = grant(message) if error.status == 403 else ""
    return AcksmError(ids.get(error.status, "kube-failed"), message, where=f"{method.upper()} {path}", remedy=remedy)


# k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go, forbiddenMessage
_FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]{1,512})" cannot (?P<verb>[a-z]{1,32}) resource "(?P<resource>[a-z/]{1,200})" '
    r'in API group "(?P<group>[a-z0-9.-]{0,253})"(?: in the namespace "(?P<namespace>[a-z0-9-]{1,63})")?'
)


def grant(message: str) -> str:
    """The commands with which an administrator grants what the apiserver's message says is forbidden; "" for another
    message."""
    match = _FORBIDDEN.search(message)
    if not match:
        return ""
    plural, slash, part = match["resource"].partition("/")
    resource = plural + (f".{match['group']}" if match["group"] else "") + slash + part
    name = f"acksm-{match['verb']}-{match['resource'].replace('/', '-')}"
    kind, where = ("role", f" -n {match['namespace']}") if match["namespace"] else ("clusterrole", "")
    user = shlex.quote(match["user"])
    return (
        f"kubectl create {kind} {name} --verb={match['verb']} --resource={resource}{where} && "
        f"kubectl create {kind}binding {name} --{kind}={name} --user={user}{where}   (as an administrator)"
    )
